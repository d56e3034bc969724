/* SPDX-License-Identifier: BSD-3-Clause */
/* warmup.c: touching pages with several threads: the kernel clears each, at some GB/s a core. */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <string.h>

/* A thread costs some 50 us to start and to end; clearing 32 MiB takes a hundred times that. */
#define SHARE_MIN   (32ul << 20)
#define THREADS_MAX 16

struct share {
	uint8_t *address;
	size_t size, step;
	int error;
	pthread_t thread;
	bool started;
};

static void *touch(void *argument)
{
	struct share *share = argument;

	share->error = weir__os_populate(share->address, share->size, share->step);
	return NULL;
}

int weir__warmup(uint8_t *address, size_t size, size_t step, unsigned int threads)
{
	struct share shares[THREADS_MAX];
	size_t pages = size / step, each, count = 0;
	int error = 0;

	if (threads == 0) {
		threads = weir__os_processors();
		if (threads > size / SHARE_MIN)
			threads = (unsigned int)(size / SHARE_MIN);
	}
	threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
	each = (pages + threads - 1) / threads * step;
	for (size_t at = 0; at < size; at += each, count++) {
		struct share *share = &shares[count];

		*share = (struct share){.address = address + at, .step = step};
		share->size = each < size - at ? each : size - at;
		/* the last one, and whom no thread can be had for, is touched here */
		share->started = share->size < size - at &&
				 pthread_create(&share->thread, NULL, touch, share) == 0;
		if (!share->started)
			touch(share);
	}
	for (size_t i = 0; i < count; i++) {
		if (shares[i].started)
			pthread_join(shares[i].thread, NULL);
		if (shares[i].error)
			error = shares[i].error;
	}
	return error;
}

/* What a lazy region lacks may be more than there is. */
static int warm_chunk(struct weir_region *region, size_t chunk, unsigned int threads)
{
	uint8_t *address = region->base + chunk * region->chunk;
	size_t size = weir__chunk_mapped(region, chunk);
	int error = 0;

	if (!weir__pages_huge(region->chunks[chunk]))
		error = weir__room_check(region, size - weir__os_present(address, size));
	if (error)
		return error;
	return weir__warmup(address, size, weir__pages_unit(region->chunks[chunk]), threads);
}

int weir_region_warmup(struct weir_region *region, unsigned int threads)
{
	char before[sizeof(region->why)];
	int error = 0;

	pthread_mutex_lock(&region->lock);
	memcpy(before, region->why, sizeof(before));
	region->why[0] = 0;
	for (size_t i = 0; i < region->chunk_count && !error; i++)
		if (region->chunks[i] != WEIR_PAGES_ANY)
			error = warm_chunk(region, i, threads);
	if (error)
		weir__fail(-error, "region '%s' cannot be touched: %s", region->name,
			region->why[0] ? region->why : strerror(-error));
	memcpy(region->why, before, sizeof(before));
	pthread_mutex_unlock(&region->lock);
	return error;
}
