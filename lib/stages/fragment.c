/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment.c: cut IP packets that are larger than an MTU. */
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include "weir/fragment.h"

#include <errno.h>

enum { CUT, NOT_IP, TOO_BIG, NO_MBUF };

/* What every IPv4 link must take (RFC 791), and then the fragments of the largest packet. */
#define MTU_LEAST  68
#define PIECES_MAX 1366 /* 65,535 bytes in pieces of 48 */

struct fragment_conf {
	uint64_t mtu, seed;
};

struct fragment_state {
	struct weir__random ids; /* identifications of IPv6 packets */
	struct weir_mbuf *pieces[PIECES_MAX];
};

static int open_fragment(struct weir_stage_args *args, void *conf)
{
	struct fragment_conf *fragment = conf;

	fragment->mtu = 1500;
	if (weir_stage_arg_number(args, "mtu", MTU_LEAST, UINT16_MAX, &fragment->mtu))
		return -EINVAL;
	return weir__arg_seed(args, &fragment->seed);
}

static int setup(struct weir_stage *stage)
{
	const struct fragment_conf *fragment = stage->conf;
	struct fragment_state *state = stage->state;

	weir__random_seed(&state->ids, fragment->seed, stage->worker);
	return 0;
}

static void cut(struct weir_stage *stage, struct weir_mbuf *packet)
{
	const struct fragment_conf *fragment = stage->conf;
	struct fragment_state *state = stage->state;
	int count = weir_fragment(packet, (uint32_t)fragment->mtu,
		(uint32_t)weir__random_next(&state->ids), state->pieces, PIECES_MAX);

	if (count > 1) {
		weir_stage_count(stage, CUT, 1);
		weir_stage_made(stage, (uint64_t)count - 1);
	}
	for (int i = 0; i < count; i++)
		weir_stage_next(stage, 0, state->pieces[i]);
	if (count > 0)
		return;
	if (count != -EINVAL) {
		weir_stage_drop(stage, count == -EMSGSIZE ? TOO_BIG : NO_MBUF, &packet, 1);
		return;
	}
	weir_stage_count(stage, NOT_IP, 1);
	weir_stage_next(stage, 0, packet);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct fragment_conf *fragment = stage->conf;

	for (uint32_t i = 0; i < count; i++)
		/* with its link header, even: it fits */
		if (mbufs[i]->length <= fragment->mtu)
			weir_stage_next(stage, 0, mbufs[i]);
		else
			cut(stage, mbufs[i]);
}

static const char *const counters[] = {"cut", "not IP", "too big", "no mbuf", NULL};

const struct weir_stage_type weir__stage_fragment = {
	.name = "fragment",
	.help = "cut IP packets that are larger than an MTU",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct fragment_conf),
	.state_size = sizeof(struct fragment_state),
	.open = open_fragment,
	.setup = setup,
	.run = run,
};
