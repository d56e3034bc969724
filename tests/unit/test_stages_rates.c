/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stages_rates.c: stages that choose packets by rates and by chance. */
#include "stages_frame.h"

#include "weir/clone.h"

#include "stages/bucket_impl.h"

#include <stdlib.h>
#include <time.h>

__extension__ typedef unsigned __int128 wide;

/* Whatever the rate and the steps of time, what is taken is the burst and what the rate brought, to
 * the unit. */
static void test_bucket_is_exact(void)
{
	static const uint64_t rates[] = {1, 3, 999999937, 1000000007, WEIR__BUCKET_RATE_MAX};

	for (uint32_t i = 0; i < 5; i++) {
		struct weir__bucket bucket;
		uint64_t burst = rates[i] / 1000 + 7, now = 1, taken = 0, began;

		/* half of what an empty one takes to be full, at most */
		uint64_t step = burst * WEIR__BUCKET_UNIT / rates[i] / 2 + 1;

		weir__bucket_init(&bucket, rates[i], burst);
		began = now;
		CU_ASSERT_FALSE(weir__bucket_take(&bucket, burst + 1, now));
		CU_ASSERT_TRUE(weir__bucket_take(&bucket, burst, now));
		CU_ASSERT_FALSE(weir__bucket_take(&bucket, 1, now));
		for (uint32_t round = 0; round < 20000; round++) {
			uint64_t brought;

			now += (uint64_t)rand() % step;
			brought = (uint64_t)((wide)rates[i] * (now - began) / WEIR__BUCKET_UNIT);
			if (brought > taken) {
				CU_ASSERT_FALSE(
					weir__bucket_take(&bucket, brought - taken + 1, now));
				CU_ASSERT_TRUE(weir__bucket_take(&bucket, brought - taken, now));
				taken = brought;
			} else {
				CU_ASSERT_FALSE(weir__bucket_take(&bucket, 1, now));
			}
		}
		CU_ASSERT(taken > 0);
	}
}

/* It never holds more than the burst, however long nothing came. */
static void test_bucket_overflows(void)
{
	struct weir__bucket bucket;

	weir__bucket_init(&bucket, WEIR__BUCKET_RATE_MAX, WEIR__BUCKET_BURST_MAX);
	for (uint64_t now = 1; now < UINT64_MAX / 2; now *= 3) {
		CU_ASSERT_FALSE(weir__bucket_take(&bucket, WEIR__BUCKET_BURST_MAX + 1, now));
		weir__bucket_take(&bucket, WEIR__BUCKET_BURST_MAX / 2, now);
	}
	CU_ASSERT_TRUE(weir__bucket_take(&bucket, WEIR__BUCKET_BURST_MAX, UINT64_MAX));
	CU_ASSERT_FALSE(weir__bucket_take(&bucket, 1, UINT64_MAX));
}

/* 500 packets of 480 bits, one in a microsecond, at half of that. */
static void test_police(void)
{
	static const char *const args[] = {"rate=240mbit burst=60 clock=packet",
		"rate=0.24gbit burst=0.05859375KiB clock=packet",
		"rate=500kpps burst=1 clock=packet"};

	for (uint32_t i = 0; i < 3; i++) {
		struct weir_pipeline *pipeline = create("police", args[i], "a.exceed");

		give_apart(500, 1000);
		turn_all(pipeline);
		CU_ASSERT_EQUAL_FATAL(kept[0].count, 250);
		CU_ASSERT_EQUAL_FATAL(others.count, 250);
		for (uint32_t j = 0; j < 250; j++) {
			CU_ASSERT_EQUAL(number_of(kept[0].mbufs[j]), 2 * j);
			CU_ASSERT_EQUAL(number_of(others.mbufs[j]), 2 * j + 1);
		}
		finish(pipeline);
	}
}

/* So slow that only the burst passes; and so fast that all do, once the clock goes. */
static void test_police_by_worker(void)
{
	struct weir_pipeline *pipeline = create("police", "rate=1bit burst=600", "a.exceed");

	give_apart(500, 1000);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 10);
	CU_ASSERT_EQUAL(others.count, 490);
	finish(pipeline);
	pipeline = create("police", "rate=1000gbit burst=2K", "a.exceed");
	for (uint32_t i = 0; i < 20; i++) {
		const struct timespec pause = {.tv_nsec = 1000};

		give_apart(20, 1000);
		weir_pipeline_turn(pipeline, 0);
		nanosleep(&pause, NULL);
	}
	CU_ASSERT_EQUAL(kept[0].count, 400);
	finish(pipeline);
}

/* 7 in a second for four workers: 2, 2, 2 and 1, and all they have at first. */
static void test_police_shares(void)
{
	struct weir_pipeline *pipeline =
		create_text("spread: ring workers=4\n"
			    "a: police rate=7pps burst=2 clock=packet\n"
			    "rest: drop\n"
			    "in -> spread -> a -> kept\na.exceed -> rest\n");
	uint32_t sum = 0, count[4];

	/* six for each worker in every second */
	for (uint32_t i = 0; i < 480; i++) {
		struct weir_mbuf *mbuf = make(17, false, SIZE);

		mbuf->hash = i % 4 << 14; /* weir_spread_pick() */
		mbuf->timestamp_ns = (1 + i / 24) * WEIR__BUCKET_UNIT;
		mbuf->flags |= WEIR_MBUF_TIMESTAMP | WEIR_MBUF_HASH;
		give_one(mbuf);
	}
	turn_all(pipeline);
	for (uint32_t i = 0; i < 4; i++) {
		count[i] = kept[i].count;
		sum += count[i];
	}
	CU_ASSERT_EQUAL(sum, 4 * 2 + 19 * 7);
	CU_ASSERT_EQUAL(count[0], 2 + 19 * 2);
	CU_ASSERT_EQUAL(count[3], 2 + 19);
	finish(pipeline);
}

static void test_sample_regularly(void)
{
	struct weir_pipeline *pipeline = create("sample", "every=7", "a.no");

	give_apart(500, 1000);
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 71);
	CU_ASSERT_EQUAL(others.count, 429);
	for (uint32_t i = 0; i < 71; i++)
		CU_ASSERT_EQUAL(number_of(kept[0].mbufs[i]), 7 * i + 6);
	finish(pipeline);
}

/* The packets that pass, by their numbers; returns how many. */
static uint32_t pass(const char *type, const char *args, const char *other, bool *passed)
{
	struct weir_pipeline *pipeline = create(type, args, other);
	uint32_t count;

	memset(passed, 0, 500 * sizeof(*passed));
	give_apart(500, 1000);
	turn_all(pipeline);
	count = kept[0].count;
	for (uint32_t i = 0; i < count; i++)
		if (number_of(kept[0].mbufs[i]) < 500)
			passed[number_of(kept[0].mbufs[i])] = true;
	finish(pipeline);
	return count;
}

static void test_sample_by_chance(void)
{
	static bool first[500], again[500], another[500];
	uint32_t count = pass("sample", "chance=10% seed=7", "a.no", first);

	/* 50 and five times their standard deviation, 6.7 */
	CU_ASSERT(count > 16 && count < 84);
	CU_ASSERT_EQUAL(pass("sample", "chance=10% seed=7", "a.no", again), count);
	CU_ASSERT_EQUAL(memcmp(first, again, sizeof(first)), 0);
	pass("sample", "chance=10% seed=8", "a.no", another);
	CU_ASSERT_NOT_EQUAL(memcmp(first, another, sizeof(first)), 0);
	CU_ASSERT_EQUAL(pass("sample", "chance=100%", "a.no", again), 500);
	CU_ASSERT_EQUAL(pass("sample", "chance=0%", "a.no", again), 0);
}

static void test_loss(void)
{
	static bool first[500], again[500], another[500];
	uint32_t count = pass("impair", "loss=10% seed=7", NULL, first);

	CU_ASSERT(count > 416 && count < 484);
	/* what else happens does not change which are lost */
	CU_ASSERT_EQUAL(pass("impair", "loss=10% duplicate=100% seed=7", NULL, again), 2 * count);
	CU_ASSERT_EQUAL(memcmp(first, again, sizeof(first)), 0);
	pass("impair", "loss=10% seed=8", NULL, another);
	CU_ASSERT_NOT_EQUAL(memcmp(first, another, sizeof(first)), 0);
	CU_ASSERT_EQUAL(pass("impair", "loss=100%", NULL, again), 0);
	CU_ASSERT_EQUAL(pass("impair", NULL, NULL, again), 500);
}

static uint32_t bits_that_differ(const struct weir_mbuf *a, const struct weir_mbuf *b)
{
	uint8_t first[SIZE], second[SIZE];
	uint32_t sum = 0;

	CU_ASSERT_EQUAL(weir_mbuf_read(a, 0, first, SIZE), 0);
	CU_ASSERT_EQUAL(weir_mbuf_read(b, 0, second, SIZE), 0);
	for (uint32_t i = 0; i < SIZE; i++)
		sum += (uint32_t)__builtin_popcount(first[i] ^ second[i]);
	return sum;
}

/* One bit of each, in whichever segment, and not in the bytes of others. */
static void test_corruption(void)
{
	struct weir_pipeline *pipeline =
		create("impair", "corrupt=100% duplicate=50% seed=3", NULL);
	struct weir_mbuf *before[200];
	uint32_t at = 0, doubled = 0;

	for (uint32_t i = 0; i < 200; i++) {
		before[i] = make(17, false, i % SIZE);
		give_one(weir_mbuf_clone(before[i], pool));
		given.mbufs[i]->timestamp_ns = i;
		/* one that is made later would be right in spite of the bit */
		given.mbufs[i]->flags |= i % 2 ? WEIR_MBUF_L4_CHECKSUM : 0;
	}
	turn_all(pipeline);
	for (uint32_t i = 0; i < 200; i++) {
		struct weir_mbuf *packet = kept[0].mbufs[at++];

		CU_ASSERT_EQUAL(packet->flags & WEIR_MBUF_L4_CHECKSUM, 0);
		CU_ASSERT_EQUAL(packet->timestamp_ns, i);
		CU_ASSERT_EQUAL(bits_that_differ(before[i], packet), 1);
		CU_ASSERT_TRUE(is_right(before[i], 17, 14));
		if (at < kept[0].count && kept[0].mbufs[at]->timestamp_ns == i) {
			CU_ASSERT_EQUAL(bits_that_differ(packet, kept[0].mbufs[at++]), 0);
			doubled++;
		}
	}
	CU_ASSERT_EQUAL(at, kept[0].count);
	CU_ASSERT(doubled > 60 && doubled < 140);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 1), 200);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 2), doubled);
	weir_mbuf_free_bulk(before, 200);
	finish(pipeline);
}

/* Every bit is hit now and then, the first and the last, too. */
static void test_any_bit(void)
{
	static bool hit[SIZE * 8];
	struct weir_pipeline *pipeline = create("impair", "corrupt=100%", NULL);
	struct weir_mbuf *before = make(17, false, SIZE);
	uint32_t missed = 0;

	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 500; i++)
			give_one(make(17, false, SIZE));
		turn_all(pipeline);
		for (uint32_t i = 0; i < kept[0].count; i++)
			for (uint32_t bit = 0; bit < SIZE * 8; bit++)
				hit[bit] |= (weir_mbuf_data(kept[0].mbufs[i])[bit / 8] ^
						    weir_mbuf_data(before)[bit / 8]) >>
						    bit % 8 &
					    1;
		free_list(&kept[0]);
	}
	for (uint32_t bit = 0; bit < SIZE * 8; bit++)
		missed += !hit[bit];
	/* a bit is missed once in e^21 */
	CU_ASSERT_EQUAL(missed, 0);
	weir_mbuf_free(before);
	finish(pipeline);
}

static void test_refusals(void)
{
	static const struct refusal refusals[] = {
		{"police", NULL, "needs a rate"},
		{"police", "rate=10", "100mbit or 5kpps"},
		{"police", "rate=0bit", "out of range"},
		{"police", "rate=1001gbit", "out of range"},
		{"police", "rate=99999999999999999999bit", "out of range"},
		{"police", "rate=20000000000gbit", "out of range"},
		{"police", "rate=1.mbit", "out of range"},
		{"police", "rate=.5mbit", "out of range"},
		{"police", "rate=1.2.3mbit", "out of range"},
		{"police", "rate=-1mbit", "out of range"},
		{"police", "rate=1mbit burst=0", "burst=0 is not"},
		{"police", "rate=1mbit burst=2GiB", "burst=2GiB is not"},
		{"police", "rate=1pps burst=1K", "burst=1K is not"},
		{"police", "rate=1mbit clock=wall", "worker, packet"},
		{"sample", NULL, "either every"},
		{"sample", "every=2 chance=1%", "either every"},
		{"sample", "every=0", "every=0 is not"},
		{"sample", "chance=101%", "chance=101% is not"},
		{"impair", "loss=0.5", "as in 0.5%"},
		{"impair", "loss=1% loose=1%", "unknown argument"},
		{"impair", "seed=x", "seed=x is not"},
		{0},
	};

	check_refusals(refusals);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a bucket is exact", test_bucket_is_exact},
		{"a bucket overflows", test_bucket_overflows},
		{"police", test_police},
		{"police by the worker's clock", test_police_by_worker},
		{"police shares its rate", test_police_shares},
		{"sample every so manieth", test_sample_regularly},
		{"sample by chance", test_sample_by_chance},
		{"loss", test_loss},
		{"corruption and duplicates", test_corruption},
		{"corruption hits any bit", test_any_bit},
		{"what is refused", test_refusals},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "rates", .count = 4096, .size = 128};

	pool = weir_mbuf_pool_create(&conf);
	return !pool || unit_run("stages of rates and chances", tests) ||
	       weir_mempool_destroy(pool);
}
