/* SPDX-License-Identifier: BSD-3-Clause */
/* tiers_impl.h: what the two files of tiers offer each other. */
#ifndef WEIR_TIERS_IMPL_H
#define WEIR_TIERS_IMPL_H

#include "weir/tiers.h"

/* Look how many mbufs of the tier are in use, and keep the largest answer as its peak. */
uint32_t weir__tiers_look_at_use(struct weir_tiers *tiers, uint32_t index);

#endif
