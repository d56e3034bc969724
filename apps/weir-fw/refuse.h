/* SPDX-License-Identifier: BSD-3-Clause */
/* refuse.h: what the grammar says of text that it does not take. */
#ifndef FW_REFUSE_H
#define FW_REFUSE_H

#include "apps/weir-fw/syntax.h"

/* A word where a command, an object of a table, or a statement of a rule begins. */
void fw_refuse_command(struct fw_parser *parser, struct fw_where where, const char *word);
void fw_refuse_object(struct fw_parser *parser, struct fw_where where, const char *word);
void fw_refuse_statement(struct fw_parser *parser, struct fw_where where, const char *word);

/* Anything else: what stands there, and up to count names of what may. */
void fw_error_syntax(struct fw_parser *parser, struct fw_where where, bool at_end,
	const char *const *expected, int count);

/* A plain number of the grammar itself, as in a rate. */
bool fw_number(struct fw_parser *parser, struct fw_where where, const char *text, uint64_t *number);

#endif
