/* SPDX-License-Identifier: BSD-3-Clause */
/* parse.c: print which headers the packets of a capture have, a line for each packet.
 *
 *	parse CAPTURE
 */
#include <weir/weir.h>

#include <stdio.h>

#define BURST 32

/* "eth/ipv4/tcp, 128 bytes behind them"; and why there is nothing more, when that is no payload. */
static void print_layers(const struct weir_mbuf *mbuf)
{
	struct weir_layers layers;
	char text[256];

	weir_parse_layers(mbuf, &layers);
	weir_layers_text(&layers, text, sizeof(text));
	printf("%s, %u bytes behind them", text, layers.payload_length);
	if (layers.end != WEIR_PARSE_DONE)
		printf(" (%s)", weir_parse_end_name(layers.end));
	printf("\n");
}

/* What a program does for each burst. */
static uint32_t count_tcp(struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t tcp = 0;

	weir_parse_burst(mbufs, count);
	for (uint32_t i = 0; i < count; i++)
		tcp += (mbufs[i]->packet_type & WEIR_TYPE_L4) == WEIR_L4_TCP;
	return tcp;
}

int main(int argc, char **argv)
{
	struct weir_mempool *pool =
		weir_mbuf_pool_create(&(struct weir_mbuf_pool_conf){.count = 1024});
	struct weir_port *port = argc == 2 && pool ? weir_port_open(argv[1], pool) : NULL;
	struct weir_mbuf *mbufs[BURST];
	uint32_t got, tcp = 0;

	if (!port) {
		fprintf(stderr, "parse: %s\n", argc == 2 ? weir_last_error() : "which capture?");
		return 1;
	}
	while ((got = weir_port_rx(port, 0, mbufs, BURST)) > 0) {
		tcp += count_tcp(mbufs, got);
		for (uint32_t i = 0; i < got; i++)
			print_layers(mbufs[i]);
		weir_mbuf_free_bulk(mbufs, got);
	}
	printf("%u of TCP\n", tcp);
	return weir_port_close(port) != 0 || weir_mempool_destroy(pool) != 0;
}
