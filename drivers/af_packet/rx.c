/* SPDX-License-Identifier: BSD-3-Clause */
/* rx.c: packets out of the ring that the kernel fills, each copied into an mbuf.
 *
 * TPACKET_V2 hands over frame by frame, TPACKET_V3 block by block. A frame or block is given back
 * when its packets have been copied; until there are mbufs for them they stay in the ring.
 *
 * A packet that the kernel has put together of many, or not cut yet, is longer than a frame: the
 * kernel says so there and queues it whole, in the order of the frames, to be read by a call.
 */
#include "af_packet_impl.h"

#include "weir/chain.h"

#include "mbuf/filter_impl.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Under load the watch is thought of only so often: reading the clock costs some 8 ns. */
#define BURSTS_PER_LOOK 256

#define TAG_AT   (2 * ETH_ALEN)
#define TAG_SIZE 4

/* What the kernel says of a packet, of either version. */
struct arrival {
	const uint8_t *bytes;
	uint32_t length, wire_length, status, sec, nsec;
	uint16_t tci, type;
};

static inline struct arrival read_v2(const uint8_t *frame)
{
	const struct tpacket2_hdr *header = (const struct tpacket2_hdr *)(const void *)frame;

	return (struct arrival){frame + header->tp_mac, header->tp_snaplen, header->tp_len,
		header->tp_status, header->tp_sec, header->tp_nsec, header->tp_vlan_tci,
		header->tp_vlan_tpid};
}

static inline struct arrival read_v3(const uint8_t *frame)
{
	const struct tpacket3_hdr *header = (const struct tpacket3_hdr *)(const void *)frame;

	return (struct arrival){frame + header->tp_mac, header->tp_snaplen, header->tp_len,
		header->tp_status, header->tp_sec, header->tp_nsec,
		(uint16_t)header->hv1.tp_vlan_tci, header->hv1.tp_vlan_tpid};
}

static bool has_tag(const struct arrival *arrival)
{
	return arrival->status & TP_STATUS_VLAN_VALID && arrival->length >= TAG_AT;
}

static void write_tag(const struct arrival *arrival, uint8_t *tag)
{
	uint16_t type = arrival->status & TP_STATUS_VLAN_TPID_VALID ? arrival->type : ETH_P_8021Q;

	tag[0] = (uint8_t)(type >> 8);
	tag[1] = (uint8_t)type;
	tag[2] = (uint8_t)(arrival->tci >> 8);
	tag[3] = (uint8_t)arrival->tci;
}

/* The kernel took the tag out; put it back where it was on the wire. */
static void copy_tagged(const struct arrival *arrival, uint8_t *to)
{
	memcpy(to, arrival->bytes, TAG_AT);
	write_tag(arrival, to + TAG_AT);
	memcpy(to + TAG_AT + TAG_SIZE, arrival->bytes + TAG_AT, arrival->length - TAG_AT);
}

enum taken { TAKEN, DAMAGED, DRY };

/* Have the bytes of one that did not fit its frame, once only: mbufs for it may be missing. */
static enum taken fetch(struct afp_rx *rx, struct arrival *arrival)
{
	const uint32_t header = sizeof(struct weir__vnet);

	if (rx->fetched == 0) {
		ssize_t got = recv(rx->fd, rx->longest, AFP_LONGEST, MSG_DONTWAIT | MSG_TRUNC);

		if (got != (ssize_t)(arrival->wire_length + header) || got > AFP_LONGEST)
			return DAMAGED;
		rx->fetched = (uint32_t)got - header;
	}
	arrival->bytes = rx->longest + header;
	arrival->length = rx->fetched;
	return TAKEN;
}

/* What the kernel has left to be done, by the header in front of the packet. False: it makes no
 * sense. */
static bool note_undone(const struct arrival *arrival, struct weir_mbuf *mbuf)
{
	struct weir__vnet vnet;

	memcpy(&vnet, arrival->bytes - sizeof(vnet), sizeof(vnet));
	if (weir_likely(!weir__vnet_says(&vnet)))
		return true;
	if (has_tag(arrival))
		vnet.csum_start += TAG_SIZE;
	return weir__vnet_take(mbuf, &vnet);
}

/* One that does not fit an mbuf: more of them behind it. */
static enum taken copy_long(const struct arrival *arrival, struct weir_mbuf *mbuf)
{
	struct weir_mempool *pool = weir_mbuf_pool(mbuf);
	uint8_t start[TAG_AT + TAG_SIZE];
	uint32_t at = has_tag(arrival) ? TAG_AT : 0;

	if (at > 0) {
		memcpy(start, arrival->bytes, TAG_AT);
		write_tag(arrival, start + TAG_AT);
	}
	if ((at == 0 || weir_mbuf_append_bytes(mbuf, start, sizeof(start)) == 0) &&
		weir_mbuf_append_bytes(mbuf, arrival->bytes + at, arrival->length - at) == 0)
		return TAKEN;
	/* waiting for mbufs has no end when there are not as many */
	return (uint64_t)weir_mempool_count(pool) * weir_mbuf_pool_size(pool) < arrival->length
		       ? DAMAGED
		       : DRY;
}

/* Make mbuf, an empty one with room for size bytes, the packet. */
static inline enum taken take(const struct arrival *arrival, struct weir_mbuf *mbuf, uint32_t size)
{
	uint32_t length = arrival->length + (has_tag(arrival) ? TAG_SIZE : 0);

	if (weir_unlikely(arrival->length < arrival->wire_length || length == 0))
		return DAMAGED;
	mbuf->timestamp_ns = arrival->sec * UINT64_C(1000000000) + arrival->nsec;
	mbuf->flags = WEIR_MBUF_TIMESTAMP;
	if (weir_unlikely(length > size))
		return copy_long(arrival, mbuf);
	if (weir_unlikely(has_tag(arrival)))
		copy_tagged(arrival, weir_mbuf_data(mbuf));
	else
		memcpy(weir_mbuf_data(mbuf), arrival->bytes, length);
	mbuf->data_length = mbuf->length = length;
	return TAKEN;
}

/* ---- version 2 ---- */

static bool is_ready_v2(const uint8_t *frame)
{
	const struct tpacket2_hdr *header = (const struct tpacket2_hdr *)(const void *)frame;

	/* acquire: the kernel writes it last; pairs with its smp_wmb() */
	return __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void step_v2(struct afp_rx *rx, uint8_t **frame, uint32_t *block, uint32_t *left)
{
	*frame += rx->frame_size;
	if (--*left > 0)
		return;
	*block = *block + 1 < rx->block_count ? *block + 1 : 0;
	*frame = rx->ring + (size_t)*block * rx->block_size;
	*left = rx->frames_per_block;
}

/* Packets that are there, up to count. */
static uint32_t look_v2(struct afp_rx *rx, uint32_t count)
{
	uint8_t *frame = rx->next;
	uint32_t block = rx->block, left = rx->left, ready = 0;

	while (ready < count && is_ready_v2(frame)) {
		__builtin_prefetch(frame + WEIR_CACHE_LINE);
		step_v2(rx, &frame, &block, &left);
		ready++;
	}
	return ready;
}

static void give_back_v2(struct afp_rx *rx)
{
	struct tpacket2_hdr *header = (struct tpacket2_hdr *)(void *)rx->next;

	/* release: what was read of the frame was read before */
	__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	step_v2(rx, &rx->next, &rx->block, &rx->left);
}

/* ---- version 3 ---- */

static struct tpacket_hdr_v1 *block_of(const struct afp_rx *rx)
{
	uint8_t *block = rx->ring + (size_t)rx->block * rx->block_size;

	return &((struct tpacket_block_desc *)(void *)block)->hdr.bh1;
}

static void give_back_block(struct afp_rx *rx)
{
	/* release: as in give_back_v2() */
	__atomic_store_n(&block_of(rx)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	rx->block = rx->block + 1 < rx->block_count ? rx->block + 1 : 0;
}

static uint32_t look_v3(struct afp_rx *rx, uint32_t count)
{
	struct tpacket_hdr_v1 *block = block_of(rx);

	/* acquire: as in is_ready_v2(). A block may be handed over empty. */
	while (rx->left == 0 &&
		__atomic_load_n(&block->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) {
		rx->left = block->num_pkts;
		rx->next =
			rx->ring + (size_t)rx->block * rx->block_size + block->offset_to_first_pkt;
		if (rx->left == 0)
			give_back_block(rx);
		block = block_of(rx);
	}
	return count < rx->left ? count : rx->left;
}

static void give_back_v3(struct afp_rx *rx)
{
	const struct tpacket3_hdr *header = (const struct tpacket3_hdr *)(const void *)rx->next;

	rx->next += header->tp_next_offset;
	__builtin_prefetch(rx->next);
	if (--rx->left == 0)
		give_back_block(rx);
}

/* ---- either ---- */

/* One with a tag: the kernel has let it pass for us to look at. */
static bool is_unwanted(struct afp *afp, uint32_t queue, const struct weir_mbuf *mbuf)
{
	const struct weir_port *port = afp->port;

	return port->filter && port->filters &&
	       !weir__filter_matches(port->filter, mbuf,
		       port->filter_copies + (size_t)queue * WEIR__FILTER_COPIED);
}

/* A packet from the ring, or the queue beside it, into an empty mbuf. */
static inline enum taken receive_one(
	const struct afp *afp, struct afp_rx *rx, struct arrival *arrival, struct weir_mbuf *mbuf)
{
	uint32_t size = weir_mbuf_pool_size(afp->port->pool);
	bool is_long = arrival->status & TP_STATUS_COPY;
	enum taken taken = TAKEN;

	if (weir_unlikely(is_long))
		taken = fetch(rx, arrival);
	if (weir_likely(taken == TAKEN))
		taken = take(arrival, mbuf, size);
	/* only the header says how, and only for one of its own */
	if (weir_unlikely(!afp->conf.offload)) {
		if (arrival->status & TP_STATUS_CSUMNOTREADY)
			mbuf->flags |= WEIR_MBUF_L4_CHECKSUM;
	} else if (weir_likely(taken == TAKEN) && weir_unlikely(!note_undone(arrival, mbuf))) {
		taken = DAMAGED;
	}
	if (weir_unlikely(is_long) && taken != DRY)
		rx->fetched = 0;
	return taken;
}

/* version is a constant once inlined. */
static inline __attribute__((always_inline)) uint32_t receive(
	struct afp *afp, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count, uint32_t version)
{
	struct afp_rx *rx = &afp->rx[queue];
	struct weir__counters *counters = &afp->port->rx[queue];
	uint32_t got = 0, ready;
	uint64_t bytes = 0;

	count = version == 2 ? look_v2(rx, count) : look_v3(rx, count);
	ready = count;
	/* a pool that has not as many may still have some */
	while (count && weir_mbuf_alloc_bulk(afp->port->pool, mbufs, count))
		count /= 2;
	if (weir_unlikely(count < ready))
		weir__count(&counters->no_mbuf, 1);
	for (ready = count; ready > 0; ready--) {
		struct arrival arrival = version == 2 ? read_v2(rx->next) : read_v3(rx->next);
		enum taken taken = receive_one(afp, rx, &arrival, mbufs[got]);
		enum weir_drop reason = WEIR_DROP_COUNT;

		if (weir_unlikely(taken == DRY)) {
			weir__count(&counters->no_mbuf, 1);
			break;
		}
		if (weir_unlikely(taken == DAMAGED))
			reason = WEIR_DROP_RX_DAMAGED;
		else if (weir_unlikely(has_tag(&arrival)) && is_unwanted(afp, queue, mbufs[got]))
			reason = WEIR_DROP_RX_FILTERED;
		if (weir_unlikely(reason != WEIR_DROP_COUNT)) {
			weir__count(&counters->dropped[reason], 1);
			weir_mbuf_free(mbufs[got]);
			mbufs[got] = mbufs[--count]; /* as many are left as packets */
		} else {
			bytes += mbufs[got++]->length;
		}
		if (version == 2)
			give_back_v2(rx);
		else
			give_back_v3(rx);
	}
	weir_mbuf_free_bulk(mbufs + got, count - got);
	weir__count_packets(counters, got, bytes);
	return got;
}

/* Is the socket still bound to the interface? Not after it was away, however shortly. */
static bool is_bound(const struct afp *afp, const struct afp_rx *rx)
{
	struct sockaddr_ll address;
	socklen_t size = sizeof(address);
	int ifindex = afp_ifindex(afp);

	return ifindex == 0 || (getsockname(rx->fd, (struct sockaddr *)&address, &size) == 0 &&
				       address.sll_ifindex == ifindex);
}

/* Is all well with the interface? */
static void look(struct afp *afp, struct afp_rx *rx)
{
	if (!weir__afp_look_sometimes(afp, &rx->look_at))
		return;
	if (!is_bound(afp, rx))
		weir__afp_lost(afp, rx->generation);
	if (rx->generation != afp_generation(afp) || !rx->ready)
		weir__afp_open_rx(afp, (uint32_t)(rx - afp->rx));
}

uint32_t weir__afp_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct afp *afp = priv;
	struct afp_rx *rx;
	uint32_t got = 0;

	if (weir_unlikely(!afp->rx))
		return 0;
	rx = &afp->rx[queue];
	if (weir_likely(rx->ready))
		got = afp->conf.version == 2 ? receive(afp, queue, mbufs, count, 2)
					     : receive(afp, queue, mbufs, count, 3);
	if (weir_unlikely(got == 0 || ++rx->bursts % BURSTS_PER_LOOK == 0))
		look(afp, rx);
	return got;
}
