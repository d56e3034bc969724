/* SPDX-License-Identifier: BSD-3-Clause */
/* net_killed.c: a program to be killed: af_xdp under load, with its packets on hugepages that the
 * kernel has pinned, in a network namespace of its own. It goes on until somebody ends it;
 * tests/fault/kill.py does, and looks for what is left. */
#include "veth.h"

#include "weir/weir.h"

#include <string.h>

#define BURST 32

/* Send and receive for ever. */
static void exchange(struct weir_mempool *pool, struct weir_port *a, struct weir_port *b)
{
	struct weir_mbuf *mbufs[BURST];

	for (;;) {
		if (weir_mbuf_alloc_bulk(pool, mbufs, BURST) == 0) {
			for (uint32_t i = 0; i < BURST; i++) {
				memset(weir_mbuf_data(mbufs[i]), 2, 60);
				mbufs[i]->data_length = mbufs[i]->length = 60;
			}
			weir_port_tx_or_drop(a, 0, mbufs, BURST);
		}
		weir_mbuf_free_bulk(mbufs, weir_port_rx(b, 0, mbufs, BURST));
	}
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "killed", .count = 4096, .pages = WEIR_PAGES_2M};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_port *a = NULL, *b = NULL;

	veth_enter();
	if (pool && veth_make(1) == 0) {
		a = weir_port_open("af_xdp:va", pool);
		b = weir_port_open("af_xdp:vb", pool);
	}
	if (a && b)
		exchange(pool, a, b);
	fprintf(stderr, "%s\n", weir_last_error());
	return 1;
}
