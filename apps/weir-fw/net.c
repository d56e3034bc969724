/* SPDX-License-Identifier: BSD-3-Clause */
/* net.c: addresses, routes and neighbours, from options and for packets. There are few of them, so
 * they are looked through. */
#include "apps/weir-fw/net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* An address of either family, up to an end; false: it is none. */
static bool read_address(const char *text, size_t length, uint8_t *family, uint8_t bytes[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = 0;
	memset(bytes, 0, 16);
	*family = strchr(copy, ':') ? FW_IP6 : FW_IP;
	return inet_pton(*family == FW_IP ? AF_INET : AF_INET6, copy, bytes) == 1;
}

bool fw_prefix_read(
	const char *text, size_t end, uint8_t *family, uint8_t bytes[16], uint8_t *prefix)
{
	const char *slash = memchr(text, '/', end);
	size_t length = slash ? (size_t)(slash - text) : end;
	unsigned long bits;
	char *rest;

	if (!read_address(text, length, family, bytes))
		return false;
	*prefix = (uint8_t)(fw_address_size(*family) * 8);
	if (!slash)
		return true;
	bits = strtoul(slash + 1, &rest, 10);
	if (slash[1] < '0' || slash[1] > '9' || rest != text + end || bits > *prefix)
		return false;
	*prefix = (uint8_t)bits;
	return true;
}

bool fw_prefix_has(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	uint32_t bytes = bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

	return memcmp(a, b, bytes) == 0 && (bits % 8 == 0 || !((a[bytes] ^ b[bytes]) & mask));
}

static bool is_link_local(uint8_t family, const uint8_t *address)
{
	return family == FW_IP6 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool fw_net_is_loopback(uint8_t family, const uint8_t *address)
{
	static const uint8_t loopback[16] = {[15] = 1};

	return family == FW_IP ? address[0] == 127 : memcmp(address, loopback, 16) == 0;
}

/* Can somebody have it: not all, not many, not everybody for himself. */
static bool is_of_host(uint8_t family, const uint8_t *address)
{
	static const uint8_t none[16];

	if (memcmp(address, none, fw_address_size(family)) == 0)
		return false;
	return !fw_net_is_loopback(family, address) &&
	       (family == FW_IP ? address[0] < 224 : address[0] != 0xff);
}

static struct fw_route *add_route(struct fw_net *net)
{
	return net->route_count < FW_NET_ROUTES ? &net->routes[net->route_count++] : NULL;
}

void fw_net_address(struct fw_net *net, struct argp_state *state, const char *text)
{
	const char *equal = strchr(text, '=');
	size_t length = equal ? (size_t)(equal - text) : 0;
	struct fw_address *address = &net->addresses[net->host.count];

	net->host.addresses = net->addresses;
	if (net->host.count + APP_PORT_MAX >= FW_NET_ADDRESSES)
		app_refuse(state, "--address", text, "there are too many of them");
	if (!length || length >= FW_IFNAMSIZ ||
		!fw_prefix_read(equal + 1, strlen(equal + 1), &address->family, address->bytes,
			&address->length))
		app_refuse(state, "--address", text, "must be INTERFACE=ADDRESS/LENGTH");
	if (!is_of_host(address->family, address->bytes))
		app_refuse(state, "--address", text, "is no address that a host can have");
	memcpy(address->name, text, length);
	net->host.count++;
}

void fw_net_route(struct fw_net *net, struct argp_state *state, const char *text)
{
	struct fw_route *route = add_route(net);
	const char *equal = strrchr(text, '=');
	uint8_t family = 0;

	if (!route)
		app_refuse(state, "--route", text, "there are too many of them");
	if (!equal || !read_address(equal + 1, strlen(equal + 1), &family, route->gateway))
		app_refuse(state, "--route", text, "must be PREFIX=GATEWAY or default=GATEWAY");
	route->family = family;
	route->via = true;
	if (strncmp(text, "default=", 8) != 0 &&
		(!fw_prefix_read(text, (size_t)(equal - text), &route->family, route->bytes,
			 &route->length) ||
			route->family != family))
		app_refuse(state, "--route", text, "must be PREFIX=GATEWAY, both of one family");
}

void fw_net_neighbour(struct fw_net *net, struct argp_state *state, const char *text)
{
	const char *equal = strchr(text, '=');
	struct fw_fixed *fixed = &net->fixed[net->fixed_count];
	int end = 0;

	if (net->fixed_count == FW_NET_NEIGHBOURS)
		app_refuse(state, "--neighbour", text, "there are too many of them");
	if (!equal || !read_address(text, (size_t)(equal - text), &fixed->family, fixed->address) ||
		sscanf(equal + 1, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &fixed->mac[0],
			&fixed->mac[1], &fixed->mac[2], &fixed->mac[3], &fixed->mac[4],
			&fixed->mac[5], &end) != 6 ||
		equal[1 + end] || equal[1 + strspn(equal + 1, "0123456789abcdefABCDEF:")] ||
		fixed->mac[0] & 1)
		app_refuse(state, "--neighbour", text, "must be ADDRESS=MAC, of one host");
	if (is_link_local(fixed->family, fixed->address))
		app_refuse(state, "--neighbour", text, "is an address that each port may have");
	net->fixed_count++;
}

static int longest_first(const void *a, const void *b)
{
	return ((const struct fw_route *)b)->length - ((const struct fw_route *)a)->length;
}

static uint32_t port_named(char (*names)[FW_IFNAMSIZ], uint32_t count, const char *name)
{
	uint32_t i = 0;

	while (i < count && strncmp(names[i], name, FW_IFNAMSIZ) != 0)
		i++;
	return i;
}

/* The link that a gateway is on, among the first routes; or NULL. */
static const struct fw_route *link_of(
	const struct fw_net *net, const struct fw_route *route, uint32_t links, uint32_t first)
{
	for (uint32_t i = first; i < first + links; i++)
		if (net->routes[i].family == route->family &&
			fw_prefix_has(net->routes[i].bytes, route->gateway, net->routes[i].length))
			return &net->routes[i];
	return NULL;
}

void fw_net_finish(
	struct fw_net *net, struct argp_state *state, char (*names)[FW_IFNAMSIZ], uint32_t count)
{
	uint32_t given = net->route_count;

	for (uint32_t i = 0; i < net->host.count; i++) {
		const struct fw_address *address = &net->addresses[i];
		struct fw_route *route = add_route(net);

		if (!route)
			app_refuse(state, "--route", address->name, "there are too many of them");
		*route = (struct fw_route){.family = address->family,
			.length = address->length,
			.port = port_named(names, count, address->name)};
		memcpy(route->bytes, address->bytes, 16);
		if (route->port == count)
			app_refuse(state, "--address", address->name, "is not the name of a port");
	}
	for (uint32_t i = 0; i < given; i++) {
		const struct fw_route *link =
			link_of(net, &net->routes[i], net->route_count - given, given);

		if (!link)
			argp_failure(state, APP_MISUSE, 0,
				"--route: a gateway is in no network of the interfaces");
		else if (fw_net_is_own(net, link->family, net->routes[i].gateway, NULL))
			argp_failure(state, APP_MISUSE, 0, "--route: a gateway is this router");
		else
			net->routes[i].port = link->port;
	}
	qsort(net->routes, net->route_count, sizeof(*net->routes), longest_first);
}

static void set_mac(struct fw_interface *interface, const uint8_t *mac)
{
	uint64_t bytes = 0;

	memcpy(&bytes, mac, 6);
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&interface->mac, bytes, memory_order_relaxed);
}

/* The address of Ethernet is the interface's, but for a tap: that one is of the host at its other
 * end. */
static void take_mac(
	struct fw_net *net, const struct app *app, uint32_t port, const struct weir_port_link *link)
{
	static const uint8_t none[6];

	if (memcmp(link->mac, none, 6) != 0 &&
		strncmp(weir_port_name(app->ports[port]), "tap:", 4) != 0)
		set_mac(&net->interfaces[port], link->mac);
}

void fw_net_mac_now(struct fw_net *net, const struct app *app, uint32_t port, uint8_t mac[6])
{
	struct weir_port_link link;

	if (!weir_port_link(app->ports[port], &link) && !link.gone)
		take_mac(net, app, port, &link);
	fw_net_mac(net, port, mac);
}

bool fw_net_look(struct fw_net *net, const struct app *app, uint32_t port)
{
	struct fw_interface *interface = &net->interfaces[port];
	const struct weir_port_link before = interface->link;
	struct weir_port_link *link = &interface->link;

	if (weir_port_link(app->ports[port], link))
		*link = before;
	if (link->gone)
		return false;
	take_mac(net, app, port, link);
	/* relaxed: as above */
	atomic_store_explicit(&interface->mtu, link->mtu, memory_order_relaxed);
	return (link->up && !before.up) || link->ifindex != before.ifindex ||
	       memcmp(link->mac, before.mac, 6) != 0;
}

/* An interface with addresses of IPv6 has one of its link, made of its MAC (RFC 4291, appendix A).
 */
static void add_link_local(struct fw_net *net, const uint8_t *mac, const char *name)
{
	struct fw_address *address = &net->addresses[net->host.count];

	if (!fw_host_address(&net->host, name, FW_IP6) || net->host.count == FW_NET_ADDRESSES)
		return;
	*address = (struct fw_address){.family = FW_IP6,
		.length = 64,
		.bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe,
			mac[3], mac[4], mac[5]}};
	memcpy(address->name, name, FW_IFNAMSIZ);
	net->host.count++;
}

void fw_net_open(struct fw_net *net, const struct app *app, char (*names)[FW_IFNAMSIZ])
{
	for (uint32_t i = 0; i < app->port_count; i++) {
		/* where there is none it is locally administered, by the number */
		uint8_t mac[6] = {0x02, 'w', 'e', 'i', 'r', (uint8_t)(i + 1)};

		set_mac(&net->interfaces[i], mac);
		fw_net_look(net, app, i);
		fw_net_mac(net, i, mac);
		add_link_local(net, mac, names[i]);
	}
}

bool fw_net_is_own(
	const struct fw_net *net, uint8_t family, const uint8_t *address, const char *name)
{
	for (uint32_t i = 0; i < net->host.count; i++)
		if (net->addresses[i].family == family &&
			(!name || strncmp(net->addresses[i].name, name, FW_IFNAMSIZ) == 0) &&
			memcmp(net->addresses[i].bytes, address, fw_address_size(family)) == 0)
			return true;
	return false;
}

enum fw_next fw_net_find(const struct fw_net *net, uint8_t family, const uint8_t *address,
	uint32_t *port, const uint8_t **hop)
{
	*hop = address;
	if (fw_net_is_own(net, family, address, NULL))
		return FW_NEXT_HERE;
	if (is_link_local(family, address))
		return FW_NEXT_PORT;
	for (uint32_t i = 0; i < net->route_count; i++) {
		const struct fw_route *route = &net->routes[i];

		if (route->family != family || !fw_prefix_has(route->bytes, address, route->length))
			continue;
		*port = route->port;
		if (route->via)
			*hop = route->gateway;
		return FW_NEXT_PORT;
	}
	return FW_NEXT_NONE;
}

/* Multicast, and of IPv4 the broadcasts: of all, and of our networks. What is reserved besides is
 * as any other, as in Linux. */
bool fw_net_is_group(const struct fw_net *net, uint8_t family, const uint8_t *address)
{
	static const uint8_t all[4] = {0xff, 0xff, 0xff, 0xff};

	if (family == FW_IP6)
		return address[0] == 0xff;
	if ((address[0] & 0xf0) == 224 || memcmp(address, all, 4) == 0)
		return true;
	for (uint32_t i = 0; i < net->route_count; i++) {
		const struct fw_route *route = &net->routes[i];
		uint32_t bits = route->length;
		uint8_t last = (uint8_t)(0xff >> bits % 8);

		if (route->family != FW_IP || route->via || bits > 30 ||
			!fw_prefix_has(route->bytes, address, bits))
			continue;
		if ((address[bits / 8] & last) == last &&
			memcmp(address + bits / 8 + 1, all, 3 - bits / 8) == 0)
			return true;
	}
	return false;
}
