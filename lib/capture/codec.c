/* SPDX-License-Identifier: BSD-3-Clause */
/* codec.c: tell compressed data by its first bytes. */
#include "codec_impl.h"

#include <string.h>

/* RFC 1952 (and its only method, 8), RFC 8878, and the LZ4 frame format 1.6.2. A file of zstd may
 * begin with a skippable frame (pzstd does so), whose magic ends in any of sixteen digits. */
static const struct {
	uint8_t magic[4];
	uint8_t size;
	uint8_t first_mask;
	const struct weir__codec *codec;
} known[] = {
	{{0x1f, 0x8b, 0x08}, 3, 0xff, &weir__codec_gzip},
	{{0x28, 0xb5, 0x2f, 0xfd}, 4, 0xff, &weir__codec_zstd},
	{{0x50, 0x2a, 0x4d, 0x18}, 4, 0xf0, &weir__codec_zstd},
	{{0x04, 0x22, 0x4d, 0x18}, 4, 0xff, &weir__codec_lz4},
};

const struct weir__codec *weir__codec_find(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (size >= known[i].size && (data[0] & known[i].first_mask) == known[i].magic[0] &&
			memcmp(data + 1, known[i].magic + 1, known[i].size - 1u) == 0)
			return known[i].codec;
	}
	return NULL;
}
