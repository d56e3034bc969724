/* SPDX-License-Identifier: BSD-3-Clause */
/* take_impl.h: packets that stay where they were read, for those who make mbufs of them.
 *
 * A reader that was opened so reads into blocks (supply_impl.h). Packets are taken in bursts while
 * they lie in the present block as a whole; what needs more, the next block, another section, a
 * damaged record, is for weir_capture_peek().
 */
#ifndef WEIR_TAKE_IMPL_H
#define WEIR_TAKE_IMPL_H

#include "base/block_impl.h"
#include "weir/capture.h"

/* A packet in the block. */
struct weir__record {
	uint64_t timestamp_ns;
	uint8_t *data;
	uint32_t length;
	uint32_t wire_length;
	uint16_t link_type;
	uint16_t interface; /* the lower bits of its number */
	uint16_t headroom;  /* bytes in front of data that are the packet's, too */
};

/* How far ahead of a record bytes are asked for, which lie in the second cache: each record says
 * where the next one is, so the walk would wait for every line. */
#define WEIR__TAKE_AHEAD 1024

/* weir_capture_open() into blocks. */
struct weir_capture_reader *weir__capture_open_blocks(const char *path);

/* Over size bytes of a file in memory, where packets then lie; path is for sentences. NULL with
 * errno ENOTSUP, without a sentence, when they are compressed. */
struct weir_capture_reader *weir__capture_open_memory(
	const char *path, uint8_t *bytes, size_t size);

/* The block that the packet of the last peek lies in, and those of the next take will. NULL when
 * they must be copied, since there are no more blocks. Who keeps a packet takes a reference before
 * the next call on the reader. */
struct weir__block *weir__capture_block(const struct weir_capture_reader *reader);

/* The same, or with *copied the one whose packets must be copied while the caller has a reference.
 * */
struct weir__block *weir__capture_any_block(const struct weir_capture_reader *reader, bool *copied);

/* Take and pass up to count packets, however few. */
uint32_t weir__capture_take(
	struct weir_capture_reader *reader, struct weir__record *records, uint32_t count);

/* Give back the taken packets from this one on: the next take or peek finds it. */
void weir__capture_return(struct weir_capture_reader *reader, const struct weir__record *record);

/* Bytes in front of the packet of the last peek that are its own. */
uint32_t weir__capture_headroom(const struct weir_capture_reader *reader, const uint8_t *data);

#endif
