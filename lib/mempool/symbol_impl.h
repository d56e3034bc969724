/* SPDX-License-Identifier: BSD-3-Clause */
/* symbol_impl.h: the function, file and line of an address in the code of this process. */
#ifndef WEIR_SYMBOL_IMPL_H
#define WEIR_SYMBOL_IMPL_H

#include <stdbool.h>
#include <stddef.h>

struct weir__symbol {
	char function[64]; /* "" when not known */
	char place[192];   /* "file.c:12", or "program+0x1234" */
	bool is_main;      /* it is main(), or what was inlined there */
};

struct weir__symbols;

/* Open what the process has of debugging information, which takes milliseconds; NULL is as good,
 * and then there are only addresses. And close it. */
struct weir__symbols *weir__symbols_open(void);
void weir__symbols_close(struct weir__symbols *symbols);

/* Where a call returns to: the line of the call. Inline calls of the library's headers are looked
 * through. */
void weir__symbol_find(struct weir__symbols *symbols, void *address, struct weir__symbol *symbol);

/* Is the code at this address the library's own? In a program that has the library linked into it,
 * told by its debugging information, if there is any: opened for this call without symbols. */
bool weir__symbol_is_inside(struct weir__symbols *symbols, void *address);

#endif
