/* SPDX-License-Identifier: BSD-3-Clause */
/* limit.c: which packets a limit lets through. */
#include "apps/weir-fw/eval.h"

#include "base/base_impl.h"

/* A bucket of credit that fills with time, as nft_limit.c has it. */
static bool allows(struct fw_limit *limit, const struct fw_packet *packet)
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

/* All threads share the credit, as the processors of a kernel do, which has a lock there, too. It
 * is held for some nanoseconds. */
bool fw_limit_allows(struct fw_limit *limit, const struct fw_packet *packet)
{
	bool allowed;

	/* acquire: with the release below, what the last one wrote is seen */
	for (uint32_t waits = 0;
		atomic_exchange_explicit(&limit->locked, true, memory_order_acquire); waits++)
		weir__back_off(waits);
	allowed = allows(limit, packet);
	atomic_store_explicit(&limit->locked, false, memory_order_release);
	return allowed;
}
