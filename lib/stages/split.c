/* SPDX-License-Identifier: BSD-3-Clause */
/* split.c: two sides of what was captured on one wire: by interface, by which way it went
 * there, by who sent it, or by who began each flow. */
#include "stages/headers_impl.h"
#include "stages/maps_impl.h"
#include "stages/stages_impl.h"

#include "weir/capture.h"
#include "weir/chain.h"
#include "weir/flow.h"
#include "weir/flow_key.h"
#include "weir/parse.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <string.h>

/* Without flows=: 5 MiB. */
#define FLOWS_DEFAULT 65536

enum { A, B };
enum { NO_ROOM, NO_DIRECTION };
enum by { BY_NOTHING, BY_INTERFACE, BY_DIRECTION, BY_MAC, BY_PREFIX, BY_CLIENT };

struct split_conf {
	enum by by;
	uint64_t interface, flows;
	uint8_t direction; /* enum weir_capture_direction, of side a */
	struct ether_addr mac;
	bool ipv6;
	uint8_t prefix[16], bits;
};

/* Who began a flow: the end that comes first in its key, or the other. */
struct flow_value {
	uint8_t began_by_second;
};

struct split_state {
	struct weir_flow_table *flows;
};

static int choose(struct split_conf *split, enum by by)
{
	if (split->by != BY_NOTHING)
		return weir_stage_fail(EINVAL,
			"interface=, direction=, mac=, prefix= and client= exclude each other");
	split->by = by;
	return 0;
}

static int take_who(struct weir_stage_args *args, struct split_conf *split)
{
	const char *mac = weir_stage_arg(args, "mac"), *prefix = weir_stage_arg(args, "prefix");

	if (mac && choose(split, BY_MAC))
		return -EINVAL;
	if (mac && !ether_aton_r(mac, &split->mac))
		return weir_stage_fail(EINVAL, "mac=%s is no MAC address", mac);
	if (prefix && choose(split, BY_PREFIX))
		return -EINVAL;
	if (prefix && !weir__prefix_parse(prefix, prefix + strlen(prefix), &split->ipv6,
			      split->prefix, &split->bits))
		return weir_stage_fail(EINVAL, "prefix=%s is not as in 10.0.0.0/8", prefix);
	return 0;
}

static int open_split(struct weir_stage_args *args, void *conf)
{
	static const char *const clients[] = {"first", NULL}, *const ways[] = {"in", "out", NULL};
	struct split_conf *split = conf;
	int way = weir_stage_arg_word(args, "direction", ways);

	split->flows = FLOWS_DEFAULT;
	if (way < 0 || (weir_stage_arg(args, "direction") && choose(split, BY_DIRECTION)))
		return -EINVAL;
	split->direction = way == 0 ? WEIR_CAPTURE_INBOUND : WEIR_CAPTURE_OUTBOUND;
	if (weir_stage_arg(args, "interface") && choose(split, BY_INTERFACE))
		return -EINVAL;
	if (take_who(args, split) || weir_stage_arg_word(args, "client", clients) < 0 ||
		weir_stage_arg_number(args, "interface", 0, UINT16_MAX, &split->interface) ||
		weir_stage_arg_number(args, "flows", 1, WEIR_FLOW_MAX, &split->flows))
		return -EINVAL;
	if (weir_stage_arg(args, "client") && choose(split, BY_CLIENT))
		return -EINVAL;
	if (split->by == BY_NOTHING)
		return weir_stage_fail(EINVAL,
			"needs interface=0, direction=in, mac=, prefix=10.0.0.0/8 or client=first");
	return 0;
}

static int setup(struct weir_stage *stage)
{
	const struct split_conf *split = stage->conf;
	struct split_state *state = stage->state;
	struct weir_flow_conf conf = {.name = "split",
		.count = (uint32_t)split->flows,
		.key_size = sizeof(struct weir_flow_key_ipv6),
		.value_size = sizeof(struct flow_value)};

	if (split->by != BY_CLIENT)
		return 0;
	state->flows = weir_flow_create(&conf);
	return state->flows ? 0 : -errno;
}

static void teardown(struct weir_stage *stage)
{
	weir_flow_destroy(((struct split_state *)stage->state)->flows);
}

/* What says nothing goes to b. */
static uint8_t by_direction(struct weir_stage *stage, const struct weir_mbuf *mbuf)
{
	const struct split_conf *split = stage->conf;
	uint8_t direction = weir__headers_direction(mbuf);

	if (direction == WEIR_CAPTURE_UNKNOWN)
		weir_stage_count(stage, NO_DIRECTION, 1);
	return direction == split->direction ? A : B;
}

static uint8_t by_mac(const struct split_conf *split, const struct weir_mbuf *mbuf)
{
	uint8_t bounce[ETH_HLEN];
	const uint8_t *frame = weir_mbuf_peek(mbuf, 0, ETH_HLEN, bounce);

	return frame && weir_mbuf_link_type(mbuf) == WEIR_LINK_ETHERNET &&
			       memcmp(frame + ETH_ALEN, &split->mac, ETH_ALEN) == 0
		       ? A
		       : B;
}

static uint8_t by_prefix(const struct split_conf *split, struct weir_mbuf *mbuf)
{
	struct weir__headers headers;
	uint8_t bounce[16];
	const uint8_t *source;

	weir__headers_find(mbuf, &headers);
	if (split->ipv6 ? !headers.ipv6 : !headers.ipv4)
		return B;
	source = weir_mbuf_peek(
		mbuf, headers.l3 + (headers.ipv4 ? 12 : 8), headers.ipv4 ? 4 : 16, bounce);
	return source && weir__prefix_has(split->prefix, split->bits, source) ? A : B;
}

/* The key of either family as one of IPv6; of IPv4 with addresses mapped (RFC 4291). */
static bool key_of(struct weir_mbuf *mbuf, struct weir_flow_key_ipv6 *key)
{
	struct weir_flow_key_ipv4 four;

	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	if (weir_flow_key_ipv6(mbuf, key))
		return true;
	if (!weir_flow_key_ipv4(mbuf, &four))
		return false;
	memset(key, 0, sizeof(*key));
	for (uint32_t side = 0; side < 2; side++) {
		memset(key->address[side] + 10, 0xff, 2);
		memcpy(key->address[side] + 12, four.address[side], 4);
		memcpy(key->port[side], four.port[side], 2);
	}
	key->protocol = four.protocol;
	return true;
}

/* What is not IP, and what there is no room for, comes from clients. */
static uint8_t by_client(struct weir_stage *stage, struct weir_mbuf *mbuf)
{
	struct split_state *state = stage->state;
	struct weir_flow_key_ipv6 key;
	struct flow_value *value;
	uint32_t index;
	bool second;
	int made;

	if (!key_of(mbuf, &key))
		return A;
	second = weir_flow_key_sort_ipv6(&key);
	made = weir_flow_insert(state->flows, &key, 0, &index);
	if (made < 0) {
		weir_stage_count(stage, NO_ROOM, 1);
		return A;
	}
	value = weir_flow_value(state->flows, index);
	if (made == 1)
		value->began_by_second = second;
	return value->began_by_second == second ? A : B;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct split_conf *split = stage->conf;
	uint8_t ways[WEIR_STAGE_BURST];

	for (uint32_t i = 0; i < count; i++) {
		switch (split->by) {
		case BY_INTERFACE:
			ways[i] = mbufs[i]->port == split->interface ? A : B;
			break;
		case BY_DIRECTION:
			ways[i] = by_direction(stage, mbufs[i]);
			break;
		case BY_MAC:
			ways[i] = by_mac(split, mbufs[i]);
			break;
		case BY_PREFIX:
			ways[i] = by_prefix(split, mbufs[i]);
			break;
		case BY_CLIENT:
		case BY_NOTHING:
			ways[i] = by_client(stage, mbufs[i]);
		}
	}
	weir_stage_split(stage, ways, mbufs, count);
}

static const char *const edges[] = {"a", "b", NULL};
static const char *const counters[] = {"no room", "no direction", NULL};

const struct weir_stage_type weir__stage_split = {
	.name = "split",
	.help = "tell two sides of a capture from each other",
	.edges = edges,
	.counters = counters,
	.conf_size = sizeof(struct split_conf),
	.state_size = sizeof(struct split_state),
	.open = open_split,
	.setup = setup,
	.teardown = teardown,
	.run = run,
};
