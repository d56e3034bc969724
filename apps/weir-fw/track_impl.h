/* SPDX-License-Identifier: BSD-3-Clause */
/* track_impl.h: a connection, and what track.c and track_tcp.c tell each other. */
#ifndef FW_TRACK_IMPL_H
#define FW_TRACK_IMPL_H

#include "apps/weir-fw/packet.h"

#define FW_NS_PER_S UINT64_C(1000000000)

enum fw_tcp_state {
	FW_TCP_NONE,
	FW_TCP_SYN_SENT,
	FW_TCP_SYN_RECV,
	FW_TCP_ESTABLISHED,
	FW_TCP_FIN_WAIT,
	FW_TCP_CLOSE_WAIT,
	FW_TCP_LAST_ACK,
	FW_TCP_TIME_WAIT,
	FW_TCP_CLOSE,
	FW_TCP_SYN_SENT2, /* both have sent a SYN */
	FW_TCP_STATES,
};

/* What one side has sent, and may send: "Real Stateful TCP Packet Filtering in IP Filter" by Guido
 * van Rooij has the four bounds that these numbers are for. */
struct fw_tcp_side {
	uint32_t end;     /* highest sequence number sent, and one */
	uint32_t max_end; /* as far as the other side has allowed: its last ACK and window */
	uint32_t max_window;
	uint32_t max_ack;
	uint8_t scale; /* of its window */
	bool scales, sack, liberal, has_ack, closed_first, unacknowledged;
};

struct fw_tcp {
	struct fw_tcp_side side[2]; /* 0: who began */
	uint32_t last_sequence, last_end, last_ack;
	struct fw_tcp_side last_offer; /* of a SYN that was let through without belonging */
	uint16_t last_window;
	uint8_t last_kind, last_side;
	uint8_t state;
	uint8_t again;   /* how often the same came once more */
	bool both_open;  /* at the same time */
	bool challenged; /* a SYN came after both had closed */
};

struct fw_connection {
	bool exchanged; /* its first packet went the other way round than the key has it */
	bool answered, assured;
	uint64_t begun_ns;
	struct fw_tcp tcp;
};

enum fw_tracked {
	FW_TRACKED,       /* belongs to it */
	FW_TRACK_INVALID, /* does not */
	FW_TRACK_REMOVE,  /* belongs to it and ends it */
	FW_TRACK_REOPEN,  /* is the first of a new one with the same addresses and ports */
};

/* track_tcp.c: a segment for a connection, or for one that is to be made (state NONE), from a side.
 * For the first two results *timeout_ns is how long the connection lives from here on. */
enum fw_tracked fw_tcp_packet(struct fw_connection *connection, const struct fw_packet *packet,
	uint32_t side, uint64_t *timeout_ns);

#endif
