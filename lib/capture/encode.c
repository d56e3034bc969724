/* SPDX-License-Identifier: BSD-3-Clause */
/* encode.c: what a name asks for; and compress a buffer into one complete frame. */
#include "sink_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <lz4frame.h>
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

size_t weir__encode_bound(enum weir_capture_codec codec, size_t size)
{
	switch (codec) {
	case WEIR_CAPTURE_GZIP:
		return compressBound(size) + GZIP_EXTRA;
	case WEIR_CAPTURE_ZSTD:
		return ZSTD_compressBound(size);
	case WEIR_CAPTURE_LZ4:
		return LZ4F_compressFrameBound(size, NULL);
	default:
		return size;
	}
}

static size_t encode_gzip(const uint8_t *bytes, size_t size, uint8_t *frame, size_t room)
{
	z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)bytes,
		.avail_in = (uInt)size,
		.next_out = frame,
		.avail_out = (uInt)room};
	int result;

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
		    Z_DEFAULT_STRATEGY) != Z_OK) {
		weir__fail(ENOMEM, "no memory to compress");
		return 0;
	}
	result = deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	if (result == Z_STREAM_END)
		return stream.total_out;
	weir__fail(EIO, "gzip: %s", zError(result));
	return 0;
}

static size_t encode_zstd(const uint8_t *bytes, size_t size, uint8_t *frame, size_t room)
{
	size_t made = ZSTD_compress(frame, room, bytes, size, ZSTD_LEVEL);

	if (!ZSTD_isError(made))
		return made;
	weir__fail(EIO, "zstd: %s", ZSTD_getErrorName(made));
	return 0;
}

static size_t encode_lz4(const uint8_t *bytes, size_t size, uint8_t *frame, size_t room)
{
	size_t made = LZ4F_compressFrame(frame, room, bytes, size, NULL);

	if (!LZ4F_isError(made))
		return made;
	weir__fail(EIO, "lz4: %s", LZ4F_getErrorName(made));
	return 0;
}

size_t weir__encode(enum weir_capture_codec codec, const uint8_t *bytes, size_t size,
	uint8_t *frame, size_t room)
{
	switch (codec) {
	case WEIR_CAPTURE_GZIP:
		return encode_gzip(bytes, size, frame, room);
	case WEIR_CAPTURE_ZSTD:
		return encode_zstd(bytes, size, frame, room);
	case WEIR_CAPTURE_LZ4:
		return encode_lz4(bytes, size, frame, room);
	default:
		weir__fail(EINVAL, "no compression has number %d", (int)codec);
		return 0;
	}
}
