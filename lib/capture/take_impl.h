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

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A packet in the block. Both lengths lie as they do in a file. */
struct weir__record {
	uint64_t timestamp_ns;
	uint8_t *data;
	uint32_t length;
	uint32_t wire_length;
	uint64_t kind;
};

/* What is the same for most packets of a file is one word, to be stored and compared as such: the
 * link type, the lower bits of the interface's number, how many bytes in front of data are the
 * packet's, too, and which way it went. */
static inline uint64_t weir__record_kind(
	const struct weir_capture_packet *packet, uint16_t headroom)
{
	return packet->link_type | (uint64_t)(uint16_t)packet->interface << 16 |
	       (uint64_t)headroom << 32 | (uint64_t)packet->direction << 48;
}
static inline uint16_t weir__kind_link_type(uint64_t kind)
{
	return (uint16_t)kind;
}
static inline uint16_t weir__kind_interface(uint64_t kind)
{
	return (uint16_t)(kind >> 16);
}
static inline uint16_t weir__kind_headroom(uint64_t kind)
{
	return (uint16_t)(kind >> 32);
}
static inline uint8_t weir__kind_direction(uint64_t kind)
{
	return (uint8_t)(kind >> 48);
}

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

/* ---- the records of a pcap file, one after the other, for who does not want to keep them ---- */

struct weir__walk {
	uint8_t *at;        /* the next record */
	const uint8_t *end; /* of what lies in the window */
	uint32_t header;    /* bytes of a record's header */
	uint32_t most;      /* longer packets are for weir_capture_peek() */
	uint32_t fraction_ns;
	uint64_t kind;
};

/* Start where the reader is: false when there is nothing to walk over, since it is of another
 * format, byte order or age, or at its end. */
bool weir__capture_walk(const struct weir_capture_reader *reader, struct weir__walk *walk);

/* And go on there, where the walk has got to. */
void weir__capture_walked(struct weir_capture_reader *reader, uint8_t *at);

static inline uint32_t weir__walk_word(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The next record, if it lies there as a whole and as it should. */
static inline bool weir__walk_on(struct weir__walk *walk, struct weir__record *record)
{
	size_t left = (size_t)(walk->end - walk->at);
	uint8_t *at = walk->at;

	if (left < walk->header)
		return false;
	record->length = weir__walk_word(at + 8);
	if (record->length > walk->most || left - walk->header < record->length)
		return false;
	__builtin_prefetch(at + WEIR__TAKE_AHEAD);
	record->wire_length = weir__walk_word(at + 12);
	record->timestamp_ns = (uint64_t)weir__walk_word(at) * 1000000000u +
			       (uint64_t)weir__walk_word(at + 4) * walk->fraction_ns;
	record->data = at + walk->header;
	record->kind = walk->kind;
	walk->at = record->data + record->length;
	return true;
}

/* Give back the taken packets from this one on: the next take or peek finds it. */
void weir__capture_return(struct weir_capture_reader *reader, const struct weir__record *record);

/* Bytes in front of the packet of the last peek that are its own. */
uint32_t weir__capture_headroom(const struct weir_capture_reader *reader, const uint8_t *data);

#endif
