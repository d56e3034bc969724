/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_packet_offload.c: packets that this machine sends to a veth as it would to a NIC: without
 * checksums, and longer than the MTU, to be cut. Received as they are, and sent on so, or as on a
 * wire. */
#include "long_packet.h"
#include "pool_ports.h"
#include "veth.h"

#include "drivers/vnet_impl.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PIECES 256

static int sender;

/* As the host sends on va: what the flags ask for is left to the interface. Frees the packet. */
static void host_sends(struct weir_mbuf *mbuf)
{
	struct weir__vnet vnet;
	struct iovec pieces[1 + PIECES] = {{&vnet, sizeof(vnet)}};
	uint32_t count;

	CU_ASSERT_EQUAL_FATAL(weir__vnet_make(&mbuf, &vnet), 0);
	count = weir_mbuf_iovec(mbuf, 0, mbuf->length, pieces + 1, PIECES);
	CU_ASSERT_EQUAL(
		writev(sender, pieces, 1 + (int)count), (ssize_t)(sizeof(vnet) + mbuf->length));
	weir_mbuf_free(mbuf);
}

static struct weir_mbuf *receive_one(struct weir_port *port)
{
	struct weir_mbuf *mbuf = NULL;

	for (uint32_t i = 0; i < 1000 && weir_port_rx(port, 0, &mbuf, 1) == 0; i++)
		weir_port_wait(&port, 1, 10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	return mbuf;
}

static bool is_good(struct weir_mbuf *mbuf)
{
	uint32_t l4;

	weir_parse(mbuf);
	l4 = mbuf->l2_length + mbuf->l3_length;
	return weir_l4_checksum_verify(mbuf, mbuf->l2_length, l4,
		       (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_TCP ? 6 : 17) ==
	       WEIR_CHECKSUM_GOOD;
}

/* ---- to be cut ---- */

#define SEGMENTS 20
#define SIZE     1000 /* bytes of payload in each */

static uint8_t payload_byte(uint32_t at)
{
	return (uint8_t)(at * 13 + (at >> 8));
}

/* The packet that is to be cut, with bytes that tell where they belong. */
static struct weir_mbuf *make_long(bool ipv6, bool tcp)
{
	struct weir_mbuf *mbuf = long_packet(pool, ipv6, tcp);
	uint32_t headers = mbuf->length - SEGMENTS * SIZE;

	for (uint32_t i = 0; i < SEGMENTS * SIZE; i++)
		weir_mbuf_write(mbuf, headers + i, &(uint8_t){payload_byte(i)}, 1);
	return mbuf;
}

static bool has_payload(const struct weir_mbuf *mbuf, uint32_t headers, uint32_t at)
{
	uint8_t byte;

	for (uint32_t i = headers; i < mbuf->length; i++)
		if (weir_mbuf_read(mbuf, i, &byte, 1) || byte != payload_byte(at + i - headers))
			return false;
	return true;
}

/* It comes as it was sent. */
static struct weir_mbuf *receive_whole(struct weir_port *port, uint32_t length)
{
	struct weir_mbuf *got = receive_one(port);

	CU_ASSERT_EQUAL(got->length, length);
	CU_ASSERT_EQUAL(weir_mbuf_check(got), 0);
	CU_ASSERT_TRUE(got->flags & WEIR_MBUF_SEGMENT);
	CU_ASSERT_EQUAL(got->segment_size, SIZE);
	CU_ASSERT_TRUE(has_payload(got, length - SEGMENTS * SIZE, 0));
	return got;
}

/* It comes as segments whose checksums are right. */
static void receive_segments(struct weir_port *port, uint32_t headers)
{
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		struct weir_mbuf *mbuf = receive_one(port);

		CU_ASSERT_EQUAL(mbuf->length, headers + SIZE);
		CU_ASSERT_EQUAL(mbuf->flags & WEIR_OFFLOADS, 0);
		CU_ASSERT_TRUE(is_good(mbuf));
		CU_ASSERT_TRUE(has_payload(mbuf, headers, i * SIZE));
		weir_mbuf_free(mbuf);
	}
}

static void send_one(struct weir_port *port, struct weir_mbuf *mbuf)
{
	CU_ASSERT_EQUAL(weir_port_tx(port, 0, &mbuf, 1), 1);
}

static void all_kinds(const char *spec, const char *sender_spec)
{
	struct weir_port *port = open_port(spec);
	struct weir_port *whole = open_port(sender_spec);
	struct weir_port *wire = open_port("af_packet:va,offload=0");

	for (uint32_t i = 0; i < 8; i++) {
		struct weir_mbuf *mbuf = make_long(i & 1, i & 2);
		uint32_t length = mbuf->length;

		host_sends(mbuf);
		send_one(whole, receive_whole(port, length));
		send_one(wire, receive_whole(port, length));
		receive_segments(port, length - SEGMENTS * SIZE);
	}
	CU_ASSERT_EQUAL(weir_port_close(whole), 0);
	CU_ASSERT_EQUAL(weir_port_close(wire), 0);
	close_port(port);
}

static void test_segments(void)
{
	all_kinds("af_packet:vb", "af_packet:va");
	all_kinds("af_packet:vb,version=3", "af_packet:va,bypass=1");
}

/* An interface that does nothing itself: the kernel cuts, as the header says. */
static void test_kernel_cuts(void)
{
	struct weir_port *port = open_port("af_packet:vb"), *out = open_port("af_packet:va");

	CU_ASSERT_EQUAL(run("ethtool -K va tx off > /dev/null"), 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct weir_mbuf *mbuf = make_long(i & 1, i & 2);
		uint32_t headers = mbuf->length - SEGMENTS * SIZE;

		send_one(out, mbuf);
		receive_segments(port, headers);
	}
	CU_ASSERT_EQUAL(run("ethtool -K va tx on > /dev/null"), 0);
	CU_ASSERT_EQUAL(weir_port_close(out), 0);
	close_port(port);
}

static uint64_t too_long(const struct weir_port *port)
{
	struct weir_port_stats stats;

	weir_port_stats(port, &stats);
	return stats.dropped[WEIR_DROP_TX_TOO_LONG];
}

/* Segments longer than the MTU are dropped, as any packet is. */
static void test_too_long(void)
{
	struct weir_port *port = open_port("af_packet:vb"), *out = open_port("af_packet:va");
	struct weir_mbuf *mbuf = make_long(false, true);

	mbuf->segment_size = 1500 - 40 + 1;
	send_one(out, mbuf);
	CU_ASSERT_EQUAL(too_long(out), 1);
	mbuf = make_long(false, true);
	mbuf->segment_size = 1500 - 40;
	send_one(out, mbuf);
	CU_ASSERT_EQUAL(too_long(out), 1);
	mbuf = receive_one(port);
	CU_ASSERT_EQUAL(mbuf->segment_size, 1500 - 40);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_port_close(out), 0);
	close_port(port);
}

/* A long one waits for mbufs, and those behind it wait for it. */
static void test_dry(void)
{
	struct weir_port *port = open_port("af_packet:vb");
	struct weir_mbuf *held[1024], *mbuf, *second;
	uint32_t count = 0;

	host_sends(long_packet(pool, false, true));
	host_sends(long_packet(pool, true, false));
	while (count < 1024 && (held[count] = weir_mbuf_alloc(pool)))
		count++;
	weir_mbuf_free_bulk(held + count - 10, 10);
	CU_ASSERT_EQUAL(weir_port_wait(&port, 1, 10000), 1);
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(weir_port_rx(port, 0, &mbuf, 1), 0);
	weir_mbuf_free_bulk(held, count - 10);
	mbuf = receive_one(port);
	second = receive_one(port);
	weir_parse(mbuf);
	weir_parse(second);
	CU_ASSERT_EQUAL(mbuf->packet_type & WEIR_TYPE_L4, WEIR_L4_TCP);
	CU_ASSERT_EQUAL(second->packet_type & WEIR_TYPE_L4, WEIR_L4_UDP);
	CU_ASSERT_EQUAL(mbuf->length, 14 + 20 + 20 + 20000);
	CU_ASSERT_EQUAL(second->length, 14 + 40 + 8 + 20000);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(second);
	close_port(port);
}

/* Without offload=1 such a packet is none that can be had whole. */
static void test_off(void)
{
	struct weir_port *port = open_port("af_packet:vb,offload=0");
	struct weir_port_stats stats = {0};
	struct weir_mbuf *mbuf;

	host_sends(long_packet(pool, false, true));
	for (uint32_t i = 0; i < 1000 && !stats.dropped[WEIR_DROP_RX_DAMAGED]; i++) {
		weir_port_wait(&port, 1, 10);
		CU_ASSERT_EQUAL(weir_port_rx(port, 0, &mbuf, 1), 0);
		weir_port_stats(port, &stats);
	}
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_RX_DAMAGED], 1);
	close_port(port);
}

/* ---- checksums ---- */

/* UDP with a tag, whose checksum is left undone; the tag travels beside the packet. */
static struct weir_mbuf *tagged(void)
{
	uint8_t bytes[18 + 20 + 8 + 100] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 7, 0x81, 0, 0, 5, 8, 0,
		0x45, 0, 0, 128, 0, 0, 0, 0, 64, 17};
	struct weir_mbuf *mbuf;

	memcpy(bytes + 30, "\xc0\0\2\1\xc0\0\2\2\x1b\x58\x1b\x59\0\x6c", 14);
	mbuf = weir_mbuf_from_bytes(pool, bytes, sizeof(bytes));
	mbuf->flags |= WEIR_MBUF_L3_CHECKSUM | WEIR_MBUF_L4_CHECKSUM;
	return mbuf;
}

static void test_checksum(void)
{
	static const char *const specs[] = {
		"af_packet:vb", "af_packet:vb,version=3", "af_packet:vb,offload=0"};

	for (uint32_t i = 0; i < 3; i++) {
		struct weir_port *port = open_port(specs[i]);
		struct weir_mbuf *mbuf;

		host_sends(tagged());
		mbuf = receive_one(port);
		CU_ASSERT_EQUAL(mbuf->flags & WEIR_OFFLOADS, WEIR_MBUF_L4_CHECKSUM);
		CU_ASSERT_FALSE(is_good(mbuf));
		CU_ASSERT_EQUAL(weir_offload_checksums(&mbuf), 0);
		CU_ASSERT_EQUAL(mbuf->l2_length, 18);
		CU_ASSERT_TRUE(is_good(mbuf));
		weir_mbuf_free(mbuf);
		close_port(port);
	}
}

/* Those that leave something undone keep their places among those that do not. */
static void test_burst(void)
{
	static const uint8_t plain[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 7, 0x88, 0xb5};
	struct weir_port *port = open_port("af_packet:vb"), *out = open_port("af_packet:va");
	struct weir_mbuf *mbufs[] = {weir_mbuf_from_bytes(pool, plain, 60), make_long(true, true),
		weir_mbuf_from_bytes(pool, plain, 59), tagged(),
		weir_mbuf_from_bytes(pool, plain, 58)};
	const uint32_t lengths[] = {60, mbufs[1]->length, 59, mbufs[3]->length, 58};
	const uint32_t undone[] = {0, WEIR_MBUF_SEGMENT, 0, WEIR_MBUF_L4_CHECKSUM, 0};

	CU_ASSERT_EQUAL(weir_port_tx(out, 0, mbufs, 5), 5);
	for (uint32_t i = 0; i < 5; i++) {
		struct weir_mbuf *mbuf = receive_one(port);

		CU_ASSERT_EQUAL(mbuf->length, lengths[i]);
		CU_ASSERT_EQUAL(mbuf->flags & WEIR_OFFLOADS, undone[i]);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(weir_port_close(out), 0);
	close_port(port);
}

/* One that is shared needs a header of its own, and waits for it. */
static void test_shared(void)
{
	struct weir_port *port = open_port("af_packet:vb"), *out = open_port("af_packet:va");
	struct weir_mbuf *held[1024], *mbuf = make_long(false, true),
				      *clone = weir_mbuf_clone(mbuf, pool);
	struct weir_port_stats stats;
	uint32_t length = mbuf->length, count = 0;

	while (count < 1024 && (held[count] = weir_mbuf_alloc(pool)))
		count++;
	CU_ASSERT_EQUAL(weir_port_tx(out, 0, &clone, 1), 0);
	weir_port_stats(out, &stats);
	CU_ASSERT_EQUAL(stats.tx_no_mbuf, 1);
	weir_mbuf_free_bulk(held, count);
	send_one(out, clone);
	weir_mbuf_free(receive_whole(port, length));
	CU_ASSERT_TRUE(has_payload(mbuf, length - SEGMENTS * SIZE, 0));
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_port_close(out), 0);
	close_port(port);
}

/* Of SCTP, too, whose sum is another one, which its header does not say. */
static void test_sctp(void)
{
	uint8_t bytes[14 + 20 + 12 + 100] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 7, 8, 0, 0x45, 0, 0, 132, 0, 0, 0, 0, 64, 132};
	struct weir__vnet vnet = {.flags = 1, .csum_start = 34, .csum_offset = 8};
	struct iovec pieces[2] = {{&vnet, sizeof(vnet)}, {bytes, sizeof(bytes)}};
	struct weir_port *port = open_port("af_packet:vb");
	struct weir_mbuf *mbuf;

	memcpy(bytes + 26, "\xc0\0\2\1\xc0\0\2\2\x1b\x58\x1b\x59", 12);
	weir_ipv4_checksum_set(bytes + 14);
	CU_ASSERT_EQUAL(writev(sender, pieces, 2), (ssize_t)(sizeof(vnet) + sizeof(bytes)));
	mbuf = receive_one(port);
	CU_ASSERT_EQUAL(mbuf->flags & WEIR_OFFLOADS, WEIR_MBUF_L4_CHECKSUM);
	CU_ASSERT_EQUAL(weir_offload_checksums(&mbuf), 0);
	CU_ASSERT_EQUAL(weir_l4_checksum_verify(mbuf, 14, 34, 132), WEIR_CHECKSUM_GOOD);
	weir_mbuf_free(mbuf);
	close_port(port);
}

static int open_sender(void)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex("va");
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &(int){1}, sizeof(int)) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	return fd;
}

int main(void)
{
	static CU_TestInfo tests[] = {{"to be cut", test_segments},
		{"cut by the kernel", test_kernel_cuts}, {"too long", test_too_long},
		{"a dry pool", test_dry}, {"without", test_off}, {"checksums", test_checksum},
		{"in a burst", test_burst}, {"shared", test_shared}, {"of SCTP", test_sctp},
		CU_TEST_INFO_NULL};
	struct weir_mbuf_pool_conf conf = {
		.name = "offload", .count = 1024, .size = 256, .pages = WEIR_PAGES_4K};
	int failed;

	veth_enter();
	pool = weir_mbuf_pool_create(&conf);
	if (!pool || veth_make(1))
		return 1;
	sender = open_sender();
	if (sender < 0)
		return 1;
	failed = unit_run("af_packet offload", tests);
	close(sender);
	failed |= weir_mempool_destroy(pool) != 0;
	return failed;
}
