/* SPDX-License-Identifier: BSD-3-Clause */
/* filtered.c: receiving through filter= when the driver does not filter. */
#include "port/port_impl.h"

#include "mbuf/filter_impl.h"

#include <errno.h>
#include <stdlib.h>

/* Bursts that are looked through for one packet before the caller gets a turn: receive must not
 * take for ever when nothing passes. */
#define BURSTS 16

/* Keep those that pass, in their order. */
static uint32_t keep(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	uint8_t *copy = port->filter_copies + (size_t)queue * WEIR__FILTER_COPIED;
	struct weir__counters *counters = &port->rx[queue];
	uint64_t bytes = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (weir__filter_matches(port->filter, mbufs[i], copy)) {
			mbufs[kept++] = mbufs[i];
			continue;
		}
		bytes += mbufs[i]->length;
		weir_mbuf_free(mbufs[i]);
	}
	weir__count(&counters->dropped[WEIR_DROP_RX_FILTERED], count - kept);
	/* what the driver has counted already was not received after all */
	weir__count_packets(counters, -(uint64_t)(count - kept), -bytes);
	return kept;
}

static uint32_t filtered_rx(void *context, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_port *port = context;
	uint32_t got, kept = 0;

	for (uint32_t i = 0; i < BURSTS && kept == 0; i++) {
		got = port->driver->rx(port->priv, queue, mbufs, count);
		if (got == 0)
			break;
		kept = keep(port, queue, mbufs, got);
	}
	return kept;
}

int weir__port_filter(struct weir_port *port)
{
	if (!port->filter)
		return 0;
	port->filter_copies = malloc((size_t)port->queues * WEIR__FILTER_COPIED);
	if (!port->filter_copies)
		return weir__fail(ENOMEM, "no memory for the filter of '%s'", port->name);
	if (port->filters)
		return 0;
	port->ops.rx = filtered_rx;
	port->ops.rx_context = port;
	return 0;
}
