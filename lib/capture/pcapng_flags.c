/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng_flags.c: what the options of a packet say that is of use: which way it went. */
#include "pcapng_impl.h"

#include "base/base_impl.h"

/* The draft's section 4.3: epb_flags, whose two lowest bits are the direction, 1 inbound and 2
 * outbound. The obsolete packet block has the same by the name of pack_flags. */
#define OPTION_HEADER 4
#define OPTION_END    0
#define OPTION_FLAGS  2
#define DIRECTION     3u

uint8_t weir__packet_direction_slow(const uint8_t *options, size_t size, bool swapped)
{
	while (size >= OPTION_HEADER + sizeof(uint32_t)) {
		unsigned code = weir__load16(options, swapped);
		size_t length = weir__load16(options + 2, swapped);
		size_t padded = OPTION_HEADER + weir__round_up(length, 4);
		uint32_t direction;

		if (code == OPTION_FLAGS && length == sizeof(uint32_t)) {
			direction = weir__load32(options + OPTION_HEADER, swapped) & DIRECTION;
			return direction == DIRECTION ? WEIR_CAPTURE_UNKNOWN : (uint8_t)direction;
		}
		if (code == OPTION_END || padded > size)
			break;
		options += padded;
		size -= padded;
	}
	return WEIR_CAPTURE_UNKNOWN;
}
