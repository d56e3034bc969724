/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: figures of a run, and of each rule. The keys of the JSON are part of the interface
 * (docs/man). */
#include "apps/weir-fw/report.h"

#include "apps/common/json.h"

#include <stdlib.h>

static void print_totals(FILE *out, const struct fw_totals *totals)
{
	const struct {
		const char *name;
		const struct fw_counter *counter;
	} lines[] = {{"packets", &totals->read}, {"accepted", &totals->accepted},
		{"dropped", &totals->dropped}, {"rejected", &totals->rejected},
		{"not IP", &totals->other}, {"malformed", &totals->malformed}};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		fprintf(out, "%-9s %llu packets, %llu bytes\n", lines[i].name,
			(unsigned long long)lines[i].counter->packets,
			(unsigned long long)lines[i].counter->bytes);
	fprintf(out, "%-9s %llu\n", "logged", (unsigned long long)totals->logged);
	if (totals->known)
		fprintf(out, "%-9s %llu packets, without asking the rules again\n", "known",
			(unsigned long long)totals->known);
}

/* Only of rules that ask for states: others track nothing. */
static void print_tracked(FILE *out, const struct fw_track_stats *stats)
{
	fprintf(out, "tracked   %llu connections, %u at the end, %u of these without an answer\n",
		(unsigned long long)stats->made, stats->now, stats->half_open);
	fprintf(out,
		"          %llu expired, %llu removed, %llu of these early, %llu refused; %llu "
		"invalid packets\n",
		(unsigned long long)stats->expired, (unsigned long long)stats->removed,
		(unsigned long long)stats->early, (unsigned long long)stats->refused,
		(unsigned long long)stats->invalid);
}

static char *rule_text(const struct fw_rule *rule)
{
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fw_list_rule(out, rule);
	fclose(out);
	return text;
}

/* Each rule that something came to, with its line: with --verbose all of them. */
static void print_rules(FILE *out, const struct fw_ruleset *rules, bool all)
{
	for (struct fw_table *table = rules->tables; table; table = table->next)
		for (struct fw_chain *chain = table->chains; chain; chain = chain->next) {
			for (struct fw_rule *rule = chain->rules; rule; rule = rule->next) {
				uint64_t hits = fw_counted(&rule->hits).packets;
				char name[128], *text;

				if (!all && !hits)
					continue;
				fw_rule_name(rule, name, sizeof(name));
				text = rule_text(rule);
				fprintf(out, "%10llu  %s: %s\n", (unsigned long long)hits, name,
					text ? text : "");
				free(text);
			}
			if (chain->base && (all || fw_counted(&chain->policy_hits).packets))
				fprintf(out, "%10llu  %s %s %s policy %s\n",
					(unsigned long long)fw_counted(&chain->policy_hits).packets,
					fw_family_name(table->family), table->name, chain->name,
					chain->policy == FW_ACCEPT ? "accept" : "drop");
		}
}

static void set_counter(json_t *object, const char *name, const struct fw_counter *counter)
{
	json_object_set_new(object, name,
		json_pack("{sI sI}", "packets", (json_int_t)counter->packets, "bytes",
			(json_int_t)counter->bytes));
}

static void set_tally(json_t *object, const char *name, const struct fw_tally *tally)
{
	const struct fw_counter counter = fw_counted(tally);

	set_counter(object, name, &counter);
}

static json_t *json_rule(const struct fw_rule *rule)
{
	char *text = rule_text(rule);
	json_t *object = json_pack("{si so si so so}", "number", (int)rule->number, "file",
		app_json_text(rule->where.source->name), "line", (int)rule->where.line, "text",
		app_json_text(text), "comment", app_json_text(rule->comment));

	set_tally(object, "hits", &rule->hits);
	free(text);
	return object;
}

static json_t *json_chain(const struct fw_chain *chain)
{
	json_t *object = json_pack("{ss so so so}", "family", fw_family_name(chain->table->family),
		"table", app_json_text(chain->table->name), "chain", app_json_text(chain->name),
		"hook", chain->base ? app_json_text(fw_hook_name(chain->hook)) : json_null());
	json_t *rules = json_array();

	for (struct fw_rule *rule = chain->rules; rule; rule = rule->next)
		json_array_append_new(rules, json_rule(rule));
	if (chain->base)
		set_tally(object, "policy_hits", &chain->policy_hits);
	json_object_set_new(object, "rules", rules);
	return object;
}

static json_t *json_tracked(const struct fw_track_stats *stats)
{
	return json_pack("{sI sI sI sI sI sI sI sI}", "made", (json_int_t)stats->made, "expired",
		(json_int_t)stats->expired, "removed", (json_int_t)stats->removed, "early",
		(json_int_t)stats->early, "refused", (json_int_t)stats->refused, "invalid",
		(json_int_t)stats->invalid, "now", (json_int_t)stats->now, "half_open",
		(json_int_t)stats->half_open);
}

static json_t *json_figures(const struct fw_figures *figures)
{
	const struct fw_ruleset *rules = figures->rules;
	const struct fw_totals *totals = figures->totals;
	json_t *chains = json_array();
	json_t *object = json_pack("{si si si}", "rules", (int)rules->rules, "sets",
		(int)rules->sets, "elements", (int)rules->elements);

	for (struct fw_table *table = rules->tables; table; table = table->next)
		for (struct fw_chain *chain = table->chains; chain; chain = chain->next)
			json_array_append_new(chains, json_chain(chain));
	json_object_set_new(object, "chains", chains);
	if (totals) {
		set_counter(object, "read", &totals->read);
		set_counter(object, "accepted", &totals->accepted);
		set_counter(object, "dropped", &totals->dropped);
		set_counter(object, "rejected", &totals->rejected);
		set_counter(object, "not_ip", &totals->other);
		set_counter(object, "malformed", &totals->malformed);
		json_object_set_new(object, "logged", json_integer((json_int_t)totals->logged));
		json_object_set_new(object, "known", json_integer((json_int_t)totals->known));
	}
	if (totals && rules->stateful)
		json_object_set_new(object, "connections", json_tracked(figures->tracked));
	return object;
}

static void print_json(const struct app *app, const struct fw_figures *figures)
{
	json_t *report = json_pack("{ss ss si}", "program", program_invocation_short_name,
		"version", weir_version(), "status", app->status);

	json_object_update_new(report, json_figures(figures));
	json_dumpf(report, stdout, JSON_INDENT(2));
	json_decref(report);
	putchar('\n');
}

static void print_figures(FILE *out, const struct fw_figures *figures, bool all)
{
	print_totals(out, figures->totals);
	if (figures->rules->stateful)
		print_tracked(out, figures->tracked);
	print_rules(out, figures->rules, all);
}

void fw_report(const struct app *app, const struct fw_figures *figures)
{
	if (app->options.json)
		print_json(app, figures);
	else if (figures->totals)
		print_figures(stdout, figures, app->options.verbose);
	else
		printf("good      %u rules, %u sets with %u elements\n", figures->rules->rules,
			figures->rules->sets, figures->rules->elements);
}

static void add_text(struct app *app, const struct fw_figures *figures)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (app->more_text)
		fprintf(out, "%s\n", app->more_text);
	print_figures(out, figures, app->options.verbose);
	if (figures->told)
		fprintf(out, "events    %llu, %llu lost\n",
			(unsigned long long)figures->told->written,
			(unsigned long long)figures->told->lost);
	fprintf(out, "reloads   %llu, %llu refused\n", (unsigned long long)figures->reloads,
		(unsigned long long)figures->refused);
	fclose(out);
	free(app->more_text);
	app->more_text = text;
}

static void add_json(struct app *app, const struct fw_figures *figures)
{
	json_t *own = json_figures(figures);
	json_t *more = app->more_json ? json_loads(app->more_json, 0, NULL) : json_object();

	if (figures->told)
		json_object_set_new(own, "events",
			json_pack("{sI sI}", "written", (json_int_t)figures->told->written, "lost",
				(json_int_t)figures->told->lost));
	json_object_set_new(own, "reloads", json_integer((json_int_t)figures->reloads));
	json_object_set_new(own, "reloads_refused", json_integer((json_int_t)figures->refused));
	json_object_set_new(more, "firewall", own);
	free(app->more_json);
	app->more_json = json_dumps(more, 0);
	json_decref(more);
}

void fw_report_add(struct app *app, const struct fw_figures *figures)
{
	add_text(app, figures);
	add_json(app, figures);
}
