/* SPDX-License-Identifier: BSD-3-Clause */
/* fw.h: a rule set as it is judged by, and everything it is made of.
 *
 * Text becomes a tree of nodes (syntax.h), the tree a rule set (here), all in one arena that is
 * freed at once. Every value is bytes in network order, every constant a range of such bytes: a
 * single address is a range of one, a prefix and "eth*" are ranges, too. So one comparison does
 * for all types, and the order of bytes is the order of numbers.
 */
#ifndef FW_FW_H
#define FW_FW_H

#include "apps/weir-fw/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FW_FIELDS   5  /* of a concatenation, as nft has it */
#define FW_KEY      64 /* bytes of a key at most: NFT_REG32_COUNT registers of 4 */
#define FW_VALUE    16 /* bytes of one value at most: an IPv6 address, a name of an interface */
#define FW_JUMPS    16 /* chains in chains: NFT_JUMP_STACK_SIZE of the kernel */
#define FW_IFNAMSIZ 16

/* Memory that is freed at once. Never NULL: without memory the program ends. */
struct fw_arena;
struct fw_arena *fw_arena_create(void);
void fw_arena_destroy(struct fw_arena *arena);
void *fw_alloc(struct fw_arena *arena, size_t size); /* zeroed */
char *fw_copy(struct fw_arena *arena, const char *text, size_t length);

/* Where something stands in the text. */
struct fw_source {
	const char *name;
	const char *text;
	size_t length;
};
struct fw_where {
	const struct fw_source *source;
	uint32_t line, column, length;
};

enum fw_family {
	FW_INET = 0,
	FW_IP = 2, /* NFPROTO_IPV4 and NFPROTO_IPV6 */
	FW_IP6 = 10,
};
enum fw_hook {
	FW_PREROUTING,
	FW_INPUT,
	FW_FORWARD,
	FW_OUTPUT,
	FW_POSTROUTING,
	FW_HOOKS,
};

enum fw_verdict_kind {
	FW_CONTINUE,
	FW_ACCEPT,
	FW_DROP,
	FW_RETURN,
	FW_JUMP,
	FW_GOTO,
};
struct fw_verdict {
	enum fw_verdict_kind kind;
	const char *name; /* of the chain */
	struct fw_chain *chain;
};

/* Packets that a limit lets through: as nft_limit of the kernel, in nanoseconds of credit. All
 * threads that judge share it, under a lock. */
struct fw_limit {
	bool over, by_bytes;
	uint64_t rate, unit_s, burst;
	uint64_t most_ns;
	WEIR_ATOMIC(bool) locked; /* of what follows */
	bool started;
	uint64_t credit_ns, last_ns;
};

struct fw_element {
	const uint8_t *low, *high; /* key_size bytes each, inclusive, part by part */
	bool any;                  /* the element '*' */
	struct fw_verdict verdict;
	uint32_t data;
	const uint8_t *value; /* of a map to addresses: FW_VALUE bytes, and those of a port */
	const char *comment;
	struct fw_tally counter;
	struct fw_where where;
};

struct fw_set {
	struct fw_set *next;
	const char *name; /* NULL: anonymous */
	const char *comment;
	const struct fw_type *types[FW_FIELDS];
	const struct fw_field *fields[FW_FIELDS]; /* for typeof */
	uint8_t sizes[FW_FIELDS];
	uint32_t parts, key_size;
	const struct fw_type *data; /* of a map: mark, verdict or an address; else NULL */
	bool data_port;             /* the address has a port with it */
	bool interval, constant, counted, auto_merge, ranges;
	uint32_t size; /* 0: not given */
	struct fw_element *elements, *any;
	uint32_t count, room;
	struct fw_where where;
};

enum fw_op { FW_EQ, FW_NE, FW_LT, FW_GT, FW_LE, FW_GE, FW_SOME_BITS, FW_NO_BITS };

/* Fields of a packet, as one key, against a range or a set. */
struct fw_match {
	const struct fw_field *fields[FW_FIELDS];
	uint32_t parts, key_size;
	uint8_t family; /* only packets of FW_IP or FW_IP6; 0: both */
	enum fw_op op;
	bool masked;
	bool prefix; /* written as one, so printed as one */
	uint8_t mask[FW_VALUE];
	const uint8_t *low, *high;
	struct fw_set *set;
};

enum fw_reject {
	FW_REJECT_DEFAULT,
	FW_REJECT_TCP,
	FW_REJECT_ICMP,
	FW_REJECT_ICMPV6,
	FW_REJECT_ICMPX
};

/* Other addresses and ports for a connection, from a range of each. */
enum fw_nat_kind { FW_SNAT, FW_DNAT, FW_MASQUERADE, FW_REDIRECT };
struct fw_nat {
	enum fw_nat_kind kind;
	uint8_t family; /* FW_IP, FW_IP6; 0: any, there is no address */
	bool named;     /* the text must say which */
	bool has_address, has_ports, random, fully_random, persistent;
	bool prefix; /* only the bits that all of the range have in common change */
	bool single; /* one address, written as a prefix of all its bits, so printed as one */
	uint8_t low[FW_VALUE], high[FW_VALUE];
	uint16_t port_low, port_high;
	const struct fw_match *map; /* where addresses are, and ports if it has them; NULL: here */
};

enum fw_statement_kind {
	FW_STATEMENT_MATCH,
	FW_STATEMENT_MAP, /* verdict map */
	FW_STATEMENT_VERDICT,
	FW_STATEMENT_COUNTER,
	FW_STATEMENT_LIMIT,
	FW_STATEMENT_LOG,
	FW_STATEMENT_REJECT,
	FW_STATEMENT_MARK,
	FW_STATEMENT_NAT,
};
struct fw_statement {
	enum fw_statement_kind kind;
	struct fw_where where;
	union {
		struct fw_match match; /* MATCH, MAP, MARK from a map */
		struct fw_verdict verdict;
		struct fw_tally counter;
		struct fw_limit limit;
		struct {
			const char *prefix, *level;
			int32_t group; /* -1: none */
		} log;
		struct {
			enum fw_reject kind;
			uint8_t code;
		} reject;
		struct fw_nat nat;
	};
	uint32_t mark;
};

struct fw_rule {
	struct fw_rule *next;
	struct fw_chain *chain;
	struct fw_statement *statements;
	uint32_t count;
	uint32_t number; /* in its chain, from 1 */
	const char *comment;
	struct fw_where where;
	struct fw_node *tree;
	struct fw_tally hits; /* all its matches held */
	uint8_t open;         /* to any IPv4 (1) or IPv6 (2) packet, as far as an index knows */
	uint32_t said[2];     /* statements that an index of IPv4, or IPv6, has asked already */
};

struct fw_chain {
	struct fw_chain *next;
	struct fw_table *table;
	const char *name, *comment;
	bool base, policy_set;
	const char *type;
	enum fw_hook hook;
	int32_t priority;
	enum fw_verdict_kind policy;
	struct fw_rule *rules, **last;
	uint32_t count;
	const struct fw_index *index; /* of its rules; NULL: they are looked at one by one */
	struct fw_tally policy_hits;
	struct fw_where where;
	uint8_t visit;   /* while loops of jumps are looked for */
	uint32_t height; /* jumps that may follow one another from here */
	/* one of it, or of a chain it goes to; NULL: none */
	const struct fw_statement *rejects, *source_nat, *destination_nat;
};

struct fw_table {
	struct fw_table *next;
	enum fw_family family;
	const char *name, *comment;
	struct fw_set *sets, **last_set;
	struct fw_chain *chains, **last_chain;
	struct fw_where where;
};

struct fw_ruleset {
	struct fw_arena *arena;
	struct fw_table *tables, **last_table;
	struct fw_chain **hooks[FW_HOOKS]; /* base chains in the order of their priorities */
	uint32_t hook_counts[FW_HOOKS];
	/* those of type nat, and in front of which of the others addresses are translated */
	struct fw_chain **nats[FW_HOOKS];
	uint32_t nat_counts[FW_HOOKS], nat_at[FW_HOOKS];
	uint32_t rules, sets, elements;
	struct fw_tallies tallies;
	bool stateful;            /* some rule asks for ct, or for nat */
	bool nat, rejects;        /* some rule does this */
	struct fw_index *indexes; /* of chains: index.h */
	char *error;              /* of a rule set that did not load: lines of text; malloc'd */
};

/* Load rules from a file, or from memory under a name; includes are looked for in the folders,
 * which NULL ends. Never NULL: one with an error is not to be judged by. */
struct fw_ruleset *fw_load_file(const char *path, const char *const *folders);
struct fw_ruleset *fw_load_text(
	const char *name, const char *text, size_t length, const char *const *folders);
void fw_free(struct fw_ruleset *rules);

/* Print it as `nft list ruleset` does, with counters. */
void fw_list(FILE *out, const struct fw_ruleset *rules);
void fw_list_rule(FILE *out, const struct fw_rule *rule);
void fw_list_statement(FILE *out, const struct fw_statement *statement);

/* "inet filter forward rule 3", to text. */
void fw_rule_name(const struct fw_rule *rule, char *text, size_t size);

const char *fw_hook_name(enum fw_hook hook);
const char *fw_family_name(enum fw_family family);

/* The element of a set that a key is in, or NULL. */
struct fw_element *fw_set_find(const struct fw_set *set, const uint8_t *key);

#endif
