/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c: which program runs. */
#include "base_impl.h"

#include <unistd.h>

const char *weir__program(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length <= 0)
		return "PROGRAM";
	path[length] = '\0';
	return path;
}
