/* SPDX-License-Identifier: BSD-3-Clause */
/* share.c: a region for another process: its file goes through a socket, with what is needed to map
 * it. What comes from a peer is believed only as far as the kernel bears it out. */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "weirmem" and the version of this message. */
#define MAGIC 0x016d656d72696577ul

struct message {
	uint64_t magic;
	uint64_t max_size;
	uint64_t chunk;
	uint64_t reserved;
	uint32_t pages;
	char name[32];
	uint8_t unused[4];
};

static int transfer(struct weir_region *region, int socket)
{
	struct message message = {
		.magic = MAGIC,
		.max_size = region->max_size,
		.chunk = region->chunk,
		.reserved = region->reserved,
		.pages = region->file_pages,
	};
	int error;

	memcpy(message.name, region->name, sizeof(message.name));
	error = weir__os_send(socket, &message, sizeof(message), region->file);
	return error ? error : weir__os_send(socket, region->chunks, region->chunk_count, -1);
}

int weir_region_send(struct weir_region *region, int socket)
{
	int error;

	if (region->file < 0)
		return weir__fail(
			EINVAL, "region '%s' is not shared, or has no pages yet", region->name);
	pthread_mutex_lock(&region->lock);
	error = transfer(region, socket);
	pthread_mutex_unlock(&region->lock);
	if (error)
		return weir__fail(
			-error, "region '%s' was not sent: %s", region->name, strerror(-error));
	return 0;
}

/* Does the file hold what the message says, and are the numbers those of a region? */
static bool is_sound(const struct message *message, int file)
{
	size_t unit;

	if (file < 0 || message->magic != MAGIC || message->pages == WEIR_PAGES_ANY ||
		strcmp(weir_pages_name((enum weir_pages)message->pages), "unknown") == 0 ||
		message->name[sizeof(message->name) - 1])
		return false;
	unit = weir__pages_unit((enum weir_pages)message->pages);
	return message->reserved <= SIZE_MAX / 4 && message->max_size <= message->reserved &&
	       message->chunk && message->chunk <= message->max_size &&
	       message->reserved % unit == 0 &&
	       (message->chunk % unit == 0 || message->chunk == message->max_size) &&
	       weir__os_file_size(file) == (int64_t)message->reserved;
}

static int map_received(struct weir_region *region, const uint8_t *chunks)
{
	for (size_t i = 0; i < region->chunk_count; i++) {
		int error;

		if (!chunks[i])
			continue;
		region->chunks[i] = (uint8_t)region->file_pages;
		error = weir__os_map_file(region->base + i * region->chunk,
			weir__chunk_mapped(region, i), region->file, i * region->chunk);
		if (error)
			return weir__fail(-error, "region '%s' was received but not mapped: %s",
				region->name, strerror(-error));
	}
	return 0;
}

/* A region as the message describes it, which takes the file over. */
static struct weir_region *rebuild(const struct message *message, int file)
{
	struct weir_region_conf conf = {
		.name = message->name,
		.max_size = message->max_size,
		.chunk = message->chunk,
		.pages = (enum weir_pages)message->pages,
		.shared = true,
	};
	struct weir_region *region = weir__region_new(&conf);

	if (!region) {
		weir__os_close(file);
		return NULL;
	}
	region->file = file;
	region->file_pages = conf.pages;
	if (region->chunk == message->chunk && region->reserved == message->reserved)
		return region;
	weir_region_destroy(region);
	return weir__fail_null(EPROTO, "what came through the socket is no region of weir");
}

struct weir_region *weir_region_receive(int socket)
{
	struct weir_region *region;
	struct message message;
	uint8_t *chunks;
	int file, error, none;

	error = weir__os_receive(socket, &message, sizeof(message), &file);
	if (error)
		return weir__fail_null(-error, "no region was received: %s", strerror(-error));
	if (!is_sound(&message, file)) {
		if (file >= 0)
			weir__os_close(file);
		return weir__fail_null(EPROTO, "what came through the socket is no region of weir");
	}
	region = rebuild(&message, file);
	if (!region)
		return NULL;
	chunks = calloc(region->chunk_count, sizeof(*chunks));
	error = chunks ? weir__os_receive(socket, chunks, region->chunk_count, &none) : -ENOMEM;
	if (error)
		weir__fail(-error, "no region was received: %s", strerror(-error));
	else
		error = map_received(region, chunks);
	free(chunks);
	if (!error) {
		weir__regions_add(region);
		return region;
	}
	weir_region_destroy(region);
	errno = -error;
	return NULL;
}
