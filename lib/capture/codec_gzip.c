/* SPDX-License-Identifier: BSD-3-Clause */
/* codec_gzip.c: gzip through zlib, any number of members one after another. */
#include "codec_impl.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

/* 15 is the largest window, 16 asks zlib for the gzip wrapper alone. */
#define WINDOW_BITS (15 + 16)

static void *gzip_create(void)
{
	z_stream *stream = calloc(1, sizeof(*stream));

	if (stream != NULL && inflateInit2(stream, WINDOW_BITS) != Z_OK) {
		free(stream);
		return NULL;
	}
	return stream;
}

static enum weir__codec_status gzip_run(void *state, struct weir__codec_io *io, const char **reason)
{
	z_stream *stream = state;
	int result;

	stream->next_in = (z_const Bytef *)(uintptr_t)io->in;
	stream->avail_in = io->in_size > UINT_MAX ? UINT_MAX : (uInt)io->in_size;
	stream->next_out = io->out;
	stream->avail_out = io->out_size > UINT_MAX ? UINT_MAX : (uInt)io->out_size;
	result = inflate(stream, Z_NO_FLUSH);
	io->in_size -= (size_t)(stream->next_in - io->in);
	io->in = stream->next_in;
	io->out_size -= (size_t)(stream->next_out - io->out);
	io->out = stream->next_out;

	if (result == Z_STREAM_END) {
		inflateReset(stream);
		return WEIR__CODEC_FRAME_END;
	}
	if (result == Z_OK || result == Z_BUF_ERROR)
		return WEIR__CODEC_MORE;
	*reason = stream->msg != NULL ? stream->msg : zError(result);
	return WEIR__CODEC_DAMAGED;
}

static void gzip_destroy(void *state)
{
	inflateEnd(state);
	free(state);
}

const struct weir__codec weir__codec_gzip = {
	.name = "gzip",
	.create = gzip_create,
	.run = gzip_run,
	.destroy = gzip_destroy,
};
