/* SPDX-License-Identifier: BSD-3-Clause */
/* supply.c: blocks in a region, and a list of those that are free.
 *
 * A mutex, held for a few instructions once for hundreds of packets. */
#include "supply_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"
#include "weir/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct buffer {
	struct weir__block block; /* first */
	struct weir__supply *supply;
	struct buffer *next; /* in the list of free ones */
};

struct weir__supply {
	pthread_mutex_t lock;
	struct weir_region *region;
	size_t size;  /* of a block */
	size_t ready; /* bytes of the region with pages */
	struct buffer *free;
	uint32_t made, most; /* blocks */
	uint32_t users;      /* the owner, and blocks that are out */
	struct buffer buffers[];
};

static void destroy(struct weir__supply *supply)
{
	weir_region_destroy(supply->region);
	pthread_mutex_destroy(&supply->lock);
	free(supply);
}

static void release(struct weir__block *block)
{
	struct buffer *buffer = (struct buffer *)(void *)block;
	struct weir__supply *supply = buffer->supply;
	bool last;

	pthread_mutex_lock(&supply->lock);
	buffer->next = supply->free;
	supply->free = buffer;
	last = --supply->users == 0;
	pthread_mutex_unlock(&supply->lock);
	if (last)
		destroy(supply);
}

struct weir__supply *weir__supply_create(size_t size, size_t most, bool is_short)
{
	const struct weir_region_conf conf = {
		.name = "capture",
		.size = WEIR__OS_HUGE_SIZE,
		.max_size = most,
		.chunk = WEIR__OS_HUGE_SIZE,
		.pages = is_short ? WEIR_PAGES_4K : WEIR_PAGES_ANY,
		.lazy = true,
	};
	uint32_t count = (uint32_t)(most / size);
	struct weir__supply *supply =
		calloc(1, sizeof(*supply) + count * sizeof(supply->buffers[0]));

	if (!supply)
		return weir__fail_null(ENOMEM, "no memory for %u blocks to read into", count);
	supply->region = weir_region_create(&conf);
	if (!supply->region) {
		free(supply);
		return NULL;
	}
	pthread_mutex_init(&supply->lock, NULL);
	supply->size = size;
	supply->ready = weir_region_size(supply->region);
	supply->most = count;
	supply->users = 1;
	return supply;
}

/* One that was never used. */
static struct buffer *make(struct weir__supply *supply)
{
	size_t start = supply->made * supply->size;
	struct buffer *buffer;

	if (supply->made == supply->most)
		return NULL;
	if (start + supply->size > supply->ready) {
		if (weir_region_commit(supply->region, start, supply->size))
			return NULL;
		supply->ready = weir_region_size(supply->region);
	}
	buffer = &supply->buffers[supply->made++];
	buffer->supply = supply;
	buffer->block.bytes = (uint8_t *)weir_region_base(supply->region) + start;
	buffer->block.size = supply->size;
	buffer->block.release = release;
	return buffer;
}

struct weir__block *weir__supply_get(struct weir__supply *supply)
{
	struct buffer *buffer;

	pthread_mutex_lock(&supply->lock);
	buffer = supply->free;
	if (buffer)
		supply->free = buffer->next;
	else
		buffer = make(supply);
	supply->users += buffer != NULL;
	pthread_mutex_unlock(&supply->lock);
	if (!buffer)
		return NULL;
	/* relaxed: nobody else knows it */
	atomic_store_explicit(&buffer->block.users, 1, memory_order_relaxed);
	return &buffer->block;
}

void weir__supply_close(struct weir__supply *supply)
{
	bool last;

	if (!supply)
		return;
	pthread_mutex_lock(&supply->lock);
	last = --supply->users == 0;
	pthread_mutex_unlock(&supply->lock);
	if (last)
		destroy(supply);
}
