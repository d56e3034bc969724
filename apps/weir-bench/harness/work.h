/* SPDX-License-Identifier: BSD-3-Clause */
/* work.h: the work that is measured, written once for everybody.
 *
 * A subject (weir's mbufs, DPDK's, malloc, a ring) gives a handful of small functions. The loops
 * around them are here, always inlined with those functions as constants, so that each subject gets
 * its own copy in which its fast paths are inlined as in a program written for it alone.
 * docs/bench.md says what one operation of each pattern is.
 */
#ifndef WORK_H
#define WORK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORK_INLINE static inline __attribute__((always_inline))

#define WORK_BURST_MAX 512
/* Buffers outstanding in QUEUEING, and taken before the first is given back in TAKING. */
#define WORK_OUTSTANDING 1024
#define WORK_TAKEN       2048
#define WORK_HELD_MAX    2048
/* Bytes written and read of each packet that is handed over: one line. */
#define WORK_DATA 64

enum work_pattern {
	WORK_BULK,     /* take a burst, give it back */
	WORK_SINGLE,   /* take one, give it back, by the calls for one */
	WORK_TAKING,   /* take 2,048 in bursts, give all back in bursts */
	WORK_QUEUEING, /* 1,024 outstanding: take a burst, give back the oldest */
};

/* What a worker at a ring does. */
enum work_role {
	WORK_PRODUCE,  /* fill it; operations are not counted */
	WORK_CONSUME,  /* empty it */
	WORK_EXCHANGE, /* both */
};

/* Where buffers come from. Constant, so that it can be inlined. */
struct work_buffers {
	bool (*get)(void *pool, void **buffers, uint32_t count); /* all, or false */
	void (*put)(void *pool, void **buffers, uint32_t count);
	void *(*get_one)(void *pool);
	void (*put_one)(void *pool, void *buffer);
	uint8_t *(*data)(void *buffer); /* at least WORK_DATA bytes */
};

/* What passes pointers. Both take or give up to count, and return how many. */
struct work_ring {
	uint32_t (*enqueue)(void *ring, void *const *pointers, uint32_t count);
	uint32_t (*dequeue)(void *ring, void **pointers, uint32_t count);
};

/* One worker's state. */
struct work {
	enum work_pattern pattern; /* of buffers */
	enum work_role role;       /* at a ring */
	uint32_t burst;
	void *pool;
	void *ring;
	atomic_bool *stop;
	atomic_bool *failed; /* a pool ran dry, which is no result */
	uint32_t newest;     /* in held, of the pattern QUEUEING */
	uint64_t sum;        /* of what was read, so that reading cannot be left out */
	void *burst_of[WORK_BURST_MAX];
	void *held[WORK_HELD_MAX];
} __attribute__((aligned(128)));

/* The compiler must believe that somebody looks at these pointers. */
WORK_INLINE void work_use(void **pointers)
{
	__asm__ __volatile__("" : : "r"(pointers) : "memory");
}

WORK_INLINE bool work_stopped(const struct work *work)
{
	return atomic_load_explicit(work->stop, memory_order_relaxed);
}

WORK_INLINE void work_fail(struct work *work)
{
	atomic_store_explicit(work->failed, true, memory_order_relaxed);
	atomic_store_explicit(work->stop, true, memory_order_relaxed);
}

/* Between two looks at a ring; after many, let a thread that shares the core run. */
WORK_INLINE void work_relax(uint32_t *looks)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
	if (++*looks % 65536 == 0)
		sched_yield();
}

WORK_INLINE void work_bulk(const struct work_buffers *buffers, struct work *work)
{
	if (!buffers->get(work->pool, work->burst_of, work->burst)) {
		work_fail(work);
		return;
	}
	work_use(work->burst_of);
	buffers->put(work->pool, work->burst_of, work->burst);
}

WORK_INLINE void work_single(const struct work_buffers *buffers, struct work *work)
{
	void *buffer = buffers->get_one(work->pool);

	if (!buffer) {
		work_fail(work);
		return;
	}
	work->burst_of[0] = buffer;
	work_use(work->burst_of);
	buffers->put_one(work->pool, work->burst_of[0]);
}

WORK_INLINE void work_taking(const struct work_buffers *buffers, struct work *work)
{
	uint32_t taken = 0;

	for (; taken < WORK_TAKEN; taken += work->burst) {
		if (!buffers->get(work->pool, work->held + taken, work->burst)) {
			work_fail(work);
			break;
		}
	}
	work_use(work->held);
	for (uint32_t i = 0; i < taken; i += work->burst)
		buffers->put(work->pool, work->held + i, work->burst);
}

/* held is a circle of bursts with room for one more than are outstanding. */
WORK_INLINE void work_queueing(const struct work_buffers *buffers, struct work *work)
{
	if (!buffers->get(work->pool, work->held + work->newest, work->burst)) {
		work_fail(work);
		return;
	}
	work_use(work->held);
	work->newest = (work->newest + work->burst) % (WORK_OUTSTANDING + work->burst);
	buffers->put(work->pool, work->held + work->newest, work->burst);
}

/* Fill what QUEUEING starts from: all of the circle but the burst at newest. */
WORK_INLINE void work_prepare(const struct work_buffers *buffers, struct work *work)
{
	work->newest = 0;
	if (work->pattern != WORK_QUEUEING)
		return;
	for (uint32_t i = work->burst; i <= WORK_OUTSTANDING; i += work->burst)
		if (!buffers->get(work->pool, work->held + i, work->burst))
			work_fail(work);
}

/* And give it back. */
WORK_INLINE void work_finish(const struct work_buffers *buffers, struct work *work)
{
	uint32_t at = work->newest;

	if (work->pattern != WORK_QUEUEING)
		return;
	for (uint32_t i = 0; i < WORK_OUTSTANDING; i += work->burst) {
		at = (at + work->burst) % (WORK_OUTSTANDING + work->burst);
		buffers->put(work->pool, work->held + at, work->burst);
	}
}

/* Rounds of the work's pattern; returns the operations: buffers taken and given back. */
WORK_INLINE uint64_t work_buffers_run(
	const struct work_buffers *buffers, struct work *work, uint64_t rounds)
{
	switch (work->pattern) {
	case WORK_BULK:
		for (uint64_t i = 0; i < rounds; i++)
			work_bulk(buffers, work);
		return rounds * work->burst;
	case WORK_SINGLE:
		for (uint64_t i = 0; i < rounds; i++)
			work_single(buffers, work);
		return rounds;
	case WORK_TAKING:
		for (uint64_t i = 0; i < rounds; i++)
			work_taking(buffers, work);
		return rounds * WORK_TAKEN;
	case WORK_QUEUEING:
		for (uint64_t i = 0; i < rounds; i++)
			work_queueing(buffers, work);
		return rounds * work->burst;
	}
	return 0;
}

/* Put the burst into the ring, waiting for room; fewer than the burst only when told to stop. */
WORK_INLINE uint32_t work_enqueue(const struct work_ring *ring, struct work *work)
{
	uint32_t done = 0, looks = 0;

	for (;;) {
		done += ring->enqueue(work->ring, work->burst_of + done, work->burst - done);
		if (done == work->burst || work_stopped(work))
			return done;
		work_relax(&looks);
	}
}

WORK_INLINE uint32_t work_dequeue(const struct work_ring *ring, struct work *work)
{
	uint32_t done = 0, looks = 0;

	for (;;) {
		done += ring->dequeue(work->ring, work->burst_of + done, work->burst - done);
		if (done == work->burst || work_stopped(work))
			break;
		work_relax(&looks);
	}
	work_use(work->burst_of);
	return done;
}

/* One core fills the ring; what it does is not counted. */
WORK_INLINE uint64_t work_produce(const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds && !work_stopped(work); i++)
		work_enqueue(ring, work);
	return 0;
}

/* Another empties it: operations are pointers that came through. */
WORK_INLINE uint64_t work_consume(const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < rounds && !work_stopped(work); i++)
		count += work_dequeue(ring, work);
	return count;
}

/* Each core does both; operations are pointers put in and taken out. */
WORK_INLINE uint64_t work_exchange(const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		work_enqueue(ring, work);
		count += work_dequeue(ring, work);
	}
	return count;
}

WORK_INLINE uint64_t work_ring_run(const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	switch (work->role) {
	case WORK_PRODUCE:
		return work_produce(ring, work, rounds);
	case WORK_CONSUME:
		return work_consume(ring, work, rounds);
	case WORK_EXCHANGE:
		return work_exchange(ring, work, rounds);
	}
	return 0;
}

/* Take a burst, write to the data of each, hand it over. */
WORK_INLINE uint64_t work_hand_over(const struct work_buffers *buffers,
	const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds && !work_stopped(work); i++) {
		uint64_t line[WORK_DATA / sizeof(uint64_t)] = {i, i + 1, i + 2, i + 3};
		uint32_t sent;

		if (!buffers->get(work->pool, work->burst_of, work->burst)) {
			work_fail(work);
			break;
		}
		for (uint32_t j = 0; j < work->burst; j++)
			memcpy(buffers->data(work->burst_of[j]), line, sizeof(line));
		sent = work_enqueue(ring, work);
		if (sent < work->burst)
			buffers->put(work->pool, work->burst_of + sent, work->burst - sent);
	}
	return 0;
}

/* Take it over, read the data of each, give the burst back on this core. */
WORK_INLINE uint64_t work_take_over(const struct work_buffers *buffers,
	const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < rounds && !work_stopped(work); i++) {
		uint32_t got = work_dequeue(ring, work);

		for (uint32_t j = 0; j < got; j++) {
			uint64_t line[WORK_DATA / sizeof(uint64_t)];

			memcpy(line, buffers->data(work->burst_of[j]), sizeof(line));
			for (uint32_t k = 0; k < WORK_DATA / sizeof(uint64_t); k++)
				work->sum += line[k];
		}
		if (got > 0)
			buffers->put(work->pool, work->burst_of, got);
		count += got;
	}
	return count;
}

WORK_INLINE uint64_t work_handoff_run(const struct work_buffers *buffers,
	const struct work_ring *ring, struct work *work, uint64_t rounds)
{
	if (work->role == WORK_PRODUCE)
		return work_hand_over(buffers, ring, work, rounds);
	return work_take_over(buffers, ring, work, rounds);
}

/* Bytes that are looked at again and again. */
struct work_bytes {
	const uint8_t *bytes;
	uint32_t length;
	uint32_t result; /* so that no call can be left out */
};

/* The compiler must take the length for unknown, and the bytes for new. */
WORK_INLINE uint64_t work_bytes_run(uint32_t (*call)(const uint8_t *bytes, uint32_t length),
	struct work_bytes *work, uint64_t rounds)
{
	const uint8_t *bytes = work->bytes;
	uint32_t length = work->length, result = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		__asm__ __volatile__("" : "+r"(length) : : "memory");
		result ^= call(bytes, length);
	}
	work->result = result;
	return rounds;
}

#endif
