/* SPDX-License-Identifier: BSD-3-Clause */
/* socket.c: the file of a control socket: made with its mode, and only ever ours removed; and the
 * life of a control around it. */
#include "control/control_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_DEFAULT        0600
#define CONNECTIONS_DEFAULT 16
#define CONNECTIONS_MAX     1024
#define TIMEOUT_MS_DEFAULT  10000
/* Those that wait to be accepted, in the kernel. */
#define BACKLOG 16

/* Does nobody listen on a socket that is there? */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

/* Bind; a socket that a dead program left goes first. */
static int take_path(struct weir_control *control)
{
	const struct sockaddr *address = (const struct sockaddr *)&control->address;
	const char *path = control->address.sun_path;
	struct stat there;

	if (bind(control->listener, address, sizeof(control->address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return weir__fail(errno, "%s: %s", path, strerror(errno));
	if (lstat(path, &there) == 0 && !S_ISSOCK(there.st_mode))
		return weir__fail(EEXIST, "%s is there and is no socket", path);
	if (!is_stale(&control->address))
		return weir__fail(EADDRINUSE, "another program listens on %s", path);
	unlink(path);
	if (bind(control->listener, address, sizeof(control->address)) == 0)
		return 0;
	return weir__fail(errno, "%s: %s", path, strerror(errno));
}

/* The file is born with the mode of the descriptor, less the umask: so never wider than asked. */
static int make_file(struct weir_control *control, mode_t mode)
{
	const char *path = control->address.sun_path;
	struct stat made;
	int error;

	if (fchmod(control->listener, mode))
		return weir__fail(errno, "%s: %s", path, strerror(errno));
	error = take_path(control);
	if (error)
		return error;
	if (lstat(path, &made) == 0) {
		control->device = made.st_dev;
		control->inode = made.st_ino;
	}
	if (chmod(path, mode) || listen(control->listener, BACKLOG))
		return weir__fail(errno, "%s: %s", path, strerror(errno));
	return 0;
}

int weir__socket_open(struct weir_control *control, const struct weir_control_conf *conf)
{
	control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	control->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (control->listener < 0 || control->wake < 0)
		return weir__fail(errno, "control socket: %s", strerror(errno));
	return make_file(control, conf->mode ? (mode_t)conf->mode : MODE_DEFAULT);
}

void weir__socket_close(struct weir_control *control)
{
	struct stat there;

	if (control->inode && lstat(control->address.sun_path, &there) == 0 &&
		there.st_dev == control->device && there.st_ino == control->inode)
		unlink(control->address.sun_path);
	if (control->listener >= 0)
		close(control->listener);
	if (control->wake >= 0)
		close(control->wake);
}

static int check_conf(const struct weir_control_conf *conf)
{
	struct sockaddr_un address;

	if (!conf->path || !*conf->path || strlen(conf->path) >= sizeof(address.sun_path))
		return weir__fail(EINVAL,
			"a control socket needs a path of at most %zu bytes, which the kernel "
			"allows",
			sizeof(address.sun_path) - 1);
	if (conf->mode > 0777 || conf->connections > CONNECTIONS_MAX)
		return weir__fail(EINVAL,
			"a control socket has a mode up to 0777 and at most %d connections",
			CONNECTIONS_MAX);
	return 0;
}

struct weir_control *weir_control_create(const struct weir_control_conf *conf)
{
	struct weir_control *control;
	int error;

	if (check_conf(conf))
		return NULL;
	control = calloc(1, sizeof(*control));
	if (!control)
		return weir__fail_null(ENOMEM, "no memory for a control socket");
	control->commands = conf->commands;
	control->client_max = conf->connections ? conf->connections : CONNECTIONS_DEFAULT;
	control->timeout_ms = conf->timeout_ms ? conf->timeout_ms : TIMEOUT_MS_DEFAULT;
	control->begun_ns = weir__monotonic_ns();
	control->address.sun_family = AF_UNIX;
	strcpy(control->address.sun_path, conf->path);
	control->listener = control->wake = -1;
	control->clients = calloc(control->client_max, sizeof(*control->clients));
	error = control->clients ? weir__socket_open(control, conf)
				 : weir__fail(ENOMEM, "no memory for a control socket");
	if (!error)
		return control;
	weir_control_destroy(control);
	errno = -error;
	return NULL;
}

static int no_room(const char *what)
{
	return weir__fail(ENOSPC, "a control socket shows at most %d %s", WEIR_CONTROL_SHOWN, what);
}

int weir_control_pool(struct weir_control *control, struct weir_mempool *pool)
{
	if (control->pool_count == WEIR_CONTROL_SHOWN)
		return no_room("pools");
	control->pools[control->pool_count++] = pool;
	return 0;
}

int weir_control_heap(struct weir_control *control, struct weir_heap *heap)
{
	if (control->heap_count == WEIR_CONTROL_SHOWN)
		return no_room("heaps");
	control->heaps[control->heap_count++] = heap;
	return 0;
}

int weir_control_port(struct weir_control *control, const struct weir_port *port)
{
	if (control->port_count == WEIR_CONTROL_SHOWN)
		return no_room("ports");
	control->ports[control->port_count++] = port;
	return 0;
}

int weir_control_pipeline(
	struct weir_control *control, const char *name, const struct weir_pipeline *pipeline)
{
	if (control->pipeline_count == WEIR_CONTROL_SHOWN)
		return no_room("pipelines");
	control->pipelines[control->pipeline_count++] =
		(struct weir__shown_pipeline){.name = name, .pipeline = pipeline};
	return 0;
}

void weir_control_replace(struct weir_control *control, const struct weir_pipeline *old,
	const struct weir_pipeline *pipeline)
{
	weir__control_end_captures(control, old);
	for (uint32_t i = 0; i < control->pipeline_count; i++)
		if (control->pipelines[i].pipeline == old)
			control->pipelines[i].pipeline = pipeline;
}

void weir_control_destroy(struct weir_control *control)
{
	uint64_t one = 1;

	if (!control)
		return;
	if (control->started && write(control->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(control->thread, NULL);
	weir__control_end_captures(control, NULL);
	weir__socket_close(control);
	free(control->clients);
	free(control);
}
