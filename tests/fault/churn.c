/* SPDX-License-Identifier: BSD-3-Clause */
/* churn.c: regions and pools on 2 MiB pages that are made, grown, shrunk, shared and given up
 * without end, to be killed in the middle of it (kill.py).
 *
 *	churn SEED
 */
#include "weir/mbuf.h"
#include "weir/mem.h"
#include "weir/mempool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE   ((size_t)2 << 20)
#define CHUNKS 4

static void fail(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, weir_last_error());
	exit(1);
}

/* A shared region goes to a child, which keeps it until it ends or is killed, too. */
static void share(struct weir_region *region)
{
	struct weir_region *theirs;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		fail("socketpair");
	if (fork() == 0) {
		close(ends[0]);
		theirs = weir_region_receive(ends[1]);
		if (theirs)
			memset(weir_region_base(theirs), 1, PAGE);
		usleep((useconds_t)(rand() % 3000));
		_exit(0);
	}
	close(ends[1]);
	if (weir_region_send(region, ends[0]))
		fail("send");
	close(ends[0]);
}

static void churn_region(bool shared)
{
	struct weir_region_conf conf = {.name = "churn",
		.size = PAGE,
		.max_size = CHUNKS * PAGE,
		.chunk = PAGE,
		.pages = WEIR_PAGES_2M,
		.shared = shared};
	struct weir_region *region = weir_region_create(&conf);

	if (!region)
		fail("create");
	if (shared)
		share(region);
	for (unsigned int i = 0; i < 8; i++) {
		size_t chunk = 1 + (size_t)rand() % (CHUNKS - 1);

		if (rand() % 2 && weir_region_commit(region, chunk * PAGE, PAGE))
			fail("commit");
		if (rand() % 2 && weir_region_release(region, chunk * PAGE, PAGE))
			fail("release");
	}
	weir_region_destroy(region);
}

static void churn_pool(void)
{
	struct weir_mbuf_pool_conf conf = {.count = 1500, .pages = WEIR_PAGES_2M};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbufs[100];

	if (!pool)
		fail("pool");
	for (unsigned int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < 100; i++)
			mbufs[i] = weir_mbuf_alloc(pool);
		for (unsigned int i = 0; i < 100; i++)
			if (mbufs[i])
				weir_mbuf_free(mbufs[i]);
	}
	if (weir_mempool_destroy(pool))
		fail("destroy");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	srand((unsigned int)atoi(argv[1]));
	for (;;) {
		churn_region(false);
		churn_region(true);
		churn_pool();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
