/* SPDX-License-Identifier: BSD-3-Clause */
/* network.c: can ports of each kind be opened? It is tried, and everything closed again. */
#include "checks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void cure_module(struct line *line, const struct machine *machine, const char *module)
{
	line_cure(line, where_to_run(machine, CAP_SYS_MODULE), "modprobe %s", module);
}

/* Why a socket could not be had: a capability, the kernel, or something else. */
static void say_no_socket(
	struct line *line, const struct machine *machine, const char *module, int error)
{
	line_say(line, STATUS_PROBLEM, "socket: %s", strerror(error));
	if (error == EPERM || error == EACCES) {
		line_why(line, "%s",
			machine_has(machine, CAP_NET_RAW)
				? "CAP_NET_RAW is held, but not for this network namespace, or a "
				  "filter forbids it"
				: "it takes CAP_NET_RAW");
		if (!machine_has(machine, CAP_NET_RAW))
			cure_capabilities(line, machine);
	} else if (error == EAFNOSUPPORT) {
		line_why(line, "the kernel has no such sockets");
		if (module)
			cure_module(line, machine, module);
	}
}

void check_af_packet(const struct machine *machine, struct lines *lines)
{
	int version = TPACKET_V3;
	struct line *line;
	int fd;

	if (!machine->live) {
		line_not_tried(lines, "af_packet");
		return;
	}
	line = line_begin(lines, "af_packet");
	/* protocol 0: no packet is ever received */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		say_no_socket(line, machine, "af_packet", errno);
		return;
	}
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)))
		line_say(line, STATUS_WARN, "a socket opens, but without TPACKET_V3: %s",
			strerror(errno));
	else
		line_say(line, STATUS_OK, "a socket opens");
	close(fd);
}

/* Load an XDP program that passes every packet, and let it go. 0 or the error. */
static int load_program(void)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes;
	int fd;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_XDP;
	attributes.insns = (uintptr_t)program;
	attributes.insn_cnt = sizeof(program) / sizeof(*program);
	attributes.license = (uintptr_t) "BSD";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

void check_af_xdp(const struct machine *machine, struct lines *lines)
{
	struct line *line;
	int fd, error;

	if (!machine->live) {
		line_not_tried(lines, "af_xdp");
		return;
	}
	line = line_begin(lines, "af_xdp");
	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		say_no_socket(line, machine, NULL, errno);
		return;
	}
	close(fd);
	error = load_program();
	if (error == 0) {
		line_say(line, STATUS_OK, "a socket opens, an XDP program loads");
		return;
	}
	line_say(line, STATUS_PROBLEM, "a socket opens, but no XDP program loads: %s",
		strerror(error));
	if (error != EPERM)
		return;
	line_why(line, "%s",
		machine->user_namespace ? "the kernel lets no user namespace load one"
					: "it takes CAP_BPF and CAP_NET_ADMIN");
	if (!machine->user_namespace)
		cure_capabilities(line, machine);
}

static void say_no_device(struct line *line, const struct machine *machine, int error)
{
	static const char path[] = "/dev/net/tun";

	line_say(line, STATUS_PROBLEM, "%s: %s", path, strerror(error));
	if (machine->container != CONTAINER_NONE) {
		line_why(line, "the device is not given to this container");
		cure_at_start(line, machine, "--device /dev/net/tun --cap-add=NET_ADMIN");
	} else if (error == ENOENT) {
		line_why(line, "there is no such device file");
		line_cure(line, where_to_run(machine, CAP_MKNOD),
			"mkdir -p /dev/net && mknod -m 666 %s c 10 200", path);
	} else if (error == ENODEV || error == ENXIO) {
		line_why(line, "the kernel has no TAP interfaces");
		cure_module(line, machine, "tun");
	} else if (error == EACCES) {
		line_cure(line, where_to_run(machine, CAP_FOWNER), "chmod 666 %s", path);
	}
}

void check_tap(const struct machine *machine, struct lines *lines)
{
	/* it is gone when its file is closed; the kernel puts a number for %d */
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI, .ifr_name = "weirtry%d"};
	struct line *line;
	int fd;

	if (!machine->live) {
		line_not_tried(lines, "tap");
		return;
	}
	line = line_begin(lines, "tap");
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		say_no_device(line, machine, errno);
		return;
	}
	if (ioctl(fd, TUNSETIFF, &request) == 0) {
		line_say(line, STATUS_OK, "an interface can be made");
	} else {
		line_say(line, STATUS_PROBLEM, "an interface cannot be made: %s", strerror(errno));
		line_why(line, "it takes CAP_NET_ADMIN in the user namespace of the network");
		if (!machine_has(machine, CAP_NET_ADMIN))
			cure_capabilities(line, machine);
	}
	close(fd);
}
