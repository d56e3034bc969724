/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/recorder.h: packets to capture files, by a thread of its own that nobody waits for.
 *
 *	thread 0 --copies--> lane 0 --.
 *	thread 1 --copies--> lane 1 ----> the recorder's thread --> files (weir/capture_write.h)
 *
 * Threads that have packets copy them, as far as the snapshot length goes, into a lane of their own
 * and keep them. When the files are too slow and the lane is full, packets are lost for the record,
 * and counted. A recorder may also keep only the last packets in memory, and write them when it is
 * told to.
 *
 * Which calls may be made at the same time: take on different lanes; stats, state, error, figures
 * and save beside everything but create and finish; nothing else.
 */
#ifndef WEIR_RECORDER_H
#define WEIR_RECORDER_H

#include "weir/base.h"
#include "weir/capture_write.h"
#include "weir/mbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_recorder_conf {
	struct weir_series_conf series;       /* its texts must outlive the recorder */
	uint32_t lanes;                       /* threads that give packets; 0: 1 */
	size_t lane_bytes;                    /* memory of each, to 1 GiB; 0: 4 MiB */
	uint64_t packets, bytes, duration_ns; /* it is done after so much; 0: no limit */
	uint32_t files;                       /* and after so many files */
	/* Keep the packets of so long, or so many bytes, in memory; 0 and 0: write all. With a time
	 * and no bytes, at most 1 GiB. Each save gives a numbered file. */
	uint64_t last_ns, last_bytes;
};

struct weir_recorder;

/* The first file is made at once. NULL with errno and weir_last_error(). */
WEIR_API struct weir_recorder *weir_recorder_create(const struct weir_recorder_conf *conf);

/* Before start: where packets come from, 1 and so on as weir_capture_source(); and texts that are
 * said of packets, 1 and so on, which are copied. -errno with weir_last_error(). */
WEIR_API int weir_recorder_source(
	struct weir_recorder *recorder, const struct weir_capture_source *source);
WEIR_API int weir_recorder_comment(struct weir_recorder *recorder, const char *text);

/* Start the thread. 0, or -errno with weir_last_error(). */
WEIR_API int weir_recorder_start(struct weir_recorder *recorder);

/* What packets have in common. */
struct weir_recorder_mark {
	uint32_t source, comment;              /* 0: none */
	enum weir_capture_direction direction; /* unknown: what the packet says itself */
	bool has_queue;
	uint32_t queue;
};

/* Copy the first ones of count packets, as many as it returns; all stay the caller's. Never waits.
 * It takes fewer when the lane is full, and none once the state is not 0. */
WEIR_API uint32_t weir_recorder_offer(struct weir_recorder *recorder, uint32_t lane,
	const struct weir_recorder_mark *mark, struct weir_mbuf *const *mbufs, uint32_t count);

/* The same, and those that are not taken are lost and counted, unless the recorder is done. */
WEIR_API uint32_t weir_recorder_take(struct weir_recorder *recorder, uint32_t lane,
	const struct weir_recorder_mark *mark, struct weir_mbuf *const *mbufs, uint32_t count);

/* For the interface statistics of a source: what its interface counted, by a thread that knows;
 * UINT64_MAX: not known. */
WEIR_API void weir_recorder_figures(struct weir_recorder *recorder, uint32_t source,
	uint64_t received, uint64_t kernel_dropped);

/* The last packets in memory are to be written. From a signal handler, too. */
WEIR_API void weir_recorder_save(struct weir_recorder *recorder);

struct weir_recorder_stats {
	uint64_t taken;         /* packets copied to a lane */
	uint64_t lost;          /* no room in it: the writer was too slow, or has failed */
	uint64_t written;       /* to a file, and is there; in memory: kept */
	uint64_t bytes_written; /* of these packets */
	uint64_t files;
	uint64_t saves;
};

WEIR_API void weir_recorder_stats(
	const struct weir_recorder *recorder, struct weir_recorder_stats *stats);

/* 0: it records; 1: it is done; or -errno of its failure, with the sentence in
 * weir_recorder_error(). A packet that the format does not hold, such as one of a second link type
 * in a pcap file, is left out, and the recorder goes on; the state is -EINVAL in the end. */
WEIR_API int weir_recorder_state(const struct weir_recorder *recorder);
WEIR_API const char *weir_recorder_error(const struct weir_recorder *recorder);

/* Write what lies in lanes and memory, complete the file, and end the thread. Nobody may take any
 * more. The state is not 0 afterwards, and figures are the last. */
WEIR_API void weir_recorder_stop(struct weir_recorder *recorder);

/* Stop and free. 0, or -errno with weir_last_error() of the first failure. NULL is
 * allowed. */
WEIR_API int weir_recorder_finish(struct weir_recorder *recorder);

#ifdef __cplusplus
}
#endif

#endif
