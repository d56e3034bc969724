/* SPDX-License-Identifier: BSD-3-Clause */
/* complete.c: what packets ask for and the port cannot do, done on their way to the driver.
 *
 * A port whose driver does everything has the driver's tx in its ops, and nothing of this is run.
 * For the others the flags of a burst are looked at first, in lines that the driver reads next; a
 * burst in which no packet needs anything goes on as it is.
 *
 * A packet to be cut is sent some segments at a time, so a small pool, or a port that takes few,
 * delays it only. What is left over goes back to the caller as one packet.
 */
#include "weir/chain.h"
#include "weir/offload.h"
#include "weir/parse.h"

#include "drivers/driver_impl.h"
#include "mbuf/segment_impl.h"
#include "port/port_impl.h"

#include <errno.h>

#define SEGMENTS_BURST 32

/* Ethernet with two tags. What is longer in front of IP may be a tunnel. */
#define LINK_MAX 22

/* Bits of mbuf->flags that the port does not do, whatever the packet is. */
static uint32_t flags_to_do(const struct weir_port *port)
{
	const uint32_t all =
		WEIR_PORT_TCP_SEGMENTS | WEIR_PORT_UDP_SEGMENTS | WEIR_PORT_TUNNEL_SEGMENTS;
	uint32_t flags = 0;

	if (!(port->offloads & WEIR_PORT_L3_CHECKSUM))
		flags |= WEIR_MBUF_L3_CHECKSUM;
	if (!(port->offloads & WEIR_PORT_L4_CHECKSUM))
		flags |= WEIR_MBUF_L4_CHECKSUM;
	if ((port->offloads & all) != all)
		flags |= WEIR_MBUF_SEGMENT;
	return flags;
}

static uint32_t state_to_do(const struct weir_port *port)
{
	return port->offloads & WEIR_PORT_CHAINS ? 0 : WEIR__MBUF_CHAINED;
}

/* Is the packet to be cut here? */
static bool is_to_be_cut(const struct weir_port *port, struct weir_mbuf *mbuf)
{
	if (!(mbuf->flags & WEIR_MBUF_SEGMENT))
		return false;
	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	if (mbuf->l2_length > LINK_MAX && !(port->offloads & WEIR_PORT_TUNNEL_SEGMENTS))
		return true;
	switch (mbuf->packet_type & WEIR_TYPE_L4) {
	case WEIR_L4_TCP:
		return !(port->offloads & WEIR_PORT_TCP_SEGMENTS);
	case WEIR_L4_UDP:
		return !(port->offloads & WEIR_PORT_UDP_SEGMENTS);
	}
	return true; /* which says that it cannot */
}

/* Make a packet that is not to be cut one that the driver takes. 0, or -errno. */
static int prepare(struct weir_port *port, struct weir_mbuf **packet)
{
	int error = 0;

	/* segments of the driver need its checksums anyway */
	if (!((*packet)->flags & WEIR_MBUF_SEGMENT) && (*packet)->flags & port->tx_flags)
		error = weir_offload_checksums(packet);
	if (!error && (*packet)->next && !(port->offloads & WEIR_PORT_CHAINS))
		error = weir_mbuf_linearize(packet);
	return error;
}

static void drop(struct weir_port *port, uint32_t queue, struct weir_mbuf *mbuf, int error)
{
	enum weir_drop reason = error == -ENOBUFS ? WEIR_DROP_TX_DRY : WEIR_DROP_TX_UNFIT;

	weir_mbuf_free(mbuf);
	weir__count(&port->tx[queue].dropped[reason], 1);
}

/* Segments from number *first on, until all are sent or the driver or the pool has enough; the
 * number of the first that was not. */
static int send_segments(struct weir_port *port, uint32_t queue, struct weir_mbuf *packet,
	const struct weir__segments *plan, uint32_t *first)
{
	struct weir_mbuf *segments[SEGMENTS_BURST];
	uint32_t made, ready, sent;
	int error;

	while (*first < plan->count) {
		made = weir__segments_make(packet, plan, *first, segments, SEGMENTS_BURST, &error);
		for (ready = 0; ready < made && prepare(port, &segments[ready]) == 0;)
			ready++;
		if (ready < made)
			error = -EINVAL; /* a driver without chains, and mbufs smaller than they */
		sent = port->driver->tx(port->priv, queue, segments, ready);
		weir_mbuf_free_bulk(segments + sent, made - sent);
		*first += sent;
		if (error == -EINVAL && sent == ready)
			return error;
		/* with none made nothing comes back that could be made into more */
		if (made == 0)
			weir__count(&port->tx[queue].no_mbuf, 1);
		if (sent < ready || made == 0)
			break;
	}
	return 0;
}

/* Send a packet as segments. Is it gone? Else it is the caller's, without those that were sent. */
static bool cut(struct weir_port *port, uint32_t queue, struct weir_mbuf **packet)
{
	struct weir__segments plan;
	uint32_t sent = 0;
	int error = weir__segments_plan(*packet, &plan);

	if (!error)
		error = send_segments(port, queue, *packet, &plan, &sent);
	if (!error && sent == 0)
		return false;
	if (!error && sent < plan.count) {
		error = weir__segments_skip(packet, &plan, sent);
		if (!error)
			return false;
	}
	if (error)
		drop(port, queue, *packet, error);
	else
		weir_mbuf_free(*packet);
	return true;
}

/* Prepare packets up to the first that is to be cut or does not become ready; the reason why. */
static uint32_t prepare_run(
	struct weir_port *port, struct weir_mbuf **mbufs, uint32_t count, int *error)
{
	*error = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (is_to_be_cut(port, mbufs[i]))
			return i;
		*error = prepare(port, &mbufs[i]);
		if (*error)
			return i;
	}
	return count;
}

static uint32_t send_mixed(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t done = 0, ready, sent;
	int error;

	while (done < count) {
		ready = prepare_run(port, mbufs + done, count - done, &error);
		sent = ready ? port->driver->tx(port->priv, queue, mbufs + done, ready) : 0;
		done += sent;
		if (sent < ready || done == count)
			break;
		if (error == -ENOBUFS) {
			weir__count(&port->tx[queue].no_mbuf, 1);
			break;
		}
		if (error)
			drop(port, queue, mbufs[done], error);
		else if (!cut(port, queue, &mbufs[done]))
			break;
		done++;
	}
	return done;
}

static uint32_t complete_tx(void *context, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_port *port = context;
	uint32_t flags = 0, states = 0;

	for (uint32_t i = 0; i < count; i++) {
		flags |= mbufs[i]->flags;
		states |= weir_ref_look(&mbufs[i]->state);
	}
	if (weir_likely(!((flags & port->tx_flags) | (states & port->tx_states))))
		return port->driver->tx(port->priv, queue, mbufs, count);
	return send_mixed(port, queue, mbufs, count);
}

void weir__port_complete(struct weir_port *port)
{
	port->tx_flags = flags_to_do(port);
	port->tx_states = state_to_do(port);
	if (!port->sends || !(port->tx_flags | port->tx_states))
		return;
	port->ops.tx = complete_tx;
	port->ops.tx_context = port;
}
