/* SPDX-License-Identifier: BSD-3-Clause */
/* live_steer.c: in front of several threads that judge: say which of them a packet goes to.
 *
 * Fragments wait here for the others of their packet, where rules ask for states, and then go to
 * the thread of its connection one behind the other, that which came last at the end. There they
 * are put together once more, as they would be without this; none of them waits long. */
#include "apps/weir-fw/live_impl.h"
#include "apps/weir-fw/router.h"
#include "apps/weir-fw/steer.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Packets whose bytes are fetched before they are looked at. */
#define AHEAD 6

struct steerer {
	struct fw_view view; /* first: bridge_parts.c takes it from there */
	uint64_t seed;
	bool router;
};

static void set_hash(struct weir_mbuf *mbuf, uint32_t hash)
{
	mbuf->hash = hash;
	mbuf->flags |= WEIR_MBUF_HASH;
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
		hash = fw_steer_packet(&view->packet, steerer->seed);
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
	set_hash(mbuf, fw_steer_packet(&view->packet, steerer->seed));
	return true;
}

/* As fw_view_begin(), which is for who judges. */
static void begin(struct fw_view *view)
{
	const struct fw_generation *generation = weir_rcu_read(&view->live->reload.slot);

	view->judge.rules = generation->rules;
	view->now_ns = fw_since_1970();
	fw_parts_pass(&view->parts, view->live->times_of_packets ? 0 : view->now_ns);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct steerer *steerer = stage->state;
	uint32_t sent = 0;

	begin(&steerer->view);
	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *mbuf = mbufs[i];
		uint32_t hash = 0;

		if (i + AHEAD < count)
			__builtin_prefetch(weir_mbuf_data(mbufs[i + AHEAD]));
		if (weir_mbuf_link_type(mbuf) == WEIR_LINK_ETHERNET)
			hash = fw_steer_plain(
				weir_mbuf_data(mbuf), mbuf->data_length, steerer->seed);
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
