/* SPDX-License-Identifier: BSD-3-Clause */
/* site.c: places in the code and owners, by number.
 *
 * A site is a return address, or a stack of them when its caller's callers matter: because that is
 * asked for, or because the address is in the library itself and the application's is further out.
 * The table only grows; what is in it never changes. Each thread remembers the numbers of the last
 * addresses it came from, so that the lock is taken rarely.
 */
#include "track_impl.h"

#include "symbol_impl.h"

#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

/* More different ones count as 0, "not known". */
#define SITES_MAX WEIR__TRACK_SITES
#define BUCKETS   4096
#define CHUNK     256 /* sites that come at a time */

enum kind { UNKNOWN, IS_OUTSIDE, IS_INSIDE };

struct site {
	WEIR_ATOMIC(uint32_t) kind; /* of a single address, once somebody has asked */
	uint32_t next;              /* in its bucket */
	uint32_t count;
	void *frames[WEIR_FRAMES_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct site *chunks[SITES_MAX / CHUNK];
static uint32_t site_count = 1; /* 0 is none */
static uint32_t buckets[BUCKETS];

__thread struct weir__memo weir__memo[WEIR__MEMO];
__thread uint8_t weir__track_owner_now;

static struct site *site_at(uint32_t site)
{
	return &chunks[site / CHUNK][site % CHUNK];
}

static uint32_t hash(void *const *frames, uint32_t count)
{
	uint64_t sum = count;

	/* the constant of Fibonacci hashing: 2^64 over the golden ratio */
	for (uint32_t i = 0; i < count; i++)
		sum = (sum ^ (uintptr_t)frames[i]) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(sum >> 32) % BUCKETS;
}

static uint32_t add_site(void *const *frames, uint32_t count, uint32_t *bucket)
{
	struct site **chunk = &chunks[site_count / CHUNK];
	struct site *site;

	if (site_count == SITES_MAX)
		return 0;
	if (!*chunk)
		*chunk = calloc(CHUNK, sizeof(**chunk));
	if (!*chunk)
		return 0;
	site = site_at(site_count);
	site->count = count;
	memcpy(site->frames, frames, count * sizeof(*frames));
	site->next = *bucket;
	*bucket = site_count;
	return site_count++;
}

static uint32_t number_of(void *const *frames, uint32_t count)
{
	uint32_t *bucket = &buckets[hash(frames, count)], at;

	pthread_mutex_lock(&lock);
	for (at = *bucket; at; at = site_at(at)->next)
		if (site_at(at)->count == count &&
			memcmp(site_at(at)->frames, frames, count * sizeof(*frames)) == 0)
			break;
	if (!at)
		at = add_site(frames, count, bucket);
	pthread_mutex_unlock(&lock);
	return at;
}

/* The stack from the frame that returns to address outwards. */
uint32_t weir__stack_site(void *address)
{
	void *frames[WEIR_FRAMES_MAX + 8]; /* 8: of ours, not kept */
	int count = backtrace(frames, WEIR_FRAMES_MAX + 8), first = 0;

	while (first < count && frames[first] != address)
		first++;
	if (first == count)
		return number_of(&address, 1);
	count -= first;
	return number_of(
		frames + first, count < WEIR_FRAMES_MAX ? (uint32_t)count : WEIR_FRAMES_MAX);
}

/* Is this site of one address in the library? Found out once, since debugging information may be
 * needed for it. */
static bool is_inside(uint32_t site, void *address)
{
	/* relaxed: whoever finds it unknown finds out the same */
	uint32_t kind = atomic_load_explicit(&site_at(site)->kind, memory_order_relaxed);

	if (kind == UNKNOWN) {
		kind = weir__symbol_is_inside(NULL, address) ? IS_INSIDE : IS_OUTSIDE;
		atomic_store_explicit(&site_at(site)->kind, kind, memory_order_relaxed);
	}
	return kind == IS_INSIDE;
}

uint32_t weir__site_slow(void *address, struct weir__memo *memo)
{
	int before = errno; /* a free() on the way out of a failure must not change the reason */
	uint32_t site;

	if (memo->address != address) {
		site = number_of(&address, 1);
		memo->site = site && is_inside(site, address) ? WEIR__INSIDE : site;
		memo->address = address;
	}
	site = memo->site == WEIR__INSIDE ? weir__stack_site(address) : memo->site;
	errno = before;
	return site;
}

uint32_t weir__site_frames(uint32_t site, void *frames[WEIR_FRAMES_MAX])
{
	uint32_t count = 0;

	pthread_mutex_lock(&lock);
	if (site && site < site_count) {
		count = site_at(site)->count;
		memcpy(frames, site_at(site)->frames, count * sizeof(*frames));
	}
	pthread_mutex_unlock(&lock);
	return count;
}

/* ---- owners ---- */

static char owners[WEIR_TRACK_OWNERS][24] = {"-"};
static uint32_t owner_count = 1;

void weir_track_owner(const char *owner)
{
	char name[sizeof(*owners)];
	uint32_t i;

	snprintf(name, sizeof(name), "%s", owner ? owner : owners[0]);
	pthread_mutex_lock(&lock);
	for (i = 0; i < owner_count; i++)
		if (strcmp(owners[i], name) == 0)
			break;
	if (i == owner_count && i < WEIR_TRACK_OWNERS)
		memcpy(owners[owner_count++], name, sizeof(name));
	pthread_mutex_unlock(&lock);
	weir__track_owner_now = i < WEIR_TRACK_OWNERS ? (uint8_t)i : 0;
}

/* A name is there before its number is anywhere. */
const char *weir__owner_name(uint32_t owner)
{
	return owners[owner];
}
