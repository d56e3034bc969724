/* SPDX-License-Identifier: BSD-3-Clause */
/* bounds.h: what a rule asks of addresses, ports and protocol, as fields of weir/acl.h. */
#ifndef FW_BOUNDS_H
#define FW_BOUNDS_H

#include "apps/weir-fw/fw.h"

enum fw_slot {
	FW_SLOT_SOURCE,
	FW_SLOT_DESTINATION,
	FW_SLOT_SOURCE_PORT,
	FW_SLOT_DESTINATION_PORT,
	FW_SLOT_PROTOCOL,
	FW_SLOTS,
};

/* Of one field: value and mask, or of ports the ends of a range. */
struct fw_bound {
	uint8_t from[FW_VALUE], to[FW_VALUE];
};
struct fw_bounds {
	struct fw_bound slots[FW_SLOTS];
	uint32_t said; /* so many statements at the start ask no more than this */
};

static inline bool fw_slot_is_range(enum fw_slot slot)
{
	return slot == FW_SLOT_SOURCE_PORT || slot == FW_SLOT_DESTINATION_PORT;
}
static inline uint8_t fw_slot_size(enum fw_slot slot, uint8_t family)
{
	if (fw_slot_is_range(slot))
		return 2;
	return slot == FW_SLOT_PROTOCOL ? 1 : family == FW_IP ? 4 : 16;
}

/* Those of no rule: everything. */
void fw_bounds_open(struct fw_bounds *bounds);

/* What all packets of FW_IP or FW_IP6 that a rule does anything to have in common, or more than
 * these. false: there are none. */
bool fw_bounds_of(const struct fw_rule *rule, uint8_t family, struct fw_bounds *bounds);

#endif
