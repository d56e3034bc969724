/* SPDX-License-Identifier: BSD-3-Clause */
/* test_bench_figures.c: what weir-bench makes of the times it took: statistics, which slices count,
 * ratios of rows. */
#include "../../apps/weir-bench/harness/rowset.h"
#include "../../apps/weir-bench/harness/samples.h"
#include "../../apps/weir-bench/harness/statistics.h"
#include "unit.h"

#define NEAR 1e-9

static void test_quantiles(void)
{
	double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};
	double ten[] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};

	statistics_sort(odd, 3);
	CU_ASSERT_DOUBLE_EQUAL(odd[0], 1, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(odd[2], 5, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_median(odd, 3), 3, NEAR);
	statistics_sort(even, 4);
	CU_ASSERT_DOUBLE_EQUAL(statistics_median(even, 4), 2.5, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_median(one, 1), 7, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_median(NULL, 0), 0, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_quantile(ten, 11, 0.1), 10, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_quantile(ten, 11, 0.15), 15, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_quantile(ten, 11, 0), 0, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_quantile(ten, 11, 1), 100, NEAR);
}

static void test_ratios(void)
{
	double theirs[] = {6, 20, 3}, ours[] = {2, 5, 3}, costs[] = {4, 4}, unlike[] = {2, 6, 3};

	statistics_ratios(theirs, ours, 3);
	CU_ASSERT_DOUBLE_EQUAL(theirs[0], 1, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(theirs[1], 3, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(theirs[2], 4, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_together(costs, 2), 2, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_together(unlike, 3), 1, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(statistics_together(costs, 0), 0, NEAR);
}

/* A slice of a millisecond in 100 batches, at full speed and without a pause. */
static struct sample calm_sample(uint64_t operations)
{
	struct sample sample = {.ticks = clock_ticks_of(1000000),
		.operations = operations,
		.batches = 100,
		.before = {1000, 1100},
		.after = {1000, 1100}};

	sample.longest_batch = sample.ticks / 100;
	return sample;
}

static void test_clean(void)
{
	const struct calibration best = {1000, 1100};
	struct sample sample = calm_sample(1);

	CU_ASSERT(sample_is_clean(&sample, &best));
	/* a slower clock stretches both loops */
	sample.after = (struct calibration){1200, 1320};
	CU_ASSERT_FALSE(sample_is_clean(&sample, &best));
	/* a neighbour on the core only the wide one */
	sample = calm_sample(1);
	sample.before.wide = 1300;
	CU_ASSERT_FALSE(sample_is_clean(&sample, &best));
	/* a little slower is still clean */
	sample = calm_sample(1);
	sample.before = sample.after = (struct calibration){1040, 1150};
	CU_ASSERT(sample_is_clean(&sample, &best));
	/* kept from running for half of it */
	sample = calm_sample(1);
	sample.longest_batch = sample.ticks / 2;
	CU_ASSERT_FALSE(sample_is_clean(&sample, &best));
}

/* 20 samples, of 100, 101, ... ns for an operation; every second one disturbed and ten times
 * slower. */
static void fill(struct samples *samples)
{
	CU_ASSERT_EQUAL_FATAL(samples_reserve(samples, 20), 0);
	for (uint64_t i = 0; i < 20; i++) {
		struct sample sample = calm_sample(10000);

		sample.start = (i + 1) * clock_ticks_of(100000000);
		sample.ticks = clock_ticks_of((100 + i) * 10000);
		sample.longest_batch = sample.ticks / 100;
		if (i % 2 == 1) {
			sample.ticks *= 10;
			sample.before.wide *= 2;
		}
		samples_add(samples, &sample);
	}
}

static void test_summary(void)
{
	struct samples samples[2];
	struct measure_result result;

	fill(&samples[0]);
	samples_summarize(samples, 1, false, &result);
	CU_ASSERT_EQUAL(result.slices, 20);
	CU_ASSERT_EQUAL(result.counted, 1);
	CU_ASSERT_DOUBLE_EQUAL(result.clean, 0.5, NEAR);
	/* the clean ones are 100, 102, ... 118 */
	CU_ASSERT_DOUBLE_EQUAL(result.min, 100, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(result.median, 109, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(result.max, 118, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(result.figure, result.median, NEAR);
	/* two such workers at once do twice as much */
	fill(&samples[1]);
	samples_summarize(samples, 2, false, &result);
	CU_ASSERT_EQUAL(result.counted, 2);
	CU_ASSERT_DOUBLE_EQUAL(result.median, 54.5, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(result.worker[1], 109, 0.01);
	samples_release(&samples[0]);
	samples_release(&samples[1]);
}

static void test_talking(void)
{
	struct samples samples[2] = {0};
	struct measure_result result;

	fill(&samples[0]);
	samples_summarize(samples, 2, true, &result);
	/* a slow core does not matter: 100, 102 ... 118, then 1010 and more */
	CU_ASSERT_DOUBLE_EQUAL(result.p10, 103.8, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(result.figure, result.p10, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(result.max, 1190, 0.1);
	CU_ASSERT_DOUBLE_EQUAL(result.clean, 1, NEAR);
	/* a pause does: here, of another worker, in all but the last four, 116 ... 1190 */
	CU_ASSERT_EQUAL_FATAL(samples_reserve(&samples[1], 1), 0);
	samples_add_batch(&samples[1], 0, samples[0].samples[16].start, 1000);
	/* too short to be one */
	samples_add_batch(&samples[1], samples[0].samples[16].start,
		samples[0].samples[16].start + clock_ticks_of(15000), clock_ticks_of(1000));
	samples_summarize(samples, 2, true, &result);
	CU_ASSERT_DOUBLE_EQUAL(result.min, 116, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(result.clean, 0.2, NEAR);
	samples_release(&samples[0]);
	samples_release(&samples[1]);
}

/* Nothing is clean: then the calmest tenth is used, and the clean share says so. */
static void test_nothing_clean(void)
{
	struct samples samples;
	struct measure_result result;

	CU_ASSERT_EQUAL_FATAL(samples_reserve(&samples, 20), 0);
	for (uint64_t i = 0; i < 20; i++) {
		struct sample sample = calm_sample(i < 2 ? 1000 : 100);

		sample.after.wide = 2000 + 100 * i;
		samples_add(&samples, &sample);
	}
	samples_summarize(&samples, 1, false, &result);
	CU_ASSERT_DOUBLE_EQUAL(result.clean, 0, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(result.median, 1000, 0.1);
	samples_release(&samples);
}

static void test_room(void)
{
	struct samples samples;
	struct sample nothing = calm_sample(0), some = calm_sample(5);

	CU_ASSERT_EQUAL_FATAL(samples_reserve(&samples, 1), 0);
	samples_add(&samples, &nothing);
	CU_ASSERT_EQUAL(samples.count, 0);
	samples_add(&samples, &some);
	samples_add(&samples, &some);
	CU_ASSERT_EQUAL(samples.count, 1);
	samples_release(&samples);
}

static void add_row(json_t *rows, const char *impl, int burst, double median)
{
	json_array_append_new(
		rows, json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:{s:f}}", "impl", impl, "bench",
			      "mbuf", "variant", "bulk", "burst", burst, "threads", 1, "figure",
			      "median", "ns_per_op", "median", median));
}

static void test_rows(void)
{
	json_t *rows = json_array();
	const char *impls[ROWSET_IMPLS_MAX];
	struct rowset_ratio ratio;

	for (int round = 1; round <= 3; round++) {
		add_row(rows, "weir", 32, round);
		add_row(rows, "dpdk", 32, round * (round + 1));
		add_row(rows, "weir", 64, 5);
	}
	CU_ASSERT_EQUAL(rowset_impls(rows, impls), 2);
	CU_ASSERT_STRING_EQUAL(impls[1], "dpdk");
	CU_ASSERT(row_is_first(rows, 0));
	CU_ASSERT_FALSE(row_is_first(rows, 1));
	CU_ASSERT(row_is_first(rows, 2));
	ratio = rowset_ratio(rows, "weir", rows, "dpdk", json_array_get(rows, 0));
	CU_ASSERT_DOUBLE_EQUAL(ratio.min, 2, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(ratio.median, 3, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(ratio.max, 4, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(ratio.theirs, 6, NEAR);
	/* nobody else has that one */
	ratio = rowset_ratio(rows, "weir", rows, "dpdk", json_array_get(rows, 2));
	CU_ASSERT_DOUBLE_EQUAL(ratio.median, 0, NEAR);
	/* not in pairs: of the medians */
	add_row(rows, "dpdk", 64, 10);
	ratio = rowset_ratio(rows, "weir", rows, "dpdk", json_array_get(rows, 2));
	CU_ASSERT_DOUBLE_EQUAL(ratio.median, 2, NEAR);
	json_decref(rows);
}

/* Rounds in which the host had put both cores on one are left out of a pair's ratio. */
static void test_near_cores(void)
{
	static const double lines[] = {80, 75, 12, 85}, near_line = 12;
	json_t *rows = json_array();
	struct rowset_ratio ratio;

	for (size_t i = 0; i < 4; i++) {
		add_row(rows, "weir", 32, lines[i]);
		add_row(rows, "dpdk", 32, 2 * lines[i]);
		json_object_set_new(json_array_get(rows, 2 * i), "line_ns", json_real(lines[i]));
		json_object_set_new(json_array_get(rows, 2 * i + 1), "line_ns",
			json_real(i == 3 ? near_line : lines[i]));
	}
	ratio = rowset_ratio(rows, "weir", rows, "dpdk", json_array_get(rows, 0));
	CU_ASSERT_EQUAL(ratio.rounds, 2);
	CU_ASSERT_DOUBLE_EQUAL(ratio.ours, 77.5, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(ratio.theirs, 155, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(ratio.median, 2, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(rowset_median(rows, "weir", json_array_get(rows, 0)), 80, NEAR);
	json_decref(rows);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"quantiles", test_quantiles}, {"ratios", test_ratios},
		{"clean slices", test_clean}, {"summary", test_summary},
		{"workers that talk", test_talking}, {"nothing clean", test_nothing_clean},
		{"room for samples", test_room}, {"rows", test_rows},
		{"near cores", test_near_cores}, CU_TEST_INFO_NULL};

	return unit_run("bench figures", tests);
}
