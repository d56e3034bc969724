/* SPDX-License-Identifier: BSD-3-Clause */
/* stage_impl.h: what the stages that ship may tell the runtime beyond weir/stage.h. */
#ifndef WEIR_STAGE_IMPL_H
#define WEIR_STAGE_IMPL_H

#include "weir/stage.h"

#include <stdbool.h>

/* A packet lay in a ring for so many ticks (weir__cycles()). */
void weir__stage_waited(struct weir_stage *stage, uint64_t ticks);

/* Has its pipeline been told to stop? It then drains, and should not wait for anything for long. */
bool weir__stage_is_told(const struct weir_stage *stage);

#endif
