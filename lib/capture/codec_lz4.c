/* SPDX-License-Identifier: BSD-3-Clause */
/* codec_lz4.c: the LZ4 frame format, any number of frames one after another. */
#include "codec_impl.h"

#include <lz4frame.h>
#include <stdlib.h>

#define BLOCK_HEADER 4 /* the size word in front of each data block */

struct lz4 {
	LZ4F_dctx *context;
	struct weir__codec_pace pace;
};

static void *lz4_create(void)
{
	struct lz4 *lz4 = calloc(1, sizeof(*lz4));

	if (lz4 == NULL)
		return NULL;
	lz4->pace.want = BLOCK_HEADER;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&lz4->context, LZ4F_VERSION))) {
		free(lz4);
		return NULL;
	}
	return lz4;
}

static void lz4_destroy(void *state)
{
	struct lz4 *lz4 = state;

	LZ4F_freeDecompressionContext(lz4->context);
	free(lz4);
}

static enum weir__codec_status lz4_run(void *state, struct weir__codec_io *io, const char **reason)
{
	struct lz4 *lz4 = state;
	size_t taken = weir__codec_feed(&lz4->pace, io);
	size_t made = io->out_size;
	size_t hint = LZ4F_decompress(lz4->context, io->out, &made, io->in, &taken, NULL);

	if (LZ4F_isError(hint)) {
		*reason = LZ4F_getErrorName(hint);
		return WEIR__CODEC_DAMAGED;
	}
	weir__codec_step(&lz4->pace, io, taken, made, hint, BLOCK_HEADER);
	return hint == 0 ? WEIR__CODEC_FRAME_END : WEIR__CODEC_MORE;
}

const struct weir__codec weir__codec_lz4 = {
	.name = "lz4",
	.create = lz4_create,
	.run = lz4_run,
	.destroy = lz4_destroy,
};
