/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng_time.c: if_tsresol and if_tsoffset, and what a time of such an interface means. */
#include "pcapng_impl.h"

#include "base/base_impl.h"

#define OPTION_HEADER 4

/* Options of an interface description: the draft, 3.5 and 4.2. */
#define OPTION_END      0
#define OPTION_TSRESOL  9
#define OPTION_TSOFFSET 14

#define TSRESOL_MICROSECONDS 6 /* when the option is absent */
#define TSRESOL_BINARY       0x80u

#define NS_PER_SECOND 1000000000

/* 128 bits: ISO C has no name for it, gcc and clang do on every 64-bit machine. */
__extension__ typedef unsigned __int128 wide;
__extension__ typedef __int128 wide_signed;

static uint64_t power_of_10(unsigned exponent)
{
	uint64_t power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* The unit is 2^-n or 10^-n seconds. */
static void set_resolution(struct weir__interface *interface, uint8_t tsresol)
{
	unsigned exponent = tsresol & ~TSRESOL_BINARY;

	interface->multiply = 1;
	interface->divide = 1;
	interface->shift = 0;
	if (tsresol & TSRESOL_BINARY) {
		interface->multiply = NS_PER_SECOND;
		interface->shift = (uint8_t)exponent;
	} else if (exponent <= 9) {
		interface->multiply = power_of_10(9 - exponent);
	} else if (exponent <= 9 + 19) { /* 10^19 is the largest power in 64 bits */
		interface->divide = power_of_10(exponent - 9);
	} else { /* 2^64 such units are less than a nanosecond */
		interface->multiply = 0;
	}
}

/* One option that has passed the checks on lengths. seen has a bit for each of the two. */
static const char *take_option(struct weir__interface *interface, unsigned code,
	const uint8_t *value, size_t length, bool swapped, unsigned *seen)
{
	unsigned bit = code == OPTION_TSRESOL ? 1 : 2;

	if (code != OPTION_TSRESOL && code != OPTION_TSOFFSET)
		return NULL;
	if (*seen & bit)
		return "an interface with two of the same option for its times";
	*seen |= bit;
	if (length != (code == OPTION_TSRESOL ? 1 : sizeof(uint64_t)))
		return "an interface whose option if_tsresol or if_tsoffset has a wrong length";
	if (code == OPTION_TSRESOL)
		set_resolution(interface, *value);
	else
		interface->offset_s = (int64_t)weir__load64(value, swapped);
	return NULL;
}

const char *weir__interface_times(
	struct weir__interface *interface, const uint8_t *options, size_t size, bool swapped)
{
	const char *trouble;
	unsigned code, seen = 0;
	size_t length, padded;

	set_resolution(interface, TSRESOL_MICROSECONDS);
	interface->offset_s = 0;
	while (size > 0) {
		if (size < OPTION_HEADER)
			return "an interface whose options are cut short";
		code = weir__load16(options, swapped);
		length = weir__load16(options + 2, swapped);
		padded = OPTION_HEADER + weir__round_up(length, 4);
		if (padded > size)
			return "an interface with an option longer than its block";
		if (code == OPTION_END && length != 0)
			return "an interface whose end of options is not empty";
		if (code == OPTION_END)
			break;
		trouble = take_option(
			interface, code, options + OPTION_HEADER, length, swapped, &seen);
		if (trouble != NULL)
			return trouble;
		options += padded;
		size -= padded;
	}
	interface->whole =
		interface->divide == 1 && interface->shift == 0 && interface->offset_s == 0;
	return NULL;
}

uint64_t weir__interface_ns_slow(const struct weir__interface *interface, uint64_t time)
{
	/* Below 2^64 * 10^9, and the offset's share below 2^63 * 10^9: both fit 127 bits. */
	wide_signed ns = (wide_signed)((wide)time * interface->multiply / interface->divide >>
				       interface->shift);

	ns += (wide_signed)interface->offset_s * NS_PER_SECOND;
	if (ns < 0)
		return 0;
	return ns > (wide_signed)UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}
