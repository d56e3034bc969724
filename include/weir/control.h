/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/control.h: a unix socket by which other programs look into this one while it runs
 * (docs/control.md).
 *
 *	control = weir_control_create(&conf)          the socket is there, only for this user
 *	weir_control_pool(control, pool)              what it may show
 *	weir_control_pipeline(control, "web", pipeline)
 *	weir_control_start(control)                   a thread of its own answers
 *	...
 *	weir_control_destroy(control)                 before what it shows
 *
 * A request is one line of JSON, {"command": "stats"}, and so is the answer: {"ok": ...} or
 * {"error": "a sentence"}. The thread reads figures that the packets' way writes without a lock, is
 * nicer than all others, and takes no more than a hundredth of a core for long, whatever clients
 * do.
 *
 * It is there when weir was built with jansson; else create fails with ENOTSUP. One thread makes
 * these calls; the commands of an application are called on the thread of the socket.
 */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include "weir/base.h"
#include "weir/heap.h"
#include "weir/mempool.h"
#include "weir/pipeline.h"
#include "weir/port.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pools, heaps, ports and pipelines that one socket shows at most, of each. */
#define WEIR_CONTROL_SHOWN 64

/* Bytes of a request, with its newline, and of an answer, at most. */
#define WEIR_CONTROL_REQUEST_MAX 4096
#define WEIR_CONTROL_ANSWER_MAX  (16u << 20)

struct weir_control;
struct weir_control_request;

/* A command of the application's. */
struct weir_control_command {
	const char *name, *help;
	const char *const *args; /* keys that it takes, NULL at the end; NULL: none */
	/* Return 0 with *answer a text of JSON, or NULL for true; or -errno with *answer a sentence
	 * or NULL for weir_last_error(). Freed by free(). Others wait meanwhile. */
	int (*call)(const struct weir_control_request *request, char **answer, void *context);
	void *context;
};

struct weir_control_conf {
	const char *path;     /* of the socket, at most 107 bytes */
	uint32_t mode;        /* of its file: who may connect; 0: 0600 */
	uint32_t connections; /* at the same time; 0: 16. One more, and the one that has been
			       * silent the longest is closed. */
	uint32_t timeout_ms;  /* for a client to send a whole request or to take an answer; 0:
			       * 10000 */
	const struct weir_control_command *commands; /* the last has no name; NULL: none */
};

/* Make the socket. One that a dead program left there is replaced. NULL with errno and
 * weir_last_error(): EADDRINUSE when somebody listens there, EEXIST for another kind of file,
 * EINVAL, ENOTSUP without jansson, or why it cannot be made. The conf's commands must outlive it.
 */
WEIR_API struct weir_control *weir_control_create(const struct weir_control_conf *conf);

/* Show these; they must outlive the socket. Before start. 0, or -ENOSPC with weir_last_error(). A
 * pipeline must run when start is called; its ports are shown with it. */
WEIR_API int weir_control_pool(struct weir_control *control, struct weir_mempool *pool);
WEIR_API int weir_control_heap(struct weir_control *control, struct weir_heap *heap);
WEIR_API int weir_control_port(struct weir_control *control, const struct weir_port *port);
WEIR_API int weir_control_pipeline(
	struct weir_control *control, const char *name, const struct weir_pipeline *pipeline);

/* From a command of the application's: show a pipeline in the place of another one, whose captures
 * are ended. */
WEIR_API void weir_control_replace(struct weir_control *control, const struct weir_pipeline *old,
	const struct weir_pipeline *pipeline);

/* Start the thread; it may run where the calling one may. 0, or -errno with weir_last_error(). */
WEIR_API int weir_control_start(struct weir_control *control);

/* End the thread, close all connections, remove the socket. NULL is allowed. */
WEIR_API void weir_control_destroy(struct weir_control *control);

/* For a command: the value of a key as text, be it a string, a number, true or false; NULL without.
 * Valid until the command returns. */
WEIR_API const char *weir_control_arg(const struct weir_control_request *request, const char *key);

#ifdef __cplusplus
}
#endif

#endif
