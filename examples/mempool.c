/* SPDX-License-Identifier: BSD-3-Clause */
/* mempool.c: a pool runs dry because a sleeping thread keeps free objects in its cache.
 *
 *	mempool           the thread sleeps on them
 *	mempool flush     it gives them back before
 */
#include <weir/weir.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define COUNT 1024
#define CACHE 128

struct sleeper {
	struct weir_mempool *pool;
	bool flush;
	pthread_barrier_t asleep, awake;
};

static void *sleeper_main(void *argument)
{
	struct sleeper *sleeper = argument;
	void *objects[CACHE];

	if (weir_mempool_get_bulk(sleeper->pool, objects, CACHE) == 0)
		weir_mempool_put_bulk(sleeper->pool, objects, CACHE);
	/* What a cache holds nobody else can take; who waits for long gives it back. */
	if (sleeper->flush)
		weir_mempool_flush(sleeper->pool);
	pthread_barrier_wait(&sleeper->asleep);
	pthread_barrier_wait(&sleeper->awake);
	return NULL;
}

/* Take all there is, say how the pool stands, try to destroy it, and give everything back. */
static void use(struct weir_mempool *pool)
{
	struct weir_mempool_stats stats;
	void *objects[COUNT];
	uint32_t got = weir_mempool_get_burst(pool, objects, COUNT);

	weir_mempool_stats(pool, &stats);
	printf("got %u of %u: in use %u, cached %u, threads %u, failures %llu\n", got, COUNT,
		stats.in_use, stats.cached, stats.threads, (unsigned long long)stats.failures);
	if (weir_mempool_destroy(pool) != 0)
		printf("%s\n", weir_last_error());
	weir_mempool_put_bulk(pool, objects, got);
}

int main(int argc, char **argv)
{
	struct weir_mempool_conf conf = {
		.name = "jobs", .count = COUNT, .size = 64, .cache = CACHE};
	struct sleeper sleeper = {.flush = argc == 2 && strcmp(argv[1], "flush") == 0};
	pthread_t thread;

	sleeper.pool = weir_mempool_create(&conf);
	if (!sleeper.pool) {
		fprintf(stderr, "mempool: %s\n", weir_last_error());
		return 1;
	}
	pthread_barrier_init(&sleeper.asleep, NULL, 2);
	pthread_barrier_init(&sleeper.awake, NULL, 2);
	if (pthread_create(&thread, NULL, sleeper_main, &sleeper) != 0)
		return 1;
	pthread_barrier_wait(&sleeper.asleep);
	use(sleeper.pool);
	pthread_barrier_wait(&sleeper.awake);
	pthread_join(thread, NULL);
	return weir_mempool_destroy(sleeper.pool) == 0 ? 0 : 1;
}
