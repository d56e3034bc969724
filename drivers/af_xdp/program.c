/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c: the XDP program of an interface, loaded without a compiler and attached by a link.
 *
 *	return redirect_map(&sockets, context->rx_queue_index, XDP_PASS);
 *
 * One that takes the time (timestamp=1) first puts a struct weir__xdp_time in front of the packet.
 *
 * A packet of a queue that has a socket goes there, all others to the kernel as before. The program
 * stays on the interface for as long as anybody has its link open: so it goes with the last process
 * that does, killed or not. Other ports of this process share what it has by a list; other
 * processes find the link by the program's number and open it too. */
#include "program_impl.h"

#include "base/base_impl.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5) /* Linux 5.18 */
#endif

#define KTIME_GET_TAI_NS 208 /* BPF_FUNC_ktime_get_tai_ns, Linux 6.1 */

#define PROGRAM_NAME "weir_xsk"
#define TIMED_NAME   "weir_xsk_time"
#define QUEUES_MAX   256 /* of an interface: entries of the map */

struct weir__xdp_program {
	struct weir__xdp_program *next;
	uint32_t ifindex;
	ino_t netns; /* interface numbers are those of a network namespace */
	uint32_t users;
	enum weir__xdp_mode mode;
	bool timed; /* it takes the time */
	int link, map;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct weir__xdp_program *programs;

static ino_t own_netns(void)
{
	struct stat status;

	return stat("/proc/thread-self/ns/net", &status) ? 0 : status.st_ino;
}

int weir__xdp_fail(int error, const char *interface, const char *what)
{
	/* CAP_NET_ADMIN 12, CAP_NET_RAW 13, CAP_BPF 39 of linux/capability.h */
	static const struct {
		const char *name;
		int bit;
	} wanted[] = {{"CAP_NET_ADMIN", 12}, {"CAP_NET_RAW", 13}, {"CAP_BPF", 39}};
	char line[128], missing[64] = "", program[256];
	unsigned long long has = 0;
	FILE *file;

	if (error != EPERM && error != EACCES)
		return weir__fail(error, "af_xdp: %s: %s: %s", interface, what, strerror(error));
	file = fopen("/proc/thread-self/status", "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "CapEff: %llx", &has);
	if (file)
		fclose(file);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!(has >> wanted[i].bit & 1))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				"%s%s", *missing ? ", " : "", wanted[i].name);
	if (!*missing)
		return weir__fail(error,
			"af_xdp: %s: %s: the kernel refuses it to root, too (seccomp, lockdown)",
			interface, what);
	return weir__fail(error,
		"af_xdp: %s: %s needs the capabilities %s: run as root, or once `setcap "
		"cap_net_admin,cap_net_raw,cap_bpf+ep %s`",
		interface, what, missing, weir__program(program, sizeof(program)));
}

static int make_map(void)
{
	return bpf_map_create(
		BPF_MAP_TYPE_XSKMAP, "weir_xsks", sizeof(int), sizeof(int), QUEUES_MAX, NULL);
}

/* Put the time in front of the packet; the context is in r6 afterwards. */
static const struct bpf_insn take_time[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
	/* adjust_meta(context, -size): not every driver has room, then nothing is put there */
	{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		.dst_reg = BPF_REG_2,
		.imm = -(int)sizeof(struct weir__xdp_time)},
	{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_xdp_adjust_meta},
	{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_0, .off = 8},
	{.code = BPF_JMP | BPF_CALL, .imm = KTIME_GET_TAI_NS},
	/* r1 = the place; the kernel wants to see that it ends where the packet begins */
	{.code = BPF_LDX | BPF_MEM | BPF_W,
		.dst_reg = BPF_REG_1,
		.src_reg = BPF_REG_6,
		.off = offsetof(struct xdp_md, data_meta)},
	{.code = BPF_LDX | BPF_MEM | BPF_W,
		.dst_reg = BPF_REG_2,
		.src_reg = BPF_REG_6,
		.off = offsetof(struct xdp_md, data)},
	{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_1},
	{.code = BPF_ALU64 | BPF_ADD | BPF_K,
		.dst_reg = BPF_REG_3,
		.imm = sizeof(struct weir__xdp_time)},
	{.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_2, .off = 2},
	{.code = BPF_ST | BPF_MEM | BPF_DW,
		.dst_reg = BPF_REG_1,
		.off = offsetof(struct weir__xdp_time, mark),
		.imm = WEIR__XDP_TIME_MARK},
	{.code = BPF_STX | BPF_MEM | BPF_DW,
		.dst_reg = BPF_REG_1,
		.src_reg = BPF_REG_0,
		.off = offsetof(struct weir__xdp_time, tai_ns)},
};

#define TIME_LENGTH (sizeof(take_time) / sizeof(*take_time))

static int load(int map, bool timed)
{
	const struct bpf_insn redirect[] = {
		/* r2 = context->rx_queue_index */
		{.code = BPF_LDX | BPF_MEM | BPF_W,
			.dst_reg = BPF_REG_2,
			.src_reg = timed ? BPF_REG_6 : BPF_REG_1,
			.off = offsetof(struct xdp_md, rx_queue_index)},
		/* r1 = map, in two words */
		{.code = BPF_LD | BPF_DW | BPF_IMM,
			.dst_reg = BPF_REG_1,
			.src_reg = BPF_PSEUDO_MAP_FD,
			.imm = map},
		{0},
		/* r3 = what to do where there is no socket */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_load_opts options = {.sz = sizeof(options),
		.expected_attach_type = BPF_XDP,
		.prog_flags = BPF_F_XDP_HAS_FRAGS};
	struct bpf_insn instructions[TIME_LENGTH + sizeof(redirect) / sizeof(*redirect)];
	size_t first = timed ? 0 : TIME_LENGTH;
	size_t count = sizeof(instructions) / sizeof(*instructions) - first;
	const char *name = timed ? TIMED_NAME : PROGRAM_NAME;
	int program;

	memcpy(instructions, take_time, sizeof(take_time));
	memcpy(instructions + TIME_LENGTH, redirect, sizeof(redirect));
	program = bpf_prog_load(
		BPF_PROG_TYPE_XDP, name, "Dual BSD/GPL", instructions + first, count, &options);
	if (program != -EINVAL)
		return program;
	options.prog_flags = 0; /* a kernel without packets in several pieces */
	return bpf_prog_load(
		BPF_PROG_TYPE_XDP, name, "Dual BSD/GPL", instructions + first, count, &options);
}

/* Attach, natively if that is allowed and works. */
static int attach(struct weir__xdp_program *own, int program, enum weir__xdp_mode mode)
{
	struct bpf_link_create_opts options = {.sz = sizeof(options), .flags = XDP_FLAGS_DRV_MODE};

	own->mode = WEIR__XDP_NATIVE;
	own->link = -EOPNOTSUPP;
	if (mode != WEIR__XDP_GENERIC)
		own->link = bpf_link_create(program, (int)own->ifindex, BPF_XDP, &options);
	if (own->link >= 0 || own->link == -EBUSY || own->link == -EPERM ||
		mode == WEIR__XDP_NATIVE)
		return own->link;
	own->mode = WEIR__XDP_GENERIC;
	options.flags = XDP_FLAGS_SKB_MODE;
	own->link = bpf_link_create(program, (int)own->ifindex, BPF_XDP, &options);
	return own->link;
}

/* ---- the program of another process ---- */

/* The number and mode of the program on an interface; 0: none. */
static uint32_t attached_program(uint32_t ifindex, enum weir__xdp_mode *mode)
{
	struct bpf_xdp_query_opts query = {.sz = sizeof(query)};

	if (bpf_xdp_query((int)ifindex, 0, &query))
		return 0;
	*mode = query.attach_mode == XDP_ATTACHED_SKB ? WEIR__XDP_GENERIC : WEIR__XDP_NATIVE;
	return query.prog_id;
}

/* Open the link that has this program, or a negative number. */
static int find_link(uint32_t program)
{
	for (uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0;) {
		struct bpf_link_info info = {0};
		uint32_t size = sizeof(info);
		int link = bpf_link_get_fd_by_id(id);

		if (link < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(link, &info, &size) && info.type == BPF_LINK_TYPE_XDP &&
			info.prog_id == program)
			return link;
		close(link);
	}
	return -ENOENT;
}

/* Open the map of a program if it is one of weir's, or a negative number. */
static int find_map(uint32_t id, char *name, size_t name_size)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info), map = 0;
	int program = bpf_prog_get_fd_by_id(id), error;

	if (program < 0)
		return program;
	info.map_ids = (uint64_t)(uintptr_t)&map;
	info.nr_map_ids = 1;
	error = bpf_obj_get_info_by_fd(program, &info, &size);
	close(program);
	snprintf(name, name_size, "%s", info.name);
	if (error || (strcmp(info.name, PROGRAM_NAME) != 0 && strcmp(info.name, TIMED_NAME) != 0))
		return error ? error : -EBUSY;
	return bpf_map_get_fd_by_id(map);
}

static int lacks_time(const char *interface)
{
	return weir__fail(EBUSY,
		"af_xdp: %s has weir's program that takes no time, of another port; open that one "
		"with timestamp=1, too",
		interface);
}

static int join_other(
	struct weir__xdp_program *own, const char *interface, enum weir__xdp_mode mode, bool timed)
{
	char name[BPF_OBJ_NAME_LEN + 1] = "?";
	uint32_t program = attached_program(own->ifindex, &own->mode);

	own->map = program ? find_map(program, name, sizeof(name)) : -EBUSY;
	own->link = own->map >= 0 ? find_link(program) : -EBUSY;
	if (own->link < 0)
		return weir__fail(EBUSY,
			"af_xdp: %s has an XDP program of others (number %u, '%s'); take it off: "
			"ip link set dev %s xdp off",
			interface, program, name, interface);
	if (mode != WEIR__XDP_AUTO && mode != own->mode)
		return weir__fail(EBUSY,
			"af_xdp: %s has weir's program in the other mode, by another process",
			interface);
	own->timed = strcmp(name, TIMED_NAME) == 0;
	return timed && !own->timed ? lacks_time(interface) : 0;
}

/* ---- get and put ---- */

static int start(
	struct weir__xdp_program *own, const char *interface, enum weir__xdp_mode mode, bool timed)
{
	int program;

	own->map = make_map();
	if (own->map < 0)
		return weir__xdp_fail(-own->map, interface, "a map of sockets");
	program = load(own->map, timed);
	if (program < 0)
		return weir__xdp_fail(-program, interface,
			timed ? "loading an XDP program that takes the time (Linux 6.1)"
			      : "loading its XDP program");
	own->timed = timed;
	attach(own, program, mode);
	close(program);
	if (own->link == -EBUSY || own->link == -EEXIST) {
		close(own->map);
		return join_other(own, interface, mode, timed);
	}
	if (own->link < 0)
		return weir__xdp_fail(-own->link, interface, "attaching its XDP program");
	return 0;
}

static void destroy(struct weir__xdp_program *program)
{
	if (program->map >= 0)
		close(program->map);
	if (program->link >= 0)
		close(program->link);
	free(program);
}

static struct weir__xdp_program *find_own(uint32_t ifindex, ino_t netns)
{
	struct weir__xdp_program *program = programs;

	while (program && (program->ifindex != ifindex || program->netns != netns))
		program = program->next;
	return program;
}

/* Under the lock. */
static struct weir__xdp_program *make(
	const char *interface, uint32_t ifindex, enum weir__xdp_mode mode, bool timed)
{
	struct weir__xdp_program *program = calloc(1, sizeof(*program));

	if (!program)
		return weir__fail_null(ENOMEM, "af_xdp: no memory");
	program->ifindex = ifindex;
	program->netns = own_netns();
	program->map = program->link = -1;
	if (start(program, interface, mode, timed)) {
		int error = errno;

		destroy(program);
		errno = error;
		return NULL;
	}
	program->next = programs;
	programs = program;
	return program;
}

struct weir__xdp_program *weir__xdp_program_get(
	const char *interface, uint32_t ifindex, enum weir__xdp_mode mode, bool timed)
{
	struct weir__xdp_program *program;

	pthread_mutex_lock(&lock);
	program = find_own(ifindex, own_netns());
	if (!program)
		program = make(interface, ifindex, mode, timed);
	else if (mode != WEIR__XDP_AUTO && mode != program->mode)
		program = weir__fail_null(EBUSY,
			"af_xdp: %s: another port has weir's program there in the other mode",
			interface);
	else if (timed && !program->timed)
		program = lacks_time(interface) ? NULL : program;
	if (program)
		program->users++;
	pthread_mutex_unlock(&lock);
	return program;
}

void weir__xdp_program_put(struct weir__xdp_program *program)
{
	struct weir__xdp_program **at = &programs;

	if (!program)
		return;
	pthread_mutex_lock(&lock);
	if (--program->users == 0) {
		while (*at != program)
			at = &(*at)->next;
		*at = program->next;
		destroy(program);
	}
	pthread_mutex_unlock(&lock);
}

int weir__xdp_program_map(const struct weir__xdp_program *program)
{
	return program->map;
}

enum weir__xdp_mode weir__xdp_program_mode(const struct weir__xdp_program *program)
{
	return program->mode;
}

bool weir__xdp_program_timed(const struct weir__xdp_program *program)
{
	return program->timed;
}
