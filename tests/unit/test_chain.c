/* SPDX-License-Identifier: BSD-3-Clause */
/* test_chain.c: every operation on packets, in random order on random packets with random sharing,
 * against the same on a flat row of bytes. Every now and then the pool is dry at the n-th mbuf of
 * an operation: then nothing must have changed. After every step all invariants hold, and at the
 * end the pools are full.
 *
 *	test_chain [STEPS [SEED]]
 */
#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/guard.h"

#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS   8
#define BYTES_MAX 6000
#define POOLS     3
#define KEPT_MAX  20480

/* A packet and what it must be. */
struct model {
	struct weir_mbuf *mbuf;
	uint32_t length;
	uint8_t bytes[BYTES_MAX];
};

static struct model models[PACKETS];
static struct weir_mempool *pools[POOLS];
static uint64_t step, seed;
static uint32_t externals;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "FAILED at step %llu of seed %llu: %s (%s)\n", (unsigned long long)step,
		(unsigned long long)seed, what, weir_last_error());
	exit(1);
}

static void check_model(const struct model *model, const char *what)
{
	static uint8_t bytes[BYTES_MAX];

	check(weir_mbuf_check(model->mbuf) == 0, what);
	check(model->mbuf->length == model->length, what);
	check(weir_mbuf_read(model->mbuf, 0, bytes, model->length) == 0, what);
	check(memcmp(bytes, model->bytes, model->length) == 0, what);
}

static void check_all(const char *what)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		if (models[i].mbuf)
			check_model(&models[i], what);
}

/* ---- shortage ---- */

static struct weir_mbuf *kept[POOLS][KEPT_MAX];
static uint32_t kept_count[POOLS];

/* Leave count mbufs in each pool. */
static void drain(uint32_t count)
{
	for (uint32_t i = 0; i < POOLS; i++) {
		while ((kept[i][kept_count[i]] = weir_mbuf_alloc(pools[i])))
			kept_count[i]++;
		for (uint32_t n = 0; n < count && kept_count[i]; n++)
			weir_mbuf_free(kept[i][--kept_count[i]]);
	}
}

static void refill(void)
{
	for (uint32_t i = 0; i < POOLS; i++)
		while (kept_count[i])
			weir_mbuf_free(kept[i][--kept_count[i]]);
}

/* ---- making packets ---- */

static void release(struct weir_external *external)
{
	externals--;
	free(external->bytes);
	free(external);
}

static struct weir_mbuf *make_external(struct model *model, struct weir_mempool *pool)
{
	uint32_t before = below(50), behind = below(50);
	struct weir_external *external = malloc(sizeof(*external));
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	uint8_t *bytes = malloc(before + model->length + behind + 1);

	memcpy(bytes + before, model->bytes, model->length);
	weir_external_init(external, bytes, before + model->length + behind, release, NULL);
	externals++;
	if (mbuf && weir_mbuf_attach(mbuf, external, before, model->length) == 0)
		return mbuf;
	weir_external_drop(external);
	weir_mbuf_free(mbuf);
	return NULL;
}

/* A packet with segments of one size. */
static struct weir_mbuf *make_even(struct model *model, struct weir_mempool *pool)
{
	uint32_t segment = below(weir_mbuf_pool_size(pool) + 1);
	struct weir_mbuf *mbuf = weir_mbuf_alloc_chain(pool, model->length, segment);

	for (struct weir_mbuf *at = mbuf; at && at->next; at = at->next)
		check(!segment || at->data_length == segment, "a segment of another size");
	if (mbuf)
		check(weir_mbuf_write(mbuf, 0, model->bytes, model->length) == 0, "write");
	return mbuf;
}

/* A packet with segments of random sizes. */
static struct weir_mbuf *make_chain(struct model *model)
{
	struct weir_mbuf *head = NULL;

	for (uint32_t done = 0; done < model->length || !head;) {
		struct weir_mempool *pool = pools[below(POOLS)];
		uint32_t most = model->length - done, size = weir_mbuf_pool_size(pool);
		struct weir_mbuf *mbuf;

		most = most < size ? most : size;
		mbuf = weir_mbuf_from_bytes(
			pool, model->bytes + done, most ? below(8) ? 1 + below(most) : 0 : 0);
		if (!mbuf || (head && weir_mbuf_concat(head, mbuf))) {
			weir_mbuf_free(head);
			return NULL;
		}
		done += mbuf->length;
		head = head ? head : mbuf;
	}
	return head;
}

static void make(struct model *model)
{
	model->length = below(below(4) ? 300 : 4000);
	for (uint32_t i = 0; i < model->length; i++)
		model->bytes[i] = (uint8_t)below(256);
	if (below(4))
		model->mbuf = make_chain(model);
	else if (below(2))
		model->mbuf = make_even(model, pools[below(POOLS)]);
	else
		model->mbuf = make_external(model, pools[below(POOLS)]);
	if (model->mbuf && below(16) == 0)
		weir_mbuf_freeze(model->mbuf);
}

static struct model *free_slot(void)
{
	struct model *model = &models[below(PACKETS)];

	weir_mbuf_free(model->mbuf);
	model->mbuf = NULL;
	return model;
}

/* ---- operations: each returns whether it was done; what it did not do must not be seen ---- */

static bool fill_in(struct model *model, uint32_t offset, uint8_t *bytes, uint32_t count)
{
	if (!bytes)
		return false;
	memmove(model->bytes + offset + count, model->bytes + offset, model->length - offset);
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = model->bytes[offset + i] = (uint8_t)below(256);
	model->length += count;
	return true;
}

static uint32_t some(const struct model *model)
{
	uint32_t count = 1 + below(below(3) ? 20 : 400);

	return count < BYTES_MAX - model->length ? count : 0;
}

static bool extend_head(struct model *model)
{
	uint32_t count = some(model);

	return fill_in(model, 0, weir_mbuf_extend_head(&model->mbuf, count), count);
}

static bool extend_tail(struct model *model)
{
	uint32_t count = some(model);

	return fill_in(model, model->length, weir_mbuf_extend_tail(model->mbuf, count), count);
}

static bool insert(struct model *model)
{
	uint32_t count = some(model), offset = below(model->length + 1);

	return fill_in(model, offset, weir_mbuf_insert(&model->mbuf, offset, count), count);
}

static bool append_bytes(struct model *model)
{
	uint8_t bytes[2500];
	uint32_t count = below(2500);

	if (count > BYTES_MAX - model->length)
		return false;
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)i;
	if (weir_mbuf_append_bytes(model->mbuf, bytes, count))
		return false;
	memcpy(model->bytes + model->length, bytes, count);
	model->length += count;
	return true;
}

static bool remove_some(struct model *model)
{
	uint32_t offset = below(model->length + 1);
	uint32_t count = below(model->length - offset + 1);

	if (weir_mbuf_remove(model->mbuf, offset, count))
		return false;
	memmove(model->bytes + offset, model->bytes + offset + count,
		model->length - offset - count);
	model->length -= count;
	return true;
}

static bool adj(struct model *model)
{
	uint32_t count = below(model->length + 1);

	check(weir_mbuf_adj(model->mbuf, count) == 0, "adj");
	check(weir_mbuf_adj(model->mbuf, model->length - count + 1) == -EINVAL, "adj too much");
	memmove(model->bytes, model->bytes + count, model->length - count);
	model->length -= count;
	return true;
}

static bool trim(struct model *model)
{
	uint32_t count = below(model->length + 1);

	check(weir_mbuf_trim(model->mbuf, count) == 0, "trim");
	model->length -= count;
	return true;
}

static bool split(struct model *model)
{
	uint32_t offset = below(model->length + 1);
	struct weir_mbuf *tail = weir_mbuf_split(model->mbuf, offset);
	struct model *other;

	if (!tail)
		return false;
	other = free_slot();
	if (other == model) { /* the head was freed */
		memmove(model->bytes, model->bytes + offset, model->length - offset);
	} else {
		memcpy(other->bytes, model->bytes + offset, model->length - offset);
		other->length = model->length - offset;
		model->length = offset;
		other->mbuf = tail;
		return true;
	}
	model->length -= offset;
	model->mbuf = tail;
	return true;
}

static bool concat(struct model *model)
{
	struct model *tail = &models[below(PACKETS)];

	if (tail == model || !tail->mbuf || tail->length > BYTES_MAX - model->length)
		return false;
	if (below(2)) {
		struct weir_mbuf *both[] = {model->mbuf, tail->mbuf};

		check(weir_mbuf_concat_bulk(both, 2) == 0, "concat_bulk");
	} else {
		check(weir_mbuf_concat(model->mbuf, tail->mbuf) == 0, "concat");
	}
	memcpy(model->bytes + model->length, tail->bytes, tail->length);
	model->length += tail->length;
	tail->mbuf = NULL;
	return true;
}

static bool pull_up(struct model *model)
{
	uint32_t count = below(model->length + 1);

	if (weir_mbuf_pull_up(&model->mbuf, count))
		return false;
	check(model->mbuf->data_length >= count, "pulled up less");
	return true;
}

static bool linearize(struct model *model)
{
	if (weir_mbuf_linearize(&model->mbuf))
		return false;
	check(weir_mbuf_segments(model->mbuf) == 1, "linear, but in pieces");
	return true;
}

static bool write_some(struct model *model)
{
	uint32_t offset = below(model->length + 1);
	uint32_t count = below(model->length - offset + 1);
	uint8_t bytes[BYTES_MAX];

	for (uint32_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)below(256);
	if (below(2) && weir_mbuf_make_writable(&model->mbuf, offset, count))
		return false;
	if (weir_mbuf_write(model->mbuf, offset, bytes, count))
		return false;
	memcpy(model->bytes + offset, bytes, count);
	return true;
}

static bool make_writable(struct model *model)
{
	uint32_t offset = below(model->length + 1);
	uint32_t count = below(model->length - offset + 1);

	if (weir_mbuf_make_writable(&model->mbuf, offset, count))
		return false;
	check(weir_mbuf_is_writable(model->mbuf, offset, count), "made writable, but is not");
	return true;
}

/* Another packet of what make_other returns for this one. */
static bool derive(struct model *model, struct weir_mbuf *other, uint32_t offset, uint32_t length)
{
	struct model *slot;

	if (!other)
		return false;
	do
		slot = &models[below(PACKETS)];
	while (slot == model);
	weir_mbuf_free(slot->mbuf);
	slot->mbuf = other;
	slot->length = length;
	memcpy(slot->bytes, model->bytes + offset, length);
	return true;
}

/* One packet, by the call for one or by that for a burst. */
static bool clone(struct model *model)
{
	struct weir_mempool *pool = pools[below(POOLS)];
	struct weir_mbuf *made;

	if (below(2))
		made = weir_mbuf_clone(model->mbuf, pool);
	else if (weir_mbuf_clone_bulk(&model->mbuf, &made, 1, pool))
		made = NULL;
	return derive(model, made, 0, model->length);
}

static bool copy(struct model *model)
{
	return derive(model, weir_mbuf_copy(model->mbuf, pools[below(POOLS)]), 0, model->length);
}

static bool slice(struct model *model)
{
	uint32_t offset = below(model->length + 1);
	uint32_t length = below(model->length - offset + 1);
	struct weir_mempool *pool = pools[below(POOLS)];

	check(!weir_mbuf_slice(model->mbuf, offset, model->length - offset + 1, pool),
		"a slice past the end");
	return derive(model, weir_mbuf_slice(model->mbuf, offset, length, pool), offset, length);
}

/* A second holder of the same packet makes it its own, and the first frees it. */
static bool unshare(struct model *model)
{
	struct weir_mbuf *mine = model->mbuf, *theirs = model->mbuf;
	int error;

	weir_mbuf_ref(mine, 1);
	error = weir_mbuf_make_writable(&theirs, 0, model->length);
	if (!error && model->length)
		check(theirs != mine, "one's own is what another holds");
	model->mbuf = mine;
	check_model(model, "a packet after another made it its own");
	weir_mbuf_free(mine);
	model->mbuf = theirs;
	return true;
}

static bool compare(struct model *model)
{
	struct model *other = &models[below(PACKETS)];
	uint32_t common = model->length < other->length ? model->length : other->length;
	int result, wanted;

	if (!other->mbuf)
		return false;
	result = weir_mbuf_compare(model->mbuf, other->mbuf);
	wanted = memcmp(model->bytes, other->bytes, common);
	if (wanted == 0)
		wanted = (model->length > other->length) - (model->length < other->length);
	check((result > 0) == (wanted > 0) && (result < 0) == (wanted < 0), "compare");
	return true;
}

static bool iovec(struct model *model)
{
	uint32_t offset = below(model->length + 1);
	uint32_t length = below(model->length - offset + 1), at = 0;
	struct iovec pieces[512];
	uint32_t count = weir_mbuf_iovec(model->mbuf, offset, length, pieces, 512);

	for (uint32_t i = 0; i < count && count <= 512; i++) {
		check(memcmp(pieces[i].iov_base, model->bytes + offset + at, pieces[i].iov_len) ==
				0,
			"iovec");
		at += (uint32_t)pieces[i].iov_len;
	}
	check(count > 512 || at == length, "iovec has another length");
	return true;
}

static bool (*const operations[])(struct model *model) = {extend_head, extend_tail, insert,
	append_bytes, remove_some, adj, trim, split, concat, pull_up, linearize, write_some,
	make_writable, clone, copy, slice, unshare, compare, iovec};

#define OPERATIONS (sizeof(operations) / sizeof(*operations))

static void one_step(void)
{
	struct model *model = &models[below(PACKETS)];
	bool dry = below(20) == 0;

	if (!model->mbuf) {
		make(model);
		return;
	}
	if (dry)
		drain(below(5));
	operations[below(OPERATIONS)](model);
	if (dry) {
		check_all("with dry pools");
		refill();
	}
	if (below(30) == 0)
		free_slot();
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[POOLS] = {1, 100, 2048};
	uint64_t steps = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;

	printf("chain: %llu steps, ", (unsigned long long)steps);
	seed = random_begin(argc > 2 ? argv[2] : NULL);
	for (uint32_t i = 0; i < POOLS; i++) {
		struct weir_mbuf_pool_conf conf = {.name = "chain",
			.count = i == 0 ? 20000 : 300,
			.size = sizes[i],
			.headroom = i == 0 ? 16 : 0,
			.pages = WEIR_PAGES_4K};

		pools[i] = weir_mbuf_pool_create(&conf);
		check(pools[i], "no pool");
	}
	for (step = 0; step < steps; step++) {
		one_step();
		check_all("after a step");
	}
	for (uint32_t i = 0; i < PACKETS; i++)
		weir_mbuf_free(models[i].mbuf);
	for (uint32_t i = 0; i < POOLS; i++)
		check(weir_mempool_destroy(pools[i]) == 0, "mbufs are out");
	check(externals == 0, "external memory was not released");
	check(weir_guard_count() == 0, "a guard caught something");
	return 0;
}
