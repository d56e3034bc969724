/* SPDX-License-Identifier: BSD-3-Clause */
/* output.c: standard output that is closed or full is an error of every program, whatever it prints
 * there, --help too. */
#include "apps/common/output.h"

#include "apps/common/app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* At the very end. What failed before and was forgotten by stdio has no reason any more. */
static void check_output(void)
{
	const char *reason = fflush(stdout) ? strerror(errno) : "an earlier write failed";

	if (!ferror(stdout))
		return;
	fprintf(stderr, "%s: standard output: cannot be written: %s\n",
		program_invocation_short_name, reason);
	_exit(APP_FAILED);
}

/* A file of ours that got one of these numbers would be written or read by accident. /dev/null
 * opened the wrong way round takes it, and fails who uses it. */
static void open_missing(void)
{
	int fd;

	do {
		fd = open("/dev/null", fcntl(STDIN_FILENO, F_GETFD) < 0 ? O_WRONLY : O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void app_guard_output(void)
{
	open_missing();
	atexit(check_output);
}
