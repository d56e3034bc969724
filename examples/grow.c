/* SPDX-License-Identifier: BSD-3-Clause */
/* grow.c: a pool that begins small, grows when it is needed, and gives the memory back.
 *
 *	$ cc grow.c $(pkg-config --cflags --libs weir) && ./a.out
 */
#include <stdio.h>
#include <weir/weir.h>

#define MOST 100000

static struct weir_mbuf *mbufs[MOST];

static void show(struct weir_mempool *pool, const char *when)
{
	printf("%-7s %6u mbufs, %zu MiB\n", when, weir_mempool_count(pool),
		weir_region_size(weir_mempool_region(pool)) >> 20);
}

static int grow_and_shrink(struct weir_mempool *pool)
{
	show(pool, "birth");
	if (weir_mbuf_alloc_bulk(pool, mbufs, MOST))
		return -1;
	show(pool, "height");
	weir_mbuf_free_bulk(mbufs, MOST);
	weir_mempool_shrink(pool);
	show(pool, "after");
	return 0;
}

int main(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "packets", .count = 1024, .max_count = MOST};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	if (!pool || grow_and_shrink(pool)) {
		fprintf(stderr, "grow: %s\n", pool ? "dry" : weir_last_error());
		return 1;
	}
	return weir_mempool_destroy(pool) ? 1 : 0;
}
