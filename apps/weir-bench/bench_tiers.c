/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_tiers.c: allocate mbufs for packets of mixed lengths from two tiers, a call for each, and
 * free them in bursts. The lengths are those of the simple IMIX, in random order. */
#include "benches.h"

#include "calls.h"

#include <weir/tiers.h>

#define SMALL   256
#define LENGTHS 4096 /* more than a branch predictor learns by heart */

static uint16_t lengths[LENGTHS];
static _Thread_local uint32_t position;

/* 7 of 64, 4 of 570 and 1 of 1,518 bytes, or what the larger tier takes (Marsaglia's xorshift32,
 * 2003). */
static void choose_lengths(uint32_t most)
{
	uint32_t random = 1;

	for (uint32_t i = 0; i < LENGTHS; i++) {
		uint32_t which, length;

		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		which = random % 12;
		length = which < 7 ? 64 : which < 11 ? 570 : 1518;
		lengths[i] = (uint16_t)(length < most ? length : most);
	}
}

static inline void *get_one(void *tiers)
{
	return weir_tiers_alloc(tiers, lengths[position++ % LENGTHS]);
}

static inline bool get(void *tiers, void **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		mbufs[i] = get_one(tiers);
		if (!mbufs[i]) {
			call_mbuf_put(tiers, mbufs, i);
			return false;
		}
	}
	return true;
}

static const struct work_buffers calls = {
	get, call_mbuf_put, get_one, call_mbuf_put_one, call_mbuf_data};

static void *create(const struct options *options)
{
	struct weir_tiers_conf conf = {
		.name = "bench",
		.tiers = {{SMALL, options->count}, {options->size, options->count}},
		.common = {.cache = benches_cache(options->cache),
			.pages = (enum weir_pages)benches_pages(options->pages),
			.node = benches_node(options->node)},
	};

	choose_lengths(options->size);
	return weir_tiers_create(&conf);
}

static void destroy(void *tiers)
{
	if (weir_tiers_destroy(tiers) != 0)
		fprintf(stderr, "weir-bench: %s\n", weir_last_error());
}

static const char *pages(void *tiers)
{
	return benches_pages_of(weir_tiers_pool(tiers, 1));
}

static uint64_t run(void *work, uint64_t rounds)
{
	return work_buffers_run(&calls, work, rounds);
}

static const struct buffers_subject subject = {
	.buffers = &calls, .create = create, .destroy = destroy, .pages = pages, .run = run};

const struct bench bench_tiers = {
	"tiers", "allocate mbufs for mixed lengths and free them", bench_buffers, &subject};
