/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_pack.h: compress bytes the three ways the reader takes, for its tests. */
#ifndef CAPTURE_PACK_H
#define CAPTURE_PACK_H

#include "capture_files.h"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

/* Append the bytes as one gzip member. */
static inline void pack_gzip(struct file *file, const void *bytes, size_t size)
{
	size_t room = size + 1000;
	uint8_t *out = malloc(room);
	z_stream stream = {0};

	if (out == NULL ||
		deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	stream.next_in = (z_const Bytef *)(uintptr_t)bytes;
	stream.avail_in = (uInt)size;
	stream.next_out = out;
	stream.avail_out = (uInt)room;
	if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
		abort();
	put_bytes(file, out, room - stream.avail_out);
	deflateEnd(&stream);
	free(out);
}

/* As one zstd frame with a checksum. */
static inline void pack_zstd(struct file *file, const void *bytes, size_t size)
{
	size_t room = ZSTD_compressBound(size);
	uint8_t *out = malloc(room);
	ZSTD_CCtx *context = ZSTD_createCCtx();

	if (out == NULL || context == NULL)
		abort();
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	put_bytes(file, out, ZSTD_compress2(context, out, room, bytes, size));
	ZSTD_freeCCtx(context);
	free(out);
}

/* As one lz4 frame of blocks of 64 KiB with checksums. */
static inline void pack_lz4(struct file *file, const void *bytes, size_t size)
{
	LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max64KB,
			.contentChecksumFlag = LZ4F_contentChecksumEnabled,
			.blockChecksumFlag = LZ4F_blockChecksumEnabled},
	};
	size_t room = LZ4F_compressFrameBound(size, &preferences);
	uint8_t *out = malloc(room);

	if (out == NULL)
		abort();
	put_bytes(file, out, LZ4F_compressFrame(out, room, bytes, size, &preferences));
	free(out);
}

static const struct packer {
	const char *name;
	void (*pack)(struct file *file, const void *bytes, size_t size);
} packers[] = {
	{"gzip", pack_gzip},
	{"zstd", pack_zstd},
	{"lz4", pack_lz4},
};

#define PACKER_COUNT (sizeof(packers) / sizeof(packers[0]))

#endif
