/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c: hand packets to the workers of the part behind, each flow always to the same.
 *
 *	              to 0    to 1
 *	from 0       [ring]  [ring]      a ring with one producer and one consumer for each pair
 *	from 1       [ring]  [ring]
 *
 * So each flow keeps its order as far as it came in order from one worker. When a worker in front
 * has ended it closes its rings; one behind has ended when its rings are closed and empty.
 *
 * One packet at a time is followed through each ring, to see how long it lay there.
 *
 * Who pairs with whom: closed, gone and followed each with itself, release by who sets it, acquire
 * by the other side.
 */
#include "stages/stages_impl.h"

#include "weir/ring.h"
#include "weir/spread.h"

#include "base/base_impl.h"
#include "base/cycles_impl.h"
#include "runtime/stage_impl.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_DEFAULT 1024
/* 8 MiB of pointers: more than any cache holds. */
#define SIZE_MAX_RING (1u << 20)

/* Bursts of which the first packet of one is followed, if no other is. */
#define FOLLOW_BURSTS 64
#define FOLLOWED      (UINT64_C(1) << 32)

enum { FULL, NO_RECEIVER };

struct pair {
	struct weir_ring *ring;
	WEIR_ATOMIC(bool) closed; /* nothing more will come */
	WEIR_ATOMIC(bool) gone;   /* nobody will fetch it */
	/* FOLLOWED and the index of a packet; set by who puts in when it is 0, and back to 0 by who
	 * fetches, after it has read since */
	WEIR_ATOMIC(uint64_t) followed;
	uint64_t since; /* ticks */
};

struct ring_conf {
	uint32_t size, from, to;
	bool wait;
	struct pair *pairs; /* from * to */
};

struct ring_state {
	uint32_t next;   /* of the end that polls: whom to look at */
	uint32_t bursts; /* of the other */
};

static bool is_set(const WEIR_ATOMIC(bool) * flag)
{
	return atomic_load_explicit(flag, memory_order_acquire);
}

static void set(WEIR_ATOMIC(bool) * flag)
{
	atomic_store_explicit(flag, true, memory_order_release);
}

static int open_ring(struct weir_stage_args *args, void *conf)
{
	static const char *const full[] = {"wait", "drop", NULL};
	struct ring_conf *ring = conf;
	uint64_t size = SIZE_DEFAULT;
	int what = weir_stage_arg_word(args, "full", full);

	if (what < 0 || weir_stage_arg_number(args, "size", 1, SIZE_MAX_RING, &size))
		return -EINVAL;
	ring->wait = what == 0;
	ring->size = (uint32_t)size;
	return 0;
}

static int join(void *conf, uint32_t from, uint32_t to, bool back)
{
	struct ring_conf *ring = conf;

	if (back && ring->wait)
		return weir_stage_fail(EINVAL,
			"it leads back to where its packets come from, and waiting for room could "
			"last for ever: say full=drop");
	ring->pairs = calloc((size_t)from * to, sizeof(*ring->pairs));
	if (!ring->pairs)
		return weir_stage_fail(ENOMEM, "no memory for %u rings", from * to);
	ring->from = from;
	ring->to = to;
	for (uint32_t i = 0; i < from * to; i++) {
		ring->pairs[i].ring =
			weir_ring_create(ring->size, sizeof(struct weir_mbuf *), WEIR_RING_SPSC);
		if (!ring->pairs[i].ring)
			return weir_stage_fail(ENOMEM, "no memory for %u rings", from * to);
	}
	return 0;
}

static uint32_t fetch(struct pair *pair, struct weir_mbuf **mbufs, uint32_t count)
{
	return weir_ring_dequeue_burst_spsc(pair->ring, mbufs, sizeof(*mbufs), count);
}

static void close_ring(void *conf)
{
	struct ring_conf *ring = conf;
	struct weir_mbuf *mbufs[32];
	uint32_t count;

	for (uint32_t i = 0; ring->pairs && i < ring->from * ring->to; i++) {
		struct pair *pair = &ring->pairs[i];

		if (!pair->ring)
			continue;
		while ((count = fetch(pair, mbufs, 32)) > 0)
			weir_mbuf_free_bulk(mbufs, count);
		weir_ring_destroy(pair->ring);
	}
	free(ring->pairs);
}

static struct pair *pair_of(const struct ring_conf *ring, uint32_t from, uint32_t to)
{
	return &ring->pairs[from * ring->to + to];
}

/* Follow the next packet that is put in, which there must be room for. */
static void follow(struct pair *pair)
{
	uint64_t index = atomic_load_explicit(&pair->ring->index.spsc.tail, memory_order_relaxed);

	if (atomic_load_explicit(&pair->followed, memory_order_acquire) ||
		weir_ring_count(pair->ring) == weir_ring_size(pair->ring))
		return;
	pair->since = weir__cycles();
	atomic_store_explicit(&pair->followed, FOLLOWED | index, memory_order_release);
}

/* Has the packet that is followed come out? */
static void see_followed(struct weir_stage *stage, struct pair *pair)
{
	uint64_t followed = atomic_load_explicit(&pair->followed, memory_order_acquire);
	uint32_t head = atomic_load_explicit(&pair->ring->index.spsc.head, memory_order_relaxed);

	if (weir_likely(!followed) || (int32_t)(head - (uint32_t)followed) <= 0)
		return;
	weir__stage_waited(stage, weir__cycles() - pair->since);
	atomic_store_explicit(&pair->followed, 0, memory_order_release);
}

/* Put packets into one ring; drop what may not wait or has nobody to wait for. */
static void put(
	struct weir_stage *stage, struct pair *pair, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct ring_conf *ring = stage->conf;
	struct ring_state *state = stage->state;
	uint32_t sent, waits = 0;

	if (state->bursts++ % FOLLOW_BURSTS == 0)
		follow(pair);
	sent = weir_ring_enqueue_burst_spsc(pair->ring, mbufs, sizeof(*mbufs), count);
	while (weir_unlikely(sent < count) && ring->wait && !is_set(&pair->gone)) {
		weir__back_off(waits++);
		sent += weir_ring_enqueue_burst_spsc(
			pair->ring, mbufs + sent, sizeof(*mbufs), count - sent);
	}
	weir_stage_took(stage, sent);
	if (weir_unlikely(sent < count))
		weir_stage_drop(stage, is_set(&pair->gone) ? NO_RECEIVER : FULL, mbufs + sent,
			count - sent);
}

/* Sort the burst by receiver, in order, and put each share. */
static void spread(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct ring_conf *ring = stage->conf;
	struct weir_mbuf *sorted[WEIR_STAGE_BURST];
	uint8_t to[WEIR_STAGE_BURST];

	weir_spread_hash(mbufs, count);
	for (uint32_t i = 0; i < count; i++)
		to[i] = (uint8_t)weir_spread_pick(mbufs[i]->hash, ring->to);
	for (uint32_t receiver = 0; receiver < ring->to; receiver++) {
		uint32_t share = 0;

		for (uint32_t i = 0; i < count; i++) {
			sorted[share] = mbufs[i];
			share += to[i] == receiver;
		}
		if (share > 0)
			put(stage, pair_of(ring, stage->worker, receiver), sorted, share);
	}
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct ring_conf *ring = stage->conf;

	if (ring->to == 1)
		put(stage, pair_of(ring, stage->worker, 0), mbufs, count);
	else
		spread(stage, mbufs, count);
}

static uint32_t poll(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct ring_conf *ring = stage->conf;
	struct ring_state *state = stage->state;
	uint32_t got = 0;

	/* another one first each time, so that none waits for long */
	for (uint32_t i = 0; i < ring->from && got < count; i++) {
		struct pair *pair = pair_of(ring, state->next, stage->worker);

		got += fetch(pair, mbufs + got, count - got);
		see_followed(stage, pair);
		state->next = state->next + 1 < ring->from ? state->next + 1 : 0;
	}
	return got;
}

static bool ended(const struct weir_stage *stage)
{
	const struct ring_conf *ring = stage->conf;

	for (uint32_t i = 0; i < ring->from; i++) {
		const struct pair *pair = pair_of(ring, i, stage->worker);

		/* in this order: what was put in before it was closed is seen */
		if (!is_set(&pair->closed) || weir_ring_count(pair->ring) > 0)
			return false;
	}
	return true;
}

static void teardown(struct weir_stage *stage)
{
	const struct ring_conf *ring = stage->conf;

	if (stage->polls)
		for (uint32_t i = 0; i < ring->from; i++)
			set(&pair_of(ring, i, stage->worker)->gone);
	else
		for (uint32_t i = 0; i < ring->to; i++)
			set(&pair_of(ring, stage->worker, i)->closed);
}

static const char *const counters[] = {"ring full", "receiver ended", NULL};

const struct weir_stage_type weir__stage_ring = {
	.name = "ring",
	.help = "hand packets to other workers, by flow",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct ring_conf),
	.state_size = sizeof(struct ring_state),
	.open = open_ring,
	.close = close_ring,
	.join = join,
	.run = run,
	.poll = poll,
	.ended = ended,
	.teardown = teardown,
};
