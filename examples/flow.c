/* SPDX-License-Identifier: BSD-3-Clause */
/* flow.c: list the IPv4 flows of a capture: a line for each that ends, by the time of the packets.
 *
 *	flow CAPTURE
 */
#include <weir/weir.h>

#include <stdio.h>

#define BURST   32
#define TIMEOUT UINT64_C(10000000000) /* ns: 10 s without a packet */

struct counts {
	uint64_t packets;
	uint64_t bytes;
};

/* Count packets in their flows; those that have none, for lack of room, are passed over. */
static void count_burst(struct weir_flow_table *table, const struct weir_flow_key_ipv4 *keys,
	const uint32_t *bytes, uint32_t count, uint64_t now)
{
	uint32_t indices[WEIR_FLOW_BULK];

	weir_flow_insert_bulk(table, keys, count, now, indices);
	for (uint32_t i = 0; i < count; i++) {
		struct counts *counts;

		if (indices[i] == WEIR_FLOW_NONE)
			continue;
		counts = weir_flow_value(table, indices[i]);
		counts->packets++;
		counts->bytes += bytes[i];
		weir_flow_touch(table, indices[i], now);
	}
}

static void print_flow(void *context, struct weir_flow_table *table, uint32_t index)
{
	const struct weir_flow_key_ipv4 *key = weir_flow_key(table, index);
	const struct counts *counts = weir_flow_value(table, index);

	for (int end = 0; end < 2; end++) {
		const uint8_t *a = key->address[end], *p = key->port[end];

		printf("%u.%u.%u.%u:%u%s", a[0], a[1], a[2], a[3], p[0] << 8 | p[1],
			end ? "" : " - ");
	}
	printf(" protocol %u: %lu packets, %lu bytes\n", key->protocol,
		(unsigned long)counts->packets, (unsigned long)counts->bytes);
	++*(uint32_t *)context;
}

/* Both directions are one flow. */
static void work(
	struct weir_flow_table *table, struct weir_mbuf **mbufs, uint32_t count, uint32_t *ended)
{
	struct weir_flow_key_ipv4 keys[BURST];
	uint32_t bytes[BURST], known = 0;
	uint64_t now = mbufs[0]->timestamp_ns;

	weir_parse_burst(mbufs, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!weir_flow_key_ipv4(mbufs[i], &keys[known]))
			continue;
		weir_flow_key_sort_ipv4(&keys[known]);
		bytes[known++] = mbufs[i]->length;
	}
	count_burst(table, keys, bytes, known, now);
	weir_flow_expire(table, now, BURST, print_flow, ended);
}

int main(int argc, char **argv)
{
	struct weir_mempool *pool =
		weir_mbuf_pool_create(&(struct weir_mbuf_pool_conf){.count = 1024});
	struct weir_flow_table *table = weir_flow_create(&(struct weir_flow_conf){.count = 100000,
		.key_size = sizeof(struct weir_flow_key_ipv4),
		.value_size = sizeof(struct counts),
		.timeout = TIMEOUT,
		.tick = TIMEOUT / 64});
	struct weir_port *port = argc == 2 && pool && table ? weir_port_open(argv[1], pool) : NULL;
	struct weir_mbuf *mbufs[BURST];
	uint32_t got, index, ended = 0;

	if (!port) {
		fprintf(stderr, "flow: %s\n", argc == 2 ? weir_last_error() : "which capture?");
		return 1;
	}
	while ((got = weir_port_rx(port, 0, mbufs, BURST)) > 0) {
		work(table, mbufs, got, &ended);
		weir_mbuf_free_bulk(mbufs, got);
	}
	for (index = weir_flow_next(table, 0); index != WEIR_FLOW_NONE;
		index = weir_flow_next(table, index + 1))
		print_flow(&ended, table, index);
	printf("%u flows\n", ended);
	weir_flow_destroy(table);
	return weir_port_close(port) != 0 || weir_mempool_destroy(pool) != 0;
}
