/* SPDX-License-Identifier: BSD-3-Clause */
/* load.c: read the packets of a capture into a region that grows with them.
 *
 * How much they will be is known from no file's size: compression makes it more, comments make it
 * less. So addresses are reserved for the most that is allowed, and pages come by the chunk. */
#include "trace_impl.h"

#include "os/os_impl.h"
#include "weir/mem.h"

#include <errno.h>
#include <string.h>

/* Pages are put under so much at a time: 8 of the large ones. */
#define CHUNK (16u << 20)

static uint64_t most_bytes(const struct weir_trace_conf *conf)
{
	uint64_t half = weir__os_available(WEIR__OS_ALL_NODES) / 2;
	uint64_t most = conf->max_bytes ? conf->max_bytes : half;

	return most > CHUNK ? weir__round_up(most, WEIR__OS_HUGE_SIZE) : CHUNK;
}

/* A first chunk that a small file does not fill costs its page faults for nothing: there pages come
 * when they are touched. */
static struct weir_region *create_region(const struct weir_trace_conf *conf, uint64_t file_bytes)
{
	const struct weir_region_conf wanted = {
		.name = "trace",
		.size = WEIR__OS_HUGE_SIZE,
		.max_size = most_bytes(conf),
		.chunk = file_bytes > CHUNK ? CHUNK : WEIR__OS_HUGE_SIZE,
		.pages = conf->pages,
		.node = conf->node,
		.lazy = file_bytes < WEIR__OS_HUGE_SIZE,
	};

	return weir_region_create(&wanted);
}

/* Put pages under the next size bytes behind used. */
static int make_room(struct weir_trace *trace, const char *path, uint64_t used, uint64_t size)
{
	uint64_t most = weir_region_max_size(trace->region);

	if (weir_likely(used + size <= trace->block.size))
		return 0;
	if (used + size > most)
		return weir__fail(EFBIG,
			"%s: its packets are more than the %llu MiB of memory that they may take; "
			"read it from the file, or allow more",
			path, (unsigned long long)(most >> 20));
	if (weir_region_commit(trace->region, trace->block.size, used + size - trace->block.size))
		return -errno;
	trace->block.size = used + size;
	return 0;
}

static int load_packet(struct weir_trace *trace, const char *path,
	const struct weir_capture_packet *packet, const uint8_t *data, uint64_t *used)
{
	int error = make_room(trace, path, *used, packet->length);

	if (!error && !weir__trace_add(trace, packet, *used))
		error = -ENOMEM;
	if (error)
		return error;
	memcpy(trace->block.bytes + *used, data, packet->length);
	*used += weir__round_up(packet->length, WEIR_CACHE_LINE);
	return 0;
}

int weir__trace_load(struct weir_trace *trace, struct weir_capture_reader *reader, const char *path,
	const struct weir_trace_conf *conf)
{
	struct weir_capture_packet packet;
	uint64_t used = 0;
	uint8_t *data;
	int got, error = 0;

	trace->region = create_region(conf, trace->file_bytes);
	if (!trace->region)
		return -errno;
	trace->block.bytes = weir_region_base(trace->region);
	trace->block.size = weir_region_size(trace->region);
	while ((got = weir_capture_next(reader, &packet, &data)) > 0 && !error)
		error = load_packet(trace, path, &packet, data, &used);
	if (got < 0 && !error)
		weir__trace_fail(trace, got);
	return error;
}
