/* SPDX-License-Identifier: BSD-3-Clause */
/* codec_impl.h: one face for the three decompressors: codec_gzip.c, codec_zstd.c, codec_lz4.c. */
#ifndef WEIR_CODEC_IMPL_H
#define WEIR_CODEC_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of the compressed input and of the room for output; run() moves both forward. */
struct weir__codec_io {
	const uint8_t *in;
	size_t in_size;
	uint8_t *out;
	size_t out_size;
};

enum weir__codec_status {
	WEIR__CODEC_MORE,      /* inside a frame: wants input, or room for output */
	WEIR__CODEC_FRAME_END, /* a frame (gzip: member) is complete; another may follow */
	WEIR__CODEC_DAMAGED,   /* *reason says why, in the decompressor's words */
};

struct weir__codec {
	const char *name;
	/* A fresh state in front of a first frame, or NULL without memory. */
	void *(*create)(void);
	/* Decompress what there is. After a frame's end the next call begins the next frame. */
	enum weir__codec_status (*run)(void *state, struct weir__codec_io *io, const char **reason);
	void (*destroy)(void *state);
};

/* zstd and lz4 forget what they wrote in a call that fails. So that the packets in front of damage
 * are not lost, each call gets no more input than one block, and output that did not fit is fetched
 * before more input is given. */
struct weir__codec_pace {
	size_t want; /* input up to the end of the block, or of the header, that comes next */
	bool full;   /* the last call filled the room it had */
};

static inline size_t weir__codec_feed(
	const struct weir__codec_pace *pace, const struct weir__codec_io *io)
{
	if (pace->full)
		return 0;
	return io->in_size < pace->want ? io->in_size : pace->want;
}

/* After a call that took and made so many bytes. hint is the input the decompressor asks for next,
 * which includes the header of the block after that one: header bytes, not to be given yet. In the
 * middle of a block lz4's hint may include more than that, so there the first one stands. */
static inline void weir__codec_step(struct weir__codec_pace *pace, struct weir__codec_io *io,
	size_t taken, size_t made, size_t hint, size_t header)
{
	io->in += taken;
	io->in_size -= taken;
	io->out += made;
	io->out_size -= made;
	pace->full = io->out_size == 0;
	pace->want -= taken;
	if (pace->want == 0)
		pace->want = hint > header ? hint - header : header;
}

extern const struct weir__codec weir__codec_gzip;
extern const struct weir__codec weir__codec_zstd;
extern const struct weir__codec weir__codec_lz4;

/* The decompressor for data that starts like this, or NULL when it is not compressed. */
const struct weir__codec *weir__codec_find(const uint8_t *data, size_t size);

#endif
