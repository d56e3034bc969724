/* SPDX-License-Identifier: BSD-3-Clause */
/* match.c: packets that a filter of libpcap lets through, in the language of tcpdump, for
 * Ethernet. */
#include "stages/stages_impl.h"

#include <errno.h>

enum { YES, NO };

#ifdef WEIR_HAVE_PCAP

#include "weir/chain.h"

#include <pcap/pcap.h>

/* What filters look at of a packet in several segments: they are copied. */
#define COPIED 65535

struct match_conf {
	struct bpf_program program;
};

static int open_match(struct weir_stage_args *args, void *conf)
{
	const char *filter = weir_stage_arg(args, NULL);
	struct match_conf *match = conf;
	pcap_t *pcap;
	int error = 0;

	if (!filter)
		return weir_stage_fail(EINVAL, "needs a filter, as in \"tcp port 80\"");
	pcap = pcap_open_dead(DLT_EN10MB, COPIED);
	if (!pcap)
		return weir_stage_fail(ENOMEM, "no memory for a filter");
	if (pcap_compile(pcap, &match->program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		error = weir_stage_fail(EINVAL, "filter \"%s\": %s", filter, pcap_geterr(pcap));
	pcap_close(pcap);
	return error;
}

static void close_match(void *conf)
{
	struct match_conf *match = conf;

	pcap_freecode(&match->program);
}

static bool matches(const struct match_conf *match, const struct weir_mbuf *mbuf, uint8_t *copy)
{
	uint32_t length = mbuf->data_length;
	const uint8_t *bytes = weir_mbuf_data(mbuf);

	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return false;
	if (weir_unlikely(mbuf->next)) {
		length = mbuf->length < COPIED ? mbuf->length : COPIED;
		weir_mbuf_read(mbuf, 0, copy, length);
		bytes = copy;
	}
	return bpf_filter(match->program.bf_insns, bytes, weir_mbuf_wire_length(mbuf), length) != 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint8_t ways[WEIR_STAGE_BURST];

	for (uint32_t i = 0; i < count; i++)
		ways[i] = matches(stage->conf, mbufs[i], stage->state) ? YES : NO;
	weir_stage_split(stage, ways, mbufs, count);
}

#else

#define COPIED 0

struct match_conf {
	char nothing;
};

static int open_match(struct weir_stage_args *args, void *conf)
{
	(void)args;
	(void)conf;
	return weir_stage_fail(ENOTSUP, "weir was built without libpcap, which filters come from");
}

static void close_match(void *conf)
{
	(void)conf;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_stage_pass(stage, NO, mbufs, count);
}

#endif

static const char *const edges[] = {"yes", "no", NULL};

const struct weir_stage_type weir__stage_match = {
	.name = "match",
	.help = "tell packets by a filter, as tcpdump does",
	.edges = edges,
	.conf_size = sizeof(struct match_conf),
	.state_size = COPIED,
	.open = open_match,
	.close = close_match,
	.run = run,
};
