/* SPDX-License-Identifier: BSD-3-Clause */
/* codec_zstd.c: zstd, any number of frames one after another, skippable ones among them.
 *
 * Frames that want a window above 128 MiB (made with zstd --long=28 and more) are refused, as the
 * zstd program does: a file of a few bytes could otherwise claim gigabytes. */
#include "codec_impl.h"

#include <stdlib.h>
#include <zstd.h>

#define BLOCK_HEADER 3 /* RFC 8878, 3.1.1.2 */

struct zstd {
	ZSTD_DCtx *context;
	struct weir__codec_pace pace;
};

static void zstd_destroy(void *state)
{
	struct zstd *zstd = state;

	ZSTD_freeDCtx(zstd->context);
	free(zstd);
}

static void *zstd_create(void)
{
	struct zstd *zstd = calloc(1, sizeof(*zstd));

	if (zstd == NULL)
		return NULL;
	zstd->context = ZSTD_createDCtx();
	zstd->pace.want = BLOCK_HEADER;
	if (zstd->context == NULL) {
		zstd_destroy(zstd);
		return NULL;
	}
	return zstd;
}

static enum weir__codec_status zstd_run(void *state, struct weir__codec_io *io, const char **reason)
{
	struct zstd *zstd = state;
	ZSTD_inBuffer in = {.src = io->in, .size = weir__codec_feed(&zstd->pace, io)};
	ZSTD_outBuffer out = {.dst = io->out, .size = io->out_size};
	size_t hint = ZSTD_decompressStream(zstd->context, &out, &in);

	if (ZSTD_isError(hint)) {
		*reason = ZSTD_getErrorName(hint);
		return WEIR__CODEC_DAMAGED;
	}
	weir__codec_step(&zstd->pace, io, in.pos, out.pos, hint, BLOCK_HEADER);
	return hint == 0 ? WEIR__CODEC_FRAME_END : WEIR__CODEC_MORE;
}

const struct weir__codec weir__codec_zstd = {
	.name = "zstd",
	.create = zstd_create,
	.run = zstd_run,
	.destroy = zstd_destroy,
};
