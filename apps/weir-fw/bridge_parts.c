/* SPDX-License-Identifier: BSD-3-Clause */
/* bridge_parts.c: packets in fragments on a bridge, and in front of several threads. The one that
 * makes its packet whole says where all of them go, but none goes back to where it came from. */
#include "apps/weir-fw/live_impl.h"

static void dropped(void *context, struct weir_mbuf *mbuf)
{
	struct weir_stage *stage = context;
	struct fw_view *view = stage->state;
	const struct fw_packet packet = {.kind = FW_KIND_IP};
	const struct fw_decision decision = {.verdict = FW_DROP};

	const bool router = view->live->net.host.count > 0;

	/* a router counts packets that are whole */
	if (!router)
		fw_totals_add(&view->totals, &packet, &decision, mbuf->length);
	weir_stage_made(stage, 1);
	weir_stage_drop(
		stage, router ? (uint32_t)FW_ROUTER_FRAGMENTS : FW_LIVE_FRAGMENTS, &mbuf, 1);
}

static void expire(struct fw_view *view)
{
	fw_parts_pass(&view->parts, fw_since_1970());
}

int fw_bridge_parts_open(struct weir_stage *stage)
{
	struct fw_view *view = stage->state;

	view->expire_parts = expire;
	if (fw_parts_open(&view->parts, fw_held_most(view->live), dropped, stage))
		return weir_stage_fail(ENOMEM, "no memory for fragments");
	return 0;
}

void fw_bridge_parts_close(struct weir_stage *stage)
{
	fw_parts_close(&((struct fw_view *)stage->state)->parts);
}

/* By the ways that are left; 0: none, for this reason. */
static void send_part(
	struct weir_stage *stage, struct weir_mbuf *mbuf, uint64_t left, uint32_t reason)
{
	const struct fw_view *view = stage->state;
	uint64_t ways = left & ~(UINT64_C(1) << mbuf->port);

	weir_stage_made(stage, 1);
	if (ways)
		app_bridge_send(stage, &view->live->bridge, mbuf, ways);
	else
		weir_stage_drop(stage, left ? APP_BRIDGE_FILTERED : reason, &mbuf, 1);
}

static void judge_whole(struct weir_stage *stage, const struct weir_mbuf *mbuf, uint64_t ways)
{
	struct fw_view *view = stage->state;
	struct fw_decision decision = {.verdict = FW_DROP};
	uint32_t reason = FW_LIVE_MALFORMED;

	fw_view_set(view, view->flat, fw_parts_flatten(&view->parts, view->flat), mbuf);
	view->judge.record = NULL;
	if (view->packet.kind == FW_KIND_IP) {
		decision.verdict = FW_ACCEPT;
		reason = FW_LIVE_RULES;
		ways = fw_bridge_judge(view, ways, &decision);
	} else {
		ways = 0; /* longer than any packet, behind a header of Ethernet with many tags */
	}
	for (uint32_t i = 0; i < view->parts.count; i++) {
		struct weir_mbuf *part = view->parts.mbufs[i];

		fw_totals_add(&view->totals, &view->packet, &decision, part->length);
		send_part(stage, part, ways, reason);
	}
}

bool fw_bridge_part(struct weir_stage *stage, struct weir_mbuf *mbuf, uint64_t ways)
{
	struct fw_view *view = stage->state;

	if (!fw_parts_wants(view->judge.rules, &view->packet) ||
		fw_parts_add(&view->parts, &view->packet, mbuf) < 0)
		return false;
	weir_stage_took(stage, 1);
	if (view->parts.count)
		judge_whole(stage, mbuf, ways);
	return true;
}
