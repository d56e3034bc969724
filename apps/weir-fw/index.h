/* SPDX-License-Identifier: BSD-3-Clause */
/* index.h: which rules of a chain a packet may match, so that the others are not looked at.
 *
 * It only leaves out rules that cannot match, and matches that hold: what comes out is what comes
 * out without it. It does not change, so any threads may ask it.
 */
#ifndef FW_INDEX_H
#define FW_INDEX_H

#include "apps/weir-fw/packet.h"

#include <weir/acl.h>

/* Make one for each chain with more than a few rules, which the rule set has until it is freed. 0,
 * or -errno with weir_last_error(). */
int fw_index_build(struct fw_ruleset *rules, enum weir_acl_way way);
void fw_index_destroy(struct fw_ruleset *rules);

/* This rule or the first behind it in its chain that the packet may match; NULL: none. So many of
 * its statements at the start hold. */
struct fw_rule *fw_index_next(const struct fw_index *index, const struct fw_packet *packet,
	struct fw_rule *rule, uint32_t *said);

#endif
