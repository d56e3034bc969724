/* SPDX-License-Identifier: BSD-3-Clause */
/* writer.c: the life of a writer, and its large buffer on the way to the file. */
#include "writer_impl.h"

#include "base/base_impl.h"
#include "blocks_impl.h"
#include "capture_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A system call of some 200 ns and a walk through the file system are spread over this much. */
#define BUFFER_SIZE (1u << 20)
/* What is compressed at a time, so what is lost of a file on a full disk: little in the beginning,
 * twice as much each time. */
#define PIECE_FIRST (1u << 11)
#define PIECE_MOST  (1u << 17)

/* ---- failure ---- */

/* The size of the block or record at bytes + at, as we wrote it, and what it has of packets. */
static size_t record_size(const struct weir_capture_writer *writer, const uint8_t *bytes, size_t at,
	struct weir__amount *packet)
{
	uint32_t type, size, length;

	*packet = (struct weir__amount){0, 0};
	if (writer->format != WEIR_CAPTURE_PCAPNG && writer->flushed == 0 && at == 0)
		return WEIR__FILE_HEADER;
	if (writer->format != WEIR_CAPTURE_PCAPNG) {
		memcpy(&length, bytes + at + 8, sizeof(length));
		*packet = (struct weir__amount){1, length};
		return WEIR__RECORD_HEADER + (size_t)length;
	}
	memcpy(&type, bytes + at, sizeof(type));
	memcpy(&size, bytes + at + 4, sizeof(size));
	if (type == WEIR__PCAPNG_ENHANCED) {
		memcpy(&length, bytes + at + 20, sizeof(length));
		*packet = (struct weir__amount){1, length};
	}
	return size;
}

static int say_lost(const struct weir_capture_writer *writer)
{
	return weir__fail(-writer->error, "%s: cannot be written: %s; %llu packets are not in it",
		writer->sink.path, strerror(-writer->error),
		(unsigned long long)writer->lost.packets);
}

static struct weir__amount run_amount(const struct weir__run *run)
{
	uint64_t bytes = (uint64_t)(run->end - run->start);

	return (struct weir__amount){
		run->packets, bytes - run->packets * (uint64_t)WEIR__RECORD_HEADER};
}

/* Only put of these used bytes, of the buffer or the run, reached the file. Cut it behind the last
 * whole record, and say how many packets that are given to us are not in it, with those behind. */
static int fail_plain(struct weir_capture_writer *writer, const uint8_t *bytes, size_t used,
	size_t put, struct weir__amount behind)
{
	struct weir__amount packet;
	size_t whole = 0, size;

	if (writer->sink.is_pipe) /* the buffer may start inside a record */
		return weir__fail(-writer->error, "%s: cannot be written: %s", writer->sink.path,
			strerror(-writer->error));
	for (size_t at = 0; at < used; at += size) {
		size = record_size(writer, bytes, at, &packet);
		if (at + size <= put)
			whole = at + size;
		else
			weir__amount_add(&writer->lost, packet.packets, packet.bytes);
	}
	weir__amount_add(&writer->lost, behind.packets, behind.bytes);
	/* where that fails it ends inside a record */
	weir__sink_cut(&writer->sink, writer->flushed + whole);
	return say_lost(writer);
}

int weir__writer_repeat_error(const struct weir_capture_writer *writer)
{
	return weir__fail(-writer->error, "%s: an earlier write failed: %s", writer->sink.path,
		strerror(-writer->error));
}

/* ---- to the file ---- */

/* Forget what is kept. */
static void end_run(struct weir_capture_writer *writer)
{
	struct weir__run *run = &writer->run;

	if (run->start) {
		struct weir__amount amount = run_amount(run);

		weir__block_drop(run->block, 1);
		weir__amount_add(&writer->given, amount.packets, amount.bytes);
	}
	*run = (struct weir__run){.last = run->last};
}

/* Bring to the file what is kept. */
static int write_run(struct weir_capture_writer *writer)
{
	struct weir__run *run = &writer->run;
	size_t size = (size_t)(run->end - run->start), done;
	int result = 0;

	writer->error = weir__sink_write(&writer->sink, run->start, size, true, &done);
	if (writer->error)
		result = fail_plain(writer, run->start, size, done, (struct weir__amount){0, 0});
	else
		writer->flushed += done;
	end_run(writer);
	return result;
}

/* Without wait what a pipe does not take stays in the buffer, and the result is -EAGAIN. */
static int write_plain(struct weir_capture_writer *writer, bool wait)
{
	size_t used = writer->used, done;

	writer->error = weir__sink_write(&writer->sink, writer->buffer, used, wait, &done);
	if (writer->error) {
		writer->used = 0;
		fail_plain(writer, writer->buffer, used, done, run_amount(&writer->run));
		end_run(writer);
		return writer->error;
	}
	memmove(writer->buffer, writer->buffer + done, used - done);
	writer->used = used - done;
	writer->flushed += done;
	if (writer->run.start)
		return write_run(writer);
	return writer->used == 0 ? 0 : -EAGAIN;
}

/* The piece could not be written as a whole: none of it stays, and the file gets its end. */
static int fail_piece(struct weir_capture_writer *writer)
{
	const uint8_t *end;
	size_t size = weir__encode_end(writer->codec, &end), done;

	if (writer->sink.is_regular && weir__sink_cut(&writer->sink, writer->flushed) &&
		writer->flushed > 0 && lseek(writer->sink.fd, 0, SEEK_END) >= 0)
		weir__sink_write(&writer->sink, end, size, true, &done);
	writer->used = writer->piece_size = writer->piece_done = 0;
	writer->lost = (struct weir__amount){writer->given.packets - writer->safe.packets,
		writer->given.bytes - writer->safe.bytes};
	return say_lost(writer);
}

/* Bring the piece there is to the file. */
static int write_piece(struct weir_capture_writer *writer, bool wait)
{
	size_t done;

	writer->error = weir__sink_write(&writer->sink, writer->piece + writer->piece_done,
		writer->piece_size - writer->piece_done, wait, &done);
	if (writer->error)
		return fail_piece(writer);
	writer->piece_done += done;
	if (writer->piece_done < writer->piece_size)
		return -EAGAIN;
	writer->flushed += writer->piece_size;
	writer->safe = writer->packed;
	writer->piece_size = writer->piece_done = 0;
	return 0;
}

/* Compress the buffer. */
static int make_piece(struct weir_capture_writer *writer, bool last)
{
	size_t room = weir__encode_bound(writer->encoder, writer->used);
	uint8_t *larger = room > writer->piece_room ? realloc(writer->piece, room) : writer->piece;
	size_t size;

	if (!larger)
		return weir__fail(ENOMEM, "%s: no memory to compress", writer->sink.path);
	writer->piece = larger;
	if (room > writer->piece_room)
		writer->piece_room = room;
	size = weir__encode(writer->encoder, writer->buffer, writer->used, last, writer->piece,
		writer->piece_room);
	if (size == WEIR__ENCODE_FAILED)
		return weir__fail(EIO, "%s: cannot be compressed", writer->sink.path);
	writer->piece_size = size;
	writer->packed = writer->given;
	writer->used = 0;
	return 0;
}

static int write_compressed(struct weir_capture_writer *writer, bool wait, bool last)
{
	int error = writer->piece_size ? write_piece(writer, wait) : 0;

	if (error || (!writer->used && !last))
		return error;
	error = make_piece(writer, last);
	return error ? error : write_piece(writer, wait);
}

static int write_buffer(struct weir_capture_writer *writer, bool wait)
{
	return writer->codec ? write_compressed(writer, wait, false) : write_plain(writer, wait);
}

void weir_capture_set_writer_nonblocking(struct weir_capture_writer *writer, bool nonblocking)
{
	writer->nonblocking = nonblocking;
}

int weir_capture_flush(struct weir_capture_writer *writer)
{
	if (writer->error != 0)
		return weir__writer_repeat_error(writer);
	return write_buffer(writer, true);
}

uint64_t weir_capture_written(const struct weir_capture_writer *writer)
{
	return writer->flushed + writer->piece_size + writer->used +
	       (uint64_t)(writer->run.end - writer->run.start);
}

/* For a record of this size, and for the next piece. */
static int enlarge(struct weir_capture_writer *writer, size_t size)
{
	uint8_t *larger;

	if (writer->codec && size < 2 * writer->capacity && writer->capacity < PIECE_MOST)
		size = 2 * writer->capacity;
	if (size <= writer->capacity)
		return 0;
	larger = realloc(writer->buffer, size);
	if (larger == NULL)
		return weir__fail(
			ENOMEM, "%s: no memory for a packet of %zu bytes", writer->sink.path, size);
	writer->buffer = larger;
	writer->capacity = size;
	return 0;
}

int weir__writer_room(struct weir_capture_writer *writer, size_t size)
{
	int result;

	/* what comes now comes behind the run */
	if (weir_likely(size <= writer->capacity - writer->used && !writer->run.start))
		return 0;
	result = write_buffer(writer, !writer->nonblocking);
	if (result == -EAGAIN && size <= writer->capacity - writer->used)
		return 0; /* room enough, if not all */
	return result < 0 ? result : enlarge(writer, size);
}

/* ---- life ---- */

static void destroy(struct weir_capture_writer *writer)
{
	for (uint32_t i = 0; i < writer->source_count; i++) {
		free((void *)(uintptr_t)writer->sources[i].name);
		free((void *)(uintptr_t)writer->sources[i].description);
		free((void *)(uintptr_t)writer->sources[i].filter);
	}
	free(writer->sources);
	free(writer->interfaces);
	weir__encoder_destroy(writer->encoder);
	free(writer->piece);
	free(writer->buffer);
	free(writer);
}

static int check_file(const struct weir_capture_file *file)
{
	if ((unsigned int)file->format > WEIR_CAPTURE_PCAPNG)
		return weir__fail(EINVAL, "%s: no capture format has number %d", file->path,
			(int)file->format);
	if ((unsigned int)file->codec > WEIR_CAPTURE_LZ4)
		return weir__fail(
			EINVAL, "%s: no compression has number %d", file->path, (int)file->codec);
	return 0;
}

/* The buffer, with what a file begins with in it. */
static int begin(struct weir_capture_writer *writer, const struct weir_capture_file *file)
{
	static const struct weir_capture_source nameless = {.name = NULL};
	size_t section = WEIR__BLOCK_MAX + weir__text_size(file->comment) +
			 weir__text_size(file->application);

	writer->capacity = file->codec ? PIECE_FIRST : BUFFER_SIZE;
	writer->buffer = malloc(writer->capacity);
	if (!writer->buffer)
		return weir__fail(ENOMEM, "%s: no memory to write it", file->path);
	if (file->codec) {
		writer->encoder = weir__encoder_create(file->codec);
		if (!writer->encoder)
			return -errno;
	}
	if (weir_capture_source(writer, &nameless) < 0 || weir__writer_room(writer, section) < 0)
		return -errno;
	if (file->format == WEIR_CAPTURE_PCAPNG)
		writer->used = weir__section_block(file, writer->buffer);
	return 0;
}

struct weir_capture_writer *weir_capture_create_file(const struct weir_capture_file *file)
{
	struct weir_capture_writer *writer = calloc(1, sizeof(*writer));
	int result;

	if (writer == NULL)
		return weir__fail_null(ENOMEM, "%s: no memory to write it", file->path);
	writer->sink.fd = -1;
	writer->format = file->format;
	writer->codec = file->codec;
	writer->cuts = file->snaplen != 0;
	writer->snaplen = file->snaplen != 0 ? file->snaplen : WEIR__SNAPLEN_MAX;
	result = check_file(file);
	if (!result)
		result = weir__sink_open(&writer->sink, file->path, file->in_place);
	if (!result)
		result = begin(writer, file);
	if (!result)
		return writer;
	weir__sink_discard(&writer->sink);
	destroy(writer);
	errno = -result;
	return NULL;
}

struct weir_capture_writer *weir_capture_create(
	const char *path, enum weir_capture_format format, uint32_t snaplen)
{
	struct weir_capture_file file = {
		.path = path, .format = format, .snaplen = snaplen, .in_place = true};
	struct weir_capture_writer *writer = weir_capture_create_file(&file);

	if (writer)
		writer->cuts = false;
	return writer;
}

int weir__capture_finish(struct weir_capture_writer *writer, struct weir__amount *lost)
{
	int result, closed;

	if (writer->error == 0)
		weir__writer_add_missing_header(writer);
	if (writer->error || !writer->codec)
		result = weir_capture_flush(writer);
	else
		result = write_compressed(writer, true, true);
	closed = weir__sink_close(&writer->sink);
	*lost = writer->lost;
	destroy(writer);
	return result ? result : closed;
}

int weir_capture_finish(struct weir_capture_writer *writer)
{
	struct weir__amount lost;

	return writer ? weir__capture_finish(writer, &lost) : 0;
}
