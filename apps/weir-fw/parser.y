/* SPDX-License-Identifier: BSD-3-Clause */
/* parser.y: the grammar of the rule files: a subset of nft's (docs/firewall.md). What it reads it
 * hands to tree.c, tree_statement.c and objects.c; what stands there but is not known is refused by its name. */
%define api.pure full
%define api.prefix {fw_yy}
%define api.location.type {struct fw_where}
%define parse.error custom
%locations
%param {struct fw_parser *parser}
%expect 0
%initial-action { @$ = (struct fw_where){.source = parser->sources[0], .line = 1, .column = 1}; }

%code requires {
#include "apps/weir-fw/syntax.h"
}

%union {
	const char *text;
	struct fw_node *node;
	uint64_t number;
	int op;
	struct {
		uint64_t packets, bytes;
	} count;
}

%code {
#include "apps/weir-fw/refuse.h"

#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wswitch-default"

/* A rule spans from its first word to its last, on its first line. */
#define YYLLOC_DEFAULT(Current, Rhs, N)                                             \
	do {                                                                        \
		if (N) {                                                            \
			(Current) = YYRHSLOC(Rhs, 1);                               \
			if (YYRHSLOC(Rhs, N).source == (Current).source &&          \
				YYRHSLOC(Rhs, N).line == (Current).line)            \
				(Current).length = YYRHSLOC(Rhs, N).column +        \
					YYRHSLOC(Rhs, N).length - (Current).column; \
		} else {                                                            \
			(Current) = YYRHSLOC(Rhs, 0);                               \
			(Current).column += (Current).length;                       \
			(Current).length = 0;                                       \
		}                                                                   \
	} while (0)

#define CHECK(call)              \
	do {                     \
		if (!(call))     \
			YYABORT; \
	} while (0)
#define NODE(kind, where, text) fw_node(parser, FW_NODE_##kind, where, text)

static int fw_yylex(FW_YYSTYPE *value, FW_YYLTYPE *where, struct fw_parser *parser);
static void fw_yyerror(FW_YYLTYPE *where, struct fw_parser *parser, const char *message);
}

%token YYEOF 0 "end of file"
%token NEWLINE "end of line"
%token <text> WORD "a name"
%token <text> ATOM "a number or address"
%token <text> STRING "a quoted text"
%token <text> VARIABLE "a variable"
%token <text> SETREF "a set"
%token <text> HEADER "a protocol"
%token <text> UNMETA "an interface or mark"
%token <text> FAMILY "a family"
%token <text> LOGOPTION "an option of log"
%token <text> OTHER "a character"
%token <text> NAT "snat or dnat" HOSTNAT "masquerade or redirect" NATFLAG "random or persistent"
%token <text> TYPE "type" FLAGS "flags" SIZE "size" BYTES "bytes" PACKETS "packets"
%token <text> LIMIT "limit" COUNTER "counter"
%token ACCEPT "accept" DROP "drop" CONTINUE "continue" RETURN "return" JUMP "jump" GOTO "goto"
%token ADD "add" INSERT "insert" DELETE "delete" FLUSH "flush" TABLE "table" CHAIN "chain"
%token RULE "rule" SET "set" MAP "map" ELEMENT "element" ELEMENTS "elements" RULESET "ruleset"
%token DEFINE "define" REDEFINE "redefine" UNDEFINE "undefine" INCLUDE "include"
%token HOOK "hook" PRIORITY "priority" POLICY "policy" COMMENT "comment" TYPEOF "typeof"
%token AUTOMERGE "auto-merge" VMAP "vmap" LOG "log" REJECT "reject" WITH "with" RATE "rate"
%token OVER "over" BURST "burst" TO "to"
%token EQ "==" NE "!=" LE "<=" GE ">="

%type <text> name unit quoted opt_comment
%type <node> init concat item or_value value rhs list set elements element key data verdict fields
%type <node> field rule statement match arguments argument argument_value assigned set_ref words types
%type <op> op verdict_word
%type <number> number over
%type <count> opt_count
%type <node> rate opt_burst reject_with priority_word nat nat_flags nat_range nat_value nat_to

%%

input
	: %empty
	| input line
	;

line
	: sep
	| common
	| table '{' { fw_scope_open(parser); } table_block '}' { fw_scope_close(parser); } sep
	| table sep
	| ADD table sep
	| ADD table '{' { fw_scope_open(parser); } table_block '}' { fw_scope_close(parser); } sep
	| ADD CHAIN in_table name { CHECK(fw_chain_open(parser, @4, $4)); } chain_braces sep
	| ADD RULE in_chain rule opt_comment sep {
		CHECK(fw_rule_add(parser, @4, $4, $5, false));
	}
	| INSERT RULE in_chain rule opt_comment sep {
		CHECK(fw_rule_add(parser, @4, $4, $5, true));
	}
	| ADD SET in_table name { CHECK(fw_set_open(parser, @4, $4, false)); } '{' set_block '}' sep
	| ADD MAP in_table name { CHECK(fw_set_open(parser, @4, $4, true)); } '{' set_block '}' sep
	| ADD ELEMENT in_table name {
		CHECK(fw_set_find_named(parser, @4, $4));
	} set sep { CHECK(fw_set_elements(parser, $6)); }
	| FLUSH RULESET sep { parser->table = NULL; fw_table_delete(parser, false); }
	| FLUSH TABLE in_table sep { fw_table_delete(parser, true); }
	| DELETE TABLE in_table sep { fw_table_delete(parser, false); }
	| WORD { fw_refuse_command(parser, @1, $1); YYABORT; }
	;

sep
	: NEWLINE
	| ';'
	;

nls
	: %empty
	| nls NEWLINE
	;

common
	: INCLUDE STRING sep { CHECK(fw_include(parser, @2, $2)); }
	| DEFINE name '=' init sep { CHECK(fw_define(parser, @2, $2, $4, false)); }
	| REDEFINE name '=' init sep { CHECK(fw_define(parser, @2, $2, $4, true)); }
	| UNDEFINE name sep { CHECK(fw_define(parser, @2, $2, NULL, true)); }
	;

init
	: list
	| '-' ATOM { $$ = fw_pair(parser, FW_NODE_RANGE, @$, NULL, NODE(ATOM, @2, $2)); }
	| set
	;

name
	: WORD
	;

table
	: TABLE FAMILY name { CHECK(fw_table_open(parser, @2, $2, $3)); }
	| TABLE HEADER name { CHECK(fw_table_open(parser, @2, $2, $3)); }
	| TABLE name { CHECK(fw_table_open(parser, @2, "ip", $2)); }
	;

in_table
	: FAMILY name { CHECK(fw_table_find(parser, @2, $1, $2)); }
	| HEADER name { CHECK(fw_table_find(parser, @2, $1, $2)); }
	| name { CHECK(fw_table_find(parser, @1, "ip", $1)); }
	;

in_chain
	: in_table name { CHECK(fw_chain_find(parser, @2, $2)); }
	;

table_block
	: %empty
	| table_block sep
	| table_block common
	| table_block COMMENT quoted sep { parser->table->comment = $3; }
	| table_block CHAIN name { CHECK(fw_chain_open(parser, @3, $3)); } '{' {
		fw_scope_open(parser);
	} chain_block '}' { fw_scope_close(parser); } sep
	| table_block SET name { CHECK(fw_set_open(parser, @3, $3, false)); } '{' set_block '}' sep
	| table_block MAP name { CHECK(fw_set_open(parser, @3, $3, true)); } '{' set_block '}' sep
	| table_block object { YYABORT; }
	;

object
	: WORD { fw_refuse_object(parser, @1, $1); }
	| COUNTER { fw_refuse_object(parser, @1, $1); }
	| LIMIT { fw_refuse_object(parser, @1, $1); }
	| FLAGS { fw_refuse_object(parser, @1, $1); }
	| HEADER { fw_refuse_object(parser, @1, $1); }
	;

chain_braces
	: %empty
	| '{' chain_block '}'
	;

chain_block
	: %empty
	| chain_block sep
	| chain_block common
	| chain_block COMMENT quoted sep { parser->chain->comment = $3; }
	| chain_block hook sep
	| chain_block POLICY verdict_word sep {
		CHECK(fw_chain_policy(parser, @3, $3));
	}
	| chain_block rule opt_comment sep { CHECK(fw_rule_add(parser, @2, $2, $3, false)); }
	;

hook
	: TYPE WORD HOOK WORD { CHECK(fw_chain_hook(parser, @4, $2, $4)); } PRIORITY priority
	| TYPE WORD HOOK WORD WORD { fw_refuse_object(parser, @5, $5); YYABORT; }
	;

priority
	: priority_word { CHECK(fw_chain_priority(parser, @1, $1, 0, NULL)); }
	| '-' ATOM { CHECK(fw_chain_priority(parser, @$, NULL, -1, NODE(ATOM, @2, $2))); }
	| WORD '+' ATOM {
		CHECK(fw_chain_priority(parser, @$, NODE(WORD, @1, $1), 1, NODE(ATOM, @3, $3)));
	}
	| WORD '-' ATOM {
		CHECK(fw_chain_priority(parser, @$, NODE(WORD, @1, $1), -1, NODE(ATOM, @3, $3)));
	}
	;

priority_word
	: WORD { $$ = NODE(WORD, @1, $1); }
	| ATOM { $$ = NODE(ATOM, @1, $1); }
	| VARIABLE { CHECK($$ = fw_variable(parser, @1, $1)); }
	;

set_block
	: %empty
	| set_block sep
	| set_block COMMENT quoted sep { parser->set->comment = $3; }
	| set_block TYPE types sep { CHECK(fw_set_type(parser, $3, NULL)); }
	| set_block TYPE types ':' types sep { CHECK(fw_set_type(parser, $3, $5)); }
	| set_block TYPEOF fields sep { CHECK(fw_set_typeof(parser, $3, NULL)); }
	| set_block TYPEOF fields ':' fields sep { CHECK(fw_set_typeof(parser, $3, $5)); }
	| set_block TYPEOF fields ':' WORD sep {
		CHECK(fw_set_typeof(parser, $3,
			fw_list_of(parser, FW_NODE_CONCAT, @5, NODE(WORD, @5, $5))));
	}
	| set_block FLAGS words sep { CHECK(fw_set_flags(parser, $3->list)); }
	| set_block SIZE number sep { parser->set->size = $3 > UINT32_MAX ? UINT32_MAX : $3; }
	| set_block COUNTER sep { parser->set->counted = true; }
	| set_block AUTOMERGE { parser->set->auto_merge = true; }
	| set_block ELEMENTS '=' set { CHECK(fw_set_elements(parser, $4)); }
	| set_block ELEMENTS '=' VARIABLE sep {
		struct fw_node *value = fw_variable(parser, @4, $4);

		CHECK(value);
		CHECK(fw_set_elements(parser, value));
	}
	| set_block WORD { fw_refuse_object(parser, @2, $2); YYABORT; }
	;

types
	: WORD { $$ = fw_list_of(parser, FW_NODE_CONCAT, @1, NODE(WORD, @1, $1)); }
	| UNMETA { $$ = fw_list_of(parser, FW_NODE_CONCAT, @1, NODE(WORD, @1, $1)); }
	| types '.' WORD { $$ = fw_append($1, NODE(WORD, @3, $3)); }
	| types '.' UNMETA { $$ = fw_append($1, NODE(WORD, @3, $3)); }
	;

words
	: WORD { $$ = fw_list_of(parser, FW_NODE_LIST, @1, NODE(WORD, @1, $1)); }
	| words ',' WORD { $$ = fw_append($1, NODE(WORD, @3, $3)); }
	;

rule
	: statement { $$ = fw_list_of(parser, FW_NODE_LIST, @1, $1); }
	| rule statement { $$ = fw_append($1, $2); }
	;

opt_comment
	: %empty { $$ = NULL; }
	| COMMENT quoted { $$ = $2; }
	;

quoted
	: STRING
	| WORD
	;

statement
	: verdict
	| match
	| COUNTER opt_count {
		$$ = NODE(COUNTER, @$, NULL);
		$$->packets = $2.packets;
		$$->bytes = $2.bytes;
	}
	| LOG arguments { $$ = $2; $$->where = @$; }
	| LIMIT RATE over rate opt_burst { $$ = $4; $$->op = (int)$3; $$->b = $5; $$->where = @$; }
	| REJECT { $$ = NODE(REJECT, @1, NULL); }
	| REJECT WITH reject_with { $$ = $3; $$->where = @$; }
	| nat
	| nat nat_flags { $$ = $1; $$->list = $2->list; $$->where = @$; }
	| fields SET assigned { $$ = fw_turn($1, FW_NODE_ASSIGN, @$); $$->a = $3; }
	| fields SET fields MAP set_ref {
		$$ = fw_turn($1, FW_NODE_ASSIGN, @$);
		$$->c = $3;
		$$->b = $5;
	}
	| WORD { fw_refuse_statement(parser, @1, $1); YYABORT; }
	| SETREF { fw_refuse_statement(parser, @1, "@"); YYABORT; }
	| ADD { fw_refuse_statement(parser, @1, "add"); YYABORT; }
	| DELETE { fw_refuse_statement(parser, @1, "delete"); YYABORT; }
	| OTHER { fw_refuse_statement(parser, @1, $1); YYABORT; }
	;

nat
	: HOSTNAT { $$ = NODE(NAT, @$, $1); }
	| HOSTNAT TO nat_to { $$ = fw_nat($3, @$, $1, NULL, false); }
	| NAT TO nat_to { $$ = fw_nat($3, @$, $1, NULL, false); }
	| NAT HEADER TO nat_to { $$ = fw_nat($4, @$, $1, $2, false); }
	| NAT prefix TO nat_to { $$ = fw_nat($4, @$, $1, NULL, true); }
	| NAT HEADER prefix TO nat_to { $$ = fw_nat($5, @$, $1, $2, true); }
	;

prefix
	: LOGOPTION {
		if (strcmp($1, "prefix") != 0) {
			fw_refuse_statement(parser, @1, $1);
			YYABORT;
		}
	}
	;

nat_to
	: nat_range { $$ = fw_pair(parser, FW_NODE_NAT, @$, $1, NULL); }
	| nat_range ':' nat_range { $$ = fw_pair(parser, FW_NODE_NAT, @$, $1, $3); }
	| ':' nat_range { $$ = fw_pair(parser, FW_NODE_NAT, @$, NULL, $2); }
	| '[' value ']' { $$ = fw_pair(parser, FW_NODE_NAT, @$, $2, NULL); }
	| '[' value ']' ':' nat_range { $$ = fw_pair(parser, FW_NODE_NAT, @$, $2, $5); }
	| fields MAP set_ref { $$ = fw_pair(parser, FW_NODE_NAT, @$, $3, NULL); $$->c = $1; }
	| fields MAP set_ref ':' nat_range {
		$$ = fw_pair(parser, FW_NODE_NAT, @$, $3, $5);
		$$->c = $1;
	}
	;

nat_range
	: nat_value
	| nat_value '-' nat_value { $$ = fw_pair(parser, FW_NODE_RANGE, @$, $1, $3); }
	| nat_value '/' nat_value { $$ = fw_pair(parser, FW_NODE_PREFIX, @$, $1, $3); }
	;

nat_value
	: ATOM { $$ = NODE(ATOM, @1, $1); }
	| WORD { $$ = NODE(WORD, @1, $1); }
	| STRING { $$ = NODE(STRING, @1, $1); }
	| VARIABLE { CHECK($$ = fw_variable(parser, @1, $1)); }
	;

nat_flags
	: NATFLAG { $$ = fw_list_of(parser, FW_NODE_LIST, @1, NODE(WORD, @1, $1)); }
	| nat_flags ',' NATFLAG { $$ = fw_append($1, NODE(WORD, @3, $3)); }
	;

assigned
	: ATOM { $$ = NODE(ATOM, @1, $1); }
	| WORD { $$ = NODE(WORD, @1, $1); }
	| VARIABLE { CHECK($$ = fw_variable(parser, @1, $1)); }
	;

opt_count
	: %empty { $$.packets = $$.bytes = 0; }
	| PACKETS number BYTES number { $$.packets = $2; $$.bytes = $4; }
	;

arguments
	: %empty { $$ = NODE(LOG, @$, NULL); }
	| arguments argument { $$ = fw_append($1, $2); }
	;

argument
	: LOGOPTION argument_value { $$ = NODE(ARGUMENT, @$, $1); $$->a = $2; }
	| FLAGS { fw_refuse_statement(parser, @1, "log flags"); YYABORT; }
	;

argument_value
	: WORD { $$ = NODE(WORD, @1, $1); }
	| ATOM { $$ = NODE(ATOM, @1, $1); }
	| STRING { $$ = NODE(STRING, @1, $1); }
	;

rate
	: number '/' WORD { $$ = fw_rate(parser, @$, $1, NULL, $3); }
	| number unit '/' WORD { $$ = fw_rate(parser, @$, $1, $2, $4); }
	| number WORD { $$ = fw_rate_of_word(parser, @$, $1, $2); }
	;

over
	: %empty { $$ = 0; }
	| OVER { $$ = 1; }
	;

opt_burst
	: %empty { $$ = NULL; }
	| BURST number unit { $$ = NODE(ATOM, @$, $3); $$->packets = $2; }
	;

unit
	: WORD
	| BYTES
	| PACKETS
	;

number
	: ATOM { CHECK(fw_number(parser, @1, $1, &$$)); }
	;

reject_with
	: HEADER TYPE value { $$ = NODE(REJECT, @1, $1); $$->a = $3; }
	| HEADER value { $$ = NODE(REJECT, @1, $1); $$->a = $2; }
	| WORD TYPE value { $$ = NODE(REJECT, @1, $1); $$->a = $3; }
	| WORD value { $$ = NODE(REJECT, @1, $1); $$->a = $2; }
	;

match
	: fields rhs { $$ = fw_compare($1, @$, FW_EQ, NULL, $2); $$->packets = 1; }
	| fields op rhs { $$ = fw_compare($1, @$, $2, NULL, $3); }
	| fields '!' rhs { $$ = fw_compare($1, @$, FW_NO_BITS, NULL, $3); }
	| fields '&' or_value op rhs { $$ = fw_compare($1, @$, $4, $3, $5); }
	| fields VMAP set_ref { $$ = fw_turn($1, FW_NODE_VMAP, @$); $$->a = $3; }
	;

op
	: EQ { $$ = FW_EQ; }
	| NE { $$ = FW_NE; }
	| '<' { $$ = FW_LT; }
	| '>' { $$ = FW_GT; }
	| LE { $$ = FW_LE; }
	| GE { $$ = FW_GE; }
	;

fields
	: field { $$ = fw_list_of(parser, FW_NODE_MATCH, @1, $1); }
	| fields '.' field { $$ = fw_append($1, $3); $$->where = @$; }
	;

field
	: HEADER WORD { CHECK($$ = fw_field_node(parser, @$, $1, $2)); }
	| HEADER TYPE { CHECK($$ = fw_field_node(parser, @$, $1, "type")); }
	| HEADER FLAGS { CHECK($$ = fw_field_node(parser, @$, $1, "flags")); }
	| HEADER UNMETA { CHECK($$ = fw_field_node(parser, @$, $1, $2)); }
	| HEADER HEADER { CHECK($$ = fw_field_node(parser, @$, $1, $2)); }
	| HEADER LOGOPTION { CHECK($$ = fw_field_node(parser, @$, $1, $2)); }
	| HEADER BYTES { CHECK($$ = fw_field_node(parser, @$, $1, "bytes")); }
	| HEADER PACKETS { CHECK($$ = fw_field_node(parser, @$, $1, "packets")); }
	| HEADER PRIORITY { CHECK($$ = fw_field_node(parser, @$, $1, "priority")); }
	| HEADER SIZE { CHECK($$ = fw_field_node(parser, @$, $1, "size")); }
	| UNMETA { CHECK($$ = fw_field_node(parser, @$, "meta", $1)); }
	;

rhs
	: list
	| set
	| SETREF { $$ = NODE(SETREF, @1, $1); }
	;

set_ref
	: set
	| SETREF { $$ = NODE(SETREF, @1, $1); }
	| VARIABLE { CHECK($$ = fw_variable(parser, @1, $1)); }
	;

list
	: concat
	| list ',' concat { $$ = fw_join(parser, FW_NODE_LIST, @$, $1, $3); }
	;

concat
	: item
	| concat '.' item { $$ = fw_join(parser, FW_NODE_CONCAT, @$, $1, $3); }
	;

item
	: or_value
	| or_value '-' or_value { $$ = fw_pair(parser, FW_NODE_RANGE, @$, $1, $3); }
	| or_value '/' or_value { $$ = fw_pair(parser, FW_NODE_PREFIX, @$, $1, $3); }
	;

or_value
	: value
	| or_value '|' value { $$ = fw_pair(parser, FW_NODE_OR, @$, $1, $3); }
	;

value
	: ATOM { $$ = NODE(ATOM, @1, $1); }
	| WORD { $$ = NODE(WORD, @1, $1); }
	| STRING { $$ = NODE(STRING, @1, $1); }
	| HEADER { $$ = NODE(WORD, @1, $1); }
	| HOSTNAT { $$ = NODE(WORD, @1, $1); }
	| VARIABLE { CHECK($$ = fw_variable(parser, @1, $1)); }
	| '(' or_value ')' { $$ = $2; $$->where = @$; }
	;

set
	: '{' elements nls '}' { $$ = $2; $$->where = @$; }
	| '{' elements nls ',' nls '}' { $$ = $2; $$->where = @$; }
	| '{' nls '}' { $$ = NODE(SET, @$, NULL); }
	;

elements
	: nls element { $$ = fw_list_of(parser, FW_NODE_SET, @2, $2); }
	| elements nls ',' nls element { $$ = fw_append($1, $5); }
	;

element
	: key
	| key ':' data { $$ = $1; $$->b = $3; }
	;

key
	: concat { $$ = fw_pair(parser, FW_NODE_ELEMENT, @1, $1, NULL); }
	| '*' { $$ = fw_pair(parser, FW_NODE_ELEMENT, @1, NODE(ANY, @1, "*"), NULL); }
	| key COMMENT STRING { $$ = $1; $$->text = $3; }
	| key COUNTER opt_count { $$ = $1; $$->packets = $3.packets; $$->bytes = $3.bytes; }
	;

data
	: verdict
	| concat
	;

verdict
	: verdict_word { $$ = NODE(VERDICT, @1, NULL); $$->op = $1; }
	| JUMP name { $$ = NODE(VERDICT, @$, $2); $$->op = FW_JUMP; }
	| GOTO name { $$ = NODE(VERDICT, @$, $2); $$->op = FW_GOTO; }
	;

verdict_word
	: ACCEPT { $$ = FW_ACCEPT; }
	| DROP { $$ = FW_DROP; }
	| CONTINUE { $$ = FW_CONTINUE; }
	| RETURN { $$ = FW_RETURN; }
	;

%%

static int fw_yylex(FW_YYSTYPE *value, FW_YYLTYPE *where, struct fw_parser *parser)
{
	extern int fw_yyscan(FW_YYSTYPE *, FW_YYLTYPE *, void *);

	return fw_yyscan(value, where, parser->scanner);
}

static void fw_yyerror(FW_YYLTYPE *where, struct fw_parser *parser, const char *message)
{
	fw_error(parser->rules, *where, "%s", message);
}

#define EXPECTED 6

static int yyreport_syntax_error(const yypcontext_t *context, struct fw_parser *parser)
{
	yysymbol_kind_t expected[EXPECTED];
	int count = yypcontext_expected_tokens(context, expected, EXPECTED);
	const char *names[EXPECTED];

	for (int i = 0; i < count; i++)
		names[i] = yysymbol_name(expected[i]);
	fw_error_syntax(parser, *yypcontext_location(context),
		yypcontext_token(context) == YYSYMBOL_YYEOF, names, count > 0 ? count : 0);
	return 0;
}

bool fw_parse(struct fw_parser *parser)
{
	return fw_yyparse(parser) == 0 && !parser->rules->error;
}
