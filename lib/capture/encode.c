/* SPDX-License-Identifier: BSD-3-Clause */
/* encode.c: what a name asks for; and compress a file buffer by buffer.
 *
 * What comes of a buffer can be decompressed without the next one. gzip has a checksum in the end,
 * so a buffer becomes a member, a file of its own. zstd and lz4 do it all in one frame, which ends
 * with a few bytes that are always the same: Wireshark 4.0 loses its way in files of many. */
#include "sink_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* The fastest of each that still compresses: a capture goes on meanwhile. */
#define GZIP_LEVEL Z_BEST_SPEED
#define ZSTD_LEVEL 1

/* 15 is the largest window, 16 asks zlib for the gzip wrapper. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8 /* zlib's default */
/* Of gzip's header and trailer more than zlib's own, which compressBound() knows. */
#define GZIP_EXTRA 18
/* Of zstd and lz4 more than their bounds know: headers, and the ends of blocks and frames. */
#define FRAME_EXTRA 64

/* Does the text of this length end so? Then the length is what stands in front. */
static bool take_end(const char *text, size_t *length, const char *end)
{
	size_t size = strlen(end);

	if (*length <= size || strncmp(text + *length - size, end, size) != 0)
		return false;
	*length -= size;
	return true;
}

void weir_capture_by_name(
	const char *path, enum weir_capture_format *format, enum weir_capture_codec *codec)
{
	size_t length = strlen(path);

	*codec = take_end(path, &length, ".gz")    ? WEIR_CAPTURE_GZIP
		 : take_end(path, &length, ".zst") ? WEIR_CAPTURE_ZSTD
		 : take_end(path, &length, ".lz4") ? WEIR_CAPTURE_LZ4
						   : WEIR_CAPTURE_PLAIN;
	if (take_end(path, &length, ".pcapng"))
		*format = WEIR_CAPTURE_PCAPNG;
	else if (take_end(path, &length, ".pcap"))
		*format = WEIR_CAPTURE_PCAP_NS;
}

struct weir__encoder {
	enum weir_capture_codec codec;
	ZSTD_CCtx *zstd;
	LZ4F_cctx *lz4;
	bool begun;
};

struct weir__encoder *weir__encoder_create(enum weir_capture_codec codec)
{
	struct weir__encoder *encoder = calloc(1, sizeof(*encoder));
	bool failed = !encoder;

	if (!failed) {
		encoder->codec = codec;
		if (codec == WEIR_CAPTURE_ZSTD)
			failed = !(encoder->zstd = ZSTD_createCCtx()) ||
				 ZSTD_isError(ZSTD_CCtx_setParameter(
					 encoder->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL));
		else if (codec == WEIR_CAPTURE_LZ4)
			failed = LZ4F_isError(
				LZ4F_createCompressionContext(&encoder->lz4, LZ4F_VERSION));
	}
	if (!failed)
		return encoder;
	weir__encoder_destroy(encoder);
	return weir__fail_null(ENOMEM, "no memory to compress");
}

void weir__encoder_destroy(struct weir__encoder *encoder)
{
	if (!encoder)
		return;
	ZSTD_freeCCtx(encoder->zstd);
	LZ4F_freeCompressionContext(encoder->lz4);
	free(encoder);
}

size_t weir__encode_bound(const struct weir__encoder *encoder, size_t size)
{
	switch (encoder->codec) {
	case WEIR_CAPTURE_GZIP:
		return compressBound(size) + GZIP_EXTRA;
	case WEIR_CAPTURE_ZSTD:
		return ZSTD_compressBound(size) + FRAME_EXTRA;
	default:
		return LZ4F_compressBound(size, NULL) + LZ4F_HEADER_SIZE_MAX + FRAME_EXTRA;
	}
}

/* A member of its own. */
static size_t encode_gzip(const uint8_t *bytes, size_t size, uint8_t *piece, size_t room)
{
	z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)bytes,
		.avail_in = (uInt)size,
		.next_out = piece,
		.avail_out = (uInt)room};
	int result;

	if (size == 0)
		return 0;
	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
		    Z_DEFAULT_STRATEGY) != Z_OK)
		return WEIR__ENCODE_FAILED;
	result = deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	return result == Z_STREAM_END ? stream.total_out : WEIR__ENCODE_FAILED;
}

static size_t encode_zstd(struct weir__encoder *encoder, const uint8_t *bytes, size_t size,
	bool last, uint8_t *piece, size_t room)
{
	ZSTD_inBuffer in = {.src = bytes, .size = size};
	ZSTD_outBuffer out = {.dst = piece, .size = room};
	size_t left =
		ZSTD_compressStream2(encoder->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);

	return left == 0 ? out.pos : WEIR__ENCODE_FAILED;
}

static size_t encode_lz4(struct weir__encoder *encoder, const uint8_t *bytes, size_t size,
	bool last, uint8_t *piece, size_t room)
{
	size_t steps[4] = {0};

	if (!encoder->begun)
		steps[0] = LZ4F_compressBegin(encoder->lz4, piece, room, NULL);
	if (!LZ4F_isError(steps[0]) && size > 0)
		steps[1] = LZ4F_compressUpdate(
			encoder->lz4, piece + steps[0], room - steps[0], bytes, size, NULL);
	if (!LZ4F_isError(steps[0]) && !LZ4F_isError(steps[1]))
		steps[2] = (last ? LZ4F_compressEnd : LZ4F_flush)(encoder->lz4,
			piece + steps[0] + steps[1], room - steps[0] - steps[1], NULL);
	for (int i = 0; i < 3; i++) {
		if (LZ4F_isError(steps[i]))
			return WEIR__ENCODE_FAILED;
		steps[3] += steps[i];
	}
	encoder->begun = true;
	return steps[3];
}

size_t weir__encode(struct weir__encoder *encoder, const uint8_t *bytes, size_t size, bool last,
	uint8_t *piece, size_t room)
{
	switch (encoder->codec) {
	case WEIR_CAPTURE_GZIP:
		return encode_gzip(bytes, size, piece, room);
	case WEIR_CAPTURE_ZSTD:
		return encode_zstd(encoder, bytes, size, last, piece, room);
	default:
		return encode_lz4(encoder, bytes, size, last, piece, room);
	}
}

size_t weir__encode_end(enum weir_capture_codec codec, const uint8_t **end)
{
	/* RFC 8878, 3.1.1.2: the last block, raw, of no bytes; the LZ4 frame format: EndMark */
	static const uint8_t zstd[] = {1, 0, 0}, lz4[] = {0, 0, 0, 0};

	*end = codec == WEIR_CAPTURE_ZSTD ? zstd : lz4;
	return codec == WEIR_CAPTURE_ZSTD  ? sizeof(zstd)
	       : codec == WEIR_CAPTURE_LZ4 ? sizeof(lz4)
					   : 0;
}
