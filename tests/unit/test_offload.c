/* SPDX-License-Identifier: BSD-3-Clause */
/* test_offload.c: what weir_port_tx() does for a port that cannot: segments and checksums, against
 * a model that makes each packet from the same fields by itself. */
#include "unit.h"

#include "pool.h"
#include "segments.h"

#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/fragment.h"
#include "weir/offload.h"
#include "weir/parse.h"
#include "weir/port.h"

#include "drivers/driver_impl.h"
#include "port/port_impl.h"

#include <errno.h>

#define PAYLOAD_MAX 65000
#define FRAME_MAX   (PAYLOAD_MAX + 200)

#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define CWR 0x80

/* What a packet is made from. */
struct kind {
	bool ipv6, tcp, vlan, tunnel, outer_ipv6, outer_checksum;
	uint32_t options; /* bytes of TCP options, or of an IPv6 extension header */
};

struct frame {
	uint32_t length, inner; /* inner: where the IP header is */
	uint8_t bytes[FRAME_MAX];
};

static struct weir_mempool *pool;
static struct weir_port *from, *to;
static uint8_t payload[PAYLOAD_MAX];

/* ---- the model ---- */

static void put(struct frame *frame, uint64_t value, uint32_t size)
{
	while (size-- > 0)
		frame->bytes[frame->length++] = (uint8_t)(value >> size * 8);
}

static void set16(struct frame *frame, uint32_t at, uint32_t value)
{
	frame->bytes[at] = (uint8_t)(value >> 8);
	frame->bytes[at + 1] = (uint8_t)value;
}

/* RFC 1071, as it is written there. */
static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t total)
{
	for (uint32_t i = 0; i < length; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void put_ip(
	struct frame *frame, bool ipv6, uint8_t protocol, uint32_t extension, uint32_t id)
{
	if (ipv6) {
		put(frame, 0x60012345, 4);
		put(frame, 0, 2);
		put(frame, extension ? 60 : protocol, 1);
		put(frame, 64, 1);
		for (int i = 0; i < 32; i++)
			put(frame, 0x20 + i, 1);
		if (extension) {
			put(frame, protocol, 1);
			put(frame, extension / 8 - 1, 1);
			put(frame, 0x01, 1); /* PadN */
			put(frame, extension - 4, 1);
			for (uint32_t i = 4; i < extension; i++)
				put(frame, 0, 1);
		}
		return;
	}
	put(frame, 0x45000000, 4);
	put(frame, id & 0xffff, 2);
	put(frame, 0x4000, 2);
	put(frame, 64, 1);
	put(frame, protocol, 1);
	put(frame, 0, 2);
	put(frame, 0x0a000001c0a80102, 8);
}

static void finish_ip(struct frame *frame, uint32_t l3, bool ipv6)
{
	if (ipv6) {
		set16(frame, l3 + 4, frame->length - l3 - 40);
		return;
	}
	set16(frame, l3 + 2, frame->length - l3);
	set16(frame, l3 + 10, ~sum(frame->bytes + l3, 20, 0) & 0xffff);
}

static void finish_l4(struct frame *frame, uint32_t l3, uint32_t l4, bool ipv6, uint8_t protocol)
{
	uint32_t length = frame->length - l4, addresses = ipv6 ? 8 : 12, checksum;
	uint32_t total = sum(frame->bytes + l3 + addresses, ipv6 ? 32 : 8, protocol + length);

	if (protocol == 17)
		set16(frame, l4 + 4, length);
	total = sum(frame->bytes + l4, length, total);
	checksum = ~total & 0xffff;
	set16(frame, l4 + (protocol == 17 ? 6 : 16),
		checksum == 0 && protocol == 17 ? 0xffff : checksum);
}

static void put_ethernet(struct frame *frame, bool vlan, bool ipv6)
{
	put(frame, 0x020000000001, 6);
	put(frame, 0x020000000002, 6);
	if (vlan)
		put(frame, 0x81000005, 4);
	put(frame, ipv6 ? 0x86dd : 0x0800, 2);
}

/* The packet of length bytes of the payload from place on, number of those that a packet becomes,
 * with TCP's flags; without right checksums when it is not finished. */
static void make(struct frame *frame, const struct kind *kind, uint32_t place, uint32_t length,
	uint32_t number, uint8_t flags)
{
	uint32_t outer_l3 = 0, outer_l4 = 0, l4;

	frame->length = 0;
	put_ethernet(frame, kind->vlan, kind->tunnel ? kind->outer_ipv6 : kind->ipv6);
	if (kind->tunnel) {
		outer_l3 = frame->length;
		put_ip(frame, kind->outer_ipv6, 17, 0, 0xfffe + number);
		outer_l4 = frame->length;
		put(frame, 0xc00012b5, 4);
		put(frame, 0, 4);
		put(frame, 0x0800000000002a00, 8);
		put_ethernet(frame, false, kind->ipv6);
	}
	frame->inner = frame->length;
	put_ip(frame, kind->ipv6, kind->tcp ? 6 : 17, kind->ipv6 ? kind->options : 0, 77 + number);
	l4 = frame->length;
	put(frame, 0x12345678, 4);
	put(frame, kind->tcp ? 0xffffff00u + place : 0, 4);
	if (kind->tcp) {
		put(frame, 0x01020304, 4);
		put(frame, (20 + kind->options) / 4 << 4, 1);
		put(frame, flags, 1);
		put(frame, 0x10000000, 4);
		put(frame, 0, 2);
		for (uint32_t i = 0; i < kind->options; i++)
			put(frame, 1, 1);
	}
	memcpy(frame->bytes + frame->length, payload + place, length);
	frame->length += length;
	/* UDP's length is in the outer pseudo header and the bytes, so it comes first */
	finish_ip(frame, frame->inner, kind->ipv6);
	finish_l4(frame, frame->inner, l4, kind->ipv6, kind->tcp ? 6 : 17);
	if (!kind->tunnel)
		return;
	finish_ip(frame, outer_l3, kind->outer_ipv6);
	finish_l4(frame, outer_l3, outer_l4, kind->outer_ipv6, 17);
	if (!kind->outer_checksum)
		set16(frame, outer_l4 + 6, 0);
}

/* ---- what is sent and what comes ---- */

/* Ends of a pair, the first of which is told that its driver does only what offloads says. */
static void begin(uint32_t offloads, const char *spec)
{
	pool = make_pool(2048, 2048);
	from = weir_port_open(spec, pool);
	to = weir_port_open(spec, pool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	CU_ASSERT_EQUAL(weir_port_offloads(from), WEIR__OFFLOADS_ALL);
	from->offloads = offloads;
	weir__port_complete(from);
	CU_ASSERT_EQUAL(weir_port_offloads(from), offloads);
}

static void end(void)
{
	CU_ASSERT_EQUAL(weir_port_close(from), 0);
	CU_ASSERT_EQUAL(weir_port_close(to), 0);
	end_pool(pool);
}

static uint64_t dropped(enum weir_drop reason)
{
	struct weir_port_stats stats;

	weir_port_stats(from, &stats);
	return stats.dropped[reason];
}

/* A packet of kind that is to be cut, in segments of 0 to most bytes; its checksums are wrong. */
static struct weir_mbuf *whole(
	const struct kind *kind, uint32_t length, uint32_t size, uint32_t most, uint8_t flags)
{
	static struct frame frame;
	struct weir_mbuf *mbuf;
	uint32_t l4;

	make(&frame, kind, 0, length, 0, flags);
	l4 = frame.inner + (kind->ipv6 ? 40 + kind->options : 20);
	if (!kind->ipv6)
		set16(&frame, frame.inner + 10, 0x1111);
	set16(&frame, l4 + (kind->tcp ? 16 : 6), 0x2222);
	mbuf = most ? cut(pool, frame.bytes, frame.length, most)
		    : weir_mbuf_from_bytes(pool, frame.bytes, frame.length);
	mbuf->packet_type = kind->ipv6 ? WEIR_L3_IPV6 : WEIR_L3_IPV4;
	mbuf->packet_type |= WEIR_L2_ETHERNET | (kind->tcp ? WEIR_L4_TCP : WEIR_L4_UDP);
	mbuf->l2_length = (uint8_t)frame.inner;
	mbuf->l3_length = (uint16_t)(l4 - frame.inner);
	mbuf->l4_length = (uint8_t)(kind->tcp ? 20 + kind->options : 8);
	mbuf->segment_size = size;
	mbuf->timestamp_ns = 123;
	mbuf->flags |= WEIR_MBUF_LAYERS | WEIR_MBUF_SEGMENT | WEIR_MBUF_TIMESTAMP;
	return mbuf;
}

/* Receive what has come of a packet so far, and compare each with the model; the next number. */
static uint32_t check(
	const struct kind *kind, uint32_t length, uint32_t size, uint32_t number, uint8_t flags)
{
	static struct frame frame;
	static uint8_t bytes[FRAME_MAX];
	struct weir_mbuf *mbufs[64];
	uint32_t got;

	while ((got = weir_port_rx(to, 0, mbufs, 64)) > 0) {
		for (uint32_t i = 0; i < got; i++, number++) {
			uint32_t place = number * size, left = length - place;
			bool last = left <= size;
			uint8_t part_flags = flags;

			part_flags &= (uint8_t)(last ? 0xff : ~(FIN | PSH));
			part_flags &= (uint8_t)(number ? ~CWR : 0xff);
			make(&frame, kind, place, last ? left : size, number, part_flags);
			if (mbufs[i]->length != frame.length || weir_mbuf_check(mbufs[i]) != 0 ||
				mbufs[i]->flags != (WEIR_MBUF_LAYERS | WEIR_MBUF_TIMESTAMP) ||
				mbufs[i]->timestamp_ns != 123) {
				CU_FAIL("a segment is not what it should be");
				continue;
			}
			weir_mbuf_read(mbufs[i], 0, bytes, frame.length);
			if (memcmp(bytes, frame.bytes, frame.length) != 0)
				CU_FAIL("a segment has other bytes");
		}
		weir_mbuf_free_bulk(mbufs, got);
	}
	return number;
}

/* Send it, however often that takes, and look at all that comes. */
static void send_and_check(
	const struct kind *kind, uint32_t length, uint32_t size, uint32_t most, uint8_t flags)
{
	struct weir_mbuf *mbuf = whole(kind, length, size, most, flags);
	uint32_t number = 0, before = UINT32_MAX;

	while (weir_port_tx(from, 0, &mbuf, 1) == 0 && number != before) {
		before = number;
		CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
		number = check(kind, length, size, number, flags);
	}
	CU_ASSERT_NOT_EQUAL(number, before);
	number = check(kind, length, size, number, flags);
	CU_ASSERT_EQUAL(number, length ? (length - 1) / size + 1 : 1);
}

static const struct kind kinds[] = {
	{.tcp = true},
	{.tcp = true, .vlan = true, .options = 12},
	{.tcp = true, .ipv6 = true},
	{.tcp = true, .ipv6 = true, .vlan = true},
	{0},
	{.ipv6 = true},
	{.ipv6 = true, .options = 24, .vlan = true},
	{.tcp = true, .tunnel = true},
	{.tcp = true, .tunnel = true, .ipv6 = true, .vlan = true, .outer_checksum = true},
	{.tunnel = true, .outer_ipv6 = true, .outer_checksum = true},
	{.tcp = true, .tunnel = true, .outer_ipv6 = true, .outer_checksum = true, .options = 12},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void test_every_size(void)
{
	begin(WEIR_PORT_CHAINS, "pair:offload");
	for (uint32_t size = 1; size <= 1201; size++)
		for (uint32_t i = 0; i < KINDS; i++)
			send_and_check(
				&kinds[i], 1200, size, size % 3 ? 0 : 300, ACK | PSH | FIN | CWR);
	send_and_check(&kinds[0], 0, 1000, 0, ACK | PSH);
	end();
}

/* 64 KB, in mbufs smaller than a jumbo segment, too; and in a pair that takes a few at a time. */
static void test_large(void)
{
	static const uint32_t sizes[] = {536, 1220, 1448, 1460, 8948, 32767, 64000};

	for (uint32_t small = 0; small < 2; small++) {
		begin(WEIR_PORT_CHAINS, small ? "pair:offload,ring=8" : "pair:offload");
		for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (uint32_t kind = 0; kind < KINDS; kind++)
				send_and_check(&kinds[kind], PAYLOAD_MAX, sizes[i],
					kind % 2 ? 2000 : 0, ACK | PSH);
		end();
	}
}

/* With few mbufs left it takes longer, and nothing is lost; with none it stays as it is. */
static void test_dry(void)
{
	struct weir_mbuf *held[2048], *mbuf, *copy;
	uint32_t count = 0;

	begin(WEIR_PORT_CHAINS, "pair:offload");
	for (uint32_t spare = 1; spare < 12; spare++) {
		struct weir_mbuf *room[40 + 12];

		/* what the packet itself takes, and a few */
		CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, room, 32 + spare), 0);
		while ((held[count] = weir_mbuf_alloc(pool)))
			count++;
		weir_mbuf_free_bulk(room, 32 + spare);
		send_and_check(&kinds[spare % KINDS], 64000, 1400, 0, ACK | PSH);
		weir_mbuf_free_bulk(held, count);
		count = 0;
	}
	mbuf = whole(&kinds[0], 5000, 1000, 0, ACK);
	copy = weir_mbuf_copy(mbuf, pool);
	while ((held[count] = weir_mbuf_alloc(pool)))
		count++;
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, &mbuf, 1), 0);
	CU_ASSERT_EQUAL(weir_mbuf_compare(mbuf, copy), 0);
	CU_ASSERT_EQUAL(mbuf->segment_size, 1000);
	CU_ASSERT_EQUAL(weir_port_tx_or_drop(from, 0, &mbuf, 1), 0);
	CU_ASSERT_EQUAL(dropped(WEIR_DROP_TX_DRY), 1);
	CU_ASSERT_EQUAL(dropped(WEIR_DROP_TX_FULL), 0);
	weir_mbuf_free_bulk(held, count);
	weir_mbuf_free(copy);
	end();
}

/* Packets that only want checksums, in a burst with others, in clones, in chains. */
static void test_checksums(void)
{
	struct weir_mbuf *mbufs[KINDS + 1], *clones[KINDS], *got[KINDS + 1];

	begin(WEIR_PORT_CHAINS, "pair:offload");
	for (uint32_t i = 0; i < KINDS; i++) {
		mbufs[i] = whole(&kinds[i], 1000, 0, i % 2 ? 0 : 700, ACK);
		mbufs[i]->flags ^= WEIR_MBUF_SEGMENT | WEIR_MBUF_L4_CHECKSUM;
		if (!kinds[i].ipv6)
			mbufs[i]->flags |= WEIR_MBUF_L3_CHECKSUM;
		clones[i] = weir_mbuf_clone(mbufs[i], pool);
	}
	mbufs[KINDS] = weir_mbuf_from_bytes(pool, payload, 60);
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, mbufs, KINDS + 1), KINDS + 1);
	CU_ASSERT_EQUAL_FATAL(weir_port_rx(to, 0, got, KINDS + 1), KINDS + 1);
	for (uint32_t i = 0; i < KINDS; i++) {
		static struct frame frame;

		make(&frame, &kinds[i], 0, 1000, 0, ACK);
		/* that of the outer UDP is not asked for */
		if (!kinds[i].outer_checksum) {
			CU_ASSERT_EQUAL(weir_mbuf_linearize(&got[i]), 0);
			CU_ASSERT_EQUAL(got[i]->length, frame.length);
			CU_ASSERT_EQUAL(
				memcmp(weir_mbuf_data(got[i]), frame.bytes, frame.length), 0);
		}
		CU_ASSERT_EQUAL(got[i]->flags & WEIR_OFFLOADS, 0);
		/* who holds the other clone sees no change */
		CU_ASSERT_NOT_EQUAL(weir_mbuf_compare(got[i], clones[i]), 0);
		CU_ASSERT_NOT_EQUAL(clones[i]->flags & WEIR_MBUF_L4_CHECKSUM, 0);
	}
	CU_ASSERT_EQUAL(got[KINDS]->length, 60);
	weir_mbuf_free_bulk(got, KINDS + 1);
	weir_mbuf_free_bulk(clones, KINDS);
	end();
}

/* Nothing that is wrong with one packet keeps the others. */
static void test_unfit(void)
{
	struct weir_mbuf *mbufs[6], *got[8];

	begin(WEIR_PORT_CHAINS | WEIR_PORT_L3_CHECKSUM, "pair:offload");
	for (uint32_t i = 0; i < 6; i++)
		mbufs[i] = whole(&kinds[0], 100, 50, 0, ACK);
	mbufs[0]->segment_size = 0;
	mbufs[1]->flags = 0;
	mbufs[2]->packet_type = WEIR_L2_ETHERNET | WEIR_L3_IPV4 | WEIR_L4_SCTP;
	mbufs[3]->l3_length = 8;
	weir_mbuf_trim(mbufs[4], 110);
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, mbufs, 6), 6);
	CU_ASSERT_EQUAL(dropped(WEIR_DROP_TX_UNFIT), 4);
	CU_ASSERT_EQUAL(weir_port_rx(to, 0, got, 8), 3);
	weir_mbuf_free_bulk(got, 3);
	mbufs[0] = whole(&kinds[0], 100, 50, 0, ACK);
	mbufs[0]->flags ^= WEIR_MBUF_SEGMENT | WEIR_MBUF_L4_CHECKSUM;
	mbufs[0]->packet_type = WEIR_L2_ETHERNET | WEIR_L3_ARP;
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, mbufs, 1), 1);
	CU_ASSERT_EQUAL(dropped(WEIR_DROP_TX_UNFIT), 5);
	CU_ASSERT_STRING_EQUAL(weir_drop_name(WEIR_DROP_TX_UNFIT), "tx unfit");
	end();
}

/* A driver that takes no chains gets one piece, or nothing where no mbuf is as large. */
static void test_chains(void)
{
	struct weir_mbuf *mbuf, *got[2];

	begin(WEIR__OFFLOADS_ALL & ~(uint32_t)WEIR_PORT_CHAINS, "pair:offload");
	mbuf = cut(pool, payload, 1900, 100);
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL_FATAL(weir_port_rx(to, 0, got, 2), 1);
	CU_ASSERT_PTR_NULL(got[0]->next);
	CU_ASSERT_EQUAL(got[0]->length, 1900);
	CU_ASSERT_EQUAL(memcmp(weir_mbuf_data(got[0]), payload, 1900), 0);
	weir_mbuf_free(got[0]);
	mbuf = weir_mbuf_from_bytes(pool, payload, 9000);
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(weir_port_rx(to, 0, got, 2), 0);
	CU_ASSERT_EQUAL(dropped(WEIR_DROP_TX_UNFIT), 1);
	end();
}

/* weir_segment() without a port. */
static void test_segment(void)
{
	struct weir_mbuf *mbuf, *segments[4];

	begin(WEIR__OFFLOADS_ALL, "pair:offload");
	mbuf = whole(&kinds[1], 4000, 1000, 0, ACK);
	CU_ASSERT_EQUAL(weir_segment(mbuf, segments, 3), -EMSGSIZE);
	CU_ASSERT_EQUAL(weir_segment(mbuf, segments, 4), 4);
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, segments, 4), 4);
	CU_ASSERT_EQUAL(check(&kinds[1], 4000, 1000, 0, ACK), 4);
	mbuf = weir_mbuf_from_bytes(pool, payload, 100);
	CU_ASSERT_EQUAL(weir_segment(mbuf, segments, 4), -EINVAL);
	weir_mbuf_free(mbuf);
	/* a port that does it all is sent the whole */
	mbuf = whole(&kinds[1], 4000, 1000, 0, ACK);
	CU_ASSERT_EQUAL(weir_port_tx(from, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(weir_port_rx(to, 0, segments, 4), 1);
	CU_ASSERT_EQUAL(segments[0]->segment_size, 1000);
	weir_mbuf_free(segments[0]);
	end();
}

/* A checksum that is left to be done is done before the packet is cut into fragments; one that is
 * to be cut into segments, or that others see the bytes of, is refused. */
static void test_fragment(void)
{
	struct weir_reassembly *reassembly =
		weir_reassembly_create(&(struct weir_reassembly_conf){0});
	struct weir_mbuf *mbuf, *clone, *fragments[8], *joined = NULL;
	uint32_t l4 = 14 + 40;
	int count;

	begin(WEIR__OFFLOADS_ALL, "pair:offload");
	mbuf = whole(&kinds[5], 4000, 1000, 0, 0);
	CU_ASSERT_EQUAL(weir_fragment(mbuf, 1500, 1, fragments, 8), -EINVAL);
	mbuf->flags ^= WEIR_MBUF_SEGMENT | WEIR_MBUF_L4_CHECKSUM;
	clone = weir_mbuf_clone(mbuf, pool);
	CU_ASSERT_EQUAL(weir_fragment(mbuf, 1500, 1, fragments, 8), -EINVAL);
	weir_mbuf_free(clone);
	count = weir_fragment(mbuf, 1500, 1, fragments, 8);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	for (int i = 0; i < count; i++)
		joined = weir_reassembly_add(reassembly, fragments[i], 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(joined);
	CU_ASSERT_EQUAL(weir_l4_checksum_verify(joined, 14, l4, 17), WEIR_CHECKSUM_GOOD);
	CU_ASSERT_EQUAL(joined->flags & WEIR_OFFLOADS, 0);
	weir_mbuf_free(joined);
	weir_reassembly_destroy(reassembly);
	end();
}

int main(void)
{
	static CU_TestInfo tests[] = {{"every size", test_every_size}, {"large", test_large},
		{"dry", test_dry}, {"checksums", test_checksums}, {"unfit", test_unfit},
		{"chains", test_chains}, {"segment", test_segment}, {"fragment", test_fragment},
		CU_TEST_INFO_NULL};

	srand(1);
	fill_random(payload, sizeof(payload));
	return unit_run("offload", tests);
}
