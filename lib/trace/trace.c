/* SPDX-License-Identifier: BSD-3-Clause */
/* trace.c: open and close a trace, and what its index tells. */
#include "trace_impl.h"

#include "weir/spread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Packets that the index has room for at first; it doubles. */
#define FIRST_ROOM 1024
/* What an entry has room for; a reader takes no packet above 128 MiB. */
#define LENGTH_MASK ((1u << 30) - 1)

static void destroy(struct weir__block *block)
{
	struct weir_trace *trace = (struct weir_trace *)(void *)block;

	weir_region_destroy(trace->region);
	weir__trace_unmap(trace);
	free(trace->packets);
	free(trace->path);
	free(trace->sentence);
	free(trace);
}

struct weir_trace_packet *weir__trace_add(
	struct weir_trace *trace, const struct weir_capture_packet *packet, uint64_t offset)
{
	uint64_t room = trace->room ? 2 * trace->room : FIRST_ROOM;
	struct weir_trace_packet *entry;

	if (weir_unlikely(trace->count == trace->room)) {
		entry = reallocarray(trace->packets, room, sizeof(*entry));
		if (!entry)
			return weir__fail_null(ENOMEM, "no memory for an index of %llu packets",
				(unsigned long long)room);
		trace->packets = entry;
		trace->room = room;
	}
	entry = &trace->packets[trace->count++];
	*entry = (struct weir_trace_packet){
		.timestamp_ns = packet->timestamp_ns,
		.offset = offset,
		.length = packet->length & LENGTH_MASK,
		.wire_length = packet->wire_length,
		.interface =
			packet->interface < UINT16_MAX ? (uint16_t)packet->interface : UINT16_MAX,
		.link_type = packet->link_type,
		.direction = packet->direction & 3u,
	};
	trace->bytes += packet->length;
	return entry;
}

void weir__trace_fail(struct weir_trace *trace, int error)
{
	trace->error = error;
	trace->sentence = strdup(weir_last_error());
}

void weir__trace_describe(struct weir_trace *trace, const struct weir_capture_reader *reader)
{
	snprintf(trace->description, sizeof(trace->description), "%s",
		weir_capture_describe(reader));
}

/* Read all of it. 0 or -errno with the sentence said. */
static int fill(struct weir_trace *trace, const char *path, const struct weir_trace_conf *conf)
{
	struct weir_capture_reader *reader = weir_capture_open(path);
	uint64_t position;
	int error;

	if (!reader)
		return -errno;
	weir_capture_progress(reader, &position, &trace->file_bytes);
	error = weir__trace_load(trace, reader, path, conf);
	weir_capture_progress(reader, &trace->file_bytes, &position);
	weir__trace_describe(trace, reader);
	weir_capture_close(reader);
	return error;
}

/* Mapped, where that is wanted and can be. */
static int map_or_fill(
	struct weir_trace *trace, const char *path, const struct weir_trace_conf *conf)
{
	int error = conf->map && strcmp(path, "-") != 0 ? weir__trace_map(trace, path) : -ENOTSUP;

	if (error != -ENOTSUP)
		return error;
	weir__trace_unmap(trace);
	return fill(trace, path, conf);
}

/* A small file's index is not to take more than the file. */
static void trim_index(struct weir_trace *trace)
{
	struct weir_trace_packet *less = NULL;

	if (trace->count > 0 && trace->count < trace->room)
		less = reallocarray(trace->packets, trace->count, sizeof(*less));
	if (!less)
		return;
	trace->packets = less;
	trace->room = trace->count;
}

struct weir_trace *weir_trace_open(const char *path, const struct weir_trace_conf *conf)
{
	static const struct weir_trace_conf usual;
	struct weir_trace *trace = calloc(1, sizeof(*trace));
	int error;

	if (!trace)
		return weir__fail_null(ENOMEM, "%s: no memory to read it", path);
	atomic_init(&trace->block.users, 1);
	trace->block.release = destroy;
	trace->file = -1;
	trace->path = strdup(path);
	error = trace->path ? map_or_fill(trace, path, conf ? conf : &usual)
			    : weir__fail(ENOMEM, "%s: no memory to read it", path);
	if (error) {
		weir_trace_close(trace);
		errno = -error;
		return NULL;
	}
	trim_index(trace);
	return trace;
}

void weir_trace_close(struct weir_trace *trace)
{
	if (trace)
		weir__block_drop(&trace->block, 1);
}

int weir_trace_error(const struct weir_trace *trace)
{
	int shortened = trace->mapping ? weir__trace_shortened(trace) : 0;

	if (shortened || !trace->error)
		return shortened;
	return weir__fail(
		-trace->error, "%s", trace->sentence ? trace->sentence : strerror(-trace->error));
}

uint64_t weir_trace_count(const struct weir_trace *trace)
{
	return trace->count;
}

const struct weir_trace_packet *weir_trace_packets(const struct weir_trace *trace)
{
	return trace->packets;
}

const uint8_t *weir_trace_data(const struct weir_trace *trace, uint64_t number)
{
	return trace->block.bytes + trace->packets[number].offset;
}

uint64_t weir_trace_bytes(const struct weir_trace *trace)
{
	return trace->bytes;
}

uint64_t weir_trace_file_bytes(const struct weir_trace *trace)
{
	return trace->file_bytes;
}

const char *weir_trace_describe(const struct weir_trace *trace)
{
	return trace->description;
}

const char *weir_trace_memory(const struct weir_trace *trace)
{
	return trace->region ? weir_region_describe(trace->region) : "the mapped file";
}

/* The hash is made of mbufs: these are the caller's, on the stack, and of no pool. */
#define AT_ONCE 32

static void hash_some(struct weir_trace *trace, uint64_t first, uint32_t count)
{
	struct weir_mbuf mbufs[AT_ONCE] = {0}, *pointers[AT_ONCE];

	for (uint32_t i = 0; i < count; i++) {
		const struct weir_trace_packet *packet = &trace->packets[first + i];

		pointers[i] = &mbufs[i];
		mbufs[i].buffer = trace->block.bytes + packet->offset;
		mbufs[i].length = mbufs[i].data_length = packet->length;
		weir_mbuf_set_link_type(&mbufs[i], packet->link_type);
	}
	weir_spread_hash(pointers, count);
	for (uint32_t i = 0; i < count; i++)
		trace->packets[first + i].hash = mbufs[i].hash;
}

void weir_trace_hash(struct weir_trace *trace)
{
	for (uint64_t i = 0; i < trace->count; i += AT_ONCE)
		hash_some(trace, i,
			trace->count - i < AT_ONCE ? (uint32_t)(trace->count - i) : AT_ONCE);
	trace->hashed = true;
}
