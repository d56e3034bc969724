/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pace.c: schedules by a clock that the test sets. */
#include "unit.h"

#include "weir/pace.h"

#include <errno.h>
#include <stdlib.h>

#define START  1000
#define SECOND UINT64_C(1000000000)

/* Each look takes a nanosecond, and some more; a sleeper is woken late_ns late. */
struct fake {
	uint64_t now_ns, late_ns, more_ns;
	uint32_t looks, sleeps;
};

static uint64_t fake_now(void *context)
{
	struct fake *fake = context;

	fake->looks++;
	fake->now_ns += 1 + fake->more_ns;
	return fake->now_ns - 1 - fake->more_ns;
}

static void fake_sleep(void *context, uint64_t until_ns)
{
	struct fake *fake = context;

	fake->sleeps++;
	if (until_ns > fake->now_ns)
		fake->now_ns = until_ns + fake->late_ns;
}

static struct fake fake;
static const struct weir_pace_clock clock_of_test = {fake_now, fake_sleep, &fake};

static struct weir_pace *create(enum weir_pace_by by, uint64_t num, uint64_t den, uint64_t max_gap)
{
	struct weir_pace_conf conf = {by, num, den, max_gap, &clock_of_test, false};
	struct weir_pace *pace = weir_pace_create(&conf);

	fake = (struct fake){.now_ns = START};
	CU_ASSERT_PTR_NOT_NULL_FATAL(pace);
	return pace;
}

/* When a packet with this time and length is due, after the start. */
static uint64_t due(struct weir_pace *pace, uint64_t time_ns, uint32_t length)
{
	struct weir_mbuf mbuf = {
		.length = length, .timestamp_ns = time_ns, .flags = WEIR_MBUF_TIMESTAMP};

	return weir_pace_due(pace, &mbuf) - START;
}

static void test_recorded(void)
{
	struct weir_pace *pace = create(WEIR_PACE_RECORDED, 5, 2, 1000);
	struct weir_pace_figures figures;
	struct weir_mbuf timeless = {.length = 60};

	CU_ASSERT_EQUAL(weir_pace_start(pace), 0);
	CU_ASSERT_EQUAL(due(pace, 5000, 60), 0);
	CU_ASSERT_EQUAL(weir_pace_start(pace), START);
	CU_ASSERT_EQUAL(due(pace, 5010, 60), 4);
	CU_ASSERT_EQUAL(due(pace, 5011, 60), 4); /* 4.4 */
	CU_ASSERT_EQUAL(due(pace, 5013, 60), 5); /* 5.2: nothing was rounded on the way */
	CU_ASSERT_EQUAL(due(pace, 4000, 60), 5);
	CU_ASSERT_EQUAL(weir_pace_due(pace, &timeless) - START, 5);
	CU_ASSERT_EQUAL(due(pace, 5020, 60), 8);
	CU_ASSERT_EQUAL(due(pace, 9020, 60), 408); /* a gap of 4000 is 1000 */
	CU_ASSERT_EQUAL(due(pace, 9020 + 2 * SECOND, 60), 808);
	CU_ASSERT_EQUAL(due(pace, 20, 60), 808); /* the clock was set back */
	CU_ASSERT_EQUAL(due(pace, 30, 60), 812);
	weir_pace_restart(pace, 3);
	CU_ASSERT_EQUAL(due(pace, 77, 60), 815);
	CU_ASSERT_EQUAL(due(pace, 87, 60), 819);
	weir_pace_figures(pace, &figures);
	CU_ASSERT_EQUAL(figures.backwards, 2);
	CU_ASSERT_EQUAL(figures.cut, 2);
	weir_pace_destroy(pace);
}

/* A year at 3 packets a second, which has no whole number of nanoseconds: not one is lost. */
static void test_rates_do_not_drift(void)
{
	const uint64_t count = UINT64_C(3) * 366 * 86400;
	struct weir_pace *pace = create(WEIR_PACE_PACKETS, 3, 1, 0);
	uint64_t last = 0;

	for (uint64_t i = 0; i < 1000; i++)
		last = due(pace, 0, 60);
	CU_ASSERT_EQUAL(last, 333000000000);
	weir_pace_destroy(pace);
	pace = create(WEIR_PACE_RECORDED, 3000000, 1000000, 0);
	due(pace, 0, 60);
	for (uint64_t i = 1; i < 100; i++)
		CU_ASSERT_EQUAL(due(pace, i * (count + 1), 60), i * (count + 1) / 3);
	weir_pace_destroy(pace);
}

static void test_bits_and_gaps(void)
{
	struct weir_pace *pace = create(WEIR_PACE_BITS, 1000000000, 1, 0);

	CU_ASSERT_EQUAL(due(pace, 0, 1500), 0);
	CU_ASSERT_EQUAL(due(pace, 0, 60), 12000);
	CU_ASSERT_EQUAL(due(pace, 0, 60), 12480);
	weir_pace_destroy(pace);
	pace = create(WEIR_PACE_GAP, 250, 1, 0);
	CU_ASSERT_EQUAL(due(pace, 9, 60), 0);
	CU_ASSERT_EQUAL(due(pace, 0, 60), 250);
	weir_pace_restart(pace, 1000);
	CU_ASSERT_EQUAL(due(pace, 0, 60), 1500);
	weir_pace_destroy(pace);
	pace = create(WEIR_PACE_TOP, 0, 0, 0);
	CU_ASSERT_EQUAL(due(pace, 0, 60), 0);
	CU_ASSERT_EQUAL(due(pace, 9999, 60), 0);
	weir_pace_destroy(pace);
}

/* It wakes late by less than it spins for: the time is met to a look at the clock. */
static void test_wait(void)
{
	struct weir_pace *pace = create(WEIR_PACE_GAP, 1000000, 1, 0);
	uint64_t first, left, far;

	due(pace, 0, 60);
	fake.late_ns = 150000;
	due(pace, 0, 60);
	due(pace, 0, 60);
	due(pace, 0, 60);
	first = START + due(pace, 0, 60); /* less than is slept for at once */
	CU_ASSERT_EQUAL(weir_pace_wait(pace, first), 0);
	CU_ASSERT_EQUAL(fake.sleeps, 1);
	CU_ASSERT_EQUAL(fake.now_ns, first + 1);
	CU_ASSERT_EQUAL(weir_pace_wait(pace, first), 0); /* is over */
	CU_ASSERT_EQUAL(fake.sleeps, 1);
	CU_ASSERT_TRUE(fake.now_ns < first + 10);
	fake.looks = 0;
	CU_ASSERT_EQUAL(weir_pace_wait(pace, first + 1000), 0); /* near: no sleep */
	CU_ASSERT_EQUAL(fake.sleeps, 1);
	CU_ASSERT_TRUE(fake.looks > 900);
	/* far: in parts, each of which leaves more than a worker's own sleep */
	far = fake.now_ns + 10000000000;
	do {
		uint64_t before = fake.now_ns;

		left = weir_pace_wait(pace, far);
		CU_ASSERT_TRUE(left == 0 || left > 1000000);
		CU_ASSERT_TRUE(fake.now_ns - before < 101000000);
	} while (left > 0);
	CU_ASSERT_EQUAL(fake.now_ns, far + 1);
	CU_ASSERT_TRUE(fake.sleeps > 90);
	weir_pace_destroy(pace);
}

/* Packets take some time to go, which is more after a long wait: then waits end early by that, and
 * half of the packets have gone in time. */
static void test_ahead(void)
{
	struct weir_pace_conf conf = {WEIR_PACE_GAP, 1000000, 1, 0, &clock_of_test, true};
	struct weir_pace *pace = weir_pace_create(&conf);
	struct weir_pace_figures figures;
	uint64_t at, early = 0, noise;

	fake = (struct fake){.now_ns = START, .more_ns = 400};
	for (uint32_t i = 0; i < 2000; i++) {
		at = START + due(pace, 0, 60);
		if (i % 4 == 3) /* the one before took as long as that: no wait */
			fake.now_ns = at - 900;
		CU_ASSERT_EQUAL(weir_pace_wait(pace, at), 0);
		if (i % 4 == 3)
			CU_ASSERT_TRUE(fake.now_ns >= at);
		CU_ASSERT_TRUE(fake.now_ns + 50000 >= at);
		early += i >= 1000 && fake.now_ns + 10000 < at;
		noise = i % 16 == 5 ? 500000 : i % 3 * 500; /* or somebody takes the core */
		fake.now_ns += i % 4 == 3 ? 2000 : 11000 + noise;
		weir_pace_sent(pace, &at, 1);
	}
	weir_pace_figures(pace, &figures);
	CU_ASSERT_TRUE(early > 600);
	CU_ASSERT_TRUE(figures.late.p50 < 2000);
	weir_pace_destroy(pace);

	/* what takes longer than can be: 50 us early, no more */
	pace = weir_pace_create(&conf);
	fake = (struct fake){.now_ns = START, .more_ns = 400};
	for (uint32_t i = 0; i < 500; i++) {
		at = START + due(pace, 0, 60);
		CU_ASSERT_EQUAL(weir_pace_wait(pace, at), 0);
		early = at - fake.now_ns;
		fake.now_ns += 200000;
		weir_pace_sent(pace, &at, 1);
	}
	CU_ASSERT_TRUE(early > 49000 && early <= 50000);
	weir_pace_destroy(pace);
}

static void test_figures(void)
{
	struct weir_pace *pace = create(WEIR_PACE_GAP, 10000, 1, 0);
	struct weir_pace_figures figures;

	weir_pace_figures(pace, &figures);
	CU_ASSERT_EQUAL(figures.packets + figures.span_ns + figures.late.max, 0);
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t at = START + due(pace, 0, 60);

		/* every tenth is 5 us late, one 9 us, the others are 100 ns late */
		fake.now_ns = at + (i == 500 ? 9000 : i % 10 == 9 ? 5000 : 100);
		weir_pace_sent(pace, &at, 1);
	}
	weir_pace_figures(pace, &figures);
	CU_ASSERT_EQUAL(figures.packets, 1000);
	CU_ASSERT_EQUAL(figures.scheduled_ns, 9990000);
	CU_ASSERT_EQUAL(figures.span_ns, 9994900);
	CU_ASSERT_TRUE(llabs((long long)figures.late.p50 - 100) <= 3);
	CU_ASSERT_TRUE(llabs((long long)figures.late.p99 - 5000) <= 150);
	CU_ASSERT_EQUAL(figures.late.max, 9000);
	CU_ASSERT_EQUAL(figures.late.mean, (899 * 100 + 9000 + 100 * 5000) / 1000);
	CU_ASSERT_EQUAL(figures.jitter.p50, 0);
	CU_ASSERT_TRUE(llabs((long long)figures.jitter.p90 - 4900) <= 150);
	CU_ASSERT_EQUAL(figures.jitter.max, 8900);
	weir_pace_destroy(pace);
}

static void test_no_pace(void)
{
	struct weir_pace_conf conf = {.by = WEIR_PACE_BITS, .den = 1};

	CU_ASSERT_PTR_NULL(weir_pace_create(&conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
	weir_pace_destroy(NULL);
}

/* By the kernel's clock: never early, and what was waited for has gone by. */
static void test_real_clock(void)
{
	struct weir_pace_conf conf = {.by = WEIR_PACE_GAP, .num = 300000, .den = 1};
	struct weir_pace *pace = weir_pace_create(&conf);
	struct weir_mbuf mbuf = {.length = 60};
	uint64_t at = 0;

	for (uint32_t i = 0; i < 20; i++) {
		at = weir_pace_due(pace, &mbuf);
		while (weir_pace_wait(pace, at) > 0)
			;
		CU_ASSERT_TRUE(weir_pace_now(pace) >= at);
	}
	CU_ASSERT_TRUE(weir_pace_now(pace) - weir_pace_start(pace) >= 19 * 300000);
	weir_pace_destroy(pace);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"recorded", test_recorded},
		{"rates do not drift", test_rates_do_not_drift},
		{"bits and gaps", test_bits_and_gaps},
		{"ahead", test_ahead},
		{"wait", test_wait},
		{"figures", test_figures},
		{"no pace", test_no_pace},
		{"real clock", test_real_clock},
		CU_TEST_INFO_NULL,
	};

	return unit_run("pace", tests);
}
