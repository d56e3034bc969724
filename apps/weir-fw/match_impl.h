/* SPDX-License-Identifier: BSD-3-Clause */
/* match_impl.h: the two sides of a match. */
#ifndef FW_MATCH_IMPL_H
#define FW_MATCH_IMPL_H

#include "apps/weir-fw/syntax.h"

/* match.c: a set in braces or by its name; with data of this type, a map; NULL: a set. */
bool fw_match_set(struct fw_context *context, struct fw_node *node, struct fw_match *match,
	const struct fw_type *data);

/* match_right.c: the right side of a match whose fields are known. */
bool fw_match_right(struct fw_context *context, struct fw_node *tree, struct fw_match *match);

#endif
