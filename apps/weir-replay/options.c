/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c: most options of weir-replay are an argument of a stage by another name: a table says
 * which. What a value must be like is the stage's to say. */
#include "apps/weir-replay/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const replay_types[REPLAY_STAGES] = {
	[REPLAY_ETHERNET] = "ethernet",
	[REPLAY_MATCH] = "match",
	[REPLAY_VLAN] = "vlan",
	[REPLAY_REWRITE] = "rewrite",
	[REPLAY_TRUNCATE] = "truncate",
	[REPLAY_CHECKSUM] = "checksum",
	[REPLAY_IMPAIR] = "impair",
	[REPLAY_POLICE] = "police",
	[REPLAY_DELAY] = "delay",
};

/* Buffers when packets wait: for more than a second of 30,000 a second, in 150 MiB. */
#define DELAY_POOL 65536

/* The stage that plays comes before all of them. */
#define PLAY (-1)

static const struct entry {
	const char *name, *value, *help;
	const char *group; /* a heading in front of it */
	int stage;
	const char *key;  /* NULL: it is the stage's argument without a key */
	const char *unit; /* behind the value */
	const char *flag; /* what stands for an option without a value */
} table[] = {
	{"speed", "top|FACTORx", "As fast as both can (top), or by the times of IN: 1x, 2.5x",
		"When packets go:", PLAY, "speed", NULL, NULL},
	{"pps", "N", "So many packets a second", NULL, PLAY, "rate", "pps", NULL},
	{"mbps", "N", "So many megabits a second", NULL, PLAY, "rate", "mbit", NULL},
	{"gap", "TIME", "This time between packets, as in 10us", NULL, PLAY, "gap", NULL, NULL},
	{"max-gap", "TIME", "With --speed: no gap is longer", NULL, PLAY, "max_gap", NULL, NULL},
	{"loop-gap", "TIME", "Time between the passes of --loop", NULL, PLAY, "loop_gap", NULL,
		NULL},
	{"merge", NULL, "All inputs at once, merged by time, instead of one after the other", NULL,
		PLAY, "order", NULL, "merge"},
	{"preload", NULL, "Read files into memory first; without: when they are played again", NULL,
		PLAY, "preload", NULL, "copy"},
	{"cache", "SIZE",
		"Map files and keep the latest used for the next time, up to SIZE, as in 64M", NULL,
		PLAY, "cache", NULL, NULL},
	{"unique-ip", NULL, "With --loop: other IP addresses in each pass", NULL, PLAY, "unique",
		NULL, "yes"},
	{"filter", "FILTER", "Only packets that this lets through, as in \"tcp port 80\"",
		"Which packets go, and how they are changed:", REPLAY_MATCH, NULL, NULL, NULL},
	{"src-mac", "MAC", "Source and destination of Ethernet", NULL, REPLAY_REWRITE, "src_mac",
		NULL, NULL},
	{"dst-mac", "MAC", NULL, NULL, REPLAY_REWRITE, "dst_mac", NULL, NULL},
	{"ethernet", NULL, "Make Ethernet of RAW, NULL, LOOP, SLL and SLL2", NULL, REPLAY_ETHERNET,
		NULL, NULL, ""},
	{"vlan-push", "ID", "Put on a VLAN tag", NULL, REPLAY_VLAN, "push", NULL, NULL},
	{"vlan-set", "ID", "Change the outer one", NULL, REPLAY_VLAN, "set", NULL, NULL},
	{"vlan-strip", "outer|all", "Take off the outer one, or all", NULL, REPLAY_VLAN, "strip",
		NULL, NULL},
	{"vlan-priority", "0-7", "With --vlan-push or --vlan-set", NULL, REPLAY_VLAN, "priority",
		NULL, NULL},
	{"vlan-type", "802.1q|802.1ad", "With --vlan-push", NULL, REPLAY_VLAN, "type", NULL, NULL},
	{"src-ip", "MAP", "Source and destination: an address, or FROM/BITS:TO/BITS,...", NULL,
		REPLAY_REWRITE, "src_ip", NULL, NULL},
	{"dst-ip", "MAP", NULL, NULL, REPLAY_REWRITE, "dst_ip", NULL, NULL},
	{"ip", "MAP", "Both", NULL, REPLAY_REWRITE, "ip", NULL, NULL},
	{"src-port", "MAP", "Ports: a number, or 80:8080,6000-6063:22,...", NULL, REPLAY_REWRITE,
		"src_port", NULL, NULL},
	{"dst-port", "MAP", NULL, NULL, REPLAY_REWRITE, "dst_port", NULL, NULL},
	{"port", "MAP", "Both", NULL, REPLAY_REWRITE, "port", NULL, NULL},
	{"ttl", "N|+N|-N", "Hop limits, or by how much they change", NULL, REPLAY_REWRITE, "ttl",
		NULL, NULL},
	{"mtu", "BYTES", "Cut packets behind the link header to this", NULL, REPLAY_TRUNCATE, "mtu",
		NULL, NULL},
	{"snap", "BYTES", "Cut packets to this, as a capture does", NULL, REPLAY_TRUNCATE, "snap",
		NULL, NULL},
	{"checksums", NULL, "Set all checksums", NULL, REPLAY_CHECKSUM, NULL, NULL, ""},
	{"lengths", NULL, "And lengths in headers that are longer than the packet", NULL,
		REPLAY_CHECKSUM, "lengths", NULL, "fix"},
	{"loss", "PERCENT%", "Lose packets by chance, as in 0.5%", "A bad way:", REPLAY_IMPAIR,
		"loss", NULL, NULL},
	{"corrupt", "PERCENT%", "Flip a bit of packets by chance", NULL, REPLAY_IMPAIR, "corrupt",
		NULL, NULL},
	{"duplicate", "PERCENT%", "Send packets twice by chance", NULL, REPLAY_IMPAIR, "duplicate",
		NULL, NULL},
	{"rate-limit", "RATE", "Drop what exceeds a rate, as in 100mbit or 5kpps", NULL,
		REPLAY_POLICE, "rate", NULL, NULL},
	{"burst", "SIZE", "What may exceed it for a moment, as in 64K", NULL, REPLAY_POLICE,
		"burst", NULL, NULL},
	{"delay", "TIME",
		"Packets go this much later, as in 20ms; three quarters of the buffers can hold "
		"them: --pool count=N for more",
		NULL, REPLAY_DELAY, "time", NULL, NULL},
	{"jitter", "TIME", "Give or take up to this much", NULL, REPLAY_DELAY, "jitter", NULL,
		NULL},
	{"reorder", "PERCENT%", "Some go at once, in front of those that are delayed", NULL,
		REPLAY_DELAY, "reorder", NULL, NULL},
};

#define TABLE_COUNT (sizeof(table) / sizeof(*table))
_Static_assert(TABLE_COUNT <= 64, "replay_options.given has a bit for each");

/* Options that say more about another one, or of two. */
static const struct {
	const char *name, *needs, *or_else;
} needs[] = {
	{"max-gap", "speed", NULL},
	{"vlan-priority", "vlan-push", "vlan-set"},
	{"vlan-type", "vlan-push", NULL},
	{"burst", "rate-limit", NULL},
	{"jitter", "delay", NULL},
	{"reorder", "delay", NULL},
};

/* Keys of options: those of the table, and those of no stage. */
enum { KEY_TABLE = 1024, KEY_SEED = KEY_TABLE + TABLE_COUNT, KEY_SPLIT, KEY_TO2, KEY_WORKERS };

char *replay_append(char *arguments, const char *key, const char *value)
{
	char *longer; /* "" is no value: the stage is wanted, no more */

	const char *quote = *value ? "\"" : "";

	if (asprintf(&longer, "%s%s%s%s%s%s%s", arguments ? arguments : "", arguments ? " " : "",
		    key ? key : "", key ? "=" : "", quote, value, quote) < 0)
		abort();
	free(arguments);
	return longer;
}

static void take_entry(struct replay_options *options, const struct argp_state *state,
	const struct entry *entry, const char *value)
{
	char **arguments = entry->stage == PLAY ? &options->play : &options->stages[entry->stage];
	char *whole;

	options->given |= 1ull << (entry - table);
	if (!value)
		value = entry->flag;
	if (strchr(value, '"'))
		argp_failure(
			state, APP_MISUSE, 0, "--%s %s: must be without '\"'", entry->name, value);
	if (asprintf(&whole, "%s%s", value, entry->unit ? entry->unit : "") < 0)
		abort();
	*arguments = replay_append(*arguments, entry->key, whole);
	options->paced |= entry->stage == PLAY && strcmp(value, "top") != 0 &&
			  (strcmp(entry->key, "speed") == 0 || strcmp(entry->key, "rate") == 0 ||
				  strcmp(entry->key, "gap") == 0);
	free(whole);
}

static void take_loop(
	struct replay_options *options, const struct argp_state *state, const char *value)
{
	if (strcmp(value, "forever") == 0 || app_number(state, "--loop", value, 0, UINT64_MAX) == 0)
		value = "forever";
	options->play = replay_append(options->play, "loop", value);
}

static void take_input(struct replay_options *options, const char *value)
{
	options->inputs =
		realloc(options->inputs, (options->input_count + 2) * sizeof(*options->inputs));
	if (!options->inputs)
		abort();
	options->inputs[options->input_count++] = value;
	options->inputs[options->input_count] = NULL;
}

bool replay_is_given(const struct replay_options *options, const char *name)
{
	for (size_t i = 0; name && i < TABLE_COUNT; i++)
		if (strcmp(table[i].name, name) == 0)
			return options->given >> i & 1;
	return false;
}

const char *replay_option_of(
	const struct replay_options *options, const char *stage, const char *sentence)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct entry *entry = &table[i];
		const char *type = entry->stage == PLAY ? "play" : replay_types[entry->stage];
		size_t length = entry->key ? strlen(entry->key) : 0;

		if (length > 0 && (options->given >> i & 1) &&
			strncmp(type, stage, strlen(type)) == 0 &&
			strncmp(sentence, entry->key, length) == 0 && sentence[length] == '=')
			return entry->name;
	}
	return NULL;
}

static void check_needs(const struct replay_options *options, const struct argp_state *state)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		const char *more = needs[i].or_else;

		if (replay_is_given(options, needs[i].name) &&
			!replay_is_given(options, needs[i].needs) &&
			!replay_is_given(options, more))
			argp_failure(state, APP_MISUSE, 0, "--%s needs --%s%s%s", needs[i].name,
				needs[i].needs, more ? " or --" : "", more ? more : "");
	}
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct replay_options *options = state->input;

	if (key >= KEY_TABLE && key < KEY_SEED) {
		take_entry(options, state, &table[key - KEY_TABLE], value);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options->run;
		options->pool_count = options->run->app.options.pool.count;
		options->run->app.options.pool.count = 0;
		return 0;
	case 't':
		options->to = value;
		return 0;
	case 'l':
		take_loop(options, state, value);
		return 0;
	case KEY_SEED:
		app_number(state, "--seed", value, 0, UINT64_MAX);
		options->seed = value;
		return 0;
	case KEY_SPLIT:
		free(options->split);
		options->split = strdup(strcmp(value, "client") == 0 ? "client=first" : value);
		return options->split ? 0 : ENOMEM;
	case KEY_TO2:
		options->to2 = value;
		return 0;
	case KEY_WORKERS:
		app_number(state, "--workers", value, 1, WEIR_PIPELINE_WORKERS - 1);
		options->workers = value;
		return 0;
	case ARGP_KEY_ARG:
		take_input(options, value);
		return 0;
	case ARGP_KEY_END:
		if (!options->inputs || !options->to)
			argp_failure(state, APP_MISUSE, 0, "needs IN and --to PORT; see --help");
		if (!options->to2 != !options->split)
			argp_failure(state, APP_MISUSE, 0, "--to2 and --split need each other");
		check_needs(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option own_options[] = {
	{"to", 't', "PORT", 0, "Where the packets go: a port, or a file to write", 0},
	{"to2", KEY_TO2, "PORT", 0, "A second one, for the other side of --split", 0},
	{"split", KEY_SPLIT, "interface=N|direction=in|mac=MAC|prefix=PREFIX|client", 0,
		"What goes to --to: packets from there, or of who began a flow", 0},
	{"workers", KEY_WORKERS, "N", 0,
		"Let N threads do what comes behind reading; flows keep their order", 0},
	{"loop", 'l', "N", 0, "Play all N times (1); 0 or forever: without end", 0},
	{"seed", KEY_SEED, "N", 0, "Of all chances (1): the same gives the same result", 0},
};
#define OWN_COUNT (sizeof(own_options) / sizeof(*own_options))

/* Own options first, then the table's by their groups. */
static void make_options(struct argp_option *options)
{
	int group = 0;

	memcpy(options, own_options, sizeof(own_options));
	options += OWN_COUNT;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct entry *entry = &table[i];

		if (entry->group)
			*options++ = (struct argp_option){.doc = entry->group, .group = ++group};
		*options++ = (struct argp_option){.name = entry->name,
			.key = KEY_TABLE + (int)i,
			.arg = entry->value,
			.doc = entry->help ? entry->help : "",
			.group = group};
	}
	*options = (struct argp_option){0};
}

/* At top speed the times of packets are the clock, so that results are always the same. */
static void add_common(struct replay_options *options)
{
	const char *clock = options->paced ? "worker" : "packet";
	char **stages = options->stages;

	if (stages[REPLAY_POLICE])
		stages[REPLAY_POLICE] = replay_append(stages[REPLAY_POLICE], "clock", clock);
	if (stages[REPLAY_DELAY])
		stages[REPLAY_DELAY] = replay_append(stages[REPLAY_DELAY], "clock", clock);
	if (stages[REPLAY_DELAY] && options->workers)
		stages[REPLAY_DELAY] =
			replay_append(stages[REPLAY_DELAY], "workers", options->workers);
	for (int i = 0; options->seed && i < REPLAY_STAGES; i++)
		if (stages[i] && (i == REPLAY_IMPAIR || i == REPLAY_DELAY))
			stages[i] = replay_append(stages[i], "seed", options->seed);
}

/* Without --pool count: what is delayed waits in buffers. */
static void choose_pool(struct replay_options *options)
{
	uint32_t *count = &options->run->app.options.pool.count;

	if (*count == 0)
		*count = options->stages[REPLAY_DELAY] ? DELAY_POOL : options->pool_count;
}

void replay_parse(struct replay_options *options, int argc, char **argv)
{
	static struct argp_option all[OWN_COUNT + 2 * TABLE_COUNT + 1];
	static const struct argp argp = {
		.options = all,
		.parser = parse_option,
		.args_doc = "IN... --to PORT",
		.doc = "Send the packets of IN, capture files, folders of them or ports, to PORT: "
		       "as fast as both can, or by a schedule; changed on the way.\vExample: "
		       "weir-replay trace.pcap --to pcap:tx=copy.pcapng --loop 10",
		.children = app_pipeline_children,
	};
	char number[32];

	make_options(all);
	app_parse(&options->run->app, &argp, argc, argv, options);
	choose_pool(options);
	add_common(options);
	if (options->run->app.options.limit != UINT64_MAX) {
		snprintf(number, sizeof(number), "%llu",
			(unsigned long long)options->run->app.options.limit);
		options->play = replay_append(options->play, "limit", number);
	}
	if (options->run->app.options.duration_ns != UINT64_MAX) {
		snprintf(number, sizeof(number), "%lluns",
			(unsigned long long)options->run->app.options.duration_ns);
		options->play = replay_append(options->play, "duration", number);
	}
}

void replay_free(struct replay_options *options)
{
	free(options->inputs);
	free(options->play);
	free(options->split);
	for (int i = 0; i < REPLAY_STAGES; i++)
		free(options->stages[i]);
}
