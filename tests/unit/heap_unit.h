/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_unit.h: what the tests of heaps have in common. */
#ifndef HEAP_UNIT_H
#define HEAP_UNIT_H

#include "weir/heap.h"

#include "unit.h"

#define MIB (1ul << 20)

static inline struct weir_heap *make(struct weir_heap_conf conf)
{
	struct weir_heap *heap;

	conf.pages = WEIR_PAGES_4K;
	conf.lazy = true;
	heap = weir_heap_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(heap);
	return heap;
}

static inline bool is_filled(const uint8_t *bytes, size_t count, uint8_t value)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static inline void check_valid(struct weir_heap *heap)
{
	if (weir_heap_validate(heap))
		CU_FAIL_FATAL(weir_last_error());
}

#endif
