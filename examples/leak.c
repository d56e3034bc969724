/* SPDX-License-Identifier: BSD-3-Clause */
/* leak.c: a program that loses three mbufs at two places, and is told where.
 *
 *	leak                       says which pool and how many
 *	WEIR_TRACK=sites leak      and the lines of code
 */
#include <weir/weir.h>

#include <stdio.h>

/* Handles the first six packets of a burst and forgets the others. */
static void receive(struct weir_mempool *pool)
{
	struct weir_mbuf *burst[8];

	if (weir_mbuf_alloc_bulk(pool, burst, 8))
		return;
	weir_mbuf_free_bulk(burst, 6);
}

/* Makes a packet, and means to send it some day. */
static void answer(struct weir_mempool *pool)
{
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "hello", 5);

	if (mbuf)
		mbuf->port = 1;
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "packets", .count = 1024};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	if (!pool) {
		fprintf(stderr, "leak: %s\n", weir_last_error());
		return 1;
	}
	weir_track_owner("receiver");
	receive(pool);
	weir_track_owner("answerer");
	answer(pool);
	if (weir_mempool_destroy(pool))
		fprintf(stderr, "%s\n", weir_last_error());
	return 0;
}
