/* SPDX-License-Identifier: BSD-3-Clause */
/* tiers.c: making and destroying tiers of mbuf pools, and what happens when one is dry.
 *
 * Counting: an mbuf that its own tier served is counted in the line of its thread, which no other
 * thread writes. All else is counted here, on the slow path, by atomic additions. Nothing is
 * ordered by any of these counters.
 */
#include "weir/tiers.h"

#include "base/base_impl.h"
#include "mbuf/tiers_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* Shares of the memory, in eighths. Most packets of a network are small, and a quarter of the
 * memory holds more of them than half of it holds full frames; those get the half, since they take
 * the small ones, too, when these run out. docs/tiers.md has the mixture of real captures. */
static const struct {
	uint32_t size, eighths;
} defaults[] = {{256, 2}, {WEIR_MBUF_SIZE, 4}, {9216, 1}, {65536, 1}};

#define DEFAULTS (sizeof(defaults) / sizeof(defaults[0]))

/* Shortages of a tier from one look at its use to the next. */
#define LOOKS_APART 64

static const char *name_of(const struct weir_tiers_conf *conf)
{
	return conf->name ? conf->name : "tiers";
}

/* The conf of a tier's pool, but for its name. */
static struct weir_mbuf_pool_conf pool_conf(
	const struct weir_tiers_conf *conf, uint32_t size, uint32_t count)
{
	struct weir_mbuf_pool_conf pool = conf->common;

	pool.name = name_of(conf);
	pool.size = size;
	pool.count = count;
	return pool;
}

/* As many mbufs of each default size as its share of the memory holds. */
static int fill_defaults(const struct weir_tiers_conf *conf, struct weir_tier_conf *tiers)
{
	size_t memory = conf->memory ? conf->memory : WEIR_TIERS_MEMORY;

	for (uint32_t i = 0; i < DEFAULTS; i++) {
		struct weir_mbuf_pool_conf one = pool_conf(conf, defaults[i].size, 1);
		size_t each = weir_mbuf_pool_memory(&one);
		size_t count = each ? memory / 8 * defaults[i].eighths / each : 0;

		if (!each)
			return -errno;
		if (count == 0 || count > UINT32_MAX)
			return weir__fail(EINVAL,
				"tiers '%s': %zu bytes of memory give %zu mbufs of %u bytes; "
				"32 MiB are usual",
				name_of(conf), memory, count, defaults[i].size);
		tiers[i].size = defaults[i].size;
		tiers[i].count = (uint32_t)count;
	}
	return 0;
}

/* The tiers that there shall be, without those of no mbufs. Returns how many, or -errno. */
static int choose_tiers(const struct weir_tiers_conf *conf, struct weir_tier_conf *tiers)
{
	int count = 0;

	for (uint32_t i = 0; i < WEIR_TIERS_MAX; i++) {
		if (conf->tiers[i].count == 0)
			continue;
		if (conf->tiers[i].size <= (count ? tiers[count - 1].size : 0))
			return weir__fail(EINVAL,
				"tiers '%s': size %u of tier %u is not above %u; list them from "
				"small to large",
				name_of(conf), conf->tiers[i].size, i,
				count ? tiers[count - 1].size : 0);
		tiers[count++] = conf->tiers[i];
	}
	if (count && conf->memory)
		return weir__fail(EINVAL,
			"tiers '%s': memory is for the default tiers; leave it at 0 beside tiers "
			"with counts",
			name_of(conf));
	if (!count && fill_defaults(conf, tiers))
		return -errno;
	return count ? count : (int)DEFAULTS;
}

/* Add a tier behind the others. 0 or -errno. */
static int add_tier(struct weir_tiers *tiers, const struct weir_tiers_conf *conf,
	const struct weir_tier_conf *tier)
{
	struct weir_mbuf_pool_conf pool = pool_conf(conf, tier->size, tier->count);
	char name[32];

	snprintf(name, sizeof(name), "%s/%u", tiers->name, tier->size);
	pool.name = name;
	tiers->pools[tiers->count] = weir_mbuf_pool_create(&pool);
	if (!tiers->pools[tiers->count])
		return -errno;
	tiers->sizes[tiers->count++] = tier->size;
	return 0;
}

/* Destroy the pools, the last first; those that are left are still tiers. */
static int remove_tiers(struct weir_tiers *tiers)
{
	while (tiers->count) {
		int error = weir_mempool_destroy(tiers->pools[tiers->count - 1]);

		if (error)
			return error;
		tiers->sizes[--tiers->count] = UINT32_MAX;
	}
	free(tiers);
	return 0;
}

struct weir_tiers *weir_tiers_create(const struct weir_tiers_conf *conf)
{
	struct weir_tier_conf chosen[WEIR_TIERS_MAX];
	struct weir_tiers *tiers;
	int count = choose_tiers(conf, chosen);

	if (count < 0)
		return NULL;
	tiers = aligned_alloc(WEIR_CACHE_LINE, sizeof(*tiers));
	if (!tiers)
		return weir__fail_null(ENOMEM, "no memory for tiers '%s'", name_of(conf));
	memset(tiers, 0, sizeof(*tiers));
	memset(tiers->sizes, 0xff, sizeof(tiers->sizes));
	snprintf(tiers->name, sizeof(tiers->name), "%s", name_of(conf));
	for (int i = 0; i < count; i++) {
		if (add_tier(tiers, conf, &chosen[i])) {
			int error = errno;

			remove_tiers(tiers);
			errno = error;
			return NULL;
		}
	}
	return tiers;
}

int weir_tiers_destroy(struct weir_tiers *tiers)
{
	if (!tiers)
		return 0;
	for (uint32_t i = 0; i < tiers->count; i++) {
		uint32_t out = weir_mempool_in_use(tiers->pools[i]);

		if (out)
			return weir__fail(EBUSY,
				"tiers '%s': %u of %u mbufs of %u bytes are out; free them before "
				"destroying them",
				tiers->name, out, weir_mempool_count(tiers->pools[i]),
				tiers->sizes[i]);
	}
	return remove_tiers(tiers);
}

struct weir_mempool *weir_tiers_pool(const struct weir_tiers *tiers, uint32_t index)
{
	return tiers->pools[index];
}

/* ---- allocating ---- */

/* All counters here are figures that nothing is ordered by, so relaxed. */
static void add(WEIR_ATOMIC(uint64_t) * counter, uint64_t more)
{
	if (more)
		atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* A tier was found dry. Looking how many are in use takes as long as finding that out, so it is
 * done the first time and then rarely. */
static void note_shortage(struct weir_tiers *tiers, uint32_t index)
{
	if (atomic_fetch_add_explicit(&tiers->shortages[index], 1, memory_order_relaxed) %
			LOOKS_APART ==
		0)
		weir__tiers_look_at_use(tiers, index);
}

/* Up to count mbufs of one pool. */
static uint32_t alloc_some(struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	const weir__mbuf_empty empty = {weir__mempool_head(pool)->mbuf_headroom, 0, 0, 0};
	uint32_t got = weir_mempool_get_burst(pool, (void **)(void *)mbufs, count);

	for (uint32_t i = 0; i < got; i++)
		weir__mbuf_reset(mbufs[i], empty);
	return got;
}

int weir__tiers_alloc_slow(
	struct weir_tiers *tiers, uint32_t index, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t from[WEIR_TIERS_MAX] = {0}, got = 0;

	if (index == tiers->count) {
		errno = EMSGSIZE; /* for those who return NULL */
		return -EMSGSIZE;
	}
	for (uint32_t i = index; i < tiers->count && got < count; i++) {
		from[i] = alloc_some(tiers->pools[i], mbufs + got, count - got);
		got += from[i];
		if (got < count)
			note_shortage(tiers, i);
	}
	if (got < count) {
		weir_mbuf_free_bulk(mbufs, got);
		add(&tiers->failed[index], count);
		errno = ENOBUFS;
		return -ENOBUFS;
	}
	weir__tiers_count_served(tiers, index, from[index]);
	add(&tiers->fell_up[index], count - from[index]);
	for (uint32_t i = index + 1; i < tiers->count; i++)
		add(&tiers->stepped_in[i], from[i]);
	return 0;
}

/* The next segment of a packet of which length bytes are left. */
static struct weir_mbuf *make_segment(
	struct weir_tiers *tiers, const uint8_t *bytes, uint32_t length)
{
	uint32_t largest = tiers->sizes[tiers->count - 1];
	uint32_t part = length < largest ? length : largest;
	struct weir_mbuf *mbuf = weir_tiers_alloc(tiers, part);

	if (mbuf)
		memcpy(weir_mbuf_append(mbuf, part), bytes, part);
	return mbuf;
}

struct weir_mbuf *weir_tiers_from_bytes(
	struct weir_tiers *tiers, const void *bytes, uint32_t length)
{
	struct weir_mbuf *head = make_segment(tiers, bytes, length), *last = head;

	while (head && head->length < length) {
		struct weir_mbuf *next = make_segment(
			tiers, (const uint8_t *)bytes + head->length, length - head->length);

		if (!next) {
			weir_mbuf_free(head);
			return NULL;
		}
		weir_mbuf_set_next(last, next);
		head->length += next->length;
		last = next;
	}
	return head;
}
