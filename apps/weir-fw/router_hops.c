/* SPDX-License-Identifier: BSD-3-Clause */
/* router_hops.c: the next hop of packets: who is where behind the ports, asked and waited for.
 *
 * With one thread the router itself does so. With several, one behind them does it for all, so that
 * packets which wait for a neighbour keep their order. What comes to it by the ring are packets to
 * be sent, and messages of neighbours to be heard, which have a flag. */
#include "apps/weir-fw/router.h"

#include <errno.h>
#include <string.h>

enum { ETHERNET = 14, TYPE_ARP = 0x0806 };

void fw_put_header(struct weir_mbuf *mbuf, const uint8_t *to, const uint8_t *from, uint8_t family)
{
	uint8_t *frame = weir_mbuf_data(mbuf);

	if (to) {
		memcpy(frame, to, 6);
		memcpy(frame + 6, from, 6);
	}
	frame[12] = family == FW_IP ? 0x08 : 0x86;
	frame[13] = family == FW_IP ? 0x00 : 0xdd;
}

struct weir_mbuf *fw_new_frame(
	struct weir_stage *stage, const struct fw_live *live, uint32_t length)
{
	struct weir_mbuf *mbuf = weir_mbuf_alloc(live->bridge.run.app.pool);

	if (mbuf && weir_mbuf_append(mbuf, length)) {
		weir_stage_made(stage, 1);
		return mbuf;
	}
	weir_mbuf_free(mbuf);
	weir_stage_count(stage, FW_ROUTER_POOL_DRY, 1);
	return NULL;
}

/* A frame of ARP or of neighbour discovery: no rule sees it. */
static void send_frame(struct fw_hops *hops, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct weir_mbuf *mbuf = fw_new_frame(hops->stage, hops->live, length);

	if (!mbuf)
		return;
	memcpy(weir_mbuf_data(mbuf), frame, length);
	weir_stage_next(hops->stage, port, mbuf);
}

const uint8_t *fw_own_address(const struct fw_live *live, uint32_t port, uint8_t family)
{
	const struct fw_net *net = &live->net;
	const uint8_t *address = fw_host_address(&net->host, live->names[port], family);

	for (uint32_t i = 0; !address && i < net->host.count; i++)
		if (net->addresses[i].family == family)
			address = net->addresses[i].bytes;
	return address;
}

/* What a question or an answer says of us is kept for long. */
static void mac_to_tell(struct fw_hops *hops, uint32_t port, uint8_t mac[6])
{
	fw_net_mac_now(&hops->live->net, &hops->live->bridge.run.app, port, mac);
}

static void ask(struct fw_hops *hops, const struct fw_neighbour *entry)
{
	const uint8_t *source = fw_own_address(hops->live, entry->port, entry->family);
	uint8_t frame[FW_NEIGHBOUR_FRAME], mac[6];

	mac_to_tell(hops, entry->port, mac);
	if (source)
		send_frame(hops, entry->port, frame,
			fw_neighbour_question(frame, entry->family, mac, source, entry->address));
}

static struct fw_neighbour *make_entry(
	struct fw_hops *hops, uint32_t port, uint8_t family, const uint8_t *address)
{
	struct weir_mbuf *lost[FW_NEIGHBOUR_HELD];
	uint32_t count;
	struct fw_neighbour *entry =
		fw_neighbour_make(hops->neighbours, port, family, address, lost, &count);

	weir_stage_made(hops->stage, count);
	weir_stage_drop(hops->stage, FW_ROUTER_NEIGHBOUR, lost, count);
	return entry;
}

static void send_to(struct fw_hops *hops, const struct fw_neighbour *entry, struct weir_mbuf *mbuf)
{
	uint8_t mac[6];

	fw_net_mac(&hops->live->net, entry->port, mac);
	fw_put_header(mbuf, entry->mac, mac, entry->family);
	weir_stage_next(hops->stage, entry->port, mbuf);
}

/* Those that waited go, or are dropped when it is away. */
static void release(struct fw_hops *hops, struct fw_neighbour *entry)
{
	struct weir_mbuf *held[FW_NEIGHBOUR_HELD];
	uint32_t count = fw_neighbour_release(hops->neighbours, entry, held);

	weir_stage_made(hops->stage, count);
	for (uint32_t i = 0; i < count && entry->known; i++)
		send_to(hops, entry, held[i]);
	if (!entry->known)
		weir_stage_drop(hops->stage, FW_ROUTER_NEIGHBOUR, held, count);
}

static void hold(struct fw_hops *hops, struct fw_neighbour *entry, struct weir_mbuf *mbuf)
{
	struct weir_mbuf *lost[FW_NEIGHBOUR_HELD];
	uint32_t count = fw_neighbour_hold(hops->neighbours, entry, mbuf, lost);

	weir_stage_took(hops->stage, 1);
	weir_stage_made(hops->stage, count);
	weir_stage_drop(hops->stage, FW_ROUTER_NEIGHBOUR, lost, count);
}

void fw_hops_send(struct fw_hops *hops, struct weir_mbuf *mbuf, uint32_t port, uint8_t family,
	const uint8_t *hop)
{
	struct fw_neighbour *entry = fw_neighbour_find(hops->neighbours, port, family, hop);
	enum fw_neighbour_state state;
	bool due;

	if (!entry)
		entry = make_entry(hops, port, family, hop);
	state = fw_neighbour_use(entry, hops->clock_ns, &due);
	if (due)
		ask(hops, entry);
	if (state == FW_NEIGHBOUR_KNOWN) {
		send_to(hops, entry, mbuf);
	} else if (state == FW_NEIGHBOUR_WAIT) {
		hold(hops, entry, mbuf);
	} else {
		release(hops, entry);
		weir_stage_drop(hops->stage, FW_ROUTER_NEIGHBOUR, &mbuf, 1);
	}
}

void fw_hops_hear(struct fw_hops *hops, const struct fw_message *message, uint32_t port)
{
	const char *name = hops->live->names[port];
	bool ours = message->question &&
		    fw_net_is_own(&hops->live->net, message->family, message->target, name);
	const uint8_t *about = message->question ? message->sender : message->target;
	uint8_t frame[FW_NEIGHBOUR_FRAME], mac[6];
	struct fw_neighbour *entry;

	/* one that nobody asked for may only say something new of a neighbour that is known */
	entry = about && message->mac
			? fw_neighbour_find(hops->neighbours, port, message->family, about)
			: NULL;
	if (!entry && ours && about && message->mac)
		entry = make_entry(hops, port, message->family, about);
	if (entry) {
		fw_neighbour_heard(entry, message->mac, hops->clock_ns);
		release(hops, entry);
	}
	if (!ours || !message->sender || !message->mac)
		return;
	mac_to_tell(hops, port, mac);
	send_frame(hops, port, frame,
		fw_neighbour_answer(frame, message->family, mac, message->target, message->sender,
			message->mac));
}

/* ---- its life ---- */

static bool add_fixed(struct fw_hops *hops, const struct fw_fixed *fixed)
{
	struct weir_mbuf *lost[FW_NEIGHBOUR_HELD];
	struct fw_neighbour *entry;
	const uint8_t *hop;
	uint32_t port = 0, count;

	if (fw_net_find(&hops->live->net, fixed->family, fixed->address, &port, &hop) !=
		FW_NEXT_PORT)
		return false;
	entry = fw_neighbour_make(
		hops->neighbours, port, fixed->family, fixed->address, lost, &count);
	fw_neighbour_heard(entry, fixed->mac, 0);
	entry->fixed = true;
	return true;
}

int fw_hops_open(struct fw_hops *hops, struct weir_stage *stage, struct fw_live *live)
{
	hops->stage = stage;
	hops->live = live;
	live->hops = hops;
	hops->neighbours = fw_neighbours_create(fw_held_most(live));
	if (!hops->neighbours)
		return weir_stage_fail(ENOMEM, "no memory for neighbours");
	for (uint32_t i = 0; i < live->net.fixed_count; i++)
		if (!add_fixed(hops, &live->net.fixed[i]))
			return weir_stage_fail(
				EINVAL, "--neighbour: one is in no network of the interfaces");
	return 0;
}

void fw_hops_close(struct fw_hops *hops)
{
	fw_neighbours_destroy(hops->neighbours);
}

/* On the thread that knows them. */
static void forget(void *context)
{
	const struct fw_hops *hops = context;

	fw_neighbours_forget(hops->neighbours, hops->live->anew);
}

/* On the same. */
static void give_up(void *context)
{
	struct fw_hops *hops = context;
	struct weir_mbuf *lost[FW_NEIGHBOUR_HELD];
	uint32_t at = 0, count;

	while ((count = fw_neighbours_expire(hops->neighbours, app_now_ns(), &at, lost)) > 0) {
		weir_stage_made(hops->stage, count);
		weir_stage_drop(hops->stage, FW_ROUTER_NEIGHBOUR, lost, count);
	}
}

static const char *stage_of_hops(const struct fw_live *live)
{
	return live->reload.workers > 1 ? "neighbours" : "firewall";
}

void fw_hops_expire(struct fw_live *live)
{
	fw_live_call(live, stage_of_hops(live), 0, give_up, live->hops, FW_PATIENCE_MS);
}

void fw_hops_look(struct fw_live *live)
{
	for (uint32_t i = 0; i < live->bridge.count; i++)
		if (fw_net_look(&live->net, &live->bridge.run.app, i))
			live->anew |= UINT64_C(1) << i;
	/* one that is busy or stuck is asked again */
	if (live->anew &&
		!fw_live_call(live, stage_of_hops(live), 0, forget, live->hops, FW_PATIENCE_MS))
		live->anew = 0;
}

/* ---- behind several threads ---- */

static void hear(struct fw_hops *hops, struct weir_mbuf *mbuf)
{
	const uint8_t *frame = weir_mbuf_data(mbuf);
	struct fw_packet packet = {0};
	struct fw_message message;
	bool heard;

	if ((frame[12] << 8 | frame[13]) == TYPE_ARP) {
		heard = fw_message_arp(frame, mbuf->data_length, &message);
	} else {
		fw_packet_read(&packet, frame, mbuf->data_length, WEIR_LINK_ETHERNET);
		heard = packet.transport && fw_message_nd(&packet, &message);
	}
	if (heard)
		fw_hops_hear(hops, &message, mbuf->port);
	weir_stage_took(hops->stage, 1);
	weir_mbuf_free(mbuf);
}

/* The port and the hop are those by which it was judged: routes do not change. */
static void find_and_send(struct fw_hops *hops, struct weir_mbuf *mbuf)
{
	const uint8_t *frame = weir_mbuf_data(mbuf), *hop;
	uint8_t family = frame[12] == 0x08 ? FW_IP : FW_IP6;
	uint32_t port = mbuf->port;

	if (fw_net_find(&hops->live->net, family, frame + ETHERNET + (family == FW_IP ? 16 : 24),
		    &port, &hop) == FW_NEXT_PORT)
		fw_hops_send(hops, mbuf, port, family, hop);
	else
		weir_stage_drop(hops->stage, FW_ROUTER_UNREACHABLE, &mbuf, 1);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct fw_hops *hops = stage->state;

	hops->clock_ns = app_now_ns();
	for (uint32_t i = 0; i < count; i++)
		if (mbufs[i]->flags & FW_HOPS_HEARD)
			hear(hops, mbufs[i]);
		else
			find_and_send(hops, mbufs[i]);
}

static int open_hops(struct weir_stage_args *args, void *conf)
{
	*(const struct fw_live **)conf = weir_stage_data(args);
	return 0;
}

static int set_up(struct weir_stage *stage)
{
	return fw_hops_open(stage->state, stage, *(struct fw_live **)stage->conf);
}

static void tear_down(struct weir_stage *stage)
{
	fw_hops_close(stage->state);
}

struct weir_stage_type fw_hops_type(void)
{
	return (struct weir_stage_type){
		.name = "neighbours",
		.help = "find the next hop",
		.edges = app_bridge_edges,
		.counters = fw_router_type.counters,
		.conf_size = sizeof(struct fw_live *),
		.state_size = sizeof(struct fw_hops),
		.open = open_hops,
		.setup = set_up,
		.teardown = tear_down,
		.run = run,
	};
}
