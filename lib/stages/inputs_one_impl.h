/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs_one_impl.h: one of many inputs: a port, opened when it is its turn. */
#ifndef WEIR_INPUTS_ONE_IMPL_H
#define WEIR_INPUTS_ONE_IMPL_H

#include "weir/port.h"

#include <stdbool.h>
#include <stdint.h>

/* Packets that each holds to be merged; fewer when the pool is small. */
#define WEIR__INPUT_HELD 32

struct weir__input {
	const char *spec;
	uint64_t size;                 /* of a file; 0: it is none, or that is not known */
	struct weir_port *port;        /* NULL: not open */
	struct weir_port_stats before; /* of when it was open before */
	uint64_t time;                 /* of the packet that is next */
	uint32_t at, have;
	struct weir_mbuf *held[WEIR__INPUT_HELD];
};

/* How they are opened. */
struct weir__input_way {
	struct weir_mempool *pool;
	struct weir_trace_cache *cache; /* of files; NULL: none */
	bool must_cache;                /* also few files, which may stay open instead */
	const char *preload; /* of files: "no", "copy" or "attach", as pcap has them; NULL: no */
	bool must_preload;   /* fail where a file does not fit memory */
};

/* Ready to give its first packet, also when it is open already. 0, or -errno with a sentence. */
int weir__input_open(struct weir__input *input, const struct weir__input_way *way);

/* With the packets it holds; what it received stays counted. Also when it is not open. */
void weir__input_close(struct weir__input *input);

/* Count what was received. */
void weir__input_add(struct weir_port_stats *sum, const struct weir_port_stats *stats);

#endif
