/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment.c: cut every packet of a capture for a small MTU, put it together again, and say what
 * became of them.
 *
 *	fragment CAPTURE MTU
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cut a packet for a link with this MTU, and put it together again as its receiver does. */
static struct weir_mbuf *there_and_back(
	struct weir_reassembly *reassembly, struct weir_mbuf *packet, uint32_t mtu, uint64_t now_ns)
{
	struct weir_mbuf *fragments[64], *whole = NULL;
	int count = weir_fragment(packet, mtu, 1, fragments, 64);

	if (count < 0) {
		fprintf(stderr, "not cut: %s\n", strerror(-count));
		weir_mbuf_free(packet);
		return NULL;
	}
	for (int i = 0; i < count; i++)
		whole = weir_reassembly_add(reassembly, fragments[i], now_ns);
	return whole;
}

int main(int argc, char **argv)
{
	struct weir_mempool *pool =
		weir_mbuf_pool_create(&(struct weir_mbuf_pool_conf){.count = 4096});
	struct weir_reassembly *reassembly =
		weir_reassembly_create(&(struct weir_reassembly_conf){0});
	struct weir_port *port = argc == 3 && pool ? weir_port_open(argv[1], pool) : NULL;
	struct weir_reassembly_stats stats;
	struct weir_mbuf *packet;
	uint32_t packets = 0, whole = 0;

	if (!port || !reassembly) {
		fprintf(stderr, "fragment: %s\n",
			argc == 3 ? weir_last_error() : "which capture, and what MTU?");
		return 1;
	}
	while (weir_port_rx(port, 0, &packet, 1) == 1) {
		packets++;
		packet = there_and_back(reassembly, packet, (uint32_t)atoi(argv[2]), 1);
		whole += packet != NULL;
		weir_mbuf_free(packet);
	}
	weir_reassembly_stats(reassembly, &stats);
	printf("%u of %u packets are whole, %llu of them after %llu fragments\n", whole, packets,
		(unsigned long long)stats.packets, (unsigned long long)stats.fragments);
	weir_reassembly_destroy(reassembly);
	return weir_port_close(port) != 0 || weir_mempool_destroy(pool) != 0;
}
