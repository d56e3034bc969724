/* SPDX-License-Identifier: BSD-3-Clause */
/* netlink.c: addresses put on the device, and what the kernel counted for it, which ioctl() cannot
 * for both families (rtnetlink(7)). */
#include "tap_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr header;
	union {
		struct ifaddrmsg address;
		struct ifinfomsg link;
	};
	uint8_t attributes[64];
};

static void begin(struct request *request, uint16_t type, uint16_t flags, size_t body)
{
	*request = (struct request){0};
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void add(struct request *request, uint16_t type, const void *bytes, size_t length)
{
	struct rtattr *attribute =
		(struct rtattr *)(void *)((uint8_t *)request +
					  NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), bytes, length);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(attribute->rta_len);
}

/* Send a request and read its answer into reply. Bytes of it, or -errno, the kernel's too. */
static ssize_t ask(const struct request *request, void *reply, size_t size)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct nlmsghdr *header = reply;
	ssize_t got = -1;
	int error;

	if (fd < 0)
		return -errno;
	if (send(fd, request, request->header.nlmsg_len, 0) >= 0)
		got = recv(fd, reply, size, 0);
	error = got < 0 ? errno : 0;
	close(fd);
	if (error)
		return -error;
	if (!NLMSG_OK(header, (size_t)got))
		return -EPROTO;
	if (header->nlmsg_type == NLMSG_ERROR)
		error = ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	return error ? error : got;
}

static int cannot_add(const struct tap *tap, const char *address, int error)
{
	if (error == -EPERM)
		return weir__fail(EPERM,
			"%s: putting %s on %s needs CAP_NET_ADMIN; root can: `sudo ip address add "
			"%s dev %s`",
			tap->port->name, address, tap->name, address, tap->name);
	return weir__fail(-error, "%s: putting %s on %s: %s", tap->port->name, address, tap->name,
		strerror(-error));
}

/* "192.0.2.1/24" or "2001:db8::1/64"; without a length one host. */
static int add_address(const struct tap *tap, char *text)
{
	struct request request;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} reply;
	uint8_t bytes[16], family = strchr(text, ':') ? AF_INET6 : AF_INET;
	uint64_t size = family == AF_INET6 ? 16 : 4, prefix = size * 8;
	char *slash = strchr(text, '/'), whole[64];
	int error;

	snprintf(whole, sizeof(whole), "%s", text);
	if (slash)
		*slash = 0;
	if ((slash && !weir__number_parse(slash + 1, 0, size * 8, &prefix)) ||
		inet_pton(family, text, bytes) != 1)
		return weir__fail(EINVAL,
			"%s: address=%s is no address with its prefix length; one is 192.0.2.1/24",
			tap->port->name, whole);
	begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK,
		sizeof(request.address));
	request.address.ifa_family = family;
	request.address.ifa_prefixlen = (uint8_t)prefix;
	request.address.ifa_index = if_nametoindex(tap->name);
	/* nobody else is there who could have it, so it need not be looked for */
	request.address.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
	add(&request, IFA_LOCAL, bytes, size);
	add(&request, IFA_ADDRESS, bytes, size);
	error = (int)ask(&request, &reply, sizeof(reply));
	return error < 0 ? cannot_add(tap, whole, error) : 0;
}

int weir__tap_add_addresses(const struct tap *tap, const char *list)
{
	char *copy = strdup(list), *rest = copy, *one;
	int error = 0;

	if (!copy)
		return weir__fail(ENOMEM, "%s: no memory", tap->port->name);
	while (!error && (one = strsep(&rest, ",")))
		error = add_address(tap, one);
	free(copy);
	return error;
}

uint64_t weir__tap_kernel_drops(const struct tap *tap)
{
	struct request request;
	_Alignas(struct nlmsghdr) uint8_t reply[16384];
	struct rtnl_link_stats64 stats;
	struct rtattr *attribute;
	ssize_t got;
	size_t left;

	begin(&request, RTM_GETLINK, 0, sizeof(request.link));
	request.link.ifi_index = (int)tap->index;
	got = ask(&request, reply, sizeof(reply));
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(request.link)))
		return 0;
	left = (size_t)got - NLMSG_LENGTH(sizeof(request.link));
	attribute = (struct rtattr *)(void *)(reply + NLMSG_LENGTH(sizeof(request.link)));
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == IFLA_STATS64 &&
			RTA_PAYLOAD(attribute) >= sizeof(stats)) {
			memcpy(&stats, RTA_DATA(attribute), sizeof(stats));
			return stats.tx_dropped;
		}
	return 0;
}
