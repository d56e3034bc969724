/* SPDX-License-Identifier: BSD-3-Clause */
/* port.c: open a port by its spec; everything about it that no driver needs to know. */
#include "port/port_impl.h"

#include "mbuf/filter_impl.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct weir__driver *find_driver(const char *name, size_t length)
{
	for (uint32_t i = 0; weir__drivers[i]; i++)
		if (strlen(weir__drivers[i]->name) == length &&
			strncmp(weir__drivers[i]->name, name, length) == 0)
			return weir__drivers[i];
	return NULL;
}

static int unknown_driver(const char *spec, size_t length)
{
	char names[256] = "";

	if (spec[length] == '\0' && if_nametoindex(spec))
		return weir__fail(ENODEV,
			"no driver '%s', and no such file; the interface of this name is "
			"af_packet:%s",
			spec, spec);
	for (uint32_t i = 0; weir__drivers[i]; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
			weir__drivers[i]->name);
	}
	return weir__fail(ENODEV, "no driver '%.*s', and no such file; there are: %s", (int)length,
		spec, names);
}

/* Does it look like a file rather than like a driver that does not exist? */
static bool looks_like_path(const char *spec, size_t name_length)
{
	return memchr(spec, '/', name_length) || memchr(spec, '.', name_length) ||
	       strcmp(spec, "-") == 0 || access(spec, F_OK) == 0;
}

/* Find the driver and take the spec apart; a bare path becomes pcap:rx=path. A name that is there
 * is one as a whole, also where it looks like a path with keys behind it. */
static int parse(const char *text, struct weir__spec *spec, const struct weir__driver **driver)
{
	size_t length = strcspn(text, ":");
	char *as_rx;
	int error;

	*driver = find_driver(text, length);
	if (*driver)
		return weir__spec_parse(spec, text);
	if (!looks_like_path(text, length))
		return unknown_driver(text, length);
	*driver = &weir__driver_pcap;
	if (access(text, F_OK) == 0)
		return weir__spec_make(spec, "pcap", "rx", text);
	if (asprintf(&as_rx, "pcap:rx=%s", text) < 0)
		return weir__fail(ENOMEM, "no memory for '%s'", text);
	error = weir__spec_parse(spec, as_rx);
	free(as_rx);
	return error;
}

static void free_port(struct weir_port *port)
{
	free(port->name);
	free(port->rx);
	free(port->tx);
	weir__filter_free(port->filter);
	free(port->filter_copies);
	free(port->priv);
	free(port);
}

static struct weir__counters *make_counters(uint32_t queues)
{
	size_t size = queues * sizeof(struct weir__counters);
	struct weir__counters *counters = aligned_alloc(WEIR_CACHE_LINE, size);

	if (counters)
		memset(counters, 0, size);
	return counters;
}

/* The parts around the driver; what is missing is seen by the caller. */
static struct weir_port *make_port(
	const char *spec, const struct weir__driver *driver, struct weir_mempool *pool)
{
	struct weir_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->driver = driver;
	port->pool = pool;
	port->queues = 1;
	port->sends = true;
	port->offloads = driver->offloads;
	port->name = strdup(spec);
	port->rx = make_counters(WEIR__QUEUE_MAX);
	port->tx = make_counters(WEIR__QUEUE_MAX);
	port->ops.rx = driver->rx;
	port->ops.tx = driver->tx;
	port->priv = calloc(1, driver->private_size);
	port->ops.rx_context = port->ops.tx_context = port->priv;
	if (port->name && port->rx && port->tx && port->priv)
		return port;
	free_port(port);
	return NULL;
}

/* The keys that every driver has. */
static int take_common_keys(struct weir_port *port, struct weir__spec *spec)
{
	const char *filter = weir__spec_get(spec, "filter");

	if (!filter)
		return 0;
	port->filter = weir__filter_compile(filter);
	return port->filter ? 0 : -errno;
}

static int open_driver(struct weir_port *port, struct weir__spec *spec)
{
	int error = take_common_keys(port, spec);

	if (!error)
		error = port->driver->open(port, port->priv, spec);
	if (error)
		return error;
	error = weir__port_filter(port);
	if (error)
		port->driver->close(port, port->priv);
	return error;
}

struct weir_port *weir_port_open(const char *text, struct weir_mempool *pool)
{
	return weir_port_open_cached(text, pool, NULL);
}

struct weir_port *weir_port_open_cached(
	const char *text, struct weir_mempool *pool, struct weir_trace_cache *cache)
{
	const struct weir__driver *driver;
	struct weir__spec spec;
	struct weir_port *port;
	int error;

	if (parse(text, &spec, &driver))
		return NULL;
	port = make_port(text, driver, pool);
	if (!port) {
		weir__spec_free(&spec);
		return weir__fail_null(ENOMEM, "no memory for the port '%s'", text);
	}
	port->cache = cache;
	error = open_driver(port, &spec);
	weir__spec_free(&spec);
	if (!error) {
		weir__port_complete(port);
		return port;
	}
	free_port(port);
	errno = -error;
	return NULL;
}

int weir_port_close(struct weir_port *port)
{
	int error;

	if (!port)
		return 0;
	error = port->driver->close(port, port->priv);
	free_port(port);
	return error;
}

const char *weir_port_name(const struct weir_port *port)
{
	return port->name;
}

uint32_t weir_port_queues(const struct weir_port *port)
{
	return port->queues;
}

bool weir_port_sends(const struct weir_port *port)
{
	return port->sends;
}

uint32_t weir_port_offloads(const struct weir_port *port)
{
	return port->offloads;
}

static enum weir_drop why_not_sent(const struct weir_port *port, bool dry)
{
	if (weir_port_state(port) < 0)
		return WEIR_DROP_TX_FAILED;
	if (dry)
		return WEIR_DROP_TX_DRY;
	/* relaxed: a reason, not a state anything depends on */
	return atomic_load_explicit(&port->down, memory_order_relaxed) ? WEIR_DROP_TX_DOWN
								       : WEIR_DROP_TX_FULL;
}

uint32_t weir_port_tx_or_drop(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t dry = weir__counted(&port->tx[queue].no_mbuf);
	uint32_t sent = weir_port_tx(port, queue, mbufs, count);

	if (weir_unlikely(sent < count)) {
		enum weir_drop reason =
			why_not_sent(port, weir__counted(&port->tx[queue].no_mbuf) != dry);

		weir_mbuf_free_bulk(mbufs + sent, count - sent);
		weir__count(&port->tx[queue].dropped[reason], count - sent);
	}
	return sent;
}

int weir_port_state(const struct weir_port *port)
{
	/* acquire: pairs with weir__port_fail() and weir__port_end() */
	return atomic_load_explicit(&port->state, memory_order_acquire);
}

const char *weir_port_error(const struct weir_port *port)
{
	return weir_port_state(port) < 0 ? port->error : "";
}

void weir_port_progress(const struct weir_port *port, uint64_t *position, uint64_t *size)
{
	*position = *size = 0;
	if (port->driver->progress)
		port->driver->progress(port->priv, position, size);
}

static void add_queue(const struct weir_port *port, uint32_t queue, struct weir_port_stats *stats)
{
	const struct weir__counters *rx = &port->rx[queue], *tx = &port->tx[queue];

	stats->rx_packets += weir__counted(&rx->packets);
	stats->rx_bytes += weir__counted(&rx->bytes);
	stats->rx_no_mbuf += weir__counted(&rx->no_mbuf);
	stats->tx_packets += weir__counted(&tx->packets);
	stats->tx_bytes += weir__counted(&tx->bytes);
	stats->tx_no_mbuf += weir__counted(&tx->no_mbuf);
	for (uint32_t reason = 0; reason < WEIR_DROP_COUNT; reason++)
		stats->dropped[reason] +=
			weir__counted(&rx->dropped[reason]) + weir__counted(&tx->dropped[reason]);
	if (port->driver->kernel_drops)
		port->driver->kernel_drops(port->priv, queue, stats->dropped);
}

int weir_port_rewind(struct weir_port *port)
{
	int error;

	if (!port->driver->rewind)
		return weir__fail(
			ENOTSUP, "%s cannot start again: only a capture file can", port->name);
	if (weir_port_state(port) < 0)
		return weir__fail(-weir_port_state(port), "%s", port->error);
	error = port->driver->rewind(port->priv);
	if (!error)
		atomic_store_explicit(&port->state, WEIR_PORT_UP, memory_order_release);
	return error;
}

void weir_port_stats(const struct weir_port *port, struct weir_port_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	for (uint32_t i = 0; i < port->queues; i++)
		add_queue(port, i, stats);
}

void weir_port_queue_stats(
	const struct weir_port *port, uint32_t queue, struct weir_port_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	add_queue(port, queue, stats);
}

int weir_port_link(const struct weir_port *port, struct weir_port_link *link)
{
	memset(link, 0, sizeof(*link));
	link->up = weir_port_state(port) >= 0;
	return port->driver->link ? port->driver->link(port->priv, link) : 0;
}

const char *weir_drop_name(enum weir_drop reason)
{
	static const char *const names[WEIR_DROP_COUNT] = {
		[WEIR_DROP_TX_FULL] = "tx full",
		[WEIR_DROP_TX_FAILED] = "tx failed",
		[WEIR_DROP_TX_DRY] = "tx dry",
		[WEIR_DROP_TX_UNFIT] = "tx unfit",
		[WEIR_DROP_TX_DOWN] = "tx down",
		[WEIR_DROP_TX_TOO_LONG] = "tx too long",
		[WEIR_DROP_TX_REFUSED] = "tx refused",
		[WEIR_DROP_RX_KERNEL] = "rx kernel",
		[WEIR_DROP_RX_DAMAGED] = "rx damaged",
		[WEIR_DROP_RX_FILTERED] = "rx filtered",
	};

	return (unsigned int)reason < WEIR_DROP_COUNT ? names[reason] : "unknown";
}
