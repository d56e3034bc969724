/* SPDX-License-Identifier: BSD-3-Clause */
/* places.h: which of several threads has a connection that is translated.
 *
 * Its answers come with a tuple whose hash may name another thread (steer.h). So once rules
 * translate, every tuple that packets of a connection come with is in one table that all threads
 * share, with the number of the thread: it puts both there before the first packet leaves, and
 * takes them out when the connection goes. What is there is taken: so no two connections, of
 * whatever threads, get one tuple.
 *
 * A place has a tag: of the set of trackers, and of the thread. Those of a set that is no longer
 * judged by, and has not been taken out yet, may be had by the next one.
 *
 *	tag    0: is being made, or removed; else it is the connection's
 *	from 0 by who has inserted it; to 0 by whom it is, who then removes it
 *
 * Threads: readers of RCU, all at once.
 */
#ifndef FW_PLACES_H
#define FW_PLACES_H

#include "apps/weir-fw/track_impl.h"

#include <weir/flow_shared.h>

/* For so many connections of all threads. NULL with errno and weir_last_error(). */
struct weir_flow_shared *fw_places_create(uint32_t connections, uint32_t workers);

/* The number of trackers of a set is the set's and the thread's. */
static inline uint32_t fw_places_tag(uint32_t set, uint32_t worker)
{
	return set << 8 | (worker + 1);
}

/* The thread that has the connection of a key, of this set; UINT32_MAX: it is not there. */
uint32_t fw_places_find(struct weir_flow_shared *places, const fw_key *of, uint32_t set);

/* Take the place of a key, and give it back; nothing without a table. 0, -EEXIST when it is
 * another's, or -ENOSPC when the table is full: then no other key has one either. */
int fw_places_take(const struct fw_tracker *tracker, const fw_key *of);
void fw_places_leave(const struct fw_tracker *tracker, const fw_key *of);

/* A tuple of answers for the connection that is being made: one at a time, in the place of the one
 * before. It is kept when the connection is made, or else given back before the next. As
 * fw_places_take(). */
int fw_places_claim(struct fw_tracker *tracker, const fw_key *tuple);
void fw_places_unclaim(struct fw_tracker *tracker);

/* A connection is made, with what it has claimed: false when there is no place for it. And it is
 * going. */
bool fw_places_enter(struct fw_tracker *tracker, const fw_key *of, bool translated);
void fw_places_forget(const struct fw_tracker *tracker, uint32_t index);

/* All of a tracker's, which nobody judges by any more. Not by a reader. */
void fw_places_empty(struct fw_tracker *tracker);

#endif
