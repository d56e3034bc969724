/* SPDX-License-Identifier: BSD-3-Clause */
/* recorder_impl.h: what the files of the recorder share.
 *
 *	recorder.c  its life, and taking packets
 *	recording.c the thread: lanes to files      recall.c  the last packets in memory
 */
#ifndef WEIR_RECORDER_IMPL_H
#define WEIR_RECORDER_IMPL_H

#include "weir/recorder.h"

#include "runtime/lane_impl.h"

#include <pthread.h>

/* A packet in a lane or in memory; its bytes follow. */
struct weir__record {
	uint64_t timestamp_ns;
	uint32_t length, wire_length;
	uint32_t source, comment;
	uint32_t queue, lost; /* lost: of this source and lane, since the last one */
	uint16_t link_type;
	uint8_t direction, has_queue;
};

/* Of one source: who gives counts. */
struct weir__recorder_tally {
	WEIR_ATOMIC(uint64_t) taken, lost;
	uint32_t unsaid; /* lost since the last record */
};

struct weir__recorder_lane {
	struct weir__lane lane;
	struct weir__recorder_tally *tallies; /* by source */
};

/* Of one source: the thread counts; and what its interface counted. */
struct weir__recorder_source {
	WEIR_ATOMIC(uint64_t) written, bytes;
	WEIR_ATOMIC(uint64_t) received, kernel_dropped;
};

/* A piece of the memory of the last packets: records behind their headers, as in a lane. */
struct weir__recall_chunk {
	struct weir__recall_chunk *next;
	uint64_t first_ns, last_ns; /* when they came, on the monotonic clock */
	size_t used, size;
	uint8_t bytes[];
};

struct weir__recall {
	struct weir__recall_chunk *oldest, *newest;
	uint64_t bytes; /* of all chunks */
};

struct weir_recorder {
	struct weir_recorder_conf conf;
	struct weir_series *series;
	uint32_t snaplen; /* UINT32_MAX: all */
	bool recalls;     /* keeps the last packets only */
	struct weir__recorder_lane *lanes;
	struct weir__recorder_source *sources;
	uint32_t source_count; /* with the nameless one */
	char **comments;
	uint32_t comment_count; /* with 0, which is none */

	pthread_t thread;
	bool started;
	WEIR_ATOMIC(bool) stop;
	WEIR_ATOMIC(bool) save;
	WEIR_ATOMIC(int) state; /* as weir_recorder_state() */
	WEIR_ATOMIC(uint64_t) files, saves;
	WEIR_ATOMIC(uint64_t) missing, missing_bytes; /* written, but not in the file that failed */
	char error[512];                              /* written before the state */

	/* the thread's */
	struct weir__recall recall;
	uint64_t begun_ns, begun_realtime_ns, flushed_ns;
	uint64_t written, bytes_written; /* or kept */
	uint64_t unfit;                  /* packets that the format does not hold */
	char why_unfit[256];             /* the first of them */
};

/* recording.c: the thread. */
void *weir__recorder_run(void *recorder);

/* recording.c: one record to the file. 0; or -errno with a sentence; WEIR__UNFIT when the file goes
 * on without it. */
#define WEIR__UNFIT 1
int weir__recorder_write(struct weir_recorder *recorder, const struct weir__record *record);

/* recall.c: keep a record, which is size bytes with its header; forget what is too old; write all;
 * free all. */
int weir__recall_keep(
	struct weir_recorder *recorder, const struct weir__lane_header *header, uint64_t now_ns);
void weir__recall_forget(struct weir_recorder *recorder, uint64_t now_ns);
int weir__recall_write(struct weir_recorder *recorder);
void weir__recall_free(struct weir__recall *recall);

#endif
