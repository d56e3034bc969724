/* SPDX-License-Identifier: BSD-3-Clause */
/* json.c: text in JSON. */
#include "apps/common/json.h"

#include <stdlib.h>
#include <string.h>

json_t *app_json_text(const char *text)
{
	json_t *string = json_string(text);
	char *plain;

	if (string || !text)
		return string ? string : json_null();
	plain = strdup(text);
	for (char *at = plain; at && *at; at++)
		if (*at & 0x80)
			*at = '?';
	string = json_string(plain);
	free(plain);
	return string;
}
