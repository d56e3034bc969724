/* SPDX-License-Identifier: BSD-3-Clause */
/* totals.c: what became of packets, counted. */
#include "apps/weir-fw/files.h"

static void count(struct fw_counter *counter, uint32_t bytes)
{
	counter->packets++;
	counter->bytes += bytes;
}

void fw_totals_add(struct fw_totals *totals, const struct fw_packet *packet,
	const struct fw_decision *decision, uint32_t length)
{
	count(&totals->read, length);
	count(decision->verdict == FW_ACCEPT ? &totals->accepted : &totals->dropped, length);
	if (decision->reject)
		count(&totals->rejected, length);
	if (packet->kind == FW_KIND_OTHER)
		count(&totals->other, length);
	if (packet->kind == FW_KIND_MALFORMED)
		count(&totals->malformed, length);
}

static void add(struct fw_counter *counter, const struct fw_counter *more)
{
	counter->packets += more->packets;
	counter->bytes += more->bytes;
}

void fw_totals_sum(struct fw_totals *totals, const struct fw_totals *more)
{
	add(&totals->read, &more->read);
	add(&totals->accepted, &more->accepted);
	add(&totals->dropped, &more->dropped);
	add(&totals->rejected, &more->rejected);
	add(&totals->other, &more->other);
	add(&totals->malformed, &more->malformed);
	totals->logged += more->logged;
	totals->known += more->known;
}
