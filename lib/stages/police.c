/* SPDX-License-Identifier: BSD-3-Clause */
/* police.c: packets that keep to a rate, and those that exceed it, by a token bucket. */
#include "stages/bucket_impl.h"
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include <errno.h>

enum { CONFORM, EXCEED };

/* Without burst=: what comes in 10 ms, but some full frames. */
#define BURST_PART        100
#define BURST_MIN         (UINT64_C(64) * 1024 * 8)
#define BURST_MIN_PACKETS 32

struct police_conf {
	bool packets; /* not bits */
	uint64_t rate, burst;
	struct weir__clock clock;
};

struct police_state {
	struct weir__bucket bucket;
	struct weir__clock clock;
};

static int take_burst(struct weir_stage_args *args, struct police_conf *police)
{
	uint64_t least = police->packets ? BURST_MIN_PACKETS : BURST_MIN, bytes;

	police->burst = police->rate / BURST_PART > least ? police->rate / BURST_PART : least;
	if (police->burst > WEIR__BUCKET_BURST_MAX)
		police->burst = WEIR__BUCKET_BURST_MAX;
	if (police->packets)
		return weir_stage_arg_number(args, "burst", 1, UINT32_MAX, &police->burst);
	bytes = police->burst / 8;
	if (weir__arg_quantity(args, "burst", &weir__size, &bytes) < 0)
		return -EINVAL;
	police->burst = bytes * 8;
	return 0;
}

static int open_police(struct weir_stage_args *args, void *conf)
{
	struct police_conf *police = conf;
	int unit = weir__arg_quantity(args, "rate", &weir__rate, &police->rate);

	if (unit < 0)
		return unit;
	if (police->rate == 0)
		return weir_stage_fail(EINVAL, "needs a rate, as in rate=100mbit or rate=5kpps");
	police->packets = unit >= WEIR__RATE_PPS;
	if (take_burst(args, police))
		return -EINVAL;
	return weir__arg_clock(args, &police->clock);
}

/* Its share of the rate; the shares add up to all of it. */
static int setup(struct weir_stage *stage)
{
	const struct police_conf *police = stage->conf;
	struct police_state *state = stage->state;
	uint64_t share = police->rate / stage->workers;

	share += stage->worker < police->rate % stage->workers;
	if (share == 0)
		return weir_stage_fail(EINVAL, "rate=%llu is too little to share by %u workers",
			(unsigned long long)police->rate, stage->workers);
	weir__bucket_init(&state->bucket, share, police->burst);
	state->clock = police->clock;
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct police_conf *police = stage->conf;
	struct police_state *state = stage->state;
	uint8_t ways[WEIR_STAGE_BURST];

	weir__clock_look(&state->clock);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t now = weir__clock_tell(&state->clock, mbufs[i]);
		uint64_t amount =
			police->packets ? 1 : UINT64_C(8) * weir_mbuf_wire_length(mbufs[i]);

		ways[i] = weir__bucket_take(&state->bucket, amount, now) ? CONFORM : EXCEED;
	}
	weir_stage_split(stage, ways, mbufs, count);
}

static const char *const edges[] = {"conform", "exceed", NULL};

const struct weir_stage_type weir__stage_police = {
	.name = "police",
	.help = "tell packets within a rate from those above it",
	.edges = edges,
	.conf_size = sizeof(struct police_conf),
	.state_size = sizeof(struct police_state),
	.open = open_police,
	.setup = setup,
	.run = run,
};
