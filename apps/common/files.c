/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c: the files that specs of ports name, and that none is overwritten while it is read. */
#include "apps/common/app_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool app_is_path(const char *spec)
{
	size_t length = strcspn(spec, ":");

	return memchr(spec, '/', length) || memchr(spec, '.', length) || strcmp(spec, "-") == 0;
}

char *app_path(const char *spec, const char *key)
{
	size_t length = strlen(key);

	if (app_is_path(spec))
		return strdup(spec);
	for (const char *at = strpbrk(spec, ":,"); at; at = strpbrk(at + 1, ","))
		if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=')
			return strndup(at + 2 + length, strcspn(at + 2 + length, ","));
	return NULL;
}

/* Do two paths lead to one regular file, or to one that is still to be made? */
static bool is_same_file(const char *one, const char *other)
{
	struct stat one_stat, other_stat;
	bool exists = stat(one, &one_stat) == 0;

	if (stat(other, &other_stat) != 0 || !exists)
		return strcmp(one, other) == 0 && strcmp(one, "-") != 0;
	return S_ISREG(one_stat.st_mode) && one_stat.st_dev == other_stat.st_dev &&
	       one_stat.st_ino == other_stat.st_ino;
}

/* Does the first port write the file that the second has under key? */
static bool overwrites(const char *writer, const char *other, const char *key)
{
	char *written = app_is_path(writer) ? NULL : app_path(writer, "tx");
	char *path = app_is_path(other) && strcmp(key, "tx") == 0 ? NULL : app_path(other, key);
	bool same = written && path && is_same_file(written, path);

	free(written);
	free(path);
	return same;
}

bool app_check_files(struct app *app, const char *const *specs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < count; j++) {
			bool input = overwrites(specs[i], specs[j], "rx");

			if (!input && (i == j || !overwrites(specs[i], specs[j], "tx")))
				continue;
			app_fail(app, APP_MISUSE, "%s would overwrite the %s of %s", specs[i],
				input ? "input" : "output", specs[j]);
			return false;
		}
	}
	return true;
}
