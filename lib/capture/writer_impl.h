/* SPDX-License-Identifier: BSD-3-Clause */
/* writer_impl.h: a writer, shared by writer.c, its buffer and life, and write.c, what is put into
 * it.
 *
 *	packets --> buffer of whole blocks --> sink
 *	        --> run in a block of the reader, plain --> sink
 *	                                  \--> piece, compressed --> sink
 */
#ifndef WEIR_WRITER_IMPL_H
#define WEIR_WRITER_IMPL_H

#include "finish_impl.h"
#include "keep_impl.h"
#include "sink_impl.h"

/* An interface of the file: packets of one source and link type. */
struct weir__written_interface {
	uint32_t source;
	uint16_t link_type;
};

struct weir_capture_writer {
	struct weir__sink sink;
	enum weir_capture_format format;
	enum weir_capture_codec codec;
	uint32_t snaplen;
	bool cuts; /* packets to snaplen */
	bool nonblocking;
	int error;        /* -errno of the first write that failed, for all further calls */
	uint64_t flushed; /* bytes that are in the file */
	struct weir__amount given, lost;

	size_t used, capacity; /* of the buffer */
	uint8_t *buffer;
	struct weir__run run;          /* comes behind it in the file */
	struct weir__encoder *encoder; /* NULL: plain */
	uint8_t *piece;                /* of compressed bytes, on its way to the file */
	size_t piece_size, piece_done, piece_room;
	struct weir__amount packed; /* in that and all pieces before */
	struct weir__amount safe;   /* in those that are in the file */

	struct weir_capture_source *sources; /* own copies; the first is that without a name */
	uint32_t source_count;
	struct weir__written_interface *interfaces;
	uint32_t interface_count;
	uint32_t last; /* the interface of the last packet */
};

/* writer.c: room for size bytes in the buffer, by bringing it to the file and enlarging it: so a
 * record is never cut between two buffers, and whole ones reach the file together, for whoever
 * reads along. 0 or -errno with a sentence. */
int weir__writer_room(struct weir_capture_writer *writer, size_t size);

/* writer.c: say what the first failure was. */
int weir__writer_repeat_error(const struct weir_capture_writer *writer);

/* write.c: a file without packets gets a link type, without which libpcap would not open it. */
void weir__writer_add_missing_header(struct weir_capture_writer *writer);

#endif
