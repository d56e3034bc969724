/* SPDX-License-Identifier: BSD-3-Clause */
/* tap.c: an interface of the kernel whose other end is this port: what the host sends there is
 * received here, what is sent here arrives at the host.
 *
 *	tap:weir0,queues=2,address=192.0.2.1/24,2001:db8::1/64
 *	tun:weir1
 *
 *	the name  of the interface, made if there is none; weir%d takes a free number. tap carries
 *	          Ethernet frames, tun IP packets
 *	queues    1 to 64 (1); the kernel keeps a flow on one of them
 *	offload   on: packets come with checksums and segments left to be done, up to 64 KiB, and
 *	          may leave so (weir/offload.h); off; without it on where the pool can take 64 KiB
 *	persist   on: the interface stays when the port is closed, off: it goes
 *	owner     user, by name or number, who may open it later without privilege
 *	group     the same for a group
 *	mtu       of the interface, 68 to 65521
 *	mac       of the interface, the host's end, as 02:00:00:00:00:01
 *	address   IPv4 and IPv6 addresses of the host's end with their prefix lengths
 *	up        on, off; without it on where that is allowed
 *	filter    tcpdump's language; what does not match is dropped
 */
#include "tap_impl.h"

#include "drivers/interface_impl.h"

#include "weir/parse.h"

#include <errno.h>
#include <stdlib.h>

#define KNOWN "queues, offload, persist, owner, group, mtu, mac, address, up"

/* Without offload a packet is as long as the MTU; or as a jumbo frame, when that is raised later:
 * 9,216 bytes is what switches take. And one byte, so that what is cut is seen. */
#define JUMBO 9217
/* With it: 64 KiB (GSO_LEGACY_MAX_SIZE of the kernel), headers and tags in front, and that byte. */
#define GSO_MAX (65536 + 128 + 1)

/* on is 1, off 0; without the key it stays. */
static int get_switch(struct weir__spec *spec, const char *key, int *on)
{
	const char *value = weir__spec_get(spec, key);

	if (!value)
		return 0;
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return weir__fail(
			EINVAL, "%s: %s=%s: there are on and off", spec->name, key, value);
	*on = strcmp(value, "on") == 0;
	return 0;
}

static int get_wants(struct weir_port *port, struct weir__spec *spec, struct tap_wants *wants)
{
	uint64_t queues = 1;

	*wants = (struct tap_wants){.persist = -1, .up = -1, .offload = -1};
	wants->owner = weir__spec_get(spec, "owner");
	wants->group = weir__spec_get(spec, "group");
	wants->mac = weir__spec_get(spec, "mac");
	wants->address = weir__spec_get(spec, "address");
	if (!spec->argument || strlen(spec->argument) >= IFNAMSIZ || strchr(spec->argument, '/'))
		return weir__fail(EINVAL,
			"%s: needs the name of an interface, of at most %d characters, as in "
			"%s:weir0",
			spec->name, IFNAMSIZ - 1, spec->name);
	if (weir__spec_number(spec, "queues", 1, WEIR__QUEUE_MAX, &queues) ||
		/* IPv4's least, RFC 791; and what the kernel lets such a device have */
		weir__spec_number(spec, "mtu", 68, 65521, &wants->mtu) ||
		get_switch(spec, "offload", &wants->offload) ||
		get_switch(spec, "persist", &wants->persist) ||
		get_switch(spec, "up", &wants->up) || weir__spec_finish(spec, KNOWN))
		return -EINVAL;
	port->queues = (uint32_t)queues;
	return 0;
}

/* Mbufs for bytes. */
static uint32_t mbufs_for(const struct tap *tap, uint32_t bytes)
{
	uint32_t size = weir_mbuf_pool_size(tap->port->pool);

	return (bytes + size - 1) / size;
}

/* Every queue holds mbufs for one packet, and as many should be in use beside them. */
static bool fits_pool(const struct tap *tap, uint32_t bytes)
{
	uint64_t mbufs = mbufs_for(tap, bytes);

	return mbufs <= TAP_PIECES &&
	       2 * mbufs * tap->port->queues <= weir_mempool_max_count(tap->port->pool);
}

/* Decide on offload: it must not make a port fail that would work without. */
static int choose_offload(struct tap *tap, const struct tap_wants *wants)
{
	bool fits = !tap->port->pool || fits_pool(tap, GSO_MAX);

	tap->offload = wants->offload != 0 && fits;
	if (wants->offload != 1 || fits)
		return 0;
	return weir__fail(ENOBUFS,
		"%s: offload=on needs %u mbufs of pool '%s', which has %u; give it more or larger "
		"ones, or say offload=off",
		tap->port->name, 2 * tap->port->queues * mbufs_for(tap, GSO_MAX),
		weir_mempool_name(tap->port->pool), weir_mempool_max_count(tap->port->pool));
}

/* How many mbufs a packet may take. */
static int choose_ready(struct tap *tap)
{
	uint32_t longest = GSO_MAX, mtu = weir__tap_mtu(tap->name) + 23; /* Ethernet, two tags */

	if (!tap->port->pool) {
		weir__port_end(tap->port);
		return 0;
	}
	if (!tap->offload)
		longest = mtu > JUMBO || !fits_pool(tap, JUMBO) ? mtu : JUMBO;
	if (!fits_pool(tap, longest))
		return weir__fail(ENOBUFS,
			"%s: %u bytes, the longest packet, on %u queues need %u mbufs of pool "
			"'%s', which has %u",
			tap->port->name, longest, tap->port->queues,
			2 * tap->port->queues * mbufs_for(tap, longest),
			weir_mempool_name(tap->port->pool),
			weir_mempool_max_count(tap->port->pool));
	tap->ready = mbufs_for(tap, longest);
	tap->capacity = tap->ready * weir_mbuf_pool_size(tap->port->pool);
	return 0;
}

static int open_tx(struct tap *tap)
{
	size_t size = tap->port->queues * sizeof(struct tap_sender);

	tap->senders = aligned_alloc(WEIR_CACHE_LINE, size);
	if (!tap->senders)
		return weir__fail(ENOMEM, "%s: no memory", tap->port->name);
	memset(tap->senders, 0, size);
	for (uint32_t i = 0; i < tap->port->queues; i++) {
		tap->senders[i].pieces[0].iov_base = &tap->senders[i].vnet;
		tap->senders[i].pieces[0].iov_len = sizeof(tap->senders[i].vnet);
	}
	return 0;
}

static int tap_close(struct weir_port *port, void *priv)
{
	struct tap *tap = priv;

	(void)port;
	weir__tap_close_device(tap);
	weir__tap_close_rx(tap);
	free(tap->senders);
	return 0;
}

static int tap_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct tap *tap = priv;
	struct tap_wants wants;
	int error = get_wants(port, spec, &wants);

	if (error)
		return error;
	tap->port = port;
	tap->tun = strcmp(spec->name, "tun") == 0;
	tap->link_type = tap->tun ? WEIR_LINK_RAW : WEIR_LINK_ETHERNET;
	if (tap->tun && wants.mac)
		return weir__fail(
			EINVAL, "tun: mac=%s: it has no addresses of Ethernet; tap has", wants.mac);
	strcpy(tap->name, spec->argument);
	error = choose_offload(tap, &wants);
	if (error)
		return error;
	port->offloads = WEIR_PORT_CHAINS;
	error = weir__tap_open_device(tap, &wants);
	if (!error)
		error = weir__tap_set_interface(tap, &wants);
	if (!error)
		error = choose_ready(tap);
	tap->index = error ? 0 : if_nametoindex(tap->name);
	tap->drops_before = error ? 0 : weir__tap_kernel_drops(tap);
	if (!error)
		error = weir__tap_open_rx(tap);
	if (!error)
		error = open_tx(tap);
	if (error)
		tap_close(port, priv);
	return error;
}

void weir__tap_gone(struct tap *tap)
{
	weir__port_fail(tap->port,
		weir__fail(ENODEV, "%s: the interface %s was deleted", tap->port->name, tap->name));
}

static int tap_wait(void *priv, uint32_t queue)
{
	const struct tap *tap = priv;

	return tap->fds[queue];
}

static int tap_link(const void *priv, struct weir_port_link *link)
{
	const struct tap *tap = priv;

	return weir__interface_link(tap->index, link);
}

static void tap_kernel_drops(const void *priv, uint32_t queue, uint64_t *dropped)
{
	const struct tap *tap = priv;
	uint64_t drops = weir__tap_kernel_drops(tap);

	/* the kernel counts for all queues together */
	if (queue == 0 && drops > tap->drops_before)
		dropped[WEIR_DROP_RX_KERNEL] += drops - tap->drops_before;
}

#define FUNCTIONS                                                                             \
	.private_size = sizeof(struct tap), .offloads = WEIR__OFFLOADS_ALL, .open = tap_open, \
	.close = tap_close, .rx = weir__tap_rx, .tx = weir__tap_tx, .wait = tap_wait,         \
	.link = tap_link, .kernel_drops = tap_kernel_drops

const struct weir__driver weir__driver_tap = {.name = "tap", FUNCTIONS};
const struct weir__driver weir__driver_tun = {.name = "tun", FUNCTIONS};
