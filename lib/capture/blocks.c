/* SPDX-License-Identifier: BSD-3-Clause */
/* blocks.c: blocks and headers of capture files as they are written. */
#include "blocks_impl.h"

#include "base/base_impl.h"
#include "capture_impl.h"

#include <string.h>

#define NS_PER_SECOND 1000000000u

static size_t add16(uint8_t *at, size_t used, uint16_t value)
{
	memcpy(at + used, &value, sizeof(value));
	return used + sizeof(value);
}

size_t weir__add32(uint8_t *at, size_t used, uint32_t value)
{
	memcpy(at + used, &value, sizeof(value));
	return used + sizeof(value);
}

size_t weir__pcap_file_header(
	enum weir_capture_format format, uint32_t snaplen, uint8_t *at, uint16_t link_type)
{
	bool micro = format == WEIR_CAPTURE_PCAP_US;
	size_t used;

	used = weir__add32(at, 0, micro ? WEIR__PCAP_MAGIC_US : WEIR__PCAP_MAGIC_NS);
	used = add16(at, used, 2); /* version 2.4 */
	used = add16(at, used, 4);
	used = weir__add32(at, used, 0); /* two words that are always 0 */
	used = weir__add32(at, used, 0);
	used = weir__add32(at, used, snaplen);
	return weir__add32(at, used, link_type);
}

/* ---- options: code, length, value, padding to 4 bytes; a code of 0 ends them ---- */

/* Codes of the draft's sections 3.5 and 4. */
enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_APPLICATION = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_TSRESOL = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	EPB_DROPCOUNT = 4,
	EPB_QUEUE = 6,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_FILTERACCEPT = 6,
	ISB_OSDROP = 7,
	ISB_USRDELIV = 8,
};

#define OPTION_HEADER 4

static size_t add_option(uint8_t *at, size_t used, uint16_t code, const void *value, size_t size)
{
	size_t padding = weir__round_up(size, 4) - size;

	used = add16(at, used, code);
	used = add16(at, used, (uint16_t)size);
	memcpy(at + used, value, size);
	memset(at + used + size, 0, padding);
	return used + size + padding;
}

static size_t text_length(const char *text)
{
	return strnlen(text, UINT16_MAX);
}

static size_t add_text(uint8_t *at, size_t used, uint16_t code, const char *text)
{
	return text ? add_option(at, used, code, text, text_length(text)) : used;
}

static size_t add_number(uint8_t *at, size_t used, uint16_t code, uint64_t number)
{
	if (number == UINT64_MAX)
		return used;
	return add_option(at, used, code, &number, sizeof(number));
}

/* The upper half comes first, in either byte order. */
static size_t add_time(uint8_t *at, size_t used, uint64_t ns)
{
	used = weir__add32(at, used, (uint32_t)(ns >> 32));
	return weir__add32(at, used, (uint32_t)ns);
}

size_t weir__text_size(const char *text)
{
	/* and a filter has a byte in front */
	return text ? OPTION_HEADER + weir__round_up(text_length(text) + 1, 4) : 0;
}

/* ---- blocks ---- */

static size_t begin_block(uint8_t *at, uint32_t type)
{
	return weir__add32(at, weir__add32(at, 0, type), 0); /* its length comes in the end */
}

static size_t end_block(uint8_t *at, size_t used)
{
	uint32_t length = (uint32_t)used + 4;

	weir__add32(at, 4, length);
	return weir__add32(at, used, length);
}

/* The end of the options, if there are any behind fixed bytes. */
static size_t end_options(uint8_t *at, size_t used, size_t fixed)
{
	return used == fixed ? used : weir__add32(at, used, OPT_END);
}

size_t weir__section_block(const struct weir_capture_file *file, uint8_t *at)
{
	size_t used = begin_block(at, WEIR__PCAPNG_SECTION), fixed;

	used = weir__add32(at, used, WEIR__PCAPNG_ORDER);
	used = add16(at, used, 1); /* version 1.0 */
	used = add16(at, used, 0);
	used = weir__add32(at, used, UINT32_MAX); /* the section's length is not known */
	fixed = used = weir__add32(at, used, UINT32_MAX);
	used = add_text(at, used, OPT_COMMENT, file->comment);
	used = add_text(at, used, SHB_APPLICATION, file->application);
	return end_block(at, end_options(at, used, fixed));
}

/* A byte of 0 says that the filter is text. */
static size_t add_filter(uint8_t *at, size_t used, const char *filter)
{
	size_t length, padding;

	if (!filter)
		return used;
	length = strnlen(filter, UINT16_MAX - 1);
	padding = weir__round_up(length + 1, 4) - length - 1;
	used = add16(at, used, IF_FILTER);
	used = add16(at, used, (uint16_t)(length + 1));
	at[used++] = 0;
	memcpy(at + used, filter, length);
	memset(at + used + length, 0, padding);
	return used + length + padding;
}

size_t weir__interface_block(
	const struct weir_capture_source *source, uint32_t snaplen, uint8_t *at, uint16_t link_type)
{
	const uint8_t nanoseconds = 9; /* 10^-9 seconds */
	size_t used = begin_block(at, WEIR__PCAPNG_INTERFACE);

	used = add16(at, used, link_type);
	used = add16(at, used, 0);
	used = weir__add32(at, used, snaplen);
	used = add_text(at, used, IF_NAME, source->name);
	used = add_text(at, used, IF_DESCRIPTION, source->description);
	used = add_option(at, used, IF_TSRESOL, &nanoseconds, 1);
	used = add_filter(at, used, source->filter);
	return end_block(at, weir__add32(at, used, OPT_END));
}

static size_t add_time_option(uint8_t *at, size_t used, uint16_t code, uint64_t ns)
{
	uint8_t words[8];

	if (ns == UINT64_MAX)
		return used;
	add_time(words, 0, ns);
	return add_option(at, used, code, words, sizeof(words));
}

size_t weir__stats_block(const struct weir_capture_stats *stats, uint8_t *at, uint32_t interface)
{
	size_t used = weir__add32(at, begin_block(at, WEIR__PCAPNG_STATISTICS), interface), fixed;

	fixed = used = add_time(at, used, stats->to_ns == UINT64_MAX ? 0 : stats->to_ns);
	used = add_text(at, used, OPT_COMMENT, stats->comment);
	used = add_time_option(at, used, ISB_STARTTIME, stats->from_ns);
	used = add_time_option(at, used, ISB_ENDTIME, stats->to_ns);
	used = add_number(at, used, ISB_IFRECV, stats->received);
	used = add_number(at, used, ISB_IFDROP, stats->interface_dropped);
	used = add_number(at, used, ISB_FILTERACCEPT, stats->accepted);
	used = add_number(at, used, ISB_OSDROP, stats->kernel_dropped);
	used = add_number(at, used, ISB_USRDELIV, stats->delivered);
	return end_block(at, end_options(at, used, fixed));
}

/* As epb_flags has it. */
static uint32_t direction_of(
	const struct weir_capture_packet *packet, const struct weir_capture_note *note)
{
	return note && note->direction ? (uint32_t)note->direction : packet->direction;
}

/* What is said of a packet; returns used as it was when nothing is. */
static size_t add_note(uint8_t *at, size_t used, const struct weir_capture_packet *packet,
	const struct weir_capture_note *note)
{
	uint32_t flags = direction_of(packet, note);

	if (note)
		used = add_text(at, used, OPT_COMMENT, note->comment);
	if (flags)
		used = add_option(at, used, EPB_FLAGS, &flags, sizeof(flags));
	if (note && note->lost)
		used = add_number(at, used, EPB_DROPCOUNT, note->lost);
	if (note && note->has_queue)
		used = add_option(at, used, EPB_QUEUE, &note->queue, sizeof(note->queue));
	return used;
}

static uint32_t note_size(
	const struct weir_capture_packet *packet, const struct weir_capture_note *note)
{
	uint32_t size = direction_of(packet, note) ? 8 : 0;

	if (note && note->comment)
		size += OPTION_HEADER + (uint32_t)weir__round_up(text_length(note->comment), 4);
	size += note && note->lost && note->lost != UINT64_MAX ? 12 : 0;
	size += note && note->has_queue ? 8 : 0;
	return size ? size + 4 : 0; /* and their end */
}

static uint32_t enhanced_length(
	const struct weir_capture_packet *packet, const struct weir_capture_note *note)
{
	return 28 + (uint32_t)weir__round_up(packet->length, 4) + note_size(packet, note) + 4;
}

size_t weir__enhanced_header(const struct weir_capture_packet *packet,
	const struct weir_capture_note *note, uint8_t *at, uint32_t interface)
{
	size_t used;

	used = weir__add32(at, 0, WEIR__PCAPNG_ENHANCED);
	used = weir__add32(at, used, enhanced_length(packet, note));
	used = weir__add32(at, used, interface);
	used = add_time(at, used, packet->timestamp_ns);
	used = weir__add32(at, used, packet->length);
	return weir__add32(at, used, packet->wire_length);
}

size_t weir__enhanced_trailer(
	const struct weir_capture_packet *packet, const struct weir_capture_note *note, uint8_t *at)
{
	size_t padding = weir__round_up(packet->length, 4) - packet->length, used;

	memset(at, 0, padding);
	used = end_options(at, add_note(at, padding, packet, note), padding);
	return weir__add32(at, used, enhanced_length(packet, note));
}

size_t weir__pcap_record_header(
	enum weir_capture_format format, const struct weir_capture_packet *packet, uint8_t *at)
{
	uint32_t unit = format == WEIR_CAPTURE_PCAP_US ? 1000 : 1;
	uint32_t fraction = (uint32_t)(packet->timestamp_ns % NS_PER_SECOND);
	size_t used;

	used = weir__add32(at, 0, (uint32_t)(packet->timestamp_ns / NS_PER_SECOND));
	used = weir__add32(at, used, fraction / unit);
	used = weir__add32(at, used, packet->length);
	return weir__add32(at, used, packet->wire_length);
}
