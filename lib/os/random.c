/* SPDX-License-Identifier: BSD-3-Clause */
/* random.c: secrets from the kernel. */
#include "os_impl.h"

#include <errno.h>
#include <sys/random.h>

int weir__os_random(void *bytes, size_t size)
{
	ssize_t got = getrandom(bytes, size, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}
