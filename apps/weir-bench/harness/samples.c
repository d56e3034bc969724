/* SPDX-License-Identifier: BSD-3-Clause */
/* samples.c: which slices are clean, and the figures of a measurement. */
#include "samples.h"

#include "statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A batch longer than this many times the mean, and by the time below, had a pause in it. A timer
 * interrupt takes less, and belongs to the machine; the host's or the scheduler's pauses are
 * longer. */
#define PAUSE_FACTOR 4
#define PAUSE_NS     20000

/* With fewer clean slices than this, the calmest tenth is used, or all where workers talk: the
 * figure is then no better than the clean share says. */
#define CLEAN_MIN  3
#define CALM_SHARE 0.1

/* Of workers that talk, the share of a sample that any may stand still: interrupts take less. */
#define PAUSED_SHARE 0.05

/* Memory that is present: no page fault later. NULL without. */
static void *present(uint64_t count, size_t size)
{
	void *memory = malloc(count * size);

	if (memory)
		memset(memory, 0xff, count * size);
	return memory;
}

int samples_reserve(struct samples *samples, uint64_t count)
{
	memset(samples, 0, sizeof(*samples));
	samples->samples = present(count, sizeof(*samples->samples));
	samples->pauses = present(SAMPLES_PAUSES_MAX, sizeof(*samples->pauses));
	samples->capacity = count;
	return samples->samples && samples->pauses ? 0 : -ENOMEM;
}

void samples_release(struct samples *samples)
{
	free(samples->samples);
	free(samples->pauses);
	memset(samples, 0, sizeof(*samples));
}

void samples_add(struct samples *samples, const struct sample *sample)
{
	if (samples->count < samples->capacity && sample->operations > 0)
		samples->samples[samples->count++] = *sample;
}

static uint64_t pause_limit(uint64_t usual_ticks)
{
	return usual_ticks * PAUSE_FACTOR + clock_ticks_of(PAUSE_NS);
}

void samples_add_batch(struct samples *samples, uint64_t start, uint64_t end, uint64_t usual_ticks)
{
	if (end - start > pause_limit(usual_ticks) && samples->pause_count < SAMPLES_PAUSES_MAX)
		samples->pauses[samples->pause_count++] = (struct pause){start, end};
}

bool sample_is_clean(const struct sample *sample, const struct calibration *best)
{
	return clock_is_full_speed(best, &sample->before) &&
	       clock_is_full_speed(best, &sample->after) &&
	       sample->longest_batch <= pause_limit(sample->ticks / sample->batches);
}

static bool is_paused(const struct sample *sample)
{
	return (double)sample->paused > PAUSED_SHARE * (double)sample->ticks;
}

/* How much of a sample lies within the pauses of a worker. */
static uint64_t overlap(const struct sample *sample, const struct samples *other)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < other->pause_count; i++) {
		const struct pause *pause = &other->pauses[i];
		uint64_t start = pause->start > sample->start ? pause->start : sample->start;
		uint64_t end = sample->start + sample->ticks;

		if (pause->end < end)
			end = pause->end;
		if (start < end)
			sum += end - start;
	}
	return sum;
}

/* The counters of all cores agree, so that pauses of one worker can be seen in another's sample. */
static void find_paused(const struct samples *samples, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		for (uint64_t j = 0; j < samples[i].count; j++) {
			samples[i].samples[j].paused = 0;
			for (uint32_t k = 0; k < count; k++)
				samples[i].samples[j].paused +=
					overlap(&samples[i].samples[j], &samples[k]);
		}
	}
}

/* The best calibration of all workers and of all measurements before: cores of one kind. */
static const struct calibration *best_calibration(const struct samples *samples, uint32_t count)
{
	static struct calibration best;

	for (uint32_t i = 0; i < count; i++) {
		for (uint64_t j = 0; j < samples[i].count; j++) {
			clock_keep_best(&best, &samples[i].samples[j].before);
			clock_keep_best(&best, &samples[i].samples[j].after);
		}
	}
	return &best;
}

struct figures {
	double *ns;     /* for an operation, one each sample */
	double *cycles; /* for an operation */
	double *hz;
	uint64_t count;
	uint64_t clean;
};

static double sample_core_hz(const struct sample *sample)
{
	return (clock_core_hz(&sample->before) + clock_core_hz(&sample->after)) / 2;
}

/* How slow the wide loop was around a sample: the core's clock and its neighbours' share. */
static double unrest(const struct sample *sample)
{
	return (double)(sample->before.wide > sample->after.wide ? sample->before.wide
								 : sample->after.wide);
}

/* The unrest that the calmest tenth does not exceed. */
static double calm_limit(struct figures *figures, const struct samples *samples)
{
	for (uint64_t i = 0; i < samples->count; i++)
		figures->ns[i] = unrest(&samples->samples[i]);
	statistics_sort(figures->ns, samples->count);
	return statistics_quantile(figures->ns, samples->count, CALM_SHARE);
}

enum choice {
	CLEAN,
	CALM,
	UNPAUSED,
	EVERY,
};

static void take_figures(struct figures *figures, const struct samples *samples,
	const struct calibration *best, enum choice choice)
{
	double limit = choice == CALM ? calm_limit(figures, samples) : 0;

	figures->count = 0;
	for (uint64_t i = 0; i < samples->count; i++) {
		const struct sample *sample = &samples->samples[i];
		uint64_t at = figures->count;

		if (choice == CLEAN && !sample_is_clean(sample, best))
			continue;
		if (choice == CALM && unrest(sample) > limit)
			continue;
		if (choice == UNPAUSED && is_paused(sample))
			continue;
		figures->ns[at] = clock_ns(sample->ticks) / (double)sample->operations;
		figures->hz[at] = sample_core_hz(sample);
		figures->cycles[at] = figures->ns[at] * figures->hz[at] / 1e9;
		figures->count++;
	}
	statistics_sort(figures->ns, figures->count);
	statistics_sort(figures->cycles, figures->count);
	statistics_sort(figures->hz, figures->count);
}

static int reserve_figures(struct figures *figures, uint64_t count)
{
	figures->ns = malloc(3 * count * sizeof(double));
	if (!figures->ns)
		return -ENOMEM;
	figures->cycles = figures->ns + count;
	figures->hz = figures->cycles + count;
	return 0;
}

/* One worker's figures, added to the result as the next one that counts. */
static void summarize_worker(const struct samples *samples, const struct calibration *best,
	bool talking, struct measure_result *parts)
{
	struct figures figures;

	if (samples->count == 0 || reserve_figures(&figures, samples->count) != 0)
		return;
	take_figures(&figures, samples, best, talking ? UNPAUSED : CLEAN);
	figures.clean = figures.count;
	if (figures.clean < CLEAN_MIN)
		take_figures(&figures, samples, best, talking ? EVERY : CALM);
	parts->min = figures.ns[0];
	parts->p10 = statistics_quantile(figures.ns, figures.count, 0.1);
	parts->median = statistics_median(figures.ns, figures.count);
	parts->max = figures.ns[figures.count - 1];
	parts->figure = talking ? parts->p10 : parts->median;
	parts->cycles = statistics_median(figures.cycles, figures.count);
	parts->core_hz = statistics_median(figures.hz, figures.count);
	parts->slices = (uint32_t)samples->count;
	parts->clean = (double)figures.clean / (double)samples->count;
	free(figures.ns);
}

/* A figure of all workers, picked by its place in the struct. */
static double together(const struct measure_result *parts, uint32_t count, size_t offset)
{
	double costs[MEASURE_WORKERS_MAX];

	for (uint32_t i = 0; i < count; i++)
		memcpy(&costs[i], (const char *)&parts[i] + offset, sizeof(double));
	return statistics_together(costs, count);
}

void samples_summarize(
	const struct samples *samples, uint32_t count, bool talking, struct measure_result *result)
{
	static struct measure_result parts[MEASURE_WORKERS_MAX];
	const struct calibration *best = best_calibration(samples, count);
	uint32_t counted = 0;

	if (talking)
		find_paused(samples, count);
	memset(result, 0, sizeof(*result));
	for (uint32_t i = 0; i < count; i++) {
		memset(&parts[counted], 0, sizeof(parts[counted]));
		summarize_worker(&samples[i], best, talking, &parts[counted]);
		if (parts[counted].slices == 0)
			continue;
		result->worker[counted] = parts[counted].figure;
		result->slices += parts[counted].slices;
		result->clean += parts[counted].clean * parts[counted].slices;
		result->core_hz += parts[counted].core_hz;
		result->cycles += parts[counted].cycles;
		counted++;
	}
	if (counted == 0)
		return;
	result->counted = counted;
	result->clean /= result->slices;
	result->core_hz /= counted;
	result->cycles /= counted;
	result->min = together(parts, counted, offsetof(struct measure_result, min));
	result->p10 = together(parts, counted, offsetof(struct measure_result, p10));
	result->median = together(parts, counted, offsetof(struct measure_result, median));
	result->max = together(parts, counted, offsetof(struct measure_result, max));
	result->figure = together(parts, counted, offsetof(struct measure_result, figure));
}
