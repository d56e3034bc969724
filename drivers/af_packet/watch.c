/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.c: what happens to the interface while the port is open.
 *
 * A netlink socket tells that something changed; what, is asked of the kernel by the number of the
 * interface, which stays when it is renamed. An interface that was deleted or moved away is waited
 * for under the name that the port was opened by.
 */
#include "af_packet_impl.h"

#include "base/cycles_impl.h"
#include "drivers/interface_impl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How often an idle thread has a look: it costs half a microsecond. */
#define LOOKS_PER_SECOND 100

static int open_netlink(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The name of an interface by its number: it is there. */
static bool find_name(const struct afp *afp, int ifindex, char *name)
{
	struct ifreq request = {.ifr_ifindex = ifindex};

	if (ifindex <= 0 || ioctl(afp->control, SIOCGIFNAME, &request))
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return true;
}

static int find_index(const struct afp *afp, const char *name)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	return ioctl(afp->control, SIOCGIFINDEX, &request) ? 0 : request.ifr_ifindex;
}

static void find_state(const struct afp *afp, short *flags, uint32_t *mtu)
{
	struct ifreq request = {0};

	memcpy(request.ifr_name, afp->name, IFNAMSIZ);
	if (ioctl(afp->control, SIOCGIFFLAGS, &request) == 0)
		*flags = request.ifr_flags;
	if (ioctl(afp->control, SIOCGIFMTU, &request) == 0)
		*mtu = (uint32_t)request.ifr_mtu;
}

static void take_state(struct afp *afp)
{
	uint32_t mtu = afp_mtu(afp);

	find_state(afp, &afp->flags, &mtu);
	afp_set_mtu(afp, mtu);
}

static void set_down(struct afp *afp, bool down)
{
	/* relaxed: says why tx_or_drop drops, and no more */
	atomic_store_explicit(&afp->port->down, down, memory_order_relaxed);
}

static void bind_anew(struct afp *afp)
{
	/* release: pairs with afp_generation() */
	atomic_fetch_add_explicit(&afp->generation, 1, memory_order_release);
}

/* ---- under the lock ---- */

static void is_gone(struct afp *afp)
{
	if (afp_ifindex(afp))
		weir__log(WEIR_LOG_WARNING,
			"%s: interface %s is gone, deleted or moved to another namespace; waiting "
			"for one named %s",
			afp->port->name, afp->name, afp->wanted);
	afp_set_ifindex(afp, 0);
	afp->flags = 0;
	set_down(afp, true);
}

/* One of the wanted name is there. */
static void is_back(struct afp *afp, int ifindex)
{
	afp_set_ifindex(afp, ifindex);
	memcpy(afp->name, afp->wanted, IFNAMSIZ);
	take_state(afp);
	weir__log(WEIR_LOG_WARNING, "%s: interface %s is back%s", afp->port->name, afp->name,
		afp->flags & IFF_UP ? "" : ", but down");
	set_down(afp, !(afp->flags & IFF_UP));
	bind_anew(afp);
}

static void look_at_flags(struct afp *afp, short flags)
{
	const short both = IFF_UP | IFF_RUNNING;

	set_down(afp, !(flags & IFF_UP));
	if ((flags & both) == (afp->flags & both))
		return;
	if (!(flags & IFF_UP))
		weir__log(WEIR_LOG_WARNING,
			"%s: interface %s is down; `ip link set %s up` brings packets back",
			afp->port->name, afp->name, afp->name);
	else if (!(flags & IFF_RUNNING))
		weir__log(WEIR_LOG_WARNING, "%s: interface %s has no carrier", afp->port->name,
			afp->name);
	else
		weir__log(WEIR_LOG_WARNING, "%s: interface %s is up", afp->port->name, afp->name);
	afp->flags = flags;
}

static void look_at_state(struct afp *afp)
{
	uint32_t before = afp_mtu(afp), mtu = before;
	short flags = afp->flags;

	find_state(afp, &flags, &mtu);
	look_at_flags(afp, flags);
	if (mtu == before)
		return;
	weir__log(WEIR_LOG_INFO, "%s: the MTU of interface %s is %u, was %u", afp->port->name,
		afp->name, mtu, before);
	afp_set_mtu(afp, mtu);
	/* the frames of the ring may be too small now */
	if (mtu > before)
		bind_anew(afp);
}

static void look(struct afp *afp)
{
	char name[IFNAMSIZ];
	int found;

	if (afp_ifindex(afp) && find_name(afp, afp_ifindex(afp), name)) {
		if (strcmp(name, afp->name) != 0) {
			weir__log(WEIR_LOG_WARNING, "%s: interface %s is named %s now",
				afp->port->name, afp->name, name);
			memcpy(afp->name, name, IFNAMSIZ);
		}
		look_at_state(afp);
		return;
	}
	is_gone(afp);
	found = find_index(afp, afp->wanted);
	if (found)
		is_back(afp, found);
}

/* Did something change? Takes the messages away. */
static bool is_told(struct afp *afp)
{
	char message[4096];
	bool told = false;

	/* ENOBUFS: there were more than fit */
	while (recv(afp->netlink, message, sizeof(message), 0) > 0 || errno == ENOBUFS)
		told = true;
	return told;
}

void weir__afp_look(struct afp *afp)
{
	if (pthread_mutex_trylock(&afp->lock))
		return; /* another one is looking */
	if (is_told(afp))
		look(afp);
	pthread_mutex_unlock(&afp->lock);
}

bool weir__afp_look_sometimes(struct afp *afp, uint64_t *look_at)
{
	uint64_t now = weir__cycles();

	if (weir_likely(now < *look_at))
		return false;
	*look_at = now + weir__cycles_per_second() / LOOKS_PER_SECOND;
	weir__afp_look(afp);
	return true;
}

void weir__afp_lost(struct afp *afp, uint32_t generation)
{
	pthread_mutex_lock(&afp->lock);
	look(afp);
	if (afp_ifindex(afp) && afp_generation(afp) == generation)
		bind_anew(afp); /* it was away and has come back, unseen */
	pthread_mutex_unlock(&afp->lock);
}

int weir__afp_link(const void *priv, struct weir_port_link *link)
{
	const struct afp *afp = priv;

	return weir__interface_link((uint32_t)afp_ifindex(afp), link);
}

/* ---- open and close ---- */

int weir__afp_watch_begin(struct afp *afp, const char *name)
{
	if (strlen(name) >= IFNAMSIZ)
		return weir__fail(ENODEV, "af_packet: '%s' is no name of an interface", name);
	strcpy(afp->wanted, name);
	strcpy(afp->name, name);
	afp->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	afp->netlink = open_netlink();
	if (afp->control < 0 || afp->netlink < 0)
		return weir__fail(
			errno, "af_packet: no socket to watch %s by: %s", name, strerror(errno));
	afp_set_ifindex(afp, find_index(afp, name));
	if (!afp_ifindex(afp))
		return weir__fail(ENODEV,
			"af_packet: there is no interface %s; `ip link` shows those there are",
			name);
	take_state(afp);
	set_down(afp, !(afp->flags & IFF_UP));
	if (!(afp->flags & IFF_UP))
		weir__log(WEIR_LOG_WARNING,
			"%s: interface %s is down; `ip link set %s up` brings packets",
			afp->port->name, name, name);
	return 0;
}

void weir__afp_watch_end(struct afp *afp)
{
	if (afp->netlink >= 0)
		close(afp->netlink);
	if (afp->control >= 0)
		close(afp->control);
}
