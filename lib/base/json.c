/* SPDX-License-Identifier: BSD-3-Clause */
/* json.c: strings of JSON, from names that may hold anything. */
#include "json_impl.h"

#include <stdint.h>

/* Bytes of the UTF-8 sequence at text, by its first byte and the values allowed for the second
 * (Unicode, table 3-7); 0 when it is none. */
static uint32_t sequence(const unsigned char *text)
{
	unsigned char first = text[0], min = 0x80, max = 0xbf;
	uint32_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (length == 1)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	if (first == 0xe0)
		min = 0xa0;
	else if (first == 0xed)
		max = 0x9f;
	else if (first == 0xf0)
		min = 0x90;
	else if (first == 0xf4)
		max = 0x8f;
	if (text[1] < min || text[1] > max)
		return 0;
	for (uint32_t i = 2; i < length; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return length;
}

void weir__json_string(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', out);
	while (*at) {
		uint32_t length = sequence(at);

		if (length > 1)
			fwrite(at, 1, length, out);
		else if (!length)
			fputc('?', out);
		else if (*at < 0x20 || *at == '"' || *at == '\\')
			fprintf(out, "\\u%04x", *at);
		else
			fputc(*at, out);
		at += length ? length : 1;
	}
	fputc('"', out);
}
