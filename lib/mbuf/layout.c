/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.c: where things lie, for programs that were not compiled with the headers. The tables are
 * data, so that a debugger finds them in a core, too, by their names.
 */
#include "mbuf_impl.h"

#include "weir/dump.h"

/* A member of a structure, under another name; and of the same name. */
#define PLACE(name, type, member)                                         \
	{                                                                 \
		name, offsetof(type, member), sizeof(((type *)0)->member) \
	}
#define MBUF(member)  PLACE(#member, struct weir_mbuf, member)
#define POOL(member)  PLACE(#member, struct weir_mempool, member)
#define HEAD(member)  PLACE(#member, struct weir_mempool, head.member)
#define CACHE(member) PLACE("cache." #member, struct weir__mempool_cache, member)

const struct weir_layout weir__mbuf_layout[] = {
	MBUF(state),
	MBUF(link_type),
	MBUF(port),
	MBUF(buffer),
	MBUF(offset),
	MBUF(data_length),
	MBUF(length),
	MBUF(flags),
	MBUF(next),
	MBUF(timestamp_ns),
	MBUF(wire_length),
	MBUF(hash),
	MBUF(vlan_tci),
	MBUF(packet_type),
	MBUF(l3_length),
	MBUF(l2_length),
	MBUF(l4_length),
	{"state.references", 0, 15},
	{"state.chained", 15, 1},
	{"state.borrowed", 16, 1},
	{"state.frozen", 17, 1},
	{"state.part", 18, 1},
	{"state.pool", WEIR__MBUF_POOL_SHIFT, 32 - WEIR__MBUF_POOL_SHIFT},
	{"flags.link_type", 0, 1},
	{"flags.timestamp", 1, 1},
	{"flags.wire_length", 2, 1},
	{"flags.hash", 3, 1},
	{"flags.vlan", 4, 1},
	{"flags.layers", 5, 1},
	{"flags.fields", 6, 1},
	{"flags.l3_checksum", 8, 1},
	{"flags.l4_checksum", 9, 1},
	{"flags.segment", 10, 1},
	{"flags.inbound", 11, 1},
	{"flags.outbound", 12, 1},
	{"flags.user", 24, 8},
	MBUF(segment_size),
	PLACE("lender.external", struct weir__lender, external),
	PLACE("lender.owner", struct weir__lender, owner),
	PLACE("external.state", struct weir_external, state),
	PLACE("external.bytes", struct weir_external, bytes),
	PLACE("external.size", struct weir_external, size),
	{NULL, 0, 0},
};

const struct weir_layout weir__mempool_layout[] = {
	HEAD(mbuf_first),
	HEAD(mbuf_headroom),
	HEAD(mbuf_buffer_size),
	HEAD(caches),
	POOL(objects),
	POOL(count),
	POOL(max_count),
	POOL(stride),
	POOL(batch),
	POOL(number),
	POOL(name),
	POOL(loose_count),
	POOL(batches_born),
	POOL(refills),
	POOL(flushes),
	CACHE(count),
	CACHE(refills),
	CACHE(flushes),
	{NULL, 0, 0},
};

const struct weir_layout *weir_mbuf_layout(uint32_t *count)
{
	*count = sizeof(weir__mbuf_layout) / sizeof(*weir__mbuf_layout) - 1;
	return weir__mbuf_layout;
}

const struct weir_layout *weir_mempool_layout(uint32_t *count)
{
	*count = sizeof(weir__mempool_layout) / sizeof(*weir__mempool_layout) - 1;
	return weir__mempool_layout;
}
