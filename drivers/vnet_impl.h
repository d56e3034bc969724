/* SPDX-License-Identifier: BSD-3-Clause */
/* vnet_impl.h: the header that says what a packet leaves to be done, for every driver whose kernel
 * interface has it. */
#ifndef WEIR_VNET_IMPL_H
#define WEIR_VNET_IMPL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct weir_mbuf;

/* What the kernel puts in front of each packet, and takes: struct virtio_net_hdr, in the order of
 * this machine (linux/virtio_net.h; virtio 1.2, 5.1.6). */
struct weir__vnet {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

static_assert(
	sizeof(struct weir__vnet) == 10, "without num_buffers, which the kernel does not use");

/* Is anything left to be done? */
static inline bool weir__vnet_says(const struct weir__vnet *vnet)
{
	return (vnet->flags & 1 /* NEEDS_CSUM */) | vnet->gso_type;
}

/* Note on a received packet what its header leaves to be done. False: it makes no sense. */
bool weir__vnet_take(struct weir_mbuf *mbuf, const struct weir__vnet *vnet);
/* Say what a packet leaves to be done. 0; -EINVAL when its flags make no sense; -ENOBUFS. */
int weir__vnet_make(struct weir_mbuf **packet, struct weir__vnet *vnet);

#endif
