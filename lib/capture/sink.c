/* SPDX-License-Identifier: BSD-3-Clause */
/* sink.c: open, write and close what a capture is written to. */
#include "sink_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is there something by this name that a rename would replace by a file of quite another kind? */
static bool is_special(const char *path)
{
	struct stat there;

	return stat(path, &there) == 0 && !S_ISREG(there.st_mode);
}

/* The name that is opened; NULL without memory. */
static const char *choose_name(struct weir__sink *sink, const char *path, bool in_place)
{
	if (in_place || is_special(path))
		return path;
	if (asprintf(&sink->part, "%s.part", path) < 0)
		sink->part = NULL;
	return sink->part;
}

/* Who reads it or writes it, with our reader or writer, has it locked. */
static int take_file(struct weir__sink *sink, const char *name)
{
	if (flock(sink->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return weir__fail(
			EBUSY, "%s: is open as another input or output; choose another file", name);
	if (sink->is_stdout)
		return 0; /* it may be appended to, or shared: not ours to cut */
	sink->is_regular = true;
	if (ftruncate(sink->fd, 0) != 0)
		return weir__fail(errno, "%s: cannot be emptied: %s", name, strerror(errno));
	return 0;
}

/* There is nothing to rename. */
static int refuse(struct weir__sink *sink, int error)
{
	free(sink->part);
	sink->part = NULL;
	return error;
}

int weir__sink_open(struct weir__sink *sink, const char *path, bool in_place)
{
	struct stat status;
	const char *name;
	int error;

	sink->fd = -1;
	sink->is_stdout = strcmp(path, "-") == 0;
	sink->path = strdup(sink->is_stdout ? "standard output" : path);
	name = choose_name(sink, path, in_place || sink->is_stdout);
	if (!sink->path || !name)
		return weir__fail(ENOMEM, "%s: no memory to write it", path);
	sink->fd =
		sink->is_stdout ? STDOUT_FILENO : open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (sink->fd < 0 || fstat(sink->fd, &status) != 0)
		return refuse(sink,
			weir__fail(errno, "%s: cannot be created: %s", path, strerror(errno)));
	sink->is_pipe = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
	error = S_ISREG(status.st_mode) ? take_file(sink, name) : 0;
	return error ? refuse(sink, error) : 0;
}

bool weir__sink_cut(struct weir__sink *sink, uint64_t size)
{
	return !sink->is_regular || ftruncate(sink->fd, (off_t)size) == 0;
}

int weir__sink_write(
	struct weir__sink *sink, const uint8_t *bytes, size_t size, bool wait, size_t *done)
{
	struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};
	size_t piece;
	ssize_t put;

	*done = 0;
	while (*done < size && (wait || !sink->is_pipe || poll(&ready, 1, 0) != 0)) {
		/* so much a pipe that is ready takes without waiting: pipe(7) */
		piece = sink->is_pipe && size - *done > PIPE_BUF ? PIPE_BUF : size - *done;
		put = write(sink->fd, bytes + *done, piece);
		if (put >= 0)
			*done += (size_t)put;
		else if (errno == EAGAIN)
			poll(&ready, 1, wait ? -1 : 0);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

void weir__sink_discard(struct weir__sink *sink)
{
	if (sink->part)
		unlink(sink->part);
	free(sink->part);
	sink->part = NULL;
	weir__sink_close(sink);
}

int weir__sink_close(struct weir__sink *sink)
{
	int error = 0;

	/* Some file systems tell only here that there was no room. */
	if (sink->fd >= 0 && !sink->is_stdout && close(sink->fd) < 0)
		error = weir__fail(errno, "%s: cannot be closed: %s", sink->path, strerror(errno));
	if (sink->part && rename(sink->part, sink->path) != 0 && !error)
		error = weir__fail(errno, "%s: stays %s, which cannot be renamed: %s", sink->path,
			sink->part, strerror(errno));
	free(sink->part);
	free(sink->path);
	*sink = (struct weir__sink){.fd = -1};
	return error;
}
