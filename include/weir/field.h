/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/field.h: more to say of a packet than its line of metadata has room for, by name.
 *
 *	| 64 bytes metadata | private area | named fields | headroom | data ...
 *	                      private_size   fields_size
 *
 * Each pool has its own fields, in the room that fields_size of its conf sets aside behind the
 * application's private area. Whoever needs a field registers it by name, once, and keeps the
 * offset; parts of a program that do not know each other so share one, or stay out of each other's
 * way. Clones, slices and copies take their packet's fields along, also to a pool where the same
 * names lie elsewhere.
 *
 *	int mark = weir_mbuf_field(pool, WEIR_FIELD_MARK, 4, 4);
 *	...
 *	*(uint32_t *)weir_mbuf_field_set(mbuf, mark) = 7;
 *
 * Fields of a packet are there once one of them has been set, which the flag WEIR_MBUF_FIELDS says;
 * those not set are 0 then. Only the packet's first segment counts.
 *
 * Threads: registering and looking up from any at any time; a field is of the packet's owner.
 */
#ifndef WEIR_FIELD_H
#define WEIR_FIELD_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fields a pool may have, and bytes of a name with its final 0. */
#define WEIR_FIELDS_MAX     32
#define WEIR_FIELD_NAME_MAX 32

/* The user's mark, 32 bits: not there by default, but everybody finds it under this name. */
#define WEIR_FIELD_MARK "weir.mark"

struct weir_field {
	char name[WEIR_FIELD_NAME_MAX];
	uint32_t offset; /* from the mbuf */
	uint32_t size;
};

/* Have a field of this name in all mbufs of a pool, made now or before. Its offset, or -errno with
 * weir_last_error(): ENOSPC, and what fields_size would do; EEXIST when it has another size or
 * alignment there; EINVAL for a name that is empty or too long, no size, or an alignment that is
 * not a power of two up to 64. */
WEIR_API int weir_mbuf_field(
	struct weir_mempool *pool, const char *name, size_t size, size_t align);

/* The offset of a field that is there, or -ENOENT. */
WEIR_API int weir_mbuf_field_find(const struct weir_mempool *pool, const char *name);

/* Up to max fields of a pool, in the order of their offsets. How many there are. */
WEIR_API uint32_t weir_mbuf_fields(
	const struct weir_mempool *pool, struct weir_field *fields, uint32_t max);

/* The field at this offset; what it holds is of this packet if WEIR_MBUF_FIELDS is set. */
static inline void *weir_mbuf_field_at(struct weir_mbuf *mbuf, int offset)
{
	return (uint8_t *)mbuf + offset;
}

WEIR_API void weir__mbuf_fields_clear(struct weir_mbuf *mbuf);

/* The same, for setting it. */
static inline void *weir_mbuf_field_set(struct weir_mbuf *mbuf, int offset)
{
	if (!(mbuf->flags & WEIR_MBUF_FIELDS))
		weir__mbuf_fields_clear(mbuf);
	return weir_mbuf_field_at(mbuf, offset);
}

#ifdef __cplusplus
}
#endif

#endif
