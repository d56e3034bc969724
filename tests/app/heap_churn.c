/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_churn.c: how much memory an allocator takes for what is asked of it, and how long its
 * slowest calls take: of whatever malloc the program is started with. heap_churn_heap, which is
 * this built with OF_A_HEAP, does so with a heap like that of the preload, and says what lies in
 * it, too.
 *
 *	LD_PRELOAD=libweir-malloc.so heap_churn [OPERATIONS]
 *	heap_churn_heap [OPERATIONS]
 *
 * Sizes are the 64-quantiles of 230,735 calls that git, python3, sqlite3 and redis made in
 * tests/app/test_malloc.py, each as often as another, less 0 to 15 bytes. Lifetimes are
 * heavy-tailed: of each power of two of operations, to a million, as many blocks live so long. An
 * operation frees a block and takes another one. Its time is what the thread had a processor for:
 * by the clock the slowest are those that another program interrupted. One line of JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Blocks that live 17 * 2^g operations on average, for each g. */
#define GROUPS 17
/* One operation of so many is timed; this clock is a system call of some 100 ns. */
#define SAMPLE 16
/* Buckets of times: 16 for each power of two, so that a quantile is at most 1/16 too high. */
#define BUCKETS (64 * 16)

static const uint32_t sizes[64] = {16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
	16, 16, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
	32, 32, 32, 32, 32, 32, 48, 48, 48, 48, 48, 48, 48, 48, 48, 96, 576, 880, 1040, 1648, 2912,
	6912, 8192, 17328, 40960};

struct block {
	uint8_t *bytes;
	size_t size;
};

static struct block blocks[1u << GROUPS];
static uint64_t times[BUCKETS], slowest, samples, state = 88172645463325252u, live;

#ifdef OF_A_HEAP
#include <weir/heap.h>

static struct weir_heap *heap;

static void begin(void)
{
	const struct weir_heap_conf conf = {.pages = WEIR_PAGES_4K, .lazy = true};

	heap = weir_heap_create(&conf);
}

static void *take(size_t size)
{
	return heap ? weir_heap_alloc(heap, size) : NULL;
}

static void give(void *block)
{
	weir_heap_free(heap, block);
}

/* Shares of the heap, as docs/heap.md defines them. */
static void tell(void)
{
	struct weir_heap_stats stats;

	weir_heap_stats(heap, &stats);
	printf("\"heap_use\":%.4f,\"heap_fragmentation\":%.4f,",
		(double)stats.used / (double)stats.size, (double)stats.idle / (double)stats.size);
}
#else
static void begin(void)
{
}

static void *take(size_t size)
{
	return malloc(size);
}

static void give(void *block)
{
	free(block);
}

static void tell(void)
{
}
#endif

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static size_t resident(void)
{
	unsigned long all, pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file) {
		if (fscanf(file, "%lu %lu", &all, &pages) != 2)
			pages = 0;
		fclose(file);
	}
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void touch(uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		bytes[at] = 1;
	bytes[size - 1] = 1;
}

/* Below 16 ns one for each; then the 4 bits behind the first. */
static uint32_t bucket_of(uint64_t ns)
{
	uint32_t log2_ns = 63 - (uint32_t)__builtin_clzll(ns | 16);

	return ns < 16 ? (uint32_t)ns : (log2_ns - 3) * 16 + ((uint32_t)(ns >> (log2_ns - 4)) & 15);
}

/* The least time that is above a bucket. */
static uint64_t end_of(uint32_t bucket)
{
	return bucket < 16 ? bucket + 1 : (uint64_t)(bucket % 16 + 17) << (bucket / 16 - 1);
}

static void note(uint64_t ns)
{
	times[bucket_of(ns)]++;
	slowest = ns > slowest ? ns : slowest;
	samples++;
}

static void replace(struct block *block, size_t size, int timed)
{
	uint64_t start = timed ? now(CLOCK_THREAD_CPUTIME_ID) : 0;

	if (block->bytes)
		give(block->bytes);
	live -= block->size;
	block->bytes = take(size);
	if (!block->bytes) {
		fprintf(stderr, "heap_churn: no memory\n");
		exit(1);
	}
	if (timed)
		note(now(CLOCK_THREAD_CPUTIME_ID) - start);
	block->size = size;
	live += size;
	touch(block->bytes, size);
}

static uint64_t quantile(double share)
{
	uint64_t below = 0, want = (uint64_t)((double)samples * share);

	for (uint32_t i = 0; i < BUCKETS; i++) {
		below += times[i];
		if (below > want)
			return end_of(i) < slowest ? end_of(i) : slowest;
	}
	return slowest;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
	size_t before, after;
	uint64_t start;

	memset(blocks, 1, sizeof(blocks)); /* resident from the start, as the times */
	memset(blocks, 0, sizeof(blocks));
	before = resident();
	begin();
	start = now(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t random = next();
		uint32_t group = (uint32_t)(random >> 48) % GROUPS;
		uint32_t slot = (1u << group) + ((uint32_t)random & ((1u << group) - 1));

		replace(&blocks[slot], sizes[(random >> 20) % 64] - ((random >> 32) & 15),
			i % SAMPLE == 0);
	}
	start = now(CLOCK_MONOTONIC) - start;
	after = resident();
	putchar('{');
	tell();
	printf("\"operations\":%llu,\"ns\":%.1f,\"asked\":%llu,\"resident\":%zu,\"use\":%.4f,"
	       "\"p50_ns\":%llu,\"p99_ns\":%llu,\"p99.999_ns\":%llu,\"max_ns\":%llu}\n",
		(unsigned long long)count, (double)start / (double)count, (unsigned long long)live,
		after - before, (double)live / (double)(after - before),
		(unsigned long long)quantile(0.5), (unsigned long long)quantile(0.99),
		(unsigned long long)quantile(0.99999), (unsigned long long)slowest);
	return 0;
}
