/* SPDX-License-Identifier: BSD-3-Clause */
/* play_impl.h: what a stage of type play was asked for: play_conf.c takes it from arguments, play.c
 * does it. */
#ifndef WEIR_PLAY_IMPL_H
#define WEIR_PLAY_IMPL_H

#include "stages/inputs_impl.h"
#include "weir/pace.h"
#include "weir/trace.h"

struct weir__play {
	struct weir__inputs *inputs;
	struct weir_trace_cache *cache; /* of their files; NULL: none */
	struct weir_pace_conf pace;
	uint64_t loop; /* UINT64_MAX: for ever */
	bool unique;   /* addresses in each pass */
	uint64_t loop_gap_ns, limit, duration_ns;
	struct weir_stage_play *told; /* NULL: nobody wants to know */
};

/* The open and close of the stage's type. */
int weir__play_open(struct weir_stage_args *args, void *conf);
void weir__play_close(void *conf);

#endif
