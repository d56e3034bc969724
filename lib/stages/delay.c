/* SPDX-License-Identifier: BSD-3-Clause */
/* delay.c: packets go on later, as on a long way: in the order of when that is.
 *
 *	workers in front: [packet, when due] --> ring --> heap: workers behind
 *
 * Each worker in front has a worker behind it, and one lane between them. The one in front decides
 * when a packet is due; the other keeps it until then, in a heap by that time and, where it is the
 * same, by the order of arrival. Once nothing more will come, the rest goes on at once.
 *
 * closed and gone pair with themselves: release by who sets them, acquire by the other side.
 */
#include "stages/stages_impl.h"
#include "stages/values_impl.h"

#include "weir/chain.h"
#include "weir/ring.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>

/* 10 ms of 64-byte packets at 1 Gbit/s; and 24 bytes each of 16 million. */
#define SIZE_DEFAULT 16384
#define SIZE_MOST    (1u << 24)
/* On their way from core to core: as a ring's default. */
#define LANE_SIZE 1024

enum { QUEUE_FULL, RECEIVER_ENDED };

/* On its way: a ring takes elements of 16 bytes. */
struct late {
	struct weir_mbuf *mbuf;
	uint64_t due_ns;
};

struct waiting {
	struct late late;
	uint64_t number; /* of its arrival */
};

struct lane {
	struct weir_ring *ring;
	WEIR_ATOMIC(bool) closed; /* nothing more will come */
	WEIR_ATOMIC(bool) gone;   /* nobody will fetch it */
};

struct delay_conf {
	uint64_t time_ns, jitter_ns, reorder, seed, size;
	struct weir__clock clock;
	struct lane *lanes;
	uint32_t workers;
};

/* Either end has its clock; the one in front random, the one behind the rest. */
struct delay_state {
	struct weir__clock clock;
	struct weir__random random;
	struct waiting *heap;
	uint32_t count;
	uint64_t arrived, segments; /* these of all that wait */
};

static int open_delay(struct weir_stage_args *args, void *conf)
{
	struct delay_conf *delay = conf;

	delay->size = SIZE_DEFAULT;
	if (weir__arg_quantity(args, "time", &weir__duration, &delay->time_ns) < 0 ||
		weir__arg_quantity(args, "jitter", &weir__duration, &delay->jitter_ns) < 0 ||
		weir__arg_chance(args, "reorder", &delay->reorder) ||
		weir_stage_arg_number(args, "size", 1, SIZE_MOST, &delay->size) ||
		weir__arg_seed(args, &delay->seed))
		return -EINVAL;
	if (delay->time_ns == 0)
		return weir_stage_fail(EINVAL, "needs a time, as in time=10ms");
	if (delay->jitter_ns > delay->time_ns)
		return weir_stage_fail(EINVAL, "the jitter is larger than the time it is about");
	return weir__arg_clock(args, &delay->clock);
}

static int join(void *conf, uint32_t from, uint32_t to, bool back)
{
	struct delay_conf *delay = conf;

	if (back)
		return weir_stage_fail(EINVAL,
			"packets also get past it to what is behind it: let them go through a "
			"ring there");
	if (from != to)
		return weir_stage_fail(EINVAL,
			"%u workers are in front and %u behind; say workers=%u, or put a ring "
			"next to it",
			from, to, from);
	delay->lanes = calloc(from, sizeof(*delay->lanes));
	if (!delay->lanes)
		return weir_stage_fail(ENOMEM, "no memory for %u lanes", from);
	delay->workers = from;
	for (uint32_t i = 0; i < from; i++) {
		delay->lanes[i].ring =
			weir_ring_create(LANE_SIZE, sizeof(struct late), WEIR_RING_SPSC);
		if (!delay->lanes[i].ring)
			return -errno;
	}
	return 0;
}

static bool fetch(struct lane *lane, struct late *late)
{
	return weir_ring_dequeue_burst_spsc(lane->ring, late, sizeof(*late), 1) == 1;
}

static void close_delay(void *conf)
{
	struct delay_conf *delay = conf;
	struct late late;

	for (uint32_t i = 0; i < delay->workers; i++) {
		while (delay->lanes[i].ring && fetch(&delay->lanes[i], &late))
			weir_mbuf_free(late.mbuf);
		weir_ring_destroy(delay->lanes[i].ring);
	}
	free(delay->lanes);
}

static int setup(struct weir_stage *stage)
{
	const struct delay_conf *delay = stage->conf;
	struct delay_state *state = stage->state;

	state->clock = delay->clock;
	weir__random_seed(&state->random, delay->seed, stage->worker);
	if (!stage->polls)
		return 0;
	state->heap = malloc(delay->size * sizeof(*state->heap));
	return state->heap ? 0
			   : weir_stage_fail(ENOMEM, "no memory for %llu packets to wait",
				     (unsigned long long)delay->size);
}

/* ---- in front ---- */

/* From time - jitter to time + jitter, each as likely. */
static uint64_t choose_delay(const struct delay_conf *delay, struct weir__random *random)
{
	uint64_t order = weir__random_next(random), more = weir__random_next(random);
	weir__ticks_wide span = 2 * (weir__ticks_wide)delay->jitter_ns + 1;

	if (weir__is_chosen(order, delay->reorder))
		return 0;
	return delay->time_ns - delay->jitter_ns + (uint64_t)(span * more >> 64);
}

static void put(struct weir_stage *stage, struct lane *lane, struct late *lates, uint32_t count)
{
	uint32_t sent = 0, waits = 0;

	for (;;) {
		sent += weir_ring_enqueue_burst_spsc(
			lane->ring, lates + sent, sizeof(*lates), count - sent);
		if (weir_likely(sent == count) ||
			atomic_load_explicit(&lane->gone, memory_order_acquire))
			break;
		weir__back_off(waits++);
	}
	weir_stage_took(stage, sent);
	for (; sent < count; sent++)
		weir_stage_drop(stage, RECEIVER_ENDED, &lates[sent].mbuf, 1);
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct delay_conf *delay = stage->conf;
	struct delay_state *state = stage->state;
	struct late lates[WEIR_STAGE_BURST];

	weir__clock_look(&state->clock);
	for (uint32_t i = 0; i < count; i++) {
		lates[i].mbuf = mbufs[i];
		lates[i].due_ns = weir__clock_tell(&state->clock, mbufs[i]) +
				  choose_delay(delay, &state->random);
	}
	put(stage, &delay->lanes[stage->worker], lates, count);
}

/* ---- behind ---- */

static bool is_before(const struct waiting *a, const struct waiting *b)
{
	if (a->late.due_ns != b->late.due_ns)
		return a->late.due_ns < b->late.due_ns;
	return a->number < b->number;
}

static void push(struct delay_state *state, const struct late *late)
{
	struct waiting one = {*late, state->arrived++};
	uint32_t at = state->count++;

	for (; at > 0 && is_before(&one, &state->heap[(at - 1) / 2]); at = (at - 1) / 2)
		state->heap[at] = state->heap[(at - 1) / 2];
	state->heap[at] = one;
	state->segments += weir_mbuf_segments(late->mbuf);
}

/* The one that is due first. */
static struct late pop(struct delay_state *state)
{
	struct late first = state->heap[0].late;
	const struct waiting last = state->heap[--state->count];
	uint32_t at = 0, child;

	for (; (child = 2 * at + 1) < state->count; at = child) {
		if (child + 1 < state->count &&
			is_before(&state->heap[child + 1], &state->heap[child]))
			child++;
		if (!is_before(&state->heap[child], &last))
			break;
		state->heap[at] = state->heap[child];
	}
	state->heap[at] = last;
	state->segments -= weir_mbuf_segments(first.mbuf);
	return first;
}

static struct weir_mbuf *release(struct delay_state *state)
{
	struct late late = pop(state);

	/* by the clock of packets it comes when it is due */
	if (!state->clock.scale) {
		late.mbuf->timestamp_ns = late.due_ns;
		late.mbuf->flags |= WEIR_MBUF_TIMESTAMP;
	}
	return late.mbuf;
}

static bool is_due(const struct delay_state *state)
{
	return state->count > 0 && state->heap[0].late.due_ns <= state->clock.now_ns;
}

/* One more comes. When there is no room beside what is not due, it is this one that is dropped:
 * which packets are does not depend on how they come in bursts, then. Room is for segments: a pool
 * that has more of them is never empty because of what waits here. */
static void take(struct weir_stage *stage, const struct late *late)
{
	const struct delay_conf *delay = stage->conf;
	struct delay_state *state = stage->state;

	if (state->segments + weir_mbuf_segments(late->mbuf) <= delay->size) {
		push(state, late);
	} else {
		weir_stage_dropping(stage, QUEUE_FULL, &late->mbuf, 1);
		weir_mbuf_free(late->mbuf);
		weir_stage_count(stage, QUEUE_FULL, 1);
	}
}

static uint32_t poll(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct delay_conf *delay = stage->conf;
	struct delay_state *state = stage->state;
	struct lane *lane = &delay->lanes[stage->worker];
	/* before the ring is found empty: what came before is seen */
	bool closed = atomic_load_explicit(&lane->closed, memory_order_acquire);
	uint32_t got = 0;
	struct late late;

	weir__clock_look(&state->clock);
	while (got < count) {
		if (is_due(state)) {
			mbufs[got++] = release(state);
		} else if (fetch(lane, &late)) {
			weir__clock_tell(&state->clock, late.mbuf);
			if (is_due(state))
				mbufs[got++] = release(state);
			take(stage, &late);
		} else if (closed && state->count > 0) {
			mbufs[got++] = release(state);
		} else {
			break;
		}
	}
	return got;
}

static bool ended(const struct weir_stage *stage)
{
	const struct delay_conf *delay = stage->conf;
	const struct delay_state *state = stage->state;
	struct lane *lane = &delay->lanes[stage->worker];

	/* in this order, as in poll() */
	return atomic_load_explicit(&lane->closed, memory_order_acquire) &&
	       weir_ring_count(lane->ring) == 0 && state->count == 0;
}

static void teardown(struct weir_stage *stage)
{
	const struct delay_conf *delay = stage->conf;
	struct delay_state *state = stage->state;
	struct lane *lane = &delay->lanes[stage->worker];

	if (!stage->polls) {
		atomic_store_explicit(&lane->closed, true, memory_order_release);
		return;
	}
	atomic_store_explicit(&lane->gone, true, memory_order_release);
	for (uint32_t i = 0; i < state->count; i++)
		weir_mbuf_free(state->heap[i].late.mbuf);
	free(state->heap);
}

static const char *const counters[] = {"queue full", "receiver ended", NULL};

const struct weir_stage_type weir__stage_delay = {
	.name = "delay",
	.help = "let packets go on later",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct delay_conf),
	.state_size = sizeof(struct delay_state),
	.open = open_delay,
	.close = close_delay,
	.join = join,
	.setup = setup,
	.run = run,
	.poll = poll,
	.ended = ended,
	.teardown = teardown,
};
