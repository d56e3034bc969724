/* SPDX-License-Identifier: BSD-3-Clause */
/* files_impl.h: the packets of a file while they are judged, and those in fragments. */
#ifndef FW_FILES_IMPL_H
#define FW_FILES_IMPL_H

#include "apps/weir-fw/explain.h"
#include "apps/weir-fw/fast.h"
#include "apps/weir-fw/files.h"
#include "apps/weir-fw/order.h"
#include "apps/weir-fw/parts.h"

#include <weir/capture_write.h>
#include <weir/mbuf_pool.h>

/* A reason with the text of its rule; longer ones are cut. */
#define FW_REASON 1024

/* Packets in fragments, once one has come. */
struct fw_run_parts {
	struct fw_parts parts;
	struct weir_mempool *pool;
	bool out_of_memory;
	uint8_t flat[FW_PARTS_BYTES];
};

struct fw_run {
	struct fw_files *files;
	struct fw_judge judge;
	struct fw_packet packet;
	struct fw_decision decision;
	char reason[FW_REASON]; /* of it, where a file wants to know or it is explained */
	struct fw_explanation explanation;
	struct weir_capture_reader *in;
	struct weir_capture_writer *accepted, *dropped;
	struct fw_logs *logs;
	struct fw_tracker *tracker; /* NULL: no rule asks for it */
	struct fw_fast fast;
	uint64_t read; /* packets */
	struct fw_order order;
	struct fw_run_parts *fragments; /* NULL: none has come */
};

/* files_packet.c: judge and write all of them, up to the limit. 0 or -errno with weir_last_error().
 * */
int fw_run_all(struct fw_run *run);

/* Have a packet in view. */
void fw_run_look(struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data,
	uint32_t length, uint32_t wire_length);

/* If this is the packet that --explain is about, tell of it, and of each step from here on. */
void fw_run_explain(struct fw_run *run, uint64_t number);

/* Judge the packet in view: is it accepted? */
bool fw_run_judge(struct fw_run *run);

/* To the file of the accepted, reason NULL, or of the dropped: now, or behind those that wait. 0 or
 * -errno with weir_last_error(). */
int fw_run_write(struct fw_run *run, const struct weir_capture_packet *meta, uint8_t *data,
	const char *reason);
int fw_run_wait(struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data,
	const char *reason);

/* files_parts.c: take the fragment in view. 0 or -errno with weir_last_error(). */
int fw_run_part(struct fw_run *run, const struct weir_capture_packet *meta, const uint8_t *data);

/* No more packets come, after this error or 0: what waits is dropped, and all is written. Returns
 * the first error. */
int fw_run_parts_end(struct fw_run *run, int error);

#endif
