/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/trace.h: a capture file in memory, with an index of its packets.
 *
 *	index   | time, length, place, ... | time, length, place, ... | ...
 *	                          |                          |
 *	memory  | packet 0 ... | packet 1 ...     | packet 2 ... | ...
 *
 * The file is read once, whatever its format and compression; afterwards nothing touches it.
 * Packets lie on hugepages where there are some, each at the start of a cache line. Or the file is
 * mapped instead, and the packets stay where they are in it.
 *
 * Packets become mbufs by the burst: attached, which writes 64 bytes for each and leaves the
 * packet's alone, or copied. An attached one is read-only, as if frozen: the same bytes may be in
 * several mbufs. weir_mbuf_make_writable() helps.
 *
 * Threads: a trace does not change, so any number of threads may read it, attach and copy at the
 * same time. Mbufs go back by any thread, also after close: the memory goes with the last of them.
 * Open, hash and close: one thread, while no other uses the trace.
 */
#ifndef WEIR_TRACE_H
#define WEIR_TRACE_H

#include "weir/base.h"
#include "weir/mbuf.h"
#include "weir/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the index knows of a packet. */
struct weir_trace_packet {
	uint64_t timestamp_ns;  /* since 1970; 0: none */
	uint64_t offset;        /* of its bytes in the trace's memory */
	uint32_t length : 30;   /* bytes captured: no packet has more */
	uint32_t direction : 2; /* enum weir_capture_direction */
	uint32_t wire_length;   /* as recorded; may be less than length in odd files */
	uint32_t hash;          /* of the flow, after weir_trace_hash(); otherwise 0 */
	uint16_t interface;     /* from 0 over the whole file; 65535: that one or a later one */
	uint16_t link_type;     /* LINKTYPE_ number of its interface */
};

static_assert(sizeof(struct weir_trace_packet) == 32, "two packets a cache line");

struct weir_trace_conf {
	bool map; /* leave the packets in the file, mapped; not when it is compressed */
	enum weir_pages pages; /* of the memory: WEIR_PAGES_ANY by default */
	int node;              /* WEIR_NODE(n), or WEIR_NODE_ANY */
	uint64_t max_bytes;    /* of memory for packets; 0: half of what the machine has free */
};

struct weir_trace;

/* Read path ("-": standard input) to its end and index it. conf NULL: all by default. NULL with
 * errno and weir_last_error(): as weir_capture_open(), or EFBIG when it does not fit max_bytes, or
 * ENOMEM. A file that is damaged further on is a trace of the packets in front of the damage. */
WEIR_API struct weir_trace *weir_trace_open(const char *path, const struct weir_trace_conf *conf);

/* Give it up. Mbufs that are attached stay good. NULL is allowed. */
WEIR_API void weir_trace_close(struct weir_trace *trace);

/* 0, or -errno when the file was damaged, could not be read to its end, or has become shorter since
 * it was mapped; weir_last_error() says where. */
WEIR_API int weir_trace_error(const struct weir_trace *trace);

/* The index: count packets in the order of the file. Valid until close. */
WEIR_API uint64_t weir_trace_count(const struct weir_trace *trace);
WEIR_API const struct weir_trace_packet *weir_trace_packets(const struct weir_trace *trace);

/* The bytes of a packet; nobody may write them. */
WEIR_API const uint8_t *weir_trace_data(const struct weir_trace *trace, uint64_t number);

/* Packets' bytes in all, bytes of the file, and "pcapng, little endian, zstd". */
WEIR_API uint64_t weir_trace_bytes(const struct weir_trace *trace);
WEIR_API uint64_t weir_trace_file_bytes(const struct weir_trace *trace);
WEIR_API const char *weir_trace_describe(const struct weir_trace *trace);

/* What the packets lie on: "90 MiB on 2 MiB hugepages", or that they are mapped. Valid until the
 * next call in this thread. */
WEIR_API const char *weir_trace_memory(const struct weir_trace *trace);

/* Fill in hash for every packet, as weir_spread_hash() makes it: both directions of a flow have the
 * same. Mbufs then come with it. */
WEIR_API void weir_trace_hash(struct weir_trace *trace);

/* Make mbufs of the packets from number first on, up to count of them, on mbufs of pool: with time,
 * lengths and link type, and the hash if there is one. How many; the caller owns them. Fewer than
 * there are when the pool is dry, or a mapped file has become shorter. Attached ones are read-only;
 * copies are private, and have segments where they are longer than an mbuf of the pool. */
WEIR_API uint32_t weir_trace_attach(struct weir_trace *trace, uint64_t first,
	struct weir_mbuf **mbufs, uint32_t count, struct weir_mempool *pool);
WEIR_API uint32_t weir_trace_copy(struct weir_trace *trace, uint64_t first,
	struct weir_mbuf **mbufs, uint32_t count, struct weir_mempool *pool);

/* ---- a cache of traces, for many files that are read again and again ----
 *
 * From any thread, but for destroying. As long as a mapped one is kept its file is open, and
 * writers of weir leave it alone. */

struct weir_trace_cache;

struct weir_trace_cache_stats {
	uint64_t hits, misses; /* of get */
	uint64_t evictions;    /* traces put away for room */
	uint64_t bytes;        /* of files mapped, or packets in memory, and of indexes */
	uint64_t traces;
};

/* Keep traces, opened by conf (NULL: mapped), of max_bytes in all, and no more of them than half of
 * the files that the process may have open; those in use are kept whatever they take. NULL with
 * errno ENOMEM. */
WEIR_API struct weir_trace_cache *weir_trace_cache_create(
	const struct weir_trace_conf *conf, uint64_t max_bytes);

/* The trace of a file, opened when it is not here or the file is another one by now. NULL as by
 * weir_trace_open(). The cache's: to be put back, not closed. */
WEIR_API struct weir_trace *weir_trace_cache_get(struct weir_trace_cache *cache, const char *path);
WEIR_API void weir_trace_cache_put(struct weir_trace_cache *cache, struct weir_trace *trace);

WEIR_API void weir_trace_cache_stats(
	struct weir_trace_cache *cache, struct weir_trace_cache_stats *stats);

/* With all traces; mbufs on them stay good. NULL is allowed. */
WEIR_API void weir_trace_cache_destroy(struct weir_trace_cache *cache);

#ifdef __cplusplus
}
#endif

#endif
