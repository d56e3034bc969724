/* SPDX-License-Identifier: BSD-3-Clause */
/* age.c: flows whose time has come.
 *
 * A flow's timer is set when it is made, and not moved when the flow is put off: that is one store
 * to its record. When the timer is due, and the flow is not, it is set again. A timer is never
 * later than its flow, since only weir__flow_shorten() makes that earlier. */
#include "flow_impl.h"

/* Timers taken at once, so that the lines of their flows come while others are worked on. */
#define BURST 32

void weir__flow_shorten(struct weir_flow_table *table, uint32_t index, uint64_t until)
{
	/* 0 would be no flow */
	uint64_t expires = until ? until : 1;

	weir__flow_record(table, index)->expires = expires;
	weir_wheel_set(table->wheel, index, expires);
}

static void look_ahead(
	const struct weir_flow_table *table, const uint32_t *indices, uint32_t count, uint64_t now)
{
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(weir__flow_record(table, indices[i]), 1);
	for (uint32_t i = 0; i < count; i++) {
		const struct weir__flow_record *record = weir__flow_record(table, indices[i]);
		uint64_t hash;

		if (record->expires > now)
			continue;
		hash = weir__flow_hash(&table->secret, record + 1, table->key_size);
		__builtin_prefetch(&table->buckets[weir__flow_place(table, hash).home], 1);
	}
}

static void look(struct weir_flow_table *table, uint32_t index, uint64_t now,
	weir_flow_expired *expired, void *context)
{
	const struct weir__flow_record *record = weir__flow_record(table, index);

	if (record->expires == 0) /* removed by an expired() of this burst */
		return;
	if (record->expires <= now && expired)
		expired(context, table, index);
	if (record->expires > now) {
		weir_wheel_set(table->wheel, index, record->expires);
		return;
	}
	weir__flow_drop(table, index);
	table->stats.expired++;
}

uint32_t weir_flow_expire(struct weir_flow_table *table, uint64_t now, uint32_t budget,
	weir_flow_expired *expired, void *context)
{
	uint32_t indices[BURST], count, left = budget;

	while ((count = weir_wheel_expire(table->wheel, now, indices, BURST, &left)) > 0) {
		look_ahead(table, indices, count, now);
		for (uint32_t i = 0; i < count; i++)
			look(table, indices[i], now, expired, context);
	}
	return budget - left;
}
