/* SPDX-License-Identifier: BSD-3-Clause */
/* program_impl.h: the XDP program of an interface: what hands packets to sockets. */
#ifndef WEIR_PROGRAM_IMPL_H
#define WEIR_PROGRAM_IMPL_H

#include <stdbool.h>
#include <stdint.h>

enum weir__xdp_mode {
	WEIR__XDP_AUTO,
	WEIR__XDP_NATIVE,  /* in the driver */
	WEIR__XDP_GENERIC, /* behind it, on the kernel's own buffers */
};

/* What a program that takes the time puts right in front of each packet, where the driver has
 * room. */
struct weir__xdp_time {
	uint64_t mark;   /* WEIR__XDP_TIME_MARK */
	uint64_t tai_ns; /* CLOCK_TAI */
};

#define WEIR__XDP_TIME_MARK 0x77656972 /* "weir" */

struct weir__xdp_program;

/* The program of this interface, of ours or another process's if it has one of weir's, else loaded
 * and attached. With timed it is one that takes the time; without it may be. NULL with errno and a
 * sentence. */
struct weir__xdp_program *weir__xdp_program_get(
	const char *interface, uint32_t ifindex, enum weir__xdp_mode mode, bool timed);

/* Who gets one puts it. With the last one of all processes, however it ends, the program leaves the
 * interface. NULL is allowed. */
void weir__xdp_program_put(struct weir__xdp_program *program);

/* The descriptor of its map of sockets, by queue. */
int weir__xdp_program_map(const struct weir__xdp_program *program);

enum weir__xdp_mode weir__xdp_program_mode(const struct weir__xdp_program *program);
bool weir__xdp_program_timed(const struct weir__xdp_program *program);

/* weir__fail() for a call that wants privileges: says which ones are missing if error is EPERM. */
int weir__xdp_fail(int error, const char *interface, const char *what);

#endif
