/* SPDX-License-Identifier: BSD-3-Clause */
/* control_impl.h: what the files of the control socket share.
 *
 *	socket.c    the file     server.c    the thread: connections, lines, time
 *	request.c   a line       commands.c  what is answered
 *	capture.c   captures     memory.c    pools, heaps, regions, leaks
 *	log_level.c
 *
 * All that a client can reach is used by the thread of the socket only.
 */
#ifndef WEIR_CONTROL_IMPL_H
#define WEIR_CONTROL_IMPL_H

#include "weir/control.h"
#include "weir/tap.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct weir_control_request {
	json_t *object; /* its values are strings */
	const char *command;
};

struct weir__client {
	int fd;
	uint32_t in_count;
	char *out; /* the answer that is being sent; NULL: none */
	size_t out_size, out_sent;
	uint64_t since_ns; /* it connected, or the last answer was sent */
	bool closing;      /* after this answer */
	char in[WEIR_CONTROL_REQUEST_MAX];
};

struct weir__shown_pipeline {
	const char *name;
	const struct weir_pipeline *pipeline;
};

/* Captures at the same time. */
#define WEIR__CONTROL_CAPTURES 16

struct weir__control_capture {
	uint64_t id; /* 0: free */
	const struct weir_pipeline *pipeline;
	struct weir_tap *tap;
	char *path, *comment;
	char what[256];
};

struct weir_control {
	const struct weir_control_command *commands;
	struct weir_mempool *pools[WEIR_CONTROL_SHOWN];
	struct weir_heap *heaps[WEIR_CONTROL_SHOWN];
	const struct weir_port *ports[WEIR_CONTROL_SHOWN];
	struct weir__shown_pipeline pipelines[WEIR_CONTROL_SHOWN];
	uint32_t pool_count, heap_count, port_count, pipeline_count;

	struct sockaddr_un address;
	dev_t device; /* of the socket's file, */
	ino_t inode;  /* so that only it is removed */
	int listener;
	int wake; /* an eventfd: the thread is to end */
	pthread_t thread;
	bool started;

	struct weir__control_capture captures[WEIR__CONTROL_CAPTURES];
	uint64_t captures_begun;

	struct weir__client **clients;
	uint32_t client_count, client_max, timeout_ms;
	uint64_t deaf_until_ns;              /* nobody is accepted before: no descriptors left */
	int64_t budget_ns;                   /* time of a core that it may take now */
	uint64_t budget_at_ns, budget_spent; /* when that was, and the thread's time then */
	uint64_t begun_ns, accepted, requests, errors, displaced, timed_out;
};

/* socket.c: open and close the file and its descriptor. 0, or -errno with a sentence. */
int weir__socket_open(struct weir_control *control, const struct weir_control_conf *conf);
void weir__socket_close(struct weir_control *control);

/* server.c: the thread. */
void *weir__control_serve(void *control);

/* request.c: take a line apart. 0, or -EINVAL with a sentence. To be freed also then. */
int weir__request_parse(struct weir_control_request *request, const char *line, size_t size);
void weir__request_free(struct weir_control_request *request);

/* commands.c: the answer to a line, with its newline; NULL when there is no memory for it. */
char *weir__control_answer(
	struct weir_control *control, const char *line, size_t size, size_t *answer_size);

/* commands.c: a string for JSON, which is UTF-8: of one that is not, the odd bytes become '?'. */
json_t *weir__control_text(const char *bytes);
json_t *weir__control_number(uint64_t value);

/* commands.c: the value of a report, which is freed; NULL with a sentence for NULL. */
json_t *weir__control_report(char *report);

/* memory.c: the commands. */
json_t *weir__control_pools(
	struct weir_control *control, const struct weir_control_request *request);
json_t *weir__control_heaps(
	struct weir_control *control, const struct weir_control_request *request);
json_t *weir__control_regions(
	struct weir_control *control, const struct weir_control_request *request);
json_t *weir__control_leaks(
	struct weir_control *control, const struct weir_control_request *request);

/* log_level.c: the command. */
json_t *weir__control_log_level(
	struct weir_control *control, const struct weir_control_request *request);

/* capture.c: the commands; and end all captures of a pipeline, or all. */
json_t *weir__control_capture_start(
	struct weir_control *control, const struct weir_control_request *request);
json_t *weir__control_capture_stop(
	struct weir_control *control, const struct weir_control_request *request);
json_t *weir__control_capture_list(
	struct weir_control *control, const struct weir_control_request *request);
void weir__control_end_captures(struct weir_control *control, const struct weir_pipeline *pipeline);

#endif
