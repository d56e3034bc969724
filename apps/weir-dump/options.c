/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c: the options of weir-dump: those of dumpcap where it has them. */
#include "apps/common/units.h"
#include "apps/weir-dump/dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SNAPLEN_MAX 262144
#define FILES_MAX   1000000
#define BUFFER_MIB  16 /* what a writer may be late by: 13 ms at 10 Gbit/s */
#define BUFFER_MAX  1024
#define SECOND_NS   UINT64_C(1000000000)
/* A file of so much, a duration of so long: no more fits the arithmetic behind it. */
#define SIZE_LIMIT    (UINT64_C(1) << 50)
#define SECONDS_LIMIT (UINT64_C(1) << 32)

/* Keys of options without a letter. */
enum { KEY_COMMENT = 512, KEY_COMPRESS, KEY_CONTROL, KEY_IN_PLACE, KEY_LAST, KEY_STATS };

/* Digits and a unit of a thousand, as dumpcap and people write them: "100MB"; or a binary one. */
static bool parse_size(const char *text, uint64_t *size)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {{"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}};
	const char *unit = text + strspn(text, "0123456789");
	char digits[24];

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(unit, units[i].name) != 0 || unit - text >= (int)sizeof(digits))
			continue;
		snprintf(digits, sizeof(digits), "%.*s", (int)(unit - text), text);
		if (!app_parse_number(digits, 1, SIZE_LIMIT / units[i].factor, size))
			return false;
		*size *= units[i].factor;
		return true;
	}
	return app_parse_size(text, SIZE_LIMIT, size) && *size > 0;
}

/* ---- -a and -b: KEY:VALUE ---- */

static void parse_file_size(
	const struct argp_state *state, const char *option, const char *value, uint64_t *bytes)
{
	if (strspn(value, "0123456789") == strlen(value))
		*bytes = 1000 * app_number(state, option, value, 1, SIZE_LIMIT / 1000);
	else if (!parse_size(value, bytes))
		app_refuse(state, option, value, "must be a size, as in 1000 (kB), 100MB or 1GiB");
}

static void parse_time(
	const struct argp_state *state, const char *option, const char *value, uint64_t *ns)
{
	if (strspn(value, "0123456789") == strlen(value))
		*ns = SECOND_NS * app_number(state, option, value, 1, SECONDS_LIMIT);
	else if (!app_parse_duration(value, ns))
		app_refuse(state, option, value, "must be a time, as in 60 (seconds), 500ms or 1h");
}

/* When a file, or all, has enough; where each is put. */
struct limits {
	uint64_t *bytes, *packets, *duration_ns;
	uint32_t *files;
};

static void parse_limit(const struct argp_state *state, const char *option, const char *text,
	const struct limits *limits)
{
	const char *value = strchr(text, ':');
	size_t length = value ? (size_t)(value - text) : 0;

	if (value && strncmp(text, "duration", length) == 0 && length == 8)
		parse_time(state, option, value + 1, limits->duration_ns);
	else if (value && strncmp(text, "filesize", length) == 0 && length == 8)
		parse_file_size(state, option, value + 1, limits->bytes);
	else if (value && strncmp(text, "packets", length) == 0 && length == 7)
		*limits->packets = app_number(state, option, value + 1, 1, UINT64_MAX);
	else if (value && strncmp(text, "files", length) == 0 && length == 5)
		*limits->files = (uint32_t)app_number(state, option, value + 1, 1, FILES_MAX);
	else
		app_refuse(state, option, text,
			"must be duration:TIME, filesize:SIZE, packets:N or files:N");
}

/* ---- the others ---- */

static void parse_last(const struct argp_state *state, struct weir_recorder_conf *conf, char *text)
{
	char *rest = NULL;

	for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest))
		if (!app_parse_duration(part, &conf->last_ns) &&
			!parse_size(part, &conf->last_bytes))
			app_refuse(state, "--last", part,
				"must be a time or a size, as in 30s, 100MB or 30s,100MB");
}

/* The index of a word, or refuse it. */
static int parse_word(const struct argp_state *state, const char *option, const char *value,
	const char *const *words, const char *allowed)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	app_refuse(state, option, value, allowed);
}

static void parse_format(const struct argp_state *state, struct dump *dump, const char *value)
{
	static const char *const words[] = {"pcap", "pcap-us", "pcapng", NULL};

	static_assert(
		WEIR_CAPTURE_PCAP_NS == 0 && WEIR_CAPTURE_PCAP_US == 1 && WEIR_CAPTURE_PCAPNG == 2,
		"the words are in this order");
	dump->conf.series.file.format = (enum weir_capture_format)parse_word(
		state, "--format", value, words, "must be pcapng, pcap or pcap-us");
	dump->has_format = true;
}

static void parse_codec(const struct argp_state *state, struct dump *dump, const char *value)
{
	static const char *const words[] = {"none", "gzip", "zstd", "lz4", NULL};

	static_assert(WEIR_CAPTURE_GZIP == 1 && WEIR_CAPTURE_ZSTD == 2 && WEIR_CAPTURE_LZ4 == 3,
		"the words are in this order");
	dump->conf.series.file.codec = (enum weir_capture_codec)parse_word(
		state, "--compress", value, words, "must be none, gzip, zstd or lz4");
	dump->has_codec = true;
}

static void add_spec(struct argp_state *state, struct dump *dump, const char *spec)
{
	if (dump->spec_count == APP_PORT_MAX)
		argp_failure(state, APP_MISUSE, 0, "at most %d ports", APP_PORT_MAX);
	dump->specs[dump->spec_count++] = spec;
}

static void check(struct argp_state *state, struct dump *dump)
{
	struct weir_capture_file *file = &dump->conf.series.file;
	enum weir_capture_format format = WEIR_CAPTURE_PCAPNG;
	enum weir_capture_codec codec;

	if (!dump->spec_count || !file->path)
		argp_failure(state, APP_MISUSE, 0, "needs PORT and -w FILE; see --help");
	weir_capture_by_name(file->path, &format, &codec);
	if (!dump->has_format)
		file->format = format;
	if (!dump->has_codec)
		file->codec = codec;
	dump->conf.packets = dump->app.options.limit == UINT64_MAX ? 0 : dump->app.options.limit;
	if (strcmp(file->path, "-") == 0 && isatty(STDOUT_FILENO))
		argp_failure(state, APP_MISUSE, 0,
			"packets are not written to a terminal; -w - is for a pipe");
}

static error_t parse_value(int key, char *value, struct argp_state *state)
{
	struct dump *dump = state->input;
	struct weir_series_conf *series = &dump->conf.series;
	const struct limits each = {
		&series->bytes, &series->packets, &series->duration_ns, &series->files};
	const struct limits all = {&dump->conf.bytes, &dump->app.options.limit,
		&dump->app.options.duration_ns, &dump->conf.files};

	switch (key) {
	case 'a':
		parse_limit(state, "-a", value, &all);
		break;
	case 'b':
		parse_limit(state, "-b", value, &each);
		break;
	case 'B':
		dump->conf.lane_bytes = app_number(state, "-B", value, 1, BUFFER_MAX) << 20;
		break;
	case 'c':
		dump->app.options.limit = app_number(state, "-c", value, 1, UINT64_MAX);
		break;
	case 's':
		series->file.snaplen = (uint32_t)app_number(state, "-s", value, 0, SNAPLEN_MAX);
		break;
	case 'F':
		parse_format(state, dump, value);
		break;
	case KEY_COMPRESS:
		parse_codec(state, dump, value);
		break;
	case KEY_STATS:
		dump->stats_ns = SECOND_NS * app_number(state, "--stats", value, 1, 86400);
		break;
	case KEY_LAST:
		parse_last(state, &dump->conf, value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct dump *dump = state->input;
	struct weir_capture_file *file = &dump->conf.series.file;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &dump->app;
		break;
	case 'i':
	case ARGP_KEY_ARG:
		add_spec(state, dump, value);
		break;
	case 'f':
		dump->filter = value;
		break;
	case 'w':
		file->path = value;
		break;
	case 'P':
		parse_format(state, dump, "pcap");
		break;
	case KEY_COMMENT:
		file->comment = value;
		break;
	case KEY_CONTROL:
		dump->control_path = value;
		break;
	case KEY_IN_PLACE:
		file->in_place = true;
		break;
	case ARGP_KEY_END:
		check(state, dump);
		break;
	default:
		return parse_value(key, value, state);
	}
	return 0;
}

void dump_parse(struct dump *dump, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"write", 'w', "FILE", 0, "Write to FILE, or to standard output for -", 0},
		{"interface", 'i', "PORT", 0, "The same as PORT alone; may be given several times",
			0},
		{"filter", 'f', "EXPR", 0, "Packets that this filter lets through, as tcpdump's",
			0},
		{"snapshot-length", 's', "N", 0, "The first N bytes of each packet (0: all)", 0},
		{NULL, 'c', "N", 0, "The same as --limit: end after N packets", 0},
		{"autostop", 'a', "LIMIT", 0,
			"End after duration:TIME, filesize:SIZE, packets:N or files:N", 0},
		{"ring-buffer", 'b', "LIMIT", 0,
			"Begin a new file after duration:TIME, filesize:SIZE or packets:N; keep "
			"the last with files:N",
			0},
		{"last", KEY_LAST, "TIME|SIZE", 0,
			"Keep the last 30s or 100MB in memory; write them on SIGUSR1 and in the "
			"end",
			0},
		{"format", 'F', "FORMAT", 0, "pcapng, pcap (ns) or pcap-us; else by FILE's end", 0},
		{NULL, 'P', NULL, 0, "The same as --format pcap", 0},
		{"compress", KEY_COMPRESS, "HOW", 0, "none, gzip, zstd or lz4; else by FILE's end",
			0},
		{"comment", KEY_COMMENT, "TEXT", 0, "A comment on the file (pcapng)", 0},
		{"capture-comment", KEY_COMMENT, NULL, OPTION_ALIAS, NULL, 0},
		{"control", KEY_CONTROL, "PATH", 0,
			"Make a unix socket there, for weir-ctl to look in", 0},
		{"stats", KEY_STATS, "SECONDS", 0, "Print the figures so often", 0},
		{"in-place", KEY_IN_PLACE, NULL, 0,
			"Write to FILE itself, not to FILE.part until it is complete", 0},
		{"buffer-size", 'B', "MIB", 0, "Memory between receiving and writing (16)", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "PORT... -w FILE",
		.doc = "Write what ports receive to capture files. Receiving never waits for "
		       "writing: what the writer cannot take is counted.\vExample: weir-dump "
		       "trace.pcap "
		       "-w new.pcapng.zst -b filesize:100MB -b files:10",
		.children = app_children,
	};

	dump->conf.lane_bytes = (size_t)BUFFER_MIB << 20;
	app_parse(&dump->app, &argp, argc, argv, dump);
}
