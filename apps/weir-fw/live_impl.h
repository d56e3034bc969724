/* SPDX-License-Identifier: BSD-3-Clause */
/* live_impl.h: what the stages of a bridge and of a router share. */
#ifndef FW_LIVE_IMPL_H
#define FW_LIVE_IMPL_H

#include "apps/weir-fw/fast.h"
#include "apps/weir-fw/live.h"
#include "apps/weir-fw/parts.h"

/* A frame in pieces, or a packet of them, is put together in so many bytes. What is behind that no
 * rule looks at. */
#define FW_FLAT FW_PARTS_BYTES

/* One in so many of the pool's buffers may be with packets that wait for neighbours; as many may be
 * with fragments that wait for others. Without buffers nobody would hear where neighbours are, or
 * have the last fragment. */
#define FW_HELD_SHARE 8

/* Of a worker, for the packet it looks at. */
struct fw_view {
	struct fw_live *live;
	struct fw_judge judge;
	struct fw_totals totals; /* nobody else reads them before it has ended */
	struct fw_packet packet;
	uint64_t now_ns;     /* since 1970 */
	uint32_t generation; /* of the rules */
	struct fw_fast fast;
	struct fw_parts parts; /* of a bridge, and in front of several threads */
	/* when no packet comes: fragments go that have waited for too long */
	void (*expire_parts)(struct fw_view *view);
	uint8_t flat[FW_FLAT];
};

/* Once for a stage, and once for a burst: what is published meanwhile judges the next one. At its
 * end some connections go whose time is over, for known packets ask nobody. */
void fw_view_open(struct fw_view *view, struct fw_live *live, uint32_t worker);
void fw_view_begin(struct fw_view *view);
void fw_view_end(struct fw_view *view);

/* So long a thread is waited for that may be busy. */
#define FW_PATIENCE_MS 100

/* Have function(context) called on the thread with this number of those that run a stage, as
 * weir_pipeline_call(). */
int fw_live_call(const struct fw_live *live, const char *stage, uint32_t worker,
	void (*function)(void *context), void *context, uint32_t timeout_ms);

/* The clock that connections live by, where it is not the times of files. */
uint64_t fw_since_1970(void);

/* bridge_parts.c: packets in fragments on a bridge. Returns whether the frame in view was one; it
 * has gone then: to wait or, with all others of its packet, as the rules say. */
int fw_bridge_parts_open(struct weir_stage *stage);
void fw_bridge_parts_close(struct weir_stage *stage);
bool fw_bridge_part(struct weir_stage *stage, struct weir_mbuf *mbuf, uint64_t ways);

/* Those of these ways that the rules leave to the packet in view, which is one of IP. */
uint64_t fw_bridge_judge(struct fw_view *view, uint64_t ways, struct fw_decision *decision);

/* How many mbufs may be held. */
static inline uint32_t fw_held_most(const struct fw_live *live)
{
	return weir_mempool_count(live->bridge.run.app.pool) / FW_HELD_SHARE + 1;
}

/* Look at bytes of a frame that came as the mbuf. */
void fw_view_set(
	struct fw_view *view, const uint8_t *data, uint32_t length, const struct weir_mbuf *mbuf);

/* Look at a frame. Returns whether it lies in pieces: the view is then of a copy of it. */
bool fw_view_read(struct fw_view *view, const struct weir_mbuf *mbuf);

#endif
