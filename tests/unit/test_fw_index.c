/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fw_index.c: weir-fw judges with an index of its rules and without: random rules and packets
 * from the same few values, the sample rules and the captures of the tests. Verdict, rule, mark,
 * logs and all counters must be the same.
 *
 * FW_INDEX_FILES sets how many files of random rules, 20 by default, and FW_SEED the first of them.
 */
#include "apps/weir-fw/bounds.h"
#include "apps/weir-fw/eval.h"
#include "apps/weir-fw/index.h"
#include "apps/weir-fw/track.h"
#include "random.h"
#include "unit.h"

#include <weir/capture.h>
#include <weir/parse.h>

#include <stdlib.h>
#include <string.h>

#define PACKETS 1500

static const enum fw_hook way[] = {FW_PREROUTING, FW_FORWARD, FW_POSTROUTING};
static uint64_t skipping, accepted, dropped;

#define PICK(list) ((list)[below(sizeof(list) / sizeof(*(list)))])

/* ---- rules ---- */

static const uint16_t ports[] = {1, 22, 53, 80, 443, 1024, 5000, 65535};
static const char *const v4[] = {"10.0.0.1", "10.0.0.2", "10.0.0.5", "10.0.1.7", "192.168.3.9"};
static const char *const v4_nets[] = {"10.0.0.0/8", "10.0.0.0/30", "192.168.0.0/16", "0.0.0.0/0",
	"10.0.0.2-10.0.1.6", "10.0.0.1-10.0.0.2"};
static const char *const v6[] = {"2001:db8::1", "2001:db8::2", "fd00::5"};
static const char *const v6_nets[] = {"2001:db8::/32", "fd00::/8", "::/0", "::1-2001:db8::1"};
static const char *const ranges[] = {"1-1023", "80-443", "1024-65535", "22-53"};

/* $ and a letter: a value from above; see word(). */
static const char *const matches[] = {
	"ip saddr $o$a",
	"ip daddr $o$n",
	"ip saddr $c$a",
	"ip daddr $o{ $a, $a, $a }",
	"ip saddr & 255.0.0.255 $e 10.0.0.1",
	"ip saddr & 255.255.255.0 10.0.0.0-10.0.1.0",
	"ip saddr & 255.0.0.255 $c$a",
	"tcp dport & 255 $o$r",
	"udp sport & 0xff0f $c$p",
	"udp dport $o{ $p, $r, * }",
	"ip saddr $o@some",
	"ip saddr . tcp dport $o{ $a . $p, $a . $p }",
	"ip saddr . ip daddr . udp sport { $n . $a . $r, 1.1.1.1 . $n . $p }",
	"ip6 saddr $o$A",
	"ip6 daddr $o$N",
	"ip6 saddr { $A, $A }",
	"ip6 nexthdr $o$t",
	"tcp sport $o$p",
	"tcp dport $o$r",
	"tcp dport $c$p",
	"tcp dport $o{ $p, $p, $r }",
	"udp dport $o$p",
	"th dport $c$p",
	"th sport $o$r",
	"meta l4proto $o$t",
	"meta l4proto { $t, $t }",
	"meta l4proto $c$t",
	"ip protocol $o$t",
	"tcp flags syn",
	"icmp type echo-request",
	"icmpv6 type echo-request",
	"meta mark $o$m",
	"meta nfproto ipv$f",
	"iifname \"in0\"",
	"ip ttl $c 64",
	"tcp dport @counted",
	"tcp dport != @counted",
	"ip frag-off & 0x1fff != 0",
	"exthdr frag exists",
};
static const char *const acts[] = {
	"counter", "log prefix \"x\"", "meta mark set $m", "limit rate 1/second"};
static const char *const ends[] = {"accept", "drop", "drop", "return", "continue", "reject",
	"jump one", "goto two", "jump two", "", "", "",
	"tcp dport vmap { $p : accept, $r : jump one }",
	"ip saddr vmap { $a : drop, $n : continue }"};

static void word(FILE *out, char letter)
{
	static const char *const maybe[] = {"", "", "!= "};
	static const char *const order[] = {"< ", "> ", "<= ", ">= "};
	static const char *const equal[] = {"==", "!="};
	static const char *const protocols[] = {"tcp", "udp", "icmp", "icmpv6", "sctp", "esp"};

	switch (letter) {
	case 'o':
		fputs(PICK(maybe), out);
		break;
	case 'c':
		fputs(PICK(order), out);
		break;
	case 'e':
		fputs(PICK(equal), out);
		break;
	case 'a':
		fputs(PICK(v4), out);
		break;
	case 'n':
		fputs(PICK(v4_nets), out);
		break;
	case 'A':
		fputs(PICK(v6), out);
		break;
	case 'N':
		fputs(PICK(v6_nets), out);
		break;
	case 'p':
		fprintf(out, "%u", PICK(ports));
		break;
	case 'r':
		fputs(PICK(ranges), out);
		break;
	case 't':
		fputs(PICK(protocols), out);
		break;
	case 'm':
		fprintf(out, "%u", below(3));
		break;
	default:
		fputs(below(2) ? "4" : "6", out);
	}
}

static void words(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '$')
			word(out, *++text);
		else
			fputc(*text, out);
	fputc(' ', out);
}

static void write_rule(FILE *out)
{
	uint32_t count = below(4);

	for (uint32_t i = 0; i < count; i++) {
		if (below(12) == 0)
			words(out, PICK(acts));
		words(out, PICK(matches));
	}
	if (count == 0 || below(8) == 0)
		words(out, PICK(acts));
	if (count && below(8))
		words(out, PICK(ends));
}

static const char sets[] = "set some { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.5 } }\n"
			   "set counted { type inet_service; counter; elements = { 22, 80 } }\n";

static bool loads(const char *rule)
{
	struct fw_ruleset *rules;
	char text[2048];
	bool good;

	snprintf(text, sizeof(text),
		"table inet t {\n%schain one { }\nchain two { }\nchain c {\n%s\n}\n}\n", sets,
		rule);
	rules = fw_load_text("rule", text, strlen(text), NULL);
	good = !rules->error;
	fw_free(rules);
	return good;
}

/* Rules that load one by one: some words of a rule exclude each other. */
static void write_rules(FILE *out, uint32_t count, const char *chains)
{
	while (count) {
		char rule[1024];
		FILE *text = fmemopen(rule, sizeof(rule), "w");

		write_rule(text);
		fclose(text);
		/* jumps to a chain from itself or from behind it are loops */
		if ((strstr(rule, "one") && !strstr(chains, "1")) ||
			(strstr(rule, "two") && !strstr(chains, "2")) || !loads(rule))
			continue;
		fprintf(out, "%s\n", rule);
		count--;
	}
}

static char *random_rules(void)
{
	static const uint32_t sizes[] = {5, 12, 40, 150};
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "table inet t {\n%schain two {\n", sets);
	write_rules(out, 30, "");
	fprintf(out, "}\nchain one {\n");
	write_rules(out, PICK(sizes), "2");
	fprintf(out, "}\nchain p { type filter hook prerouting priority 0;\n");
	write_rules(out, 10, "");
	fprintf(out, "}\nchain f { type filter hook forward priority 0; policy %s;\n",
		below(2) ? "drop" : "accept");
	write_rules(out, PICK(sizes), "12");
	fprintf(out, "}\nchain g { type filter hook forward priority 1;\n");
	write_rules(out, 20, "12");
	fprintf(out, "}\n}\n");
	fclose(out);
	return text;
}

/* ---- packets ---- */

static uint8_t *put(uint8_t *at, uint32_t number, uint32_t size)
{
	for (uint32_t i = size; i-- > 0; number >>= 8)
		at[i] = (uint8_t)number;
	return at + size;
}

static uint8_t *put_transport(uint8_t *at)
{
	memset(at, 0, 40);
	put(at, PICK(ports), 2);
	put(at + 2, PICK(ports), 2);
	at[12] = 0x50;
	at[13] = below(2) ? 2 : 0x10;
	if (below(4) == 0)
		at[0] = below(2) ? 8 : 128; /* types of an echo request */
	return at + (below(10) ? 20 + below(20) : below(6));
}

static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 58, 132, 50, 47};

static uint32_t make_v4(uint8_t *packet)
{
	static const uint32_t addresses[] = {
		0x0a000001, 0x0a000002, 0x0a000005, 0x0a000107, 0xc0a80309, 0x0aff0001};
	static const uint16_t fragments[] = {0, 0, 0, 0, 0, 0x4000, 0x2000, 0x2010, 0x0020};
	uint32_t length = (uint32_t)(put_transport(packet + 20) - packet);

	memset(packet, 0, 20);
	packet[0] = 0x45;
	put(packet + 2, length, 2);
	put(packet + 6, PICK(fragments), 2);
	packet[8] = (uint8_t)(62 + below(5));
	packet[9] = PICK(protocols);
	put(packet + 12, PICK(addresses), 4);
	put(packet + 16, PICK(addresses), 4);
	return length;
}

static void put_v6_address(uint8_t *at)
{
	memset(at, 0, 16);
	put(at, below(3) ? 0x20010db8 : 0xfd000000, 4);
	at[15] = (uint8_t)below(6);
}

static uint32_t make_v6(uint8_t *packet)
{
	uint8_t *at = packet + 40, protocol = PICK(protocols);

	memset(packet, 0, 60);
	packet[0] = 0x60;
	packet[6] = protocol;
	packet[7] = 64;
	put_v6_address(packet + 8);
	put_v6_address(packet + 24);
	if (below(5) == 0) { /* a fragment, the first or a later one */
		packet[6] = 44;
		at[0] = protocol;
		put(at + 2, below(2) ? 1 : 0x51, 2);
		at += 8;
	} else if (below(8) == 0) { /* nothing follows, or what is cut */
		packet[6] = below(2) ? 59 : 60;
	}
	at = put_transport(at);
	put(packet + 4, (uint32_t)(at - packet) - 40, 2);
	return (uint32_t)(at - packet);
}

/* ---- both ways ---- */

struct side {
	struct fw_ruleset *rules;
	struct fw_judge judge;
	struct fw_packet packet;
	struct fw_decision decision;
	uint64_t logged; /* which rules, in order */
};

static void on_log(void *context, const struct fw_rule *rule, const struct fw_statement *statement,
	const struct fw_packet *packet)
{
	struct side *side = context;

	(void)statement;
	side->logged = side->logged * 31 + rule->number + packet->network_length;
}

static void open_side(struct side *side, struct fw_ruleset *rules, bool linear)
{
	*side = (struct side){.rules = rules, .packet = {.in = "in0", .out = "out0"}};
	if (rules->error)
		fputs(rules->error, stderr);
	CU_ASSERT_PTR_NULL_FATAL(rules->error);
	side->judge =
		(struct fw_judge){.rules = rules, .linear = linear, .log = on_log, .context = side};
	if (!rules->stateful)
		return;
	side->judge.state = fw_tracker_state;
	side->judge.tracker = fw_tracker_create(1000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(side->judge.tracker);
}

static void judge(struct side *side, const uint8_t *data, uint32_t length, uint16_t link)
{
	side->decision = (struct fw_decision){.verdict = FW_ACCEPT};
	fw_packet_read(&side->packet, data, length, link);
	side->packet.time_ns += 10000000;
	side->packet.mark = 0;
	if (side->packet.kind != FW_KIND_IP)
		return;
	fw_judge_way(&side->judge, way, 3, &side->packet, &side->decision);
	if (side->judge.tracker)
		fw_tracker_decided(side->judge.tracker, side->decision.verdict == FW_ACCEPT);
	*(side->decision.verdict == FW_ACCEPT ? &accepted : &dropped) += 1;
}

static bool same_rule(const struct fw_rule *a, const struct fw_rule *b)
{
	return !a == !b &&
	       (!a || (a->number == b->number && strcmp(a->chain->name, b->chain->name) == 0));
}

static bool same(const struct side *a, const struct side *b)
{
	return a->decision.verdict == b->decision.verdict && a->logged == b->logged &&
	       a->packet.mark == b->packet.mark && !a->decision.reject == !b->decision.reject &&
	       same_rule(a->decision.rule, b->decision.rule);
}

/* Also what no counter of the text shows. */
static uint64_t hits(const struct fw_ruleset *rules)
{
	uint64_t sum = 0;

	for (const struct fw_table *table = rules->tables; table; table = table->next)
		for (const struct fw_chain *chain = table->chains; chain; chain = chain->next) {
			sum = sum * 31 + fw_counted(&chain->policy_hits).packets;
			skipping += chain->index != NULL;
			for (const struct fw_rule *rule = chain->rules; rule; rule = rule->next)
				sum = (sum * 31 + fw_counted(&rule->hits).packets) * 31 +
				      fw_counted(&rule->hits).bytes;
		}
	return sum;
}

static char *list(const struct fw_ruleset *rules)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	fw_list(out, rules);
	fclose(out);
	return text;
}

static void finish(struct side *with, struct side *without)
{
	char *one = list(with->rules), *other = list(without->rules);

	CU_ASSERT_EQUAL(hits(with->rules), hits(without->rules));
	CU_ASSERT_STRING_EQUAL(one, other);
	free(one);
	free(other);
	fw_tracker_destroy(with->judge.tracker);
	fw_tracker_destroy(without->judge.tracker);
	fw_free(with->rules);
	fw_free(without->rules);
}

/* ---- tests ---- */

static void compare_text(const char *text, enum weir_acl_way acl)
{
	struct side with, without;
	uint32_t wrong = 0;

	open_side(&with, fw_load_text("rules", text, strlen(text), NULL), false);
	open_side(&without, fw_load_text("rules", text, strlen(text), NULL), true);
	CU_ASSERT_EQUAL(fw_index_build(with.rules, acl), 0);
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint8_t packet[256];
		uint32_t length = below(3) ? make_v4(packet) : make_v6(packet);

		judge(&with, packet, length, WEIR_LINK_RAW);
		judge(&without, packet, length, WEIR_LINK_RAW);
		wrong += !same(&with, &without);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	finish(&with, &without);
}

static void test_random(void)
{
	const char *files = getenv("FW_INDEX_FILES");
	uint64_t first = random_begin(getenv("FW_SEED"));
	uint32_t count = files ? (uint32_t)strtoul(files, NULL, 10) : 20;
	uint32_t failures = CU_get_number_of_failures();

	for (uint32_t i = 0; i < count; i++) {
		char *text;

		random_seed(first + i);
		text = random_rules();
		compare_text(text, i % 3 ? WEIR_ACL_BEST : WEIR_ACL_TUPLES);
		if (CU_get_number_of_failures() > failures) {
			fprintf(stderr, "FW_SEED=%llu\n", (unsigned long long)(first + i));
			free(text);
			return;
		}
		free(text);
	}
	CU_ASSERT(skipping > count);
	CU_ASSERT(accepted > count * 100);
	CU_ASSERT(dropped > count * 100);
}

static void compare_capture(const char *rules, const char *capture)
{
	struct weir_capture_reader *reader = weir_capture_open(capture);
	struct weir_capture_packet meta;
	struct side with, without;
	uint32_t read = 0;
	uint8_t *data;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	open_side(&with, fw_load_file(rules, NULL), false);
	open_side(&without, fw_load_file(rules, NULL), true);
	CU_ASSERT_EQUAL(fw_index_build(with.rules, WEIR_ACL_BEST), 0);
	for (; weir_capture_next(reader, &meta, &data) > 0; read++) {
		judge(&with, data, meta.length, meta.link_type);
		judge(&without, data, meta.length, meta.link_type);
		CU_ASSERT(same(&with, &without));
	}
	CU_ASSERT(read > 10);
	weir_capture_close(reader);
	finish(&with, &without);
}

static void test_captures(void)
{
	static const char *const files[] = {"tests/data/language.nft",
		"apps/weir-fw/rules/edge.nft", "apps/weir-fw/rules/home-router.nft",
		"apps/weir-fw/rules/server.nft", "apps/weir-fw/rules/stateless-server.nft"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", SOURCES, files[i]);
		compare_capture(path, SOURCES "/tests/data/sample.pcap");
		compare_capture(path, SOURCES "/tests/data/sample.pcapng");
	}
}

static void expect(
	const struct fw_packet *packet, struct fw_rule *from, uint32_t number, uint32_t said)
{
	uint32_t is = UINT32_MAX;
	const struct fw_rule *rule = fw_index_next(from->chain->index, packet, from, &is);

	CU_ASSERT_EQUAL(rule->number, number);
	CU_ASSERT_EQUAL(is, said);
}

/* It does leave out what cannot match, and nothing of what a packet has no part for. */
static void test_skips(void)
{
	char text[4096] = "table inet t { chain c {\n";
	struct fw_packet packet = {0};
	struct fw_ruleset *rules;
	struct fw_rule *first;
	uint8_t bytes[256];
	uint32_t said;

	for (uint32_t i = 0; i < 100; i++)
		sprintf(text + strlen(text), "tcp dport %u accept\n", i);
	strcat(text, "counter\nip6 daddr ::1 drop\n}\n}\n");
	rules = fw_load_text("rules", text, strlen(text), NULL);
	if (rules->error)
		fputs(rules->error, stderr);
	CU_ASSERT_PTR_NULL_FATAL(rules->error);
	CU_ASSERT_EQUAL(fw_index_build(rules, WEIR_ACL_BEST), 0);
	first = rules->tables->chains->rules;
	random_seed(1);
	make_v4(bytes);
	bytes[9] = 6;
	put(bytes + 2, 60, 2);
	put(bytes + 6, 0, 2);
	put(bytes + 22, 57, 2);
	fw_packet_read(&packet, bytes, 60, WEIR_LINK_RAW);
	expect(&packet, first, 58, 1);
	expect(&packet, first->next->next, 58, 1);
	first = fw_index_next(first->chain->index, &packet, first, &said)->next;
	expect(&packet, first, 101, 0);
	first = fw_index_next(first->chain->index, &packet, first, &said);
	CU_ASSERT_PTR_NULL(fw_index_next(first->chain->index, &packet, first->next, &said));
	/* a fragment has no ports */
	put(bytes + 6, 0x10, 2);
	fw_packet_read(&packet, bytes, 60, WEIR_LINK_RAW);
	expect(&packet, rules->tables->chains->rules, 1, 0);
	fw_free(rules);
}

/* How many matches need not be asked again once an index has found the rule. */
static void test_said(void)
{
	static const struct {
		const char *rule;
		uint32_t said;
	} those[] = {{"ip saddr 10.0.0.0/8 ip daddr 10.1.2.3 tcp dport 80", 3},
		{"ip saddr 10.0.0.0-10.0.0.255 udp sport 5-9 meta mark 1", 2},
		{"ip saddr 10.0.0.1-10.0.0.6 tcp dport 80", 0}, {"ip saddr 10.0.0.0-10.1.0.255", 0},
		{"ip saddr & 255.0.0.255 == 10.0.0.1", 0},
		{"tcp dport 1-5 ip saddr != 1.2.3.4 tcp sport 1", 1}, {"tcp dport { 1, 2 }", 0},
		{"tcp dport > 5", 0}, {"meta mark 1 tcp dport 5", 0},
		{"meta l4proto tcp tcp dport 5 counter tcp sport 7", 2},
		{"th dport 5 meta l4proto udp", 2}, {"tcp dport 5 tcp dport 6", 1},
		{"ip protocol gre tcp dport 22", 1}, {"ip protocol tcp ip saddr 1.2.3.4", 2},
		{"ip ttl 1 ip saddr 1.2.3.4", 0}, {"ip saddr . tcp dport { 1.2.3.4 . 5 }", 0}};

	for (size_t i = 0; i < sizeof(those) / sizeof(*those); i++) {
		struct fw_bounds bounds;
		struct fw_ruleset *rules;
		char text[256];
		int length = snprintf(text, sizeof(text),
			"table inet t {\nchain c {\n%s accept\n}\n}\n", those[i].rule);

		rules = fw_load_text("rules", text, (size_t)length, NULL);
		if (rules->error)
			fputs(rules->error, stderr);
		CU_ASSERT_PTR_NULL_FATAL(rules->error);
		CU_ASSERT(fw_bounds_of(rules->tables->chains->rules, FW_IP, &bounds));
		CU_ASSERT_EQUAL(bounds.said, those[i].said);
		if (bounds.said != those[i].said)
			fprintf(stderr, "%s: %u\n", those[i].rule, bounds.said);
		fw_free(rules);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {{"skips", test_skips}, {"said", test_said},
		{"random", test_random}, {"captures", test_captures}, CU_TEST_INFO_NULL};

	return unit_run("fw index", tests);
}
