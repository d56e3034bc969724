/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_judge.c: any bytes as packets, by rules that ask for every field there is, and for the state
 * of their connection, and translate it. Each packet begins with a byte for the link type and one
 * for its length in units of 4 bytes. */
#include "apps/weir-fw/explain.h"
#include "apps/weir-fw/nat.h"
#include "apps/weir-fw/track.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fw_ruleset *rules;

/* The rules of the test of listings; continue instead of verdicts, so that all are looked at. */
static void load(void)
{
	char text[16384], *at;
	FILE *file = fopen(FUZZ_RULES, "re");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[size] = 0;
	for (at = strstr(text, "chain c"); at && (at = strstr(at, " accept\n"));)
		memcpy(at, "       ", 7);
	for (at = strstr(text, "chain c"); at && (at = strstr(at, " drop\n"));)
		memcpy(at, "     ", 5);
	rules = fw_load_text("rules", text, size, NULL);
	if (!file || rules->error || rules->rules < 100) {
		fprintf(stderr, "%s: %s\n", FUZZ_RULES, rules->error ? rules->error : "not there");
		exit(1);
	}
	fclose(file);
}

static void judge(struct fw_judge *judge, const uint8_t *data, uint32_t length, uint16_t link,
	uint64_t now_ns)
{
	static const enum fw_hook hooks[] = {FW_PREROUTING, FW_FORWARD, FW_POSTROUTING};
	static char text[1 << 16];
	struct fw_packet packet = {.in = "eth0", .out = "eth1", .time_ns = now_ns};
	struct fw_explanation explanation = {.packet = &packet};
	struct fw_decision decision = {0};
	/* of its own size, so that a byte too far is seen */
	uint8_t *copy = malloc(length ? length : 1);

	memcpy(copy, data, length);
	judge->context = &explanation;
	explanation.out = fmemopen(text, sizeof(text), "w");
	fw_packet_read(&packet, copy, length, link);
	if (packet.kind == FW_KIND_IP) {
		fw_judge_way(judge, hooks, 3, &packet, &decision);
		fw_tracker_decided(judge->tracker, decision.verdict == FW_ACCEPT);
	}
	fw_explain_packet(explanation.out, &packet);
	fclose(explanation.out);
	free(copy);
}

/* What a tracker counts must agree: no more of anything than there is room for. */
static void check(const struct fw_tracker *tracker)
{
	struct fw_track_stats stats;

	fw_tracker_stats(tracker, &stats);
	if (stats.half_open > stats.now || stats.now > 8 ||
		stats.made != stats.now + stats.expired + stats.removed)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = {1, 101, 113, 276, 228, 0};
	static struct fw_address addresses[] = {
		{"eth0", FW_IP, 24, {10, 0, 0, 1}}, {"eth1", FW_IP, 24, {10, 0, 1, 1}}};
	static const struct fw_host host = {addresses, 2};
	struct fw_judge by = {
		.state = fw_tracker_state, .bind = fw_nat_bind, .translate = fw_nat_apply};
	size_t at = 0;

	if (!rules)
		load();
	rules->stateful = true;
	by.rules = rules;
	by.tracker = fw_tracker_create(8);
	if (fw_tracker_translates(by.tracker, &host))
		abort();
	while (at + 2 <= size) {
		size_t length = data[at + 1] * 4u, left = size - at - 2;

		length = length < left ? length : left;
		/* one is enough: it writes a line for each rule */
		by.trace = at ? NULL : fw_explain_step;
		judge(&by, data + at + 2, (uint32_t)length, links[data[at] % 6], at * 1000000000);
		at += 2 + length;
		check(by.tracker);
	}
	fw_tracker_destroy(by.tracker);
	return 0;
}
