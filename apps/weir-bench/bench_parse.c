/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_parse.c: packet type and layer lengths of packets that are there. */
#include "benches.h"

#include <weir/parse.h>

static uint8_t *append(void *mbuf, uint32_t length)
{
	return weir_mbuf_append(mbuf, length);
}

static uint64_t run(void *context, uint64_t rounds)
{
	struct work *work = context;
	uint32_t at = work->newest;

	for (uint64_t i = 0; i < rounds; i++) {
		at = at + work->burst <= WORK_OUTSTANDING ? at : 0;
		weir_parse_burst((struct weir_mbuf **)(void *)(work->held + at), work->burst);
		at += work->burst;
	}
	work->newest = at;
	return rounds * work->burst;
}

static const struct parse_subject subject = {&mbuf_subject, append, run};

const struct bench bench_parse = {
	"parse", "find the headers of packets, by the burst", bench_parses, &subject};
