/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h: the pool of mbufs that a test makes, and must leave full. Both calls assert, so they are
 * for tests, not for main(). */
#ifndef POOL_H
#define POOL_H

#include "weir/mbuf.h"

#include <CUnit/CUnit.h>

static inline struct weir_mempool *make_pool(uint32_t count, uint32_t size)
{
	const struct weir_mbuf_pool_conf conf = {
		.name = "test", .count = count, .size = size, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

static inline void end_pool(struct weir_mempool *pool)
{
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

#endif
