/* SPDX-License-Identifier: BSD-3-Clause */
/* files.h: the small text files in which the kernel says what a machine has. */
#ifndef APP_FILES_H
#define APP_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first line of the file at path that starts with key: what stands behind key, a colon and
 * blanks. With key NULL the first line. false, and text empty, without such a file or line. */
bool app_read_line(const char *path, const char *key, char *text, size_t size);

/* A file that holds one number, in decimal. false leaves *number alone. */
bool app_read_number(const char *path, uint64_t *number);

#endif
