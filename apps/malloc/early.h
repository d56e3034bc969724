/* SPDX-License-Identifier: BSD-3-Clause */
/* early.h: memory for those who cannot have any of the heap: it is being made, or they are inside
 * of it. */
#ifndef EARLY_H
#define EARLY_H

#include <stdbool.h>
#include <stddef.h>

/* size bytes at a multiple of alignment, a power of two; NULL with errno ENOMEM. */
void *early_alloc(size_t size, size_t alignment);

/* To be used again by this thread. */
void early_free(void *block);

/* Is it early memory; and how many bytes has it? */
bool early_has(const void *block);
size_t early_size(const void *block);

#endif
