/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_impl.h: what a trace is, and what the files of this room do for each other.
 *
 *	trace.c		open, close, the index
 *	load.c		packets read into memory
 *	map.c		packets in a mapped file, bus.c when that becomes shorter
 *	mbufs.c		packets as mbufs
 *	cache.c		traces that are kept for the next time
 */
#ifndef WEIR_TRACE_IMPL_H
#define WEIR_TRACE_IMPL_H

#include "weir/capture.h"
#include "weir/trace.h"

#include "base/base_impl.h"
#include "base/block_impl.h"

struct weir_trace {
	struct weir__block block;   /* first: its memory, and who uses it: the owner and mbufs */
	struct weir_region *region; /* NULL: mapped */
	struct weir__mapping *mapping;
	int file; /* that is mapped */
	char *path;
	struct weir_trace_packet *packets;
	uint64_t count, room; /* in the index */
	uint64_t bytes;       /* of packets */
	uint64_t file_bytes;
	bool hashed;
	int error; /* -errno of why the file ended early */
	char *sentence;
	char description[64];
};

/* load.c: read all packets of reader into memory of the trace. 0, also when the file is damaged;
 * or -errno with a sentence, for want of memory. */
int weir__trace_load(struct weir_trace *trace, struct weir_capture_reader *reader, const char *path,
	const struct weir_trace_conf *conf);

/* map.c: map the file and index it. 0; -ENOTSUP without a sentence when it is none to be mapped; or
 * -errno with a sentence. */
int weir__trace_map(struct weir_trace *trace, const char *path);
void weir__trace_unmap(struct weir_trace *trace);

/* map.c: how many of the packets from first on, which are there, are still in the mapped file; and
 * 0 when all of them are, or -EBADMSG with a sentence. */
uint32_t weir__trace_still_there(const struct weir_trace *trace, uint64_t first, uint32_t count);
int weir__trace_shortened(const struct weir_trace *trace);

/* trace.c: keep what the reader says of the file's kind. */
void weir__trace_describe(struct weir_trace *trace, const struct weir_capture_reader *reader);

/* trace.c: a place for one more packet in the index, or NULL with the sentence said. */
struct weir_trace_packet *weir__trace_add(
	struct weir_trace *trace, const struct weir_capture_packet *packet, uint64_t offset);

/* trace.c: the file ended early for this reason; the sentence is weir_last_error(). */
void weir__trace_fail(struct weir_trace *trace, int error);

#endif
