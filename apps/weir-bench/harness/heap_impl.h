/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_impl.h: what the parts of the bench heap share. */
#ifndef HEAP_IMPL_H
#define HEAP_IMPL_H

#include "bench.h"
#include "work_heap.h"

/* heap.c: the state of a thread that takes blocks of size bytes, 0 for many sizes; NULL. */
struct work_blocks *heap_work(struct bench_run *run, void *heap, size_t size);

/* heap_threads.c: measure and add a row. 0, or 1 after a sentence on stderr. */
int heap_threads_measure(struct bench_run *run, const struct bench *bench, void *heap,
	const char *name, size_t size);

#endif
