/* SPDX-License-Identifier: BSD-3-Clause */
/* stages.c: the stage types there are. */
#include "stages/stages_impl.h"

const struct weir_stage_type *const weir_stages[] = {
	&weir__stage_rx,
	&weir__stage_play,
	&weir__stage_tx,
	&weir__stage_ring,
	&weir__stage_parse,
	&weir__stage_match,
	&weir__stage_count,
	&weir__stage_ethernet,
	&weir__stage_vlan,
	&weir__stage_rewrite,
	&weir__stage_truncate,
	&weir__stage_checksum,
	&weir__stage_split,
	&weir__stage_police,
	&weir__stage_mirror,
	&weir__stage_sample,
	&weir__stage_impair,
	&weir__stage_delay,
	&weir__stage_fragment,
	&weir__stage_reassemble,
	&weir__stage_write,
	&weir__stage_callback,
	&weir__stage_drop,
	NULL,
};

const char *const weir__stage_out[] = {"out", NULL};
