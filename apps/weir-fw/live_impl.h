/* SPDX-License-Identifier: BSD-3-Clause */
/* live_impl.h: what the stages of a bridge and of a router share. */
#ifndef FW_LIVE_IMPL_H
#define FW_LIVE_IMPL_H

#include "apps/weir-fw/fast.h"
#include "apps/weir-fw/live.h"

/* A frame in pieces is put together in so many bytes: the longest packet of IPv6, and a header of
 * Ethernet with two tags. What is behind that no rule looks at. */
#define FW_FLAT (40 + 65535 + 22)

/* Of a worker, for the packet it looks at. */
struct fw_view {
	struct fw_live *live;
	struct fw_judge judge;
	struct fw_packet packet;
	uint64_t now_ns;     /* since 1970 */
	uint32_t generation; /* of the rules */
	struct fw_fast fast; /* of a bridge */
	uint8_t flat[FW_FLAT];
};

/* Once for a stage, and once for a burst: what is published meanwhile judges the next one. */
void fw_view_open(struct fw_view *view, struct fw_live *live);
void fw_view_begin(struct fw_view *view);

/* The clock that connections live by, where it is not the times of files. */
uint64_t fw_since_1970(void);

/* Look at a frame. Returns whether it lies in pieces: the view is then of a copy of it. */
bool fw_view_read(struct fw_view *view, const struct weir_mbuf *mbuf);

#endif
