/* SPDX-License-Identifier: BSD-3-Clause */
/* wait_impl.h: sleep until a queue of a port may bring something, for the library's own threads. */
#ifndef WEIR_WAIT_IMPL_H
#define WEIR_WAIT_IMPL_H

#include "weir/port.h"

#include <stdbool.h>
#include <stdint.h>

struct weir__queue {
	struct weir_port *port;
	uint32_t queue;
};

/* As weir_port_wait(), on these queues and on the file bell, -1 for none; the time is in
 * nanoseconds, UINT64_MAX: without end. *can_wait is whether all of them can be waited on, so that
 * it may be worth to sleep in another way after a 1. */
int weir__port_wait(const struct weir__queue *queues, uint32_t count, int bell, uint64_t timeout_ns,
	bool *can_wait);

#endif
