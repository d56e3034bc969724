/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tiers.c: tiers of mbuf pools: which tier serves, what happens when it is dry, the figures,
 * and every way of being refused. */
#include "unit.h"

#include "weir/chain.h"
#include "weir/tiers.h"

#include <pthread.h>
#include <stdlib.h>

#define TIERS 3

static const uint32_t sizes[TIERS] = {100, 200, 400};

/* Three tiers of count mbufs each. */
static struct weir_tiers *make(uint32_t count, uint32_t cache)
{
	struct weir_tiers_conf conf = {.name = "test",
		.tiers = {{100, count}, {200, count}, {400, count}},
		.common = {.cache = cache, .private_size = 8, .pages = WEIR_PAGES_4K}};
	struct weir_tiers *tiers = weir_tiers_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(tiers);
	return tiers;
}

static uint32_t in_use(struct weir_tiers *tiers)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < weir_tiers_count(tiers); i++)
		sum += weir_mempool_in_use(weir_tiers_pool(tiers, i));
	return sum;
}

/* The tier an mbuf is of. */
static uint32_t tier_of(const struct weir_tiers *tiers, const struct weir_mbuf *mbuf)
{
	for (uint32_t i = 0; i < weir_tiers_count(tiers); i++)
		if (weir_tiers_pool(tiers, i) == weir_mbuf_pool(mbuf))
			return i;
	return UINT32_MAX;
}

static void test_smallest_that_fits(void)
{
	static const uint32_t lengths[] = {0, 1, 99, 100, 101, 200, 201, 399, 400};
	static const uint32_t expected[] = {0, 0, 0, 0, 1, 1, 2, 2, 2};
	struct weir_tiers *tiers = make(8, 0);

	CU_ASSERT_EQUAL(weir_tiers_count(tiers), TIERS);
	for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct weir_mbuf *mbuf = weir_tiers_alloc(tiers, lengths[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
		CU_ASSERT_EQUAL(tier_of(tiers, mbuf), expected[i]);
		CU_ASSERT_EQUAL(weir_tiers_index(tiers, lengths[i]), expected[i]);
		CU_ASSERT_EQUAL(weir_mbuf_headroom(mbuf), WEIR_MBUF_HEADROOM);
		CU_ASSERT_EQUAL(weir_mbuf_tailroom(mbuf), sizes[expected[i]]);
		CU_ASSERT_EQUAL(mbuf->length, 0);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(weir_tiers_index(tiers, 401), TIERS);
	CU_ASSERT_EQUAL(weir_tiers_index(tiers, UINT32_MAX), TIERS);
	CU_ASSERT_PTR_NULL(weir_tiers_alloc(tiers, 401));
	CU_ASSERT_PTR_NULL(weir_tiers_alloc(tiers, UINT32_MAX));
	CU_ASSERT_EQUAL(in_use(tiers), 0);
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

/* All eight tiers, so that none lies behind the last. */
static void test_most_tiers(void)
{
	struct weir_tiers_conf conf = {.common = {.pages = WEIR_PAGES_4K}};
	struct weir_tiers *tiers;

	for (uint32_t i = 0; i < WEIR_TIERS_MAX; i++)
		conf.tiers[i] = (struct weir_tier_conf){10 * (i + 1), 1};
	tiers = weir_tiers_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tiers);
	for (uint32_t i = 0; i < WEIR_TIERS_MAX; i++) {
		struct weir_mbuf *mbuf = weir_tiers_alloc(tiers, 10 * (i + 1));

		CU_ASSERT_EQUAL(tier_of(tiers, mbuf), i);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_PTR_NULL(weir_tiers_alloc(tiers, 81));
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

/* What the tiers should do, kept beside them. */
struct model {
	uint32_t count;
	struct weir_tiers_stats tiers[TIERS];
};

/* Where the next mbuf for this length comes from: a tier, or TIERS. */
static uint32_t model_alloc(struct model *model, uint32_t length)
{
	uint32_t index = 0, from;

	while (sizes[index] < length)
		index++;
	for (from = index; from < TIERS && model->tiers[from].in_use == model->count;)
		from++;
	if (from == TIERS) {
		model->tiers[index].failed++;
		return from;
	}
	if (from == index)
		model->tiers[index].served++;
	else
		model->tiers[index].fell_up++, model->tiers[from].stepped_in++;
	model->tiers[from].in_use++;
	return from;
}

static void compare(struct weir_tiers *tiers, const struct model *model)
{
	for (uint32_t i = 0; i < TIERS; i++) {
		const struct weir_tiers_stats *expected = &model->tiers[i];
		struct weir_tiers_stats stats;

		weir_tiers_stats(tiers, i, &stats);
		CU_ASSERT_EQUAL(stats.size, sizes[i]);
		CU_ASSERT_EQUAL(stats.count, model->count);
		CU_ASSERT_EQUAL(stats.in_use, expected->in_use);
		CU_ASSERT(stats.peak >= stats.in_use && stats.peak <= stats.count);
		CU_ASSERT_EQUAL(stats.served, expected->served);
		CU_ASSERT_EQUAL(stats.fell_up, expected->fell_up);
		CU_ASSERT_EQUAL(stats.failed, expected->failed);
		CU_ASSERT_EQUAL(stats.stepped_in, expected->stepped_in);
		CU_ASSERT_EQUAL(
			stats.freed, expected->served + expected->stepped_in - expected->in_use);
	}
}

/* Random allocations and frees, often dry, against the model: each mbuf from the right tier. */
static void test_against_model(void)
{
	enum { COUNT = 40, HELD = 3 * COUNT, ROUNDS = 200000 };
	struct weir_tiers *tiers = make(COUNT, 0);
	struct model model = {.count = COUNT};
	struct weir_mbuf *held[HELD];
	uint32_t holding = 0, wrong = 0;

	srand(4);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t random = (uint32_t)rand();

		if (holding && random % 1000 < 480) {
			uint32_t victim = random / 1000 % holding;

			model.tiers[tier_of(tiers, held[victim])].in_use--;
			weir_mbuf_free(held[victim]);
			held[victim] = held[--holding];
		} else {
			uint32_t length = random / 1000 % (round % 2 ? 101 : 401);
			uint32_t from = model_alloc(&model, length);
			struct weir_mbuf *mbuf = weir_tiers_alloc(tiers, length);

			wrong += (mbuf ? tier_of(tiers, mbuf) : TIERS) != from;
			if (mbuf)
				held[holding++] = mbuf;
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	compare(tiers, &model);
	CU_ASSERT(model.tiers[0].fell_up > 1000 && model.tiers[0].failed > 1000);
	weir_mbuf_free_bulk(held, holding);
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

/* A bulk takes what its tier has and the rest above; with one too many it takes nothing. */
static void test_bulk(void)
{
	struct weir_tiers *tiers = make(8, 0);
	struct weir_mbuf *mbufs[25];
	struct model model = {.count = 8};

	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 101, mbufs, 17), -ENOBUFS);
	model.tiers[1].failed = 17;
	compare(tiers, &model);
	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 401, mbufs, 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 1, mbufs, 0), 0);
	compare(tiers, &model);
	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 1, mbufs, 21), 0);
	for (uint32_t i = 0; i < 21; i++) {
		CU_ASSERT_EQUAL(tier_of(tiers, mbufs[i]), i / 8);
		CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[i]), 0);
		CU_ASSERT_EQUAL(mbufs[i]->offset, WEIR_MBUF_HEADROOM);
	}
	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 400, mbufs + 21, 4), -ENOBUFS);
	weir_mbuf_free_bulk(mbufs, 21);
	model.tiers[0].served = 8;
	model.tiers[0].fell_up = 13;
	model.tiers[1].stepped_in = 8;
	model.tiers[2].stepped_in = 5;
	model.tiers[2].failed = 4;
	compare(tiers, &model);
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

/* Segments that a packet of this length should have. */
static uint32_t segments_of(uint32_t length)
{
	return length <= 400 ? 1 : (length + 399) / 400;
}

static void test_from_bytes(void)
{
	static const uint32_t lengths[] = {0, 1, 100, 101, 400, 401, 500, 800, 801, 1150, 1200};
	struct weir_tiers *tiers = make(8, 0);
	uint8_t bytes[1200], back[1200];

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct weir_mbuf *mbuf = weir_tiers_from_bytes(tiers, bytes, lengths[i]);
		uint32_t rest = lengths[i] - 400 * (segments_of(lengths[i]) - 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
		CU_ASSERT_EQUAL(mbuf->length, lengths[i]);
		CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
		CU_ASSERT_EQUAL(weir_mbuf_segments(mbuf), segments_of(lengths[i]));
		CU_ASSERT_EQUAL(
			tier_of(tiers, weir_mbuf_last(mbuf)), weir_tiers_index(tiers, rest));
		CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, 0, back, lengths[i]), 0);
		CU_ASSERT_EQUAL(memcmp(bytes, back, lengths[i]), 0);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(in_use(tiers), 0);
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

/* The largest tier runs dry at the n-th segment: nothing is taken. */
static void test_from_bytes_dry(void)
{
	static const uint8_t bytes[400 * 6];
	struct weir_mbuf *taken[8];

	for (uint32_t n = 0; n <= 8; n++) {
		struct weir_tiers *tiers = make(8, 0);
		struct weir_mbuf *mbuf;

		CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 400, taken, 8 - n), 0);
		mbuf = weir_tiers_from_bytes(tiers, bytes, sizeof(bytes));
		CU_ASSERT_EQUAL(mbuf != NULL, n >= 6);
		CU_ASSERT_EQUAL(in_use(tiers), 8 - n + (mbuf ? 6 : 0));
		weir_mbuf_free(mbuf);
		weir_mbuf_free_bulk(taken, 8 - n);
		CU_ASSERT_EQUAL(in_use(tiers), 0);
		CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
	}
}

static uint32_t pools_there(void)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i <= WEIR_MEMPOOL_MAX; i++)
		count += weir__mempools[i] != NULL;
	return count;
}

/* A conf that is refused with EINVAL and these words, and leaves no pool behind. */
static void refuse(const struct weir_tiers_conf *conf, const char *words)
{
	uint32_t before = pools_there();

	errno = 0;
	CU_ASSERT_PTR_NULL(weir_tiers_create(conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), words));
	CU_ASSERT_EQUAL(pools_there(), before);
}

static void test_refused(void)
{
	refuse(&(struct weir_tiers_conf){.tiers = {{200, 1}, {100, 1}}},
		"tiers 'tiers': size 100 of tier 1 is not above 200");
	refuse(&(struct weir_tiers_conf){.name = "rx", .tiers = {{200, 1}, {0, 0}, {200, 1}}},
		"tiers 'rx': size 200 of tier 2 is not above 200");
	refuse(&(struct weir_tiers_conf){.tiers = {{0, 1}}}, "size 0 of tier 0 is not above 0");
	refuse(&(struct weir_tiers_conf){.tiers = {{100, 1}}, .memory = 1}, "leave it at 0");
	refuse(&(struct weir_tiers_conf){.memory = 65536 * 8}, "0 mbufs of 65536 bytes");
	/* the second pool fails: the first goes, too */
	refuse(&(struct weir_tiers_conf){.name = "rx",
		       .tiers = {{100, 1}, {UINT32_MAX / 2, 1}},
		       .common = {.pages = WEIR_PAGES_4K}},
		"pool 'rx/2147483647'");
	refuse(&(struct weir_tiers_conf){.common = {.private_size = UINT32_MAX}}, "pool 'tiers'");
}

/* Tiers without mbufs are left out; the others keep their order. */
static void test_left_out(void)
{
	struct weir_tiers_conf conf = {.tiers = {{100, 0}, {200, 5}, {0, 0}, {300, 0}, {400, 6}},
		.common = {.pages = WEIR_PAGES_4K, .headroom = WEIR_MBUF_NO_HEADROOM}};
	struct weir_tiers *tiers = weir_tiers_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(tiers);
	CU_ASSERT_EQUAL(weir_tiers_count(tiers), 2);
	CU_ASSERT_EQUAL(weir_mempool_count(weir_tiers_pool(tiers, 0)), 5);
	CU_ASSERT_EQUAL(weir_mbuf_pool_size(weir_tiers_pool(tiers, 1)), 400);
	CU_ASSERT_STRING_EQUAL(weir_mempool_name(weir_tiers_pool(tiers, 1)), "tiers/400");
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

/* The defaults use the memory they are given, and not more. */
static void test_defaults(void)
{
	static const uint32_t default_sizes[] = {256, 2048, 9216, 65536};
	struct weir_tiers_conf conf = {.common = {.pages = WEIR_PAGES_4K}};

	for (size_t memory = 0; memory <= 64u << 20; memory += 32u << 20) {
		struct weir_tiers *tiers;
		size_t used = 0, wanted = memory ? memory : WEIR_TIERS_MEMORY;

		conf.memory = memory;
		tiers = weir_tiers_create(&conf);
		CU_ASSERT_PTR_NOT_NULL_FATAL(tiers);
		CU_ASSERT_EQUAL_FATAL(weir_tiers_count(tiers), 4);
		for (uint32_t i = 0; i < 4; i++) {
			struct weir_mempool *pool = weir_tiers_pool(tiers, i);

			CU_ASSERT_EQUAL(weir_mbuf_pool_size(pool), default_sizes[i]);
			used += weir_mbuf_pool_memory(&(struct weir_mbuf_pool_conf){
				.size = default_sizes[i], .count = weir_mempool_count(pool)});
		}
		CU_ASSERT(used <= wanted && used > wanted / 100 * 99);
		CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
	}
}

/* Whichever tier has mbufs out, all stay as they were. */
static void test_busy(void)
{
	struct weir_tiers *tiers = make(8, 0);
	struct weir_mbuf *mbufs[3];
	char sentence[128];

	for (uint32_t busy = 0; busy < TIERS; busy++) {
		CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, sizes[busy], mbufs, 3), 0);
		CU_ASSERT_EQUAL_FATAL(weir_tiers_destroy(tiers), -EBUSY);
		snprintf(sentence, sizeof(sentence),
			"tiers 'test': 3 of 8 mbufs of %u bytes are out; free them before "
			"destroying them",
			sizes[busy]);
		CU_ASSERT_STRING_EQUAL(weir_last_error(), sentence);
		CU_ASSERT_EQUAL_FATAL(weir_tiers_count(tiers), TIERS);
		for (uint32_t i = 0; i < TIERS; i++) {
			struct weir_mbuf *mbuf = weir_tiers_alloc(tiers, sizes[i]);

			CU_ASSERT_EQUAL(tier_of(tiers, mbuf), i);
			weir_mbuf_free(mbuf);
		}
		weir_mbuf_free_bulk(mbufs, 3);
	}
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
	CU_ASSERT_EQUAL(weir_tiers_destroy(NULL), 0);
}

/* Dry is when alloc looks: the peak is seen without anybody asking. */
static void test_peak(void)
{
	struct weir_tiers *tiers = make(8, 0);
	struct weir_tiers_stats stats;
	struct weir_mbuf *mbufs[9];

	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 1, mbufs, 9), 0);
	weir_mbuf_free_bulk(mbufs, 9);
	weir_tiers_stats(tiers, 0, &stats);
	CU_ASSERT_EQUAL(stats.peak, 8);
	CU_ASSERT_EQUAL(stats.in_use, 0);
	CU_ASSERT_EQUAL(stats.freed, 8);
	mbufs[0] = weir_mbuf_alloc(weir_tiers_pool(tiers, 1)); /* not through the tiers */
	weir_tiers_stats(tiers, 1, &stats);
	CU_ASSERT_EQUAL(stats.in_use, 1);
	CU_ASSERT_EQUAL(stats.served, 0);
	CU_ASSERT_EQUAL(stats.freed, 0);
	weir_mbuf_free(mbufs[0]);
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

static void *use_some(void *argument)
{
	struct weir_tiers *tiers = argument;

	for (uint32_t i = 0; i < 1000; i++)
		weir_mbuf_free(weir_tiers_alloc(tiers, 1));
	return NULL;
}

/* What threads were served outlasts them, with a slot and without. */
static void test_ended_threads(void)
{
	static const uint32_t caches[] = {0, WEIR_MEMPOOL_CACHE_NONE};

	for (uint32_t i = 0; i < 2; i++) {
		struct weir_tiers *tiers = make(64, caches[i]);
		struct weir_tiers_stats stats;

		for (uint32_t j = 0; j < 3; j++) {
			pthread_t thread;

			pthread_create(&thread, NULL, use_some, tiers);
			pthread_join(thread, NULL);
		}
		weir_tiers_stats(tiers, 0, &stats);
		CU_ASSERT_EQUAL(stats.served, 3000);
		CU_ASSERT_EQUAL(stats.freed, 3000);
		CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
	}
}

static void expect_report(struct weir_tiers *tiers, bool json, const char *expected)
{
	char *text = weir_tiers_report(tiers, json);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text, expected);
	free(text);
}

static void test_report(void)
{
	struct weir_tiers_conf conf = {.name = "a \"b\\\n",
		.tiers = {{100, 2}, {9216, 3}},
		.common = {.pages = WEIR_PAGES_4K}};
	struct weir_tiers *tiers = weir_tiers_create(&conf);
	struct weir_mbuf *mbufs[3];

	CU_ASSERT_PTR_NOT_NULL_FATAL(tiers);
	CU_ASSERT_EQUAL(weir_tiers_alloc_bulk(tiers, 7, mbufs, 3), 0);
	expect_report(tiers, true,
		"{\"name\": \"a \\\"b\\\\\\u000a\", \"tiers\": [\n"
		" {\"size\": 100, \"count\": 2, \"in_use\": 2, \"peak\": 2, \"served\": 2, "
		"\"fell_up\": 1, \"failed\": 0, \"stepped_in\": 0, \"freed\": 0, "
		"\"hit_rate\": 0.666666},\n"
		" {\"size\": 9216, \"count\": 3, \"in_use\": 1, \"peak\": 1, \"served\": 0, "
		"\"fell_up\": 0, \"failed\": 0, \"stepped_in\": 1, \"freed\": 0, "
		"\"hit_rate\": null}\n]}\n");
	expect_report(tiers, false,
		"tiers 'a \"b\\\n'\n"
		"     size    count   in use     peak       served    fell up     failed stepped "
		"in "
		"       freed  hit rate\n"
		"      100        2        2        2            2          1          0          "
		"0 "
		"           0    66.66%\n"
		"     9216        3        1        1            0          0          0          "
		"1 "
		"           0         -\n");
	weir_mbuf_free_bulk(mbufs, 3);
	CU_ASSERT_EQUAL(weir_tiers_destroy(tiers), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"the smallest that fits", test_smallest_that_fits},
		{"as many tiers as there can be", test_most_tiers},
		{"every allocation against a model", test_against_model},
		{"bulk", test_bulk},
		{"packets from bytes", test_from_bytes},
		{"packets from bytes, dry at every segment", test_from_bytes_dry},
		{"confs that are refused", test_refused},
		{"tiers left out", test_left_out},
		{"the default tiers", test_defaults},
		{"destroying while mbufs are out", test_busy},
		{"the peak", test_peak},
		{"threads that have ended", test_ended_threads},
		{"reports", test_report},
		CU_TEST_INFO_NULL,
	};

	return unit_run("tiers", tests);
}
