/* SPDX-License-Identifier: BSD-3-Clause */
/* control.c: rules and connections, told by the thread of the control socket while another one
 * judges.
 *
 * Rules do not change once they are loaded, but for their counters, which may be read at any time.
 * They are held as long as they are listed. Connections belong to the threads that judge: each
 * copies some of its own for a call, between two bursts. */
#include "apps/weir-fw/control.h"

#include "apps/common/json.h"
#include "apps/weir-fw/flows.h"
#include "apps/weir-fw/live_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A worker that does not come to it by then is stuck; who asks waits no longer than that. */
#define PATIENCE_MS 5000
/* Connections of an answer, of 600 bytes at most: what a client may take for granted to fit. */
#define SHOWN     100
#define SHOWN_MAX 1000
/* Places of the table that are looked at for one answer: 1,024 calls of the worker. */
#define LOOKED_AT (1024 * FW_FLOWS_LOOK)

/* ---- list ruleset ---- */

static char *rules_text(struct fw_live *live, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return weir__fail_null(ENOMEM, "no memory for a list of the rules");
	fw_list(out, fw_reload_hold(&live->reload)->rules);
	fw_reload_release(&live->reload);
	if (fclose(out) == 0)
		return text;
	free(text);
	return weir__fail_null(ENOMEM, "no memory for a list of the rules");
}

/* A pipe is refused: who reads it could hold up the socket. */
static int write_file(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666), error = 0;
	struct stat status;

	if (fd < 0)
		return weir__fail(errno, "cannot write '%s': %s", path, strerror(errno));
	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		error = weir__fail(EINVAL, "'%s' is not a file", path);
	else if (ftruncate(fd, 0))
		error = weir__fail(errno, "cannot write '%s': %s", path, strerror(errno));
	while (!error && size > 0) {
		ssize_t written = write(fd, text, size);

		if (written <= 0) {
			error = weir__fail(errno, "cannot write '%s': %s", path, strerror(errno));
			break;
		}
		text += written;
		size -= (size_t)written;
	}
	close(fd);
	return error;
}

static int answer_with(json_t *value, char **answer)
{
	*answer = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	json_decref(value);
	return *answer ? 0 : weir__fail(ENOMEM, "no memory for an answer");
}

static int list_ruleset(const struct weir_control_request *request, char **answer, void *context)
{
	const char *path = weir_control_arg(request, "file");
	size_t size = 0;
	char *text = rules_text(context, &size);
	int error = text ? 0 : -errno;

	if (text && path)
		error = write_file(path, text, size);
	if (!error)
		error = answer_with(path ? json_pack("{so sI}", "file", app_json_text(path),
						   "bytes", (json_int_t)size)
					 : app_json_text(text),
			answer);
	free(text);
	return error;
}

/* ---- conntrack ---- */

struct search {
	struct fw_live *live;
	/* what is asked for */
	int protocol;                      /* -1: any */
	uint8_t family, bits, address[16]; /* 0: any */
	uint32_t most;
	uint32_t now;   /* connections that there are */
	uint32_t place; /* where to look next: of the thread with the number place / share */
	/* of a call */
	uint32_t worker, share, count;
	struct fw_flow flows[FW_FLOWS_LOOK];
	bool untracked;
};

static struct fw_tracker *tracker_of(const struct search *search)
{
	return fw_generation_tracker(weir_rcu_read(&search->live->reload.slot), search->worker);
}

/* On the thread whose connections they are. */
static void count_them(void *context)
{
	struct search *search = context;
	const struct fw_tracker *tracker = tracker_of(search);
	struct fw_track_stats stats;

	search->untracked = !tracker;
	if (search->untracked)
		return;
	fw_tracker_stats(tracker, &stats);
	search->now += stats.now;
}

/* So is this. */
static void copy_some(void *context)
{
	struct search *search = context;
	const struct fw_tracker *tracker = tracker_of(search);
	uint64_t now_ns = search->live->times_of_packets ? 0 : fw_since_1970();
	uint32_t first = search->worker * search->share, place = search->place - first;

	search->count = 0;
	search->untracked = !tracker;
	if (search->untracked)
		return;
	search->count = fw_flows_copy(tracker, now_ns, &place, search->flows);
	for (uint32_t i = 0; i < search->count; i++)
		search->flows[i].index += first;
	if (place != WEIR_FLOW_NONE)
		search->place = first + place;
	else if (search->worker + 1 < search->live->reload.workers)
		search->place = first + search->share;
	else
		search->place = WEIR_FLOW_NONE;
}

static int call(struct search *search, uint32_t worker, void (*function)(void *context))
{
	int error;

	search->worker = worker;
	error = fw_live_call(search->live, "firewall", worker, function, search, PATIENCE_MS);
	if (!error && search->untracked)
		error = weir__fail(
			ENOENT, "no connections are tracked: no rule asks for ct state or nat");
	return error;
}

static bool is_wanted(const struct search *search, const struct fw_flow *flow)
{
	if (search->protocol >= 0 && flow->tuples[0].protocol != search->protocol)
		return false;
	if (!search->family)
		return true;
	for (int i = 0; i < 4; i++)
		if (flow->tuples[0].zero[0] == search->family &&
			fw_prefix_has(
				flow->tuples[i / 2].address[i % 2], search->address, search->bits))
			return true;
	return false;
}

/* Those that were copied. Returns how many in all; when no more fit, the next answer begins with
 * the place of the first that does not. */
static uint32_t print_some(FILE *out, struct search *search, uint32_t shown)
{
	for (uint32_t i = 0; i < search->count; i++) {
		if (!is_wanted(search, &search->flows[i]))
			continue;
		if (shown == search->most) {
			search->place = search->flows[i].index;
			break;
		}
		fputs(shown++ ? ",{" : "{", out);
		fw_flow_print(out, &search->flows[i]);
		fputc('}', out);
	}
	return shown;
}

static int print_flows(FILE *out, struct search *search)
{
	const struct fw_reload *reload = &search->live->reload;
	uint32_t shown = 0, looked_at = 0;
	int error = 0;

	search->share = fw_trackers_share(reload->connections, reload->workers);
	for (uint32_t i = 0; i < reload->workers; i++)
		if ((error = call(search, i, count_them)))
			return error;
	if (search->place / search->share >= reload->workers)
		search->place = WEIR_FLOW_NONE;
	fputs("{\"list\":[", out);
	while (search->place != WEIR_FLOW_NONE && shown < search->most && looked_at < LOOKED_AT) {
		error = call(search, search->place / search->share, copy_some);
		if (error)
			return error;
		shown = print_some(out, search, shown);
		looked_at += FW_FLOWS_LOOK;
	}
	fprintf(out, "],\"shown\":%u,\"connections\":%u", shown, search->now);
	if (search->place != WEIR_FLOW_NONE)
		fprintf(out, ",\"next\":%u", search->place);
	fputc('}', out);
	return 0;
}

static int number_arg(const struct weir_control_request *request, const char *key, uint32_t least,
	uint32_t most, uint32_t *number)
{
	const char *text = weir_control_arg(request, key);
	unsigned long value;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < least || value > most)
		return weir__fail(EINVAL, "%s must be a number from %u to %u", key, least, most);
	*number = (uint32_t)value;
	return 0;
}

static int read_search(const struct weir_control_request *request, struct search *search)
{
	const char *protocol = weir_control_arg(request, "protocol");
	const char *address = weir_control_arg(request, "address");
	int error = number_arg(request, "limit", 1, SHOWN_MAX, &search->most);

	if (!error)
		error = number_arg(request, "from", 0, WEIR_FLOW_MAX, &search->place);
	search->protocol = protocol ? fw_flow_protocol(protocol) : -1;
	if (!error && protocol && search->protocol < 0)
		error = weir__fail(EINVAL, "protocol must be a number, or tcp, udp, icmp, icmpv6, "
					   "sctp, dccp, udplite or gre");
	if (!error && address &&
		!fw_prefix_read(
			address, strlen(address), &search->family, search->address, &search->bits))
		error = weir__fail(EINVAL, "address must be ADDRESS or ADDRESS/LENGTH");
	return error;
}

static int conntrack(const struct weir_control_request *request, char **answer, void *context)
{
	struct search search = {.live = context, .most = SHOWN};
	size_t size;
	FILE *out;
	int error = read_search(request, &search);

	if (error)
		return error;
	out = open_memstream(answer, &size);
	if (!out)
		return weir__fail(ENOMEM, "no memory for a list of connections");
	error = print_flows(out, &search);
	fclose(out);
	if (!error)
		return 0;
	free(*answer);
	*answer = NULL;
	return error;
}

const struct weir_control_command *fw_control_commands(struct fw_live *live)
{
	static const char *const list_args[] = {"file", NULL};
	static const char *const conntrack_args[] = {"protocol", "address", "limit", "from", NULL};
	static struct weir_control_command commands[] = {
		{.name = "list ruleset",
			.help = "the rules and their counters, as nft prints them, or to a file "
				"(file=PATH)",
			.args = list_args,
			.call = list_ruleset},
		{.name = "conntrack",
			.help = "connections (protocol=NAME, address=PREFIX, limit=N, from=N)",
			.args = conntrack_args,
			.call = conntrack},
		{.name = NULL}};

	commands[0].context = commands[1].context = live;
	return commands;
}
