/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/mbuf_pool.h: pools of mbufs: mempools (weir/mempool.h) whose objects are packet buffers.
 *
 * Threads: a pool may be used by any; create and destroy as for mempools.
 */
#ifndef WEIR_MBUF_POOL_H
#define WEIR_MBUF_POOL_H

#include "weir/base.h"
#include "weir/mempool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes in front of the data after alloc, and bytes behind that, unless a pool's conf says
 * otherwise: room for new headers, and a full Ethernet frame in one segment. */
#define WEIR_MBUF_HEADROOM    128
#define WEIR_MBUF_SIZE        2048
#define WEIR_MBUF_NO_HEADROOM UINT32_MAX

struct weir_mbuf_pool_conf {
	const char *name;      /* as in weir_mempool_conf */
	uint32_t count;        /* mbufs */
	uint32_t size;         /* bytes of data that fit behind the headroom; 0: WEIR_MBUF_SIZE */
	uint32_t headroom;     /* 0: WEIR_MBUF_HEADROOM; WEIR_MBUF_NO_HEADROOM for none */
	uint32_t private_size; /* bytes for the application in each mbuf, zeroed at the start */
	uint32_t fields_size;  /* bytes for fields by name, behind it (weir/field.h) */
	uint32_t cache;        /* this and all below as in weir_mempool_conf */
	uint32_t max_count, watermark, track;
	enum weir_grow grow;
	size_t chunk;
	enum weir_pages pages;
	int node;
	const char *nodes;
	enum weir_placement placement;
	bool locked, shared;
};

/* Create a pool of mbufs. All calls of weir/mempool.h on figures, names and destroying apply to it;
 * get and put do not. NULL with errno and weir_last_error(). */
WEIR_API struct weir_mempool *weir_mbuf_pool_create(const struct weir_mbuf_pool_conf *conf);

/* As weir_mempool_memory(): bytes of memory that the mbufs of such a pool take. */
WEIR_API size_t weir_mbuf_pool_memory(const struct weir_mbuf_pool_conf *conf);

/* Bytes of data that an mbuf of this pool takes behind the usual headroom. */
WEIR_API uint32_t weir_mbuf_pool_size(const struct weir_mempool *pool);

#ifdef __cplusplus
}
#endif

#endif
