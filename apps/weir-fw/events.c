/* SPDX-License-Identifier: BSD-3-Clause */
/* events.c: events of connections from the threads that judge to a thread that writes.
 *
 *	who judges: tell --> | ring, RING events | --\
 *	another:    tell --> | ring, RING events | ---> writer: a line for each
 *
 * The writer looks every PAUSE_NS, so that the others need not wake it. lost is written by who
 * judges; the writer tells of it between two events, so the line stands near the gap. */
#include "apps/weir-fw/events.h"

#include "apps/weir-fw/flows.h"
#include "base/base_impl.h"

#include <weir/ring_spsc.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 2.5 MiB: at 800,000 events a second the ring is full when the writer looks again. */
#define RING     16384
#define PAUSE_NS 20000000
/* Given back at once: who judges has room again before all are written. */
#define SOME 64

struct fw_events_lane {
	struct weir_spsc ring;
	WEIR_ATOMIC(uint64_t) lost;
	struct fw_flow *slots;
	uint64_t lost_told; /* the writer's */
};

struct fw_events {
	/* the writer's */
	FILE *file;
	const char *path;
	uint64_t written, lost_told;
	int error;
	pthread_t thread;
	sem_t end;
	uint32_t count;
	struct fw_events_lane lanes[];
};

void fw_events_tell(void *context, const struct fw_flow *flow)
{
	struct fw_events_lane *lane = context;
	uint32_t index;

	if (weir_spsc_room(&lane->ring, 1, &index) == 0) {
		/* relaxed, one writer; publish tells of it */
		atomic_store_explicit(&lane->lost,
			atomic_load_explicit(&lane->lost, memory_order_relaxed) + 1,
			memory_order_relaxed);
		return;
	}
	lane->slots[index % RING] = *flow;
	weir_spsc_publish(&lane->ring, index, 1);
}

static void write_flow(struct fw_events *events, const struct fw_flow *flow)
{
	static const char *const names[] = {[FW_EVENT_NEW] = "new",
		[FW_EVENT_UPDATE] = "update",
		[FW_EVENT_DESTROY] = "destroy"};
	static const char *const reasons[] = {[FW_GONE_EXPIRED] = "expired",
		[FW_GONE_EARLY] = "early",
		[FW_GONE_RESET] = "reset",
		[FW_GONE_REPLACED] = "replaced"};

	fprintf(events->file, "{\"time_ns\":%llu,\"event\":\"%s\",",
		(unsigned long long)flow->now_ns, names[flow->event]);
	if (flow->event == FW_EVENT_DESTROY)
		fprintf(events->file, "\"reason\":\"%s\",", reasons[flow->gone]);
	fw_flow_print(events->file, flow);
	fputs("}\n", events->file);
	events->written++;
}

static void tell_lost(struct fw_events *events, struct fw_events_lane *lane)
{
	uint64_t lost = atomic_load_explicit(&lane->lost, memory_order_relaxed);

	if (lost == lane->lost_told)
		return;
	fprintf(events->file, "{\"event\":\"lost\",\"count\":%llu}\n",
		(unsigned long long)(lost - lane->lost_told));
	events->lost_told += lost - lane->lost_told;
	lane->lost_told = lost;
}

static void write_lane(struct fw_events *events, struct fw_events_lane *lane)
{
	uint32_t index, count;

	while ((count = weir_spsc_ready(&lane->ring, 1, &index)) > 0) {
		count = count < SOME ? count : SOME;
		for (uint32_t i = 0; i < count; i++)
			write_flow(events, &lane->slots[(index + i) % RING]);
		weir_spsc_take(&lane->ring, index, count);
	}
	tell_lost(events, lane);
}

/* All that is there. */
static void write_some(struct fw_events *events)
{
	for (uint32_t i = 0; i < events->count; i++)
		write_lane(events, &events->lanes[i]);
	if ((fflush(events->file) || ferror(events->file)) && !events->error)
		events->error = errno ? errno : EIO;
}

static bool has_ended(struct fw_events *events)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PAUSE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return sem_clockwait(&events->end, CLOCK_MONOTONIC, &until) == 0;
}

static void *writer(void *context)
{
	struct fw_events *events = context;

	while (!has_ended(events))
		write_some(events);
	write_some(events);
	return NULL;
}

static void free_events(struct fw_events *events)
{
	if (events->file && events->file != stdout)
		fclose(events->file);
	for (uint32_t i = 0; i < events->count; i++)
		free(events->lanes[i].slots);
	free(events);
}

static bool make_lanes(struct fw_events *events, uint32_t count)
{
	for (; events->count < count; events->count++) {
		struct fw_events_lane *lane = &events->lanes[events->count];

		lane->ring.size = RING;
		lane->slots = calloc(RING, sizeof(*lane->slots));
		if (!lane->slots)
			return false;
	}
	return true;
}

struct fw_events *fw_events_open(const char *path, uint32_t workers)
{
	size_t size = sizeof(struct fw_events) + workers * sizeof(struct fw_events_lane);
	struct fw_events *events = aligned_alloc(64, (size + 63) / 64 * 64);
	int error = ENOMEM;

	if (!events)
		return weir__fail_null(ENOMEM, "no memory for events");
	memset(events, 0, size);
	events->path = path;
	sem_init(&events->end, 0, 0);
	if (make_lanes(events, workers)) {
		events->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
		error = events->file ? pthread_create(&events->thread, NULL, writer, events)
				     : errno;
	}
	if (!error)
		return events;
	free_events(events);
	return weir__fail_null(error, "cannot write '%s': %s", path, strerror(error));
}

struct fw_events_lane *fw_events_lane(struct fw_events *events, uint32_t worker)
{
	return &events->lanes[worker];
}

int fw_events_close(struct fw_events *events, struct fw_event_stats *stats)
{
	const char *path;
	int error;

	if (!events)
		return 0;
	sem_post(&events->end);
	pthread_join(events->thread, NULL);
	path = events->path;
	error = events->error;
	*stats = (struct fw_event_stats){.written = events->written, .lost = events->lost_told};
	free_events(events);
	return error ? weir__fail(error, "cannot write '%s': %s", path, strerror(error)) : 0;
}
