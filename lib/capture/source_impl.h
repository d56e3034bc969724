/* SPDX-License-Identifier: BSD-3-Clause */
/* source_impl.h: the bytes of a capture file, decompressed, through a window.
 *
 *	buffer            block                     buffer + capacity
 *	  |     slack       |          block            |
 *	  |        [at ---- | ---------- end)           |
 *
 * The parser looks at the bytes from at to end and moves at forward. When it needs more than there
 * is, what is left is moved in front of the block and the next block is read behind it; so a file
 * is read in large pieces at one aligned place that stays in the cache, only the few bytes of a
 * record that lies over two blocks are copied, and every record is contiguous.
 *
 * With a supply packets may be kept where they are: a block that somebody has a packet in is left
 * to them, and another one takes its place.
 */
#ifndef WEIR_SOURCE_IMPL_H
#define WEIR_SOURCE_IMPL_H

#include "codec_impl.h"
#include "supply_impl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Large enough that the system call costs below a nanosecond a packet, small enough that what was
 * read is still in a cache of level 2 when it is parsed. */
#define WEIR__SOURCE_BLOCK (256u * 1024)
#define WEIR__SOURCE_SLACK (64u * 1024) /* holds all but packets above 64 KiB; grows with them */

struct weir__source {
	uint8_t *at;
	uint8_t *end;
	struct weir__block *block;
	uint8_t *buffer; /* the block's bytes */
	size_t slack;
	size_t capacity;
	struct weir__supply *supply; /* NULL: the block is ours for good */
	bool shared;                 /* packets of the block may be kept */
	uint64_t end_offset;         /* of end, in the decompressed bytes */
	bool ended;                  /* nothing comes behind end: end of the file, or error */
	int error;                   /* why it ended early, an errno, or 0 */
	const char *reason;          /* the words for it */

	int fd;
	bool is_stdin;    /* not ours to close */
	bool nonblocking; /* do not wait for a pipe: -EAGAIN */
	char *path;
	off_t start;         /* where a file began when opened (standard input), -1 for a pipe */
	uint64_t size;       /* of the file as stored from start on, 0 when unknown */
	uint64_t raw_offset; /* bytes read of the file as stored */

	const struct weir__codec *codec; /* NULL for a plain file */
	void *codec_state;
	bool in_frame;     /* the end of the file here would be a truncation */
	uint8_t *raw;      /* compressed bytes: a buffer, and what is left in it */
	const uint8_t *in; /* in raw */
	size_t in_size;
};

/* Open path ("-": standard input), read the first block and find out how it is compressed; with
 * keep into blocks of a supply. 0 or -errno with the sentence said. After a failure there is
 * nothing to close. */
int weir__source_open(struct weir__source *source, const char *path, bool keep);

/* Over bytes in memory: 0, -ENOTSUP when they are compressed, or -ENOMEM. */
int weir__source_open_memory(
	struct weir__source *source, const char *path, uint8_t *bytes, size_t size);

/* Back to the first byte. 0 or -errno with the sentence said; -ESPIPE for a pipe. */
int weir__source_rewind(struct weir__source *source);

void weir__source_close(struct weir__source *source);

/* Where at is in the decompressed bytes. */
static inline uint64_t weir__source_offset(const struct weir__source *source)
{
	return source->end_offset - (uint64_t)(source->end - source->at);
}

static inline bool weir__source_has(const struct weir__source *source, size_t size)
{
	return (size_t)(source->end - source->at) >= size;
}

/* Make size bytes at `at` contiguous; at may move. 1; or 0 at the end of the file with nothing
 * left; or -errno with the sentence said, when the file ends before size or cannot be read; or
 * -EAGAIN when it would have to wait for a pipe and shall not. what
 * names the thing that would be cut, such as "a packet record". */
int weir__source_need_slow(struct weir__source *source, size_t size, const char *what);

static inline int weir__source_need(struct weir__source *source, size_t size, const char *what)
{
	if (__builtin_expect(weir__source_has(source, size), 1))
		return 1;
	return weir__source_need_slow(source, size, what);
}

/* window.c: room behind end for the rest of size bytes, and for a read that is worth its system
 * call; and the same in a fresh window. 0, or -ENOMEM with the sentence said. */
int weir__source_make_room(struct weir__source *source, size_t size);
int weir__source_renew(struct weir__source *source, size_t size);

/* window.c: memory for whole pages, to be freed with free(). */
uint8_t *weir__source_alloc(size_t size);

/* Pass size bytes, however many. 1 or -errno as above. */
int weir__source_skip(struct weir__source *source, uint64_t size, const char *what);

/* Say "file: offset N: reason" for damage at offset and return -EBADMSG. */
int weir__source_damaged(const struct weir__source *source, uint64_t offset, const char *format,
	...) __attribute__((format(printf, 3, 4)));

#endif
