/* SPDX-License-Identifier: BSD-3-Clause */
/* list_impl.h: "0-3,8" as the kernel and numactl write sets of nodes and processors. */
#ifndef WEIR_LIST_IMPL_H
#define WEIR_LIST_IMPL_H

/* Set the bits of the numbers in text, all below max, and clear the others of max. 0, -EINVAL for
 * what is no list, -ERANGE for a number that is not below max. A newline may end it. */
int weir__list_parse(const char *text, unsigned long *bits, unsigned int max);

#endif
