/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_packets.c: clones, chains, external memory and copies of mbufs. */
#include "benches.h"

#include <weir/chain.h>
#include <weir/clone.h>

static const uint8_t bytes[1500];

/* A packet of count segments of length bytes each, or NULL and the work failed. */
static struct weir_mbuf *make(struct work *work, uint32_t count, uint32_t length)
{
	struct weir_mbuf *packet = weir_mbuf_alloc_chain(work->pool, count * length, length);

	if (!packet)
		work_fail(work);
	return packet;
}

static uint64_t run_clone(struct work *work, uint64_t rounds, uint32_t segments)
{
	struct weir_mbuf *packets[WORK_PACKETS], *clones[WORK_PACKETS];

	for (uint32_t i = 0; i < WORK_PACKETS; i++)
		packets[i] = make(work, segments, 64);
	for (uint64_t round = 0; round < rounds; round++) {
		weir_mbuf_clone_bulk(packets, clones, WORK_PACKETS, work->pool);
		work_use((void **)(void *)clones);
		weir_mbuf_free_bulk(clones, WORK_PACKETS);
	}
	weir_mbuf_free_bulk(packets, WORK_PACKETS);
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

static void release(struct weir_external *external)
{
	external->context = NULL;
}

static uint64_t run_attach(void *arg, uint64_t rounds)
{
	static uint8_t memory[WORK_PACKETS][2048];
	struct weir_external externals[WORK_PACKETS];
	struct weir_mbuf *mbufs[WORK_PACKETS];
	struct work *work = arg;

	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < WORK_PACKETS; i++) {
			mbufs[i] = weir_mbuf_alloc(work->pool);
			weir_external_init(&externals[i], memory[i], 2048, release, memory[i]);
			weir_mbuf_attach(mbufs[i], &externals[i], 0, 64);
		}
		work_use((void **)(void *)mbufs);
		weir_mbuf_free_bulk(mbufs, WORK_PACKETS);
	}
	return rounds * WORK_PACKETS;
}

static uint64_t run_chain(void *arg, uint64_t rounds)
{
	struct weir_mbuf *packets[WORK_PACKETS];

	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < WORK_PACKETS; i++)
			packets[i] = make(arg, 4, 64);
		work_use((void **)(void *)packets);
		weir_mbuf_free_bulk(packets, WORK_PACKETS);
	}
	return rounds * WORK_PACKETS;
}

static uint64_t run_linearize(void *arg, uint64_t rounds)
{
	struct weir_mbuf *packets[WORK_PACKETS];

	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < WORK_PACKETS; i++) {
			packets[i] = make(arg, 4, 64);
			weir_mbuf_linearize(&packets[i]);
		}
		work_use((void **)(void *)packets);
		weir_mbuf_free_bulk(packets, WORK_PACKETS);
	}
	return rounds * WORK_PACKETS;
}

static uint64_t run_copy(void *arg, uint64_t rounds)
{
	struct work *work = arg;
	struct weir_mbuf *packet = weir_mbuf_from_bytes(work->pool, bytes, sizeof(bytes));
	struct weir_mbuf *copies[WORK_PACKETS];

	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < WORK_PACKETS; i++)
			copies[i] = weir_mbuf_copy(packet, work->pool);
		work_use((void **)(void *)copies);
		weir_mbuf_free_bulk(copies, WORK_PACKETS);
	}
	weir_mbuf_free(packet);
	return rounds * WORK_PACKETS;
}

static uint64_t run_read(void *arg, uint64_t rounds)
{
	struct work *work = arg;
	struct weir_mbuf *packet = make(arg, 4, 64);
	uint8_t bounce[64];

	for (uint64_t round = 0; round < rounds; round++)
		for (uint32_t i = 0; i < WORK_PACKETS; i++) {
			const uint8_t *seen = weir_mbuf_peek(packet, 40, sizeof(bounce), bounce);

			work->sum += seen[0];
			work_use((void **)(void *)&seen);
		}
	weir_mbuf_free(packet);
	return rounds * WORK_PACKETS;
}

static const struct packets_variant variants[] = {{"clone", run_clone_1}, {"clone-4", run_clone_4},
	{"attach", run_attach}, {"chain-4", run_chain}, {"linearize", run_linearize},
	{"copy", run_copy}, {"read", run_read}, {NULL, NULL}};

static const struct packets_subject subject = {&mbuf_subject, variants};

const struct bench bench_packets = {
	"packets", "clone, chain, attach and copy packets", bench_packets_of, &subject};
