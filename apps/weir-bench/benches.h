/* SPDX-License-Identifier: BSD-3-Clause */
/* benches.h: the benches of weir-bench, one in each bench_*.c, and what they share. */
#ifndef BENCHES_H
#define BENCHES_H

#include "harness/bench.h"

extern const struct bench bench_mempool, bench_mbuf, bench_create, bench_packets, bench_tiers,
	bench_parse, bench_ring, bench_handoff;
extern const struct bench bench_replay, bench_readahead, bench_loop, bench_loopcopy, bench_convert,
	bench_convertahead, bench_checksum, bench_pipeline, bench_spread, bench_flow;
extern const struct bench bench_heap, bench_acl;

extern const struct buffers_subject mbuf_subject;
extern const struct ring_subject spsc_subject;

/* "2M" as the library's value; an unknown name is any. */
int benches_pages(const char *name);

/* A node option as the library's value. */
int benches_node(int node);

/* A cache option as the library's value. */
uint32_t benches_cache(uint32_t cache);

/* destroy and pages of a buffers_subject whose pool is a weir_mempool. */
void benches_destroy(void *pool);
const char *benches_pages_of(void *pool);

#endif
