/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-fw.c: judge packets by rules in nftables' language, of a file or between ports.
 *
 *	weir-fw --rules rules.nft in.pcap --accepted ok.pcap --dropped bad.pcapng
 *	weir-fw --rules rules.nft inside=af_packet:eth0 outside=af_packet:eth1
 */
#include "apps/weir-fw/live.h"
#include "apps/weir-fw/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FOLDERS         16
#define CONNECTIONS     65536
#define CONNECTIONS_MAX (1u << 24)

enum {
	KEY_CHECK = 512,
	KEY_LIST,
	KEY_ACCEPTED,
	KEY_DROPPED,
	KEY_EXPLAIN,
	KEY_HOOK,
	KEY_IIF,
	KEY_OIF,
	KEY_LOG,
	KEY_EVENTS,
	KEY_CONNECTIONS,
	KEY_WATCH,
	KEY_AGING,
	KEY_ADDRESS,
	KEY_ROUTE,
	KEY_NEIGHBOUR,
};

struct fw {
	struct fw_live live; /* of ports; its app is that of files, too */
	struct app *app;
	struct fw_files files;
	const char *rules;
	const char *folders[FOLDERS + 1];
	uint32_t folder_count;
	bool check, list;
};

static const enum fw_hook forward[] = {FW_PREROUTING, FW_FORWARD, FW_POSTROUTING};
static const enum fw_hook input[] = {FW_PREROUTING, FW_INPUT};
static const enum fw_hook output[] = {FW_OUTPUT, FW_POSTROUTING};

static void choose_hooks(struct fw_files *files, struct argp_state *state, const char *way)
{
	if (strcmp(way, "forward") == 0) {
		files->hooks = forward;
		files->hook_count = 3;
	} else if (strcmp(way, "input") == 0) {
		files->hooks = input;
		files->hook_count = 2;
	} else if (strcmp(way, "output") == 0) {
		files->hooks = output;
		files->hook_count = 2;
	} else {
		app_refuse(state, "--hook", way, "must be forward, input or output");
	}
}

static const char *interface(struct argp_state *state, const char *option, const char *name)
{
	if (!*name || strlen(name) >= FW_IFNAMSIZ)
		app_refuse(state, option, name, "must be a name of 1 to 15 characters");
	return name;
}

static void add_folder(struct fw *fw, struct argp_state *state, const char *folder)
{
	if (fw->folder_count == FOLDERS)
		app_refuse(state, "--include", folder, "at most 16 folders");
	fw->folders[fw->folder_count++] = folder;
}

/* Load, or say what is wrong: lines with the place and the text. */
static struct fw_ruleset *load(struct fw *fw)
{
	struct fw_ruleset *rules = fw_load_file(fw->rules, fw->folders);

	if (!rules->error)
		return rules;
	fflush(stdout);
	fprintf(stderr, "%s: %s", program_invocation_short_name, rules->error);
	fw->app->status = APP_FAILED;
	fw_free(rules);
	return NULL;
}

static void run(struct fw *fw, struct fw_ruleset *rules)
{
	const struct fw_figures figures = {.rules = rules,
		.totals = fw->files.in ? &fw->files.totals : NULL,
		.tracked = &fw->files.tracked};
	char error[512];

	if (fw->files.in && fw_files_run(&fw->files, rules, error, sizeof(error)))
		app_fail(fw->app, APP_FAILED, "%s", error);
	if (fw->list)
		fw_list(stdout, rules);
	if (!fw->app->options.quiet && !fw->list && !fw->files.explain)
		fw_report(fw->app, &figures);
}

/* One argument is a file, more are ports. */
static void add_argument(struct fw *fw, struct argp_state *state, const char *text)
{
	if (!fw->files.in && !fw->live.bridge.count) {
		fw->files.in = text;
		return;
	}
	if (fw->files.in)
		fw_live_add(&fw->live, state, fw->files.in);
	fw->files.in = NULL;
	fw_live_add(&fw->live, state, text);
}

static void finish_ports(struct fw *fw, struct argp_state *state)
{
	const struct fw_files *files = &fw->files;

	if (fw->check || fw->list || files->explain)
		argp_failure(state, APP_MISUSE, 0, "--check, --list, --explain take no ports");
	if (files->accepted || files->dropped)
		argp_failure(state, APP_MISUSE, 0,
			"--accepted and --dropped take a capture file, not ports: see weir-ctl "
			"capture");
	if (*files->iif || *files->oif || files->hooks != forward)
		argp_failure(state, APP_MISUSE, 0,
			"--hook, --iif, --oif take a capture file; ports are named by NAME=PORT");
	fw->live.log = files->log;
	fw->live.reload.path = fw->rules;
	fw->live.reload.folders = fw->folders;
	fw->live.reload.connections = files->connections;
	fw->live.reload.bridge = !fw->live.net.host.count;
	fw->live.reload.host = &fw->live.net.host;
	if (fw->live.reload.bridge && (fw->live.net.route_count || fw->live.net.fixed_count))
		argp_failure(state, APP_MISUSE, 0, "--route and --neighbour need --address");
	fw_net_finish(&fw->live.net, state, fw->live.names, fw->live.bridge.count);
}

static void finish_files(struct fw *fw, struct argp_state *state)
{
	const struct app_pipeline *run = &fw->live.bridge.run;

	if (!fw->files.in && !fw->check && !fw->list)
		argp_failure(state, APP_MISUSE, 0,
			"needs a capture file or ports, or --check, or --list; see --help");
	if (fw->check && fw->files.in)
		argp_failure(state, APP_MISUSE, 0, "--check takes no capture file");
	if (fw->files.explain && !fw->files.in)
		argp_failure(state, APP_MISUSE, 0, "--explain needs a capture file");
	if (fw->live.reload.watch || fw->live.events || fw->live.reload.workers > 1 ||
		run->control_path || run->stats_ns || run->app.options.duration_ns < UINT64_MAX)
		argp_failure(state, APP_MISUSE, 0,
			"--watch, --events, --control, --stats, --duration, --workers need two "
			"ports or more");
	fw->files.limit = run->app.options.limit;
	fw->files.host = &fw->live.net.host;
	if (fw->live.net.route_count || fw->live.net.fixed_count)
		argp_failure(state, APP_MISUSE, 0, "--route and --neighbour need ports");
}

static void finish_options(struct fw *fw, struct argp_state *state)
{
	if (!fw->rules)
		argp_failure(state, APP_MISUSE, 0, "needs --rules FILE; see --help");
	if (fw->live.bridge.count)
		finish_ports(fw, state);
	else
		finish_files(fw, state);
}

/* Options on where packets come from and go to. */
static error_t parse_way(struct fw *fw, int key, char *value, struct argp_state *state)
{
	switch (key) {
	case KEY_HOOK:
		choose_hooks(&fw->files, state, value);
		return 0;
	case KEY_IIF:
		fw->files.iif = interface(state, "--iif", value);
		return 0;
	case KEY_OIF:
		fw->files.oif = interface(state, "--oif", value);
		return 0;
	case KEY_EVENTS:
		fw->live.events = value;
		return 0;
	case 'w':
		fw->live.reload.workers =
			(uint32_t)app_number(state, "--workers", value, 1, FW_WORKERS);
		return 0;
	case KEY_WATCH:
		fw->live.reload.watch = true;
		return 0;
	case KEY_ADDRESS:
		fw_net_address(&fw->live.net, state, value);
		return 0;
	case KEY_ROUTE:
		fw_net_route(&fw->live.net, state, value);
		return 0;
	case KEY_NEIGHBOUR:
		fw_net_neighbour(&fw->live.net, state, value);
		return 0;
	case KEY_AGING:
		fw->live.bridge.aging =
			app_number(state, "--aging", value, 0, APP_BRIDGE_AGING_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct fw *fw = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &fw->live.bridge.run;
		return 0;
	case 'r':
		fw->rules = value;
		return 0;
	case 'I':
		add_folder(fw, state, value);
		return 0;
	case KEY_CHECK:
		fw->check = true;
		return 0;
	case KEY_LIST:
		fw->list = true;
		return 0;
	case KEY_ACCEPTED:
		fw->files.accepted = value;
		return 0;
	case KEY_DROPPED:
		fw->files.dropped = value;
		return 0;
	case KEY_EXPLAIN:
		fw->files.explain = app_number(state, "--explain", value, 1, UINT64_MAX);
		return 0;
	case KEY_LOG:
		fw->files.log = value;
		return 0;
	case KEY_CONNECTIONS:
		fw->files.connections =
			(uint32_t)app_number(state, "--connections", value, 1, CONNECTIONS_MAX);
		return 0;
	case ARGP_KEY_ARG:
		add_argument(fw, state, value);
		return 0;
	case ARGP_KEY_END:
		finish_options(fw, state);
		return 0;
	default:
		return parse_way(fw, key, value, state);
	}
}

static const struct argp_option options[] = {
	{"rules", 'r', "FILE", 0, "The rules, in nft's language", 0},
	{"include", 'I', "FOLDER", 0, "Look there for files to include", 0},
	{"check", KEY_CHECK, NULL, 0, "Only say whether the rules are good", 0},
	{"list", KEY_LIST, NULL, 0, "Print the rules and counters as nft does", 0},
	{"accepted", KEY_ACCEPTED, "FILE", 0, "Write there what is accepted", 0},
	{"dropped", KEY_DROPPED, "FILE", 0, "Write there what is dropped", 0},
	{"explain", KEY_EXPLAIN, "N", 0, "Print how packet N is judged, rule by rule", 0},
	{"hook", KEY_HOOK, "forward|input|output", 0, "Which way the packets take (forward)", 0},
	{"iif", KEY_IIF, "NAME", 0, "The interface they come in by", 0},
	{"oif", KEY_OIF, "NAME", 0, "The interface they leave by", 0},
	{"log", KEY_LOG, "FILE", 0, "Write there what log statements say: JSON lines", 0},
	{"connections", KEY_CONNECTIONS, "N", 0, "Track so many connections at most (65536)", 0},
	{"events", KEY_EVENTS, "FILE", 0, "Write there what becomes of connections: JSON lines", 0},
	{"watch", KEY_WATCH, NULL, 0, "Load the rules again when their file changes", 0},
	{"workers", 'w', "N", 0,
		"Threads that judge (1); with more, one more receives and one sends", 0},
	{"aging", KEY_AGING, "SECONDS", 0,
		"Forget a station that is silent for so long (300); 0: never learn", 0},
	{"address", KEY_ADDRESS, "NAME=ADDRESS/LENGTH", 0,
		"The port has this address: be a router, not a bridge", 0},
	{"route", KEY_ROUTE, "PREFIX=GATEWAY", 0,
		"Send there what is for the prefix, or for default", 0},
	{"neighbour", KEY_NEIGHBOUR, "ADDRESS=MAC", 0, "Do not ask where this one is", 0},
	{0},
};

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "--rules FILE [IN]\n--rules FILE [NAME=]PORT [NAME=]PORT...",
		.doc = "Judge packets by rules in nftables' language: those of IN, a capture file, "
		       "or frames that a bridge between ports passes on.\vExample: weir-fw --rules "
		       "rules.nft trace.pcap --accepted "
		       "good.pcap --dropped bad.pcapng",
		.children = app_pipeline_children,
	};
	static struct fw fw = {
		.live = {.bridge = {.workers = 1, .aging = APP_BRIDGE_AGING}, .reload.workers = 1},
		.files = {.iif = "",
			.oif = "",
			.hooks = forward,
			.hook_count = 3,
			.connections = CONNECTIONS}};
	struct fw_ruleset *rules;

	fw.app = &fw.live.bridge.run.app;
	fw.files.out = stdout;
	app_parse(fw.app, &argp, argc, argv, &fw);
	rules = load(&fw);
	if (rules && fw.live.bridge.count)
		return fw_live_run(&fw.live, rules);
	if (rules)
		run(&fw, rules);
	fw_free(rules);
	return fw.app->status;
}
