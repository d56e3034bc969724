/* SPDX-License-Identifier: BSD-3-Clause */
/* interface.c: how a network interface is, asked of the kernel by its number, which stays when its
 * name changes. */
#include "interface_impl.h"

#include "base/base_impl.h"
#include "drivers/driver_impl.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Megabits per second; 0 where nobody knows. */
static uint32_t look_at_speed(int fd, struct ifreq *request)
{
	struct ethtool_cmd command = {.cmd = ETHTOOL_GSET};
	uint32_t speed;

	request->ifr_data = (char *)&command;
	if (ioctl(fd, SIOCETHTOOL, request))
		return 0;
	speed = ethtool_cmd_speed(&command);
	return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

static void look(int fd, struct ifreq *request, struct weir_port_link *link)
{
	const short running = IFF_UP | IFF_RUNNING;

	if (ioctl(fd, SIOCGIFFLAGS, request) == 0)
		link->up = (request->ifr_flags & running) == running;
	if (ioctl(fd, SIOCGIFMTU, request) == 0)
		link->mtu = (uint32_t)request->ifr_mtu;
	if (ioctl(fd, SIOCGIFHWADDR, request) == 0)
		memcpy(link->mac, request->ifr_hwaddr.sa_data, sizeof(link->mac));
	link->speed_mbps = look_at_speed(fd, request);
}

int weir__interface_link(uint32_t ifindex, struct weir_port_link *link)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return weir__fail(errno, "no socket to look at an interface: %s", strerror(errno));
	memset(link, 0, sizeof(*link));
	request.ifr_ifindex = (int)ifindex;
	if (ioctl(fd, SIOCGIFNAME, &request)) {
		link->gone = true;
	} else {
		memcpy(link->name, request.ifr_name, sizeof(link->name));
		link->ifindex = ifindex;
		look(fd, &request, link);
	}
	close(fd);
	return 0;
}
