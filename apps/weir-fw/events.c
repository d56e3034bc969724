/* SPDX-License-Identifier: BSD-3-Clause */
/* events.c: events of connections from the thread that judges to a thread that writes.
 *
 *	who judges: tell --> | ring, RING events | --> writer: a line for each
 *
 * The writer looks every PAUSE_NS, so that the other one need not wake it. lost is written by who
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

struct fw_events {
	struct weir_spsc ring;
	WEIR_ATOMIC(uint64_t) lost;
	struct fw_flow *slots;
	/* the writer's */
	FILE *file;
	const char *path;
	uint64_t written, lost_told;
	int error;
	pthread_t thread;
	sem_t end;
};

void fw_events_tell(void *context, const struct fw_flow *flow)
{
	struct fw_events *events = context;
	uint32_t index;

	if (weir_spsc_room(&events->ring, 1, &index) == 0) {
		/* relaxed, one writer; publish tells of it */
		atomic_store_explicit(&events->lost,
			atomic_load_explicit(&events->lost, memory_order_relaxed) + 1,
			memory_order_relaxed);
		return;
	}
	events->slots[index % RING] = *flow;
	weir_spsc_publish(&events->ring, index, 1);
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

static void tell_lost(struct fw_events *events)
{
	uint64_t lost = atomic_load_explicit(&events->lost, memory_order_relaxed);

	if (lost == events->lost_told)
		return;
	fprintf(events->file, "{\"event\":\"lost\",\"count\":%llu}\n",
		(unsigned long long)(lost - events->lost_told));
	events->lost_told = lost;
}

/* All that is there. */
static void write_some(struct fw_events *events)
{
	uint32_t index, count;

	while ((count = weir_spsc_ready(&events->ring, 1, &index)) > 0) {
		count = count < SOME ? count : SOME;
		for (uint32_t i = 0; i < count; i++)
			write_flow(events, &events->slots[(index + i) % RING]);
		weir_spsc_take(&events->ring, index, count);
	}
	tell_lost(events);
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
	free(events->slots);
	free(events);
}

struct fw_events *fw_events_open(const char *path)
{
	struct fw_events *events = aligned_alloc(64, sizeof(*events));
	int error;

	if (!events)
		return weir__fail_null(ENOMEM, "no memory for events");
	memset(events, 0, sizeof(*events));
	events->path = path;
	events->ring.size = RING;
	events->slots = calloc(RING, sizeof(*events->slots));
	events->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	sem_init(&events->end, 0, 0);
	if (!events->slots || !events->file)
		error = events->slots ? errno : ENOMEM;
	else
		error = pthread_create(&events->thread, NULL, writer, events);
	if (!error)
		return events;
	free_events(events);
	return weir__fail_null(error, "cannot write '%s': %s", path, strerror(error));
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
