/* SPDX-License-Identifier: BSD-3-Clause */
/* forward.c: take every packet of one port to another: the smallest whole program with weir.
 *
 *	forward tests/data/sample.pcap pcap:tx=copy.pcap
 */
#include <weir/weir.h>

#include <stdio.h>

#define BURST 32

static int complain(const char *sentence)
{
	fprintf(stderr, "forward: %s\n", sentence);
	return 1;
}

static int forward(struct weir_port *in, struct weir_port *out)
{
	struct weir_mbuf *burst[BURST];
	uint32_t count;

	for (;;) {
		count = weir_port_rx(in, 0, burst, BURST);
		if (count == 0 && weir_port_state(in) != WEIR_PORT_UP)
			break;
		/* What the other side does not take is dropped and counted: waiting for it would
		 * only move the loss to where nobody counts. */
		weir_port_tx_or_drop(out, 0, burst, count);
		if (weir_port_state(out) < 0)
			return complain(weir_port_error(out));
	}
	return weir_port_state(in) < 0 ? complain(weir_port_error(in)) : 0;
}

/* Open, forward, and close what is open in the opposite order. A close says whether all that was
 * sent arrived, destroying the pool whether every mbuf came back. */
int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {.name = "packets", .count = 8192};
	struct weir_mempool *pool;
	struct weir_port *in, *out;
	int failed = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: forward IN OUT, each a port such as pcap:rx=in.pcap\n");
		return 2;
	}
	pool = weir_mbuf_pool_create(&conf);
	in = pool ? weir_port_open(argv[1], pool) : NULL;
	out = in ? weir_port_open(argv[2], NULL) : NULL;
	if (!out)
		failed = complain(weir_last_error());
	else
		failed = forward(in, out);
	if (weir_port_close(out) != 0)
		failed = complain(weir_last_error());
	weir_port_close(in);
	if (weir_mempool_destroy(pool) != 0)
		failed = complain(weir_last_error());
	return failed;
}
