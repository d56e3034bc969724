/* SPDX-License-Identifier: BSD-3-Clause */
/* write.c: what is put into a capture file: packets, where they come from, figures. In the byte
 * order of this machine. */
#include "writer_impl.h"

#include "base/base_impl.h"
#include "blocks_impl.h"
#include "capture_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#define NS_PER_SECOND 1000000000u

/* More names would be an error of the program. */
#define SOURCES_MAX 65536

/* ---- sources and interfaces ---- */

static char *copy_or_null(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

int weir_capture_source(
	struct weir_capture_writer *writer, const struct weir_capture_source *source)
{
	struct weir_capture_source *grown =
		reallocarray(writer->sources, writer->source_count + 1, sizeof(*grown));
	bool failed = !grown || writer->source_count == SOURCES_MAX;

	if (grown)
		writer->sources = grown;
	if (failed)
		return weir__fail(ENOMEM, "%s: no memory for one more source", writer->sink.path);
	grown[writer->source_count] = (struct weir_capture_source){
		.name = copy_or_null(source->name, &failed),
		.description = copy_or_null(source->description, &failed),
		.filter = copy_or_null(source->filter, &failed),
	};
	writer->source_count++; /* what was copied is freed with it */
	if (failed)
		return weir__fail(ENOMEM, "%s: no memory for a name", writer->sink.path);
	return (int)writer->source_count - 1;
}

static bool is_of(
	const struct weir__written_interface *interface, uint32_t source, uint16_t link_type)
{
	return interface->source == source && interface->link_type == link_type;
}

/* The interface of this source and link type, or interface_count when there is none yet. */
static uint32_t find_interface(
	const struct weir_capture_writer *writer, uint32_t source, uint16_t link_type)
{
	uint32_t i = writer->last;

	if (i < writer->interface_count && is_of(&writer->interfaces[i], source, link_type))
		return i;
	for (i = 0; i < writer->interface_count; i++)
		if (is_of(&writer->interfaces[i], source, link_type))
			break;
	return i;
}

static size_t interface_size(const struct weir_capture_writer *writer, uint32_t source)
{
	const struct weir_capture_source *texts = &writer->sources[source];

	return WEIR__BLOCK_MAX + weir__text_size(texts->name) +
	       weir__text_size(texts->description) + weir__text_size(texts->filter);
}

/* Put the header that a first packet of this source and link type needs into the buffer, which has
 * room; and the memory for it has been made. */
static void add_interface(struct weir_capture_writer *writer, uint32_t source, uint16_t link_type)
{
	uint8_t *at = writer->buffer + writer->used;

	writer->interfaces[writer->interface_count++] =
		(struct weir__written_interface){.source = source, .link_type = link_type};
	if (writer->format == WEIR_CAPTURE_PCAPNG)
		writer->used += weir__interface_block(
			&writer->sources[source], writer->snaplen, at, link_type);
	else
		writer->used +=
			weir__pcap_file_header(writer->format, writer->snaplen, at, link_type);
}

/* Room for one more interface in the table, and for its block and size bytes in the buffer. */
static int prepare_interface(struct weir_capture_writer *writer, uint32_t source, size_t size)
{
	struct weir__written_interface *grown =
		reallocarray(writer->interfaces, writer->interface_count + 1, sizeof(*grown));

	if (!grown)
		return weir__fail(ENOMEM, "%s: no memory for an interface", writer->sink.path);
	writer->interfaces = grown;
	return weir__writer_room(writer, size + interface_size(writer, source));
}

/* The number of the interface, and room for size bytes behind; or -errno. */
static int need_interface(
	struct weir_capture_writer *writer, uint32_t source, uint16_t link_type, size_t size)
{
	uint32_t interface = find_interface(writer, source, link_type);
	int error;

	if (weir_likely(interface < writer->interface_count)) {
		error = weir__writer_room(writer, size);
		return error ? error : (int)interface;
	}
	error = prepare_interface(writer, source, size);
	if (error)
		return error;
	add_interface(writer, source, link_type);
	return (int)interface;
}

void weir__writer_add_missing_header(struct weir_capture_writer *writer)
{
	if (writer->interface_count == 0)
		need_interface(writer, 0, WEIR_LINK_ETHERNET, 0);
}

/* ---- packets ---- */

static int check_packet(const struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, const struct iovec *iov, uint32_t iov_count)
{
	bool pcapng = writer->format == WEIR_CAPTURE_PCAPNG;
	size_t sum = 0;

	for (uint32_t i = 0; i < iov_count; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
			sum = SIZE_MAX;
	if (weir_unlikely(sum != packet->length))
		return weir__fail(EINVAL, "%s: a packet of %u bytes was given in pieces of %zu",
			writer->sink.path, packet->length, sum);
	if (weir_unlikely(packet->length > UINT32_MAX - (1u << 20)))
		return weir__fail(EINVAL, "%s: a packet of %u bytes does not fit a block",
			writer->sink.path, packet->length);
	if (weir_unlikely(packet->interface >= writer->source_count))
		return weir__fail(
			EINVAL, "%s: there is no source %u", writer->sink.path, packet->interface);
	if (weir_unlikely(!pcapng && packet->timestamp_ns / NS_PER_SECOND > UINT32_MAX))
		return weir__fail(EINVAL,
			"%s: pcap holds times until February 2106 only; write pcapng",
			writer->sink.path);
	if (weir_unlikely(!pcapng && writer->interface_count == 1 &&
			  writer->interfaces[0].link_type != packet->link_type))
		return weir__fail(EINVAL,
			"%s: a pcap file holds one link type, here %u, and the packet has %u; "
			"write pcapng",
			writer->sink.path, writer->interfaces[0].link_type, packet->link_type);
	return 0;
}

/* Append to the buffer, which has room. */
static void put(struct weir_capture_writer *writer, const void *data, size_t size)
{
	if (size > 0) /* an empty piece may have no address */
		memcpy(writer->buffer + writer->used, data, size);
	writer->used += size;
}

/* The first length bytes of the pieces. */
static void put_pieces(struct weir_capture_writer *writer, const struct iovec *iov, size_t length)
{
	for (; length > 0; iov++) {
		size_t size = iov->iov_len < length ? iov->iov_len : length;

		put(writer, iov->iov_base, size);
		length -= size;
	}
}

/* The buffer has room. */
static void put_packet(struct weir_capture_writer *writer, const struct weir_capture_packet *packet,
	const struct iovec *iov, const struct weir_capture_note *note)
{
	uint8_t *at = writer->buffer + writer->used;

	if (writer->format != WEIR_CAPTURE_PCAPNG) {
		writer->used += weir__pcap_record_header(writer->format, packet, at);
		put_pieces(writer, iov, packet->length);
		return;
	}
	writer->used += weir__enhanced_header(packet, note, at, writer->last);
	put_pieces(writer, iov, packet->length);
	writer->used += weir__enhanced_trailer(packet, note, writer->buffer + writer->used);
}

int weir_capture_write_noted(struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, const struct iovec *iov, uint32_t iov_count,
	const struct weir_capture_note *note)
{
	bool pcapng = writer->format == WEIR_CAPTURE_PCAPNG;
	struct weir_capture_packet kept = *packet;
	size_t size;
	int result;

	if (weir_unlikely(writer->error != 0))
		return weir__writer_repeat_error(writer);
	result = check_packet(writer, packet, iov, iov_count);
	if (weir_unlikely(result < 0))
		return result;
	if (writer->cuts && kept.length > writer->snaplen)
		kept.length = writer->snaplen;
	if (!pcapng && writer->interface_count == 1)
		kept.interface = writer->interfaces[0].source; /* there is one for all */
	size = (size_t)kept.length + WEIR__BLOCK_MAX + (note ? weir__text_size(note->comment) : 0);
	result = need_interface(writer, kept.interface, kept.link_type, size);
	if (weir_unlikely(result < 0))
		return result;
	writer->last = (uint32_t)result;
	put_packet(writer, &kept, iov, note);
	weir__amount_add(&writer->given, 1, kept.length);
	return 0;
}

int weir_capture_write(struct weir_capture_writer *writer, const struct weir_capture_packet *packet,
	const struct iovec *iov, uint32_t iov_count)
{
	struct weir_capture_packet plain = *packet;

	plain.interface = 0;
	return weir_capture_write_noted(writer, &plain, iov, iov_count, NULL);
}

/* ---- figures ---- */

/* The first interface of a source, or -1. */
static int first_interface(const struct weir_capture_writer *writer, uint32_t source)
{
	for (uint32_t i = 0; i < writer->interface_count; i++)
		if (writer->interfaces[i].source == source)
			return (int)i;
	return -1;
}

int weir_capture_source_stats(
	struct weir_capture_writer *writer, uint32_t source, const struct weir_capture_stats *stats)
{
	size_t size = WEIR__BLOCK_MAX + weir__text_size(stats->comment);
	int interface;

	if (writer->error != 0)
		return weir__writer_repeat_error(writer);
	if (source >= writer->source_count)
		return weir__fail(EINVAL, "%s: there is no source %u", writer->sink.path, source);
	if (writer->format != WEIR_CAPTURE_PCAPNG)
		return 0;
	interface = first_interface(writer, source);
	if (interface < 0)
		interface = need_interface(writer, source, WEIR_LINK_ETHERNET, size);
	else if (weir__writer_room(writer, size) < 0)
		interface = -errno;
	if (interface < 0)
		return interface;
	writer->used +=
		weir__stats_block(stats, writer->buffer + writer->used, (uint32_t)interface);
	return 0;
}
