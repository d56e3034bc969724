/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs_find.c: what is to be played: a folder stands for the captures in it. */
#include "stages/inputs_find_impl.h"

#include "base/base_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Names end so, perhaps with one of those behind. */
static const char *const captures[] = {".pcap", ".pcapng", ".cap", ".ntar", NULL};
static const char *const packings[] = {"", ".gz", ".zst", ".lz4", NULL};

static bool ends_with(const char *name, size_t length, const char *end)
{
	size_t end_length = strlen(end);

	return length > end_length && strncmp(name + length - end_length, end, end_length) == 0;
}

static int is_capture(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	if (entry->d_name[0] == '.')
		return 0;
	for (uint32_t i = 0; packings[i]; i++)
		for (uint32_t j = 0; captures[j]; j++)
			if (ends_with(entry->d_name, length, packings[i]) &&
				ends_with(entry->d_name, length - strlen(packings[i]), captures[j]))
				return 1;
	return 0;
}

static int add(struct weir__found *found, char *spec, uint64_t size)
{
	struct weir__found_input *grown;

	grown = spec ? realloc(found->inputs, (found->count + 1) * sizeof(*grown)) : NULL;
	if (!grown) {
		free(spec);
		return weir__fail(ENOMEM, "no memory for the names of inputs");
	}
	found->inputs = grown;
	found->inputs[found->count++] = (struct weir__found_input){spec, size};
	return 0;
}

static int add_named(struct weir__found *found, const char *folder, const char *name)
{
	struct stat status;
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return weir__fail(ENOMEM, "no memory for the names of inputs");
	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		return add(found, path, (uint64_t)status.st_size);
	free(path);
	return 0;
}

/* The captures of a folder by their names; not those of folders in it. */
static int add_folder(struct weir__found *found, const char *folder)
{
	uint32_t before = found->count;
	struct dirent **entries;
	int count = scandir(folder, &entries, is_capture, alphasort), error = 0;

	if (count < 0)
		return weir__fail(errno, "%s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!error)
			error = add_named(found, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (error || found->count > before)
		return error;
	return weir__fail(ENOENT,
		"%s: no capture in this folder: no file whose name ends in .pcap, .pcapng, .cap or "
		".ntar, perhaps with .gz, .zst or .lz4",
		folder);
}

static int add_spec(struct weir__found *found, const char *spec)
{
	struct stat status;

	if (stat(spec, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return add_folder(found, spec);
		return add(found, strdup(spec), (uint64_t)status.st_size);
	}
	/* a file, and not the spec of a port: say now what opening it would say much later */
	if (!strchr(spec, ':') && strpbrk(spec, "/."))
		return weir__fail(errno, "%s: %s", spec, strerror(errno));
	return add(found, strdup(spec), 0);
}

int weir__find_inputs(struct weir__found *found, const char *const *specs)
{
	int error = 0;

	*found = (struct weir__found){0};
	for (; *specs && !error; specs++)
		error = add_spec(found, *specs);
	if (!error && found->count == 0)
		error = weir__fail(EINVAL, "needs files or ports to play");
	if (error)
		weir__found_free(found);
	return error;
}

void weir__found_free(struct weir__found *found)
{
	for (uint32_t i = 0; i < found->count; i++)
		free(found->inputs[i].spec);
	free(found->inputs);
	*found = (struct weir__found){0};
}
