/* SPDX-License-Identifier: BSD-3-Clause */
/* live_steer.c: in front of several threads that judge: say which of them a packet goes to.
 *
 * Fragments wait here for the others of their packet, where rules ask for states, and then go to
 * the thread of its connection one behind the other, that which came last at the end. There they
 * are put together once more, as they would be without this; none of them waits long. */
#include "apps/weir-fw/live_impl.h"
#include "apps/weir-fw/places.h"
#include "apps/weir-fw/router.h"
#include "apps/weir-fw/steer.h"

#include <weir/spread.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Packets whose bytes are fetched before they are looked at. */
#define AHEAD 6

struct steerer {
	struct fw_view view; /* first: bridge_parts.c takes it from there */
	uint64_t seed;
	uint32_t workers;
	bool router;
	/* of connections that are translated, while there are some; and of which trackers */
	struct weir_flow_shared *places;
	uint32_t set;
};

static void set_hash(struct weir_mbuf *mbuf, uint32_t hash)
{
	mbuf->hash = hash;
	mbuf->flags |= WEIR_MBUF_HASH;
}

/* By who has the connection with a key, or else by the hash. */
static uint32_t by_place(const struct steerer *steerer, const fw_key *of, uint32_t hash)
{
	uint32_t worker = fw_places_find(steerer->places, of, steerer->set);

	return worker == UINT32_MAX ? hash : weir_spread_hash_of(worker, steerer->workers);
}

/* A packet of IP in view. */
static uint32_t steer_packet(const struct steerer *steerer)
{
	const struct fw_packet *packet = &steerer->view.packet;
	uint32_t hash = fw_steer_packet(packet, steerer->seed);
	fw_key of;

	if (!steerer->places || !fw_steer_key(packet, &of))
		return hash;
	return by_place(steerer, &of, hash);
}

/* Would the stage behind have it wait for others? */
static bool is_part(const struct steerer *steerer, const struct weir_mbuf *mbuf)
{
	const struct fw_view *view = &steerer->view;
	const struct fw_packet *packet = &view->packet;

	if (!fw_parts_wants(view->judge.rules, packet))
		return false;
	return !steerer->router || (fw_router_is_for_us(&view->live->net, mbuf) && !packet->vlan &&
					   fw_router_is_good(&view->live->net, packet, mbuf));
}

/* All that are there of a packet: this one came last. */
static void hand_on_parts(struct weir_stage *stage, const struct weir_mbuf *last, uint32_t hash)
{
	struct steerer *steerer = stage->state;
	const struct fw_parts *parts = &steerer->view.parts;

	weir_stage_made(stage, parts->count);
	for (uint32_t i = 0; i < parts->count; i++)
		set_hash(parts->mbufs[i], hash);
	for (uint32_t i = 0; i < parts->count; i++)
		if (parts->mbufs[i] != last)
			weir_stage_next(stage, 0, parts->mbufs[i]);
	for (uint32_t i = 0; i < parts->count; i++)
		if (parts->mbufs[i] == last)
			weir_stage_next(stage, 0, parts->mbufs[i]);
}

/* Returns whether the fragment in view has gone: to wait, or with the others. */
static bool take_part(struct weir_stage *stage, struct weir_mbuf *mbuf)
{
	struct steerer *steerer = stage->state;
	struct fw_view *view = &steerer->view;
	uint32_t hash = 0;

	if (!is_part(steerer, mbuf) || fw_parts_add(&view->parts, &view->packet, mbuf) < 0)
		return false;
	weir_stage_took(stage, 1);
	if (!view->parts.count)
		return true;
	fw_view_set(view, view->flat, fw_parts_flatten(&view->parts, view->flat), mbuf);
	if (view->packet.kind == FW_KIND_IP)
		hash = steer_packet(steerer);
	hand_on_parts(stage, mbuf, hash);
	return true;
}

/* Say where one goes that is not plain; false: it has gone. */
static bool steer_one(struct weir_stage *stage, struct weir_mbuf *mbuf)
{
	struct steerer *steerer = stage->state;
	struct fw_view *view = &steerer->view;

	set_hash(mbuf, 0);
	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return true;
	fw_view_read(view, mbuf);
	if (view->packet.kind != FW_KIND_IP)
		return true;
	if (take_part(stage, mbuf))
		return false;
	set_hash(mbuf, steer_packet(steerer));
	return true;
}

/* One that is plain; 0: a look at it is needed. */
static inline uint32_t steer_plain(const struct steerer *steerer, const struct weir_mbuf *mbuf)
{
	struct fw_plain plain;
	uint32_t hash =
		fw_steer_plain(weir_mbuf_data(mbuf), mbuf->data_length, steerer->seed, &plain);
	bool exchanged;
	fw_key of;

	if (weir_likely(!steerer->places) || !hash)
		return hash;
	fw_key_make(plain.transport + plain.length - plain.total, plain.kind[1], plain.kind[0],
		plain.transport, plain.length, &of, &exchanged);
	/* not 0, and the lower half decides */
	return by_place(steerer, &of, hash) | 1u << 31;
}

/* As fw_view_begin(), which is for who judges. */
static void begin(struct steerer *steerer)
{
	struct fw_view *view = &steerer->view;
	const struct fw_generation *generation = weir_rcu_read(&view->live->reload.slot);
	struct weir_flow_shared_stats stats = {0};

	steerer->places = generation->trackers ? generation->places : NULL;
	if (steerer->places)
		weir_flow_shared_stats(steerer->places, &stats);
	if (stats.flows)
		steerer->set = generation->trackers->set;
	else
		steerer->places = NULL;

	view->judge.rules = generation->rules;
	view->now_ns = fw_since_1970();
	fw_parts_pass(&view->parts, view->live->times_of_packets ? 0 : view->now_ns);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct steerer *steerer = stage->state;
	uint32_t sent = 0;

	begin(steerer);
	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *mbuf = mbufs[i];
		uint32_t hash = 0;

		if (i + AHEAD < count)
			__builtin_prefetch(weir_mbuf_data(mbufs[i + AHEAD]));
		if (weir_likely(weir_mbuf_link_type(mbuf) == WEIR_LINK_ETHERNET))
			hash = steer_plain(steerer, mbuf);
		if (weir_likely(hash)) {
			set_hash(mbuf, hash);
			continue;
		}
		/* what comes now may be several packets, and those in front of it go first */
		for (; sent < i; sent++)
			weir_stage_next(stage, 0, mbufs[sent]);
		sent += !steer_one(stage, mbuf);
	}
	weir_stage_pass(stage, 0, mbufs + sent, count - sent);
}

static int open_steer(struct weir_stage_args *args, void *conf)
{
	*(const struct fw_live **)conf = weir_stage_data(args);
	return 0;
}

static int set_up(struct weir_stage *stage)
{
	struct steerer *steerer = stage->state;
	struct fw_live *live = *(struct fw_live **)stage->conf;

	/* numbered behind those that judge */
	fw_view_open(&steerer->view, live, live->reload.workers);
	steerer->router = live->net.host.count > 0;
	steerer->workers = live->reload.workers;
	if (getrandom(&steerer->seed, sizeof(steerer->seed), 0) < 0)
		return weir_stage_fail(errno, "no random number");
	return fw_bridge_parts_open(stage);
}

static const char *const edges[] = {"out", NULL};

struct weir_stage_type fw_steer_type(const struct weir_stage_type *judge)
{
	return (struct weir_stage_type){
		.name = "steer",
		.help = "find the thread that has a packet's connection",
		.edges = edges,
		.counters = judge->counters,
		.conf_size = sizeof(struct fw_live *),
		.state_size = sizeof(struct steerer),
		.open = open_steer,
		.setup = set_up,
		.teardown = fw_bridge_parts_close,
		.run = run,
	};
}
