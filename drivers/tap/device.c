/* SPDX-License-Identifier: BSD-3-Clause */
/* device.c: /dev/net/tun: one file for each queue of a device.
 *
 * Privilege: making a device, or opening one that has no owner, takes CAP_NET_ADMIN; one that was
 * made with persist=on,owner=USER is opened by that user as it is.
 */
#include "tap_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <pwd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* linux/if_tun.h has them since 6.2 */
#define OFFLOAD_USO4 0x20
#define OFFLOAD_USO6 0x40

static int no_device_file(const struct tap *tap)
{
	int error = errno;

	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return weir__fail(error,
			"%s: the kernel has no /dev/net/tun: `sudo modprobe tun`; in a container "
			"start that with `--device /dev/net/tun`",
			tap->port->name);
	case EACCES:
	case EPERM:
		return weir__fail(error,
			"%s: /dev/net/tun is not for this user: `sudo chmod 0666 /dev/net/tun`, "
			"which it usually is; devices need privilege on their own",
			tap->port->name);
	}
	return weir__fail(error, "%s: /dev/net/tun: %s", tap->port->name, strerror(error));
}

static int no_device(const struct tap *tap)
{
	const char *kind = tap->tun ? "tun" : "tap",
		   *multi = tap->port->queues > 1 ? " multi_queue" : "";
	char path[PATH_MAX];
	int error = errno;

	switch (error) {
	case EPERM:
		return weir__fail(error,
			"%s: making or opening %s needs CAP_NET_ADMIN: `sudo setcap "
			"cap_net_admin+ep %s`; or have it made for you: `sudo ip tuntap add dev %s "
			"mode %s user %u%s`",
			tap->port->name, tap->name, weir__program(path, sizeof(path)), tap->name,
			kind, (unsigned int)geteuid(), multi);
	case EBUSY:
		return weir__fail(error,
			"%s: the interface %s is in use: by another program, or it is no %s "
			"device; `ip -d link show %s` tells",
			tap->port->name, tap->name, kind, tap->name);
	case EINVAL:
		return weir__fail(error,
			"%s: there is an interface %s that is no %s device of %s queue%s; `ip -d "
			"link show %s` tells; take another name, or delete it: `sudo ip link del "
			"%s`",
			tap->port->name, tap->name, kind, *multi ? "several" : "one",
			*multi ? "s" : "", tap->name, tap->name);
	}
	return weir__fail(error, "%s: making %s: %s", tap->port->name, tap->name, strerror(error));
}

/* One more queue of the device. Its name becomes what the kernel says. */
static int open_queue(struct tap *tap, uint32_t queue, bool multi)
{
	struct ifreq request = {0};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int flags = IFF_NO_PI;

	if (fd < 0)
		return no_device_file(tap);
	tap->fds[queue] = fd;
	flags |= tap->tun ? IFF_TUN : IFF_TAP;
	flags |= tap->offload ? IFF_VNET_HDR : 0;
	flags |= multi ? IFF_MULTI_QUEUE : 0;
	request.ifr_flags = (short)flags;
	strcpy(request.ifr_name, tap->name);
	if (ioctl(fd, TUNSETIFF, &request) != 0) {
		if (errno != EINVAL || multi || queue > 0)
			return no_device(tap);
		/* one that was made with multi_queue and is to be used with one queue */
		request.ifr_flags |= IFF_MULTI_QUEUE;
		if (ioctl(fd, TUNSETIFF, &request) != 0)
			return no_device(tap);
	}
	strcpy(tap->name, request.ifr_name);
	return 0;
}

/* What the kernel may leave undone for us, and what it does for us: the same, but for segments of
 * UDP, which kernels before 6.2 do not know. */
static int set_offload(struct tap *tap)
{
	const unsigned long most = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	uint32_t does = WEIR_PORT_L3_CHECKSUM | WEIR_PORT_L4_CHECKSUM | WEIR_PORT_TCP_SEGMENTS;
	int size = sizeof(struct weir__vnet);

	if (!tap->offload)
		return 0;
	if (ioctl(tap->fds[0], TUNSETVNETHDRSZ, &size) != 0)
		return weir__fail(errno, "%s: %s takes no header for offload: %s", tap->port->name,
			tap->name, strerror(errno));
	if (ioctl(tap->fds[0], TUNSETOFFLOAD, most | OFFLOAD_USO4 | OFFLOAD_USO6) == 0)
		does |= WEIR_PORT_UDP_SEGMENTS;
	else if (ioctl(tap->fds[0], TUNSETOFFLOAD, most) != 0)
		return weir__fail(errno, "%s: %s has no offload: %s; say offload=off",
			tap->port->name, tap->name, strerror(errno));
	tap->port->offloads |= does;
	return 0;
}

/* The number of a user or group, by name or number. */
static int get_user(const struct tap *tap, const char *text, bool group, unsigned long *number)
{
	uint64_t parsed;

	if (weir__number_parse(text, 0, UINT32_MAX - 1, &parsed)) {
		*number = parsed;
		return 0;
	}
	if (group) {
		struct group *entry = getgrnam(text);

		*number = entry ? entry->gr_gid : 0;
		return entry ? 0
			     : weir__fail(
				       EINVAL, "%s: there is no group '%s'", tap->port->name, text);
	} else {
		struct passwd *entry = getpwnam(text);

		*number = entry ? entry->pw_uid : 0;
		return entry ? 0
			     : weir__fail(
				       EINVAL, "%s: there is no user '%s'", tap->port->name, text);
	}
}

static int set(const struct tap *tap, unsigned long request, unsigned long value, const char *what)
{
	char path[PATH_MAX];

	if (ioctl(tap->fds[0], request, value) == 0)
		return 0;
	if (errno == EPERM)
		return weir__fail(EPERM,
			"%s: %s needs CAP_NET_ADMIN: `sudo setcap cap_net_admin+ep %s`",
			tap->port->name, what, weir__program(path, sizeof(path)));
	return weir__fail(errno, "%s: %s: %s", tap->port->name, what, strerror(errno));
}

static int set_owner(const struct tap *tap, const struct tap_wants *wants)
{
	unsigned long number;
	int error = 0;

	if (wants->owner) {
		error = get_user(tap, wants->owner, false, &number);
		if (!error)
			error = set(tap, TUNSETOWNER, number, "owner=");
	}
	if (!error && wants->group) {
		error = get_user(tap, wants->group, true, &number);
		if (!error)
			error = set(tap, TUNSETGROUP, number, "group=");
	}
	if (!error && wants->persist >= 0)
		error = set(tap, TUNSETPERSIST, (unsigned long)wants->persist, "persist=");
	return error;
}

int weir__tap_open_device(struct tap *tap, const struct tap_wants *wants)
{
	uint32_t queues = tap->port->queues;
	int error = 0;

	for (uint32_t i = 0; i < WEIR__QUEUE_MAX; i++)
		tap->fds[i] = -1;
	for (uint32_t i = 0; i < queues && !error; i++)
		error = open_queue(tap, i, queues > 1);
	if (!error)
		error = set_offload(tap);
	if (!error)
		error = set_owner(tap, wants);
	return error;
}

void weir__tap_close_device(struct tap *tap)
{
	for (uint32_t i = 0; i < WEIR__QUEUE_MAX; i++)
		if (tap->fds[i] >= 0)
			close(tap->fds[i]);
}
