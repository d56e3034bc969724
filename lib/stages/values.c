/* SPDX-License-Identifier: BSD-3-Clause */
/* values.c: quantities with units, chances and clocks, as arguments of stages. */
#include "stages/bucket_impl.h"
#include "stages/values_impl.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Digits in front of a point and behind it: what fits 64 bits, and nanoseconds of a second. */
#define WHOLE    19
#define DECIMALS 9

const struct weir__quantity weir__duration = {
	.like = "500us, 10ms or 1.5s",
	.max = UINT64_C(3600000000000),
	.units = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000},
		{"m", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)}},
};

const struct weir__quantity weir__long_duration = {
	.like = "500ms, 10s or 1h",
	.min = 1,
	.max = UINT64_C(10) * 366 * 86400 * 1000000000,
	.units = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000},
		{"m", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)}},
};

const struct weir__quantity weir__size = {
	.like = "1500, 64K or 1MiB",
	.min = 1,
	.max = 1u << 30,
	.units = {{"", 1}, {"B", 1}, {"K", 1u << 10}, {"KiB", 1u << 10}, {"M", 1u << 20},
		{"MiB", 1u << 20}, {"G", 1u << 30}, {"GiB", 1u << 30}},
};

const struct weir__quantity weir__rate = {
	.like = "100mbit or 5kpps",
	.min = 1,
	.max = WEIR__BUCKET_RATE_MAX,
	.units = {{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}, {"pps", 1},
		{"kpps", 1000}, {"mpps", 1000000}},
};

/* Up to max digits; *text moves behind them. Returns how many; 0 for none, or too many. */
static uint32_t take_digits(const char **text, uint32_t max, uint64_t *number)
{
	uint32_t count = 0;

	for (; isdigit((unsigned char)**text); (*text)++, count++) {
		if (count == max)
			return 0;
		*number = *number * 10 + (uint64_t)(**text - '0');
	}
	return count;
}

/* The index of the unit, or -1. */
static int find_unit(const struct weir__quantity *quantity, const char *name)
{
	for (int i = 0; quantity->units[i].name; i++)
		if (strcmp(quantity->units[i].name, name) == 0)
			return i;
	return -1;
}

/* What stands behind the point, in units of 1 / factor. */
static bool take_part(const char **text, uint64_t factor, uint64_t *part)
{
	uint32_t digits;

	(*text)++;
	digits = take_digits(text, DECIMALS, part);
	if (digits == 0 || __builtin_mul_overflow(*part, factor, part))
		return false;
	/* half a packet a second, or a third of a bit, would be less than was said */
	for (; digits > 0; digits--) {
		if (*part % 10 != 0)
			return false;
		*part /= 10;
	}
	return true;
}

/* The index of the unit, or -1. */
static int parse(const char *text, const struct weir__quantity *quantity, uint64_t *value)
{
	int unit = find_unit(quantity, text + strspn(text, "0123456789."));
	uint64_t whole = 0, part = 0, factor;

	if (unit < 0 || !take_digits(&text, WHOLE, &whole))
		return -1;
	factor = quantity->units[unit].factor;
	if (*text == '.' && !take_part(&text, factor, &part))
		return -1;
	/* a second point? */
	if (strcmp(text, quantity->units[unit].name) != 0 ||
		__builtin_mul_overflow(whole, factor, &whole) ||
		__builtin_add_overflow(whole, part, value))
		return -1;
	return *value < quantity->min || *value > quantity->max ? -1 : unit;
}

int weir__arg_quantity(struct weir_stage_args *args, const char *key,
	const struct weir__quantity *quantity, uint64_t *value)
{
	const char *text = weir_stage_arg(args, key);
	uint64_t got;
	int unit;

	if (!text)
		return 0;
	unit = parse(text, quantity, &got);
	if (unit < 0)
		return weir_stage_fail(EINVAL, "%s=%s is not as in %s, or out of range", key, text,
			quantity->like);
	*value = got;
	return unit;
}

int weir__arg_chance(struct weir_stage_args *args, const char *key, uint64_t *chance)
{
	/* in billionths: 100% is 10^9 of them */
	static const struct weir__quantity percent = {
		.like = "0.5%", .max = 1000000000, .units = {{"%", 10000000}}};
	uint64_t billionths = 0;

	if (!weir_stage_arg(args, key))
		return 0;
	if (weir__arg_quantity(args, key, &percent, &billionths) < 0)
		return -EINVAL;
	*chance = (billionths << 32) / 1000000000;
	return 0;
}

int weir__arg_seed(struct weir_stage_args *args, uint64_t *seed)
{
	*seed = 1;
	return weir_stage_arg_number(args, "seed", 0, UINT64_MAX, seed);
}

int weir__arg_clock(struct weir_stage_args *args, struct weir__clock *clock)
{
	static const char *const words[] = {"worker", "packet", NULL};
	int word = weir_stage_arg_word(args, "clock", words);

	if (word < 0)
		return word;
	*clock = (struct weir__clock){0};
	if (word == 0)
		clock->scale = (UINT64_C(1000000000) << 32) / weir__cycles_per_second();
	return 0;
}
