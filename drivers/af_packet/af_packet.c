/* SPDX-License-Identifier: BSD-3-Clause */
/* af_packet.c: a network interface as the kernel has it, by packet sockets: no module, no NIC taken
 * away.
 *
 *	af_packet:eth0,queues=2,mode=hash
 *
 *	version  of TPACKET: 2 hands over each packet at once; 3 whole blocks, at the latest after
 *	         timeout, which is better for taking much than for answering soon (2)
 *	ring     bytes of the ring that each queue receives by (4194304)
 *	block    bytes of a block of the ring (65536, of version 3 262144)
 *	frame    bytes of a packet and its headers in the ring, version 2 (what the MTU needs)
 *	timeout  milliseconds until a block that is not full is handed over, version 3 (1)
 *	queues   1 to 64 (1); what comes is spread over them
 *	fanout   number of a group, 1 to 65535: sockets of other programs in it share what comes
 *	mode     how it is spread: hash (of the flow), lb (in turn), cpu, rollover, rnd, qm
 *	promisc  1: receive what is for others, too (1)
 *	bypass   1: send past the queueing discipline of the interface (0)
 *	offload  1: packets that the kernel has put together, or not cut yet, are received as they
 *	         are, with the size of their segments, and leave so, without checksums (1)
 */
#include "af_packet_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define KEYS                                                                                     \
	"version, ring, block, frame, timeout, queues, fanout, mode, promisc, bypass, offload, " \
	"filter"

static int take_mode(struct afp_conf *conf, struct weir__spec *spec)
{
	static const struct {
		const char *name;
		uint16_t mode;
	} modes[] = {
		{"hash", PACKET_FANOUT_HASH},
		{"lb", PACKET_FANOUT_LB},
		{"cpu", PACKET_FANOUT_CPU},
		{"rollover", PACKET_FANOUT_ROLLOVER},
		{"rnd", PACKET_FANOUT_RND},
		{"qm", PACKET_FANOUT_QM},
	};
	const char *mode = weir__spec_get(spec, "mode");

	for (uint32_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (!mode || strcmp(mode, modes[i].name) == 0) {
			conf->mode = modes[i].mode;
			return 0;
		}
	}
	return weir__fail(
		EINVAL, "af_packet: mode=%s: there are hash, lb, cpu, rollover, rnd and qm", mode);
}

static int take_number(
	struct weir__spec *spec, const char *key, uint64_t min, uint64_t max, uint32_t *number)
{
	uint64_t value = *number;
	int error = weir__spec_number(spec, key, min, max, &value);

	*number = (uint32_t)value;
	return error;
}

static int take_keys(struct afp_conf *conf, struct weir__spec *spec)
{
	uint32_t group = 0, promiscuous = 1, bypass = 0, offload = 1;

	*conf = (struct afp_conf){.version = 2, .ring = 4 << 20, .timeout = 1, .queues = 1};
	if (take_number(spec, "version", 2, 3, &conf->version))
		return -EINVAL;
	conf->block = conf->version == 2 ? 64 << 10 : 256 << 10;
	if (take_number(spec, "ring", 1 << 16, 1 << 30, &conf->ring) ||
		take_number(spec, "block", 4096, 1 << 26, &conf->block) ||
		take_number(spec, "frame", 256, 1 << 18, &conf->frame) ||
		take_number(spec, "timeout", 1, 1000, &conf->timeout) ||
		take_number(spec, "queues", 1, WEIR__QUEUE_MAX, &conf->queues) ||
		take_number(spec, "fanout", 1, UINT16_MAX, &group) ||
		take_number(spec, "promisc", 0, 1, &promiscuous) ||
		take_number(spec, "bypass", 0, 1, &bypass) ||
		take_number(spec, "offload", 0, 1, &offload) || take_mode(conf, spec) ||
		weir__spec_finish(spec, KEYS))
		return -EINVAL;
	if (conf->block & (conf->block - 1))
		return weir__fail(EINVAL, "af_packet: block=%u is not a power of two", conf->block);
	if (conf->frame % TPACKET_ALIGNMENT)
		return weir__fail(EINVAL, "af_packet: frame=%u is not a multiple of %d",
			conf->frame, TPACKET_ALIGNMENT);
	conf->group = (uint16_t)group;
	conf->fanout = conf->queues > 1 || group;
	conf->promiscuous = promiscuous;
	conf->bypass = bypass;
	conf->offload = offload;
	return 0;
}

static void *make_queues(uint32_t count, size_t size)
{
	void *queues = aligned_alloc(WEIR_CACHE_LINE, count * size);

	if (queues)
		memset(queues, 0, count * size);
	return queues;
}

static int make_all(struct afp *afp)
{
	uint32_t count = afp->conf.queues;

	afp->tx = make_queues(count, sizeof(*afp->tx));
	if (afp->port->pool)
		afp->rx = make_queues(count, sizeof(*afp->rx));
	if (!afp->tx || (afp->port->pool && !afp->rx))
		return weir__fail(ENOMEM, "%s: no memory", afp->port->name);
	for (uint32_t i = 0; i < count; i++) {
		afp->tx[i].fd = afp->tx[i].undone_fd = -1;
		if (afp->rx)
			afp->rx[i].fd = afp->rx[i].waiter = -1;
	}
	return 0;
}

static int open_all(struct afp *afp)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < afp->conf.queues; i++) {
		error = weir__afp_open_tx(afp, i);
		if (!error && afp->rx)
			error = weir__afp_open_rx(afp, i);
	}
	return error;
}

static int afp_close(struct weir_port *port, void *priv)
{
	struct afp *afp = priv;

	(void)port;
	for (uint32_t i = 0; i < afp->conf.queues; i++) {
		if (afp->rx)
			weir__afp_close_rx(&afp->rx[i]);
		if (afp->tx)
			weir__afp_close_tx(&afp->tx[i]);
	}
	free(afp->rx);
	free(afp->tx);
	weir__afp_watch_end(afp);
	pthread_mutex_destroy(&afp->lock);
	return 0;
}

/* Headers speak of segments of UDP since Linux 6.2; nothing tells but sending one. */
static bool cuts_udp(void)
{
	struct utsname name;
	unsigned int major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

/* What the kernel does of a packet that is sent, or has the interface do. */
static uint32_t offloads(const struct afp_conf *conf)
{
	uint32_t does = WEIR_PORT_CHAINS;

	if (!conf->offload)
		return does;
	does |= WEIR_PORT_L3_CHECKSUM | WEIR_PORT_L4_CHECKSUM | WEIR_PORT_TCP_SEGMENTS;
	return cuts_udp() ? does | WEIR_PORT_UDP_SEGMENTS : does;
}

static int afp_open(struct weir_port *port, void *priv, struct weir__spec *spec)
{
	struct afp *afp = priv;
	int error = take_keys(&afp->conf, spec);

	if (error)
		return error;
	if (!spec->argument)
		return weir__fail(EINVAL, "af_packet: needs an interface, as in af_packet:eth0");
	afp->port = port;
	port->queues = afp->conf.queues;
	port->offloads = offloads(&afp->conf);
	afp->netlink = afp->control = -1;
	pthread_mutex_init(&afp->lock, NULL);
	error = weir__afp_watch_begin(afp, spec->argument);
	if (!error)
		error = make_all(afp);
	if (!error)
		error = open_all(afp);
	if (!error && !port->pool)
		weir__port_end(port);
	if (error)
		afp_close(port, afp);
	return error;
}

const struct weir__driver weir__driver_af_packet = {
	.name = "af_packet",
	.private_size = sizeof(struct afp),
	.offloads = WEIR__OFFLOADS_ALL,
	.open = afp_open,
	.close = afp_close,
	.rx = weir__afp_rx,
	.tx = weir__afp_tx,
	.wait = weir__afp_wait,
	.link = weir__afp_link,
	.kernel_drops = weir__afp_kernel_drops,
};
