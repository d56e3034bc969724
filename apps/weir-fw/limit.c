/* SPDX-License-Identifier: BSD-3-Clause */
/* limit.c: which packets a limit lets through. */
#include "apps/weir-fw/eval.h"

/* A bucket of credit that fills with time, as nft_limit.c has it. */
bool fw_limit_allows(struct fw_limit *limit, const struct fw_packet *packet)
{
	uint64_t period_ns = limit->unit_s * UINT64_C(1000000000), credit, cost;

	if (!limit->started) {
		limit->started = true;
		limit->credit_ns = limit->most_ns;
		limit->last_ns = packet->time_ns;
	}
	credit = limit->credit_ns;
	/* packets of a file may go back in time */
	if (packet->time_ns > limit->last_ns) {
		credit += packet->time_ns - limit->last_ns;
		limit->last_ns = packet->time_ns;
	}
	if (credit > limit->most_ns)
		credit = limit->most_ns;
	cost = limit->by_bytes ? (uint64_t)((double)period_ns * packet->network_length /
					    (double)limit->rate)
			       : period_ns / limit->rate;
	limit->credit_ns = credit >= cost ? credit - cost : credit;
	return credit >= cost;
}
