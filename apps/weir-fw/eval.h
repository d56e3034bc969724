/* SPDX-License-Identifier: BSD-3-Clause */
/* eval.h: judge a packet by a rule set.
 *
 * The base chains of a hook are judged in the order of their priorities: accept ends one of them
 * and hands the packet to the next; drop and reject end all. A way through the hooks is what a
 * kernel takes a packet on: forwarded ones see prerouting, forward, postrouting.
 *
 * Threads: as many as fw_tallies_share() has made room for, each with a judge and a number of its
 * own; limits are of all of them together.
 */
#ifndef FW_EVAL_H
#define FW_EVAL_H

#include "apps/weir-fw/packet.h"

/* Told of each rule that was looked at, in order, for --explain. */
struct fw_step {
	const struct fw_chain *chain;
	const struct fw_rule *rule;        /* NULL: the end of a chain, or its policy */
	const struct fw_statement *failed; /* what did not hold; NULL: all of it did */
	const struct fw_verdict *verdict;  /* NULL: none, it goes on behind the rule */
};
typedef void fw_trace(void *context, const struct fw_step *step);

/* Told of each log statement that a packet reaches. */
typedef void fw_log(void *context, const struct fw_rule *rule, const struct fw_statement *statement,
	const struct fw_packet *packet);

/* The counters that a packet moves, and whether rules asked for what may differ in another packet
 * of its connection: fast.h. */
#define FW_PATH 14
struct fw_path {
	struct fw_cell *counters[FW_PATH];
	uint32_t count;
	bool varies;
};

struct fw_judge {
	struct fw_ruleset *rules;
	uint32_t worker; /* the number of this thread, from 0 */
	fw_state *state; /* NULL: no connections are tracked, and rules that ask are refused */
	fw_bind *bind;   /* NULL: nothing is translated */
	fw_translate *translate;
	void *tracker;
	struct fw_path *record; /* NULL: it is not */
	bool linear;            /* every rule is looked at; so it is for a trace */
	fw_trace *trace;
	fw_log *log;
	void *context; /* of both */
};

/* What became of a packet. */
struct fw_decision {
	enum fw_verdict_kind verdict;      /* FW_ACCEPT or FW_DROP */
	const struct fw_chain *chain;      /* which decided; NULL: no base chain saw it */
	const struct fw_rule *rule;        /* NULL: the policy of the chain */
	const struct fw_statement *reject; /* the sender is to be told so; NULL: not */
};

/* limit.c: is there credit for the packet? */
bool fw_limit_allows(struct fw_limit *limit, const struct fw_packet *packet);

/* By one hook, and by a way of hooks until one drops it. */
void fw_judge_hook(struct fw_judge *judge, enum fw_hook hook, struct fw_packet *packet,
	struct fw_decision *decision);
void fw_judge_way(struct fw_judge *judge, const enum fw_hook *hooks, uint32_t count,
	struct fw_packet *packet, struct fw_decision *decision);

#endif
