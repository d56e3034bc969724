/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum.c: make a UDP packet, give it its checksums, then change where it comes from, as address
 * translation does, and let the checksums follow.
 *
 *	checksum ADDRESS PORT
 */
#include <weir/weir.h>

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>

#define UDP sizeof(struct iphdr) /* the offset of its header */

static const char data[] = "hello"; /* of odd length, with its 0 even */

/* From 192.0.2.1 port 4000 to 198.51.100.7 port 53 (RFC 5737 keeps these for examples). */
static struct weir_mbuf *make_packet(struct weir_mempool *pool)
{
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	struct iphdr *ip;
	struct udphdr *udp;

	if (!mbuf)
		return NULL;
	ip = (struct iphdr *)(void *)weir_mbuf_append(mbuf, sizeof(*ip));
	udp = (struct udphdr *)(void *)weir_mbuf_append(mbuf, sizeof(*udp));
	memcpy(weir_mbuf_append(mbuf, sizeof(data)), data, sizeof(data));
	*ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .protocol = WEIR_PROTOCOL_NUMBER_UDP};
	ip->tot_len = htons((uint16_t)mbuf->length);
	ip->saddr = htonl(0xc0000201);
	ip->daddr = htonl(0xc6336407);
	*udp = (struct udphdr){.uh_sport = htons(4000), .uh_dport = htons(53)};
	udp->uh_ulen = htons((uint16_t)(mbuf->length - UDP));
	return mbuf;
}

static int set_checksums(struct weir_mbuf *mbuf)
{
	weir_ipv4_checksum_set(weir_mbuf_data(mbuf));
	return weir_l4_checksum_set(mbuf, 0, UDP, WEIR_PROTOCOL_NUMBER_UDP);
}

/* Another source. The address is in the pseudo header too, so UDP's checksum follows it. */
static void translate(struct iphdr *ip, struct udphdr *udp, uint32_t address, uint16_t port)
{
	ip->check = weir_checksum_update32(ip->check, ip->saddr, address);
	udp->uh_sum = weir_udp_checksum_update32(udp->uh_sum, ip->saddr, address);
	udp->uh_sum = weir_udp_checksum_update16(udp->uh_sum, udp->uh_sport, port);
	ip->saddr = address;
	udp->uh_sport = port;
}

static void show(const char *what, const struct weir_mbuf *mbuf)
{
	const struct iphdr *ip = (struct iphdr *)(void *)weir_mbuf_data(mbuf);
	const struct udphdr *udp = (struct udphdr *)(void *)weir_mbuf_data_at(mbuf, UDP);
	bool good = weir_ipv4_checksum_verify(ip) &&
		    weir_l4_checksum_verify(mbuf, 0, UDP, WEIR_PROTOCOL_NUMBER_UDP) ==
			    WEIR_CHECKSUM_GOOD;

	printf("%-10s  IPv4 %04x, UDP %04x: %s\n", what, ntohs(ip->check), ntohs(udp->uh_sum),
		good ? "good" : "bad");
}

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {.name = "packets", .count = 16};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbuf = pool ? make_packet(pool) : NULL;
	struct in_addr address;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &address) != 1)
		return 2;
	if (!mbuf) {
		fprintf(stderr, "checksum: %s\n", weir_last_error());
		return 1;
	}
	show("empty", mbuf);
	if (set_checksums(mbuf))
		return 1;
	show("set", mbuf);
	translate((struct iphdr *)(void *)weir_mbuf_data(mbuf),
		(struct udphdr *)(void *)weir_mbuf_data_at(mbuf, UDP), address.s_addr,
		htons((uint16_t)atoi(argv[2])));
	show("translated", mbuf);
	weir_mbuf_free(mbuf);
	return weir_mempool_destroy(pool) != 0;
}
