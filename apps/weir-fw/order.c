/* SPDX-License-Identifier: BSD-3-Clause */
/* order.c: a queue of packets, with what becomes of them. */
#include "apps/weir-fw/order.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const struct fw_record *record)
{
	return sizeof(*record) + record->meta.length;
}

struct fw_record *fw_order_add(
	struct fw_order *order, const struct weir_capture_packet *meta, const uint8_t *data)
{
	struct fw_record *record = malloc(sizeof(*record) + meta->length);

	if (!record)
		return weir__fail_null(ENOMEM, "no memory for packets that wait for fragments");
	*record = (struct fw_record){.meta = *meta, .waits = true};
	memcpy(record->data, data, meta->length);
	*(order->first ? order->last : &order->first) = record;
	order->last = &record->next;
	order->bytes += bytes_of(record);
	return record;
}

int fw_order_settle(struct fw_record *record, const char *reason)
{
	record->waits = false;
	if (!reason)
		return 0;
	record->reason = strdup(reason);
	return record->reason ? 0 : weir__fail(ENOMEM, "no memory for why a packet is dropped");
}

struct fw_record *fw_order_next(struct fw_order *order)
{
	struct fw_record *record = order->first;

	if (!record || record->waits)
		return NULL;
	order->first = record->next;
	order->bytes -= bytes_of(record);
	return record;
}

void fw_record_free(struct fw_record *record)
{
	free(record->reason);
	free(record);
}

void fw_order_clear(struct fw_order *order)
{
	while (order->first) {
		struct fw_record *record = order->first;

		order->first = record->next;
		fw_record_free(record);
	}
}
