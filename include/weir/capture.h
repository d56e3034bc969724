/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/capture.h: read and write capture files, pcap and pcapng.
 *
 * The reader takes pcap (microseconds and nanoseconds, either byte order, the old versions with
 * swapped lengths) and pcapng (several sections and interfaces, enhanced, simple and obsolete
 * packet blocks, any time resolution and offset), plain or compressed with gzip, zstd or lz4; it
 * goes by the content, never by the name. The writer makes pcap and pcapng.
 *
 * Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
 *
 * A reader or writer belongs to one thread at a time; different ones are independent.
 */
#ifndef WEIR_CAPTURE_H
#define WEIR_CAPTURE_H

#include "weir/base.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;

/* Which way a packet went, as seen from the interface it was captured on. */
enum weir_capture_direction { WEIR_CAPTURE_UNKNOWN, WEIR_CAPTURE_INBOUND, WEIR_CAPTURE_OUTBOUND };

/* One captured packet, without its bytes. */
struct weir_capture_packet {
	uint64_t timestamp_ns; /* since 1970; pcapng packets without a time (SPB) have 0 */
	uint32_t length;       /* bytes captured */
	uint32_t wire_length;  /* bytes the packet had on the wire, as recorded; may be less than
				* length in odd files */
	uint32_t interface;    /* counted from 0 over the whole file, sections included */
	uint16_t link_type;    /* LINKTYPE_ number of its interface */
	uint8_t direction;     /* enum weir_capture_direction; pcapng only */
};

enum weir_capture_format {
	WEIR_CAPTURE_PCAP_NS, /* pcap with nanoseconds */
	WEIR_CAPTURE_PCAP_US, /* pcap with microseconds */
	WEIR_CAPTURE_PCAPNG,
};

struct weir_capture_reader;
struct weir_capture_writer;

/* Open path for reading; "-" is standard input. NULL with errno and weir_last_error() when it
 * cannot be opened (ENOENT, EACCES, EISDIR, ...) or does not start like a capture (EBADMSG). */
WEIR_API struct weir_capture_reader *weir_capture_open(const char *path);

/* What a file says besides its packets. */
enum weir_capture_remark_kind {
	WEIR_CAPTURE_INTERFACE, /* there is one more; its numbers are set, and no text */
	WEIR_CAPTURE_NAME,      /* of the interface, and so on: text */
	WEIR_CAPTURE_DESCRIPTION,
	WEIR_CAPTURE_COMMENT, /* this and those below also of a section of the file */
	WEIR_CAPTURE_HARDWARE,
	WEIR_CAPTURE_SYSTEM,
	WEIR_CAPTURE_APPLICATION,
};

#define WEIR_CAPTURE_SECTION UINT32_MAX

struct weir_capture_remark {
	enum weir_capture_remark_kind kind;
	uint32_t interface; /* as in weir_capture_packet, or WEIR_CAPTURE_SECTION */
	const char *text;   /* length bytes, without an end; as they stand in the file */
	uint32_t length;
	uint32_t snaplen; /* of the interface; 0: not limited */
	uint16_t link_type;
};

/* weir_capture_open(), and call hear with each remark when the reading comes to it: from here on,
 * and in calls that look for the next packet. It must not use the reader. */
WEIR_API struct weir_capture_reader *weir_capture_open_hearing(const char *path,
	void (*hear)(void *context, const struct weir_capture_remark *remark), void *context);

/* Look at the next packet without passing it: the same packet comes until weir_capture_advance().
 * *data points to packet->length contiguous bytes inside the reader, writable, valid until the next
 * call on it. Returns 1 with a packet, 0 at the end of the file, or -errno when the file is damaged
 * (-EBADMSG) or cannot be read; weir_last_error() then has file, offset and reason. All packets in
 * front of the damage have been returned before. After 0 or an error the same answer comes again.
 */
WEIR_API int weir_capture_peek(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data);

/* Pass the packet that the last peek returned. Only after a peek that returned 1. */
WEIR_API void weir_capture_advance(struct weir_capture_reader *reader);

/* Peek and advance in one. Same results as weir_capture_peek(); data stays valid until the next
 * call. */
WEIR_API int weir_capture_next(
	struct weir_capture_reader *reader, struct weir_capture_packet *packet, uint8_t **data);

/* Shall a peek wait for a pipe (as after open), or return -EAGAIN, "not now", when the pipe does
 * not have the whole packet yet? It still waits where it must pass over a block that a packet
 * cannot be in and that is larger than what it holds at a time. */
WEIR_API void weir_capture_set_nonblocking(struct weir_capture_reader *reader, bool nonblocking);

/* Start again at the first packet. 0, or -errno: -ESPIPE when the input is a pipe. */
WEIR_API int weir_capture_rewind(struct weir_capture_reader *reader);

/* Bytes of the file (as stored, compressed or not) read so far, and its size or 0 when unknown (a
 * pipe): for a progress bar. */
WEIR_API void weir_capture_progress(
	const struct weir_capture_reader *reader, uint64_t *position, uint64_t *size);

/* What the file was found to be, such as "pcapng, little endian, zstd". Valid until close. */
WEIR_API const char *weir_capture_describe(const struct weir_capture_reader *reader);

/* Close and free. NULL is allowed. */
WEIR_API void weir_capture_close(struct weir_capture_reader *reader);

/* Create path, or write to standard output for "-". An existing file is replaced, but not while a
 * reader or another writer of weir has it open, in whatever process (EBUSY; by flock(2)). snaplen
 * is what the header declares as the largest packet (0: 262144); packets are written whole all the
 * same. NULL with errno and weir_last_error(). */
WEIR_API struct weir_capture_writer *weir_capture_create(
	const char *path, enum weir_capture_format format, uint32_t snaplen);

/* Append one packet whose bytes are the iov pieces in order; they sum up to packet->length.
 * packet->interface is not used: a pcapng file gets one interface for each link type, in the order
 * they appear. Written through a large buffer. 0, or -errno: -EINVAL for a second link type in a
 * pcap file, or a time that the format cannot hold; -ENOSPC and the like from the file. A packet
 * refused is not in the file. After a write error (any but -EINVAL and -EAGAIN) every later call
 * fails too. */
WEIR_API int weir_capture_write(struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, const struct iovec *iov, uint32_t iov_count);

/* Shall a write wait for a pipe that does not take more (as after create), or return -EAGAIN, "not
 * now", with the packet not taken? Flush and finish wait in any case. */
WEIR_API void weir_capture_set_writer_nonblocking(
	struct weir_capture_writer *writer, bool nonblocking);

/* Bring everything written so far to the file. 0 or -errno. */
WEIR_API int weir_capture_flush(struct weir_capture_writer *writer);

/* Flush, close and free, whatever the result. 0, or -errno when something did not reach the file.
 * A file without packets is a valid file with a header. NULL is allowed. */
WEIR_API int weir_capture_finish(struct weir_capture_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
