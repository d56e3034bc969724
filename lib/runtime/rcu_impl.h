/* SPDX-License-Identifier: BSD-3-Clause */
/* rcu_impl.h: what deferring needs to know of readers. */
#ifndef WEIR_RCU_IMPL_H
#define WEIR_RCU_IMPL_H

#include <stdbool.h>

/* Has the calling thread joined? */
bool weir__rcu_is_reader(void);

#endif
