/* SPDX-License-Identifier: BSD-3-Clause */
/* reload.c: the command reload: another pipeline in the place of the one that runs.
 *
 * The thread of the control socket makes the new one, which may be refused, and waits. The thread
 * of the run stops the old one, which drains, and starts the new one. Ports stay open meanwhile, so
 * packets that arrive wait there.
 */
#include "apps/common/pipeline_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_MS 5000 /* to drain */

static struct weir_pipeline *make_next(struct app_pipeline *run)
{
	struct weir_pipeline *next = app_pipeline_make(run, run->types);

	if (next && !weir_pipeline_share_ports(next, run->pipeline) && !run->describe(run, next) &&
		!weir_pipeline_build(next))
		return next;
	weir_pipeline_destroy(next);
	return NULL;
}

/* Some sentences name the file already. */
static int refuse(const struct app_pipeline *run, char **answer)
{
	const char *sentence = weir_last_error();
	bool named = strncmp(sentence, run->name, strlen(run->name)) == 0;

	if (asprintf(answer, "%s%s%s", named ? "" : run->name, named ? "" : ": ", sentence) < 0)
		*answer = NULL;
	return -EINVAL;
}

int app_reload(const struct weir_control_request *request, char **answer, void *context)
{
	struct app_pipeline *run = context;
	struct weir_pipeline *next = make_next(run);
	bool refused;

	(void)request;
	if (!next)
		return refuse(run, answer);
	pthread_mutex_lock(&run->lock);
	run->next = next;
	while (run->next && !run->over)
		pthread_cond_wait(&run->changed, &run->lock);
	refused = run->next;
	run->next = NULL;
	pthread_mutex_unlock(&run->lock);
	if (!refused)
		return 0;
	weir_pipeline_destroy(next);
	*answer = strdup("the pipeline has ended");
	return -ESHUTDOWN;
}

/* Locked. false: it does not go on. */
static bool replace(struct app_pipeline *run)
{
	struct weir_pipeline *old = run->pipeline;

	/* the thread of the socket waits in its command meanwhile */
	weir_control_replace(run->control, old, run->next);
	if (weir_pipeline_stop(old, STOP_MS)) {
		weir_control_replace(run->control, run->next, old);
		return app_pipeline_refused(run, APP_FAILED);
	}
	weir_pipeline_succeed(run->next, old);
	run->pipeline = run->next;
	run->next = NULL;
	app_pipeline_note_ports(run);
	if (weir_pipeline_destroy(old) || weir_pipeline_start(run->pipeline))
		return app_pipeline_refused(run, APP_FAILED);
	return true;
}

bool app_reload_if_told(struct app_pipeline *run)
{
	bool goes_on = true;

	pthread_mutex_lock(&run->lock);
	if (run->next) {
		goes_on = replace(run);
		pthread_cond_signal(&run->changed);
	}
	pthread_mutex_unlock(&run->lock);
	return goes_on;
}

void app_reload_end(struct app_pipeline *run)
{
	pthread_mutex_lock(&run->lock);
	run->over = true;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->lock);
}
