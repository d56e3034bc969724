/* SPDX-License-Identifier: BSD-3-Clause */
/* bucket_impl.h: a bucket that fills at a rate, and that packets take from.
 *
 * What is in it is counted in billionths, so that a nanosecond brings `rate` of them: all is whole
 * numbers, nothing is rounded, and over any time what was taken is at most the burst and what the
 * rate brought.
 */
#ifndef WEIR_BUCKET_IMPL_H
#define WEIR_BUCKET_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR__BUCKET_UNIT UINT64_C(1000000000)
/* So that twice the burst, which may stand in a sum, fits 64 bits; and the rate with it. */
#define WEIR__BUCKET_BURST_MAX (UINT64_C(1) << 33)
#define WEIR__BUCKET_RATE_MAX  UINT64_C(1000000000000)

struct weir__bucket {
	uint64_t rate;    /* a second */
	uint64_t burst;   /* what it holds at most */
	uint64_t fill_ns; /* that an empty one takes to be full */
	uint64_t credit;  /* billionths */
	uint64_t last_ns;
};

/* Full. */
static inline void weir__bucket_init(struct weir__bucket *bucket, uint64_t rate, uint64_t burst)
{
	*bucket = (struct weir__bucket){.rate = rate,
		.burst = burst,
		.fill_ns = burst * WEIR__BUCKET_UNIT / rate + 1,
		.credit = burst * WEIR__BUCKET_UNIT};
}

/* Is there so much in it at this time, which does not go back? Then it is taken. */
static inline bool weir__bucket_take(struct weir__bucket *bucket, uint64_t amount, uint64_t now_ns)
{
	const uint64_t full = bucket->burst * WEIR__BUCKET_UNIT;
	uint64_t elapsed = now_ns - bucket->last_ns;

	bucket->last_ns = now_ns;
	if (elapsed >= bucket->fill_ns)
		bucket->credit = full;
	else
		bucket->credit += elapsed * bucket->rate;
	if (bucket->credit > full)
		bucket->credit = full;
	if (amount > bucket->burst || amount * WEIR__BUCKET_UNIT > bucket->credit)
		return false;
	bucket->credit -= amount * WEIR__BUCKET_UNIT;
	return true;
}

#endif
