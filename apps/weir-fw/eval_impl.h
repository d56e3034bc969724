/* SPDX-License-Identifier: BSD-3-Clause */
/* eval_impl.h: a packet on its way through rules, for eval.c, eval_chain.c and execute.c. */
#ifndef FW_EVAL_IMPL_H
#define FW_EVAL_IMPL_H

#include "apps/weir-fw/eval.h"

/* How a statement ends: the next one, the next rule, or a verdict. */
enum fw_outcome { FW_NEXT, FW_BREAK, FW_DECIDED };

struct fw_way {
	struct fw_judge *judge;
	struct fw_cell *cells; /* of this thread's counters */
	struct fw_packet *packet;
	struct fw_decision *decision;
	const struct fw_verdict *verdict; /* when FW_DECIDED; NULL: reject, or no port is free */
	bool bound;                       /* a rule has said how to translate */
	uint32_t asks;                    /* of indexes that may still be in vain */
	uint32_t said; /* statements of the next rule that its index has asked: they hold */
};

/* eval_chain.c: by a base chain, and those it jumps to; true: the packet is dropped. */
bool fw_judge_chain(struct fw_way *way, struct fw_chain *base);

/* execute.c: move a counter, and do what the statements of a rule say, up to the first that does
 * not hold or decides. *done: those in front are; then as far as it got. */
void fw_execute_count(const struct fw_way *way, const struct fw_tally *tally);
enum fw_outcome fw_execute(struct fw_way *way, const struct fw_rule *rule, uint32_t *done);

#endif
