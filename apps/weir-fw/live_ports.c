/* SPDX-License-Identifier: BSD-3-Clause */
/* live_ports.c: ports as arguments, and the names that rules have for them. */
#include "apps/weir-fw/live.h"

#include <string.h>

static const char *skip_name(const char *text, size_t *length)
{
	*length = strcspn(text, "=");
	if (text[*length] && strcspn(text, ":/") > *length)
		return text + *length + 1;
	*length = 0;
	return text;
}

/* "eth0" of "af_packet:eth0,queues=2". */
static const char *name_in(const char *spec, size_t *length)
{
	const char *word = spec + strcspn(spec, ":");

	word += *word == ':';
	*length = strcspn(word, ",");
	if (*length >= FW_IFNAMSIZ || strcspn(word, "=/") < *length)
		*length = 0;
	return word;
}

void fw_live_add(struct fw_live *live, struct argp_state *state, const char *text)
{
	uint32_t number = live->bridge.count;
	char *name;
	size_t length;
	const char *spec = skip_name(text, &length), *word = text;

	app_bridge_add(&live->bridge, state, spec);
	name = live->names[number];
	if (spec != text && (!length || length >= FW_IFNAMSIZ))
		app_refuse(state, "port", text, "NAME= must be of 1 to 15 characters");
	if (spec == text)
		word = name_in(spec, &length);
	if (length)
		memcpy(name, word, length);
	else
		snprintf(name, FW_IFNAMSIZ, "port%u", number);
}
