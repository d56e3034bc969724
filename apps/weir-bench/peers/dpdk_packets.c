/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_packets.c: the same of DPDK as bench_packets.c of weir. */
#include "dpdk_calls.h"

/* A packet of count segments of length bytes each, or NULL and the work failed. */
static struct rte_mbuf *make(struct work *work, unsigned count, uint16_t length)
{
	struct rte_mbuf *segments[4];

	if (rte_pktmbuf_alloc_bulk(work->pool, segments, count)) {
		work_fail(work);
		return NULL;
	}
	for (unsigned i = 0; i < count; i++) {
		rte_pktmbuf_append(segments[i], length);
		if (i > 0)
			rte_pktmbuf_chain(segments[0], segments[i]);
	}
	return segments[0];
}

static uint64_t run_clone(struct work *work, uint64_t rounds, unsigned segments)
{
	struct rte_mbuf *packets[WORK_PACKETS], *clones[WORK_PACKETS];

	for (unsigned i = 0; i < WORK_PACKETS; i++)
		packets[i] = make(work, segments, 64);
	for (uint64_t round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < WORK_PACKETS; i++)
			clones[i] = rte_pktmbuf_clone(packets[i], work->pool);
		work_use((void **)(void *)clones);
		rte_pktmbuf_free_bulk(clones, WORK_PACKETS);
	}
	rte_pktmbuf_free_bulk(packets, WORK_PACKETS);
	return rounds * WORK_PACKETS;
}

static uint64_t run_clone_1(void *work, uint64_t rounds)
{
	return run_clone(work, rounds, 1);
}

static uint64_t run_clone_4(void *work, uint64_t rounds)
{
	return run_clone(work, rounds, 4);
}

static void release(void *memory, void *context)
{
	(void)memory;
	*(void **)context = NULL;
}

static uint64_t run_attach(void *arg, uint64_t rounds)
{
	static uint8_t memory[WORK_PACKETS][2048];
	static void *contexts[WORK_PACKETS];
	struct rte_mbuf_ext_shared_info shared[WORK_PACKETS];
	struct rte_mbuf *mbufs[WORK_PACKETS];
	struct work *work = arg;

	for (uint64_t round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < WORK_PACKETS; i++) {
			mbufs[i] = rte_pktmbuf_alloc(work->pool);
			shared[i].free_cb = release;
			shared[i].fcb_opaque = &contexts[i];
			rte_mbuf_ext_refcnt_set(&shared[i], 1);
			rte_pktmbuf_attach_extbuf(mbufs[i], memory[i], 0, 2048, &shared[i]);
			rte_pktmbuf_append(mbufs[i], 64);
		}
		work_use((void **)(void *)mbufs);
		rte_pktmbuf_free_bulk(mbufs, WORK_PACKETS);
	}
	return rounds * WORK_PACKETS;
}

static uint64_t run_chain(void *arg, uint64_t rounds)
{
	struct rte_mbuf *packets[WORK_PACKETS];

	for (uint64_t round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < WORK_PACKETS; i++)
			packets[i] = make(arg, 4, 64);
		work_use((void **)(void *)packets);
		rte_pktmbuf_free_bulk(packets, WORK_PACKETS);
	}
	return rounds * WORK_PACKETS;
}

static uint64_t run_linearize(void *arg, uint64_t rounds)
{
	struct rte_mbuf *packets[WORK_PACKETS];

	for (uint64_t round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < WORK_PACKETS; i++) {
			packets[i] = make(arg, 4, 64);
			rte_pktmbuf_linearize(packets[i]);
		}
		work_use((void **)(void *)packets);
		rte_pktmbuf_free_bulk(packets, WORK_PACKETS);
	}
	return rounds * WORK_PACKETS;
}

static uint64_t run_copy(void *arg, uint64_t rounds)
{
	struct work *work = arg;
	struct rte_mbuf *packet = make(arg, 1, 1500), *copies[WORK_PACKETS];

	for (uint64_t round = 0; packet && round < rounds; round++) {
		for (unsigned i = 0; i < WORK_PACKETS; i++)
			copies[i] = rte_pktmbuf_copy(packet, work->pool, 0, UINT32_MAX);
		work_use((void **)(void *)copies);
		rte_pktmbuf_free_bulk(copies, WORK_PACKETS);
	}
	rte_pktmbuf_free(packet);
	return rounds * WORK_PACKETS;
}

static uint64_t run_read(void *arg, uint64_t rounds)
{
	struct work *work = arg;
	struct rte_mbuf *packet = make(arg, 4, 64);
	uint8_t bounce[64];

	for (uint64_t round = 0; packet && round < rounds; round++)
		for (unsigned i = 0; i < WORK_PACKETS; i++) {
			const uint8_t *seen = rte_pktmbuf_read(packet, 40, sizeof(bounce), bounce);

			work->sum += seen[0];
			work_use((void **)(void *)&seen);
		}
	rte_pktmbuf_free(packet);
	return rounds * WORK_PACKETS;
}

static const struct packets_variant variants[] = {{"clone", run_clone_1}, {"clone-4", run_clone_4},
	{"attach", run_attach}, {"chain-4", run_chain}, {"linearize", run_linearize},
	{"copy", run_copy}, {"read", run_read}, {NULL, NULL}};

static const struct packets_subject subject = {&dpdk_mbuf_subject, variants};

const struct bench dpdk_bench_packets = {
	"packets", "clone, chain, attach and copy packets", bench_packets_of, &subject};
