/* SPDX-License-Identifier: BSD-3-Clause */
/* samples.h: the slices a worker recorded, and what they say. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "clock.h"
#include "measure.h"

struct sample {
	uint64_t start; /* when */
	uint64_t ticks; /* how long */
	uint64_t operations;
	uint64_t batches;
	uint64_t longest_batch; /* ticks */
	uint64_t paused;        /* ticks that a worker stood still, summed over all of them */
	struct calibration before, after;
};

struct pause {
	uint64_t start, end;
};

/* Pauses beyond this are forgotten: far more than fit into the slices of a usual measurement. */
#define SAMPLES_PAUSES_MAX 8192

struct samples {
	struct sample *samples;
	uint64_t count;
	uint64_t capacity;
	struct pause *pauses;
	uint64_t pause_count;
};

/* Room for count samples, present in memory. 0 or -ENOMEM. */
int samples_reserve(struct samples *samples, uint64_t count);
void samples_release(struct samples *samples);

/* Keep a sample; without room for it, or without operations, it is dropped. */
void samples_add(struct samples *samples, const struct sample *sample);

/* A batch took from start to end: keep it if that is a pause, by what a batch should take. */
void samples_add_batch(struct samples *samples, uint64_t start, uint64_t end, uint64_t usual_ticks);

/* Was the thread kept from running in this sample, or its core slowed down? */
bool sample_is_clean(const struct sample *sample, const struct calibration *best);

/* Sum up the samples of count workers. Workers without samples do not count. */
void samples_summarize(
	const struct samples *samples, uint32_t count, bool talking, struct measure_result *result);

#endif
