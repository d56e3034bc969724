/* SPDX-License-Identifier: BSD-3-Clause */
/* live.c: what libpcap captures: interfaces, "any", nflog, dbus-system, Bluetooth, USB and more, as
 * `tcpdump -D` lists them.
 *
 *	live:eth0,filter=tcp port 443
 *
 *	the name   of what to capture from
 *	snaplen    bytes of a packet that are kept, 1 to 262144 (262144)
 *	promisc    on: frames for others, too; off (on)
 *	direction  in, out or both (both). What is sent to the port comes back with both: in is for
 *	           forwarding
 *	immediate  on: each packet is handed over when it arrives; off: after at most 10 ms, in
 *	           blocks, which loses less (off). With on the kernel's buffer has places of
 *	           snaplen bytes, so a smaller snaplen makes more of them
 *	buffer     bytes of the kernel's buffer, 65536 to 1073741824 (16777216)
 *	filter     tcpdump's language, for whatever link type there is; run by the kernel if it can
 *
 * A packet that finds no mbufs stays with libpcap, so a dry pool delays; what the kernel drops
 * meanwhile is counted.
 */
#include "live_impl.h"

#include "drivers/interface_impl.h"

#include "weir/chain.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER (16 << 20) /* 64 blocks */

#define KNOWN "snaplen, promisc, direction, immediate, buffer"

static int get_choice(struct weir__spec *spec, const char *key, const char *const *choices,
	uint32_t count, uint32_t *chosen)
{
	const char *value = weir__spec_get(spec, key);

	for (uint32_t i = 0; value && i < count; i++) {
		if (strcmp(value, choices[i]) == 0) {
			*chosen = i;
			return 0;
		}
	}
	if (!value)
		return 0;
	return weir__fail(EINVAL, "live: %s=%s: there are %s, %s%s%s", key, value, choices[0],
		choices[1], count > 2 ? ", " : "", count > 2 ? choices[2] : "");
}

static int get_wants(struct live *live, struct weir__spec *spec, struct live_wants *wants)
{
	static const char *const switches[] = {"off", "on"};
	static const char *const directions[] = {"both", "in", "out"};
	static const pcap_direction_t of[] = {PCAP_D_INOUT, PCAP_D_IN, PCAP_D_OUT};
	uint32_t promiscuous = 1, direction = 0, immediate = 0;

	*wants = (struct live_wants){.snaplen = LIVE_LONGEST, .buffer = BUFFER};
	wants->filter = weir__spec_get(spec, "filter");
	if (!spec->argument || strlen(spec->argument) >= sizeof(live->name))
		return weir__fail(EINVAL,
			"live: needs what to capture from, as in live:eth0; `tcpdump -D` lists "
			"what there is");
	strcpy(live->name, spec->argument);
	if (weir__spec_number(spec, "snaplen", 1, LIVE_LONGEST, &wants->snaplen) ||
		weir__spec_number(spec, "buffer", 1 << 16, 1 << 30, &wants->buffer) ||
		get_choice(spec, "promisc", switches, 2, &promiscuous) ||
		get_choice(spec, "immediate", switches, 2, &immediate) ||
		get_choice(spec, "direction", directions, 3, &direction) ||
		weir__spec_finish(spec, KNOWN))
		return -EINVAL;
	wants->promiscuous = promiscuous;
	wants->immediate = immediate;
	wants->direction = of[direction];
	return 0;
}

static int live_close(struct weir_port *port, void *priv)
{
	struct live *live = priv;

	(void)port;
	if (live->capture)
		pcap_close(live->capture);
	if (live->injector)
		pcap_close(live->injector);
	free(live->bounce);
	pthread_mutex_destroy(&live->lock);
	return 0;
}

/* What is not for sending: those that are no interface, or many. */
static bool can_send(const struct live *live)
{
	return live->link_type == WEIR_LINK_ETHERNET || live->link_type == 101;
}

static int open_handles(struct live *live, const struct live_wants *wants)
{
	int error = weir__live_open_capture(live, wants);

	if (error)
		return error;
	live->port->sends = can_send(live);
	if (!live->port->sends)
		return 0;
	live->bounce = malloc(LIVE_LONGEST);
	if (!live->bounce)
		return weir__fail(ENOMEM, "%s: no memory", live->port->name);
	return weir__live_open_injector(live);
}

static int live_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct live *live = priv;
	struct live_wants wants;
	int error;

	live->port = port;
	error = get_wants(live, spec, &wants);
	if (error)
		return error;
	port->filters = true;
	if (!port->pool)
		weir__port_end(port);
	pthread_mutex_init(&live->lock, NULL);
	error = open_handles(live, &wants);
	live->index = if_nametoindex(live->name);
	if (error)
		live_close(port, priv);
	return error;
}

/* ---- receive ---- */

/* Is there a packet? It stays until header is NULL again. */
static bool peek(struct live *live)
{
	struct pcap_pkthdr *header;
	int result;

	if (live->header)
		return true;
	errno = 0;
	result = pcap_next_ex(live->capture, &header, &live->data);
	if (result == 1)
		live->header = header;
	else if (result < 0 && errno != EAGAIN) /* nflog says so when there is nothing */
		weir__port_fail(live->port,
			weir__fail(ENODEV, "%s: %s", live->port->name, pcap_geterr(live->capture)));
	return result == 1;
}

static struct weir_mbuf *take(struct live *live)
{
	const struct pcap_pkthdr *header = live->header;
	uint64_t part = (uint64_t)header->ts.tv_usec;
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(live->port->pool, live->data, header->caplen);

	if (!mbuf)
		return NULL;
	mbuf->timestamp_ns =
		(uint64_t)header->ts.tv_sec * 1000000000 + (live->nanoseconds ? part : part * 1000);
	mbuf->flags = WEIR_MBUF_TIMESTAMP;
	if (header->len != header->caplen) {
		mbuf->wire_length = header->len;
		mbuf->flags |= WEIR_MBUF_WIRE_LENGTH;
	}
	if (live->link_type != WEIR_LINK_ETHERNET)
		weir_mbuf_set_link_type(mbuf, live->link_type);
	live->header = NULL;
	return mbuf;
}

/* Larger than all of the pool: no waiting helps. */
static bool never_fits(const struct live *live)
{
	struct weir_mempool *pool = live->port->pool;

	return live->header->caplen >
	       (uint64_t)weir_mempool_max_count(pool) * weir_mbuf_pool_size(pool);
}

static uint32_t live_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct live *live = priv;
	struct weir__counters *counters = &live->port->rx[queue];
	uint64_t bytes = 0;
	uint32_t got = 0;

	/* a failed port stays so */
	while (got < count &&
		atomic_load_explicit(&live->port->state, memory_order_relaxed) == WEIR_PORT_UP &&
		peek(live)) {
		mbufs[got] = take(live);
		if (mbufs[got]) {
			bytes += mbufs[got++]->length;
			continue;
		}
		if (!never_fits(live)) {
			weir__count(&counters->no_mbuf, 1);
			break;
		}
		weir__count(&counters->dropped[WEIR_DROP_RX_DAMAGED], 1);
		live->header = NULL;
	}
	weir__count_packets(counters, got, bytes);
	return got;
}

/* libpcap may have packets that the file does not tell of: those of a block that it has begun. */
static int live_wait(void *priv, uint32_t queue)
{
	struct live *live = priv;
	int fd = pcap_get_selectable_fd(live->capture);

	(void)queue;
	return fd < 0 || peek(live) ? WEIR__WAIT_NOW : fd;
}

/* ---- send ---- */

/* The packet in one piece. */
static const uint8_t *in_one_piece(struct live *live, const struct weir_mbuf *mbuf)
{
	if (!mbuf->next)
		return weir_mbuf_data(mbuf);
	if (mbuf->length > LIVE_LONGEST || weir_mbuf_read(mbuf, 0, live->bounce, mbuf->length) != 0)
		return NULL;
	return live->bounce;
}

/* Why libpcap did not send it, by errno; WEIR_DROP_COUNT when it may take it later. */
static enum weir_drop why_not(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
		return WEIR_DROP_COUNT;
	case EMSGSIZE:
		return WEIR_DROP_TX_TOO_LONG;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
		return WEIR_DROP_TX_DOWN;
	}
	return WEIR_DROP_TX_REFUSED;
}

/* WEIR_DROP_COUNT and *sent false: not now. */
static enum weir_drop send_one(struct live *live, const struct weir_mbuf *mbuf, bool *sent)
{
	const uint8_t *bytes = in_one_piece(live, mbuf);

	*sent = false;
	if (!bytes || weir_mbuf_link_type(mbuf) != live->link_type)
		return WEIR_DROP_TX_UNFIT;
	*sent = pcap_inject(live->injector, bytes, mbuf->length) >= 0;
	if (!*sent && errno == ENETDOWN) /* a socket says so once more when it is up again */
		*sent = pcap_inject(live->injector, bytes, mbuf->length) >= 0;
	return *sent ? WEIR_DROP_COUNT : why_not(errno);
}

static uint32_t live_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct live *live = priv;
	struct weir__counters *counters = &live->port->tx[queue];
	uint64_t bytes = 0, packets = 0;
	uint32_t done;

	if (!live->port->sends) {
		weir__port_fail(live->port, weir__fail(EOPNOTSUPP, "%s: nothing can be sent to %s",
						    live->port->name, live->name));
		return 0;
	}
	for (done = 0; done < count; done++) {
		bool sent;
		enum weir_drop reason = send_one(live, mbufs[done], &sent);

		if (!sent && reason == WEIR_DROP_COUNT)
			break;
		if (!sent)
			weir__count(&counters->dropped[reason], 1);
		packets += sent;
		bytes += sent ? mbufs[done]->length : 0;
	}
	weir_mbuf_free_bulk(mbufs, done);
	weir__count_packets(counters, packets, bytes);
	return done;
}

/* ---- figures ---- */

/* Of what is no interface nothing is known. */
static int live_link(const void *priv, struct weir_port_link *link)
{
	const struct live *live = priv;

	return live->index ? weir__interface_link(live->index, link) : 0;
}

static void live_kernel_drops(const void *priv, uint32_t queue, uint64_t *dropped)
{
	struct live *live = (struct live *)(uintptr_t)priv;
	struct pcap_stat stats;

	(void)queue;
	pthread_mutex_lock(&live->lock);
	if (pcap_stats(live->capture, &stats) == 0)
		dropped[WEIR_DROP_RX_KERNEL] += stats.ps_drop;
	pthread_mutex_unlock(&live->lock);
}

const struct weir__driver weir__driver_live = {
	.name = "live",
	.private_size = sizeof(struct live),
	.offloads = WEIR_PORT_CHAINS,
	.open = live_open,
	.close = live_close,
	.rx = live_rx,
	.tx = live_tx,
	.wait = live_wait,
	.link = live_link,
	.kernel_drops = live_kernel_drops,
};
