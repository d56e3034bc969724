/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng.c: read pcapng, the format of blocks.
 *
 * A file is a row of sections, each with its own byte order and its own interfaces; packets name
 * their interface by its number in the section. Blocks that carry no packet and no interface are
 * passed unread, however long they are. A block that is read must lie in the window as a whole, so
 * its length has a limit. */
#include "capture_impl.h"
#include "pcapng_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_HEADER     8  /* type and length */
#define BLOCK_LENGTH_MIN 12 /* and the length once more at the end */
#define BLOCK_TRAILER    4

/* The bytes in front of the packet, or of the options. */
#define SECTION_FIXED   24
#define INTERFACE_FIXED 16
#define PACKET_FIXED    28
#define SIMPLE_FIXED    12

/* libpcap's first limit; and what it allows for options besides the largest packet. */
#define BLOCK_MAX   (16u << 20)
#define OPTIONS_MAX (128u << 10)

/* More would be an attack on our memory. */
#define INTERFACES_MAX (1u << 20)

static int damaged_block(const struct weir_capture_reader *reader, const char *what)
{
	return weir__source_damaged(
		&reader->source, weir__source_offset(&reader->source), "%s", what);
}

/* The block header is in the window: its length, or 0 with the sentence said. */
static uint32_t block_length(const struct weir_capture_reader *reader, uint32_t least)
{
	const uint8_t *at = reader->source.at;
	uint32_t length = weir__load32(at + 4, reader->swapped);

	if (length < least || length % 4 != 0) {
		weir__source_damaged(&reader->source, weir__source_offset(&reader->source),
			"a block of type 0x%x claims a length of %u bytes; it must be a multiple "
			"of 4 and at least %u",
			weir__load32(at, reader->swapped), length, least);
		return 0;
	}
	return length;
}

static int check_trailer(const struct weir_capture_reader *reader, uint64_t block_offset,
	const uint8_t *trailer, uint32_t length)
{
	uint32_t second = weir__load32(trailer, reader->swapped);

	if (weir_likely(second == length))
		return 1;
	return weir__source_damaged(&reader->source, block_offset,
		"a block has a length of %u bytes at its start and of %u at its end", length,
		second);
}

/* Bring the whole block into the window: 1, or -errno with the sentence said. */
static int need_block(struct weir_capture_reader *reader, uint32_t least, uint32_t *length)
{
	struct weir__source *source = &reader->source;
	int got;

	*length = block_length(reader, least);
	if (weir_unlikely(*length == 0))
		return -EBADMSG;
	if (weir_unlikely(*length > reader->block_max))
		return weir__source_damaged(source, weir__source_offset(source),
			"a block claims %u bytes, more than the %u that are read", *length,
			reader->block_max);
	got = weir__source_need(source, *length, "a block");
	if (weir_unlikely(got < 0))
		return got;
	return check_trailer(
		reader, weir__source_offset(source), source->at + *length - BLOCK_TRAILER, *length);
}

/* Pass a block whose header is in the window. */
static int skip_block(struct weir_capture_reader *reader)
{
	struct weir__source *source = &reader->source;
	uint64_t offset = weir__source_offset(source);
	uint32_t length = block_length(reader, BLOCK_LENGTH_MIN);
	int got;

	if (length == 0)
		return -EBADMSG;
	got = weir__source_skip(source, length - BLOCK_TRAILER, "a block");
	if (got < 0)
		return got;
	got = weir__source_need(source, BLOCK_TRAILER, "a block's end");
	if (got == 0)
		return weir__source_damaged(source, offset, "the file ends inside a block");
	if (got < 0)
		return got;
	got = check_trailer(reader, offset, source->at, length);
	source->at += BLOCK_TRAILER;
	return got;
}

/* Pass a section's header, and tell what stands in it. A long one is passed unread. */
static int hear_section(struct weir_capture_reader *reader)
{
	uint32_t length = block_length(reader, SECTION_FIXED + BLOCK_TRAILER);
	int got;

	if (length > reader->block_max)
		return skip_block(reader);
	got = need_block(reader, SECTION_FIXED + BLOCK_TRAILER, &length);
	if (got < 0)
		return got;
	weir__remark_options(reader, WEIR_CAPTURE_SECTION, reader->source.at + SECTION_FIXED,
		length - SECTION_FIXED - BLOCK_TRAILER);
	reader->source.at += length;
	return 1;
}

/* A section starts: its byte order comes before its length can be read. */
static int take_section(struct weir_capture_reader *reader)
{
	const uint8_t *at;
	uint32_t order;
	int got;

	got = weir__source_need(&reader->source, SECTION_FIXED, "a section header");
	if (got < 0)
		return got;
	at = reader->source.at;
	order = weir__load32(at + 8, false);
	if (order != WEIR__PCAPNG_ORDER && order != __builtin_bswap32(WEIR__PCAPNG_ORDER))
		return damaged_block(reader, "a section header without a byte-order magic");
	reader->swapped = order != WEIR__PCAPNG_ORDER;
	if (block_length(reader, SECTION_FIXED + BLOCK_TRAILER) == 0)
		return -EBADMSG;
	/* 1.2 is 1.0, written by programs that took new block types for a new version. */
	if (weir__load16(at + 12, reader->swapped) != 1 ||
		(weir__load16(at + 14, reader->swapped) & ~2u) != 0)
		return weir__source_damaged(&reader->source, weir__source_offset(&reader->source),
			"pcapng version %u.%u is not known; 1.0 and 1.2 are",
			weir__load16(at + 12, reader->swapped),
			weir__load16(at + 14, reader->swapped));
	reader->interface_first += reader->interface_count;
	reader->interface_count = 0;
	return reader->hear != NULL ? hear_section(reader) : skip_block(reader);
}

static struct weir__interface *add_interface(struct weir_capture_reader *reader)
{
	uint32_t room = reader->interface_room == 0 ? 4 : 2 * reader->interface_room;
	struct weir__interface *larger;

	if (reader->interface_count == reader->interface_room) {
		larger = reallocarray(reader->interfaces, room, sizeof(*larger));
		if (larger == NULL)
			return weir__fail_null(ENOMEM, "%s: no memory for %u interfaces",
				reader->source.path, room);
		reader->interfaces = larger;
		reader->interface_room = room;
	}
	return &reader->interfaces[reader->interface_count];
}

static int take_interface(struct weir_capture_reader *reader)
{
	struct weir__interface *interface;
	const char *trouble;
	const uint8_t *at;
	uint32_t length, most;
	int got;

	got = need_block(reader, INTERFACE_FIXED + BLOCK_TRAILER, &length);
	if (got < 0)
		return got;
	if (reader->interface_count == INTERFACES_MAX)
		return damaged_block(reader, "a section with more than 1048576 interfaces");
	interface = add_interface(reader);
	if (interface == NULL)
		return -ENOMEM;
	at = reader->source.at;
	interface->link_type = weir__load16(at + 8, reader->swapped);
	interface->snaplen =
		weir__snaplen(weir__load32(at + 12, reader->swapped), interface->link_type);
	trouble = weir__interface_times(interface, at + INTERFACE_FIXED,
		length - INTERFACE_FIXED - BLOCK_TRAILER, reader->swapped);
	if (trouble != NULL)
		return damaged_block(reader, trouble);
	most = weir__length_max(interface->link_type) + PACKET_FIXED + OPTIONS_MAX + BLOCK_TRAILER;
	if (most > reader->block_max)
		reader->block_max = most;
	weir__remark_interface(reader, reader->interface_first + reader->interface_count,
		interface->link_type, weir__load32(at + 12, reader->swapped));
	weir__remark_options(reader, reader->interface_first + reader->interface_count,
		at + INTERFACE_FIXED, length - INTERFACE_FIXED - BLOCK_TRAILER);
	reader->interface_count++;
	reader->source.at += length;
	return 1;
}

/* The end of all three packet blocks: the packet lies behind fixed bytes of a block of so many. */
static int take_packet(struct weir_capture_reader *reader, const struct weir__interface *interface,
	struct weir_capture_packet *packet, uint32_t fixed, uint32_t block)
{
	uint32_t room = block - fixed - BLOCK_TRAILER;

	if (weir_unlikely(packet->length > interface->snaplen || packet->length > room))
		return weir__source_damaged(&reader->source, weir__source_offset(&reader->source),
			"a packet block claims %u bytes, more than %s of %u", packet->length,
			packet->length > room ? "its room" : "its interface's snapshot length",
			packet->length > room ? room : interface->snaplen);
	packet->link_type = interface->link_type;
	reader->record_size = block;
	return 1;
}

static const struct weir__interface *find_interface(
	const struct weir_capture_reader *reader, uint32_t number)
{
	if (weir_unlikely(number >= reader->interface_count)) {
		weir__source_damaged(&reader->source, weir__source_offset(&reader->source),
			"a packet of interface %u, but the section has described %u", number,
			reader->interface_count);
		return NULL;
	}
	return &reader->interfaces[number];
}

/* An enhanced packet block, or the obsolete packet block, which has 16 bits for the interface and
 * a count of drops where the enhanced one has 32 bits. */
static int take_enhanced(struct weir_capture_reader *reader, struct weir_capture_packet *packet,
	uint8_t **data, bool obsolete)
{
	const struct weir__interface *interface;
	bool swapped = reader->swapped;
	const uint8_t *at;
	uint32_t length, number;
	int got;

	got = need_block(reader, PACKET_FIXED + BLOCK_TRAILER, &length);
	if (weir_unlikely(got < 0))
		return got;
	at = reader->source.at;
	number = obsolete ? weir__load16(at + 8, swapped) : weir__load32(at + 8, swapped);
	interface = find_interface(reader, number);
	if (weir_unlikely(interface == NULL))
		return -EBADMSG;
	packet->interface = reader->interface_first + number;
	packet->timestamp_ns = weir__interface_ns(interface,
		(uint64_t)weir__load32(at + 12, swapped) << 32 | weir__load32(at + 16, swapped));
	packet->length = weir__load32(at + 20, swapped);
	packet->wire_length = weir__load32(at + 24, swapped);
	*data = reader->source.at + PACKET_FIXED;
	packet->direction = weir__packet_direction(
		*data, packet->length, length - PACKET_FIXED - BLOCK_TRAILER, swapped);
	return take_packet(reader, interface, packet, PACKET_FIXED, length);
}

/* A simple packet block has no time, belongs to the first interface and is cut to its snaplen. */
static int take_simple(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data)
{
	const struct weir__interface *interface;
	uint32_t length;
	int got;

	got = need_block(reader, SIMPLE_FIXED + BLOCK_TRAILER, &length);
	if (got < 0)
		return got;
	interface = find_interface(reader, 0);
	if (interface == NULL)
		return -EBADMSG;
	packet->interface = reader->interface_first;
	packet->timestamp_ns = 0;
	packet->direction = WEIR_CAPTURE_UNKNOWN;
	packet->wire_length = weir__load32(reader->source.at + 8, reader->swapped);
	packet->length = packet->wire_length;
	if (packet->length > interface->snaplen)
		packet->length = interface->snaplen;
	*data = reader->source.at + SIMPLE_FIXED;
	return take_packet(reader, interface, packet, SIMPLE_FIXED, length);
}

/* 1 with a packet, 2 when the block was none, 0 at the end, or -errno. */
static int take_block(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data)
{
	int got = weir__source_need(&reader->source, BLOCK_LENGTH_MIN, "a block");

	if (weir_unlikely(got <= 0))
		return got;
	switch (weir__load32(reader->source.at, reader->swapped)) {
	case WEIR__PCAPNG_ENHANCED:
		return take_enhanced(reader, packet, data, false);
	case WEIR__PCAPNG_PACKET:
		return take_enhanced(reader, packet, data, true);
	case WEIR__PCAPNG_SIMPLE:
		return take_simple(reader, packet, data);
	case WEIR__PCAPNG_INTERFACE:
		got = take_interface(reader);
		break;
	case WEIR__PCAPNG_SECTION:
		got = take_section(reader);
		break;
	default:
		got = skip_block(reader);
	}
	return got < 0 ? got : 2;
}

static int find(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data)
{
	int got;

	do {
		got = take_block(reader, packet, data);
	} while (got == 2);
	return got;
}

/* Enhanced packet blocks that lie in the window and are as they should be; take_enhanced() is for
 * all others, and says what is wrong. */
static uint32_t take(
	struct weir_capture_reader *reader, struct weir__record *records, uint32_t count)
{
	const uint8_t *end = reader->source.end;
	uint8_t *at = reader->source.at;
	uint32_t done = 0;

	for (; done < count && end - at >= PACKET_FIXED + BLOCK_TRAILER; done++) {
		const struct weir__interface *interface;
		struct weir__record *record = &records[done];
		uint32_t block = weir__load32(at + 4, false);
		uint32_t number = weir__load32(at + 8, false);
		uint32_t length = weir__load32(at + 20, false);

		__builtin_prefetch(at + WEIR__TAKE_AHEAD);
		if (weir__load32(at, false) != WEIR__PCAPNG_ENHANCED || block % 4 != 0 ||
			block < PACKET_FIXED + BLOCK_TRAILER || block > reader->block_max ||
			(size_t)(end - at) < block || number >= reader->interface_count ||
			weir__load32(at + block - BLOCK_TRAILER, false) != block)
			break;
		interface = &reader->interfaces[number];
		if (length > interface->snaplen || length > block - PACKET_FIXED - BLOCK_TRAILER)
			break;
		record->timestamp_ns =
			weir__interface_ns(interface, (uint64_t)weir__load32(at + 12, false) << 32 |
							      weir__load32(at + 16, false));
		record->data = at + PACKET_FIXED;
		record->length = length;
		record->wire_length = weir__load32(at + 24, false);
		record->kind = weir__record_kind(
			&(struct weir_capture_packet){.interface = reader->interface_first + number,
				.link_type = interface->link_type,
				.direction = weir__packet_direction(record->data, length,
					block - PACKET_FIXED - BLOCK_TRAILER, false)},
			PACKET_FIXED);
		at += block;
	}
	reader->source.at = at;
	return done;
}

int weir__pcapng_start(struct weir_capture_reader *reader)
{
	int result;

	reader->interface_count = 0;
	reader->interface_first = 0;
	reader->block_max = BLOCK_MAX;
	result = take_section(reader);
	if (result < 0)
		return result;
	reader->find = find;
	reader->take = take;
	reader->walk = NULL;
	snprintf(reader->description, sizeof(reader->description), "pcapng, %s endian",
		weir__byte_order(reader->swapped));
	return 0;
}
