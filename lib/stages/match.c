/* SPDX-License-Identifier: BSD-3-Clause */
/* match.c: packets that a filter of libpcap lets through, in the language of tcpdump, for
 * Ethernet. */
#include "mbuf/filter_impl.h"
#include "stages/stages_impl.h"

#include <errno.h>

enum { YES, NO };

struct match_conf {
	struct weir__filter *filter;
};

static int open_match(struct weir_stage_args *args, void *conf)
{
	const char *filter = weir_stage_arg(args, NULL);
	struct match_conf *match = conf;

	if (!filter)
		return weir_stage_fail(EINVAL, "needs a filter, as in \"tcp port 80\"");
	match->filter = weir__filter_compile(filter);
	return match->filter ? 0 : weir_stage_fail(errno, "%s", weir_last_error());
}

static void close_match(void *conf)
{
	struct match_conf *match = conf;

	weir__filter_free(match->filter);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct match_conf *match = stage->conf;
	uint8_t ways[WEIR_STAGE_BURST];

	for (uint32_t i = 0; i < count; i++)
		ways[i] = weir__filter_matches(match->filter, mbufs[i], stage->state) ? YES : NO;
	weir_stage_split(stage, ways, mbufs, count);
}

static const char *const edges[] = {"yes", "no", NULL};

const struct weir_stage_type weir__stage_match = {
	.name = "match",
	.help = "tell packets by a filter, as tcpdump does",
	.edges = edges,
	.conf_size = sizeof(struct match_conf),
	.state_size = WEIR__FILTER_COPIED,
	.open = open_match,
	.close = close_match,
	.run = run,
};
