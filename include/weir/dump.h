/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/dump.h: packets for people to look at, and structures for programs that were not compiled
 * with these headers.
 *
 * A debugger, a binding for another language or a tool that reads a core takes from the layout
 * tables where everything lies; tools/gdb/weir.py does. Names are those in the headers.
 */
#ifndef WEIR_DUMP_H
#define WEIR_DUMP_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is to be said of a packet, as text: its pool, length and metadata; each segment with its
 * references, whose buffer it is on, headroom, data and tailroom; and the first max_bytes of it in
 * hexadecimal. The caller frees it. NULL with errno when there is no memory. The packet is the
 * caller's and need not be valid: what weir_mbuf_check() says of it stands in front. */
WEIR_API char *weir_mbuf_dump(const struct weir_mbuf *mbuf, uint32_t max_bytes);

/* A member of a structure: its place from the start, and its size, bytes. */
struct weir_layout {
	const char *name;
	uint32_t offset, size;
};

/* The members of struct weir_mbuf, and behind them the bits of its state and flags, as
 * "state.references" with the first bit as offset and their count as size. *count is how many; an
 * entry without a name follows. From any thread. */
WEIR_API const struct weir_layout *weir_mbuf_layout(uint32_t *count);

/* The same for what a mempool starts with and a debugger asks for: "cache.count" and such are
 * members of each of the caches that caches points to. */
WEIR_API const struct weir_layout *weir_mempool_layout(uint32_t *count);

#ifdef __cplusplus
}
#endif

#endif
