/* SPDX-License-Identifier: BSD-3-Clause */
/* commands.c: what the control socket answers. Each command gives a value, or NULL with a sentence.
 */
#include "control/control_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
	const char *name, *help;
	const char *const *args;
	json_t *(*call)(struct weir_control *control, const struct weir_control_request *request);
};

json_t *weir__control_text(const char *bytes)
{
	json_t *string = json_string(bytes);
	char *plain = string ? NULL : strdup(bytes);

	for (char *at = plain; at && *at; at++)
		if (*at & 0x80)
			*at = '?';
	if (plain)
		string = json_string(plain);
	free(plain);
	return string;
}

json_t *weir__control_report(char *report)
{
	json_t *value = report ? json_loads(report, JSON_DECODE_ANY, NULL) : NULL;

	free(report);
	if (!value)
		return weir__fail_null(ENOMEM, "no memory for a report");
	return value;
}

json_t *weir__control_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *answer_version(
	struct weir_control *control, const struct weir_control_request *request)
{
	(void)request;
	return json_pack("{ss ss si sf}", "version", weir_version(), "program",
		program_invocation_short_name, "pid", (int)getpid(), "seconds",
		(double)(weir__monotonic_ns() - control->begun_ns) / 1e9);
}

static json_t *port_figures(const struct weir_port *port)
{
	struct weir_port_stats stats;
	json_t *drops = json_object();
	int state = weir_port_state(port);

	weir_port_stats(port, &stats);
	for (uint32_t i = 0; i < WEIR_DROP_COUNT; i++)
		json_object_set_new(drops, weir_drop_name((enum weir_drop)i),
			weir__control_number(stats.dropped[i]));
	return json_pack("{so ss so so so so so so so so}", "name",
		weir__control_text(weir_port_name(port)), "state",
		state < 0                  ? "failed"
		: state == WEIR_PORT_ENDED ? "ended"
					   : "up",
		"error", weir__control_text(weir_port_error(port)), "queues",
		weir__control_number(weir_port_queues(port)), "rx_packets",
		weir__control_number(stats.rx_packets), "rx_bytes",
		weir__control_number(stats.rx_bytes), "rx_waits",
		weir__control_number(stats.rx_no_mbuf), "tx_packets",
		weir__control_number(stats.tx_packets), "tx_bytes",
		weir__control_number(stats.tx_bytes), "dropped", drops);
}

static bool is_shown(const struct weir_control *control, const struct weir_port *port)
{
	for (uint32_t i = 0; i < control->port_count; i++)
		if (control->ports[i] == port)
			return true;
	return false;
}

static json_t *answer_ports(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *array = json_array();
	const struct weir_port *port;

	(void)request;
	for (uint32_t i = 0; i < control->port_count; i++)
		json_array_append_new(array, port_figures(control->ports[i]));
	for (uint32_t i = 0; i < control->pipeline_count; i++)
		for (uint32_t j = 0;
			(port = weir_pipeline_port_at(control->pipelines[i].pipeline, j)); j++)
			if (!is_shown(control, port))
				json_array_append_new(array, port_figures(port));
	return array;
}

static json_t *answer_pipelines(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *array = json_array();

	(void)request;
	for (uint32_t i = 0; i < control->pipeline_count; i++) {
		const struct weir__shown_pipeline *shown = &control->pipelines[i];
		json_t *value = weir__control_report(weir_pipeline_report(shown->pipeline, true));

		if (!value) {
			json_decref(array);
			return NULL;
		}
		json_object_set_new(value, "name", weir__control_text(shown->name));
		json_object_set_new(
			value, "error", weir__control_text(weir_pipeline_error(shown->pipeline)));
		json_array_append_new(array, value);
	}
	return array;
}

static json_t *answer_draw(struct weir_control *control, const struct weir_control_request *request)
{
	const char *name = weir_control_arg(request, "pipeline");
	char *drawing;
	json_t *value;

	for (uint32_t i = 0; i < control->pipeline_count; i++) {
		if (name && strcmp(control->pipelines[i].name, name) != 0)
			continue;
		drawing = weir_pipeline_draw(control->pipelines[i].pipeline);
		value = drawing ? weir__control_text(drawing)
				: weir__fail_null(ENOMEM, "no memory");
		free(drawing);
		return value;
	}
	return weir__fail_null(
		ENOENT, "there is no pipeline%s%s", name ? " " : "", name ? name : "");
}

static json_t *answer_stats(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *pipelines = answer_pipelines(control, request);

	if (!pipelines)
		return NULL;
	return json_pack("{so so so s{si so so so so so}}", "ports", answer_ports(control, request),
		"pools", weir__control_pools(control, request), "pipelines", pipelines, "control",
		"connections", (int)control->client_count, "accepted",
		weir__control_number(control->accepted), "requests",
		weir__control_number(control->requests), "errors",
		weir__control_number(control->errors), "displaced",
		weir__control_number(control->displaced), "timed_out",
		weir__control_number(control->timed_out));
}

static json_t *answer_help(
	struct weir_control *control, const struct weir_control_request *request);

static const char *const draw_args[] = {"pipeline", NULL};
static const char *const leaks_args[] = {"seconds", NULL};

static const char *const start_args[] = {"file", "port", "queue", "direction", "edge", "drops",
	"pipeline", "filter", "snaplen", "comment", "packets", "bytes", "seconds", "file_bytes",
	"file_seconds", "files", NULL};
static const char *const stop_args[] = {"id", NULL};
static const char *const level_args[] = {"level", NULL};

static const struct command commands[] = {
	{"help", "what can be asked", NULL, answer_help},
	{"version", "version, program, process, and how long the socket is there", NULL,
		answer_version},
	{"stats", "ports, pools, pipelines, and the socket itself", NULL, answer_stats},
	{"ports", "packets and drops of each port", NULL, answer_ports},
	{"pools", "buffers of each pool: how many are in use", NULL, weir__control_pools},
	{"heaps", "bytes and blocks of each heap and of its size classes", NULL,
		weir__control_heaps},
	{"pipeline", "stages and workers of each pipeline", NULL, answer_pipelines},
	{"draw", "the graph of a pipeline for graphviz (pipeline=NAME)", draw_args, answer_draw},
	{"regions", "memory: pages and nodes of each region", NULL, weir__control_regions},
	{"leaks", "who has what of tracked pools and heaps, for so long at least (seconds=N)",
		leaks_args, weir__control_leaks},
	{"capture start",
		"write packets to a file (file=PATH) of one of port=NAME, edge=STAGE.EDGE, "
		"drops=STAGE or drops=*",
		start_args, weir__control_capture_start},
	{"capture stop", "end a capture (id=N), or all", stop_args, weir__control_capture_stop},
	{"capture list", "captures and what they have written", NULL, weir__control_capture_list},
	{"log-level", "how much is logged: level=off, warning or info; or what it is", level_args,
		weir__control_log_level},
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static json_t *answer_help(struct weir_control *control, const struct weir_control_request *request)
{
	const struct weir_control_command *more = control->commands;
	json_t *object = json_object();

	(void)request;
	for (size_t i = 0; i < COMMANDS; i++)
		json_object_set_new(object, commands[i].name, weir__control_text(commands[i].help));
	for (; more && more->name; more++)
		json_object_set_new(
			object, more->name, weir__control_text(more->help ? more->help : ""));
	return object;
}

/* ---- the way to a command ---- */

static bool is_word(const char *const *words, const char *word)
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static int refuse_key(const char *command, const char *key, const char *const *args)
{
	char names[256] = "";

	for (uint32_t i = 0; args && args[i]; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "; it takes ",
			args[i]);
	}
	return weir__fail(EINVAL, "'%s' does not take '%.32s'%s", command, key, names);
}

/* 0, or -EINVAL when there is a key that the command does not take. */
static int check_args(const struct weir_control_request *request, const char *const *args)
{
	const char *key;
	json_t *value;

	json_object_foreach(request->object, key, value)
	{
		if (strcmp(key, "command") != 0 && !is_word(args, key))
			return refuse_key(request->command, key, args);
	}
	return 0;
}

/* A command of the application's. */
static json_t *call_own(
	const struct weir_control_command *command, const struct weir_control_request *request)
{
	char *answer = NULL;
	json_t *value;
	int error = command->call(request, &answer, command->context);

	if (error) {
		if (answer)
			weir__fail(-error, "%s", answer);
		free(answer);
		return NULL;
	}
	if (!answer)
		return json_true();
	value = json_loads(answer, JSON_DECODE_ANY, NULL);
	free(answer);
	if (!value)
		return weir__fail_null(
			EPROTO, "what '%s' answered is not JSON, which is a bug", command->name);
	return value;
}

static json_t *call(struct weir_control *control, const struct weir_control_request *request)
{
	const struct weir_control_command *more = control->commands;

	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, request->command) == 0)
			return check_args(request, commands[i].args)
				       ? NULL
				       : commands[i].call(control, request);
	for (; more && more->name; more++)
		if (strcmp(more->name, request->command) == 0)
			return check_args(request, more->args) ? NULL : call_own(more, request);
	return weir__fail_null(
		ENOENT, "there is no command '%.32s'; 'help' lists them", request->command);
}

/* A value in its line; NULL without memory, or when it is too long. */
static char *make_line(json_t *value, const char *key, size_t *size)
{
	json_t *whole = value ? json_pack("{so}", key, value) : NULL;
	char *line = NULL;

	*size = whole ? json_dumpb(whole, NULL, 0, JSON_COMPACT) + 1 : 0;
	if (*size > 1 && *size <= WEIR_CONTROL_ANSWER_MAX)
		line = malloc(*size);
	if (line) {
		json_dumpb(whole, line, *size - 1, JSON_COMPACT);
		line[*size - 1] = '\n';
	}
	json_decref(whole);
	return line;
}

char *weir__control_answer(
	struct weir_control *control, const char *line, size_t size, size_t *answer_size)
{
	struct weir_control_request request;
	json_t *value = NULL;
	char *answer;

	control->requests++;
	if (!weir__request_parse(&request, line, size))
		value = call(control, &request);
	weir__request_free(&request);
	if (value) {
		answer = make_line(value, "ok", answer_size);
		if (answer)
			return answer;
		weir__fail(EMSGSIZE, "the answer is longer than %u bytes, or there is no memory",
			WEIR_CONTROL_ANSWER_MAX);
	}
	control->errors++;
	return make_line(weir__control_text(weir_last_error()), "error", answer_size);
}
