/* SPDX-License-Identifier: BSD-3-Clause */
/* maps.c: addresses by prefix and ports by range become others; in tcprewrite's way of writing. */
#include "stages/maps_impl.h"

#include "base/spec_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

bool weir__prefix_parse(
	const char *text, const char *end, bool *ipv6, uint8_t *address, uint8_t *bits)
{
	char copy[INET6_ADDRSTRLEN + sizeof("/128")], *slash;
	uint64_t number;

	if (end - text >= (long)sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)(end - text), text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = 0;
	*ipv6 = strchr(copy, ':') != NULL;
	number = *ipv6 ? 128 : 32;
	if (inet_pton(*ipv6 ? AF_INET6 : AF_INET, copy, address) != 1 ||
		(slash && !weir__number_parse(slash + 1, 0, number, &number)))
		return false;
	*bits = (uint8_t)number;
	return true;
}

/* The bits of byte number index that a prefix of so many bits has. */
static uint8_t mask(uint32_t bits, uint32_t index)
{
	uint32_t before = index * 8;

	if (bits >= before + 8)
		return 0xff;
	return (uint8_t)(bits <= before ? 0 : 0xff00u >> (bits - before));
}

bool weir__prefix_has(const uint8_t *prefix, uint8_t bits, const uint8_t *address)
{
	for (uint32_t i = 0; i * 8 < bits; i++)
		if ((prefix[i] ^ address[i]) & mask(bits, i))
			return false;
	return true;
}

/* One side of a map, which may stand in brackets: IPv6 has colons of its own. Returns what stands
 * behind it, or NULL. */
static const char *parse_side(const char *text, bool *ipv6, uint8_t *address, uint8_t *bits)
{
	const char *end;

	if (*text == '[') {
		end = strchr(text, ']');
		return end && weir__prefix_parse(text + 1, end, ipv6, address, bits) ? end + 1
										     : NULL;
	}
	end = text + strcspn(text, ":,");
	return weir__prefix_parse(text, end, ipv6, address, bits) ? end : NULL;
}

/* Returns what stands behind it, or NULL. */
static const char *parse_ip_map(const char *text, struct weir__ip_map *map)
{
	bool ipv6;

	text = parse_side(text, &map->ipv6, map->from, &map->from_bits);
	if (!text || *text != ':')
		return NULL;
	text = parse_side(text + 1, &ipv6, map->to, &map->to_bits);
	return text && ipv6 == map->ipv6 && (*text == ',' || *text == 0) ? text : NULL;
}

static bool is_address(const char *text, struct weir__ip_map *map)
{
	return weir__prefix_parse(text, text + strlen(text), &map->ipv6, map->to, &map->to_bits) &&
	       !strchr(text, '/');
}

static int too_many(const char *key)
{
	return weir_stage_fail(EINVAL, "%s=: more than %d maps", key, WEIR__MAPS);
}

int weir__arg_ip_maps(
	struct weir_stage_args *args, const char *key, uint32_t sides, struct weir__maps *maps)
{
	const char *text = weir_stage_arg(args, key), *at = text;

	while (at) {
		struct weir__ip_map *map = &maps->ip[maps->ip_count];

		if (maps->ip_count == WEIR__MAPS)
			return too_many(key);
		*map = (struct weir__ip_map){.sides = sides};
		if (at == text && is_address(text, map)) {
			maps->ip_count++;
			return 0;
		}
		at = parse_ip_map(at, map);
		if (!at)
			return weir_stage_fail(EINVAL,
				"%s=%s is not an address, or as in 10.0.0.0/8:172.16.0.0/12 or "
				"[fd00::/8]:[2001:db8::/32]",
				key, text);
		maps->ip_count++;
		at = *at ? at + 1 : NULL;
	}
	return 0;
}

/* Digits up to one of ends; returns what stands behind them, or NULL. */
static const char *parse_port(const char *text, const char *ends, uint16_t *port)
{
	size_t length = strcspn(text, ends);
	char copy[sizeof("65535")];
	uint64_t number;

	if (length >= sizeof(copy))
		return NULL;
	memcpy(copy, text, length);
	copy[length] = 0;
	if (!weir__number_parse(copy, 0, UINT16_MAX, &number))
		return NULL;
	*port = (uint16_t)number;
	return text + length;
}

static const char *parse_port_map(const char *text, struct weir__port_map *map)
{
	text = parse_port(text, "-:", &map->first);
	map->last = map->first;
	if (text && *text == '-')
		text = parse_port(text + 1, ":", &map->last);
	if (!text || *text != ':' || map->last < map->first)
		return NULL;
	return parse_port(text + 1, ",", &map->to);
}

int weir__arg_port_maps(
	struct weir_stage_args *args, const char *key, uint32_t sides, struct weir__maps *maps)
{
	const char *text = weir_stage_arg(args, key), *at = text, *end;

	while (at) {
		struct weir__port_map *map = &maps->port[maps->port_count];

		if (maps->port_count == WEIR__MAPS)
			return too_many(key);
		*map = (struct weir__port_map){.sides = sides, .last = UINT16_MAX};
		end = at == text ? parse_port(text, "", &map->to) : NULL;
		at = end ? end : parse_port_map(at, map);
		if (!at)
			return weir_stage_fail(EINVAL,
				"%s=%s is not a port, or as in 80:8080 or 6000-6063:22", key, text);
		maps->port_count++;
		at = *at ? at + 1 : NULL;
	}
	return 0;
}

bool weir__map_ip(const struct weir__maps *maps, uint32_t side, bool ipv6, const uint8_t *address,
	uint8_t *mapped)
{
	for (uint32_t i = 0; i < maps->ip_count; i++) {
		const struct weir__ip_map *map = &maps->ip[i];

		if (!(map->sides & 1u << side) || map->ipv6 != ipv6 ||
			!weir__prefix_has(map->from, map->from_bits, address))
			continue;
		for (uint32_t j = 0; j < (ipv6 ? 16u : 4u); j++) {
			uint8_t bits = mask(map->to_bits, j);

			mapped[j] = (uint8_t)((map->to[j] & bits) | (address[j] & ~bits));
		}
		return true;
	}
	return false;
}

bool weir__map_port(const struct weir__maps *maps, uint32_t side, uint16_t *port)
{
	for (uint32_t i = 0; i < maps->port_count; i++) {
		const struct weir__port_map *map = &maps->port[i];

		if (!(map->sides & 1u << side) || *port < map->first || *port > map->last)
			continue;
		*port = map->to;
		return true;
	}
	return false;
}
