/* SPDX-License-Identifier: BSD-3-Clause */
/* umem.c: describing a pool as a UMEM, and taking back what the kernel had of it. */
#include "umem_impl.h"

#include "base/base_impl.h"
#include "mbuf/mbuf_impl.h"

#include <errno.h>
#include <stdlib.h>

static int too_small(const struct weir_mempool *pool, const char *interface)
{
	return weir__fail(EINVAL,
		"af_xdp: %s: mbufs of pool '%s' have room for %u bytes; the kernel wants at least "
		"%u",
		interface, pool->name, weir_mbuf_pool_size(pool),
		WEIR__XDP_CHUNK_MIN - WEIR__XDP_HEADROOM);
}

int weir__xdp_umem_begin(
	struct weir__xdp_umem *umem, struct weir_mempool *pool, const char *interface)
{
	uint32_t chunk = weir_mbuf_pool_size(pool) + WEIR__XDP_HEADROOM;
	int error;

	if (chunk < WEIR__XDP_CHUNK_MIN)
		return too_small(pool, interface);
	error = weir__mempool_pin(pool);
	if (error)
		return error;
	umem->pool = pool;
	umem->base = pool->objects;
	umem->size = (size_t)pool->max_count * pool->stride;
	umem->data = pool->head.mbuf_first + pool->head.mbuf_headroom;
	umem->first = pool->head.mbuf_first;
	umem->headroom = pool->head.mbuf_headroom;
	umem->chunk_size = chunk < WEIR__XDP_CHUNK_MAX ? chunk : WEIR__XDP_CHUNK_MAX;
	umem->plain_max = pool->stride <= UINT16_MAX ? umem->chunk_size : 0;
	return 0;
}

void weir__xdp_umem_end(struct weir__xdp_umem *umem)
{
	if (umem->pool)
		weir__mempool_unpin(umem->pool);
	umem->pool = NULL;
}

static size_t slots(const struct weir__xdp_umem *umem)
{
	return (umem->size >> WEIR__XDP_HELD_SHIFT) + 1;
}

uint16_t *weir__xdp_held_new(const struct weir__xdp_umem *umem)
{
	return calloc(slots(umem), sizeof(uint16_t));
}

uint32_t weir__xdp_held_return(const struct weir__xdp_umem *umem, uint16_t *held)
{
	size_t stride = umem->pool->stride;
	uint32_t returned = 0;

	for (size_t i = 0; i < slots(umem); i++) {
		/* the one mbuf that starts in this slot */
		size_t index = ((i << WEIR__XDP_HELD_SHIFT) + stride - 1) / stride;

		for (; held[i]; held[i]--, returned++)
			weir__mbuf_drop(weir__xdp_mbuf(umem, index * stride));
	}
	return returned;
}
