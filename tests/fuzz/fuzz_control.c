/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_control.c: any line to the control socket has an answer of one line: "ok" or a sentence. */
#include "control/control_impl.h"

#include "weir/mbuf_pool.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int own(const struct weir_control_request *request, char **answer, void *context)
{
	const char *what = weir_control_arg(request, "what");

	(void)context;
	*answer = what ? strdup(what) : NULL;
	return 0;
}

static const char *const args[] = {"what", NULL};
static const struct weir_control_command commands[] = {
	{.name = "own", .help = "say what is said", .args = args, .call = own}, {.name = NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct weir_control control = {.commands = commands};
	struct weir_mbuf_pool_conf conf = {.name = "fuzz", .count = 64, .size = 64};
	size_t answer_size;
	char *answer;
	json_t *value;

	if (!control.pool_count)
		weir_control_pool(&control, weir_mbuf_pool_create(&conf));
	answer = weir__control_answer(&control, (const char *)data, size, &answer_size);
	if (!answer || memchr(answer, '\n', answer_size) != answer + answer_size - 1)
		abort();
	value = json_loadb(answer, answer_size, 0, NULL);
	if (!json_object_get(value, "ok") == !json_object_get(value, "error"))
		abort();
	json_decref(value);
	free(answer);
	return 0;
}
