/* SPDX-License-Identifier: BSD-3-Clause */
/* misuse_deeds.h: mistakes with mbufs and objects, for test_misuse.c. Each leaves nothing out. */
#ifndef MISUSE_DEEDS_H
#define MISUSE_DEEDS_H

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/mbuf.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct weir_mempool *pool, *other;
static struct weir_mbuf *take(void)
{
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	return mbuf;
}

/* A packet of some bytes. */
static struct weir_mbuf *take_filled(void)
{
	struct weir_mbuf *mbuf = take();

	memset(weir_mbuf_append(mbuf, 100), 7, 100);
	return mbuf;
}

/* Write where nobody may. AddressSanitizer must not see it: what it does is another test's. */
static __attribute__((no_sanitize_address, noinline)) void poke(void *at, uint8_t value)
{
	*(uint8_t *)at = value;
}

/* ---- given back wrongly ---- */

static void free_twice(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_free(mbuf);
	weir_mbuf_free(mbuf);
}

static void free_twice_at_once(void)
{
	struct weir_mbuf *mbufs[3] = {take(), take()};

	mbufs[2] = mbufs[0];
	weir_mbuf_free_bulk(mbufs, 3);
}

static void *free_it(void *mbuf)
{
	weir_mbuf_free(mbuf);
	return NULL;
}

static void free_in_two_threads(void)
{
	struct weir_mbuf *mbuf = take();
	pthread_t thread;

	pthread_create(&thread, NULL, free_it, mbuf);
	pthread_join(thread, NULL);
	weir_mbuf_free(mbuf);
}

static void free_a_segment_before_its_chain(void)
{
	struct weir_mbuf *mbuf = take(), *second = take();

	weir_mbuf_set_next(mbuf, second);
	weir_mbuf_free(second);
	weir_mbuf_free(mbuf);
}

static void free_a_segment_after_its_chain(void)
{
	struct weir_mbuf *mbuf = take(), *second = take();

	weir_mbuf_set_next(mbuf, second);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(second);
}

static void free_a_clone_twice(void)
{
	struct weir_mbuf *mbuf = take(), *clone = weir_mbuf_clone(mbuf, pool);

	weir_mbuf_free(clone);
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
}

static void free_once_more_than_referenced(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_ref(mbuf, 1);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(mbuf);
}

static void free_an_original_twice_before_its_clone(void)
{
	struct weir_mbuf *mbuf = take(), *clone = weir_mbuf_clone(mbuf, pool);

	weir_mbuf_free(mbuf);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(clone);
}

static void free_a_copy_of_the_metadata(void)
{
	struct weir_mbuf *mbuf = take(), copy;

	memcpy(&copy, mbuf, sizeof(copy));
	weir_mbuf_free(&copy);
	weir_mbuf_free(mbuf);
}

static void put_to_another_pool(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mempool_put(other, mbuf);
	weir_mbuf_free(mbuf);
}

static void put_the_middle(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mempool_put(pool, weir_mbuf_data(mbuf));
	weir_mbuf_free(mbuf);
}

static void put_what_is_on_the_stack(void)
{
	char object[64];

	weir_mempool_put(other, object);
}

static void put_an_object_twice(void)
{
	void *object = weir_mempool_get(other);

	weir_mempool_put(other, object);
	weir_mempool_put(other, object);
}

/* ---- written wrongly ---- */

static void write_after_free(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_free(mbuf);
	poke(weir_mbuf_data(mbuf), 'A');
	weir_mbuf_free(take());
}

static void write_metadata_after_free(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_free(mbuf);
	poke(&mbuf->hash, 'A');
	weir_mbuf_free(take());
}

static void chain_what_is_free(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_free(mbuf);
	weir_mbuf_set_next(mbuf, (struct weir_mbuf *)weir_mempool_object(pool, 40));
	mbuf = take();
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0); /* mended */
	weir_mbuf_free(mbuf);
}

static void write_an_object_after_put(void)
{
	uint8_t *object = weir_mempool_get(other);

	weir_mempool_put(other, object);
	poke(object + 63, 'A');
	weir_mempool_put(other, weir_mempool_get(other));
}

static void write_past_the_end(void)
{
	struct weir_mbuf *mbuf = take();

	poke(weir_mbuf_data(mbuf) + weir_mbuf_tailroom(mbuf), 'A');
	weir_mbuf_free(mbuf);
}

static void write_past_the_end_of_an_object(void)
{
	uint8_t *object = weir_mempool_get(other);

	poke(object + 64 + 15, 'A');
	weir_mempool_put(other, object);
}

static void write_what_a_clone_has(void)
{
	struct weir_mbuf *mbuf = take_filled(), *clone = weir_mbuf_clone(mbuf, pool);

	weir_mbuf_data(mbuf)[3] = 'A';
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
}

static void write_by_a_clone(void)
{
	struct weir_mbuf *mbuf = take_filled(), *clone = weir_mbuf_clone(mbuf, pool);

	weir_mbuf_data(clone)[3] = 'A';
	weir_mbuf_free(mbuf);
	weir_mbuf_free(clone);
}

static void write_what_a_slice_has(void)
{
	struct weir_mbuf *mbuf = take_filled(), *slice = weir_mbuf_slice(mbuf, 50, 10, pool);

	weir_mbuf_data(mbuf)[99] = 'A';
	weir_mbuf_free(slice);
	weir_mbuf_free(mbuf);
}

static void write_what_is_referenced(void)
{
	struct weir_mbuf *mbuf = take_filled();

	weir_mbuf_ref(mbuf, 1);
	weir_mbuf_data(mbuf)[0] = 'A';
	weir_mbuf_free(mbuf);
	weir_mbuf_free(mbuf);
}

static void write_what_is_frozen(void)
{
	struct weir_mbuf *mbuf = take_filled();

	weir_mbuf_freeze(mbuf);
	weir_mbuf_data(mbuf)[0] = 'A';
	weir_mbuf_free(mbuf);
}

/* ---- states that cannot be ---- */

static void set_state(struct weir_mbuf *mbuf, uint32_t state)
{
	atomic_store_explicit(&mbuf->state, state, memory_order_relaxed);
}

static void free_with_state(uint32_t set)
{
	struct weir_mbuf *mbuf = take();
	uint32_t state = weir_ref_look(&mbuf->state);

	set_state(mbuf, set ? set : state - 1);
	weir_mbuf_free(mbuf);
	set_state(mbuf, state);
	weir_mbuf_free(mbuf);
}

static void free_what_nobody_holds(void)
{
	free_with_state(0);
}

static void free_an_overwritten_one(void)
{
	free_with_state(UINT32_MAX);
}

static void free_what_is_no_mbuf(void)
{
	struct weir_mbuf mbuf = {.offset = 0};

	set_state(&mbuf, 1 | 4000u << WEIR__MBUF_POOL_SHIFT);
	weir_mbuf_free(&mbuf);
}

static void free_a_chain_into_nothing(void)
{
	struct weir_mbuf *mbuf = take(), zeros = {.offset = 0};

	weir_mbuf_set_next(mbuf, &zeros);
	weir_mbuf_free(mbuf);
}

static void take_too_many_references(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_ref(mbuf, 32767);
	CU_ASSERT_EQUAL(weir_mbuf_refs(mbuf), 1);
	weir_mbuf_free(mbuf);
}

static void take_too_many_of_a_later_segment(void)
{
	struct weir_mbuf *mbuf = take(), *second = take();

	weir_mbuf_ref(second, 32766);
	weir_mbuf_set_next(mbuf, second);
	weir_mbuf_ref(mbuf, 1);
	CU_ASSERT_EQUAL(weir_mbuf_refs(mbuf), 1);
	for (uint32_t i = 0; i < 32766; i++)
		weir_mbuf_free(second);
	weir_mbuf_free(mbuf);
}

static void destroy_too_early(void)
{
	struct weir_mbuf *mbuf = take();

	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), -EBUSY);
	weir_mbuf_free(mbuf);
}

/* ---- found by weir_mbuf_check() ---- */

static void check(const struct weir_mbuf *mbuf)
{
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), -EINVAL);
}

static void check_a_free_one(void)
{
	struct weir_mbuf *mbuf = take();

	weir_mbuf_free(mbuf);
	check(mbuf);
}

static void check_next_set_by_hand(void)
{
	struct weir_mbuf *mbuf = take(), *second = take();

	mbuf->next = second;
	check(mbuf);
	mbuf->next = NULL;
	weir_mbuf_free(mbuf);
	weir_mbuf_free(second);
}

static void check_data_outside(void)
{
	struct weir_mbuf *mbuf = take();

	mbuf->data_length = mbuf->length = 101;
	check(mbuf);
	weir_mbuf_free(mbuf);
}

static void check_lengths(void)
{
	struct weir_mbuf *mbuf = take_filled();

	mbuf->length = 99;
	check(mbuf);
	weir_mbuf_free(mbuf);
}

static void check_a_moved_buffer(void)
{
	struct weir_mbuf *mbuf = take();

	mbuf->buffer++;
	check(mbuf);
	mbuf->buffer--;
	weir_mbuf_free(mbuf);
}

static void check_a_written_fence(void)
{
	struct weir_mbuf *mbuf = take();
	uint8_t *end = weir_mbuf_data(mbuf) + weir_mbuf_tailroom(mbuf);

	poke(end, 'A');
	check(mbuf);
	poke(end, 0xfe); /* FENCE_BYTE of lib/mempool/fence.c */
	weir_mbuf_free(mbuf);
}

static void check_written_shared_bytes(void)
{
	struct weir_mbuf *mbuf = take_filled(), *clone = weir_mbuf_clone(mbuf, pool);

	weir_mbuf_data(mbuf)[3] = 'A';
	check(mbuf);
	weir_mbuf_data(mbuf)[3] = 7;
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
}

#endif
