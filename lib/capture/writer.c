/* SPDX-License-Identifier: BSD-3-Clause */
/* writer.c: write pcap and pcapng, in the byte order of this machine, through a large buffer. */
#include "blocks_impl.h"
#include "capture_impl.h"

#include "base/base_impl.h"
#include "weir/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* A system call of some 200 ns and a walk through the file system are spread over this much. */
#define BUFFER_SIZE (1u << 20)

/* The longest thing put in front of a packet: an interface block and a packet block's header. */
#define HEADER_MAX 64

#define FILE_HEADER   24 /* of a pcap file */
#define RECORD_HEADER 16 /* of a packet in it */

#define NS_PER_SECOND 1000000000u

struct weir_capture_writer {
	int fd;
	bool is_stdout;
	bool is_regular;
	bool is_pipe; /* or a socket: it may take a part, and the rest much later */
	bool nonblocking;
	uint64_t flushed; /* bytes that are in the file */
	enum weir_capture_format format;
	uint32_t snaplen;
	int error; /* -errno of the first write that failed, for all further calls */
	char *path;
	size_t used;
	size_t capacity;
	uint8_t *buffer;
	uint16_t *link_types; /* pcapng: of each interface; pcap: the one there is */
	uint32_t interface_count;
	uint32_t last; /* the interface of the last packet */
};

/* The size of the block or record of the buffer that starts at at, as we wrote it. */
static size_t record_size(const struct weir_capture_writer *writer, size_t at, bool *is_packet)
{
	uint32_t type, length;

	*is_packet = true;
	if (writer->format != WEIR_CAPTURE_PCAPNG && writer->flushed == 0 && at == 0) {
		*is_packet = false;
		return FILE_HEADER;
	}
	if (writer->format != WEIR_CAPTURE_PCAPNG) {
		memcpy(&length, writer->buffer + at + 8, sizeof(length));
		return RECORD_HEADER + (size_t)length;
	}
	memcpy(&type, writer->buffer + at, sizeof(type));
	memcpy(&length, writer->buffer + at + 4, sizeof(length));
	*is_packet = type == WEIR__PCAPNG_ENHANCED;
	return length;
}

/* Only put of the buffer's used bytes reached the file. Cut it behind the last whole record, and
 * say how many packets that are given to us are not in it. */
static int fail_write(struct weir_capture_writer *writer, int error, size_t used, size_t put)
{
	size_t whole = 0, lost = 0, size;
	bool is_packet;

	writer->error = -error;
	writer->used = 0;
	if (writer->is_pipe) /* the buffer may start inside a record */
		return weir__fail(
			error, "%s: cannot be written: %s", writer->path, strerror(error));
	for (size_t at = 0; at < used; at += size) {
		size = record_size(writer, at, &is_packet);
		if (at + size <= put)
			whole = at + size;
		else
			lost += is_packet;
	}
	if (writer->is_regular && ftruncate(writer->fd, (off_t)(writer->flushed + whole)) != 0)
		whole = put; /* then it ends inside a record */
	return weir__fail(error, "%s: cannot be written: %s; %zu packets are not in it",
		writer->path, strerror(error), lost);
}

/* Bring the buffer to the file, however often the system takes only a part. Without wait what a
 * pipe does not take now stays in the buffer, and the result is -EAGAIN. */
static int write_buffer(struct weir_capture_writer *writer, bool wait)
{
	struct pollfd ready = {.fd = writer->fd, .events = POLLOUT};
	size_t used = writer->used, done = 0, piece;
	ssize_t put;

	while (done < used && (wait || !writer->is_pipe || poll(&ready, 1, 0) != 0)) {
		/* so much a pipe that is ready takes without waiting: pipe(7) */
		piece = writer->is_pipe && used - done > PIPE_BUF ? PIPE_BUF : used - done;
		put = write(writer->fd, writer->buffer + done, piece);
		if (put >= 0)
			done += (size_t)put;
		else if (errno == EAGAIN)
			poll(&ready, 1, wait ? -1 : 0);
		else if (errno != EINTR)
			return fail_write(writer, errno, used, done);
	}
	memmove(writer->buffer, writer->buffer + done, used - done);
	writer->used = used - done;
	writer->flushed += done;
	return writer->used == 0 ? 0 : -EAGAIN;
}

static int repeat_error(const struct weir_capture_writer *writer)
{
	return weir__fail(-writer->error, "%s: an earlier write failed: %s", writer->path,
		strerror(-writer->error));
}

void weir_capture_set_writer_nonblocking(struct weir_capture_writer *writer, bool nonblocking)
{
	writer->nonblocking = nonblocking;
}

int weir_capture_flush(struct weir_capture_writer *writer)
{
	if (writer->error != 0)
		return repeat_error(writer);
	return write_buffer(writer, true);
}

/* Room for size bytes in the buffer, by bringing it to the file and enlarging it: so a record is
 * never cut between two buffers, and whole ones reach the file together, for whoever reads along.
 * */
static int make_room(struct weir_capture_writer *writer, size_t size)
{
	uint8_t *larger;
	int result;

	if (size <= writer->capacity - writer->used)
		return 0;
	result = write_buffer(writer, !writer->nonblocking);
	if (result == -EAGAIN && size <= writer->capacity - writer->used)
		return 0; /* room enough, if not all */
	if (result < 0 || size <= writer->capacity)
		return result;
	larger = realloc(writer->buffer, size);
	if (larger == NULL)
		return weir__fail(
			ENOMEM, "%s: no memory for a packet of %zu bytes", writer->path, size);
	writer->buffer = larger;
	writer->capacity = size;
	return 0;
}

/* Append to the buffer, which has room. */
static void put(struct weir_capture_writer *writer, const void *data, size_t size)
{
	if (size > 0) /* an empty piece may have no address */
		memcpy(writer->buffer + writer->used, data, size);
	writer->used += size;
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
		return weir__interface_block(writer->snaplen, at, link_type);
	return weir__pcap_file_header(writer->format, writer->snaplen, at, link_type);
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
		return used + weir__enhanced_header(packet, at + used, writer->last);
	return used + weir__pcap_record_header(writer->format, packet, at + used);
}

/* pcapng: padding to 4 bytes, and the block's length once more. */
static void put_trailer(
	struct weir_capture_writer *writer, const struct weir_capture_packet *packet)
{
	uint8_t trailer[8] = {0};
	size_t padding = weir__round_up(packet->length, 4) - packet->length;

	put(writer, trailer, weir__add32(trailer, padding, weir__enhanced_length(packet)));
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
	result = make_room(writer, (size_t)packet->length + 2 * HEADER_MAX);
	if (weir_unlikely(result < 0))
		return result;
	put(writer, header, add_headers(writer, packet, header));
	for (uint32_t i = 0; i < iov_count; i++)
		put(writer, iov[i].iov_base, iov[i].iov_len);
	if (writer->format == WEIR_CAPTURE_PCAPNG)
		put_trailer(writer, packet);
	return 0;
}

static int open_file(struct weir_capture_writer *writer, const char *path)
{
	struct stat status;

	writer->is_stdout = strcmp(path, "-") == 0;
	writer->fd = writer->is_stdout ? STDOUT_FILENO
				       : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (writer->fd < 0 || fstat(writer->fd, &status) != 0)
		return weir__fail(errno, "%s: cannot be created: %s", path, strerror(errno));
	writer->is_pipe = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
	if (!S_ISREG(status.st_mode))
		return 0;
	/* Who reads it or writes it, with our reader or writer, has it locked. */
	if (flock(writer->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return weir__fail(
			EBUSY, "%s: is open as another input or output; choose another file", path);
	if (writer->is_stdout)
		return 0; /* it may be appended to, or shared: not ours to cut */
	writer->is_regular = true;
	if (ftruncate(writer->fd, 0) != 0)
		return weir__fail(errno, "%s: cannot be emptied: %s", path, strerror(errno));
	return 0;
}

static void destroy(struct weir_capture_writer *writer)
{
	if (writer->fd >= 0 && !writer->is_stdout)
		close(writer->fd);
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
	writer->fd = -1;
	writer->format = format;
	writer->snaplen = snaplen != 0 ? snaplen : WEIR__SNAPLEN_MAX;
	writer->path = strdup(strcmp(path, "-") == 0 ? "standard output" : path);
	writer->capacity = BUFFER_SIZE;
	writer->buffer = malloc(BUFFER_SIZE);
	writer->link_types = malloc((UINT16_MAX + 1) * sizeof(uint16_t));
	if ((unsigned int)format > WEIR_CAPTURE_PCAPNG)
		result = weir__fail(EINVAL, "%s: no capture format has number %d", path, format);
	else if (writer->path == NULL || writer->buffer == NULL || writer->link_types == NULL)
		result = weir__fail(ENOMEM, "%s: no memory to write it", path);
	else
		result = open_file(writer, path);
	if (result < 0) {
		destroy(writer);
		errno = -result;
		return NULL;
	}
	if (format == WEIR_CAPTURE_PCAPNG)
		writer->used = weir__section_header(writer->buffer);
	return writer;
}

/* A file without packets still gets a link type, without which libpcap would not open it. */
static void add_missing_header(struct weir_capture_writer *writer)
{
	uint8_t header[HEADER_MAX];

	if (writer->interface_count == 0 && writer->error == 0)
		put(writer, header, add_interface(writer, header, WEIR_LINK_ETHERNET));
}

int weir_capture_finish(struct weir_capture_writer *writer)
{
	int result;

	if (writer == NULL)
		return 0;
	add_missing_header(writer);
	result = weir_capture_flush(writer);
	/* Some file systems tell only here that there was no room. */
	if (!writer->is_stdout && close(writer->fd) < 0 && result == 0)
		result = weir__fail(
			errno, "%s: cannot be closed: %s", writer->path, strerror(errno));
	writer->fd = -1;
	destroy(writer);
	return result;
}
