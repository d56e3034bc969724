/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ring.c: rings from one thread: full, empty, wrapping, every element size. */
#include "unit.h"

#include "weir/ring.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_fills_and_drains(enum weir_ring_mode mode)
{
	bool spsc = mode == WEIR_RING_SPSC;
	struct weir_ring *ring = weir_ring_create(5, 8, mode);
	uint64_t in[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, out[9];

	CU_ASSERT_EQUAL_FATAL(weir_ring_size(ring), 8);
	for (uint32_t round = 0; round < 20; round++) { /* 7 a round: every place wraps */
		uint32_t sent = spsc ? weir_ring_enqueue_burst_spsc(ring, in, 8, 7)
				     : weir_ring_enqueue_burst_mpmc(ring, in, 8, 7);
		CU_ASSERT_EQUAL(sent, 7);
		CU_ASSERT_EQUAL(weir_ring_count(ring), 7);
		memset(out, 0, sizeof(out));
		sent = spsc ? weir_ring_dequeue_burst_spsc(ring, out, 8, 9)
			    : weir_ring_dequeue_burst_mpmc(ring, out, 8, 9);
		CU_ASSERT_EQUAL(sent, 7);
		CU_ASSERT_EQUAL(memcmp(in, out, 7 * 8), 0);
	}
	CU_ASSERT_EQUAL(weir_ring_count(ring), 0);
	weir_ring_destroy(ring);
}

static void test_burst(void)
{
	check_fills_and_drains(WEIR_RING_SPSC);
	check_fills_and_drains(WEIR_RING_MPMC);
}

static void test_bulk_is_all_or_nothing(void)
{
	struct weir_ring *spsc = weir_ring_create(4, 8, WEIR_RING_SPSC);
	struct weir_ring *mpmc = weir_ring_create(4, 8, WEIR_RING_MPMC);
	uint64_t in[5] = {1, 2, 3, 4, 5}, out[5];

	CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_spsc(spsc, in, 8, 5), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_spsc(spsc, in, 8, 4), 0);
	CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_spsc(spsc, in, 8, 1), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_spsc(spsc, out, 8, 5), -ENOENT);
	CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_spsc(spsc, out, 8, 4), 0);
	CU_ASSERT_EQUAL(out[3], 4);
	CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_mpmc(mpmc, in, 8, 5), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_mpmc(mpmc, in, 8, 3), 0);
	CU_ASSERT_EQUAL(weir_ring_enqueue_burst_mpmc(mpmc, in, 8, 3), 1);
	CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_mpmc(mpmc, out, 8, 5), -ENOENT);
	CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_mpmc(mpmc, out, 8, 4), 0);
	CU_ASSERT_EQUAL(weir_ring_dequeue_burst_mpmc(mpmc, out, 8, 4), 0);
	weir_ring_destroy(spsc);
	weir_ring_destroy(mpmc);
}

static void test_element_sizes(void)
{
	static const uint32_t sizes[] = {4, 8, 16};

	for (uint32_t i = 0; i < 3; i++) {
		struct weir_ring *ring = weir_ring_create(16, sizes[i], WEIR_RING_SPSC);
		uint8_t in[16 * 16], out[16 * 16];

		for (uint32_t byte = 0; byte < sizeof(in); byte++)
			in[byte] = (uint8_t)rand();
		for (uint32_t round = 0; round < 8; round++) {
			CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_spsc(ring, in, sizes[i], 11), 0);
			CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_spsc(ring, out, sizes[i], 11), 0);
			CU_ASSERT_EQUAL(memcmp(in, out, 11 * sizes[i]), 0);
		}
		weir_ring_destroy(ring);
	}
}

/* Write numbers from *next on into the slots, or check that they hold them. */
static void through_span(const struct weir_ring_span *span, uint64_t *next, bool write)
{
	for (uint32_t i = 0; i < span->count; i++) {
		uint64_t *slot = i < span->first_count
					 ? (uint64_t *)span->first + i
					 : (uint64_t *)span->second + (i - span->first_count);

		if (write)
			*slot = *next;
		else
			CU_ASSERT_EQUAL(*slot, *next);
		++*next;
	}
}

static void test_in_place(void)
{
	struct weir_ring *spsc = weir_ring_create(8, 8, WEIR_RING_SPSC);
	struct weir_ring *mpmc = weir_ring_create(8, 8, WEIR_RING_MPMC);
	struct weir_ring_span span;
	uint64_t in[2] = {0}, out[2] = {0};

	for (uint32_t round = 0; round < 10; round++) { /* 5 a round: every place wraps */
		CU_ASSERT_EQUAL(weir_ring_reserve_spsc(spsc, &span, 8, 7), 7);
		span.count = 5; /* less than reserved */
		through_span(&span, &in[0], true);
		weir_ring_commit_spsc(spsc, &span);
		CU_ASSERT_EQUAL(weir_ring_reserve_spsc(spsc, &span, 8, 4), 3); /* and leave it */
		CU_ASSERT_EQUAL(weir_ring_acquire_spsc(spsc, &span, 8, 9), 5);
		through_span(&span, &out[0], false);
		weir_ring_release_spsc(spsc, &span);
		CU_ASSERT_EQUAL(weir_ring_acquire_spsc(spsc, &span, 8, 1), 0);

		CU_ASSERT_EQUAL(weir_ring_reserve_mpmc(mpmc, &span, 8, 5), 5);
		through_span(&span, &in[1], true);
		CU_ASSERT_EQUAL(weir_ring_count(mpmc), 0);
		weir_ring_commit_mpmc(mpmc, &span);
		CU_ASSERT_EQUAL(weir_ring_acquire_mpmc(mpmc, &span, 8, 9), 5);
		through_span(&span, &out[1], false);
		weir_ring_release_mpmc(mpmc, &span);
		CU_ASSERT_EQUAL(weir_ring_acquire_mpmc(mpmc, &span, 8, 1), 0);
	}
	CU_ASSERT_EQUAL(out[0], 50);
	CU_ASSERT_EQUAL(out[1], 50);
	CU_ASSERT_EQUAL(weir_ring_reserve_spsc(spsc, &span, 4, 1), 0); /* another size */
	CU_ASSERT_EQUAL(weir_ring_acquire_mpmc(spsc, &span, 8, 1), 0); /* the other kind */
	weir_ring_destroy(spsc);
	weir_ring_destroy(mpmc);
}

static void test_indices_wrap(void)
{
	struct weir_ring *spsc = weir_ring_create(8, 4, WEIR_RING_SPSC);
	struct weir_ring *mpmc = weir_ring_create(8, 4, WEIR_RING_MPMC);
	uint32_t start = UINT32_MAX - 3, in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];

	atomic_store_explicit(&spsc->index.spsc.head, start, memory_order_relaxed);
	atomic_store_explicit(&spsc->index.spsc.tail, start, memory_order_relaxed);
	spsc->index.spsc.head_seen = spsc->index.spsc.tail_seen = start;
	CU_ASSERT_EQUAL(weir_ring_enqueue_burst_spsc(spsc, in, 4, 8), 8);
	CU_ASSERT_EQUAL(weir_ring_enqueue_burst_spsc(spsc, in, 4, 1), 0);
	CU_ASSERT_EQUAL(weir_ring_count(spsc), 8);
	CU_ASSERT_EQUAL(weir_ring_dequeue_burst_spsc(spsc, out, 4, 8), 8);
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);

	atomic_store_explicit(&mpmc->index.mpmc.producers.reserved, start, memory_order_relaxed);
	atomic_store_explicit(&mpmc->index.mpmc.producers.done, start, memory_order_relaxed);
	atomic_store_explicit(&mpmc->index.mpmc.consumers.reserved, start, memory_order_relaxed);
	atomic_store_explicit(&mpmc->index.mpmc.consumers.done, start, memory_order_relaxed);
	atomic_store_explicit(&mpmc->index.mpmc.producers.seen, start, memory_order_relaxed);
	atomic_store_explicit(&mpmc->index.mpmc.consumers.seen, start, memory_order_relaxed);
	CU_ASSERT_EQUAL(weir_ring_enqueue_burst_mpmc(mpmc, in, 4, 8), 8);
	CU_ASSERT_EQUAL(weir_ring_enqueue_burst_mpmc(mpmc, in, 4, 1), 0);
	CU_ASSERT_EQUAL(weir_ring_dequeue_burst_mpmc(mpmc, out, 4, 8), 8);
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
	weir_ring_destroy(spsc);
	weir_ring_destroy(mpmc);
}

/* One ring mapped twice, as two processes have it: what goes in here comes out there. */
static void check_at_two_addresses(enum weir_ring_mode mode)
{
	size_t size = weir_ring_memory_size(100, 16), mapped = 2 * 4096;
	uint32_t in[4 * 16], out[4 * 16];
	struct weir_ring *here, *there;
	uint8_t *memory, *again;
	int file = memfd_create("ring", MFD_CLOEXEC);

	CU_ASSERT_TRUE_FATAL(file >= 0 && ftruncate(file, (off_t)mapped) == 0 && size < mapped);
	memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	again = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	CU_ASSERT_FATAL(memory != MAP_FAILED && again != MAP_FAILED);
	memset(memory, 0xa5, mapped);
	here = weir_ring_init(memory, 100, 16, mode);
	there = (struct weir_ring *)again;
	CU_ASSERT_EQUAL_FATAL((void *)here, memory);
	CU_ASSERT_EQUAL(weir_ring_size(there), 128);
	for (uint32_t round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < 64; i++)
			in[i] = round * 64 + i;
		if (mode == WEIR_RING_SPSC) {
			CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_spsc(here, in, 16, 16), 0);
			CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_spsc(there, out, 16, 16), 0);
		} else {
			CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_mpmc(here, in, 16, 16), 0);
			CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_mpmc(there, out, 16, 16), 0);
		}
		CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
	}
	for (size_t i = size; i < mapped; i++)
		CU_ASSERT_FATAL(memory[i] == 0xa5); /* behind the ring */
	munmap(memory, mapped);
	munmap(again, mapped);
	close(file);
}

static void test_in_memory_of_the_caller(void)
{
	_Alignas(WEIR_CACHE_LINE) static uint8_t memory[1024];

	check_at_two_addresses(WEIR_RING_SPSC);
	check_at_two_addresses(WEIR_RING_MPMC);
	CU_ASSERT_EQUAL(weir_ring_memory_size(0, 8), 0);
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_EQUAL(weir_ring_memory_size(UINT32_MAX, 8), 0);
	CU_ASSERT_EQUAL(weir_ring_memory_size(16, 5), 0);
	CU_ASSERT_TRUE(weir_ring_memory_size(16, 8) <= sizeof(memory));
	CU_ASSERT_PTR_NULL(weir_ring_init(NULL, 16, 8, WEIR_RING_SPSC));
	CU_ASSERT_PTR_NULL(weir_ring_init(memory + 8, 16, 8, WEIR_RING_SPSC));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_ring_init(memory, 16, 8, (enum weir_ring_mode)7));
	CU_ASSERT_PTR_NOT_NULL(weir_ring_init(memory, 16, 8, WEIR_RING_MPMC));
}

static void test_bad_use(void)
{
	struct weir_ring *ring = weir_ring_create(8, 8, WEIR_RING_SPSC);
	uint64_t element = 0;

	CU_ASSERT_PTR_NULL(weir_ring_create(0, 8, WEIR_RING_SPSC));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_ring_create((1u << 31) + 1, 8, WEIR_RING_SPSC));
	CU_ASSERT_PTR_NULL(weir_ring_create(8, 5, WEIR_RING_SPSC));
	CU_ASSERT_PTR_NULL(weir_ring_create(8, 8, (enum weir_ring_mode)7));
	CU_ASSERT(strlen(weir_last_error()) > 0);
	/* a ring of another element size, or of the other kind */
	CU_ASSERT_EQUAL(weir_ring_enqueue_bulk_spsc(ring, &element, 4, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_ring_dequeue_bulk_mpmc(ring, &element, 8, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_ring_enqueue_burst_mpmc(ring, &element, 8, 1), 0);
	weir_ring_destroy(ring);
	weir_ring_destroy(NULL);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a burst goes through, whole, at every place", test_burst},
		{"bulk moves all or nothing", test_bulk_is_all_or_nothing},
		{"elements of 4, 8 and 16 bytes", test_element_sizes},
		{"in place, without a copy", test_in_place},
		{"indices wrap at 2^32", test_indices_wrap},
		{"in memory of the caller", test_in_memory_of_the_caller},
		{"bad use is refused", test_bad_use},
		CU_TEST_INFO_NULL,
	};

	return unit_run("ring", tests);
}
