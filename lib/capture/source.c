/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c: read a file, a pipe or standard input, decompress it, and keep a window on it. */
#include "source_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What packets that are kept may hold of the memory for blocks, before they are copied: one packet
 * keeps a block. */
#define BLOCKS_MOST (64u << 20)

int weir__source_damaged(
	const struct weir__source *source, uint64_t offset, const char *format, ...)
{
	char reason[256]; /* all of ours are shorter */
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return weir__fail(EBADMSG, "%s: offset %" PRIu64 "%s: %s", source->path, offset,
		source->codec != NULL ? " of the decompressed data" : "", reason);
}

static void end_with(struct weir__source *source, int error, const char *reason)
{
	source->ended = true;
	source->error = error;
	source->reason = reason;
}

/* Bytes read into data, or 0 at the end of the file or after an error, which is then kept. */
static size_t read_raw(struct weir__source *source, uint8_t *data, size_t size)
{
	struct pollfd ready = {.fd = source->fd, .events = POLLIN};
	ssize_t got;

	for (;;) {
		got = read(source->fd, data, size);
		if (got >= 0)
			break;
		if (errno == EAGAIN) { /* standard input that somebody made non-blocking */
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			end_with(source, errno, "cannot be read");
			return 0;
		}
	}
	if (got == 0)
		source->ended = true;
	source->raw_offset += (uint64_t)got;
	return (size_t)got;
}

/* The next block of compressed bytes. The end of the file inside a frame is damage. */
static void refill(struct weir__source *source, struct weir__codec_io *io)
{
	io->in = source->raw;
	io->in_size = read_raw(source, source->raw, WEIR__SOURCE_BLOCK);
	if (io->in_size == 0 && source->error == 0 && source->in_frame)
		end_with(source, EBADMSG, "the file ends inside the compressed data");
}

/* Like read_raw(), through the decompressor. It is asked before more input is read, since it may
 * hold output that did not fit the last time. */
static size_t read_decoded(struct weir__source *source, uint8_t *data, size_t size)
{
	struct weir__codec_io io = {
		.in = source->in, .in_size = source->in_size, .out = data, .out_size = size};
	enum weir__codec_status status;

	while (io.out_size == size && !source->ended) {
		if (io.in_size == 0 && !source->in_frame) {
			refill(source, &io);
			if (source->ended)
				break;
		}
		source->in_frame = true;
		status = source->codec->run(source->codec_state, &io, &source->reason);
		if (status == WEIR__CODEC_FRAME_END) {
			source->in_frame = false;
		} else if (status == WEIR__CODEC_DAMAGED) {
			end_with(source, EBADMSG, source->reason);
		} else if (io.in_size == 0 && io.out_size == size) {
			refill(source, &io);
		}
	}
	source->in = io.in;
	source->in_size = io.in_size;
	return size - io.out_size;
}

/* The next bytes behind end, after which end moves. */
static void fill(struct weir__source *source)
{
	size_t room = (size_t)(source->buffer + source->capacity - source->end);
	size_t got;

	if (source->codec == NULL)
		got = read_raw(source, source->end, room);
	else
		got = read_decoded(source, source->end, room);
	source->end += got;
	source->end_offset += got;
}

/* The file did not have size more bytes: a proper end, damage, or an error of the system. */
static int explain_end(struct weir__source *source, size_t size, const char *what)
{
	size_t left = (size_t)(source->end - source->at);

	if (source->error == EBADMSG)
		return weir__source_damaged(source, source->end_offset,
			"%s data damaged near byte %" PRIu64 " of the file: %s",
			source->codec->name, source->raw_offset - source->in_size, source->reason);
	if (source->error != 0)
		return weir__fail(source->error, "%s: offset %" PRIu64 ": %s: %s", source->path,
			source->end_offset, source->reason, strerror(source->error));
	if (left == 0)
		return 0;
	return weir__source_damaged(source, weir__source_offset(source),
		"the file ends inside %s: it needs %zu bytes, %zu are left", what, size, left);
}

/* Would a read wait? Never for a file, nor for a pipe whose writer has gone. */
static bool would_wait(const struct weir__source *source)
{
	struct pollfd ready = {.fd = source->fd, .events = POLLIN};

	return source->nonblocking && source->in_size == 0 && poll(&ready, 1, 0) == 0;
}

int weir__source_need_slow(struct weir__source *source, size_t size, const char *what)
{
	while (!weir__source_has(source, size)) {
		if (source->ended)
			return explain_end(source, size, what);
		if (would_wait(source))
			return -EAGAIN;
		if (weir__source_make_room(source, size) < 0)
			return -ENOMEM;
		fill(source);
	}
	return 1;
}

int weir__source_skip(struct weir__source *source, uint64_t size, const char *what)
{
	uint64_t from = weir__source_offset(source);
	bool nonblocking = source->nonblocking;
	size_t here;
	int got = 1;

	/* Half a skip cannot be taken up later: wait for the rest. */
	source->nonblocking = false;
	while (size > 0 && got > 0) {
		got = weir__source_need(source, 1, what);
		if (got == 0)
			got = weir__source_damaged(source, from,
				"the file ends inside %s: %" PRIu64 " bytes more are needed", what,
				size);
		here = (size_t)(source->end - source->at);
		if (here > size)
			here = (size_t)size;
		source->at += here;
		size -= here;
	}
	source->nonblocking = nonblocking;
	return got;
}

/* At the first byte of the file: empty the window, read a block, set up the decompressor. */
static int start(struct weir__source *source)
{
	source->at = source->end;
	source->end_offset = source->raw_offset = 0;
	source->ended = source->in_frame = false;
	source->error = 0;
	source->in_size = 0;
	if (weir__source_renew(source, 0) < 0)
		return -ENOMEM;

	while (!source->ended && !weir__source_has(source, sizeof(uint32_t)))
		fill(source);
	source->codec = weir__codec_find(source->at, (size_t)(source->end - source->at));
	if (source->codec == NULL)
		return 0;

	if (source->raw == NULL)
		source->raw = weir__source_alloc(WEIR__SOURCE_BLOCK);
	source->codec_state = source->codec->create();
	if (source->raw == NULL || source->codec_state == NULL)
		return weir__fail(ENOMEM, "%s: no memory to decompress %s", source->path,
			source->codec->name);
	/* What was read as if it were plain is the decompressor's input. */
	source->in = source->raw;
	source->in_size = (size_t)(source->end - source->at);
	memcpy(source->raw, source->at, source->in_size);
	source->end = source->at;
	source->end_offset = 0;
	source->ended = false;
	return 0;
}

static void drop_codec(struct weir__source *source)
{
	if (source->codec != NULL && source->codec_state != NULL)
		source->codec->destroy(source->codec_state);
	source->codec = NULL;
	source->codec_state = NULL;
}

static int open_file(struct weir__source *source, const char *path)
{
	struct stat status;

	source->is_stdin = strcmp(path, "-") == 0;
	source->fd = source->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &status) < 0)
		return weir__fail(errno, "%s: cannot be opened: %s", source->path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return weir__fail(EISDIR, "%s: is a directory, not a capture file", source->path);
	/* Until the file is closed no writer of ours, in whatever process, will empty it. */
	if (S_ISREG(status.st_mode) && flock(source->fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK)
		return weir__fail(EBUSY, "%s: is being written by a capture writer", source->path);
	source->start = lseek(source->fd, 0, SEEK_CUR);
	if (S_ISREG(status.st_mode) && status.st_size > source->start) {
		source->size = (uint64_t)(status.st_size - source->start);
		posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return 0;
}

int weir__source_open(struct weir__source *source, const char *path, bool keep)
{
	int result = 0;

	memset(source, 0, sizeof(*source));
	source->fd = -1;
	source->path = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
	source->slack = WEIR__SOURCE_SLACK;
	if (source->path == NULL)
		result = weir__fail(ENOMEM, "%s: no memory to read it", path);
	else
		result = open_file(source, path);
	if (result == 0 && keep) {
		bool is_short = source->size > 0 && source->size < WEIR__SOURCE_BLOCK;

		source->supply = weir__supply_create(
			WEIR__SOURCE_SLACK + WEIR__SOURCE_BLOCK, BLOCKS_MOST, is_short);
		result = source->supply == NULL ? -errno : 0;
	}
	if (result == 0)
		result = start(source);
	if (result < 0)
		weir__source_close(source);
	return result;
}

int weir__source_open_memory(
	struct weir__source *source, const char *path, uint8_t *bytes, size_t size)
{
	memset(source, 0, sizeof(*source));
	source->fd = -1;
	source->start = -1;
	if (weir__codec_find(bytes, size) != NULL)
		return -ENOTSUP;
	source->path = strdup(path);
	if (source->path == NULL)
		return weir__fail(ENOMEM, "%s: no memory to read it", path);
	source->at = bytes;
	source->end = bytes + size;
	source->end_offset = source->raw_offset = source->size = size;
	source->ended = true;
	return 0;
}

int weir__source_rewind(struct weir__source *source)
{
	if (source->start < 0 || lseek(source->fd, source->start, SEEK_SET) < 0)
		return weir__fail(ESPIPE,
			"%s: is a pipe and cannot be read a second time; use a file", source->path);
	drop_codec(source);
	return start(source);
}

void weir__source_close(struct weir__source *source)
{
	drop_codec(source);
	if (source->fd >= 0 && !source->is_stdin)
		close(source->fd);
	if (source->block != NULL)
		weir__block_drop(source->block, 1);
	weir__supply_close(source->supply);
	free(source->raw);
	free(source->path);
}
