/* SPDX-License-Identifier: BSD-3-Clause */
/* recording.c: the thread of a recorder: it takes records out of the lanes, some of each in turn,
 * and writes them. When there is nothing it brings to the file what was written, for who reads
 * along, and sleeps. After a failure it ends; so does it once there is as much as was asked for. */
#include "runtime/recorder_impl.h"

#include "base/base_impl.h"
#include "base/count_impl.h"
#include "capture/finish_impl.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>

/* Records of a lane before the next one has its turn. */
#define TURN 256
/* How long it sleeps: a lane of 4 MiB fills in 3 ms at 10 Gbit/s. */
#define SLEEP_NS 1000000
/* How long packets may stay in the buffer of the file, and figures may be old. */
#define FLUSH_NS 100000000

#define DONE 1

/* What the first was that does not fit is said in the end, with how many there were. */
static int note_unfit(struct weir_recorder *recorder)
{
	if (recorder->unfit++ == 0)
		snprintf(recorder->why_unfit, sizeof(recorder->why_unfit), "%s", weir_last_error());
	return WEIR__UNFIT;
}

int weir__recorder_write(struct weir_recorder *recorder, const struct weir__record *record)
{
	struct weir_capture_packet packet = {.timestamp_ns = record->timestamp_ns,
		.length = record->length,
		.wire_length = record->wire_length,
		.interface = record->source,
		.link_type = record->link_type};
	struct weir_capture_note note = {
		.comment = record->comment ? recorder->comments[record->comment] : NULL,
		.direction = (enum weir_capture_direction)record->direction,
		.has_queue = record->has_queue,
		.queue = record->queue,
		.lost = record->lost};
	struct iovec bytes = {(void *)(uintptr_t)(record + 1), record->length};

	int error = weir_series_write(recorder->series, &packet, &bytes, 1, &note);

	return error == -EINVAL ? note_unfit(recorder) : error;
}

/* ---- figures ---- */

static void sum_lanes(
	const struct weir_recorder *recorder, uint32_t source, uint64_t *taken, uint64_t *lost)
{
	*taken = *lost = 0;
	for (uint32_t i = 0; i < recorder->conf.lanes; i++) {
		*taken += weir__counted(&recorder->lanes[i].tallies[source].taken);
		*lost += weir__counted(&recorder->lanes[i].tallies[source].lost);
	}
}

/* As dumpcap has it, what the interface dropped are all that are missing. */
static void note_source(struct weir_recorder *recorder, uint32_t number)
{
	const struct weir__recorder_source *source = &recorder->sources[number];
	uint64_t kernel = weir__counted(&source->kernel_dropped), taken, lost;
	struct weir_capture_stats stats = {.from_ns = recorder->begun_realtime_ns,
		.to_ns = weir__realtime_ns(),
		.received = weir__counted(&source->received),
		.kernel_dropped = kernel,
		.delivered = weir__counted(&source->written)};
	char comment[80];

	sum_lanes(recorder, number, &taken, &lost);
	if (stats.received == UINT64_MAX)
		stats.received = taken + lost;
	stats.accepted = taken + lost;
	stats.interface_dropped = lost + (kernel == UINT64_MAX ? 0 : kernel);
	snprintf(comment, sizeof(comment), "%llu packets lost: the writer was too slow",
		(unsigned long long)lost);
	if (lost)
		stats.comment = comment;
	weir_series_source_stats(recorder->series, number, &stats);
}

static void note_sources(struct weir_recorder *recorder)
{
	for (uint32_t i = 1; i < recorder->source_count; i++)
		note_source(recorder, i);
	/* relaxed: a figure */
	atomic_store_explicit(
		&recorder->files, weir_series_files(recorder->series), memory_order_relaxed);
}

/* ---- records ---- */

static bool is_enough(const struct weir_recorder *recorder)
{
	const struct weir_recorder_conf *conf = &recorder->conf;

	return (conf->packets && recorder->written >= conf->packets) ||
	       (conf->bytes && recorder->bytes_written >= conf->bytes) ||
	       (conf->files && weir_series_files(recorder->series) == conf->files &&
		       weir_series_is_full(recorder->series));
}

/* 0, DONE, or -errno. */
static int handle(
	struct weir_recorder *recorder, const struct weir__lane_header *header, uint64_t now_ns)
{
	const struct weir__record *record = (const void *)(header + 1);
	struct weir__recorder_source *source = &recorder->sources[record->source];
	int error = recorder->recalls ? weir__recall_keep(recorder, header, now_ns)
				      : weir__recorder_write(recorder, record);

	if (error)
		return error < 0 ? error : 0;
	recorder->written++;
	recorder->bytes_written += record->length;
	weir__count(&source->written, 1);
	weir__count(&source->bytes, record->length);
	return is_enough(recorder) ? DONE : 0;
}

/* Some of each lane. */
static int take_turns(struct weir_recorder *recorder, uint32_t *handled)
{
	uint64_t now_ns = recorder->recalls ? weir__monotonic_ns() : 0;
	int result = 0;

	*handled = 0;
	for (uint32_t i = 0; !result && i < recorder->conf.lanes; i++) {
		struct weir__lane *lane = &recorder->lanes[i].lane;
		struct weir__lane_header *header;

		for (uint32_t j = 0; !result && j < TURN; j++) {
			header = weir__lane_peek(lane);
			if (!header)
				break;
			result = handle(recorder, header, now_ns);
			weir__lane_pass(lane, header);
			(*handled)++;
		}
	}
	return result;
}

/* ---- the last packets ---- */

static int save(struct weir_recorder *recorder)
{
	int error;

	note_sources(recorder);
	error = weir__recall_write(recorder);
	weir__count(&recorder->saves, !error);
	return error;
}

static int save_if_told(struct weir_recorder *recorder)
{
	int error;

	/* relaxed: nothing else is told by it */
	if (!recorder->recalls ||
		!atomic_exchange_explicit(&recorder->save, false, memory_order_relaxed))
		return 0;
	error = save(recorder);
	return error ? error : weir_series_next(recorder->series);
}

/* ---- the thread ---- */

/* What is counted as written is what is there. */
static void finish_files(struct weir_recorder *recorder, int *result)
{
	struct weir__amount missing;
	int finished = weir__series_finish(recorder->series, &missing);

	recorder->series = NULL;
	if (finished < 0 && *result >= 0) {
		*result = finished;
		snprintf(recorder->error, sizeof(recorder->error), "%s", weir_last_error());
	}
	if (recorder->recalls)
		return;
	weir__count(&recorder->missing, missing.packets);
	weir__count(&recorder->missing_bytes, missing.bytes);
}

/* Complete the file: also of a recorder that is done before it is told to stop. */
static void end(struct weir_recorder *recorder, int result)
{
	if (result < 0)
		snprintf(recorder->error, sizeof(recorder->error), "%s", weir_last_error());
	finish_files(recorder, &result);
	if (recorder->unfit && result >= 0) {
		result = -EINVAL;
		snprintf(recorder->error, sizeof(recorder->error), "%s; %llu packets are not in it",
			recorder->why_unfit, (unsigned long long)recorder->unfit);
	}
	/* release: the sentence is there; pairs with weir_recorder_state() */
	atomic_store_explicit(&recorder->state, result, memory_order_release);
}

static int look_after(struct weir_recorder *recorder, bool idle)
{
	uint64_t now_ns = weir__monotonic_ns();
	const struct timespec pause = {.tv_nsec = SLEEP_NS};
	int error = save_if_told(recorder);

	if (!error && is_enough(recorder))
		return DONE;
	if (!error && now_ns - recorder->flushed_ns >= FLUSH_NS) {
		note_sources(recorder);
		weir__recall_forget(recorder, now_ns);
		recorder->flushed_ns = now_ns;
		error = recorder->recalls ? 0 : weir_series_flush(recorder->series);
	}
	if (error)
		return error;
	if (recorder->conf.duration_ns && now_ns - recorder->begun_ns >= recorder->conf.duration_ns)
		return DONE;
	if (idle)
		nanosleep(&pause, NULL);
	return 0;
}

void *weir__recorder_run(void *context)
{
	struct weir_recorder *recorder = context;
	uint32_t handled = 0;
	bool stopped;
	int result;

	note_sources(recorder);
	do {
		/* acquire: then what is taken below is all there is; pairs with finish */
		stopped = atomic_load_explicit(&recorder->stop, memory_order_acquire);
		result = take_turns(recorder, &handled);
		if (!result && !stopped)
			result = look_after(recorder, handled == 0);
	} while (!result && (!stopped || handled > 0));
	if (result >= 0 && recorder->recalls)
		result = save(recorder) < 0 ? -errno : result;
	note_sources(recorder);
	end(recorder, result < 0 ? result : DONE);
	return NULL;
}
