/* SPDX-License-Identifier: BSD-3-Clause */
/* mem_impl.h: what a region is, and what the files of this room do for each other.
 *
 *	region.c	create and destroy
 *	commit.c	which chunks have pages
 *	ladder.c	pages under one chunk, the best there are
 *	room.c		whether there is as much
 *	place.c		on which nodes, and proof of it
 *	warmup.c	touching them, by several threads
 *	describe.c, report.c	what was got, in words, of one and of all
 *	share.c		to and from other processes
 */
#ifndef WEIR_MEM_IMPL_H
#define WEIR_MEM_IMPL_H

#include "weir/mem.h"

#include "os/os_impl.h"

#include <pthread.h>

struct weir_region {
	uint8_t *base;
	size_t max_size; /* what was asked for; the last chunk may be shorter than the others */
	size_t reserved; /* addresses, with room for the last chunk's last page */
	size_t chunk;
	size_t chunk_count;
	uint8_t *chunks; /* enum weir_pages of each; WEIR_PAGES_ANY: none */

	enum weir_pages wanted;
	enum weir_placement placement;
	struct weir__nodes nodes; /* asked for */
	bool anywhere;            /* none were, or the kernel cannot place */
	int unplaced;             /* -errno of why it cannot, when there are several */
	bool shared, locked, lazy;
	bool received;              /* from a peer, whose the file is */
	int file;                   /* of a shared one, else -1 */
	enum weir_pages file_pages; /* what the file is made of, once it has any */
	bool file_used;             /* a chunk lay in it: others may have it, too */

	pthread_mutex_t lock; /* chunks, file and why */
	char name[32];
	char why[512]; /* not better */
	struct weir_region *previous, *next;
};

/* Bytes of a page of this kind: of the unit that a chunk on it is rounded up to. */
size_t weir__pages_unit(enum weir_pages pages);

/* Is it one of reserved hugepages? */
static inline bool weir__pages_huge(enum weir_pages pages)
{
	return pages > WEIR_PAGES_4K;
}

/* The kind in a sentence: "2 MiB hugepages". */
void weir__pages_describe(enum weir_pages pages, char *text, size_t size);

/* "20 MiB". */
void weir__bytes_describe(size_t bytes, char *text, size_t size);

/* Would pages of this size leave too much of so many bytes idle? See weir/mem.h. */
bool weir__pages_too_large(enum weir_pages pages, size_t bytes);

/* Bytes of a chunk, without and with the rest of its last page. */
size_t weir__chunk_bytes(const struct weir_region *region, size_t chunk);
size_t weir__chunk_mapped(const struct weir_region *region, size_t chunk);

/* Put a reason behind those in region->why, unless it is there already. */
void weir__why(struct weir_region *region, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* commit.c: the smallest pages of all chunks, WEIR_PAGES_ANY without any. The lock is held. */
enum weir_pages weir__region_smallest(const struct weir_region *region);

/* ladder.c: pages under a chunk that has none. 0, or -errno and the reasons in region->why. */
int weir__ladder(struct weir_region *region, size_t chunk);

/* ladder.c: unmap a chunk and give its memory back. 0, or -errno and it is as it was. */
int weir__chunk_release(struct weir_region *region, size_t chunk);

/* room.c: can so many bytes of base pages be touched? 0, or -ENOMEM and a reason. */
int weir__room_check(struct weir_region *region, size_t bytes);

/* room.c: the same for so many bytes of whatever pages the region takes. */
int weir__room_check_all(struct weir_region *region, size_t bytes);

/* room.c: the reason why so many bytes on reserved hugepages could not be had. */
void weir__room_say_huge(
	struct weir_region *region, size_t bytes, enum weir_pages pages, int error);

/* place.c: the first node from one on, WEIR__NODES_MAX behind the last; how many; "0-1,3". */
unsigned int weir__nodes_next(const struct weir__nodes *nodes, unsigned int from);
unsigned int weir__nodes_count(const struct weir__nodes *nodes);
void weir__nodes_list(const struct weir__nodes *nodes, char *text, size_t size);

/* place.c: understand the conf's nodes. 0, or -errno with a sentence. */
int weir__place_init(struct weir_region *region, const struct weir_region_conf *conf);

/* place.c: place a range that has no pages yet; 0 or -errno. */
int weir__place(const struct weir_region *region, void *address, size_t size);

/* place.c: do the pages there are lie where they should? 0, or -errno and a reason. Where that
 * cannot be found out, 0 and a reason. */
int weir__place_verify(struct weir_region *region, uint8_t *address, size_t size, size_t step);

/* place.c: count the bytes of a range on each node, those below max, by the page at every step. 0
 * or -errno. */
int weir__place_count(uint8_t *address, size_t size, size_t step, size_t *bytes, unsigned int max);

/* place.c: "on node 1", "on nodes 0-1 in turn", "" for anywhere. */
void weir__place_describe(const struct weir_region *region, char *text, size_t size);

/* place.c: why it is not where it was asked for; "" when it is. */
void weir__place_why(const struct weir_region *region, char *text, size_t size);

/* warmup.c: touch a range with up to threads threads. */
int weir__warmup(uint8_t *address, size_t size, size_t step, unsigned int threads);

/* describe.c: the sentence, into a buffer. The lock is held. */
void weir__region_describe(const struct weir_region *region, char *text, size_t size);

/* describe.c: why it is nothing better. The lock is held. */
void weir__region_why(const struct weir_region *region, char *text, size_t size);

/* report.c: the list of all regions. */
void weir__regions_add(struct weir_region *region);
void weir__regions_remove(struct weir_region *region);

/* region.c: a region without pages, not in the list; to be destroyed as any. One that a peer sends
 * has its chunk and, in bytes of addresses, reserved from there; else reserved is 0. */
struct weir_region *weir__region_new(const struct weir_region_conf *conf, size_t reserved);

#endif
