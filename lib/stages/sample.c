/* SPDX-License-Identifier: BSD-3-Clause */
/* sample.c: some of the packets: every so manieth, or each by chance. */
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include <errno.h>

enum { YES, NO };

struct sample_conf {
	uint64_t every; /* 0: by chance */
	uint64_t chance, seed;
};

struct sample_state {
	struct weir__random random;
	uint32_t since; /* packets since the last one chosen */
};

static int open_sample(struct weir_stage_args *args, void *conf)
{
	struct sample_conf *sample = conf;

	if (!weir_stage_arg(args, "every") == !weir_stage_arg(args, "chance"))
		return weir_stage_fail(EINVAL, "needs either every=100 or chance=1%%");
	if (weir_stage_arg_number(args, "every", 1, UINT32_MAX, &sample->every) ||
		weir__arg_chance(args, "chance", &sample->chance))
		return -EINVAL;
	return weir__arg_seed(args, &sample->seed);
}

static int setup(struct weir_stage *stage)
{
	const struct sample_conf *sample = stage->conf;
	struct sample_state *state = stage->state;

	weir__random_seed(&state->random, sample->seed, stage->worker);
	return 0;
}

static bool choose(const struct sample_conf *sample, struct sample_state *state)
{
	if (sample->every == 0)
		return weir__is_chosen(weir__random_next(&state->random), sample->chance);
	if (++state->since < sample->every)
		return false;
	state->since = 0;
	return true;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint8_t ways[WEIR_STAGE_BURST];

	for (uint32_t i = 0; i < count; i++)
		ways[i] = choose(stage->conf, stage->state) ? YES : NO;
	weir_stage_split(stage, ways, mbufs, count);
}

static const char *const edges[] = {"yes", "no", NULL};

const struct weir_stage_type weir__stage_sample = {
	.name = "sample",
	.help = "tell one in so many packets from the rest",
	.edges = edges,
	.conf_size = sizeof(struct sample_conf),
	.state_size = sizeof(struct sample_state),
	.open = open_sample,
	.setup = setup,
	.run = run,
};
