/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/guard.h: what happens when an application misuses a pool or an mbuf, and is caught.
 *
 * The operation is refused: an mbuf that is freed twice is freed once. It is counted, and a
 * sentence says what, which object, and in a tracked pool (weir/track.h) the lines of code that
 * took it and gave it back. The sentence goes to the handler, and is what weir_last_error() says in
 * the thread that did it. The library goes on.
 *
 *	always		a free of what nobody holds, or what is of no pool; too many references
 *	when tracked	also: given back twice, to another pool, or what is no object
 *	WEIR_TRACK_GUARDS	also: written after it was given back, past its end, or while its
 *			bytes were shared; and a history of each object
 *
 * From any thread.
 */
#ifndef WEIR_GUARD_H
#define WEIR_GUARD_H

#include "weir/base.h"
#include "weir/mempool.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Call handler with each sentence, in the thread that misused something, which may hold any lock of
 * the application's; NULL: nobody. It may stop the process, and must not use the pool. Set it
 * before there are pools. With WEIR_TRACK in the environment the sentences are written to standard
 * error, unless a handler is set. */
WEIR_API void weir_guard_handler(
	void (*handler)(const char *sentence, void *context), void *context);

/* How many were caught since the process began. */
WEIR_API uint64_t weir_guard_count(void);

/* What was done last with an object of a guarded pool, the latest first: "given back at a.c:12 by
 * thread 345, lent at b.c:6, taken at ...". The caller frees it with free(). NULL
 * with errno and weir_last_error(): EINVAL when the pool is not guarded or the object not of it,
 * ENOMEM. Takes milliseconds. */
WEIR_API char *weir_guard_history(struct weir_mempool *pool, const void *object);

#ifdef __cplusplus
}
#endif

#endif
