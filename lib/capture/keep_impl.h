/* SPDX-License-Identifier: BSD-3-Clause */
/* keep_impl.h: packets that are written from where they lie.
 *
 *	block    | ... [ header | data ][ header | data ][ header | data ] ...
 *	                ^ start                                           ^ end
 *
 * A packet that was read into a block (base/block_impl.h) has in front of it the bytes that were
 * the header of its record, which are its own. The header of the record to be written is put there;
 * so packets that follow each other in the block as they did in the file they came from are one
 * piece, a run, and go to the other file by one system call, without a copy on the way.
 */
#ifndef WEIR_KEEP_IMPL_H
#define WEIR_KEEP_IMPL_H

#include "base/block_impl.h"
#include "weir/capture_write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes in front of a packet that are needed. */
#define WEIR__KEEP_HEADROOM 16

/* What is kept; behind end comes what is kept next. */
struct weir__run {
	struct weir__block *block; /* with a reference as long as there is a start */
	uint8_t *start;            /* NULL: no packet is kept */
	uint8_t *end;
	const uint8_t *limit; /* the block's end */
	uint64_t packets;
	uint16_t link_type;
	bool micro;          /* the unit of a record's second time word */
	uint32_t streak;     /* packets that followed each other, but were copied */
	const uint8_t *last; /* where the last of those ended */
};

/* The writer's. */
struct weir__run *weir__capture_run(struct weir_capture_writer *writer);

/* Write a packet whose bytes lie at data in the block, with WEIR__KEEP_HEADROOM bytes in front that
 * are its own, as all of them are from now on the writer's. false: it must be written by
 * weir_capture_write(), for which nothing was changed. */
bool weir__capture_keep(struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, struct weir__block *block, uint8_t *data);

/* The same for nearly all packets: it comes next, in the block that the run is in, and in the
 * second that the header in front of it is of, which saves the division. */
static inline bool weir__run_goes_on(
	struct weir__run *run, const struct weir_capture_packet *packet, uint8_t *data)
{
	uint32_t words[4]; /* seconds, fraction, both lengths */
	uint64_t fraction;

	if (data - WEIR__KEEP_HEADROOM != run->end || packet->length > run->limit - data)
		return false;
	memcpy(&words[0], run->end, sizeof(words[0]));
	fraction = packet->timestamp_ns - words[0] * (uint64_t)1000000000u;
	if (fraction >= 1000000000u || packet->link_type != run->link_type)
		return false;
	words[1] = (uint32_t)fraction;
	if (run->micro)
		words[1] /= 1000;
	words[2] = packet->length;
	words[3] = packet->wire_length;
	memcpy(run->end, words, sizeof(words));
	run->end = data + packet->length;
	run->packets++;
	return true;
}

#endif
