/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mbuf.c: mbufs alone, in chains, shared, and when the pool is dry. */
#include "pool.h"
#include "unit.h"

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/mbuf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* The table of docs/mbuf.md; what lies in between follows from the sizes. */
static_assert(offsetof(struct weir_mbuf, link_type) == 4, "docs/mbuf.md");
static_assert(offsetof(struct weir_mbuf, buffer) == 8, "docs/mbuf.md");
static_assert(offsetof(struct weir_mbuf, flags) == 28, "docs/mbuf.md");
static_assert(offsetof(struct weir_mbuf, timestamp_ns) == 40, "docs/mbuf.md");
static_assert(offsetof(struct weir_mbuf, hash) == 52, "docs/mbuf.md");
static_assert(offsetof(struct weir_mbuf, l3_length) == 60, "docs/mbuf.md");

static struct weir_mempool *pool;

/* Each test starts with a full pool of 64 mbufs of 100 bytes and must leave it full. */
static void begin(void)
{
	pool = make_pool(64, 100);
}

static struct weir_mbuf *packet_of(uint32_t length)
{
	uint8_t bytes[8192];
	struct weir_mbuf *mbuf;

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	mbuf = weir_mbuf_from_bytes(pool, bytes, length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	return mbuf;
}

/* Does the packet hold the bytes of packet_of() from first on? */
static bool holds(const struct weir_mbuf *mbuf, uint32_t first, uint32_t length)
{
	uint8_t bytes[8192];

	if (mbuf->length != length || weir_mbuf_check(mbuf) ||
		weir_mbuf_read(mbuf, 0, bytes, length))
		return false;
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] != (uint8_t)((first + i) * 7 + (first + i) / 256))
			return false;
	return true;
}

static void test_alloc_gives_an_empty_one(void)
{
	struct weir_mbuf *mbuf;

	begin();
	for (uint32_t round = 0; round < 3; round++) {
		mbuf = weir_mbuf_alloc(pool);
		CU_ASSERT_EQUAL(mbuf->length, 0);
		CU_ASSERT_EQUAL(mbuf->data_length, 0);
		CU_ASSERT_EQUAL(mbuf->flags, 0);
		CU_ASSERT_PTR_NULL(mbuf->next);
		CU_ASSERT_EQUAL(weir_mbuf_headroom(mbuf), WEIR_MBUF_HEADROOM);
		CU_ASSERT_EQUAL(weir_mbuf_tailroom(mbuf), 100);
		CU_ASSERT_EQUAL(weir_mbuf_refs(mbuf), 1);
		CU_ASSERT_EQUAL(weir_mbuf_link_type(mbuf), 1);
		CU_ASSERT_PTR_EQUAL(weir_mbuf_pool(mbuf), pool);
		CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
		/* dirty it all: the next round must not see it */
		weir_mbuf_set_link_type(mbuf, 0xfffe);
		weir_mbuf_append(mbuf, 50);
		weir_mbuf_adj(mbuf, 20);
		CU_ASSERT_EQUAL(weir_mbuf_link_type(mbuf), 0xfffe);
		mbuf->flags = UINT32_MAX;
		weir_mbuf_free(mbuf);
	}
	weir_mbuf_free(NULL);
	end_pool(pool);
}

static void test_room_at_both_ends(void)
{
	struct weir_mbuf *mbuf;
	uint8_t *data;

	begin();
	mbuf = weir_mbuf_alloc(pool);
	data = weir_mbuf_append(mbuf, 100);
	CU_ASSERT_PTR_EQUAL(data, weir_mbuf_data(mbuf));
	CU_ASSERT_PTR_NULL(weir_mbuf_append(mbuf, 1));
	CU_ASSERT_PTR_EQUAL(weir_mbuf_prepend(mbuf, WEIR_MBUF_HEADROOM), data - WEIR_MBUF_HEADROOM);
	CU_ASSERT_PTR_NULL(weir_mbuf_prepend(mbuf, 1));
	CU_ASSERT_PTR_NULL(weir_mbuf_prepend(mbuf, UINT32_MAX));
	CU_ASSERT_PTR_NULL(weir_mbuf_append(mbuf, UINT32_MAX));
	CU_ASSERT_EQUAL(mbuf->length, 100 + WEIR_MBUF_HEADROOM);
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	weir_mbuf_free(mbuf);
	end_pool(pool);
}

static void test_private_area_and_headroom(void)
{
	struct weir_mbuf_pool_conf conf = {.count = 8,
		.size = 60,
		.headroom = WEIR_MBUF_NO_HEADROOM,
		.private_size = 24,
		.pages = WEIR_PAGES_4K};
	struct weir_mempool *with = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(with);

	CU_ASSERT_EQUAL(weir_mbuf_pool_size(with), 60);
	CU_ASSERT_EQUAL(weir_mbuf_headroom(mbuf), 0);
	CU_ASSERT_EQUAL(weir_mbuf_tailroom(mbuf), 60);
	for (uint32_t i = 0; i < 24; i++)
		CU_ASSERT_EQUAL(((uint8_t *)weir_mbuf_private(mbuf))[i], 0);
	memset(weir_mbuf_private(mbuf), 0xff, 24);
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	CU_ASSERT((uint8_t *)weir_mbuf_private(mbuf) + 24 <= mbuf->buffer);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(with), 0);
}

static void test_chains_carry_large_packets(void)
{
	begin();
	for (uint32_t length = 0; length <= 6400; length += length < 310 ? 1 : 609) {
		struct weir_mbuf *mbuf = packet_of(length);

		CU_ASSERT_EQUAL(weir_mbuf_segments(mbuf), length ? (length + 99) / 100 : 1);
		CU_ASSERT(holds(mbuf, 0, length));
		weir_mbuf_free(mbuf);
		CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	}
	/* one byte more than the whole pool: nothing is taken */
	CU_ASSERT_PTR_NULL(weir_mbuf_from_bytes(pool, "", 6401));
	end_pool(pool);
}

/* As long as asked for, in as many segments as it takes, of which the last may be shorter; all of
 * the pool, and none when that is not enough. */
static void test_chains_of_a_length(void)
{
	static const struct {
		uint32_t length, segment, segments, last;
	} of[] = {{0, 0, 1, 0}, {1, 1, 1, 1}, {100, 0, 1, 100}, {101, 0, 2, 1}, {300, 100, 3, 100},
		{200, 30, 7, 20}, {64, 1, 64, 1}};
	struct weir_mbuf *mbuf;

	begin();
	for (uint32_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		mbuf = weir_mbuf_alloc_chain(pool, of[i].length, of[i].segment);
		CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
		CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
		CU_ASSERT_EQUAL(mbuf->length, of[i].length);
		CU_ASSERT_EQUAL(weir_mbuf_segments(mbuf), of[i].segments);
		CU_ASSERT_EQUAL(weir_mbuf_last(mbuf)->data_length, of[i].last);
		weir_mbuf_free(mbuf);
	}
	errno = 0;
	CU_ASSERT_PTR_NULL(weir_mbuf_alloc_chain(pool, 65, 1));
	CU_ASSERT_EQUAL(errno, ENOBUFS);
	CU_ASSERT_PTR_NULL(weir_mbuf_alloc_chain(pool, 1, 101));
	CU_ASSERT_EQUAL(errno, EMSGSIZE);
	end_pool(pool);
}

static void test_adj_and_trim_over_segments(void)
{
	begin();
	for (uint32_t cut = 0; cut <= 350; cut++) {
		struct weir_mbuf *front = packet_of(350), *back = packet_of(350);

		CU_ASSERT_EQUAL(weir_mbuf_adj(front, cut), 0);
		CU_ASSERT(holds(front, cut, 350 - cut));
		CU_ASSERT_EQUAL(weir_mbuf_trim(back, cut), 0);
		CU_ASSERT(holds(back, 0, 350 - cut));
		CU_ASSERT_EQUAL(weir_mbuf_adj(front, 351 - cut), -EINVAL);
		CU_ASSERT_EQUAL(weir_mbuf_trim(back, 351 - cut), -EINVAL);
		weir_mbuf_free(front);
		weir_mbuf_free(back);
	}
	end_pool(pool);
}

static void test_concat(void)
{
	struct weir_mbuf *head, *tail;

	begin();
	head = packet_of(250);
	tail = packet_of(600);
	weir_mbuf_adj(tail, 250);
	CU_ASSERT_EQUAL(weir_mbuf_concat(head, tail), 0);
	CU_ASSERT(holds(head, 0, 600));
	weir_mbuf_free(head);
	end_pool(pool);
}

/* Chains, an empty packet, one, none; and too many bytes leave all as it was. */
static void test_concat_bulk(void)
{
	struct weir_mbuf *packets[4];

	begin();
	packets[0] = packet_of(200);
	for (uint32_t i = 1; i < 4; i++) {
		packets[i] = packet_of(200 * (i + 1));
		weir_mbuf_adj(packets[i], 200 * i);
	}
	weir_mbuf_trim(packets[3], 200);
	packets[3]->length = UINT32_MAX - 599;
	CU_ASSERT_EQUAL(weir_mbuf_concat_bulk(packets, 4), -EMSGSIZE);
	packets[3]->length = 0;
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(weir_mbuf_check(packets[i]), 0);
	CU_ASSERT_EQUAL(weir_mbuf_concat_bulk(packets, 0), 0);
	CU_ASSERT_EQUAL(weir_mbuf_concat_bulk(packets, 1), 0);
	CU_ASSERT_EQUAL(weir_mbuf_concat_bulk(packets, 4), 0);
	CU_ASSERT_EQUAL(weir_mbuf_check(packets[0]), 0);
	CU_ASSERT(holds(packets[0], 0, 600));
	weir_mbuf_free(packets[0]);
	end_pool(pool);
}

static void test_read_needs_the_bytes(void)
{
	struct weir_mbuf *mbuf;
	uint8_t byte;

	begin();
	mbuf = packet_of(200);
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, 199, &byte, 1), 0);
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, 200, &byte, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, 201, &byte, 0), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, UINT32_MAX, &byte, 2), -EINVAL);
	weir_mbuf_free(mbuf);
	end_pool(pool);
}

/* Every piece of what is left, from byte first on, of a chain of 100, 100, 0, 0 and 50 bytes. */
static void check_peeks(const struct weir_mbuf *mbuf, uint32_t first)
{
	uint8_t bounce[252];

	for (uint32_t offset = 0; offset <= mbuf->length + 1; offset++) {
		for (uint32_t length = 0; length <= mbuf->length + 1; length++) {
			const uint8_t *bytes = weir_mbuf_peek(mbuf, offset, length, bounce);
			uint32_t end = offset + length;
			bool within = end <= mbuf->length;

			CU_ASSERT_EQUAL(bytes != NULL, within);
			if (!within || length == 0)
				continue;
			CU_ASSERT_EQUAL(
				bytes == bounce, (offset + first) / 100 != (end - 1 + first) / 100);
			for (uint32_t i = 0; i < length; i++)
				if (bytes[i] != (uint8_t)((first + offset + i) * 7))
					CU_FAIL("other bytes");
		}
	}
}

static void test_peek_copies_only_what_is_in_pieces(void)
{
	struct weir_mbuf *mbuf, *rest;
	uint8_t bounce[8];

	begin();
	mbuf = packet_of(200);
	rest = packet_of(250);
	weir_mbuf_adj(rest, 200); /* leaves two segments of no bytes */
	weir_mbuf_concat(mbuf, rest);
	for (uint32_t first = 0; first < 250; first += 50) {
		check_peeks(mbuf, first);
		weir_mbuf_adj(mbuf, 50);
	}
	CU_ASSERT_PTR_NOT_NULL(weir_mbuf_peek(mbuf, 0, 0, bounce));
	CU_ASSERT_PTR_NULL(weir_mbuf_peek(mbuf, UINT32_MAX, 2, bounce));
	CU_ASSERT_PTR_NULL(weir_mbuf_peek(mbuf, 2, UINT32_MAX, bounce));
	weir_mbuf_free(mbuf);
	end_pool(pool);
}

static void test_copy_takes_the_metadata_along(void)
{
	struct weir_mbuf *mbuf, *copy;

	begin();
	mbuf = packet_of(333);
	mbuf->flags = WEIR_MBUF_TIMESTAMP | WEIR_MBUF_WIRE_LENGTH;
	mbuf->timestamp_ns = 12345;
	mbuf->wire_length = 9999;
	mbuf->port = 3;
	weir_mbuf_set_link_type(mbuf, 101);
	copy = weir_mbuf_copy(mbuf, pool);
	weir_mbuf_free(mbuf);
	CU_ASSERT(holds(copy, 0, 333));
	CU_ASSERT_EQUAL(copy->timestamp_ns, 12345);
	CU_ASSERT_EQUAL(weir_mbuf_wire_length(copy), 9999);
	CU_ASSERT_EQUAL(copy->port, 3);
	CU_ASSERT_EQUAL(weir_mbuf_link_type(copy), 101);
	weir_mbuf_free(copy);
	end_pool(pool);
}

static void test_references(void)
{
	struct weir_mbuf *mbuf;

	begin();
	mbuf = packet_of(250); /* 3 segments */
	weir_mbuf_ref(mbuf, 2);
	CU_ASSERT_EQUAL(weir_mbuf_refs(mbuf), 3);
	weir_mbuf_free(mbuf);
	weir_mbuf_free_bulk(&mbuf, 1);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 3);
	CU_ASSERT(holds(mbuf, 0, 250));
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	mbuf = packet_of(50); /* the one freed last must be clean again */
	CU_ASSERT_EQUAL(weir_mbuf_refs(mbuf), 1);
	weir_mbuf_free(mbuf);
	end_pool(pool);
}

/* Chains, shared ones, plain ones and those of another pool in one array. */
static uint32_t released;

static void release(struct weir_external *external)
{
	(void)external;
	released++;
}

/* Clones of a chain, alone and by the burst, until too many have its bytes: each call is refused
 * then, whole, and the packet is as it was; and attached memory is given up once. */
static void test_too_many_on_the_same_bytes(void)
{
	enum { MANY = 31000, AT_ONCE = 24 };
	struct weir_mempool *many = make_pool(2 * MANY + 100, 16);
	struct weir_mbuf *packet = weir_mbuf_alloc_chain(many, 24, 16), *packets[AT_ONCE];
	struct weir_mbuf **clones = calloc(MANY + AT_ONCE, sizeof(*clones));
	struct weir_external memory;
	uint32_t count = 0, in_use;

	for (uint32_t i = 0; i < AT_ONCE; i++)
		packets[i] = packet;
	while (weir_mbuf_clone_bulk(packets, clones + count, AT_ONCE, many) == 0)
		count += AT_ONCE;
	CU_ASSERT_EQUAL(count, (MANY - 1) / AT_ONCE * AT_ONCE);
	CU_ASSERT_EQUAL(weir_mbuf_clone_bulk(packets, clones + count, AT_ONCE, many), -EMLINK);
	while ((clones[count] = weir_mbuf_clone(packet, many)) != NULL)
		count++;
	CU_ASSERT_EQUAL(errno, EMLINK);
	CU_ASSERT_EQUAL(count, MANY - 1);
	in_use = weir_mempool_in_use(many);
	CU_ASSERT_EQUAL(in_use, 2 * MANY);
	CU_ASSERT_PTR_NULL(weir_mbuf_slice(clones[5], 0, 24, many));
	CU_ASSERT_PTR_NULL(weir_mbuf_split(packet, 3));
	CU_ASSERT_EQUAL(weir_mbuf_make_writable(&packet, 20, 2), 0);
	CU_ASSERT_EQUAL(weir_mbuf_check(packet), 0);
	weir_mbuf_free(packet);
	weir_mbuf_free_bulk(clones, count);
	CU_ASSERT_EQUAL(weir_mempool_in_use(many), 0);

	weir_external_init(&memory, clones, MANY, release, NULL);
	packets[0] = weir_mbuf_alloc(many);
	CU_ASSERT_EQUAL(weir_mbuf_attach(packets[0], &memory, 0, 10), 0);
	for (count = 0; weir_external_ref(&memory) == 0; count++)
		;
	CU_ASSERT_EQUAL(count, MANY - 1);
	CU_ASSERT_PTR_NULL(weir_mbuf_clone(packets[0], many));
	weir_mbuf_free(packets[0]);
	while (count--)
		weir_external_drop(&memory);
	CU_ASSERT_EQUAL(released, 1);
	CU_ASSERT_EQUAL(weir_mempool_in_use(many), 0);
	free(clones);
	CU_ASSERT_EQUAL(weir_mempool_destroy(many), 0);
}

static void test_free_bulk_of_a_mixture(void)
{
	struct weir_mempool *other = make_pool(64, 2000);
	struct weir_mbuf *mbufs[32], *held[4];

	begin();
	for (uint32_t i = 0; i < 32; i++) {
		mbufs[i] = i % 6 == 1 ? weir_mbuf_alloc(other) : packet_of(i % 4 == 3 ? 150 : 80);
		if (i % 8 == 2) {
			weir_mbuf_ref(mbufs[i], 1);
			held[i / 8] = mbufs[i];
		}
	}
	weir_mbuf_free_bulk(mbufs, 32);
	CU_ASSERT_EQUAL(weir_mempool_in_use(other), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 4);
	weir_mbuf_free_bulk(held, 4);
	weir_mbuf_free_bulk(NULL, 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(other), 0);
	end_pool(pool);
}

static void test_bulk_alloc_is_all_or_nothing(void)
{
	struct weir_mbuf *mbufs[65];

	begin();
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, 65), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, 64), 0);
	CU_ASSERT_PTR_NULL(weir_mbuf_alloc(pool));
	for (uint32_t i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[i]), 0);
	weir_mbuf_free_bulk(mbufs, 64);
	end_pool(pool);
}

/* A pool dry at the n-th mbuf of a copy: nothing is taken, nothing lost. */
static void test_dry_in_the_middle(void)
{
	begin();
	for (uint32_t left = 0; left < 6; left++) {
		struct weir_mbuf *packet = packet_of(550), *rest[64]; /* 6 segments */
		uint32_t out = 64 - 6 - left;

		CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(pool, rest, out), 0);
		CU_ASSERT_PTR_NULL(weir_mbuf_copy(packet, pool));
		CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 6 + out);
		CU_ASSERT(holds(packet, 0, 550));
		weir_mbuf_free_bulk(rest, out);
		weir_mbuf_free(packet);
	}
	end_pool(pool);
}

static void test_check_finds_damage(void)
{
	struct weir_mbuf *mbuf;

	begin();
	mbuf = packet_of(150);
	mbuf->length++;
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), -EINVAL);
	mbuf->length--;
	mbuf->offset = 5000;
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), -EINVAL);
	mbuf->offset = WEIR_MBUF_HEADROOM;
	mbuf->data_length += 1000;
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), -EINVAL);
	mbuf->data_length -= 1000;
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	weir_mbuf_free(mbuf);
	end_pool(pool);
}

struct successor {
	struct weir_mempool *pool;
	pthread_barrier_t barrier;
};

static void *free_before_and_after(void *argument)
{
	struct successor *successor = argument;

	for (uint32_t i = 0; i < 2; i++) {
		weir_mbuf_free(weir_mbuf_alloc(successor->pool));
		weir_mbuf_free(weir_mbuf_alloc(successor->pool));
		pthread_barrier_wait(&successor->barrier); /* freed */
		pthread_barrier_wait(&successor->barrier); /* the pool is another */
	}
	return NULL;
}

/* A thread that freed to a pool must not take the next one, of the same number, for it. */
static void test_a_destroyed_pool_is_forgotten_by_all(void)
{
	struct successor successor = {.pool = make_pool(64, 100)};
	pthread_t thread;

	pthread_barrier_init(&successor.barrier, NULL, 2);
	pthread_create(&thread, NULL, free_before_and_after, &successor);
	for (uint32_t i = 0; i < 2; i++) {
		pthread_barrier_wait(&successor.barrier);
		CU_ASSERT_EQUAL(weir_mempool_in_use(successor.pool), 0);
		CU_ASSERT_EQUAL(weir_mempool_destroy(successor.pool), 0);
		successor.pool = make_pool(64, 100);
		pthread_barrier_wait(&successor.barrier);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&successor.barrier);
	CU_ASSERT_EQUAL(weir_mempool_destroy(successor.pool), 0);
}

static void check_memory(struct weir_mbuf_pool_conf conf)
{
	size_t memory = weir_mbuf_pool_memory(&conf);
	struct weir_mempool *made = weir_mbuf_pool_create(&conf);
	uint8_t *first;

	CU_ASSERT_PTR_NOT_NULL_FATAL(made);
	first = weir_mempool_object(made, 0);
	/* the index just behind the last mbuf is the first that is not of the pool */
	CU_ASSERT_EQUAL(memory % conf.count, 0);
	CU_ASSERT_EQUAL(
		weir_mempool_index(made, first + memory - memory / conf.count), conf.count - 1);
	CU_ASSERT_EQUAL(weir_mempool_index(made, first + memory), UINT32_MAX);
	CU_ASSERT_EQUAL(weir_mempool_destroy(made), 0);
}

static void test_memory_is_known_beforehand(void)
{
	check_memory((struct weir_mbuf_pool_conf){.count = 100});
	check_memory((struct weir_mbuf_pool_conf){.count = 7, .size = 1, .headroom = 1});
	check_memory((struct weir_mbuf_pool_conf){
		.count = 33, .size = 9000, .headroom = WEIR_MBUF_NO_HEADROOM, .private_size = 17});
	/* 64 + 128 + 2048 bytes are 35 lines, odd already */
	CU_ASSERT_EQUAL(weir_mbuf_pool_memory(&(struct weir_mbuf_pool_conf){.count = 1u << 20}),
		2240ull << 20);
}

static void check_refused(struct weir_mbuf_pool_conf conf)
{
	CU_ASSERT_EQUAL(weir_mbuf_pool_memory(&conf), 0);
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_mbuf_pool_create(&conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
}

static void test_bad_conf(void)
{
	check_refused((struct weir_mbuf_pool_conf){.count = 0});
	check_refused((struct weir_mbuf_pool_conf){.count = 8, .size = UINT32_MAX});
	check_refused((struct weir_mbuf_pool_conf){.count = 8, .private_size = UINT32_MAX});
	check_refused((struct weir_mbuf_pool_conf){.count = 8, .headroom = UINT32_MAX - 1});
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"alloc gives an empty one", test_alloc_gives_an_empty_one},
		{"room at both ends", test_room_at_both_ends},
		{"private area, no headroom", test_private_area_and_headroom},
		{"chains carry large packets", test_chains_carry_large_packets},
		{"chains of a length", test_chains_of_a_length},
		{"adj and trim over segments", test_adj_and_trim_over_segments},
		{"concat", test_concat},
		{"many put together", test_concat_bulk},
		{"read needs the bytes", test_read_needs_the_bytes},
		{"peek copies only what is in pieces", test_peek_copies_only_what_is_in_pieces},
		{"copy takes the metadata along", test_copy_takes_the_metadata_along},
		{"references", test_references},
		{"too many on the same bytes", test_too_many_on_the_same_bytes},
		{"bulk free of a mixture", test_free_bulk_of_a_mixture},
		{"bulk alloc is all or nothing", test_bulk_alloc_is_all_or_nothing},
		{"dry in the middle", test_dry_in_the_middle},
		{"a destroyed pool is forgotten by all", test_a_destroyed_pool_is_forgotten_by_all},
		{"check finds damage", test_check_finds_damage},
		{"the memory is known beforehand", test_memory_is_known_beforehand},
		{"a bad conf is refused", test_bad_conf},
		CU_TEST_INFO_NULL,
	};

	return unit_run("mbuf", tests);
}
