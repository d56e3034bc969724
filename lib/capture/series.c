/* SPDX-License-Identifier: BSD-3-Clause */
/* series.c: captures in one file after another, of which the last are kept.
 *
 * The names of the files that are there are remembered in a ring, so that the oldest can go. A file
 * is full when the next packet would begin behind its limit, as dumpcap has it. */
#include "weir/capture_write.h"

#include "base/base_impl.h"
#include "finish_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A ring of names; more files than this are for a conf without limit. */
#define FILES_MAX 1000000

struct source {
	struct weir_capture_source texts;
	struct weir_capture_stats stats;
	char *comment; /* of the stats */
	bool has_stats;
};

struct weir_series {
	struct weir_series_conf conf;
	struct weir_capture_writer *writer; /* NULL: none could be made */
	bool many;
	char *path;   /* of the present file */
	char **names; /* of those that are kept, by their number modulo files */
	uint32_t begun;
	uint64_t begun_ns, packets; /* of the present file */
	struct source *sources;     /* from 1 on */
	uint32_t source_count;
	int error; /* of files before */
	struct weir__amount lost;
};

/* ---- names ---- */

/* Where the extension begins, compression and all: "a.pcapng.zst" has ".pcapng.zst". */
static size_t stem_length(const char *path)
{
	static const char *const ends[] = {".gz", ".zst", ".lz4", ".pcapng", ".pcap", ".cap"};
	size_t length = strlen(path);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t size = strlen(ends[i]);

		if (length > size && strncmp(path + length - size, ends[i], size) == 0)
			length -= size;
	}
	return length;
}

static char *make_name(const struct weir_series *series)
{
	const char *path = series->conf.file.path;
	size_t stem = stem_length(path);
	time_t now = time(NULL);
	char stamp[32], *name;
	struct tm parts;

	if (!series->many)
		return strdup(path);
	localtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &parts);
	if (asprintf(&name, "%.*s_%05u_%s%s", (int)stem, path, series->begun + 1, stamp,
		    path + stem) < 0)
		return NULL;
	return name;
}

/* Remember the name; the file that has its place is the oldest, and goes. */
static void keep_name(struct weir_series *series)
{
	char **place = series->names ? &series->names[series->begun % series->conf.files] : NULL;

	if (!place)
		return;
	if (*place)
		unlink(*place);
	free(*place);
	*place = strdup(series->path);
}

/* ---- files ---- */

static int describe_sources(struct weir_series *series)
{
	for (uint32_t i = 0; i < series->source_count; i++) {
		int number = weir_capture_source(series->writer, &series->sources[i].texts);

		if (number < 0)
			return number;
	}
	return 0;
}

static int begin_file(struct weir_series *series)
{
	struct weir_capture_file file = series->conf.file;

	free(series->path);
	series->path = make_name(series);
	if (!series->path)
		return weir__fail(ENOMEM, "%s: no memory for a name", file.path);
	file.path = series->path;
	series->writer = weir_capture_create_file(&file);
	if (!series->writer)
		return -errno;
	keep_name(series);
	series->begun++;
	series->begun_ns = weir__monotonic_ns();
	series->packets = 0;
	return describe_sources(series);
}

static int write_stats(struct weir_series *series)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < series->source_count; i++)
		if (series->sources[i].has_stats)
			error = weir_capture_source_stats(
				series->writer, i + 1, &series->sources[i].stats);
	return error;
}

static int end_file(struct weir_series *series)
{
	int error = write_stats(series), finished;
	struct weir__amount lost;
	char sentence[512];

	/* a failure says what is lost only once */
	if (error)
		snprintf(sentence, sizeof(sentence), "%s", weir_last_error());
	finished = weir__capture_finish(series->writer, &lost);
	weir__amount_add(&series->lost, lost.packets, lost.bytes);
	series->writer = NULL;
	if (error && finished)
		weir__fail(-error, "%s", sentence);
	return error ? error : finished;
}

static bool is_full(const struct weir_series *series)
{
	const struct weir_series_conf *conf = &series->conf;

	return (conf->packets && series->packets >= conf->packets) ||
	       (conf->bytes && weir_capture_written(series->writer) >= conf->bytes);
}

static bool is_over(const struct weir_series *series)
{
	return series->conf.duration_ns &&
	       weir__monotonic_ns() - series->begun_ns >= series->conf.duration_ns;
}

/* The next file; once one cannot be made, no more is tried. */
static int turn_over(struct weir_series *series)
{
	int error = end_file(series);

	if (!error)
		error = begin_file(series);
	series->error = error;
	return error;
}

static int repeat_error(const struct weir_series *series)
{
	return weir__fail(-series->error, "%s: an earlier file failed: %s", series->path,
		strerror(-series->error));
}

/* ---- calls ---- */

static int check(const struct weir_series_conf *conf, bool many)
{
	if (many && strcmp(conf->file.path, "-") == 0)
		return weir__fail(EINVAL, "standard output cannot be a series of files");
	if (conf->files && !many)
		return weir__fail(EINVAL,
			"%s: to keep %u files it must be said when the next one begins",
			conf->file.path, conf->files);
	if (conf->files > FILES_MAX)
		return weir__fail(
			EINVAL, "%s: at most %d files are kept", conf->file.path, FILES_MAX);
	return 0;
}

struct weir_series *weir_series_create(const struct weir_series_conf *conf)
{
	bool many = conf->bytes || conf->packets || conf->duration_ns || conf->numbered;
	struct weir_series *series;
	int error;

	if (check(conf, many))
		return NULL;
	series = calloc(1, sizeof(*series));
	if (!series)
		return weir__fail_null(ENOMEM, "%s: no memory to write it", conf->file.path);
	series->conf = *conf;
	series->many = many;
	if (conf->files)
		series->names = calloc(conf->files, sizeof(*series->names));
	if (conf->files && !series->names)
		series->error = weir__fail(ENOMEM, "%s: no memory for names", conf->file.path);
	else
		series->error = begin_file(series);
	if (!series->error)
		return series;
	error = -series->error;
	weir_series_finish(series);
	errno = error;
	return NULL;
}

static void free_texts(const struct weir_capture_source *texts)
{
	free((void *)(uintptr_t)texts->name);
	free((void *)(uintptr_t)texts->description);
	free((void *)(uintptr_t)texts->filter);
}

/* Own copies. false: no memory, and nothing is kept. */
static bool copy_texts(struct weir_capture_source *to, const struct weir_capture_source *from)
{
	*to = (struct weir_capture_source){
		.name = from->name ? strdup(from->name) : NULL,
		.description = from->description ? strdup(from->description) : NULL,
		.filter = from->filter ? strdup(from->filter) : NULL,
	};
	if (!from->name == !to->name && !from->description == !to->description &&
		!from->filter == !to->filter)
		return true;
	free_texts(to);
	return false;
}

int weir_series_source(struct weir_series *series, const struct weir_capture_source *source)
{
	struct weir_capture_source texts;
	struct source *grown =
		reallocarray(series->sources, series->source_count + 1, sizeof(*grown));
	int number;

	if (!grown)
		return weir__fail(ENOMEM, "%s: no memory for a source", series->path);
	series->sources = grown;
	if (series->error)
		return repeat_error(series);
	if (!copy_texts(&texts, source))
		return weir__fail(ENOMEM, "%s: no memory for a source", series->path);
	number = weir_capture_source(series->writer, source);
	if (number > 0)
		grown[series->source_count++] = (struct source){.texts = texts};
	else
		free_texts(&texts);
	return number;
}

int weir_series_write(struct weir_series *series, const struct weir_capture_packet *packet,
	const struct iovec *iov, uint32_t iov_count, const struct weir_capture_note *note)
{
	int error;

	if (weir_unlikely(series->error))
		return repeat_error(series);
	if (weir_unlikely(is_full(series))) {
		error = turn_over(series);
		if (error)
			return error;
	}
	error = weir_capture_write_noted(series->writer, packet, iov, iov_count, note);
	series->packets += !error;
	return error;
}

int weir_series_source_stats(
	struct weir_series *series, uint32_t source, const struct weir_capture_stats *stats)
{
	struct source *known;
	char *comment;

	if (source == 0 || source > series->source_count)
		return weir__fail(EINVAL, "%s: there is no source %u", series->path, source);
	known = &series->sources[source - 1];
	comment = stats->comment ? strdup(stats->comment) : NULL;
	if (stats->comment && !comment)
		return weir__fail(ENOMEM, "%s: no memory for a comment", series->path);
	free(known->comment);
	known->comment = comment;
	known->stats = *stats;
	known->stats.comment = comment;
	known->has_stats = true;
	return 0;
}

int weir_series_flush(struct weir_series *series)
{
	if (series->error)
		return repeat_error(series);
	if (is_over(series))
		return turn_over(series);
	return weir_capture_flush(series->writer);
}

int weir_series_next(struct weir_series *series)
{
	if (series->error)
		return repeat_error(series);
	return turn_over(series);
}

bool weir_series_is_full(const struct weir_series *series)
{
	return !series->error && (is_full(series) || is_over(series));
}

uint32_t weir_series_files(const struct weir_series *series)
{
	return series->begun;
}

const char *weir_series_path(const struct weir_series *series)
{
	return series->path;
}

int weir__series_finish(struct weir_series *series, struct weir__amount *lost)
{
	int error = 0;

	if (series->writer)
		error = end_file(series);
	*lost = series->lost;
	for (uint32_t i = 0; i < series->source_count; i++) {
		free_texts(&series->sources[i].texts);
		free(series->sources[i].comment);
	}
	for (uint32_t i = 0; series->names && i < series->conf.files; i++)
		free(series->names[i]);
	free(series->names);
	free(series->sources);
	free(series->path);
	free(series);
	return error;
}

int weir_series_finish(struct weir_series *series)
{
	struct weir__amount lost;

	return series ? weir__series_finish(series, &lost) : 0;
}
