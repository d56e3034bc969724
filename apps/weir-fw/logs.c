/* SPDX-License-Identifier: BSD-3-Clause */
/* logs.c: log statements as JSON lines, or packets with comments. */
#include "apps/weir-fw/logs.h"

#include "apps/common/json.h"
#include "apps/weir-fw/fields.h"

#include "base/base_impl.h"

#include <weir/capture_write.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

struct fw_logs {
	const char *path;
	FILE *file;                         /* lines, or */
	struct weir_capture_writer *writer; /* packets */
	pthread_mutex_t lock;               /* of both, and of what follows */
	int error;                          /* the first one in writing */
};

struct weir_capture_writer *fw_capture_create(const char *path)
{
	struct weir_capture_file file = {
		.path = path, .format = WEIR_CAPTURE_PCAP_NS, .application = "weir-fw"};

	weir_capture_by_name(path, &file.format, &file.codec);
	return weir_capture_create_file(&file);
}

struct fw_logs *fw_logs_open(const char *path)
{
	struct fw_logs *logs = calloc(1, sizeof(*logs));
	bool capture = strstr(path, ".pcap") != NULL;
	int error;

	if (!logs)
		return weir__fail_null(ENOMEM, "no memory for the log '%s'", path);
	logs->path = path;
	pthread_mutex_init(&logs->lock, NULL);
	if (capture)
		logs->writer = fw_capture_create(path);
	else
		logs->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (logs->writer || logs->file)
		return logs;
	error = errno;
	pthread_mutex_destroy(&logs->lock);
	free(logs);
	if (capture)
		return NULL;
	return weir__fail_null(error, "cannot write '%s': %s", path, strerror(error));
}

static void set_text(json_t *line, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(line, key, app_json_text(text));
}

static void set_number(json_t *line, const char *key, uint64_t number)
{
	json_object_set_new(line, key, json_integer((json_int_t)number));
}

static void add_packet(json_t *line, const struct fw_packet *packet)
{
	int family = packet->family == FW_IP ? AF_INET : AF_INET6;
	const uint8_t *addresses = packet->network + (packet->family == FW_IP ? 12 : 8);
	uint32_t size = packet->family == FW_IP ? 4 : 16;
	char text[INET6_ADDRSTRLEN];

	set_text(line, "in", packet->in);
	set_text(line, "out", packet->out);
	set_text(line, "source", inet_ntop(family, addresses, text, sizeof(text)));
	set_text(line, "destination", inet_ntop(family, addresses + size, text, sizeof(text)));
	if (packet->has_protocol)
		set_number(line, "protocol", packet->protocol);
	if (packet->transport && packet->transport_length >= 4 &&
		(packet->protocol == 6 || packet->protocol == 17)) {
		set_number(line, "source_port",
			(uint64_t)(packet->transport[0] << 8 | packet->transport[1]));
		set_number(line, "destination_port",
			(uint64_t)(packet->transport[2] << 8 | packet->transport[3]));
	}
	set_number(line, "length", packet->network_length);
	if (packet->mark)
		set_number(line, "mark", packet->mark);
}

/* Under the lock: errno is of what has just failed. */
static void note_error(struct fw_logs *logs)
{
	if (!logs->error)
		logs->error = errno ? errno : EIO;
}

static void write_line(struct fw_logs *logs, const struct fw_rule *rule,
	const struct fw_statement *statement, const struct fw_packet *packet)
{
	json_t *line = json_object();
	char name[128];

	fw_rule_name(rule, name, sizeof(name));
	set_number(line, "time_ns", packet->time_ns);
	set_text(line, "prefix", statement->log.prefix);
	set_text(line, "level", statement->log.level ? statement->log.level : "warn");
	if (statement->log.group >= 0)
		set_number(line, "group", (uint64_t)statement->log.group);
	set_text(line, "rule", name);
	set_number(line, "line", rule->where.line);
	add_packet(line, packet);
	pthread_mutex_lock(&logs->lock);
	if (json_dumpf(line, logs->file, JSON_COMPACT) || fputc('\n', logs->file) == EOF)
		note_error(logs);
	pthread_mutex_unlock(&logs->lock);
	json_decref(line);
}

static void write_packet(struct fw_logs *logs, const struct fw_rule *rule,
	const struct fw_statement *statement, const struct fw_packet *packet)
{
	const char *prefix = statement->log.prefix ? statement->log.prefix : "";
	const struct weir_capture_packet meta = {.timestamp_ns = packet->time_ns,
		.length = packet->frame_length,
		.wire_length = packet->frame_wire_length,
		.link_type = packet->link_type};
	struct iovec bytes = {(void *)(uintptr_t)packet->frame, packet->frame_length};
	char name[128], comment[300];
	const struct weir_capture_note note = {.comment = comment};
	int error;

	fw_rule_name(rule, name, sizeof(name));
	snprintf(comment, sizeof(comment), "%s%slogged by %s (line %u)", prefix,
		*prefix ? ": " : "", name, rule->where.line);
	pthread_mutex_lock(&logs->lock);
	error = weir_capture_write_noted(logs->writer, &meta, &bytes, 1, &note);
	if (error && !logs->error)
		logs->error = error;
	pthread_mutex_unlock(&logs->lock);
}

void fw_logs_write(struct fw_logs *logs, const struct fw_rule *rule,
	const struct fw_statement *statement, const struct fw_packet *packet)
{
	if (logs && logs->writer)
		write_packet(logs, rule, statement, packet);
	else if (logs)
		write_line(logs, rule, statement, packet);
}

void fw_logs_flush(struct fw_logs *logs)
{
	if (!logs || !logs->file)
		return;
	pthread_mutex_lock(&logs->lock);
	if (fflush(logs->file))
		note_error(logs);
	pthread_mutex_unlock(&logs->lock);
}

/* What is left in a buffer goes, too. */
static int close_lines(struct fw_logs *logs)
{
	if (fflush(logs->file))
		note_error(logs);
	if (logs->file != stdout && fclose(logs->file))
		note_error(logs);
	if (!logs->error)
		return 0;
	return weir__fail(logs->error, "cannot write '%s': %s", logs->path, strerror(logs->error));
}

int fw_logs_close(struct fw_logs *logs)
{
	int error, ended;

	if (!logs)
		return 0;
	if (logs->writer) {
		ended = weir_capture_finish(logs->writer);
		error = logs->error ? logs->error : ended;
	} else {
		error = close_lines(logs);
	}
	pthread_mutex_destroy(&logs->lock);
	free(logs);
	return error;
}
