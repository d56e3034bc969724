/* SPDX-License-Identifier: BSD-3-Clause */
/* umem_impl.h: a pool of mbufs as the kernel's UMEM, and what the kernel has of it.
 *
 *	mbuf ->  | metadata | private | headroom | data ............ |
 *	chunk ->        | 256 bytes of kernel's  | data ............ |
 *
 * The kernel puts a packet 256 bytes (XDP_PACKET_HEADROOM) behind the start of the chunk that it is
 * given. So a chunk starts 256 bytes in front of the data of an empty mbuf, and the packet comes to
 * lie where the pool's headroom ends. Nothing writes to those 256 bytes, which belong to the
 * headroom, the metadata and, with less of those, the mbuf in front: there is no program but our
 * own, which writes the time, if at all, to the last of them, where the pool has headroom. Only the
 * very first mbuf of a pool may have too little in front of it; it is not received into.
 *
 * An address in a descriptor has, in unaligned mode, its offset in the upper 16 bits. What is sent
 * has the mbuf's own place in the lower 48 bits and the data's offset in the upper ones, so that
 * the address which the kernel gives back tells the mbuf.
 *
 * Of each mbuf is counted how often the kernel has it: to take all back when a socket closes, since
 * nothing tells then which are where.
 */
#ifndef WEIR_UMEM_IMPL_H
#define WEIR_UMEM_IMPL_H

#include "weir/mbuf.h"

#include <stddef.h>
#include <stdint.h>

#define WEIR__XDP_HEADROOM  256u  /* XDP_PACKET_HEADROOM of linux/bpf.h */
#define WEIR__XDP_CHUNK_MIN 2048u /* XDP_UMEM_MIN_CHUNK_SIZE of the kernel */
#define WEIR__XDP_CHUNK_MAX \
	4096u /* a page of the smallest kind: the kernel takes no larger chunk */

struct weir__xdp_umem {
	struct weir_mempool *pool;
	uint8_t *base;
	size_t size;
	uint32_t data;       /* from an mbuf to its data when it is empty */
	uint32_t first;      /* from an mbuf to its buffer */
	uint32_t headroom;   /* of an empty mbuf */
	uint32_t chunk_size; /* with the kernel's headroom; also the most in one descriptor */
	uint32_t plain_max;  /* bytes of a plain mbuf that surely fit one descriptor */
};

/* How often the kernel has each mbuf. By 1,024 bytes of the pool: no two mbufs start in the same,
 * since one is larger. */
#define WEIR__XDP_HELD_SHIFT 10

/* Describe a pool, which is made as large as it can become and does not shrink until end: the
 * kernel pins the pages there are. 0, or -errno with a sentence. */
int weir__xdp_umem_begin(
	struct weir__xdp_umem *umem, struct weir_mempool *pool, const char *interface);
void weir__xdp_umem_end(struct weir__xdp_umem *umem);

/* A table of what is held, all zero. NULL without memory. */
uint16_t *weir__xdp_held_new(const struct weir__xdp_umem *umem);

/* The kernel has nothing of it any more: give all back. Returns how many that were. */
uint32_t weir__xdp_held_return(const struct weir__xdp_umem *umem, uint16_t *held);

static inline uint64_t weir__xdp_place(
	const struct weir__xdp_umem *umem, const struct weir_mbuf *mbuf)
{
	return (uint64_t)((uintptr_t)mbuf - (uintptr_t)umem->base);
}

static inline uint16_t *weir__xdp_held(uint16_t *held, uint64_t place)
{
	return &held[place >> WEIR__XDP_HELD_SHIFT];
}

/* Is there room for the kernel's headroom in front of the data of this mbuf? */
static inline bool weir__xdp_can_receive(const struct weir__xdp_umem *umem, uint64_t place)
{
	return place + umem->data >= WEIR__XDP_HEADROOM;
}

/* The address to receive at, and the place of the mbuf that a received one belongs to. */
static inline uint64_t weir__xdp_fill_address(const struct weir__xdp_umem *umem, uint64_t place)
{
	return place + umem->data - WEIR__XDP_HEADROOM;
}
static inline uint64_t weir__xdp_filled_place(const struct weir__xdp_umem *umem, uint64_t address)
{
	return (address & ((1ull << 48) - 1)) + WEIR__XDP_HEADROOM - umem->data;
}

/* The address to send data from, which lies less than 64 KiB behind the start of its mbuf; and the
 * place of the mbuf that was sent. */
static inline uint64_t weir__xdp_send_address(uint64_t place, uint64_t offset)
{
	return place | offset << 48;
}
static inline uint64_t weir__xdp_sent_place(uint64_t address)
{
	return address & ((1ull << 48) - 1);
}

static inline struct weir_mbuf *weir__xdp_mbuf(const struct weir__xdp_umem *umem, uint64_t place)
{
	return (struct weir_mbuf *)(void *)(umem->base + place);
}

#endif
