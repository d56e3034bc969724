/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c: mempools whose objects are mbufs. */
#include "weir/capture.h"
#include "weir/mbuf.h"

#include "base/base_impl.h"
#include "mempool/mempool_impl.h"

#define OBJECT_MAX (UINT32_MAX / 2) /* as in weir_mempool_create() */

static uint64_t plain_state(uint16_t number)
{
	return WEIR_REF_ONE | (uint64_t)number << WEIR__MBUF_POOL_SHIFT | WEIR_LINK_ETHERNET;
}

/* What alloc writes; the other half of the line is clean from the start, memory being zero, and
 * free keeps it so. */
static void set_template(struct weir_mempool *pool, uint64_t offset)
{
	struct weir_mbuf empty = {.offset = (int64_t)offset};

	atomic_init(&empty.state, plain_state(pool->number));
	memcpy(pool->head.mbuf_template, (void *)&empty, sizeof(pool->head.mbuf_template));
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
	pool->head.mbuf_first = (uint32_t)first;
	pool->head.mbuf_end = objects.size;
	set_template(pool, first + headroom);
	return pool;
}

uint32_t weir_mbuf_pool_size(const struct weir_mempool *pool)
{
	struct weir_mbuf empty;

	memcpy((void *)&empty, pool->head.mbuf_template, sizeof(pool->head.mbuf_template));
	return pool->head.mbuf_end - (uint32_t)empty.offset;
}
