/* SPDX-License-Identifier: BSD-3-Clause */
/* objects.c: pools of objects that are constructed once. */
#include "weir/objects.h"

#include "base/base_impl.h"
#include "mempool/mempool_impl.h"

#include <errno.h>
#include <stdlib.h>

struct weir_objects {
	struct weir__objects_head head; /* first: the inline calls see only this */
	struct weir_objects_conf conf;
};

/* As objects come into being: at birth, and when the pool grows. */
static void construct(struct weir_mempool *pool, void *object)
{
	const struct weir_objects *objects = pool->init_context;

	memset(object, 0, pool->size);
	objects->conf.construct(object, objects->conf.context);
}

struct weir_objects *weir_objects_create(const struct weir_objects_conf *conf)
{
	struct weir_objects *objects = calloc(1, sizeof(*objects));

	if (!objects)
		return weir__fail_null(ENOMEM, "no memory for a pool of objects");
	objects->conf = *conf;
	objects->head.reset = conf->reset;
	objects->head.context = conf->context;
	objects->head.pool = weir_mempool_create(&conf->pool);
	if (!objects->head.pool) {
		free(objects);
		return NULL;
	}
	objects->head.pool->init_context = objects;
	if (conf->construct)
		weir__mempool_init_objects(objects->head.pool, construct);
	return objects;
}

/* What went when the pool shrank is not there any more: who destructs something must not shrink. */
static void destruct_all(const struct weir_objects *objects)
{
	uint32_t most = weir_mempool_max_count(objects->head.pool);

	for (uint32_t i = 0; i < most; i++) {
		void *object = weir_mempool_object(objects->head.pool, i);

		if (object)
			objects->conf.destruct(object, objects->conf.context);
	}
}

int weir_objects_destroy(struct weir_objects *objects)
{
	uint32_t out;

	if (!objects)
		return 0;
	out = weir_mempool_in_use(objects->head.pool);
	if (!out && objects->conf.destruct)
		destruct_all(objects);
	if (weir_mempool_destroy(objects->head.pool))
		return -EBUSY;
	free(objects);
	return 0;
}

struct weir_mempool *weir_objects_pool(const struct weir_objects *objects)
{
	return objects->head.pool;
}
