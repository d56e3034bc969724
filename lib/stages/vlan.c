/* SPDX-License-Identifier: BSD-3-Clause */
/* vlan.c: put on a tag of IEEE 802.1Q, take it off, or change the outer one. Packets of other
 * links than Ethernet stay as they are; so do those without a tag when there is none to change. */
#include "stages/headers_impl.h"
#include "stages/stages_impl.h"

#include "weir/chain.h"

#include <errno.h>
#include <net/ethernet.h>
#include <string.h>

#define TAG      4
#define TYPE     12 /* where Ethernet's type lies; a tag stands in front of it */
#define UNCHOSEN UINT16_MAX

enum what { NOTHING, PUSH, SET, STRIP, STRIP_ALL };

struct vlan_conf {
	enum what what;
	uint16_t id, priority, type; /* priority UNCHOSEN: that of the tag there is, or 0 */
};

static int take_id(
	struct weir_stage_args *args, const char *key, enum what what, struct vlan_conf *vlan)
{
	uint64_t id = 0;

	if (!weir_stage_arg(args, key))
		return 0;
	if (vlan->what != NOTHING)
		return weir_stage_fail(EINVAL, "push=, set= and strip= exclude each other");
	if (weir_stage_arg_number(args, key, 0, 4095, &id))
		return -EINVAL;
	vlan->what = what;
	vlan->id = (uint16_t)id;
	return 0;
}

static int open_vlan(struct weir_stage_args *args, void *conf)
{
	static const char *const strips[] = {"outer", "all", NULL};
	static const char *const types[] = {"802.1q", "802.1ad", NULL};
	struct vlan_conf *vlan = conf;
	uint64_t priority = UNCHOSEN;
	int strip = weir_stage_arg_word(args, "strip", strips);
	int type = weir_stage_arg_word(args, "type", types);

	if (strip < 0 || type < 0)
		return -EINVAL;
	if (weir_stage_arg(args, "strip"))
		vlan->what = strip == 0 ? STRIP : STRIP_ALL;
	if (take_id(args, "push", PUSH, vlan) || take_id(args, "set", SET, vlan) ||
		weir_stage_arg_number(args, "priority", 0, 7, &priority))
		return -EINVAL;
	if (vlan->what == NOTHING)
		return weir_stage_fail(EINVAL, "needs push=, set= or strip=, as in push=7");
	if (vlan->what >= STRIP && (priority != UNCHOSEN || weir_stage_arg(args, "type")))
		return weir_stage_fail(EINVAL, "priority= and type= are for push= and set=");
	if (vlan->what == SET && weir_stage_arg(args, "type"))
		return weir_stage_fail(EINVAL, "type= is for push=");
	vlan->priority = (uint16_t)priority;
	vlan->type = type == 0 ? 0x8100 : 0x88a8;
	return 0;
}

/* Customer and service tags, and the number for two that was used before there was one. */
static bool is_tagged(const uint8_t *frame)
{
	uint16_t type = weir__big16(frame + TYPE);

	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static int push(const struct vlan_conf *vlan, struct weir_mbuf **packet)
{
	uint16_t priority = vlan->priority == UNCHOSEN ? 0 : vlan->priority;
	uint8_t *frame;

	if (weir__headers_open(packet, 0, TAG, TAG + ETH_HLEN))
		return -ENOBUFS;
	frame = weir_mbuf_data(*packet);
	memmove(frame, frame + TAG, TYPE);
	weir__big16_put(frame + TYPE, vlan->type);
	weir__big16_put(frame + TYPE + 2, (uint16_t)(priority << 13 | vlan->id));
	return 0;
}

static int set(const struct vlan_conf *vlan, struct weir_mbuf **packet)
{
	uint8_t *tag;
	uint16_t rest;

	if (weir__headers_prepare(packet, ETH_HLEN + TAG))
		return -ENOBUFS;
	tag = weir_mbuf_data(*packet) + ETH_HLEN;
	rest = (uint16_t)(tag[0] << 8 & 0xf000);
	if (vlan->priority != UNCHOSEN)
		rest = (uint16_t)((rest & 0x1000) | vlan->priority << 13);
	weir__big16_put(tag, rest | vlan->id);
	return 0;
}

static int strip(struct weir_mbuf **packet)
{
	uint8_t *frame;

	if (weir__headers_prepare(packet, ETH_HLEN + TAG))
		return -ENOBUFS;
	frame = weir_mbuf_data(*packet);
	memmove(frame + TAG, frame, TYPE);
	return weir__headers_open(packet, TAG, 0, ETH_HLEN);
}

static int change(const void *conf, struct weir_mbuf **packet)
{
	const struct vlan_conf *vlan = conf;
	uint8_t bounce[ETH_HLEN + TAG];
	const uint8_t *frame;

	if (weir_mbuf_link_type(*packet) != WEIR_LINK_ETHERNET || (*packet)->length < ETH_HLEN)
		return 0;
	if (vlan->what == PUSH)
		return push(vlan, packet);
	do {
		int error;

		frame = weir_mbuf_peek(*packet, 0, sizeof(bounce), bounce);
		if (!frame || !is_tagged(frame))
			return 0;
		error = vlan->what == SET ? set(vlan, packet) : strip(packet);
		if (error)
			return error;
	} while (vlan->what == STRIP_ALL);
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir__edit_each(stage, mbufs, count, change);
}

const struct weir_stage_type weir__stage_vlan = {
	.name = "vlan",
	.help = "put on, take off or change a tag",
	.edges = weir__stage_out,
	.counters = weir__edit_counters,
	.conf_size = sizeof(struct vlan_conf),
	.open = open_vlan,
	.run = run,
};
