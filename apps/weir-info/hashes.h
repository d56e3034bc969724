/* SPDX-License-Identifier: BSD-3-Clause */
/* hashes.h: the hashes of a file as it is stored, in hexadecimal. */
#ifndef INFO_HASHES_H
#define INFO_HASHES_H

#include <stdbool.h>

struct hashes {
	char sha256[65], ripemd160[41], sha1[41]; /* "": not known */
};

/* Was this built with a library that makes them? */
bool hashes_are_there(void);

/* 0 or -errno. */
int hashes_read(struct hashes *hashes, const char *path);

#endif
