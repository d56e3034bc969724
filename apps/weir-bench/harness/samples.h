/* SPDX-License-Identifier: BSD-3-Clause */
/* samples.h: the slices a worker recorded, and what they say. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "clock.h"
#include "measure.h"

struct sample {
	uint64_t ticks;
	uint64_t operations;
	uint64_t batches;
	uint64_t longest_batch; /* ticks */
	struct calibration before, after;
};

struct samples {
	struct sample *samples;
	uint64_t count;
	uint64_t capacity;
};

/* Room for count samples, present in memory. 0 or -ENOMEM. */
int samples_reserve(struct samples *samples, uint64_t count);
void samples_release(struct samples *samples);

/* Keep a sample; without room for it, or without operations, it is dropped. */
void samples_add(struct samples *samples, const struct sample *sample);

/* Was the thread kept from running in this sample, or its core slowed down? */
bool sample_is_clean(const struct sample *sample, const struct calibration *best);

/* Sum up the samples of count workers. Workers without samples do not count. */
void samples_summarize(
	const struct samples *samples, uint32_t count, bool talking, struct measure_result *result);

#endif
