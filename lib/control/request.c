/* SPDX-License-Identifier: BSD-3-Clause */
/* request.c: one line of a client, which may be anything: one object of JSON with a command and
 * plain values. */
#include "control/control_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>

/* More is no request of ours. */
#define ARGS_MAX 16

/* A value as text; NULL for one that is a structure itself. */
static json_t *as_text(const json_t *value)
{
	char text[64];

	switch (json_typeof(value)) {
	case JSON_INTEGER:
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return json_string(text);
	case JSON_REAL:
		snprintf(text, sizeof(text), "%.17g", json_real_value(value));
		return json_string(text);
	case JSON_TRUE:
		return json_string("true");
	case JSON_FALSE:
		return json_string("false");
	default:
		return NULL;
	}
}

static int make_texts(json_t *object)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, key, value)
	{
		json_t *text;

		if (json_is_string(value))
			continue;
		text = as_text(value);
		if (!text)
			return weir__fail(EINVAL,
				"the value of '%.32s' must be a string, a number, true or false",
				key);
		json_object_set_new(object, key, text);
	}
	return 0;
}

int weir__request_parse(struct weir_control_request *request, const char *line, size_t size)
{
	json_error_t error;

	*request = (struct weir_control_request){
		.object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error)};
	if (!request->object)
		return weir__fail(EINVAL,
			"the line is not JSON: %s; a request is {\"command\": \"help\"}",
			error.text);
	if (!json_is_object(request->object))
		return weir__fail(EINVAL, "a request is an object: {\"command\": \"help\"}");
	if (json_object_size(request->object) > ARGS_MAX)
		return weir__fail(EINVAL, "a request has at most %d keys", ARGS_MAX);
	request->command = json_string_value(json_object_get(request->object, "command"));
	if (!request->command)
		return weir__fail(EINVAL, "a request names its command: {\"command\": \"help\"}");
	return make_texts(request->object);
}

void weir__request_free(struct weir_control_request *request)
{
	json_decref(request->object);
}

const char *weir_control_arg(const struct weir_control_request *request, const char *key)
{
	return json_string_value(json_object_get(request->object, key));
}
