/* SPDX-License-Identifier: BSD-3-Clause */
/* mirror.c: a clone of each packet goes another way; the packet goes on, clone or not. */
#include "stages/stages_impl.h"

#include "weir/clone.h"

enum { OUT, COPY };
enum { NO_MBUF };

/* How many there is an mbuf for. */
static uint32_t clone_some(
	struct weir_mbuf *const *mbufs, struct weir_mbuf **clones, uint32_t count)
{
	struct weir_mempool *pool = weir_mbuf_pool(mbufs[0]);
	uint32_t made = 0;

	if (weir_likely(weir_mbuf_clone_bulk(mbufs, clones, count, pool) == 0))
		return count;
	while (made < count && (clones[made] = weir_mbuf_clone(mbufs[made], pool)) != NULL)
		made++;
	return made;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_mbuf *clones[WEIR_STAGE_BURST];
	uint32_t made = clone_some(mbufs, clones, count);

	weir_stage_made(stage, made);
	if (weir_unlikely(made < count))
		weir_stage_count(stage, NO_MBUF, count - made);
	weir_stage_pass(stage, COPY, clones, made);
	weir_stage_pass(stage, OUT, mbufs, count);
}

static const char *const edges[] = {"out", "copy", NULL};
static const char *const counters[] = {"no mbuf", NULL};

const struct weir_stage_type weir__stage_mirror = {
	.name = "mirror",
	.help = "send a clone of each packet another way",
	.edges = edges,
	.counters = counters,
	.run = run,
};
