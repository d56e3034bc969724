/* SPDX-License-Identifier: BSD-3-Clause */
/* keep.c: write packets from where they lie, when it is worth it. */
#include "keep_impl.h"

#include "base/base_impl.h"
#include "blocks_impl.h"
#include "writer_impl.h"

#include <assert.h>

static_assert(WEIR__KEEP_HEADROOM == WEIR__RECORD_HEADER, "a header fits in front");

/* What a run costs, a system call and the buffer's in front of it, is 16 copies of small packets.
 * So many have to follow each other first, which packets do that others are missing between. */
#define STREAK 16

/* A pcap file, plain, of which we know that it takes all at once: a pipe might leave a rest. */
static bool can_keep(
	const struct weir_capture_writer *writer, const struct weir_capture_packet *packet)
{
	return writer->format != WEIR_CAPTURE_PCAPNG && !writer->codec && writer->sink.is_regular &&
	       !writer->cuts && !writer->error && writer->interface_count == 1 &&
	       writer->interfaces[0].link_type == packet->link_type &&
	       packet->timestamp_ns / 1000000000u <= UINT32_MAX;
}

/* Does it follow the last one, and that one others, so that they are worth a run? */
static bool belongs(struct weir__run *run, const struct weir__block *block, const uint8_t *record)
{
	if (run->start)
		return run->end == record && run->block == block;
	run->streak = run->last == record ? run->streak + 1 : 0;
	return run->streak >= STREAK;
}

static void begin(const struct weir_capture_writer *writer, struct weir__run *run,
	struct weir__block *block, uint8_t *record)
{
	weir__block_take(block, 1);
	*run = (struct weir__run){.block = block,
		.start = record,
		.limit = block->bytes + block->size,
		.micro = writer->format == WEIR_CAPTURE_PCAP_US,
		.link_type = writer->interfaces[0].link_type};
}

struct weir__run *weir__capture_run(struct weir_capture_writer *writer)
{
	return &writer->run;
}

bool weir__capture_keep(struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, struct weir__block *block, uint8_t *data)
{
	uint8_t *record = data - WEIR__RECORD_HEADER;
	struct weir__run *run = &writer->run;

	if (weir_unlikely(!can_keep(writer, packet)))
		return false;
	if (weir_unlikely(!belongs(run, block, record))) {
		run->last = data + packet->length;
		return false; /* whoever writes it brings the run to the file first */
	}
	if (weir_unlikely(!run->start))
		begin(writer, run, block, record);
	weir__pcap_record_header(writer->format, packet, record);
	run->last = run->end = data + packet->length;
	run->packets++;
	return true;
}
