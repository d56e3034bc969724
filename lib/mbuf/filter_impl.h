/* SPDX-License-Identifier: BSD-3-Clause */
/* filter_impl.h: filters in the language of tcpdump, compiled by libpcap for Ethernet. */
#ifndef WEIR_FILTER_IMPL_H
#define WEIR_FILTER_IMPL_H

#include "weir/mbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a packet that a filter can look at; those of a packet in several segments are copied. */
#define WEIR__FILTER_COPIED 65535

struct weir__filter;
struct bpf_insn;

/* NULL with errno and weir_last_error(): EINVAL for what is no filter, ENOTSUP when the library was
 * built without libpcap. */
struct weir__filter *weir__filter_compile(const char *expression);
void weir__filter_free(struct weir__filter *filter);

/* The instructions: classic BPF, as the kernel's struct sock_filter. */
const struct bpf_insn *weir__filter_program(const struct weir__filter *filter, uint32_t *count);

/* Does it let the packet through? Never what is not Ethernet. copy is WEIR__FILTER_COPIED bytes of
 * the calling thread's. */
bool weir__filter_matches(
	const struct weir__filter *filter, const struct weir_mbuf *mbuf, uint8_t *copy);

#endif
