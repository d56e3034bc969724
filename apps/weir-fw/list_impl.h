/* SPDX-License-Identifier: BSD-3-Clause */
/* list_impl.h: pieces of rules as text, for the files that print them. */
#ifndef FW_LIST_IMPL_H
#define FW_LIST_IMPL_H

#include "apps/weir-fw/fw.h"

/* list.c */
void fw_list_verdict(FILE *out, const struct fw_verdict *verdict);
void fw_list_counter(FILE *out, const struct fw_tally *tally);

/* list_match.c: "tcp dport 22"; and with a word between, "tcp dport map { 22 : 1 }". */
void fw_list_match(FILE *out, const struct fw_match *match);
void fw_list_map(FILE *out, const char *word, const struct fw_match *match);

/* list_elements.c: "{ 22, 80 }". */
void fw_list_elements(FILE *out, const struct fw_set *set);

#endif
