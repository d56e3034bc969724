/* SPDX-License-Identifier: BSD-3-Clause */
/* finish_impl.h: finish a file or a series, and learn what did not get into it. */
#ifndef WEIR_FINISH_IMPL_H
#define WEIR_FINISH_IMPL_H

#include "weir/capture_write.h"

#include <stdint.h>

struct weir__amount {
	uint64_t packets, bytes; /* of the packets, as they are captured */
};

/* As weir_capture_finish() and weir_series_finish(). *lost: what was taken and is not in the file
 * after a failure; nothing is known of what a pipe's reader did not read. */
int weir__capture_finish(struct weir_capture_writer *writer, struct weir__amount *lost);
int weir__series_finish(struct weir_series *series, struct weir__amount *lost);

static inline void weir__amount_add(struct weir__amount *sum, uint64_t packets, uint64_t bytes)
{
	sum->packets += packets;
	sum->bytes += bytes;
}

#endif
