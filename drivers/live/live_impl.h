/* SPDX-License-Identifier: BSD-3-Clause */
/* live_impl.h: what the files of this driver share: live.c receives and sends, handle.c opens. */
#ifndef LIVE_LIVE_IMPL_H
#define LIVE_LIVE_IMPL_H

#include "drivers/driver_impl.h"

#include <pcap/pcap.h>
#include <pthread.h>

struct live {
	struct weir_port *port;
	char name[256]; /* what libpcap opens; not all are interfaces */
	uint32_t index; /* of the interface, 0 when it is none */
	pcap_t *capture;
	uint16_t link_type;
	bool nanoseconds;
	/* The packet that was read and has found no mbufs yet; data is libpcap's, until the next
	 * is read. */
	const struct pcap_pkthdr *header;
	const uint8_t *data;

	/* A handle of its own, since another thread may receive. */
	pcap_t *injector;
	uint8_t *bounce; /* a packet in several segments is put together here */

	pthread_mutex_t lock; /* of the statistics, which any thread may ask for */
};

/* What the keys say. */
struct live_wants {
	uint64_t snaplen, buffer;
	const char *filter;
	pcap_direction_t direction;
	bool promiscuous, immediate;
};

/* A packet is at most so long: the snapshot length at which libpcap stops (MAXIMUM_SNAPLEN). */
#define LIVE_LONGEST 262144

/* Open what spec names to receive from, or to send to. 0, or -errno with a sentence. */
int weir__live_open_capture(struct live *live, const struct live_wants *wants);
int weir__live_open_injector(struct live *live);

#endif
