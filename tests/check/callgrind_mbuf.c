/* SPDX-License-Identifier: BSD-3-Clause */
/* callgrind_mbuf.c: allocate and free 32 mbufs, as many times as asked; for counting instructions.
 *
 *	callgrind_mbuf ROUNDS
 */
#include <weir/mbuf.h>

#include <stdio.h>
#include <stdlib.h>

#define BURST 32

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {.count = 1024, .cache = 512, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbufs[BURST];

	if (argc != 2 || !pool) {
		fprintf(stderr, "callgrind_mbuf: %s\n",
			pool ? "how many rounds?" : weir_last_error());
		return 1;
	}
	for (long i = strtol(argv[1], NULL, 10); i > 0; i--) {
		if (weir_mbuf_alloc_bulk(pool, mbufs, BURST) != 0)
			return 1;
		__asm__ __volatile__("" : : "r"(mbufs) : "memory");
		weir_mbuf_free_bulk(mbufs, BURST);
	}
	return weir_mempool_destroy(pool) == 0 ? 0 : 1;
}
