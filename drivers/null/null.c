/* SPDX-License-Identifier: BSD-3-Clause */
/* null.c: endless packets in, a sink out: for measuring everything else, and the driver to copy.
 *
 *	null:size=64,count=1000000,queues=2
 *
 *	size    bytes of a packet, 1 to what fits an mbuf of the pool (64); they are not written
 *	count   packets on each queue until the input ends (0: endless)
 *	queues  1 to 64 (1)
 */
#include "drivers/driver_impl.h"

#include <errno.h>

struct null_port {
	struct weir_port *port;
	uint32_t size;
	uint64_t count;
	uint64_t left[WEIR__QUEUE_MAX]; /* when count is set */
	WEIR_ATOMIC(uint32_t) queues_ended;
};

static int null_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct null_port *null = priv;
	uint64_t size = 64, queues = 1;
	uint64_t size_max = port->pool ? weir_mbuf_pool_size(port->pool) : UINT32_MAX;

	if (weir__spec_number(spec, "size", 1, size_max, &size) ||
		weir__spec_number(spec, "count", 0, UINT64_MAX, &null->count) ||
		weir__spec_number(spec, "queues", 1, WEIR__QUEUE_MAX, &queues))
		return -EINVAL;
	if (spec->argument)
		return weir__fail(EINVAL, "null: '%s' is not key=value", spec->argument);
	null->port = port;
	null->size = (uint32_t)size;
	port->queues = (uint32_t)queues;
	for (uint32_t i = 0; i < port->queues; i++)
		null->left[i] = null->count;
	if (!port->pool)
		weir__port_end(port);
	return weir__spec_finish(spec, "size, count, queues");
}

static int null_close(struct weir_port *port, void *priv)
{
	(void)port;
	(void)priv;
	return 0;
}

/* No more than are left; the last queue to end ends the port. */
static uint32_t take_left(struct null_port *null, uint32_t queue, uint32_t count)
{
	uint64_t *left = &null->left[queue];
	bool was_open = *left > 0;

	if (null->count == 0)
		return count;
	if (count > *left)
		count = (uint32_t)*left;
	*left -= count;
	if (was_open && *left == 0 &&
		/* acq_rel: the last one ends the port after the others have counted */
		atomic_fetch_add_explicit(&null->queues_ended, 1, memory_order_acq_rel) + 1 ==
			null->port->queues)
		weir__port_end(null->port);
	return count;
}

static uint32_t null_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct null_port *null = priv;
	struct weir__counters *counters = &null->port->rx[queue];

	if (!null->port->pool || (null->count && null->left[queue] == 0))
		return 0;
	/* a pool that has not as many may still have some */
	while (count && weir_mbuf_alloc_bulk(null->port->pool, mbufs, count))
		count /= 2;
	if (!count) {
		weir__count(&counters->no_mbuf, 1);
		return 0;
	}
	if (null->count) {
		uint32_t take = take_left(null, queue, count);

		weir_mbuf_free_bulk(mbufs + take, count - take);
		count = take;
	}
	for (uint32_t i = 0; i < count; i++)
		mbufs[i]->data_length = mbufs[i]->length = null->size;
	weir__count_packets(counters, count, (uint64_t)count * null->size);
	return count;
}

static uint32_t null_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct null_port *null = priv;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += mbufs[i]->length;
	weir_mbuf_free_bulk(mbufs, count);
	weir__count_packets(&null->port->tx[queue], count, bytes);
	return count;
}

static void null_progress(const void *priv, uint64_t *position, uint64_t *size)
{
	const struct null_port *null = priv;

	*size = null->count * null->size * null->port->queues;
	for (uint32_t i = 0; i < null->port->queues; i++)
		*position += atomic_load_explicit(&null->port->rx[i].bytes, memory_order_relaxed);
}

const struct weir__driver weir__driver_null = {
	.name = "null",
	.private_size = sizeof(struct null_port),
	.offloads = WEIR__OFFLOADS_ALL,
	.open = null_open,
	.close = null_close,
	.rx = null_rx,
	.tx = null_tx,
	.progress = null_progress,
};
