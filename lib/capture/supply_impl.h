/* SPDX-License-Identifier: BSD-3-Clause */
/* supply_impl.h: the blocks that a capture file is read into when packets stay where they are read.
 *
 * A block is the reader's while it fills and parses it, and the packets' as long as one of them is
 * left; whoever gives up the last reference puts it back here, in whatever thread. The supply goes
 * with its owner and the last block. It gives out what came back last, which is in a cache still.
 */
#ifndef WEIR_SUPPLY_IMPL_H
#define WEIR_SUPPLY_IMPL_H

#include "base/block_impl.h"

#include <stdbool.h>
#include <stddef.h>

struct weir__supply;

/* Blocks of size bytes in a region, one at first and more when they are missed, up to most bytes.
 * Those of a short file lie on small pages: to clear 2 MiB takes longer than to read it. NULL with
 * errno and the sentence said. */
struct weir__supply *weir__supply_create(size_t size, size_t most, bool is_short);

/* A block with one reference, or NULL: all are out, or there is no memory for more. Not blocking
 * but for page faults. */
struct weir__block *weir__supply_get(struct weir__supply *supply);

/* The owner gives it up. NULL is allowed. */
void weir__supply_close(struct weir__supply *supply);

#endif
