/* SPDX-License-Identifier: BSD-3-Clause */
/* impair.c: lose, corrupt and duplicate packets by chance, as bad networks do. What happens to a
 * packet depends on the seed, on how many came before, and for corruption on its length. */
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/offload.h"

#include <errno.h>

enum { LOST, CORRUPTED, DUPLICATED, NO_MBUF };

struct impair_conf {
	uint64_t loss, corrupt, duplicate, seed;
};

static int open_impair(struct weir_stage_args *args, void *conf)
{
	struct impair_conf *impair = conf;

	if (weir__arg_chance(args, "loss", &impair->loss) ||
		weir__arg_chance(args, "corrupt", &impair->corrupt) ||
		weir__arg_chance(args, "duplicate", &impair->duplicate))
		return -EINVAL;
	return weir__arg_seed(args, &impair->seed);
}

static int setup(struct weir_stage *stage)
{
	const struct impair_conf *impair = stage->conf;

	weir__random_seed(stage->state, impair->seed, stage->worker);
	return 0;
}

/* Flip the bit of the packet that lies at this part, of 2^32, of its length. */
static int flip(struct weir_mbuf **packet, uint32_t part)
{
	uint64_t bit = (uint64_t)part * (*packet)->length >> 29;
	uint32_t offset = (uint32_t)(bit / 8);
	uint8_t byte;

	/* a checksum that is made later would be right again; what has none to make stays */
	if (weir_offload_checksums(packet) == -ENOBUFS ||
		weir_mbuf_make_writable(packet, offset, 1))
		return -ENOBUFS;
	weir_mbuf_read(*packet, offset, &byte, 1);
	byte ^= (uint8_t)(1u << bit % 8);
	weir_mbuf_write(*packet, offset, &byte, 1);
	/* what was found in it may be wrong now */
	(*packet)->flags &= ~(WEIR_MBUF_LAYERS | WEIR_MBUF_HASH);
	return 0;
}

static void corrupt(struct weir_stage *stage, struct weir_mbuf **packet, uint32_t part)
{
	if ((*packet)->length > 0)
		weir_stage_count(stage, flip(packet, part) ? NO_MBUF : CORRUPTED, 1);
}

static void duplicate(struct weir_stage *stage, struct weir_mbuf *packet)
{
	struct weir_mbuf *clone = weir_mbuf_clone(packet, weir_mbuf_pool(packet));

	weir_stage_count(stage, clone ? DUPLICATED : NO_MBUF, 1);
	if (!clone)
		return;
	weir_stage_made(stage, 1);
	weir_stage_next(stage, 0, clone);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct impair_conf *impair = stage->conf;
	struct weir_stage_drops drops = {.mbufs = mbufs};

	for (uint32_t i = 0; i < count; i++) {
		/* all three each time: one chance does not change what the others bring */
		uint64_t loss = weir__random_next(stage->state);
		uint64_t damage = weir__random_next(stage->state);
		uint64_t again = weir__random_next(stage->state);

		if (weir__is_chosen(loss, impair->loss)) {
			weir_stage_drop_next(stage, &drops, LOST, mbufs[i]);
			continue;
		}
		if (weir__is_chosen(damage, impair->corrupt))
			corrupt(stage, &mbufs[i], (uint32_t)damage);
		weir_stage_next(stage, 0, mbufs[i]);
		if (weir__is_chosen(again, impair->duplicate))
			duplicate(stage, mbufs[i]);
	}
	weir_stage_drop_rest(stage, &drops);
}

static const char *const counters[] = {"lost", "corrupted", "duplicated", "no mbuf", NULL};

const struct weir_stage_type weir__stage_impair = {
	.name = "impair",
	.help = "lose, corrupt and duplicate packets by chance",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct impair_conf),
	.state_size = sizeof(struct weir__random),
	.open = open_impair,
	.setup = setup,
	.run = run,
};
