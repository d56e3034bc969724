/* SPDX-License-Identifier: BSD-3-Clause */
/* writer.c: write pcap and pcapng, in the byte order of this machine, through a large buffer. */
#include "capture_impl.h"

#include "base/base_impl.h"
#include "weir/base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

/* A system call of some 200 ns and a walk through the file system are spread over this much. */
#define BUFFER_SIZE (1u << 20)

/* The longest thing put in front of a packet: an interface block and a packet block's header. */
#define HEADER_MAX 64

#define NS_PER_SECOND 1000000000u

struct weir_capture_writer {
	int fd;
	bool is_stdout;
	enum weir_capture_format format;
	uint32_t snaplen;
	int error; /* -errno of the first write that failed, for all further calls */
	char *path;
	size_t used;
	uint8_t *buffer;
	uint16_t *link_types; /* pcapng: of each interface; pcap: the one there is */
	uint32_t interface_count;
	uint32_t last; /* the interface of the last packet */
};

/* Everything of data, however often the system takes only a part. */
static int write_all(struct weir_capture_writer *writer, const uint8_t *data, size_t size)
{
	struct pollfd ready = {.fd = writer->fd, .events = POLLOUT};
	ssize_t put;

	while (size > 0) {
		put = write(writer->fd, data, size);
		if (put >= 0) {
			data += put;
			size -= (size_t)put;
		} else if (errno == EAGAIN) {
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			writer->error = -errno;
			return weir__fail(
				errno, "%s: cannot be written: %s", writer->path, strerror(errno));
		}
	}
	return 0;
}

static int repeat_error(const struct weir_capture_writer *writer)
{
	return weir__fail(-writer->error, "%s: an earlier write failed: %s", writer->path,
		strerror(-writer->error));
}

int weir_capture_flush(struct weir_capture_writer *writer)
{
	size_t used = writer->used;

	if (writer->error != 0)
		return repeat_error(writer);
	writer->used = 0;
	return write_all(writer, writer->buffer, used);
}

/* Append to the buffer, and bring it to the file as often as it is full. */
static int put(struct weir_capture_writer *writer, const void *data, size_t size)
{
	const uint8_t *at = data;
	size_t room, piece;
	int result;

	while (size > 0) {
		room = BUFFER_SIZE - writer->used;
		if (room == 0) {
			result = weir_capture_flush(writer);
			if (result < 0)
				return result;
			room = BUFFER_SIZE;
		}
		piece = size < room ? size : room;
		memcpy(writer->buffer + writer->used, at, piece);
		writer->used += piece;
		at += piece;
		size -= piece;
	}
	return 0;
}

static size_t add16(uint8_t *at, size_t used, uint16_t value)
{
	memcpy(at + used, &value, sizeof(value));
	return used + sizeof(value);
}

static size_t add32(uint8_t *at, size_t used, uint32_t value)
{
	memcpy(at + used, &value, sizeof(value));
	return used + sizeof(value);
}

static size_t pcap_file_header(
	const struct weir_capture_writer *writer, uint8_t *at, uint16_t link_type)
{
	bool micro = writer->format == WEIR_CAPTURE_PCAP_US;
	size_t used;

	used = add32(at, 0, micro ? WEIR__PCAP_MAGIC_US : WEIR__PCAP_MAGIC_NS);
	used = add16(at, used, 2); /* version 2.4 */
	used = add16(at, used, 4);
	used = add32(at, used, 0); /* two words that are always 0 */
	used = add32(at, used, 0);
	used = add32(at, used, writer->snaplen);
	return add32(at, used, link_type);
}

static size_t section_header(uint8_t *at)
{
	size_t used;

	used = add32(at, 0, WEIR__PCAPNG_SECTION);
	used = add32(at, used, 28);
	used = add32(at, used, WEIR__PCAPNG_ORDER);
	used = add16(at, used, 1); /* version 1.0 */
	used = add16(at, used, 0);
	used = add32(at, used, UINT32_MAX); /* the section's length is not known */
	used = add32(at, used, UINT32_MAX);
	return add32(at, used, 28);
}

/* With one option, if_tsresol (9) of one byte: 10^-9 seconds; and the end of options. */
static size_t interface_block(
	const struct weir_capture_writer *writer, uint8_t *at, uint16_t link_type)
{
	static const uint8_t nanoseconds[4] = {9, 0, 0, 0};
	size_t used;

	used = add32(at, 0, WEIR__PCAPNG_INTERFACE);
	used = add32(at, used, 32);
	used = add16(at, used, link_type);
	used = add16(at, used, 0);
	used = add32(at, used, writer->snaplen);
	used = add16(at, used, 9);
	used = add16(at, used, 1);
	memcpy(at + used, nanoseconds, sizeof(nanoseconds));
	used = add32(at, used + sizeof(nanoseconds), 0);
	return add32(at, used, 32);
}

static uint32_t enhanced_length(const struct weir_capture_packet *packet)
{
	return 28 + (uint32_t)weir__round_up(packet->length, 4) + 4;
}

static size_t enhanced_header(
	const struct weir_capture_packet *packet, uint8_t *at, uint32_t interface)
{
	size_t used;

	used = add32(at, 0, WEIR__PCAPNG_ENHANCED);
	used = add32(at, used, enhanced_length(packet));
	used = add32(at, used, interface);
	used = add32(at, used, (uint32_t)(packet->timestamp_ns >> 32));
	used = add32(at, used, (uint32_t)packet->timestamp_ns);
	used = add32(at, used, packet->length);
	return add32(at, used, packet->wire_length);
}

static size_t pcap_record_header(const struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, uint8_t *at)
{
	uint32_t unit = writer->format == WEIR_CAPTURE_PCAP_US ? 1000 : 1;
	uint32_t fraction = (uint32_t)(packet->timestamp_ns % NS_PER_SECOND);
	size_t used;

	used = add32(at, 0, (uint32_t)(packet->timestamp_ns / NS_PER_SECOND));
	used = add32(at, used, fraction / unit);
	used = add32(at, used, packet->length);
	return add32(at, used, packet->wire_length);
}

/* The interface of this link type, or interface_count when there is none yet. */
static uint32_t find_interface(const struct weir_capture_writer *writer, uint16_t link_type)
{
	uint32_t i = writer->last;

	if (i < writer->interface_count && writer->link_types[i] == link_type)
		return i;
	for (i = 0; i < writer->interface_count; i++)
		if (writer->link_types[i] == link_type)
			break;
	return i;
}

/* Make the header that a first packet of this link type needs. Returns its size. */
static size_t add_interface(struct weir_capture_writer *writer, uint8_t *at, uint16_t link_type)
{
	writer->link_types[writer->interface_count++] = link_type;
	if (writer->format == WEIR_CAPTURE_PCAPNG)
		return interface_block(writer, at, link_type);
	return pcap_file_header(writer, at, link_type);
}

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
			writer->path, packet->length, sum);
	if (weir_unlikely(packet->length > UINT32_MAX - HEADER_MAX))
		return weir__fail(EINVAL, "%s: a packet of %u bytes does not fit a block",
			writer->path, packet->length);
	if (weir_unlikely(!pcapng && packet->timestamp_ns / NS_PER_SECOND > UINT32_MAX))
		return weir__fail(EINVAL,
			"%s: pcap holds times until February 2106 only; write pcapng",
			writer->path);
	if (weir_unlikely(!pcapng && writer->interface_count == 1 &&
			  writer->link_types[0] != packet->link_type))
		return weir__fail(EINVAL,
			"%s: a pcap file holds one link type, here %u, and the packet has %u; "
			"write pcapng",
			writer->path, writer->link_types[0], packet->link_type);
	return 0;
}

/* What stands in front of the packet's bytes. */
static size_t add_headers(struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, uint8_t at[static HEADER_MAX])
{
	size_t used = 0;

	writer->last = find_interface(writer, packet->link_type);
	if (writer->last == writer->interface_count)
		used = add_interface(writer, at, packet->link_type);
	if (writer->format == WEIR_CAPTURE_PCAPNG)
		return used + enhanced_header(packet, at + used, writer->last);
	return used + pcap_record_header(writer, packet, at + used);
}

/* pcapng: padding to 4 bytes, and the block's length once more. */
static int put_trailer(struct weir_capture_writer *writer, const struct weir_capture_packet *packet)
{
	uint8_t trailer[8] = {0};
	size_t padding = weir__round_up(packet->length, 4) - packet->length;

	return put(writer, trailer, add32(trailer, padding, enhanced_length(packet)));
}

int weir_capture_write(struct weir_capture_writer *writer, const struct weir_capture_packet *packet,
	const struct iovec *iov, uint32_t iov_count)
{
	uint8_t header[HEADER_MAX];
	int result;

	if (weir_unlikely(writer->error != 0))
		return repeat_error(writer);
	result = check_packet(writer, packet, iov, iov_count);
	if (weir_unlikely(result < 0))
		return result;
	/* Whole records reach the file together, for whoever reads along. */
	if ((size_t)packet->length + 2 * HEADER_MAX > BUFFER_SIZE - writer->used)
		result = weir_capture_flush(writer);
	if (result == 0)
		result = put(writer, header, add_headers(writer, packet, header));
	for (uint32_t i = 0; i < iov_count && result == 0; i++)
		result = put(writer, iov[i].iov_base, iov[i].iov_len);
	if (result == 0 && writer->format == WEIR_CAPTURE_PCAPNG)
		result = put_trailer(writer, packet);
	return result;
}

static int open_file(struct weir_capture_writer *writer, const char *path)
{
	writer->is_stdout = strcmp(path, "-") == 0;
	writer->fd = writer->is_stdout ? STDOUT_FILENO
				       : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (writer->fd < 0)
		return weir__fail(errno, "%s: cannot be created: %s", path, strerror(errno));
	return 0;
}

static void destroy(struct weir_capture_writer *writer)
{
	free(writer->link_types);
	free(writer->buffer);
	free(writer->path);
	free(writer);
}

struct weir_capture_writer *weir_capture_create(
	const char *path, enum weir_capture_format format, uint32_t snaplen)
{
	struct weir_capture_writer *writer = calloc(1, sizeof(*writer));
	int result;

	if (writer == NULL)
		return weir__fail_null(ENOMEM, "%s: no memory to write it", path);
	writer->format = format;
	writer->snaplen = snaplen != 0 ? snaplen : WEIR__SNAPLEN_MAX;
	writer->path = strdup(strcmp(path, "-") == 0 ? "standard output" : path);
	writer->buffer = aligned_alloc(4096, BUFFER_SIZE);
	writer->link_types = malloc((UINT16_MAX + 1) * sizeof(uint16_t));
	if (writer->path == NULL || writer->buffer == NULL || writer->link_types == NULL)
		result = weir__fail(ENOMEM, "%s: no memory to write it", path);
	else
		result = open_file(writer, path);
	if (result < 0) {
		destroy(writer);
		errno = -result;
		return NULL;
	}
	if (format == WEIR_CAPTURE_PCAPNG)
		writer->used = section_header(writer->buffer);
	return writer;
}

/* A file without packets still gets a link type, without which libpcap would not open it. */
static int add_missing_header(struct weir_capture_writer *writer)
{
	uint8_t header[HEADER_MAX];

	if (writer->interface_count > 0 || writer->error != 0)
		return 0;
	return put(writer, header, add_interface(writer, header, WEIR_LINK_ETHERNET));
}

int weir_capture_finish(struct weir_capture_writer *writer)
{
	int result;

	if (writer == NULL)
		return 0;
	result = add_missing_header(writer);
	if (result == 0)
		result = weir_capture_flush(writer);
	/* Some file systems tell only here that there was no room. */
	if (!writer->is_stdout && close(writer->fd) < 0 && result == 0)
		result = weir__fail(
			errno, "%s: cannot be closed: %s", writer->path, strerror(errno));
	destroy(writer);
	return result;
}
