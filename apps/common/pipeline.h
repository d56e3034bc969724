/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.h: programs whose work is a pipeline (weir/pipeline.h).
 *
 *	app_parse(&it->run.app, &argp, argc, argv, it);    children: app_pipeline_children
 *	if (app_start(app) && app_pipeline_create(&it->run, name, types) && add_stages(it))
 *		app_pipeline_run(&it->run);
 *	return app_pipeline_finish(&it->run);
 *
 * The options of all such programs are --control, --idle and --stats; --limit and --duration end
 * the pipeline, which drains. A step that fails has said so. One thread.
 */
#ifndef APP_PIPELINE_H
#define APP_PIPELINE_H

#include "apps/common/app.h"

#include <pthread.h>
#include <stdatomic.h>

struct app_pipeline {
	struct app app; /* by which argp's children find the rest: see app_pipeline_children */
	const char *name;
	struct weir_pipeline *pipeline;
	const struct weir_stage_type *const *types; /* of the program's own, or NULL */
	bool check;                                 /* as in weir_pipeline_conf */
	bool show_stages;                           /* report the stages without --verbose, too */
	enum weir_idle idle;
	uint32_t burst;    /* as there */
	uint64_t stats_ns; /* between figures; 0: only at the end */
	uint64_t printed_ns;
	const char *control_path; /* NULL: no socket */
	struct weir_control *control;
	atomic_bool stop; /* somebody said so there */
	/* Packets that came in by other ways than ports of the pipeline, and how far app.position
	 * is; NULL: by ports. */
	uint64_t (*received)(struct app_pipeline *run);
	/* The pipeline has ended, its figures are in the report: add the program's own. */
	void (*report)(struct app_pipeline *run);
	/* For the command reload: add the stages to a new pipeline. 0, or -errno with
	 * weir_last_error(). NULL: there is no such command. */
	int (*describe)(struct app_pipeline *run, struct weir_pipeline *pipeline);
	/* Or what the command does instead, as weir_control_command.call; its context is run. */
	int (*reload)(const struct weir_control_request *request, char **answer, void *context);
	/* More commands of the program, whose contexts are filled in; the last has no name. NULL:
	 * none. */
	const struct weir_control_command *commands;
	/* Called again and again on the thread of the run while the pipeline runs, or NULL. */
	void (*look)(struct app_pipeline *run);
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct weir_pipeline *next; /* to be run in the place of this one */
	bool over;                  /* the run has ended: there is no next one */
};

/* For struct argp, instead of app_children. In ARGP_KEY_INIT a program says where they go:
 * state->child_inputs[0] = &it->run. */
extern const struct argp_child app_pipeline_children[];

/* Make it, with the stage types that ship and more of the program's own, or NULL. */
bool app_pipeline_create(
	struct app_pipeline *run, const char *name, const struct weir_stage_type *const *more);

/* Let stages use an open port by this name. */
bool app_pipeline_port(struct app_pipeline *run, const char *name, struct weir_port *port);

/* Add a stage that wants data of the program, and text of the language, printed. */
bool app_pipeline_add(struct app_pipeline *run, const char *name, const char *type, void *data);
bool app_pipeline_text(struct app_pipeline *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what the library refused, and return false. */
bool app_pipeline_refused(struct app_pipeline *run, int status);

/* Build it, open the socket, run until it ends or is told to. */
void app_pipeline_run(struct app_pipeline *run);

/* After the run: add the figures of all stages of this type to counts, in the order of the type's
 * counters. */
void app_pipeline_count(const struct app_pipeline *run, const struct weir_stage_type *type,
	struct app_count *counts);

/* Instead of app_finish(), which it calls. */
int app_pipeline_finish(struct app_pipeline *run);

#endif
