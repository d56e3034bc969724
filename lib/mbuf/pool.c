/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c: mempools whose objects are mbufs. */
#include "weir/capture.h"
#include "weir/mbuf.h"

#include "base/base_impl.h"
#include "mempool/mempool_impl.h"

#define OBJECT_MAX (UINT32_MAX / 2) /* as in weir_mempool_create() */

/* Make every mbuf clean. From here on only alloc and free, and those who hold it, change it. */
static void init_mbufs(struct weir_mempool *pool, uint32_t first)
{
	uint32_t plain = 1 | (uint32_t)pool->number << WEIR__MBUF_POOL_SHIFT;

	pool->head.mbuf_plain = plain;
	for (uint32_t i = 0; i < pool->count; i++) {
		struct weir_mbuf *mbuf = weir_mempool_object(pool, i);

		atomic_init(&mbuf->state, plain);
		mbuf->buffer = (uint8_t *)mbuf + first;
	}
}

struct weir_mempool *weir_mbuf_pool_create(const struct weir_mbuf_pool_conf *conf)
{
	uint64_t size = conf->size ? conf->size : WEIR_MBUF_SIZE;
	uint64_t headroom = conf->headroom ? conf->headroom : WEIR_MBUF_HEADROOM;
	/* 16: a vector in the private area, or the headers behind it, may be loaded aligned */
	uint64_t first = sizeof(struct weir_mbuf) + weir__round_up(conf->private_size, 16);
	struct weir_mempool_conf objects = {
		.name = conf->name,
		.count = conf->count,
		.cache = conf->cache,
		.pages = conf->pages,
		.node = conf->node,
	};
	struct weir_mempool *pool;

	if (conf->headroom == WEIR_MBUF_NO_HEADROOM)
		headroom = 0;
	if (first + headroom + size > OBJECT_MAX)
		return weir__fail_null(EINVAL,
			"pool '%s': private area, headroom and size sum up to more than %u bytes",
			conf->name ? conf->name : "pool", OBJECT_MAX);
	objects.size = (uint32_t)(first + headroom + size);
	pool = weir_mempool_create(&objects);
	if (!pool)
		return NULL;
	pool->head.mbuf_headroom = (uint32_t)headroom;
	pool->head.mbuf_buffer_size = (uint32_t)(headroom + size);
	init_mbufs(pool, (uint32_t)first);
	return pool;
}

uint32_t weir_mbuf_pool_size(const struct weir_mempool *pool)
{
	return pool->head.mbuf_buffer_size - pool->head.mbuf_headroom;
}
