/* SPDX-License-Identifier: BSD-3-Clause */
/* capture.c: captures that clients of the control socket begin and end (weir/tap.h). Each has a
 * number; one that is done or has failed stays in the list until it is stopped. */
#include "control/control_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what is asked for ---- */

static int take_number(
	const struct weir_control_request *request, const char *key, uint64_t max, uint64_t *number)
{
	const char *text = weir_control_arg(request, key);
	char *end = NULL;

	if (!text)
		return 0;
	errno = 0;
	*number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *number > max)
		return weir__fail(EINVAL, "%s=%.32s: must be a number from 0 to %llu", key, text,
			(unsigned long long)max);
	return 0;
}

/* Seconds, to nanoseconds. */
static int take_seconds(
	const struct weir_control_request *request, const char *key, uint64_t *duration_ns)
{
	const char *text = weir_control_arg(request, key);
	char *end = NULL;
	double seconds = text ? strtod(text, &end) : 0;

	if (!text)
		return 0;
	if (end == text || *end || !(seconds > 0 && seconds <= 1e9))
		return weir__fail(
			EINVAL, "%s=%.32s: must be a number of seconds up to 1e9", key, text);
	*duration_ns = (uint64_t)(seconds * 1e9);
	return 0;
}

static int take_direction(const struct weir_control_request *request, struct weir_tap_conf *conf)
{
	const char *text = weir_control_arg(request, "direction");

	conf->only_received = text && strcmp(text, "received") == 0;
	conf->only_sent = text && strcmp(text, "sent") == 0;
	if (text && !conf->only_received && !conf->only_sent && strcmp(text, "both") != 0)
		return weir__fail(EINVAL, "direction=%.32s: must be received, sent or both", text);
	return 0;
}

static int take_numbers(const struct weir_control_request *request, struct weir_tap_conf *conf)
{
	struct weir_series_conf *series = &conf->recorder.series;
	uint64_t queue = 0, snaplen = 0, files = 0;
	int error = take_number(request, "queue", UINT32_MAX, &queue);

	error = error ? error : take_number(request, "snaplen", 262144, &snaplen);
	error = error ? error : take_number(request, "files", 1000000, &files);
	error = error ? error
		      : take_number(request, "packets", UINT64_MAX, &conf->recorder.packets);
	error = error ? error : take_number(request, "bytes", UINT64_MAX, &conf->recorder.bytes);
	error = error ? error : take_number(request, "file_bytes", UINT64_MAX, &series->bytes);
	error = error ? error : take_seconds(request, "seconds", &conf->recorder.duration_ns);
	error = error ? error : take_seconds(request, "file_seconds", &series->duration_ns);
	conf->has_queue = weir_control_arg(request, "queue");
	conf->queue = (uint32_t)queue;
	series->file.snaplen = (uint32_t)snaplen;
	series->files = (uint32_t)files;
	return error;
}

static bool is_pipe(const char *path)
{
	struct stat there;

	return stat(path, &there) == 0 && (S_ISFIFO(there.st_mode) || S_ISSOCK(there.st_mode));
}

/* The texts of the file are copied: it outlives the request. */
static int take_file(const struct weir_control_request *request,
	struct weir__control_capture *capture, struct weir_capture_file *file)
{
	const char *path = weir_control_arg(request, "file");
	const char *comment = weir_control_arg(request, "comment");

	if (!path || !*path || strcmp(path, "-") == 0)
		return weir__fail(EINVAL, "a capture needs file=PATH, of this program");
	if (is_pipe(path))
		return weir__fail(EINVAL,
			"file=%s is a pipe: a reader that stalls would hold up this program", path);
	capture->path = strdup(path);
	capture->comment = comment ? strdup(comment) : NULL;
	if (!capture->path || (comment && !capture->comment))
		return weir__fail(ENOMEM, "no memory for a capture");
	file->path = capture->path;
	file->comment = capture->comment;
	file->application = program_invocation_short_name;
	file->format = WEIR_CAPTURE_PCAPNG;
	weir_capture_by_name(path, &file->format, &file->codec);
	return 0;
}

static const struct weir_pipeline *find_pipeline(
	const struct weir_control *control, const char *name)
{
	for (uint32_t i = 0; i < control->pipeline_count; i++)
		if (!name || strcmp(control->pipelines[i].name, name) == 0)
			return control->pipelines[i].pipeline;
	return weir__fail_null(
		ENOENT, "there is no pipeline%s%s", name ? " " : "", name ? name : "");
}

/* ---- captures ---- */

static void describe(struct weir__control_capture *capture, const struct weir_tap_conf *conf)
{
	char queue[32] = "";

	if (conf->has_queue)
		snprintf(queue, sizeof(queue), " queue=%u", conf->queue);
	snprintf(capture->what, sizeof(capture->what), "%s=%.100s%s%s%.100s",
		conf->port   ? "port"
		: conf->edge ? "edge"
			     : "drops",
		conf->port   ? conf->port
		: conf->edge ? conf->edge
			     : conf->drops,
		queue, conf->filter ? " filter=" : "", conf->filter ? conf->filter : "");
}

static struct weir__control_capture *find_free(struct weir_control *control)
{
	for (uint32_t i = 0; i < WEIR__CONTROL_CAPTURES; i++)
		if (!control->captures[i].id)
			return &control->captures[i];
	return weir__fail_null(ENOSPC, "there are %d captures; stop one", WEIR__CONTROL_CAPTURES);
}

static void clear(struct weir__control_capture *capture)
{
	free(capture->path);
	free(capture->comment);
	*capture = (struct weir__control_capture){0};
}

static int begin(struct weir_control *control, const struct weir_control_request *request,
	struct weir__control_capture *capture)
{
	struct weir_tap_conf conf = {.port = weir_control_arg(request, "port"),
		.edge = weir_control_arg(request, "edge"),
		.drops = weir_control_arg(request, "drops"),
		.filter = weir_control_arg(request, "filter")};
	int error = take_direction(request, &conf);

	error = error ? error : take_numbers(request, &conf);
	error = error ? error : take_file(request, capture, &conf.recorder.series.file);
	if (error)
		return error;
	capture->pipeline = find_pipeline(control, weir_control_arg(request, "pipeline"));
	if (!capture->pipeline)
		return -ENOENT;
	capture->tap = weir_tap_start(capture->pipeline, &conf);
	if (!capture->tap)
		return -errno;
	describe(capture, &conf);
	capture->id = ++control->captures_begun;
	return 0;
}

/* ---- answers ---- */

static json_t *figures(const struct weir__control_capture *capture)
{
	const struct weir_recorder *recorder = weir_tap_recorder(capture->tap);
	int state = weir_recorder_state(recorder);
	struct weir_recorder_stats stats;

	weir_recorder_stats(recorder, &stats);
	return json_pack("{sI so so ss so sI sI sI sI}", "id", (json_int_t)capture->id, "what",
		weir__control_text(capture->what), "file", weir__control_text(capture->path),
		"state",
		state < 0   ? "failed"
		: state > 0 ? "done"
			    : "running",
		"error", weir__control_text(weir_recorder_error(recorder)), "packets",
		(json_int_t)stats.written, "bytes", (json_int_t)stats.bytes_written, "lost",
		(json_int_t)stats.lost, "files", (json_int_t)stats.files);
}

json_t *weir__control_capture_start(
	struct weir_control *control, const struct weir_control_request *request)
{
	struct weir__control_capture *capture = find_free(control);

	if (!capture)
		return NULL;
	if (begin(control, request, capture)) {
		clear(capture);
		return NULL;
	}
	return figures(capture);
}

json_t *weir__control_capture_list(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *array = json_array();

	(void)request;
	for (uint32_t i = 0; i < WEIR__CONTROL_CAPTURES; i++)
		if (control->captures[i].id)
			json_array_append_new(array, figures(&control->captures[i]));
	return array;
}

/* End it: then the figures are the last. A failure is in them. */
static json_t *end(struct weir__control_capture *capture)
{
	json_t *last;
	int error;

	weir_tap_detach(capture->tap);
	weir_recorder_stop(weir_tap_recorder(capture->tap));
	last = figures(capture);
	error = weir_tap_stop(capture->tap);
	if (error)
		json_object_set_new(last, "error", weir__control_text(weir_last_error()));
	clear(capture);
	return last;
}

json_t *weir__control_capture_stop(
	struct weir_control *control, const struct weir_control_request *request)
{
	json_t *array = json_array();
	uint64_t id = 0;

	if (take_number(request, "id", UINT64_MAX, &id)) {
		json_decref(array);
		return NULL;
	}
	for (uint32_t i = 0; i < WEIR__CONTROL_CAPTURES; i++)
		if (control->captures[i].id && (!id || control->captures[i].id == id))
			json_array_append_new(array, end(&control->captures[i]));
	if (json_array_size(array) > 0 || !id)
		return array;
	json_decref(array);
	return weir__fail_null(ENOENT, "there is no capture %llu", (unsigned long long)id);
}

void weir__control_end_captures(struct weir_control *control, const struct weir_pipeline *pipeline)
{
	for (uint32_t i = 0; i < WEIR__CONTROL_CAPTURES; i++)
		if (control->captures[i].id &&
			(!pipeline || control->captures[i].pipeline == pipeline))
			json_decref(end(&control->captures[i]));
}
