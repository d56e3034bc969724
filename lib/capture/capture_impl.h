/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_impl.h: the reader, shared by reader.c and the two formats, pcap.c and pcapng.c. */
#ifndef WEIR_CAPTURE_IMPL_H
#define WEIR_CAPTURE_IMPL_H

#include "source_impl.h"
#include "take_impl.h"
#include "weir/capture.h"

#include <string.h>

/* The first word of a pcap file, in the byte order of its writer. */
#define WEIR__PCAP_MAGIC_US       0xa1b2c3d4u
#define WEIR__PCAP_MAGIC_NS       0xa1b23c4du
#define WEIR__PCAP_MAGIC_MODIFIED 0xa1b2cd34u /* Alexey Kuznetsov's, with longer records */

/* pcapng blocks: the draft's section 4 and, for the obsolete one, appendix A. */
#define WEIR__PCAPNG_SECTION    0x0a0d0d0au /* the same in both byte orders */
#define WEIR__PCAPNG_INTERFACE  1u
#define WEIR__PCAPNG_PACKET     2u /* obsolete */
#define WEIR__PCAPNG_SIMPLE     3u
#define WEIR__PCAPNG_STATISTICS 5u
#define WEIR__PCAPNG_ENHANCED   6u
#define WEIR__PCAPNG_ORDER      0x1a2b3c4du

/* The largest packet of most link types, as libpcap and Wireshark have it. */
#define WEIR__SNAPLEN_MAX 262144u

struct weir__interface {
	uint64_t multiply; /* time in the file * multiply / divide >> shift = nanoseconds */
	uint64_t divide;
	int64_t offset_s;
	uint32_t snaplen;
	uint16_t link_type;
	uint8_t shift;
	bool whole; /* nothing but a multiplication */
};

struct weir_capture_reader {
	struct weir__source source; /* at the next packet's record, which has not been passed */

	/* Parse the record at the source, after passing blocks without a packet: 1 with everything
	 * filled in, 0 at the end, or -errno with the sentence said. Straight into the caller's
	 * struct: a copy kept here would be stored in words and loaded in vectors, which stalls. */
	int (*find)(struct weir_capture_reader *reader, struct weir_capture_packet *packet,
		uint8_t **data);
	/* weir__capture_take() of this format, for files of this byte order. */
	uint32_t (*take)(
		struct weir_capture_reader *reader, struct weir__record *records, uint32_t count);
	/* weir__capture_walk() of this format; NULL: it has none. */
	bool (*walk)(const struct weir_capture_reader *reader, struct weir__walk *walk);
	size_t record_size; /* bytes from source.at to the next record */
	bool peeked;        /* record_size is valid, the packet's bytes have this machine's order */
	bool ended;         /* result and sentence are what every further call gets */
	bool swapped;       /* the file, or this section of it, has the other byte order */

	/* pcap */
	uint16_t link_type;
	uint32_t record_header;
	uint32_t snaplen;
	uint32_t length_max;
	uint32_t fraction_ns; /* unit of a record's second time word */
	uint32_t version_minor;

	/* pcapng */
	struct weir__interface *interfaces; /* of this section */
	uint32_t interface_count;
	uint32_t interface_room;
	uint32_t interface_first; /* interfaces in the sections before */
	uint32_t block_max;

	void (*hear)(void *context, const struct weir_capture_remark *remark); /* or NULL */
	void *hear_context;

	int result;
	char *sentence;
	char description[64];
};

/* remarks.c: tell of an interface, and of the options of a section (WEIR_CAPTURE_SECTION) or of an
 * interface, which start at options. */
void weir__remark_interface(const struct weir_capture_reader *reader, uint32_t number,
	uint16_t link_type, uint32_t declared);
void weir__remark_options(const struct weir_capture_reader *reader, uint32_t number,
	const uint8_t *options, size_t size);

/* Parse the header at the start of the source and set find: 0 or -errno with the sentence said. */
int weir__pcap_start(struct weir_capture_reader *reader, uint32_t magic);
int weir__pcapng_start(struct weir_capture_reader *reader);

/* The longest packet that is taken for sane, by link type. */
uint32_t weir__length_max(uint16_t link_type);

/* The snapshot length that a header with this value means. */
uint32_t weir__snaplen(uint32_t declared, uint16_t link_type);

/* Turn what link types keep in the byte order of the capturing machine, which is not ours. */
void weir__pseudo_header_to_host(const struct weir_capture_packet *packet, uint8_t *data);

/* "little" or "big", of the file. */
const char *weir__byte_order(bool swapped);

static inline uint16_t weir__load16(const uint8_t *at, bool swapped)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t weir__load32(const uint8_t *at, bool swapped)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

static inline uint64_t weir__load64(const uint8_t *at, bool swapped)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap64(value) : value;
}

#endif
