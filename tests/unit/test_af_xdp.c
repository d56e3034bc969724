/* SPDX-License-Identifier: BSD-3-Clause */
/* test_af_xdp.c: the driver af_xdp as far as no interface is needed: its keys, a pool seen as a
 * UMEM, and the count of what the kernel has. What needs one is in tests/net. */
#include "unit.h"

#include "drivers/af_xdp/umem_impl.h"
#include "mempool/mempool_impl.h"
#include "weir/clone.h"
#include "weir/port.h"

#include <stdlib.h>
#include <string.h>

#define COUNT 300

static struct weir_mempool *make(struct weir_mbuf_pool_conf conf)
{
	struct weir_mempool *pool;

	conf.name = "test";
	conf.count = conf.count ? conf.count : COUNT;
	conf.pages = WEIR_PAGES_4K;
	pool = weir_mbuf_pool_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

static void begin(struct weir__xdp_umem *umem, struct weir_mempool *pool)
{
	memset(umem, 0, sizeof(*umem));
	CU_ASSERT_EQUAL_FATAL(weir__xdp_umem_begin(umem, pool, "eth0"), 0);
}

static void test_keys(void)
{
	static const struct {
		const char *spec, *words;
	} table[] = {
		{"af_xdp:", "needs an interface"},
		{"af_xdp:queue=1", "needs an interface"},
		{"af_xdp:a-name-of-16-char", "needs an interface"},
		{"af_xdp:eth0,ring=1000", "ring=1000 is not a power of two"},
		{"af_xdp:eth0,ring=32", "ring=32 is not a number from 64 to 65536"},
		{"af_xdp:eth0,queues=0", "queues=0 is not a number from 1 to 64"},
		{"af_xdp:eth0,queue=x", "queue=x is not a number"},
		{"af_xdp:eth0,mode=fast", "mode=fast is not auto, native or generic"},
		{"af_xdp:eth0,copy=maybe", "copy=maybe is not auto, yes or no"},
		{"af_xdp:eth0,rings=64", "unknown key 'rings'; there are: queue, queues, ring"},
		{"af_xdp:nonesuch7", "there is no interface 'nonesuch7'"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CU_ASSERT_PTR_NULL(weir_port_open(table[i].spec, NULL));
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), table[i].words));
	}
}

/* What the kernel may touch of each mbuf is its buffer behind the headroom, to its end. */
static void check_layout(const struct weir_mbuf_pool_conf *conf)
{
	struct weir_mempool *pool = make(*conf);
	struct weir__xdp_umem umem;
	uint32_t unfit = 0;

	begin(&umem, pool);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct weir_mbuf *mbuf = weir_mempool_object(pool, i);
		uint64_t place = weir__xdp_place(&umem, mbuf);
		uint64_t address = weir__xdp_fill_address(&umem, place);
		uint8_t *data = mbuf->buffer + pool->head.mbuf_headroom;

		CU_ASSERT_PTR_EQUAL(weir__xdp_mbuf(&umem, place), mbuf);
		if (!weir__xdp_can_receive(&umem, place)) {
			unfit++;
			continue;
		}
		CU_ASSERT_PTR_EQUAL(umem.base + address + WEIR__XDP_HEADROOM, data);
		CU_ASSERT_TRUE(umem.base + address + umem.chunk_size <=
			       mbuf->buffer + pool->head.mbuf_buffer_size);
		CU_ASSERT_TRUE(address + umem.chunk_size <= umem.size);
		/* as the kernel reports it, with its headroom as the offset */
		address |= (uint64_t)WEIR__XDP_HEADROOM << 48;
		CU_ASSERT_EQUAL(weir__xdp_filled_place(&umem, address), place);
		address = weir__xdp_send_address(place, (uint64_t)(data - (uint8_t *)mbuf));
		CU_ASSERT_EQUAL(weir__xdp_sent_place(address), place);
		CU_ASSERT_EQUAL(weir__xdp_sent_place(address) + (address >> 48),
			(uint64_t)(data - umem.base));
	}
	CU_ASSERT_EQUAL(unfit, umem.data < WEIR__XDP_HEADROOM);
	weir__xdp_umem_end(&umem);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_layouts(void)
{
	static const struct weir_mbuf_pool_conf confs[] = {
		{.size = 0},
		{.headroom = WEIR_MBUF_NO_HEADROOM, .size = 1792},
		{.headroom = 512},
		{.private_size = 300, .size = 3840},
		{.size = 9000, .headroom = 64},
		{.size = 70000},
	};

	for (size_t i = 0; i < sizeof(confs) / sizeof(*confs); i++)
		check_layout(&confs[i]);
}

static void test_too_small(void)
{
	struct weir_mempool *pool = make((struct weir_mbuf_pool_conf){.size = 1791});
	struct weir__xdp_umem umem = {0};

	CU_ASSERT_EQUAL(weir__xdp_umem_begin(&umem, pool, "eth0"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "1791 bytes"));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "at least 1792"));
	weir__xdp_umem_end(&umem);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* Everything held goes home, as often as it is held: also what others hold too, clones' lenders and
 * links of a chain. */
static void check_return(uint32_t size)
{
	struct weir_mempool *pool = make((struct weir_mbuf_pool_conf){.size = size});
	struct weir_mbuf *mbufs[COUNT], *clone, *chain;
	struct weir__xdp_umem umem;
	uint16_t *held;

	begin(&umem, pool);
	held = weir__xdp_held_new(&umem);
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, COUNT - 2), 0);
	for (uint32_t i = 0; i < COUNT - 2; i++)
		++*weir__xdp_held(held, weir__xdp_place(&umem, mbufs[i]));
	/* one is sent three times, another is the lender of a clone that was sent */
	weir_mbuf_ref(mbufs[7], 2);
	*weir__xdp_held(held, weir__xdp_place(&umem, mbufs[7])) += 2;
	clone = weir_mbuf_clone(mbufs[8], pool);
	/* a chain whose second segment only is with the kernel */
	chain = mbufs[9];
	weir_mbuf_set_next(chain, mbufs[10]);
	--*weir__xdp_held(held, weir__xdp_place(&umem, chain));
	weir_mbuf_ref(mbufs[10], 1);
	CU_ASSERT_EQUAL(weir__xdp_held_return(&umem, held), COUNT - 2 + 2 - 1);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 4); /* the chain, the clone and its lender */
	CU_ASSERT_EQUAL(weir__xdp_held_return(&umem, held), 0);
	weir_mbuf_free(chain);
	weir_mbuf_free(clone);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	free(held);
	weir__xdp_umem_end(&umem);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_return(void)
{
	static const uint32_t sizes[] = {1792, 2048, 3000, 9000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		check_return(sizes[i]);
}

/* The kernel has the pages that a pool has now: so it grows before, and shrinks only after. */
static void test_pinned(void)
{
	struct weir_mempool *pool = make((struct weir_mbuf_pool_conf){
		.count = 100, .max_count = 10000, .grow = WEIR_GROW_NEVER});
	struct weir__xdp_umem umem;

	CU_ASSERT_EQUAL(weir_mempool_count(pool), 100);
	begin(&umem, pool);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 10000);
	CU_ASSERT_EQUAL(weir_mempool_shrink(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 10000);
	weir__xdp_umem_end(&umem);
	CU_ASSERT_TRUE(weir_mempool_shrink(pool) > 0);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 100);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"keys", test_keys},
		{"layouts", test_layouts},
		{"mbufs that are too small", test_too_small},
		{"all comes back", test_return},
		{"a pool that grows is pinned", test_pinned},
		CU_TEST_INFO_NULL,
	};

	return unit_run("af_xdp", tests);
}
