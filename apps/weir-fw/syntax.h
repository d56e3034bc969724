/* SPDX-License-Identifier: BSD-3-Clause */
/* syntax.h: the text of rules as a tree, and what parser and checks share. */
#ifndef FW_SYNTAX_H
#define FW_SYNTAX_H

#include "apps/weir-fw/fw.h"

enum fw_node_kind {
	/* values */
	FW_NODE_WORD,
	FW_NODE_ATOM, /* a number or an address */
	FW_NODE_STRING,
	FW_NODE_SETREF,   /* @name */
	FW_NODE_VARIABLE, /* a: what it was defined as */
	FW_NODE_ANY,      /* * */
	FW_NODE_RANGE,    /* a - b */
	FW_NODE_PREFIX,   /* a / b */
	FW_NODE_OR,       /* a | b */
	FW_NODE_CONCAT,   /* list */
	FW_NODE_LIST,     /* list: a, b, c */
	FW_NODE_SET,      /* list of elements */
	FW_NODE_ELEMENT,  /* a: key, b: data of a map; text: comment; packets, bytes */
	FW_NODE_VERDICT,  /* op: its kind; text: the chain */
	FW_NODE_FIELD,
	/* statements */
	FW_NODE_MATCH, /* list: fields; op, packets: not written; b: mask; a: right side */
	FW_NODE_VMAP,  /* list: fields; a: set */
	FW_NODE_COUNTER,
	FW_NODE_LIMIT, /* op: over; packets: rate, text: unit of it; b: burst; more: per what */
	FW_NODE_LOG,   /* list of arguments: text and a */
	FW_NODE_ARGUMENT,
	FW_NODE_REJECT, /* text: kind, a: code */
	/* text: kind; more: family; op: a prefix; a: addresses, or c: fields of a map, a: map;
	 * b: ports; list: flags */
	FW_NODE_NAT,
	FW_NODE_ASSIGN,  /* list: the field; a: value; or c: fields of a map, b: map */
	FW_NODE_REFUSED, /* text: a statement that is not there */
};

struct fw_node {
	enum fw_node_kind kind;
	int op;
	struct fw_where where;
	const char *text, *more;
	const struct fw_field *field;
	struct fw_node *a, *b, *c, *list, *next, *last;
	uint64_t packets, bytes;
};

/* A name that stands for something, from its definition to the end of the block. */
struct fw_define {
	struct fw_define *next;
	const char *name;
	struct fw_node *value; /* NULL: undefined again */
};

/* More than anybody nests on purpose: a file that includes itself ends there. */
#define FW_INCLUDES 16
/* Parentheses and elements of a tree are built by recursion. */
#define FW_SCOPES 8

struct fw_parser {
	struct fw_ruleset *rules;
	struct fw_arena *arena;
	const char *const *folders;
	void *scanner;
	struct fw_source *sources[FW_INCLUDES];
	struct fw_where resume[FW_INCLUDES]; /* where the including file goes on */
	void *buffers[FW_INCLUDES];
	uint32_t depth;
	uint32_t line, column;
	bool ended; /* the newline in front of the end of a file was given */
	struct fw_define *defines, *marks[FW_SCOPES];
	uint32_t scope;
	struct fw_table *table;
	struct fw_chain *chain;
	struct fw_set *set;
};

/* Keep an error, the first one only; false. With the text and a mark below it. */
bool fw_error(struct fw_ruleset *rules, struct fw_where where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The text there, in quotes. */
void fw_where_text(const struct fw_where *where, char *text, size_t size);

/* parser: the whole text; false with an error. */
bool fw_parse(struct fw_parser *parser);

/* scanner */
bool fw_scanner_open(struct fw_parser *parser);
void fw_scanner_close(struct fw_parser *parser);
bool fw_scanner_push(struct fw_parser *parser, struct fw_source *source);

/* source.c: a file as text, NULL with errno; include what a pattern names. */
struct fw_source *fw_source_read(struct fw_arena *arena, const char *path);
bool fw_include(struct fw_parser *parser, struct fw_where where, const char *pattern);

/* tree.c: what the grammar builds. Those of type bool and pointer are false and NULL with an error.
 */
struct fw_node *fw_node(
	struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where, const char *text);
struct fw_node *fw_pair(struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where,
	struct fw_node *a, struct fw_node *b);
struct fw_node *fw_append(struct fw_node *list, struct fw_node *item);
struct fw_node *fw_list_of(struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where,
	struct fw_node *item);
/* A list of that kind, which node is or begins, with one more item. */
struct fw_node *fw_join(struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where,
	struct fw_node *node, struct fw_node *item);
void fw_scope_open(struct fw_parser *parser);
void fw_scope_close(struct fw_parser *parser);
bool fw_define(struct fw_parser *parser, struct fw_where where, const char *name,
	struct fw_node *value, bool again);
struct fw_node *fw_variable(struct fw_parser *parser, struct fw_where where, const char *name);
struct fw_node *fw_field_node(
	struct fw_parser *parser, struct fw_where where, const char *header, const char *name);

/* tree_statement.c: statements, of nodes that are there. */
struct fw_node *fw_turn(struct fw_node *node, enum fw_node_kind kind, struct fw_where where);
struct fw_node *fw_compare(struct fw_node *fields, struct fw_where where, enum fw_op op,
	struct fw_node *mask, struct fw_node *value);
struct fw_node *fw_nat(struct fw_node *to, struct fw_where where, const char *kind,
	const char *family, bool prefix);
/* The rate of a limit: 10 / second, 10 mbytes / second, or as a word 10 mbytes/second. */
struct fw_node *fw_rate(struct fw_parser *parser, struct fw_where where, uint64_t number,
	const char *unit, const char *time);
struct fw_node *fw_rate_of_word(
	struct fw_parser *parser, struct fw_where where, uint64_t number, const char *word);

/* objects.c */
bool fw_table_open(
	struct fw_parser *parser, struct fw_where where, const char *family, const char *name);
bool fw_table_find(
	struct fw_parser *parser, struct fw_where where, const char *family, const char *name);
void fw_table_delete(struct fw_parser *parser, bool chains_stay);
bool fw_chain_open(struct fw_parser *parser, struct fw_where where, const char *name);
bool fw_chain_find(struct fw_parser *parser, struct fw_where where, const char *name);
bool fw_chain_hook(
	struct fw_parser *parser, struct fw_where where, const char *type, const char *hook);
bool fw_chain_priority(struct fw_parser *parser, struct fw_where where, struct fw_node *base,
	int sign, struct fw_node *offset);
bool fw_chain_policy(struct fw_parser *parser, struct fw_where where, enum fw_verdict_kind policy);
bool fw_rule_add(struct fw_parser *parser, struct fw_where where, struct fw_node *tree,
	const char *comment, bool first);
bool fw_set_open(struct fw_parser *parser, struct fw_where where, const char *name, bool map);
bool fw_set_find_named(struct fw_parser *parser, struct fw_where where, const char *name);
bool fw_set_type(struct fw_parser *parser, struct fw_node *names, struct fw_node *data);
bool fw_set_typeof(struct fw_parser *parser, struct fw_node *fields, struct fw_node *data);
bool fw_set_flags(struct fw_parser *parser, const struct fw_node *words);
bool fw_set_elements(struct fw_parser *parser, struct fw_node *elements);

/* elements.c: fill a set from nodes of elements, which may name sets of elements. */
bool fw_set_add(struct fw_ruleset *rules, struct fw_set *set, struct fw_node *elements);
/* sets.c: put them in order. */
bool fw_set_finish(struct fw_ruleset *rules, struct fw_set *set);
void fw_set_shape(struct fw_set *set);

/* check.c: trees of rules become statements, and chains are found. */
bool fw_check(struct fw_ruleset *rules);
/* jumps.c: follow the verdicts of a chain, and note what is behind them. */
bool fw_follow(struct fw_ruleset *rules, struct fw_chain *chain);
/* statement.c */
bool fw_compile_rule(struct fw_ruleset *rules, struct fw_rule *rule);
/* match.c */
struct fw_context;
bool fw_compile_match(
	struct fw_context *context, struct fw_node *tree, struct fw_statement *statement);
bool fw_compile_map(struct fw_context *context, struct fw_node *fields, struct fw_node *set,
	const struct fw_type *data, struct fw_match *match);

/* statement_limit.c, statement_log.c, translate.c */
bool fw_compile_limit(struct fw_context *context, struct fw_node *tree);
bool fw_compile_log(struct fw_context *context, struct fw_node *tree);
bool fw_compile_nat(struct fw_context *context, struct fw_node *tree);
void fw_list_nat(FILE *out, const struct fw_nat *nat);

#define FW_STATEMENTS 64

/* A rule while it is compiled: what is known of the packets that get so far. */
struct fw_context {
	struct fw_ruleset *rules;
	struct fw_rule *rule;
	struct fw_statement statements[FW_STATEMENTS];
	uint32_t count;
	int family;   /* FW_IP, FW_IP6, or 0: either */
	int protocol; /* of the transport; -1: any */
	bool ended;   /* by a verdict */
};
struct fw_statement *fw_statement_add(
	struct fw_context *context, enum fw_statement_kind kind, struct fw_where where);

#endif
