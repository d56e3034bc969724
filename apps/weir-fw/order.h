/* SPDX-License-Identifier: BSD-3-Clause */
/* order.h: packets that are written in the order that they came, though what becomes of one may be
 * known later than of those behind it. */
#ifndef FW_ORDER_H
#define FW_ORDER_H

#include <weir/capture.h>
#include <weir/clone.h>

#include <stddef.h>

struct fw_record {
	struct fw_record *next;
	struct weir_capture_packet meta;
	struct weir_external external; /* its bytes, for an mbuf */
	uint64_t number, since_ns;     /* of one that waits: in the file, and for how long */
	bool waits;
	char *reason; /* why it is dropped; NULL: it is accepted */
	uint8_t data[];
};

struct fw_order {
	struct fw_record *first, **last;
	size_t bytes;
};

/* A copy behind all others, which waits. NULL with errno and weir_last_error(). */
struct fw_record *fw_order_add(
	struct fw_order *order, const struct weir_capture_packet *meta, const uint8_t *data);

/* What becomes of it is known now. 0, or -ENOMEM with weir_last_error(). */
int fw_order_settle(struct fw_record *record, const char *reason);

/* Take out the first if it waits no more, else NULL. */
struct fw_record *fw_order_next(struct fw_order *order);

void fw_record_free(struct fw_record *record);

/* Free all. */
void fw_order_clear(struct fw_order *order);

/* The record whose bytes these are. */
static inline struct fw_record *fw_record_of(const uint8_t *data)
{
	return (struct fw_record *)((uintptr_t)data - offsetof(struct fw_record, data));
}

#endif
