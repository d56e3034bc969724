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

/* Which chunks have pages is what it was a moment ago: the lock is not kept while a peer may let us
 * wait. */
static int transfer(struct weir_region *region, uint8_t *chunks, int socket)
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
	return error ? error : weir__os_send(socket, chunks, region->chunk_count, -1);
}

int weir_region_send(struct weir_region *region, int socket)
{
	uint8_t *chunks = malloc(region->chunk_count);
	bool has_file;
	int error;

	if (!chunks)
		return weir__fail(ENOMEM, "no memory to send region '%s'", region->name);
	pthread_mutex_lock(&region->lock);
	has_file = region->file_used;
	memcpy(chunks, region->chunks, region->chunk_count);
	pthread_mutex_unlock(&region->lock);
	error = has_file ? transfer(region, chunks, socket) : 0;
	free(chunks);
	if (!has_file)
		return weir__fail(
			EINVAL, "region '%s' is not shared, or has no pages yet", region->name);
	if (error)
		return weir__fail(
			-error, "region '%s' was not sent: %s", region->name, strerror(-error));
	return 0;
}

static int refuse(const char *reason)
{
	return weir__fail(EPROTO, "what came through the socket is no region of weir: %s", reason);
}

static int cannot(int error)
{
	return weir__fail(-error, "no region was received: %s", strerror(-error));
}

/* Are the numbers those of a region? */
static int check_message(const struct message *message)
{
	enum weir_pages pages = (enum weir_pages)message->pages;
	size_t unit;

	if (message->magic != MAGIC || message->name[sizeof(message->name) - 1])
		return refuse("another kind of message");
	if (pages == WEIR_PAGES_ANY || strcmp(weir_pages_name(pages), "unknown") == 0)
		return refuse("unknown pages");
	unit = weir__pages_unit(pages);
	if (message->reserved > SIZE_MAX / 4 || message->max_size > message->reserved ||
		message->chunk == 0 || message->chunk > message->max_size ||
		message->max_size % weir__os_page_size() || message->reserved % unit ||
		(message->chunk % unit && message->chunk != message->max_size))
		return refuse("sizes that do not fit each other");
	return 0;
}

/* Is the file what the message says, and will it stay so? */
static int check_file(const struct message *message, int file)
{
	enum weir_pages pages = (enum weir_pages)message->pages;
	struct weir__os_file_facts facts;
	int error;

	if (file < 0)
		return refuse("no file came with it");
	error = weir__os_file_facts(file, &facts);
	if (error)
		return cannot(error);
	if (!facts.fixed)
		return refuse("its file can still be shortened, which would be a SIGBUS here");
	if (facts.size != message->reserved)
		return refuse("its file has another size");
	if (facts.huge != (weir__pages_huge(pages) ? weir__pages_unit(pages) : 0))
		return refuse("its file is made of other pages");
	return 0;
}

/* A region as the message describes it, without pages. */
static struct weir_region *rebuild(const struct message *message)
{
	struct weir_region_conf conf = {
		.name = message->name,
		.max_size = message->max_size,
		.chunk = message->chunk,
		.pages = (enum weir_pages)message->pages,
		.shared = true,
	};

	return weir__region_new(&conf, message->reserved);
}

static int map_chunk(struct weir_region *region, size_t chunk)
{
	int error;

	region->chunks[chunk] = (uint8_t)region->file_pages;
	error = weir__os_map_file(region->base + chunk * region->chunk,
		weir__chunk_mapped(region, chunk), region->file, chunk * region->chunk);
	if (error)
		return weir__fail(-error, "region '%s' was received but not mapped: %s",
			region->name, strerror(-error));
	return 0;
}

/* The second message: what each chunk lies on. */
static int receive_chunks(struct weir_region *region, int socket)
{
	uint8_t *chunks = calloc(region->chunk_count, sizeof(*chunks));
	int error, none;

	if (!chunks)
		return weir__fail(ENOMEM, "no memory for region '%s'", region->name);
	error = weir__os_receive(socket, chunks, region->chunk_count, &none);
	if (error == -EPROTO)
		refuse("its list of chunks has another length");
	else if (error)
		cannot(error);
	else if (none >= 0)
		error = refuse("a second file");
	if (none >= 0)
		weir__os_close(none);
	for (size_t i = 0; i < region->chunk_count && !error; i++) {
		if (chunks[i] == region->file_pages)
			error = map_chunk(region, i);
		else if (chunks[i] != WEIR_PAGES_ANY)
			error = refuse("a chunk of unknown pages");
	}
	free(chunks);
	return error;
}

/* The region takes the file over. */
static int receive_region(
	const struct message *message, int file, int socket, struct weir_region **received)
{
	struct weir_region *region;
	int error = check_file(message, file);

	if (error)
		return error;
	region = rebuild(message);
	if (!region)
		return -errno;
	region->file = file;
	region->file_pages = (enum weir_pages)message->pages;
	region->file_used = true;
	error = receive_chunks(region, socket);
	if (!error) {
		weir__regions_add(region);
		*received = region;
		return 0;
	}
	region->file = -1;
	weir_region_destroy(region);
	return error;
}

struct weir_region *weir_region_receive(int socket)
{
	struct weir_region *region = NULL;
	struct message message;
	int file, error;

	error = weir__os_receive(socket, &message, sizeof(message), &file);
	if (error == -EPROTO)
		refuse("a message of another length, or with several files");
	else if (error)
		cannot(error);
	else
		error = check_message(&message);
	if (!error)
		error = receive_region(&message, file, socket, &region);
	if (error && file >= 0)
		weir__os_close(file);
	if (error)
		errno = -error;
	return region;
}
