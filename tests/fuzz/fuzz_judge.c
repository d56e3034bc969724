/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_judge.c: any bytes as a packet, by rules that ask for every field there is. The first byte
 * chooses the link type. */
#include "apps/weir-fw/explain.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = {1, 101, 113, 276, 228, 0};
	static const enum fw_hook hooks[] = {FW_PREROUTING, FW_FORWARD, FW_POSTROUTING};
	static char text[1 << 16];
	struct fw_packet packet = {.in = "eth0"};
	struct fw_explanation explanation = {.packet = &packet};
	struct fw_judge judge = {.trace = fw_explain_step, .context = &explanation};
	struct fw_decision decision = {0};
	uint8_t *copy;

	if (!rules)
		load();
	if (size < 1)
		return 0;
	/* of its own size, so that a byte too far is seen */
	copy = malloc(size > 1 ? size - 1 : 1);
	memcpy(copy, data + 1, size - 1);
	judge.rules = rules;
	explanation.out = fmemopen(text, sizeof(text), "w");
	fw_packet_read(&packet, copy, (uint32_t)size - 1, links[data[0] % 6]);
	if (packet.kind == FW_KIND_IP)
		fw_judge_way(&judge, hooks, 3, &packet, &decision);
	fw_explain_packet(explanation.out, &packet);
	fclose(explanation.out);
	free(copy);
	return 0;
}
