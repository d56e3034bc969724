/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_impl.h: a capture file's port: pcap.c opens, closes and sends, keys.c and receive.c
 * receive, ahead.c with a thread. */
#ifndef WEIR_PCAP_IMPL_H
#define WEIR_PCAP_IMPL_H

#include "drivers/driver_impl.h"

#include "weir/capture.h"
#include "weir/trace.h"

#include <sys/uio.h>

/* The longest packet a capture can hold in segments of 64 bytes, and one for the rest. */
#define SEGMENTS_MAX (262144 / 64 + 1)

struct pcap_port {
	struct weir_port *port;
	struct weir_capture_writer *writer;
	uint64_t unfit;      /* packets that its format does not hold */
	char why_unfit[256]; /* the first of them */
	uint64_t bytes;      /* of the packets that this call of rx has received */

	/* One of the two, or none. */
	struct weir_capture_reader *reader;
	struct weir_trace *trace;
	struct weir_trace_cache *cache; /* that the trace is put back to; NULL: it is the port's */
	struct weir__ahead *ahead;      /* reads from the reader; or NULL */
	uint32_t taken;                 /* packets of its present batch */
	WEIR_ATOMIC(uint64_t) position; /* of what was taken, in the file */
	uint32_t (*make)(struct weir_trace *trace, uint64_t first, struct weir_mbuf **mbufs,
		uint32_t count, struct weir_mempool *pool); /* attach or copy */
	uint64_t next;                                      /* packet of the trace */
	uint64_t file_bytes;                                /* as stored, with ahead */
	uint64_t passes;                                    /* done */
	uint64_t loop;                                      /* wanted; 0: endless */
	bool pass_is_empty;                                 /* no packet yet in this one */
	struct iovec segments[SEGMENTS_MAX];
};

/* Take rx=, loop= and preload=. 0 or -errno with a sentence. */
int weir__pcap_open_rx(struct pcap_port *pcap, struct weir__spec *spec);

void weir__pcap_close_rx(struct pcap_port *pcap);

uint32_t weir__pcap_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
int weir__pcap_rewind(void *priv);
void weir__pcap_progress(const void *priv, uint64_t *position, uint64_t *size);

#endif
