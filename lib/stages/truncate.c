/* SPDX-License-Identifier: BSD-3-Clause */
/* truncate.c: packets no longer than what an interface sends, or a capture keeps. */
#include "stages/stages_impl.h"

#include "weir/chain.h"
#include "weir/offload.h"
#include "weir/parse.h"

#include <errno.h>

enum { CUT };

struct truncate_conf {
	uint64_t mtu, snap; /* one of both; 0: not this */
};

static int open_truncate(struct weir_stage_args *args, void *conf)
{
	struct truncate_conf *truncate = conf;

	if (!weir_stage_arg(args, "mtu") == !weir_stage_arg(args, "snap"))
		return weir_stage_fail(EINVAL, "needs either mtu=1500 or snap=96");
	/* an IPv4 header must pass; 262144: the longest packet of a capture */
	if (weir_stage_arg_number(args, "mtu", 20, 262144, &truncate->mtu))
		return -EINVAL;
	return weir_stage_arg_number(args, "snap", 1, 262144, &truncate->snap);
}

/* An interface's limit is behind the link header, and the packet never was longer. */
static bool cut_to_mtu(struct weir_mbuf *mbuf, uint64_t mtu)
{
	uint64_t limit;

	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	limit = mbuf->l2_length + mtu;
	if (mbuf->length <= limit)
		return false;
	weir_mbuf_trim(mbuf, mbuf->length - (uint32_t)limit);
	mbuf->flags &= ~WEIR_MBUF_WIRE_LENGTH;
	return true;
}

static bool cut_to_snap(struct weir_mbuf *mbuf, uint64_t snap)
{
	uint32_t wire_length = weir_mbuf_wire_length(mbuf);

	if (mbuf->length <= snap)
		return false;
	weir_mbuf_trim(mbuf, mbuf->length - (uint32_t)snap);
	mbuf->wire_length = wire_length;
	mbuf->flags |= WEIR_MBUF_WIRE_LENGTH;
	return true;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct truncate_conf *truncate = stage->conf;
	uint64_t cut = 0;

	for (uint32_t i = 0; i < count; i++) {
		bool shorter = truncate->mtu ? cut_to_mtu(mbufs[i], truncate->mtu)
					     : cut_to_snap(mbufs[i], truncate->snap);

		/* what was found behind the cut is not there any more, and no checksum over it
		 * can be right */
		if (shorter)
			mbufs[i]->flags &= ~(WEIR_MBUF_LAYERS | WEIR_MBUF_HASH | WEIR_OFFLOADS);
		cut += shorter;
	}
	weir_stage_count(stage, CUT, cut);
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const counters[] = {"cut", NULL};

const struct weir_stage_type weir__stage_truncate = {
	.name = "truncate",
	.help = "cut packets that are too long",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct truncate_conf),
	.open = open_truncate,
	.run = run,
};
