/* SPDX-License-Identifier: BSD-3-Clause */
/* reassemble.c: whole IP packets for their fragments, each worker for itself. */
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include "weir/fragment.h"

#include <errno.h>

enum { WHOLE, DUPLICATE, MALFORMED, OVERLAP, TOO_MANY, EVICTED, TIMEOUT, NO_MBUF, COUNTERS };

struct reassemble_conf {
	struct weir_reassembly_conf limits;
	struct weir__clock clock;
};

struct reassemble_state {
	struct weir_reassembly *reassembly;
	struct weir__clock clock;
	uint64_t seen[COUNTERS];
};

static int open_reassemble(struct weir_stage_args *args, void *conf)
{
	struct reassemble_conf *reassemble = conf;
	uint64_t packets = 0, fragments = 0, held = 0, timeout = 0;

	if (weir_stage_arg_number(args, "packets", 1, UINT32_MAX, &packets) ||
		weir_stage_arg_number(args, "fragments", 1, UINT32_MAX, &fragments) ||
		weir_stage_arg_number(args, "held", 1, UINT32_MAX, &held) ||
		weir__arg_quantity(args, "timeout", &weir__duration, &timeout) < 0)
		return -EINVAL;
	reassemble->limits.packets = (uint32_t)packets;
	reassemble->limits.fragments = (uint32_t)fragments;
	reassemble->limits.held = (uint32_t)held;
	reassemble->limits.timeout_ns = timeout;
	return weir__arg_clock(args, &reassemble->clock);
}

static int setup(struct weir_stage *stage)
{
	const struct reassemble_conf *reassemble = stage->conf;
	struct reassemble_state *state = stage->state;

	state->clock = reassemble->clock;
	state->reassembly = weir_reassembly_create(&reassemble->limits);
	return state->reassembly ? 0 : -errno;
}

/* Bring the counters to what the reassembly has counted. */
static void count_up(struct weir_stage *stage)
{
	struct reassemble_state *state = stage->state;
	struct weir_reassembly_stats stats;

	weir_reassembly_stats(state->reassembly, &stats);
	const uint64_t now[COUNTERS] = {stats.packets, stats.duplicates, stats.malformed,
		stats.overlaps, stats.too_many, stats.evicted, stats.timeouts, stats.no_mbufs};

	for (uint32_t i = 0; i < COUNTERS; i++) {
		weir_stage_count(stage, i, now[i] - state->seen[i]);
		state->seen[i] = now[i];
	}
}

static void teardown(struct weir_stage *stage)
{
	struct reassemble_state *state = stage->state;

	/* what is not whole now never will be */
	weir_reassembly_expire(state->reassembly, UINT64_MAX);
	count_up(stage);
	weir_reassembly_destroy(state->reassembly);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct reassemble_state *state = stage->state;
	uint32_t kept = 0;

	weir__clock_look(&state->clock);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t now = weir__clock_tell(&state->clock, mbufs[i]);
		struct weir_mbuf *whole = weir_reassembly_add(state->reassembly, mbufs[i], now);

		if (whole)
			mbufs[kept++] = whole;
	}
	weir_reassembly_expire(state->reassembly, state->clock.now_ns);
	weir_stage_took(stage, count - kept);
	count_up(stage);
	weir_stage_pass(stage, 0, mbufs, kept);
}

static const char *const counters[] = {"whole", "duplicate", "malformed", "overlap",
	"too many fragments", "evicted", "timeout", "no mbuf", NULL};

const struct weir_stage_type weir__stage_reassemble = {
	.name = "reassemble",
	.help = "put fragments of IP packets together",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct reassemble_conf),
	.state_size = sizeof(struct reassemble_state),
	.open = open_reassemble,
	.setup = setup,
	.teardown = teardown,
	.run = run,
};
