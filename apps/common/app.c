/* SPDX-License-Identifier: BSD-3-Clause */
/* app.c: a program's life around its loop: start, open, finish. */
#include "apps/common/app_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void app_fail(struct app *app, int status, const char *format, ...)
{
	va_list arguments;

	app_clear_progress(app);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	if (!app->status)
		app->status = status;
}

void app_check_port(struct app *app, const struct weir_port *port)
{
	if (weir_port_state(port) < 0)
		app_fail(app, APP_FAILED, "%s", weir_port_error(port));
}

void app_fail_last(struct app *app)
{
	bool misuse = errno == EINVAL || errno == ENODEV;

	app_fail(app, misuse ? APP_MISUSE : APP_FAILED, "%s", weir_last_error());
}

/* What the library has to say when nobody asked. */
static void print_log(void *context, enum weir_log_level level, const char *line)
{
	(void)context;
	fprintf(stderr, "%s: %s%s\n", program_invocation_short_name,
		level == WEIR_LOG_WARNING ? "warning: " : "", line);
}

/* Many inputs are many files. The soft limit is for programs that call select(2); ours do not. */
static void allow_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

bool app_start(struct app *app)
{
	const struct app_options *options = &app->options;

	allow_files();
	weir_log_set_level(options->verbose ? WEIR_LOG_INFO : WEIR_LOG_WARNING);
	weir_log_set_handler(print_log, app);

	if (options->pin && sched_setaffinity(0, sizeof(options->lcores), &options->lcores)) {
		app_fail(app, APP_FAILED, "--lcores: %s", strerror(errno));
		return false;
	}
	app_catch_signals();
	app->progress = isatty(STDERR_FILENO) && !options->quiet && !options->json;
	app->pool = weir_mbuf_pool_create(&options->pool);
	if (!app->pool)
		app_fail_last(app);
	return app->pool;
}

bool app_is_path(const char *spec)
{
	size_t length = strcspn(spec, ":");

	return memchr(spec, '/', length) || memchr(spec, '.', length) || strcmp(spec, "-") == 0 ||
	       access(spec, F_OK) == 0;
}

char *app_path(const char *spec, const char *key)
{
	size_t length = strlen(key);

	if (app_is_path(spec))
		return strdup(spec);
	for (const char *at = strpbrk(spec, ":,"); at; at = strpbrk(at + 1, ","))
		if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=')
			return strndup(at + 2 + length, strcspn(at + 2 + length, ","));
	return NULL;
}

void app_note_spec(struct app *app, const char *spec)
{
	char *path = app_is_path(spec) ? NULL : app_path(spec, "tx");

	if (path && strcmp(path, "-") == 0)
		app->packets_to_stdout = true;
	free(path);
}

/* "spec,queues=N"; NULL if it says how many, or can not. */
static char *with_queues(const char *spec, uint32_t queues)
{
	const char *colon = strchr(spec, ':'), *joint = !colon ? ":" : colon[1] ? "," : "";
	char *given = app_path(spec, "queues"), *longer = NULL;

	if (!given && asprintf(&longer, "%s%squeues=%u", spec, joint, queues) < 0)
		longer = NULL;
	free(given);
	return longer;
}

/* Where a driver knows no queues, or a device has fewer, the port is opened without. */
static struct weir_port *open_port(const char *spec, struct weir_mempool *pool, uint32_t workers)
{
	char *longer = workers > 1 ? with_queues(spec, workers) : NULL;
	struct weir_port *port = longer ? weir_port_open(longer, pool) : NULL;

	free(longer);
	return port ? port : weir_port_open(spec, pool);
}

struct weir_port *app_open_queues(
	struct app *app, const char *spec, struct weir_mempool *pool, uint32_t workers)
{
	struct weir_port *port;

	app_note_spec(app, spec);
	if (app->port_count == APP_PORT_MAX) {
		app_fail(app, APP_MISUSE, "at most %d ports", APP_PORT_MAX);
		return NULL;
	}
	port = open_port(spec, pool, workers);
	if (!port)
		app_fail_last(app);
	else
		app->ports[app->port_count++] = port;
	return port;
}

struct weir_port *app_open(struct app *app, const char *spec, struct weir_mempool *pool)
{
	return app_open_queues(app, spec, pool, 1);
}

void app_begin(struct app *app)
{
	app->begun_ns = app_now_ns();
}

static char *copy_or_null(const char *text)
{
	return *text ? strdup(text) : NULL;
}

static struct app_port_figures *add_figures(
	struct app *app, const char *name, const struct weir_port_stats *stats, const char *error)
{
	struct app_port_figures *grown, *figures;

	grown = realloc(app->taken, (app->taken_count + 1) * sizeof(*grown));
	if (!grown) {
		app_fail(app, APP_FAILED, "no memory for the figures of a port");
		return NULL;
	}
	app->taken = grown;
	figures = &grown[app->taken_count++];
	*figures = (struct app_port_figures){copy_or_null(name), copy_or_null(error), *stats};
	return figures;
}

static struct app_port_figures *take_figures(struct app *app, const struct weir_port *port)
{
	struct weir_port_stats stats;

	weir_port_stats(port, &stats);
	return add_figures(app, weir_port_name(port), &stats, weir_port_error(port));
}

void app_add_figures(
	struct app *app, const char *name, const struct weir_port_stats *stats, const char *error)
{
	add_figures(app, name, stats, error);
}

void app_take_figures(struct app *app, const struct weir_port *port)
{
	take_figures(app, port);
}

/* Close a port and take its figures. A failure of a port that has failed before is no news. */
static void close_port(struct app *app, struct weir_port *port)
{
	bool failed = weir_port_state(port) < 0;
	struct app_port_figures *figures = take_figures(app, port);

	if (weir_port_close(port) == 0 || failed)
		return;
	if (figures)
		figures->error = copy_or_null(weir_last_error());
	app_fail(app, APP_FAILED, "%s", weir_last_error());
}

static void free_report(struct app *app)
{
	for (uint32_t i = 0; i < app->taken_count; i++) {
		free(app->taken[i].name);
		free(app->taken[i].error);
	}
	free(app->taken);
	free(app->more_text);
	free(app->more_json);
}

int app_finish(struct app *app)
{
	app->ended_ns = app_now_ns();
	app_clear_progress(app);
	for (uint32_t i = 0; i < app->port_count; i++)
		close_port(app, app->ports[i]);
	if (app->pool && weir_mempool_in_use(app->pool))
		app_fail(app, APP_FAILED, "%u buffers were not given back, which is a bug",
			weir_mempool_in_use(app->pool));
	if (app->status)
		app->end = APP_END_ERROR;
	else if (app->end == APP_END_INPUT && app->received >= app->options.limit)
		app->end = APP_END_LIMIT;
	if (app->begun_ns && !app->options.quiet)
		app_report(app, app->taken, app->taken_count);
	free_report(app);
	weir_mempool_destroy(app->pool);
	return app->status;
}
