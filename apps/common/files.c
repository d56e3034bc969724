/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c: reading the kernel's small text files. */
#include "apps/common/files.h"
#include "apps/common/units.h"

#include <stdio.h>
#include <string.h>

bool app_read_line(const char *path, const char *key, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t skip = key ? strlen(key) : 0;
	bool found = false;

	text[0] = '\0';
	if (!file)
		return false;
	while (!found && fgets(text, (int)size, file))
		found = !key || strncmp(text, key, skip) == 0;
	fclose(file);
	if (!found)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (found && key) {
		skip += strspn(text + skip, " \t");
		skip += text[skip] == ':';
		skip += strspn(text + skip, " \t");
		memmove(text, text + skip, strlen(text + skip) + 1);
	}
	return found;
}

bool app_read_number(const char *path, uint64_t *number)
{
	char text[32];

	return app_read_line(path, NULL, text, sizeof(text)) &&
	       app_parse_number(text, 0, UINT64_MAX, number);
}
