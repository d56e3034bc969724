/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/tap.h: see packets of a pipeline that runs, in a capture file.
 *
 *	tap = weir_tap_start(pipeline, &conf)     workers see it in their next turn
 *	...
 *	weir_tap_stop(tap)                        and do not any more; the file is complete
 *
 * Workers copy packets into lanes of a recorder (weir/recorder.h), which has a thread of its own:
 * none of them waits, and packets are lost for the capture only. Without a tap a worker looks at
 * one pointer for each burst.
 *
 * The pipeline was started by weir_pipeline_start(), and is destroyed after all its taps have been
 * stopped. Any thread but a reader of RCU may call these, one call at a time for each tap.
 */
#ifndef WEIR_TAP_H
#define WEIR_TAP_H

#include "weir/base.h"
#include "weir/pipeline.h"
#include "weir/recorder.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What to see: one of port, edge and drops. */
struct weir_tap_conf {
	/* A port, by its name in the pipeline or its spec: what stages receive from it, and what
	 * they are about to send to it; on all queues, or one. */
	const char *port;
	bool only_received, only_sent;
	bool has_queue;
	uint32_t queue;
	/* "stage.edge": what goes that way; "stage": by its first edge. */
	const char *edge;
	/* A stage: what it drops, with the reason as the comment of each packet; "*": all stages.
	 * */
	const char *drops;
	const char *filter;                 /* as tcpdump's; NULL: all packets */
	struct weir_recorder_conf recorder; /* its lanes are set: one for each worker */
};

struct weir_tap;

/* NULL with errno and weir_last_error(): ENOENT when there is no such port or stage, EINVAL, EBUSY
 * when the pipeline does not run, or why the file cannot be written. What conf points to must
 * outlive the call only, but for the texts of conf->recorder. */
WEIR_API struct weir_tap *weir_tap_start(
	const struct weir_pipeline *pipeline, const struct weir_tap_conf *conf);

/* Its recorder, for stats, state and error. */
WEIR_API struct weir_recorder *weir_tap_recorder(const struct weir_tap *tap);

/* No worker sees it any more. 0, or -ENOMEM with weir_last_error(), and they still do. */
WEIR_API int weir_tap_detach(struct weir_tap *tap);

/* Detach, complete the file and free the tap. 0, or -errno as weir_recorder_finish(). */
WEIR_API int weir_tap_stop(struct weir_tap *tap);

#ifdef __cplusplus
}
#endif

#endif
