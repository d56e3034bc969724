/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c: mempools whose objects are mbufs. */
#include "mbuf_impl.h"

#include "base/base_impl.h"

#define OBJECT_MAX (UINT32_MAX / 2) /* as in weir_mempool_create() */

/* Make an mbuf clean. From here on only alloc and free, and those who hold it, change it. */
static void init_mbuf(struct weir_mempool *pool, void *object)
{
	struct weir_mbuf *mbuf = object;

	atomic_init(&mbuf->state, pool->head.mbuf_plain);
	mbuf->buffer = (uint8_t *)mbuf + pool->head.mbuf_first;
	mbuf->next = NULL;
}

/* Where the parts of each mbuf lie, in bytes. */
struct layout {
	uint64_t fields; /* named fields, behind metadata and private area */
	uint64_t first;  /* the headroom, behind those */
	uint64_t headroom;
	uint64_t size;
};

static struct layout lay_out(const struct weir_mbuf_pool_conf *conf)
{
	struct layout layout = {
		/* 16: a vector in the private area, or the headers behind it, may be loaded aligned
		 */
		.fields = sizeof(struct weir_mbuf) + weir__round_up(conf->private_size, 16),
		.headroom = conf->headroom ? conf->headroom : WEIR_MBUF_HEADROOM,
		.size = conf->size ? conf->size : WEIR_MBUF_SIZE,
	};

	layout.first = layout.fields + weir__round_up(conf->fields_size, 16);
	if (conf->headroom == WEIR_MBUF_NO_HEADROOM)
		layout.headroom = 0;
	/* an mbuf that borrows its bytes keeps in its own buffer from whom */
	if (layout.headroom + layout.size < sizeof(struct weir__lender))
		layout.size = sizeof(struct weir__lender) - layout.headroom;
	return layout;
}

/* The conf of a pool of objects that hold such mbufs: 0 or -errno. */
static int objects_conf(const struct weir_mbuf_pool_conf *conf, struct weir_mempool_conf *objects)
{
	struct layout layout = lay_out(conf);
	uint64_t size = layout.first + layout.headroom + layout.size;

	if (size > OBJECT_MAX)
		return weir__fail(EINVAL,
			"pool '%s': private area, fields, headroom and size sum up to more than %u "
			"bytes",
			conf->name ? conf->name : "pool", OBJECT_MAX);
	*objects = (struct weir_mempool_conf){
		.name = conf->name,
		.count = conf->count,
		.size = (uint32_t)size,
		.cache = conf->cache,
		.max_count = conf->max_count,
		.grow = conf->grow,
		.watermark = conf->watermark,
		.chunk = conf->chunk,
		.pages = conf->pages,
		.node = conf->node,
		.nodes = conf->nodes,
		.placement = conf->placement,
		.locked = conf->locked,
		.shared = conf->shared,
		.track = conf->track,
	};
	return 0;
}

size_t weir_mbuf_pool_memory(const struct weir_mbuf_pool_conf *conf)
{
	struct weir_mempool_conf objects;

	return objects_conf(conf, &objects) ? 0 : weir_mempool_memory(&objects);
}

struct weir_mempool *weir_mbuf_pool_create(const struct weir_mbuf_pool_conf *conf)
{
	struct layout layout = lay_out(conf);
	struct weir_mempool_conf objects;
	struct weir_mempool *pool;

	if (objects_conf(conf, &objects))
		return NULL;
	pool = weir_mempool_create(&objects);
	if (!pool)
		return NULL;
	pool->head.mbuf_headroom = (uint32_t)layout.headroom;
	pool->head.mbuf_buffer_size = (uint32_t)(layout.headroom + layout.size);
	pool->head.mbuf_first = (uint32_t)layout.first;
	pool->head.mbuf_plain = 1 | (uint32_t)pool->number << WEIR__MBUF_POOL_SHIFT;
	weir__mempool_init_objects(pool, init_mbuf);
	if (conf->fields_size &&
		weir__mbuf_fields_init(pool, (uint32_t)layout.fields, conf->fields_size)) {
		weir_mempool_destroy(pool);
		return NULL;
	}
	return pool;
}

uint32_t weir_mbuf_pool_size(const struct weir_mempool *pool)
{
	return pool->head.mbuf_buffer_size - pool->head.mbuf_headroom;
}
