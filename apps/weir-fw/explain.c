/* SPDX-License-Identifier: BSD-3-Clause */
/* explain.c: verdicts in words. */
#include "apps/weir-fw/explain.h"

#include "apps/weir-fw/value.h"

#include <arpa/inet.h>
#include <string.h>

/* What the packet has where a match asked for something else. */
static void print_fields(FILE *out, const struct fw_match *match, const struct fw_packet *packet)
{
	uint8_t value[FW_VALUE];

	for (uint32_t i = 0; i < match->parts; i++) {
		const struct fw_field *field = match->fields[i];

		fputs(i ? " . " : "", out);
		if (fw_field_load(field, packet, value))
			fw_value_print(out, fw_type(field->type), fw_field_size(field), value);
		else
			fputs("absent", out);
	}
}

static void print_failed(
	FILE *out, const struct fw_statement *failed, const struct fw_packet *packet)
{
	fputs("      no: ", out);
	fw_list_statement(out, failed);
	if (failed->kind == FW_STATEMENT_MATCH || failed->kind == FW_STATEMENT_MAP ||
		(failed->kind == FW_STATEMENT_MARK && failed->match.set)) {
		fputs(", and the packet has ", out);
		print_fields(out, &failed->match, packet);
	}
	fputc('\n', out);
}

static const char *verdict_name(const struct fw_verdict *verdict)
{
	static const char *const names[] = {
		"continues", "accepted", "dropped", "returns", "jumps to ", "goes to "};

	return names[verdict->kind];
}

void fw_explain_step(void *context, const struct fw_step *step)
{
	struct fw_explanation *to = context;
	FILE *out = to->out;

	if (!step->rule) {
		fprintf(out, "%s %s: end, %s\n", step->chain->table->name, step->chain->name,
			!step->chain->base                 ? "back"
			: step->chain->policy == FW_ACCEPT ? "policy accept"
							   : "policy drop");
		return;
	}
	fprintf(out, "%s %s %u (line %u): ", step->chain->table->name, step->chain->name,
		step->rule->number, step->rule->where.line);
	fw_list_rule(out, step->rule);
	fputc('\n', out);
	if (step->failed)
		print_failed(out, step->failed, to->packet);
	else if (step->verdict)
		fprintf(out, "      yes: %s%s\n", verdict_name(step->verdict),
			step->verdict->name ? step->verdict->name : "");
	else
		fputs("      yes\n", out);
}

void fw_explain_packet(FILE *out, const struct fw_packet *packet)
{
	int family = packet->family == FW_IP ? AF_INET : AF_INET6;
	uint32_t at = packet->family == FW_IP ? 12 : 8, size = packet->family == FW_IP ? 4 : 16;
	const char *name = fw_protocol_name(packet->protocol);
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	if (packet->kind != FW_KIND_IP) {
		fputs(packet->kind == FW_KIND_OTHER ? "no IP" : packet->malformed, out);
		return;
	}
	fprintf(out, "%s > %s", inet_ntop(family, packet->network + at, from, sizeof(from)),
		inet_ntop(family, packet->network + at + size, to, sizeof(to)));
	if (packet->has_protocol && name)
		fprintf(out, " %s", name);
	else if (packet->has_protocol)
		fprintf(out, " protocol %u", packet->protocol);
	if (packet->transport && packet->transport_length >= 4 &&
		(packet->protocol == 6 || packet->protocol == 17))
		fprintf(out, " %u > %u", packet->transport[0] << 8 | packet->transport[1],
			packet->transport[2] << 8 | packet->transport[3]);
	fprintf(out, "%s, %u bytes", packet->fragment ? " fragment" : "", packet->network_length);
}

static void print_decision(
	FILE *out, const struct fw_decision *decision, const struct fw_packet *packet)
{
	char name[128];

	if (packet->kind != FW_KIND_IP) {
		fw_explain_packet(out, packet);
		return;
	}
	fputs(decision->verdict == FW_ACCEPT ? "accepted"
		: decision->reject           ? "rejected"
					     : "dropped",
		out);
	if (!decision->chain) {
		fputs(": no chain of its hooks", out);
	} else if (!decision->rule) {
		fprintf(out, " by the policy of %s %s %s",
			fw_family_name(decision->chain->table->family),
			decision->chain->table->name, decision->chain->name);
	} else {
		fw_rule_name(decision->rule, name, sizeof(name));
		fprintf(out, " by %s (%s:%u): ", name, decision->rule->where.source->name,
			decision->rule->where.line);
		fw_list_rule(out, decision->rule);
	}
}

void fw_explain_decision(
	const struct fw_decision *decision, const struct fw_packet *packet, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	*text = 0;
	if (!out)
		return;
	print_decision(out, decision, packet);
	fclose(out);
	text[size - 1] = 0;
}
