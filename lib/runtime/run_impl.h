/* SPDX-License-Identifier: BSD-3-Clause */
/* run_impl.h: what the rounds of workers call of taps, and only when there is one. */
#ifndef WEIR_RUN_IMPL_H
#define WEIR_RUN_IMPL_H

#include "runtime/pipeline_impl.h"

static inline bool weir__is_tapped(const struct weir__graph *graph)
{
	/* relaxed: a new tap may be seen a turn later; the table is read by weir_rcu_read() */
	return weir_unlikely(
		atomic_load_explicit(&graph->taps.object, memory_order_relaxed) != NULL);
}

/* Show what lies on an edge, or what a node is about to drop for this reason. */
void weir__tap_edge(const struct weir__graph *graph, const struct weir_stage_edge *edge);
void weir__tap_drop(const struct weir__node *node, uint32_t counter, struct weir_mbuf *const *mbufs,
	uint32_t count);

#endif
