/* SPDX-License-Identifier: BSD-3-Clause */
/* bus_impl.h: mapped files that become shorter, which is a SIGBUS for whoever touches what is gone.
 *
 * The process has one handler for that, set with the first mapping: it puts zeros in the place of
 * what is gone and marks the mapping. A SIGBUS elsewhere goes to the handler that was there before.
 */
#ifndef WEIR_BUS_IMPL_H
#define WEIR_BUS_IMPL_H

#include "weir/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__mapping {
	WEIR_ATOMIC(uintptr_t) start; /* 0: a free place */
	WEIR_ATOMIC(size_t) size;
	WEIR_ATOMIC(bool) broken; /* something of it was gone */
};

/* Map size bytes of a file, private, and guard them; NULL with errno, ENFILE when there are too
 * many. */
struct weir__mapping *weir__map_guarded(int fd, size_t size);

void weir__unmap_guarded(struct weir__mapping *mapping);

#endif
