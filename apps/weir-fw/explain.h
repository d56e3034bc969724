/* SPDX-License-Identifier: BSD-3-Clause */
/* explain.h: why a packet came to its verdict, and reasons in a line. */
#ifndef FW_EXPLAIN_H
#define FW_EXPLAIN_H

#include "apps/weir-fw/eval.h"

struct fw_explanation {
	FILE *out;
	const struct fw_packet *packet;
};

/* A line for each rule that is looked at; context is a struct fw_explanation. */
void fw_explain_step(void *context, const struct fw_step *step);

/* The packet in a line: addresses, protocol, ports, length. */
void fw_explain_packet(FILE *out, const struct fw_packet *packet);

/* "dropped by inet filter forward rule 3 (rules.nft:12): tcp dport 22 drop", to text. */
void fw_explain_decision(const struct fw_decision *decision, const struct fw_packet *packet,
	char *text, size_t size);

#endif
