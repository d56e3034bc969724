/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_rules.c: any text for rules: refused with a place, or listed, and what is listed is good and
 * lists the same again; and packets judged by it. */
#include "apps/weir-fw/eval.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Raw IPv4 with TCP to port 22, and IPv6 with a fragment header and UDP to port 53. */
static const uint8_t packets[2][56] = {
	{0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 4, 0, 0,
		22, [32] = 0x50, 2},
	{0x60, 0, 0, 0, 0, 16, 44, 64, 0x20, 1, 0xd, 0xb8, [23] = 1, 0x20, 1, 0xd, 0xb8, [39] = 2,
		17, 0, 0, 1, [48] = 4, 0, 0, 53, 0, 8},
};

static char *list(const struct fw_ruleset *rules, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	fw_list(out, rules);
	fclose(out);
	return text;
}

static void list_again(const struct fw_ruleset *rules)
{
	size_t size, again_size;
	char *text = list(rules, &size), *again;
	struct fw_ruleset *second = fw_load_text("listed", text, size, NULL);

	if (second->error) {
		fprintf(stderr, "%s%s", second->error, text);
		abort();
	}
	again = list(second, &again_size);
	if (strcmp(text, again) != 0) {
		fprintf(stderr, "%s%s", text, again);
		abort();
	}
	free(text);
	free(again);
	fw_free(second);
}

static void judge(struct fw_ruleset *rules)
{
	static const enum fw_hook hooks[] = {FW_PREROUTING, FW_FORWARD, FW_POSTROUTING};
	struct fw_judge judge = {.rules = rules};
	struct fw_packet packet = {.in = "lan0", .out = "wan0"};
	struct fw_decision decision;

	for (uint32_t i = 0; i < 2; i++) {
		fw_packet_read(&packet, packets[i], sizeof(packets[i]), 101);
		fw_judge_way(&judge, hooks, 3, &packet, &decision);
		if (decision.verdict != FW_ACCEPT && decision.verdict != FW_DROP)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fw_ruleset *rules;

	/* no files of this machine */
	if (memmem(data, size, "include", 7))
		return 0;
	rules = fw_load_text("fuzz", (const char *)data, size, NULL);
	if (!rules->error) {
		list_again(rules);
		judge(rules);
	} else if (!strchr(rules->error, ':')) {
		abort();
	}
	fw_free(rules);
	return 0;
}
