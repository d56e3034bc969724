/* SPDX-License-Identifier: BSD-3-Clause */
/* interface.c: the host's end of the device, as ip(8) sees it. */
#include "tap_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ask the kernel about an interface, or tell it. 0, or -errno without a sentence. */
static int ask(unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = ioctl(fd, what, request) == 0 ? 0 : -errno;
	close(fd);
	return error;
}

static struct ifreq request_for(const char *name)
{
	struct ifreq request = {0};

	strcpy(request.ifr_name, name);
	return request;
}

uint32_t weir__tap_mtu(const char *name)
{
	struct ifreq request = request_for(name);

	return ask(SIOCGIFMTU, &request) == 0 ? (uint32_t)request.ifr_mtu : 0;
}

static int cannot_set(const struct tap *tap, const char *key, const char *value, int error)
{
	if (error == -EPERM)
		return weir__fail(EPERM,
			"%s: %s=%s needs CAP_NET_ADMIN; root can set it: `sudo ip link set dev %s "
			"...`",
			tap->port->name, key, value, tap->name);
	return weir__fail(-error, "%s: %s=%s: %s", tap->port->name, key, value, strerror(-error));
}

static int set_mtu(const struct tap *tap, uint64_t mtu)
{
	struct ifreq request = request_for(tap->name);
	char text[16];
	int error;

	request.ifr_mtu = (int)mtu;
	snprintf(text, sizeof(text), "%u", (unsigned int)mtu);
	error = ask(SIOCSIFMTU, &request);
	return error ? cannot_set(tap, "mtu", text, error) : 0;
}

static int set_mac(const struct tap *tap, const char *text)
{
	struct ifreq request = request_for(tap->name);
	unsigned int byte[6];
	char end;
	int error;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1], &byte[2], &byte[3],
		    &byte[4], &byte[5], &end) != 6 ||
		byte[0] & 1)
		return weir__fail(EINVAL,
			"%s: mac=%s is no address of one interface; one is 02:00:00:00:00:01",
			tap->port->name, text);
	for (int i = 0; i < 6; i++)
		request.ifr_hwaddr.sa_data[i] = (char)byte[i];
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	error = ask(SIOCSIFHWADDR, &request);
	return error ? cannot_set(tap, "mac", text, error) : 0;
}

/* on, or off, or on if that is allowed. */
static int set_up(const struct tap *tap, int up)
{
	struct ifreq request = request_for(tap->name);
	int error = ask(SIOCGIFFLAGS, &request);
	bool is_up = request.ifr_flags & IFF_UP;

	if (!error && is_up != (up != 0)) {
		request.ifr_flags = (short)(request.ifr_flags ^ IFF_UP);
		error = ask(SIOCSIFFLAGS, &request);
		if (error && up < 0)
			return 0;
	}
	return error ? cannot_set(tap, "up", up ? "on" : "off", error) : 0;
}

int weir__tap_set_interface(const struct tap *tap, const struct tap_wants *wants)
{
	int error = 0;

	if (wants->mac) /* some kernels refuse it once the device is up */
		error = set_mac(tap, wants->mac);
	if (!error && wants->mtu)
		error = set_mtu(tap, wants->mtu);
	if (!error)
		error = set_up(tap, wants->up);
	if (!error && wants->address)
		error = weir__tap_add_addresses(tap, wants->address);
	return error;
}
