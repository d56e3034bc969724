/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_parse.c: DPDK's packet type and header lengths, a call for each packet. */
#include "dpdk_calls.h"

#include <rte_net.h>

static uint8_t *append(void *mbuf, uint32_t length)
{
	return (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)length);
}

static void parse(struct rte_mbuf *mbuf)
{
	struct rte_net_hdr_lens lengths;

	mbuf->packet_type = rte_net_get_ptype(mbuf, &lengths, RTE_PTYPE_ALL_MASK);
	mbuf->l2_len = lengths.l2_len & ((1u << RTE_MBUF_L2_LEN_BITS) - 1);
	mbuf->l3_len = lengths.l3_len & ((1u << RTE_MBUF_L3_LEN_BITS) - 1);
	mbuf->l4_len = lengths.l4_len;
}

static uint64_t run(void *context, uint64_t rounds)
{
	struct work *work = context;
	uint32_t at = work->newest;

	for (uint64_t i = 0; i < rounds; i++) {
		at = at + work->burst <= WORK_OUTSTANDING ? at : 0;
		for (uint32_t j = 0; j < work->burst; j++)
			parse(work->held[at + j]);
		at += work->burst;
	}
	work->newest = at;
	return rounds * work->burst;
}

static const struct parse_subject subject = {&dpdk_mbuf_subject, append, run};

const struct bench dpdk_bench_parse = {
	"parse", "find the headers of packets", bench_parses, &subject};
