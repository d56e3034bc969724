/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/track.h: who has what of a pool, where it was taken, and since when.
 *
 *	conf.track = WEIR_TRACK_SITES		of one pool, in the program
 *	WEIR_TRACK=sites ./program		of all its pools, without building it anew
 *
 * An untracked pool pays nothing. A tracked one keeps a few bytes beside each object: taken or not,
 * by whom, from where, when, and who gave it back last. A site is a place in the code of the
 * application; a call of the library's that takes objects on its behalf is looked through.
 *
 * Calls may be made from any thread, beside others that use the pool; what they say is then of
 * about now.
 */
#ifndef WEIR_TRACK_H
#define WEIR_TRACK_H

#include "weir/base.h"
#include "weir/mempool.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Owners there may be at most; further ones are counted as none. */
#define WEIR_TRACK_OWNERS 64

/* From here on, what this thread takes belongs to owner, a name of the application's choice such as
 * "rx" (the first 23 bytes count); NULL: to nobody. Costs a lock and a search: once a thread or a
 * phase, not once a packet. */
WEIR_API void weir_track_owner(const char *owner);

/* What is out of a tracked pool for older_than_ns at least, by site and owner, most first: how
 * many, how many bytes, how old, and the lines of code; then the figures of each owner. Text for
 * people or, with json, one line of JSON. The caller frees it with free(). NULL with errno and
 * weir_last_error(): EINVAL when the pool is not tracked, ENOMEM. Takes milliseconds. */
WEIR_API char *weir_mempool_report(struct weir_mempool *pool, bool json, uint64_t older_than_ns);

/* Write the reports of all tracked pools to a file descriptor when the process ends by exit() or by
 * returning from main(); -1: do not. With WEIR_TRACK in the environment it is 2, standard error. 0,
 * or -ENOMEM. */
WEIR_API int weir_track_at_exit(int fd);

struct weir_track_figures {
	char owner[24];   /* "" for the pool as a whole, and "-" for nobody */
	uint64_t current; /* objects out now */
	uint64_t peak;    /* the most there were at a time; with several threads at work, up to 127
			   * fewer for each */
	uint64_t gets, puts;
};

/* The figures of a tracked pool: first of the whole, then of each owner that has ever taken any.
 * Fills at most count of figures and returns how many there are; 0 for a pool that is not tracked.
 */
WEIR_API uint32_t weir_track_figures(
	struct weir_mempool *pool, struct weir_track_figures *figures, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
