/* SPDX-License-Identifier: BSD-3-Clause */
/* play.c: the packets of files and ports, each when it is due.
 *
 * A paced player holds a few packets with the times they are due. A poll waits for the first, as
 * far as that is near, and hands out all that are due by then. That they have gone, and when, is
 * known at the next poll: the round in between took them to their end, or to a ring.
 */
#include "stages/headers_impl.h"
#include "stages/play_impl.h"
#include "stages/stages_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Packets that are held for their time; and polls between two looks at how far the files are. */
#define HELD  32
#define LOOKS 64

enum { LOOPS, BACKWARDS, CUT, NO_MBUF, CACHE_HITS, CACHE_MISSES, NOT_DUE };

struct play_state {
	struct weir_pace *pace;
	struct weir_mbuf *held[HELD];
	uint64_t due[HELD];
	uint32_t at, have;
	uint64_t gone[WEIR_STAGE_BURST]; /* when the last ones were due */
	uint32_t gone_count;
	uint64_t begun_ns, left, passes, in_pass;
	uint32_t polls;
	struct weir_trace_cache_stats counted; /* of the cache */
	bool over, out_of_time;
};

static int setup(struct weir_stage *stage)
{
	const struct weir__play *play = stage->conf;
	struct play_state *state = stage->state;

	if (stage->workers > 1)
		return weir_stage_fail(EINVAL, "one worker plays: put a ring behind it for more");
	state->left = play->limit;
	state->pace = weir_pace_create(&play->pace);
	return state->pace ? 0 : -errno;
}

/* ---- packets ---- */

static void count_cache(struct weir_stage *stage)
{
	const struct weir__play *play = stage->conf;
	struct play_state *state = stage->state;
	struct weir_trace_cache_stats stats;

	if (!play->cache)
		return;
	weir_trace_cache_stats(play->cache, &stats);
	weir_stage_count(stage, CACHE_HITS, stats.hits - state->counted.hits);
	weir_stage_count(stage, CACHE_MISSES, stats.misses - state->counted.misses);
	state->counted = stats;
}

/* The inputs are at their end: start the next pass, unless there is none. */
static bool start_next_pass(struct weir_stage *stage)
{
	const struct weir__play *play = stage->conf;
	struct play_state *state = stage->state;

	if (state->in_pass == 0 || (play->loop != UINT64_MAX && state->passes + 1 >= play->loop))
		return false;
	state->passes++;
	state->in_pass = 0;
	weir_stage_count(stage, LOOPS, 1);
	count_cache(stage);
	if (weir__inputs_rewind(play->inputs))
		return false;
	weir_pace_restart(state->pace, play->loop_gap_ns);
	return true;
}

/* Let addresses be others in each pass; what there is no mbuf to write it into is dropped. */
static uint32_t make_unique(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct play_state *state = stage->state;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (weir__shift_addresses(&mbufs[i], state->passes)) {
			weir_mbuf_free(mbufs[i]);
			weir_stage_count(stage, NO_MBUF, 1);
		} else {
			mbufs[kept++] = mbufs[i];
		}
	}
	return kept;
}

/* Up to count packets, now, within the limit. */
static uint32_t fetch(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir__play *play = stage->conf;
	struct play_state *state = stage->state;
	bool begins = false;
	uint32_t got;

	if (count > state->left)
		count = (uint32_t)state->left;
	do {
		got = count ? weir__inputs_next(play->inputs, mbufs, count, &begins) : 0;
	} while (got == 0 && count > 0 && weir__inputs_ended(play->inputs) &&
		 start_next_pass(stage));
	state->left -= got;
	if (begins && state->in_pass > 0) /* of another recording */
		weir_pace_restart(state->pace, 0);
	state->in_pass += got;
	state->over = state->left == 0 || (got == 0 && weir__inputs_ended(play->inputs));
	return play->unique && state->passes > 0 ? make_unique(stage, mbufs, got) : got;
}

static void hold_more(struct weir_stage *stage)
{
	struct play_state *state = stage->state;

	state->at = 0;
	state->have = fetch(stage, state->held, HELD);
	for (uint32_t i = 0; i < state->have; i++)
		state->due[i] = weir_pace_due(state->pace, state->held[i]);
}

/* What was handed out has gone. */
static void note_gone(struct play_state *state)
{
	if (state->gone_count > 0)
		weir_pace_sent(state->pace, state->gone, state->gone_count);
	state->gone_count = 0;
}

/* Is the first that is held due? Waits for it, as far as it is near, and not beyond the end. */
static bool is_due(struct play_state *state, uint64_t end_ns)
{
	uint64_t due = state->due[state->at];

	if (weir_pace_wait(state->pace, due < end_ns ? due : end_ns) > 0)
		return false;
	/* a wait for a packet may end early; the end is no packet */
	state->out_of_time = due >= end_ns && weir_pace_now(state->pace) >= end_ns;
	return due < end_ns;
}

static uint32_t take_due(struct play_state *state, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t now = weir_pace_now(state->pace);
	uint32_t got = 0;

	/* the first was waited for */
	do {
		state->gone[got] = state->due[state->at];
		mbufs[got++] = state->held[state->at++];
	} while (got < count && state->at < state->have && state->due[state->at] <= now);
	state->gone_count = got;
	return got;
}

static uint32_t poll_paced(
	struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count, uint64_t end_ns)
{
	struct play_state *state = stage->state;

	note_gone(state);
	if (state->at == state->have && !state->over)
		hold_more(stage);
	if (state->at == state->have || !is_due(state, end_ns))
		return 0;
	return take_due(state, mbufs, count);
}

static uint32_t poll_at_once(
	struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count, uint64_t end_ns)
{
	struct play_state *state = stage->state;
	uint32_t got;

	if (end_ns != UINT64_MAX && weir_pace_now(state->pace) >= end_ns) {
		state->out_of_time = true;
		return 0;
	}
	got = state->over ? 0 : fetch(stage, mbufs, count);
	return got;
}

static void tell_progress(const struct weir__play *play, const struct play_state *state)
{
	uint64_t position, size;

	weir__inputs_progress(play->inputs, &position, &size);
	if (play->loop == UINT64_MAX)
		size = 0;
	atomic_store_explicit(
		&play->told->position, state->passes * size + position, memory_order_relaxed);
	atomic_store_explicit(&play->told->size, play->loop * size, memory_order_relaxed);
}

static uint32_t poll(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir__play *play = stage->conf;
	struct play_state *state = stage->state;
	uint64_t end_ns = UINT64_MAX;

	if (state->out_of_time)
		return 0;
	if (play->duration_ns != UINT64_MAX) {
		if (state->begun_ns == 0)
			state->begun_ns = weir_pace_now(state->pace);
		end_ns = state->begun_ns + play->duration_ns;
	}
	if (play->told && state->polls++ % LOOKS == 0)
		tell_progress(play, state);
	return play->pace.by == WEIR_PACE_TOP ? poll_at_once(stage, mbufs, count, end_ns)
					      : poll_paced(stage, mbufs, count, end_ns);
}

static bool ended(const struct weir_stage *stage)
{
	const struct play_state *state = stage->state;

	return state->out_of_time || (state->over && state->at == state->have);
}

static void teardown(struct weir_stage *stage)
{
	const struct weir__play *play = stage->conf;
	struct play_state *state = stage->state;
	struct weir_pace_figures figures;

	note_gone(state);
	weir_stage_count(stage, NOT_DUE, state->have - state->at);
	weir_mbuf_free_bulk(state->held + state->at, state->have - state->at);
	state->at = state->have;
	weir_pace_figures(state->pace, &figures);
	weir_stage_count(stage, BACKWARDS, figures.backwards);
	weir_stage_count(stage, CUT, figures.cut);
	weir_pace_destroy(state->pace);
	count_cache(stage);
	if (!play->told)
		return;
	play->told->figures = figures;
	play->told->cache = state->counted;
	play->told->out_of_time = state->out_of_time;
	play->told->played = weir__inputs_played(play->inputs, &play->told->played_count);
}

static const char *const counters[] = {
	"loops", "backwards", "gaps cut", "no mbuf", "cache hits", "cache misses", "not due", NULL};

const struct weir_stage_type weir__stage_play = {
	.name = "play",
	.help = "the packets of files and ports, by a schedule",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct weir__play),
	.state_size = sizeof(struct play_state),
	.open = weir__play_open,
	.close = weir__play_close,
	.setup = setup,
	.poll = poll,
	.ended = ended,
	.teardown = teardown,
};
