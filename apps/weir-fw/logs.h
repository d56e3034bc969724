/* SPDX-License-Identifier: BSD-3-Clause */
/* logs.h: what log statements say: one JSON object a line, or a capture file whose packets have the
 * same as comments. */
#ifndef FW_LOGS_H
#define FW_LOGS_H

#include "apps/weir-fw/eval.h"

struct fw_logs;

struct weir_capture_writer;

/* A capture file to write, in the format that its name says; NULL with errno and weir_last_error().
 */
struct weir_capture_writer *fw_capture_create(const char *path);

/* Create or replace a file: a capture when it is named .pcap or .pcapng, else lines, also on
 * standard output, "-". NULL with errno and weir_last_error(). */
struct fw_logs *fw_logs_open(const char *path);

/* A line for a packet that reached a log statement; by any thread. NULL is allowed: nothing is
 * written. */
void fw_logs_write(struct fw_logs *logs, const struct fw_rule *rule,
	const struct fw_statement *statement, const struct fw_packet *packet);

/* Let others read the lines so far; by any thread. NULL is allowed. */
void fw_logs_flush(struct fw_logs *logs);

/* 0, or -errno when something did not reach the file. NULL is allowed. */
int fw_logs_close(struct fw_logs *logs);

#endif
