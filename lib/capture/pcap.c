/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap.c: read pcap, the format of a file header and records.
 *
 * Where the draft leaves things open or files differ from it, this follows libpcap 1.10: the
 * versions with swapped lengths, the modified format, the sane limit on a packet's length, and
 * packets longer than the file's snapshot length, which are cut to it. Both words of a time are
 * unsigned, as the draft says, so that files reach to the year 2106. */
#include "capture_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define FILE_HEADER     24
#define RECORD_HEADER   16
#define MODIFIED_HEADER 24 /* interface index, protocol and packet type behind the lengths */
#define ETHERNET_HEADER 14

#define NS_PER_SECOND 1000000000u

/* DG/UX's tcpdump wrote this version, with the lengths in the order from before 2.3. */
#define VERSION_MAJOR_DGUX 543

uint32_t weir__length_max(uint16_t link_type)
{
	switch (link_type) {
	case 231: /* D-Bus: the specification's largest message */
		return 128u << 20;
	case 249: /* USBPcap */
		return 1u << 20;
	case 279: /* EBHSCR */
		return 8u << 20;
	default:
		return WEIR__SNAPLEN_MAX;
	}
}

uint32_t weir__snaplen(uint32_t declared, uint16_t link_type)
{
	return declared == 0 || declared > INT_MAX ? weir__length_max(link_type) : declared;
}

/* Before version 2.3 a record had the packet's length in front of the captured one, and some
 * programs went on with it in 2.3. */
static void order_lengths(
	const struct weir_capture_reader *reader, uint32_t *length, uint32_t *wire)
{
	uint32_t first = *length;

	if (reader->version_minor == 3 && first <= *wire)
		return;
	*length = *wire;
	*wire = first;
}

static int refuse_length(struct weir_capture_reader *reader, uint32_t length)
{
	return weir__source_damaged(&reader->source, weir__source_offset(&reader->source),
		"a packet record claims %u bytes, more than the %u that a packet of link type %u "
		"can have",
		length, reader->length_max, reader->link_type);
}

static int find(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data)
{
	struct weir__source *source = &reader->source;
	bool swapped = reader->swapped;
	uint32_t length, wire;
	const uint8_t *at;
	int got;

	got = weir__source_need(source, reader->record_header, "a packet record's header");
	if (weir_unlikely(got <= 0))
		return got;
	at = source->at;
	length = weir__load32(at + 8, swapped);
	wire = weir__load32(at + 12, swapped);
	if (weir_unlikely(reader->version_minor < 4))
		order_lengths(reader, &length, &wire);
	if (weir_unlikely(length > reader->length_max))
		return refuse_length(reader, length);
	packet->timestamp_ns = (uint64_t)weir__load32(at, swapped) * NS_PER_SECOND +
			       (uint64_t)weir__load32(at + 4, swapped) * reader->fraction_ns;

	reader->record_size = reader->record_header + length;
	got = weir__source_need(source, reader->record_size, "a packet record");
	if (weir_unlikely(got < 0))
		return got;
	packet->length = weir_likely(length <= reader->snaplen) ? length : reader->snaplen;
	packet->wire_length = wire;
	packet->interface = 0;
	packet->link_type = reader->link_type;
	packet->direction = WEIR_CAPTURE_UNKNOWN;
	*data = source->at + reader->record_header;
	return 1;
}

/* The same for what lies in the window, as nearly all do: find() is for the rest, old versions and
 * packets that are cut. */
static bool walk(const struct weir_capture_reader *reader, struct weir__walk *walk)
{
	const struct weir_capture_packet like = {.link_type = reader->link_type};
	bool cuts = reader->snaplen < reader->length_max;

	*walk = (struct weir__walk){.at = reader->source.at,
		.end = reader->source.end,
		.header = reader->record_header,
		.most = cuts ? reader->snaplen : reader->length_max,
		.fraction_ns = reader->fraction_ns,
		.kind = weir__record_kind(&like, (uint16_t)reader->record_header)};
	return reader->version_minor >= 4;
}

static uint32_t take(
	struct weir_capture_reader *reader, struct weir__record *records, uint32_t count)
{
	struct weir__walk on;
	uint32_t done = 0;

	if (weir_unlikely(!walk(reader, &on)))
		return 0;
	while (done < count && weir__walk_on(&on, &records[done]))
		done++;
	reader->source.at = on.at;
	return done;
}

/* The version decides the order of a record's lengths, which version_minor keeps for find(). */
static int take_version(struct weir_capture_reader *reader, uint32_t major, uint32_t minor)
{
	reader->version_minor = minor;
	if (major == 2 && minor <= 4)
		return 0;
	if (major == VERSION_MAJOR_DGUX && minor == 0)
		return 0;
	return weir__source_damaged(&reader->source, 4,
		"pcap version %u.%u is not known; 2.0 to 2.4 are", major, minor);
}

/* The modified format may have been captured in a way that put a made-up Ethernet header in front
 * of up to snaplen bytes. */
static void take_modified(struct weir_capture_reader *reader)
{
	reader->record_header = MODIFIED_HEADER;
	if (reader->link_type == WEIR_LINK_ETHERNET)
		reader->snaplen += ETHERNET_HEADER;
}

static void describe(struct weir_capture_reader *reader, uint32_t magic)
{
	snprintf(reader->description, sizeof(reader->description), "pcap%s, %s, %s endian",
		magic == WEIR__PCAP_MAGIC_MODIFIED ? " (modified)" : "",
		magic == WEIR__PCAP_MAGIC_NS ? "nanoseconds" : "microseconds",
		weir__byte_order(reader->swapped));
}

int weir__pcap_start(struct weir_capture_reader *reader, uint32_t magic)
{
	struct weir__source *source = &reader->source;
	const uint8_t *at;
	uint16_t link_type;
	int result;

	result = weir__source_need(source, FILE_HEADER, "the file header");
	if (result < 0)
		return result;
	at = source->at;
	result = take_version(reader, weir__load16(at + 4, reader->swapped),
		weir__load16(at + 6, reader->swapped));
	if (result < 0)
		return result;
	/* The upper half of the link type word tells of frame check sequences, or is reserved. */
	link_type = (uint16_t)weir__load32(at + 20, reader->swapped);
	reader->link_type = link_type;
	reader->length_max = weir__length_max(link_type);
	reader->snaplen = weir__snaplen(weir__load32(at + 16, reader->swapped), link_type);
	reader->fraction_ns = magic == WEIR__PCAP_MAGIC_NS ? 1 : 1000;
	reader->record_header = RECORD_HEADER;
	if (magic == WEIR__PCAP_MAGIC_MODIFIED)
		take_modified(reader);
	reader->find = find;
	reader->take = take;
	reader->walk = walk;
	describe(reader, magic);
	weir__remark_interface(reader, 0, link_type, weir__load32(at + 16, reader->swapped));
	source->at += FILE_HEADER;
	return 0;
}
