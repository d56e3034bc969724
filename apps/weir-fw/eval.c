/* SPDX-License-Identifier: BSD-3-Clause */
/* eval.c: the chains of the hooks that a packet comes by, and its translation between them. */
#include "apps/weir-fw/eval_impl.h"

#include "apps/weir-fw/nat.h"

#include <string.h>

static bool is_for(const struct fw_chain *chain, const struct fw_packet *packet)
{
	return chain->table->family == FW_INET || chain->table->family == packet->family;
}

/* The first packet of a connection is judged by the chains of type nat until one has said what to
 * do; that is done with all of its packets. true: the packet is dropped. */
static bool judge_nat(struct fw_way *way, enum fw_hook hook)
{
	struct fw_judge *judge = way->judge;
	struct fw_ruleset *rules = judge->rules;

	if (hook == FW_INPUT || hook == FW_FORWARD || !judge->translate)
		return false;
	if (!way->packet->first && !way->packet->translated)
		return false;
	way->bound = false;
	for (uint32_t i = 0; way->packet->first && !way->bound && i < rules->nat_counts[hook]; i++)
		if (is_for(rules->nats[hook][i], way->packet) &&
			fw_judge_chain(way, rules->nats[hook][i]))
			return true;
	return !judge->translate(judge->tracker, way->packet,
		hook == FW_POSTROUTING ? FW_NAT_SOURCE : FW_NAT_DESTINATION);
}

static void judge_chains(struct fw_judge *judge, enum fw_hook hook, struct fw_packet *packet,
	struct fw_decision *decision)
{
	struct fw_ruleset *rules = judge->rules;
	struct fw_way way = {.judge = judge,
		.cells = rules->tallies.rows[judge->worker],
		.packet = packet,
		.decision = decision};

	for (uint32_t i = 0; i <= rules->hook_counts[hook]; i++) {
		bool dropped = i == rules->nat_at[hook] && judge_nat(&way, hook);

		if (!dropped && i < rules->hook_counts[hook] &&
			is_for(rules->hooks[hook][i], packet))
			dropped = fw_judge_chain(&way, rules->hooks[hook][i]);
		if (!dropped)
			continue;
		decision->verdict = FW_DROP;
		return;
	}
}

void fw_judge_hook(struct fw_judge *judge, enum fw_hook hook, struct fw_packet *packet,
	struct fw_decision *decision)
{
	const struct fw_ruleset *rules = judge->rules;

	if (rules->stateful && judge->state && !packet->ct_state)
		packet->ct_state = judge->state(judge->tracker, packet);
	/* most rule sets have no chain at most hooks */
	if (rules->hook_counts[hook] || judge->translate)
		judge_chains(judge, hook, packet, decision);
}

void fw_judge_way(struct fw_judge *judge, const enum fw_hook *hooks, uint32_t hook_count,
	struct fw_packet *packet, struct fw_decision *decision)
{
	bool forwards = false;
	char out[FW_IFNAMSIZ];

	for (uint32_t i = 0; i < hook_count; i++)
		forwards |= hooks[i] == FW_FORWARD;
	*decision = (struct fw_decision){.verdict = FW_ACCEPT};
	memcpy(out, packet->out, sizeof(out));
	for (uint32_t i = 0; i < hook_count && decision->verdict == FW_ACCEPT; i++) {
		/* before it is routed, nobody knows where it will leave */
		if (hooks[i] == FW_PREROUTING)
			memset(packet->out, 0, sizeof(packet->out));
		else
			memcpy(packet->out, out, sizeof(out));
		packet->routed = forwards && hooks[i] != FW_PREROUTING;
		fw_judge_hook(judge, hooks[i], packet, decision);
	}
	memcpy(packet->out, out, sizeof(out));
}
