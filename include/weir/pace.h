/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/pace.h: when packets are to go: by the times they were recorded at, or at a rate.
 *
 *	due = weir_pace_due(pace, mbuf)            for each packet, in order
 *	while (weir_pace_wait(pace, due) > 0)      sleeps, then spins; returns to let others run
 *		...
 *	weir_port_tx(...)
 *	weir_pace_sent(pace, &due, 1)              for the figures
 *
 * Every packet has its place on one schedule that begins with the first: a time is start plus what
 * lies in front of the packet, computed from whole numbers, so no error adds up however long it
 * runs; who is late catches up. Times go by the monotonic clock, which the kernel makes from the
 * core's counter and which is read without a system call.
 *
 * Threads: a pace belongs to one at a time.
 */
#ifndef WEIR_PACE_H
#define WEIR_PACE_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_pace_by {
	WEIR_PACE_TOP,      /* each is due at once */
	WEIR_PACE_RECORDED, /* at num/den of the speed that the timestamps of packets say */
	WEIR_PACE_PACKETS,  /* num/den packets a second */
	WEIR_PACE_BITS,     /* num/den bits a second, as on the wire from the link header on */
	WEIR_PACE_GAP,      /* num/den nanoseconds apart */
};

/* To be told the time, and to sleep, by something else than the kernel: for tests. */
struct weir_pace_clock {
	uint64_t (*now)(void *context);
	void (*sleep)(void *context, uint64_t until_ns);
	void *context;
};

struct weir_pace_conf {
	enum weir_pace_by by;
	uint64_t num, den;
	uint64_t max_gap_ns; /* a longer gap that was recorded becomes this; 0: none does */
	const struct weir_pace_clock *clock; /* NULL: the monotonic one. Must outlive the pace. */
	/* Let a wait end a little early, by what packets took to go lately after waits as long as
	 * that, 50 us at most: so that they have gone when they are due. */
	bool ahead;
};

struct weir_pace;

/* NULL with errno and weir_last_error(): EINVAL for num or den 0 where they count. */
WEIR_API struct weir_pace *weir_pace_create(const struct weir_pace_conf *conf);
WEIR_API void weir_pace_destroy(struct weir_pace *pace);

/* When the next packet is due: it follows the last one that this was asked for. The first call
 * starts the schedule, by now. A packet without timestamp, or with one from before the last one's,
 * which is counted, is due together with that; when it is more than a second before, the packets
 * behind it go by the new time. */
WEIR_API uint64_t weir_pace_due(struct weir_pace *pace, const struct weir_mbuf *mbuf);

/* What follows is recorded anew, such as the next pass over a file: its first packet is due gap_ns
 * after when it would be if its time were the last one's. */
WEIR_API void weir_pace_restart(struct weir_pace *pace, uint64_t gap_ns);

WEIR_API uint64_t weir_pace_now(const struct weir_pace *pace);

/* When the schedule began; 0 before. */
WEIR_API uint64_t weir_pace_start(const struct weir_pace *pace);

/* Wait for a time: 0 once it is there, or with conf.ahead just before. A time far away is not
 * waited for, but a part of it, at most 100 ms; then returns what is left, and the caller has 1 ms
 * to spare before it asks again. */
WEIR_API uint64_t weir_pace_wait(struct weir_pace *pace, uint64_t due_ns);

/* Packets with these times have just gone. */
WEIR_API void weir_pace_sent(struct weir_pace *pace, const uint64_t *dues_ns, uint32_t count);

/* Of nanoseconds, to 3 %. */
struct weir_pace_times {
	uint64_t mean, p50, p90, p99, p999, max;
};

struct weir_pace_figures {
	uint64_t packets;              /* that went */
	uint64_t span_ns;              /* from the first to the last */
	uint64_t scheduled_ns;         /* what that was to be; 0 at top speed */
	uint64_t backwards;            /* timestamps from before the last packet's */
	uint64_t cut;                  /* gaps longer than max_gap_ns */
	struct weir_pace_times late;   /* behind the schedule */
	struct weir_pace_times jitter; /* gaps between packets, by how much they were too long or
					* too short */
};

WEIR_API void weir_pace_figures(const struct weir_pace *pace, struct weir_pace_figures *figures);

#ifdef __cplusplus
}
#endif

#endif
