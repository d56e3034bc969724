/* SPDX-License-Identifier: BSD-3-Clause */
/* segments.h: packets cut into segments at random. */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include "weir/chain.h"
#include "weir/mbuf.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>

static inline void fill_random(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(rand() >> 8);
}

/* A packet of these bytes behind an empty segment, on segments of 0 to most bytes; with most 0 all
 * bytes are in one. */
static inline struct weir_mbuf *cut(
	struct weir_mempool *pool, const uint8_t *bytes, uint32_t length, uint32_t most)
{
	struct weir_mbuf *head = weir_mbuf_alloc(pool);

	for (uint32_t done = 0, part; done < length; done += part) {
		struct weir_mbuf *segment = weir_mbuf_alloc(pool);

		CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
		part = most ? (uint32_t)rand() % (most + 1) : length;
		part = part < length - done ? part : length - done;
		memcpy(weir_mbuf_append(segment, part), bytes + done, part);
		CU_ASSERT_EQUAL(weir_mbuf_concat(head, segment), 0);
	}
	return head;
}

#endif
