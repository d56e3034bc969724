/* SPDX-License-Identifier: BSD-3-Clause */
/* misuse.c: a program that writes past the end of an mbuf, and later frees it twice.
 *
 *	misuse                       nobody notices
 *	WEIR_TRACK=guards misuse     what, which mbuf, and the lines of code
 */
#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

/* Means to clear what is left behind the data, and a little more. */
static void clear_rest(struct weir_mbuf *mbuf)
{
	memset(weir_mbuf_data(mbuf), 0, weir_mbuf_tailroom(mbuf) + 8);
}

static void finish(struct weir_mbuf *mbuf)
{
	weir_mbuf_free(mbuf);
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "packets", .count = 1024};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbuf = pool ? weir_mbuf_alloc(pool) : NULL;

	if (!mbuf) {
		fprintf(stderr, "misuse: %s\n", weir_last_error());
		return 1;
	}
	clear_rest(mbuf);
	finish(mbuf);
	finish(mbuf);
	printf("%llu mistakes\n", (unsigned long long)weir_guard_count());
	return 0;
}
