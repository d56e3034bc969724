/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/capture_write.h: write all that a capture file can hold (weir/capture.h has the short way):
 * packets of several sources with comments, figures of each source, compressed files, files that
 * get their name when they are complete; and series of files, of which the last are kept.
 *
 *	writer = weir_capture_create_file(&file)
 *	eth0 = weir_capture_source(writer, &source)
 *	packet.interface = eth0, weir_capture_write_noted(writer, &packet, iov, count, &note)
 *	weir_capture_source_stats(writer, eth0, &stats)
 *	weir_capture_finish(writer)
 *
 * What pcap has no place for, names, comments and figures, is left out there without an error.
 *
 * A writer or series belongs to one thread at a time.
 */
#ifndef WEIR_CAPTURE_WRITE_H
#define WEIR_CAPTURE_WRITE_H

#include "weir/base.h"
#include "weir/capture.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Compressed by the MiB: what is written of a file can be read without what follows. */
enum weir_capture_codec {
	WEIR_CAPTURE_PLAIN,
	WEIR_CAPTURE_GZIP,
	WEIR_CAPTURE_ZSTD,
	WEIR_CAPTURE_LZ4,
};

struct weir_capture_file {
	const char *path; /* "-" is standard output */
	enum weir_capture_format format;
	enum weir_capture_codec codec;
	uint32_t snaplen; /* packets are cut to it; 0: they are not */
	bool in_place;    /* false: it is written as PATH.part and renamed when it is finished, so
			   * that PATH is always a complete file; pipes, devices and standard output
			   * are written in place anyway */
	const char *comment, *application; /* of the file; NULL: none */
};

/* NULL with errno and weir_last_error(), as weir_capture_create(). */
WEIR_API struct weir_capture_writer *weir_capture_create_file(const struct weir_capture_file *file);

/* What the end of a name says: .gz, .zst or .lz4 of *codec, which is plain without, and before that
 * .pcap or .pcapng of *format, which stays as it was without. */
WEIR_API void weir_capture_by_name(
	const char *path, enum weir_capture_format *format, enum weir_capture_codec *codec);

/* Where packets come from. NULL: not known. */
struct weir_capture_source {
	const char *name, *description, *filter;
};

/* Describe a source. Returns its number, from 1 on, for weir_capture_packet.interface; 0 is the one
 * without a description; or -ENOMEM. A pcapng file has an interface for each source and link type
 * that packets have. */
WEIR_API int weir_capture_source(
	struct weir_capture_writer *writer, const struct weir_capture_source *source);

/* What is said of a packet besides its bytes. Zeros say nothing. */
struct weir_capture_note {
	const char *comment;                   /* its first 65535 bytes */
	enum weir_capture_direction direction; /* instead of the packet's, unless unknown */
	bool has_queue;
	uint32_t queue;
	uint64_t lost; /* packets of this source that were lost since the last one */
};

/* As weir_capture_write(), and packet->interface is a source. note may be NULL. */
WEIR_API int weir_capture_write_noted(struct weir_capture_writer *writer,
	const struct weir_capture_packet *packet, const struct iovec *iov, uint32_t iov_count,
	const struct weir_capture_note *note);

/* Figures of a source; UINT64_MAX: not known. */
struct weir_capture_stats {
	uint64_t from_ns, to_ns; /* since 1970: when capturing began, and when these were taken */
	uint64_t received;       /* by the interface */
	uint64_t interface_dropped; /* of these, for want of room there */
	uint64_t kernel_dropped;    /* and by the kernel */
	uint64_t accepted;          /* by the filter */
	uint64_t delivered;         /* to this file */
	const char *comment;        /* NULL: none */
};

/* Write them. 0, or -errno as weir_capture_write(). */
WEIR_API int weir_capture_source_stats(struct weir_capture_writer *writer, uint32_t source,
	const struct weir_capture_stats *stats);

/* Bytes that the file has, compressed or not, with what still lies in the buffer, uncompressed. */
WEIR_API uint64_t weir_capture_written(const struct weir_capture_writer *writer);

/* ---- series of files ----
 *
 * With any of bytes, packets and duration the path trace.pcapng gives
 * trace_00001_20261126081500.pcapng and so on: a number, and when the file was begun. Without them
 * there is one file, by its own name. */
struct weir_series_conf {
	struct weir_capture_file file;
	uint64_t bytes, packets,
		duration_ns; /* a new file when this one has so much; 0: no limit */
	uint32_t files;      /* keep so many; 0: all */
	bool numbered;       /* a series without limits, too: weir_series_next() */
};

struct weir_series;

/* The first file is made at once. The texts of conf must outlive the series. NULL with
 * errno and weir_last_error(). */
WEIR_API struct weir_series *weir_series_create(const struct weir_series_conf *conf);

/* As of a writer. A source is described in every file; its figures are remembered and written at
 * the end of each file. */
WEIR_API int weir_series_source(
	struct weir_series *series, const struct weir_capture_source *source);
WEIR_API int weir_series_write(struct weir_series *series, const struct weir_capture_packet *packet,
	const struct iovec *iov, uint32_t iov_count, const struct weir_capture_note *note);
WEIR_API int weir_series_source_stats(
	struct weir_series *series, uint32_t source, const struct weir_capture_stats *stats);

/* Bring all to the file; begin another one when this one's duration is over. Now and then. */
WEIR_API int weir_series_flush(struct weir_series *series);

/* Complete this file and begin the next one; and would the next packet do so? */
WEIR_API int weir_series_next(struct weir_series *series);
WEIR_API bool weir_series_is_full(const struct weir_series *series);

/* Files begun so far, and the path of the present one, valid until the next call. */
WEIR_API uint32_t weir_series_files(const struct weir_series *series);
WEIR_API const char *weir_series_path(const struct weir_series *series);

/* As weir_capture_finish(). */
WEIR_API int weir_series_finish(struct weir_series *series);

#ifdef __cplusplus
}
#endif

#endif
