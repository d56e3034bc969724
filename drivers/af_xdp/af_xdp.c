/* SPDX-License-Identifier: BSD-3-Clause */
/* af_xdp.c: packets of a network interface past the kernel's network stack, by AF_XDP sockets.
 *
 *	af_xdp:eth0,queue=0,queues=2
 *
 *	queue      the first queue of the interface (0)
 *	queues     how many, 1 to 64 (1)
 *	ring       packets in each ring of a queue (2048), a power of two
 *	mode       native: in the driver; generic: behind it; auto: native where it works
 *	copy       no: only without; yes: only with; auto: without where it works
 *	busy_poll  microseconds; 0: none. The receiving thread itself runs the driver
 *	budget     packets that it takes out of the driver at a time (64)
 *	promisc    1: receive what is for others, too (1)
 *	timestamp  1: packets have the time at which the kernel received them (0)
 *
 * The UMEM is the memory of the port's pool: the kernel, or the card, puts packets right into its
 * mbufs and sends out of them.
 */
#include "af_xdp_impl.h"

#include "base/base_impl.h"
#include "drivers/interface_impl.h"
#include "mbuf/mbuf_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS "queue, queues, ring, mode, copy, busy_poll, budget, promisc, timestamp"

/* The kernel gives up a ring above; 64 is a batch. */
#define RING_MIN 64
#define RING_MAX 65536

/* How long close waits for what was sent, ns. */
#define DRAIN_NS 1000000000

/* ---- keys ---- */

/* One of names, in this order, into *choice. */
static int choose(
	struct weir__spec *spec, const char *key, const char *const names[3], uint32_t *choice)
{
	const char *value = weir__spec_get(spec, key);

	*choice = 0;
	if (!value)
		return 0;
	for (uint32_t i = 0; i < 3; i++, ++*choice)
		if (strcmp(value, names[i]) == 0)
			return 0;
	return weir__fail(EINVAL, "%s: %s=%s is not %s, %s or %s", spec->name, key, value, names[0],
		names[1], names[2]);
}

static int read_numbers(struct xdp_port *own, struct weir__spec *spec)
{
	uint64_t queue = 0, queues = 1, ring = 2048, busy_poll = 0, budget = 64, promiscuous = 1;
	uint64_t timed = 0;

	if (weir__spec_number(spec, "queue", 0, 65535, &queue) ||
		weir__spec_number(spec, "queues", 1, WEIR__QUEUE_MAX, &queues) ||
		weir__spec_number(spec, "ring", RING_MIN, RING_MAX, &ring) ||
		weir__spec_number(spec, "busy_poll", 0, 1000000, &busy_poll) ||
		weir__spec_number(spec, "budget", 1, 65535, &budget) ||
		weir__spec_number(spec, "promisc", 0, 1, &promiscuous) ||
		weir__spec_number(spec, "timestamp", 0, 1, &timed))
		return -EINVAL;
	if (ring & (ring - 1))
		return weir__fail(EINVAL, "af_xdp: ring=%u is not a power of two", (uint32_t)ring);
	own->first_queue = (uint32_t)queue;
	own->port->queues = (uint32_t)queues;
	own->ring = (uint32_t)ring;
	own->busy_poll_us = (uint32_t)busy_poll;
	own->busy_poll_budget = (uint32_t)budget;
	own->promiscuous = promiscuous;
	own->timed = timed;
	return 0;
}

static int read_keys(struct xdp_port *own, struct weir__spec *spec)
{
	static const char *const modes[] = {"auto", "native", "generic"};
	static const char *const copies[] = {"auto", "yes", "no"};
	static const uint16_t flags[] = {0, XDP_COPY, XDP_ZEROCOPY};
	uint32_t mode, copy;

	if (!spec->argument || strlen(spec->argument) >= sizeof(own->interface))
		return weir__fail(EINVAL, "af_xdp: needs an interface, as in af_xdp:eth0");
	if (read_numbers(own, spec) || choose(spec, "mode", modes, &mode) ||
		choose(spec, "copy", copies, &copy) || weir__spec_finish(spec, KEYS))
		return -EINVAL;
	strcpy(own->interface, spec->argument);
	own->mode = (enum weir__xdp_mode)mode;
	own->copy = flags[copy];
	return 0;
}

/* ---- open ---- */

/* The pool to send out of: the port's, or one of its own when it only sends. */
static int get_umem(struct xdp_port *own)
{
	struct weir_mempool *pool = own->port->pool;
	const struct weir_mbuf_pool_conf conf = {
		.name = own->interface,
		.count = 2 * own->ring * own->port->queues,
	};

	if (pool && !pool->head.mbuf_plain)
		return weir__fail(EINVAL, "af_xdp: pool '%s' is not one of mbufs", pool->name);
	if (!pool)
		pool = own->own_pool = weir_mbuf_pool_create(&conf);
	return pool ? weir__xdp_umem_begin(&own->umem, pool, own->interface) : -errno;
}

static uint32_t batch_of(uint32_t target)
{
	uint32_t batch = (target + 3) / 4;

	return batch < WEIR__XDP_FILL_BATCH ? batch : WEIR__XDP_FILL_BATCH;
}

static int get_queues(struct xdp_port *own)
{
	uint32_t count = own->port->queues, share = own->umem.pool->max_count / (2 * count);
	size_t size = count * sizeof(*own->queues);

	own->queues = aligned_alloc(WEIR_CACHE_LINE, size);
	if (!own->queues)
		return weir__fail(ENOMEM, "af_xdp: no memory");
	memset(own->queues, 0, size);
	for (uint32_t i = 0; i < count; i++) {
		struct xdp_queue *queue = &own->queues[i];

		queue->port = own;
		queue->counters = &own->port->rx[i];
		queue->fd = queue->epoll = -1;
		/* half of the pool stays for what is sent and worked on */
		queue->rx.target = share < own->ring ? share : own->ring;
		/* the kernel must never wait for a batch to become complete */
		queue->rx.batch = batch_of(queue->rx.target);
		queue->rx.held = weir__xdp_held_new(&own->umem);
		queue->tx.held = weir__xdp_held_new(&own->umem);
		if (!queue->rx.held || !queue->tx.held)
			return weir__fail(ENOMEM, "af_xdp: no memory for what the kernel holds");
		if (!queue->rx.target)
			return weir__fail(EINVAL,
				"af_xdp: pool '%s' has too few mbufs for %u queues",
				own->umem.pool->name, count);
	}
	return 0;
}

static int get_program(struct xdp_port *own)
{
	/* relaxed: written by who calls this */
	own->program = weir__xdp_program_get(own->interface,
		atomic_load_explicit(&own->ifindex, memory_order_relaxed), own->mode, own->timed);
	if (!own->program)
		return -errno;
	/* also when it is another port that wants the time */
	if (weir__xdp_program_timed(own->program) &&
		own->umem.headroom < sizeof(struct weir__xdp_time))
		return weir__fail(EINVAL,
			"af_xdp: %s: the time of a packet (timestamp=1) is put into the headroom, "
			"and pool '%s' has %u bytes of that, not %zu",
			own->interface, own->umem.pool->name, own->umem.headroom,
			sizeof(struct weir__xdp_time));
	return 0;
}

int weir__xdp_attach(struct xdp_port *own)
{
	int error = own->port->pool ? get_program(own) : 0;

	if (!error && own->port->pool && own->promiscuous)
		error = weir__xdp_receive_all(own);
	if (!error)
		error = weir__xdp_sockets_open(own);
	for (uint32_t i = 0; !error && own->port->pool && i < own->port->queues; i++) {
		weir__xdp_look_at_clock(&own->queues[i].rx);
		weir__xdp_refill(&own->queues[i]);
	}
	if (error)
		weir__xdp_detach(own);
	return error;
}

static void take_back(struct xdp_port *own, struct xdp_queue *queue)
{
	weir_mbuf_free(queue->rx.head);
	queue->rx.head = NULL;
	queue->rx.filled = 0;
	queue->rx.armed = false;
	queue->tx.under_way = 0;
	if (queue->rx.held)
		weir__xdp_held_return(&own->umem, queue->rx.held);
	if (queue->tx.held)
		weir__xdp_held_return(&own->umem, queue->tx.held);
}

void weir__xdp_detach(struct xdp_port *own)
{
	weir__xdp_sockets_close(own);
	if (own->membership >= 0)
		close(own->membership);
	own->membership = -1;
	weir__xdp_program_put(own->program);
	own->program = NULL;
	for (uint32_t i = 0; i < own->port->queues; i++)
		take_back(own, &own->queues[i]);
}

static int start(struct xdp_port *own)
{
	int error = get_umem(own);

	own->unfit_about = own->umem.data < WEIR__XDP_HEADROOM;
	if (!error)
		error = get_queues(own);
	if (!error)
		error = weir__xdp_watch_begin(own);
	return error ? error : weir__xdp_attach(own);
}

/* Give everything back, as far as it was had. */
static void stop(struct xdp_port *own)
{
	if (own->queues)
		weir__xdp_detach(own);
	weir__xdp_watch_end(own);
	for (uint32_t i = 0; own->queues && i < own->port->queues; i++) {
		free(own->queues[i].rx.held);
		free(own->queues[i].tx.held);
	}
	weir_mbuf_free(own->unfit);
	free(own->queues);
	weir__xdp_umem_end(&own->umem);
	weir_mempool_destroy(own->own_pool);
}

static void report(const struct xdp_port *own)
{
	static const char *const modes[] = {"only to send", "native", "generic"};

	weir__log(WEIR_LOG_INFO,
		"%s: queues %u to %u, program %s, %s copies by the kernel, packets in %s",
		own->port->name, own->first_queue, own->first_queue + own->port->queues - 1,
		modes[own->program ? weir__xdp_program_mode(own->program) : WEIR__XDP_AUTO],
		own->bound & XDP_ZEROCOPY ? "no" : "with",
		own->bound & XDP_USE_SG ? "any number of pieces" : "one piece");
}

static int xdp_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct xdp_port *own = priv;
	int error;

	own->port = port;
	own->timer = own->membership = -1;
	error = read_keys(own, spec);
	if (error)
		return error;
	own->ifindex = if_nametoindex(own->interface);
	if (!own->ifindex) /* nobody else sees it yet */
		return weir__fail(
			ENODEV, "af_xdp: there is no interface '%s' (ip link)", own->interface);
	error = start(own);
	if (error)
		stop(own);
	else if (!port->pool)
		weir__port_end(port);
	if (!error)
		report(own);
	return error;
}

/* ---- close ---- */

/* Wait until the kernel has sent what was given to it. How many descriptors it has not. */
static uint32_t drain(struct xdp_queue *queue)
{
	uint64_t deadline = weir__monotonic_ns() + DRAIN_NS;

	for (uint32_t times = 0; queue->tx.under_way; times++) {
		weir__xdp_kick(queue);
		weir__xdp_complete(queue);
		/* relaxed: one thread closes */
		if (weir__monotonic_ns() > deadline ||
			atomic_load_explicit(&queue->port->port->down, memory_order_relaxed) ||
			atomic_load_explicit(&queue->port->lost, memory_order_relaxed))
			break;
		if (queue->tx.under_way)
			weir__back_off(times);
	}
	return weir__xdp_unsent(&queue->tx);
}

static int xdp_close(struct weir_port *port, void *priv)
{
	struct xdp_port *own = priv;
	uint32_t unsent = 0;
	uint64_t copied = 0;

	/* without sockets all that was not sent is counted as dropped */
	for (uint32_t i = 0; own->xsk_umem && i < port->queues; i++)
		unsent += drain(&own->queues[i]);
	for (uint32_t i = 0; i < port->queues; i++)
		copied += own->queues[i].tx.copied;
	if (copied)
		weir__log(WEIR_LOG_INFO,
			"%s: copied %llu packets to send them, which were of another pool than "
			"'%s', or of none",
			port->name, (unsigned long long)copied, own->umem.pool->name);
	stop(own);
	return unsent ? weir__fail(ENETDOWN, "af_xdp: %s did not send the last %u packets",
				own->interface, unsent)
		      : 0;
}

static int xdp_link(const void *priv, struct weir_port_link *link)
{
	const struct xdp_port *own = priv;

	/* relaxed: a figure */
	return weir__interface_link(
		atomic_load_explicit(&own->ifindex, memory_order_relaxed), link);
}

const struct weir__driver weir__driver_af_xdp = {
	.name = "af_xdp",
	.private_size = sizeof(struct xdp_port),
	.offloads = WEIR_PORT_CHAINS,
	.open = xdp_open,
	.close = xdp_close,
	.rx = weir__xdp_rx,
	.tx = weir__xdp_tx,
	.wait = weir__xdp_wait,
	.link = xdp_link,
	.kernel_drops = weir__xdp_kernel_drops,
};
