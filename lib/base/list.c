/* SPDX-License-Identifier: BSD-3-Clause */
/* list.c: "0-3,8" into bits. */
#include "list_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS (8 * sizeof(unsigned long))

/* One number, and *text behind it. */
static int parse_number(const char **text, unsigned int max, unsigned int *number)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	value = strtoul(*text, &end, 10); /* too large becomes ULONG_MAX */
	if (value >= max)
		return -ERANGE;
	*number = (unsigned int)value;
	*text = end;
	return 0;
}

static int parse_range(const char **text, unsigned int max, unsigned int *from, unsigned int *to)
{
	int error = parse_number(text, max, from);

	*to = *from;
	if (error || **text != '-')
		return error;
	(*text)++;
	error = parse_number(text, max, to);
	return !error && *to < *from ? -EINVAL : error;
}

int weir__list_parse(const char *text, unsigned long *bits, unsigned int max)
{
	unsigned int from, to;

	memset(bits, 0, (max + WORD_BITS - 1) / WORD_BITS * sizeof(*bits));
	for (;; text++) {
		int error = parse_range(&text, max, &from, &to);

		if (error)
			return error;
		for (; from <= to; from++)
			bits[from / WORD_BITS] |= 1ul << from % WORD_BITS;
		if (*text != ',')
			return *text == 0 || strcmp(text, "\n") == 0 ? 0 : -EINVAL;
	}
}
