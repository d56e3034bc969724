/* SPDX-License-Identifier: BSD-3-Clause */
/* map.c: packets that stay in the file, which is mapped.
 *
 * Nobody can keep others from making the file shorter. Then the packets behind its new end are not
 * given out any more, and those that were read as zeros (bus.c). Looking at the size costs a system
 * call a burst, some 200 ns. */
#include "trace_impl.h"

#include "bus_impl.h"
#include "capture/take_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(struct weir_trace *trace, const char *path)
{
	struct stat status;
	int error;

	trace->file = open(path, O_RDONLY | O_CLOEXEC);
	if (trace->file < 0 || fstat(trace->file, &status) != 0)
		return weir__fail(errno, "%s: cannot be opened: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_size == 0)
		return -ENOTSUP;
	/* until it is closed no writer of ours will empty it */
	if (flock(trace->file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return weir__fail(EBUSY, "%s: is being written by a capture writer", path);
	trace->file_bytes = (uint64_t)status.st_size;
	trace->mapping = weir__map_guarded(trace->file, trace->file_bytes);
	error = trace->mapping ? 0 : errno;
	if (error == ENFILE || error == ENODEV)
		return -ENOTSUP; /* too many, or of a file system that does not */
	return error ? weir__fail(error, "%s: cannot be mapped: %s", path, strerror(error)) : 0;
}

static int index_packets(struct weir_trace *trace, struct weir_capture_reader *reader)
{
	struct weir_capture_packet packet;
	uint8_t *data;
	int got;

	while ((got = weir_capture_next(reader, &packet, &data)) > 0)
		if (!weir__trace_add(trace, &packet, (uint64_t)(data - trace->block.bytes)))
			return -ENOMEM;
	if (got < 0)
		weir__trace_fail(trace, got);
	return 0;
}

int weir__trace_map(struct weir_trace *trace, const char *path)
{
	struct weir_capture_reader *reader;
	int error = open_file(trace, path);

	if (error)
		return error;
	trace->block.bytes =
		(uint8_t *)atomic_load_explicit(&trace->mapping->start, memory_order_relaxed);
	trace->block.size = trace->file_bytes;
	reader = weir__capture_open_memory(path, trace->block.bytes, trace->block.size);
	if (!reader)
		return -errno;
	error = index_packets(trace, reader);
	weir__trace_describe(trace, reader);
	weir_capture_close(reader);
	mprotect(trace->block.bytes, trace->block.size, PROT_READ);
	return error;
}

void weir__trace_unmap(struct weir_trace *trace)
{
	if (trace->mapping)
		weir__unmap_guarded(trace->mapping);
	if (trace->file >= 0)
		close(trace->file);
	trace->mapping = NULL;
	trace->file = -1;
}

/* Bytes of the file that are still there. */
static uint64_t bytes_left(const struct weir_trace *trace)
{
	struct stat status;

	if (fstat(trace->file, &status) != 0 || status.st_size < 0)
		return 0;
	return (uint64_t)status.st_size;
}

uint32_t weir__trace_still_there(const struct weir_trace *trace, uint64_t first, uint32_t count)
{
	uint64_t left = bytes_left(trace);
	uint32_t whole = count;

	if (weir_likely(left >= trace->file_bytes &&
			!atomic_load_explicit(&trace->mapping->broken, memory_order_relaxed)))
		return count;
	while (whole && trace->packets[first + whole - 1].offset +
					trace->packets[first + whole - 1].length >
				left)
		whole--;
	/* one that was cut and is long again has zeros in it, nobody knows where */
	return left >= trace->file_bytes ? 0 : whole;
}

int weir__trace_shortened(const struct weir_trace *trace)
{
	uint64_t left = bytes_left(trace), lost = trace->count;

	if (left >= trace->file_bytes) {
		if (!atomic_load_explicit(&trace->mapping->broken, memory_order_relaxed))
			return 0;
		return weir__fail(EBADMSG, "%s: was written to while it was mapped", trace->path);
	}
	while (lost && trace->packets[lost - 1].offset + trace->packets[lost - 1].length > left)
		lost--;
	return weir__fail(EBADMSG,
		"%s: became shorter while it was mapped, from %llu to %llu bytes: of %llu packets "
		"the last %llu are gone",
		trace->path, (unsigned long long)trace->file_bytes, (unsigned long long)left,
		(unsigned long long)trace->count, (unsigned long long)(trace->count - lost));
}
