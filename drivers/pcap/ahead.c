/* SPDX-License-Identifier: BSD-3-Clause */
/* ahead.c: a thread that reads a capture ahead of who receives from it.
 *
 * Picture: a ring of batches. The thread fills the one at made, the receiver empties the one at
 * passed; a batch belongs to the thread from passed on and to the receiver from made on.
 *
 * Who pairs with whom: the store of made is release, its load by the receiver acquire, so that a
 * batch is seen whole; the same of passed, so that the thread does not fill what is still read.
 * stop only asks.
 */
#include "ahead_impl.h"

#include "base/base_impl.h"
#include "weir/atomic.h"
#include "weir/base.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Of 256 packets each: a block of small ones, twelve of IMIX. Deeper would only be colder. */
#define BATCHES 16

struct weir__ahead {
	struct weir_capture_reader *reader;
	pthread_t thread;
	char *sentence; /* before the batch of the end is made */
	WEIR_ATOMIC(bool) stop;
	WEIR_ATOMIC(uint32_t) made __attribute__((aligned(WEIR_CACHE_LINE)));
	WEIR_ATOMIC(uint32_t) passed __attribute__((aligned(WEIR_CACHE_LINE)));
	struct weir__batch batches[BATCHES];
};

static bool is_stopped(struct weir__ahead *ahead)
{
	return atomic_load_explicit(&ahead->stop, memory_order_relaxed);
}

/* The next batch to fill, once the receiver has left it; NULL when it is time to stop. */
static struct weir__batch *wait_for_room(struct weir__ahead *ahead)
{
	uint32_t made = atomic_load_explicit(&ahead->made, memory_order_relaxed), times = 0;

	while (made - atomic_load_explicit(&ahead->passed, memory_order_acquire) == BATCHES) {
		if (is_stopped(ahead))
			return NULL;
		weir__back_off(times++);
	}
	return &ahead->batches[made % BATCHES];
}

/* One packet, by the careful way: the record that the last peek found. */
static void note_peeked(struct weir__batch *batch, const struct weir_capture_reader *reader,
	const struct weir_capture_packet *packet, uint8_t *data)
{
	batch->count = 1;
	batch->records[0] = (struct weir__record){.timestamp_ns = packet->timestamp_ns,
		.data = data,
		.length = packet->length,
		.wire_length = packet->wire_length,
		.kind = weir__record_kind(packet, (uint16_t)weir__capture_headroom(reader, data))};
}

/* Fill a batch: 1; 0 or -errno for the end; -EAGAIN when a pipe has nothing. */
static int fill(struct weir_capture_reader *reader, struct weir__batch *batch)
{
	struct weir_capture_packet packet;
	uint8_t *data;
	int got = 1;

	batch->count = weir__capture_take(reader, batch->records, WEIR__AHEAD_RECORDS);
	if (batch->count == 0) {
		got = weir_capture_peek(reader, &packet, &data);
		if (got == 1) {
			note_peeked(batch, reader, &packet, data);
			weir_capture_advance(reader);
		}
	}
	batch->block = got == 1 ? weir__capture_any_block(reader, &batch->copied) : NULL;
	if (batch->block)
		weir__block_take(batch->block, 1);
	return got;
}

static void hand_over(struct weir__ahead *ahead, struct weir__batch *batch, int result)
{
	uint64_t size;

	batch->result = result;
	if (result < 0)
		ahead->sentence = strdup(weir_last_error());
	weir_capture_progress(ahead->reader, &batch->position, &size);
	atomic_fetch_add_explicit(&ahead->made, 1, memory_order_release);
}

static void *read_ahead(void *context)
{
	struct weir__ahead *ahead = context;
	struct weir__batch *batch;
	uint32_t times = 0;
	int got = 1;

	while (got == 1 && (batch = wait_for_room(ahead)) != NULL) {
		while ((got = fill(ahead->reader, batch)) == -EAGAIN && !is_stopped(ahead))
			weir__back_off(times++);
		times = 0;
		if (got != -EAGAIN)
			hand_over(ahead, batch, got);
	}
	return NULL;
}

/* A receiver that is bound to cores shares them with nobody: the thread runs on the others, if
 * there are any. */
static void leave_cores(pthread_t thread)
{
	cpu_set_t taken, rest;

	if (pthread_getaffinity_np(pthread_self(), sizeof(taken), &taken) != 0)
		return;
	CPU_ZERO(&rest);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (!CPU_ISSET(i, &taken))
			CPU_SET(i, &rest);
	pthread_setaffinity_np(thread, sizeof(rest), &rest);
}

static int start_thread(struct weir__ahead *ahead)
{
	sigset_t all, before;
	int error;

	/* signals are for the program's own threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&ahead->thread, NULL, read_ahead, ahead);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return weir__fail(error, "no thread to read ahead: %s", strerror(error));
	leave_cores(ahead->thread);
	return 0;
}

struct weir__ahead *weir__ahead_start(struct weir_capture_reader *reader)
{
	struct weir__ahead *ahead =
		aligned_alloc(WEIR_CACHE_LINE, weir__round_up(sizeof(*ahead), WEIR_CACHE_LINE));

	if (!ahead)
		return weir__fail_null(ENOMEM, "no memory to read ahead");
	memset(ahead, 0, sizeof(*ahead));
	ahead->reader = reader;
	if (start_thread(ahead)) {
		free(ahead);
		return NULL;
	}
	return ahead;
}

struct weir__batch *weir__ahead_look(struct weir__ahead *ahead)
{
	uint32_t passed = atomic_load_explicit(&ahead->passed, memory_order_relaxed);

	if (atomic_load_explicit(&ahead->made, memory_order_acquire) == passed)
		return NULL;
	return &ahead->batches[passed % BATCHES];
}

void weir__ahead_pass(struct weir__ahead *ahead)
{
	atomic_fetch_add_explicit(&ahead->passed, 1, memory_order_release);
}

const char *weir__ahead_sentence(const struct weir__ahead *ahead)
{
	return ahead->sentence ? ahead->sentence : "the capture could not be read";
}

void weir__ahead_stop(struct weir__ahead *ahead)
{
	struct weir__batch *batch;

	if (!ahead)
		return;
	atomic_store_explicit(&ahead->stop, true, memory_order_relaxed);
	pthread_join(ahead->thread, NULL);
	for (; (batch = weir__ahead_look(ahead)) != NULL; weir__ahead_pass(ahead))
		if (batch->block)
			weir__block_drop(batch->block, 1);
	free(ahead->sentence);
	free(ahead);
}
