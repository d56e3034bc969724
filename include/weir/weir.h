/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/weir.h: the whole library, in the order a packet meets it. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include "weir/base.h"
#include "weir/capture.h"
#include "weir/capture_write.h"
#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/control.h"
#include "weir/cursor.h"
#include "weir/dump.h"
#include "weir/field.h"
#include "weir/flow.h"
#include "weir/flow_key.h"
#include "weir/fragment.h"
#include "weir/guard.h"
#include "weir/handoff.h"
#include "weir/lcores.h"
#include "weir/mbuf.h"
#include "weir/mbuf_pool.h"
#include "weir/mem.h"
#include "weir/mempool.h"
#include "weir/parse.h"
#include "weir/pipeline.h"
#include "weir/port.h"
#include "weir/rcu.h"
#include "weir/ring.h"
#include "weir/spread.h"
#include "weir/stage.h"
#include "weir/stages.h"
#include "weir/tiers.h"
#include "weir/track.h"
#include "weir/wheel.h"
#include "weir/worker.h"

#endif
