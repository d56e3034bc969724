/* SPDX-License-Identifier: BSD-3-Clause */
/* files.h: judge the packets of a capture file. */
#ifndef FW_FILES_H
#define FW_FILES_H

#include "apps/weir-fw/eval.h"
#include "apps/weir-fw/nat.h"
#include "apps/weir-fw/track.h"

/* What became of the packets. */
struct fw_totals {
	struct fw_counter read, accepted, dropped, rejected, other, malformed;
	uint64_t logged;
	uint64_t known; /* accepted without asking the rules: fast.h */
};

/* Count a packet and what became of it. */
void fw_totals_add(struct fw_totals *totals, const struct fw_packet *packet,
	const struct fw_decision *decision, uint32_t length);

/* Add those of another thread. */
void fw_totals_sum(struct fw_totals *totals, const struct fw_totals *more);

struct fw_files {
	const char *in, *accepted, *dropped, *log; /* NULL: none of it */
	const char *iif, *oif;                     /* "" for none */
	const enum fw_hook *hooks;
	uint32_t hook_count;
	uint64_t limit;             /* packets */
	uint64_t explain;           /* number of the packet that is told of, from 1; 0: none */
	FILE *out;                  /* for that */
	const struct fw_host *host; /* addresses of interfaces; NULL: none */
	uint32_t connections;       /* that are tracked at most */
	struct fw_track_stats tracked;
	struct fw_totals totals;
};

/* Judge all packets. 0, or -errno with a sentence in weir_last_error() or in error. */
int fw_files_run(struct fw_files *files, struct fw_ruleset *rules, char *error, size_t size);

#endif
