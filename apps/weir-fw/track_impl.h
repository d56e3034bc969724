/* SPDX-License-Identifier: BSD-3-Clause */
/* track_impl.h: a connection, and what track.c, track_tcp.c and nat.c tell each other. */
#ifndef FW_TRACK_IMPL_H
#define FW_TRACK_IMPL_H

#include "apps/weir-fw/nat.h"
#include "apps/weir-fw/packet.h"
#include "apps/weir-fw/track.h"

#include <weir/flow.h>
#include <weir/flow_key.h>

#include <stddef.h>

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
	bool has_ack;
	uint8_t unacknowledged;                                   /* 1: something is */
	bool scales : 1, sack : 1, liberal : 1, closed_first : 1; /* change rarely */
};

/* The last segment, in words to be compared at once: its sequence number and ACK; its end, window,
 * side and kind, of 32, 16, 8 and 8 bits. */
struct fw_tcp_last {
	uint64_t numbers, rest;
};

struct fw_tcp {
	struct fw_tcp_side side[2]; /* 0: who began */
	struct fw_tcp_last last;
	uint8_t state;
	uint8_t again;   /* a bit for each time that the same came once more */
	bool both_open;  /* at the same time */
	bool challenged; /* a SYN came after both had closed */
	/* of a SYN that was let through without belonging */
	uint8_t offered_scale;
	bool offered_scales : 1, offered_sack : 1;
};

/* What rules say of the packets that go one way, from a port to another (fast.h), in one word to
 * be compared at once: their generation in the lower 32 bits, then the way, the path, and whether
 * TCP is in the middle of a connection (fw_tcp_calm()). Without a generation nothing is known. */
#define FW_KNOWN_WAY  32
#define FW_KNOWN_PATH 48
#define FW_KNOWN_CALM (UINT64_C(1) << 62)

struct fw_connection {
	uint64_t known[2];             /* first the way that the key has it */
	uint64_t packets[2], bytes[2]; /* of each side; what rules dropped of it, too */
	uint64_t begun_ns, expires_ns;
	uint32_t answers; /* when it is translated, the tuple of its answers, an index */
	uint8_t nat;      /* 1 << enum fw_where_nat: what is translated */
	bool exchanged;   /* its first packet went the other way round than the key has it */
	bool answered, assured;
	struct fw_tcp tcp;
};

enum fw_tracked {
	FW_TRACKED,       /* belongs to it */
	FW_TRACK_INVALID, /* does not */
	FW_TRACK_REMOVE,  /* belongs to it and ends it */
	FW_TRACK_REOPEN,  /* is the first of a new one with the same addresses and ports */
};

/* A key is the five-tuple of IPv6, IPv4 addresses in its first bytes; zero[0] is the family,
 * zero[1] the type of an ICMP request and one. The same holds for a tuple, which is not sorted: it
 * has what a packet has. */
typedef struct weir_flow_key_ipv6 fw_key;

/* What the table of the tuples of answers has beside them. */
struct fw_answers {
	uint32_t index; /* of the connection */
	bool exchanged; /* as in a connection */
};

/* The packet that was asked about last. */
struct fw_asked {
	struct fw_connection *connection; /* NULL: of none */
	uint32_t side;                    /* 0: from who began */
	bool error;                       /* it quotes one of the connection */
	fw_key tuples[2];                 /* that its sides come with, when it is translated */
};

struct fw_tracker {
	struct weir_flow_table *table;
	/* those that are translated, by the tuple of answers; NULL until rules do so */
	WEIR_ATOMIC(struct weir_flow_table *) answers;
	const struct fw_host *host; /* NULL: no addresses */
	/* of several threads: where tuples are kept for each other, as whose, and the one that is
	 * claimed for the connection that may be made (places.h); NULL: there is one thread */
	struct weir_flow_shared *places;
	uint32_t tag;
	bool claims;
	fw_key claim;
	uint32_t connections;
	uint32_t half_open_most, half_open;
	uint32_t cursor; /* where the next one that may go early is looked for */
	/* where connections were found last: fast.c */
	struct weir_region *hint_memory;
	uint32_t *hints;
	uint32_t hint_shift; /* from 64 bits to the number of one */
	uint64_t random;     /* of ports */
	struct fw_asked asked;
	/* it would make a connection */
	bool pending;
	struct fw_connection pending_connection;
	uint64_t pending_timeout_ns, now_ns;
	struct fw_track_stats stats;
	fw_told *told; /* NULL: nobody is */
	void *told_context;
};

/* What the table keeps side by side. It looks at a connection when that may be over, not later than
 * that expires: a time of its own, so that what comes and goes with packets, as TCP's 300 seconds
 * while data is not acknowledged, moves no timer. */
struct fw_entry {
	uint64_t looked_at_ns; /* weir_flow_keep() sets it */
	fw_key key;
	struct fw_connection connection;
};

static_assert(sizeof(struct fw_entry) <= 192,
	"three lines of the table: an odd number spreads them over the cache");

static inline struct fw_entry *fw_track_entry(const struct weir_flow_table *table, uint32_t index)
{
	uint8_t *value = weir_flow_value(table, index);

	return (struct fw_entry *)(void *)(value - offsetof(struct fw_entry, connection));
}

/* Let a connection live until a time. */
static inline void fw_track_keep(
	struct weir_flow_table *table, struct fw_entry *entry, uint32_t index, uint64_t until_ns)
{
	entry->connection.expires_ns = until_ns;
	if (weir_unlikely(until_ns < entry->looked_at_ns))
		weir_flow_keep(table, index, until_ns);
}

static inline struct fw_connection *fw_track_at(const struct fw_tracker *tracker, uint32_t index)
{
	return weir_flow_value(tracker->table, index);
}
static inline struct weir_flow_table *fw_track_answers(const struct fw_tracker *tracker)
{
	/* acquire: what fw_tracker_translates() made before is seen */
	return atomic_load_explicit(&tracker->answers, memory_order_acquire);
}

/* track_key.c. Has the protocol ports? */
bool fw_track_ports(uint8_t protocol);
void fw_key_exchange(fw_key *of);
/* The key of a tuple; true: its ends were exchanged for that. */
bool fw_key_sort(fw_key *of);
/* A key that is the same both ways, with what of it is in which place in *exchanged. False where a
 * packet cannot have one. */
bool fw_key_make(const uint8_t *network, uint8_t family, uint8_t protocol, const uint8_t *transport,
	uint32_t length, fw_key *of, bool *exchanged);

/* Is a packet with a transport an error of ICMP, which belongs to what it quotes? */
bool fw_track_is_error(const struct fw_packet *packet);

/* What packets of its two sides come with. */
void fw_track_tuples(const struct fw_tracker *tracker, uint32_t index, fw_key tuples[2]);

static inline void fw_track_count(struct fw_connection *connection, uint32_t side, uint32_t length)
{
	connection->packets[side]++;
	connection->bytes[side] += length;
}

/* A side that no packet can come from: answers that were not translated as the packets were. */
#define FW_NO_SIDE 2

/* track_table.c. The connection of a key that still lives, and the side that a packet with it comes
 * from. WEIR_FLOW_NONE: there is none. */
uint32_t fw_track_find(
	struct fw_tracker *tracker, const fw_key *of, bool exchanged, uint32_t *side);
/* Remove some whose time is over; and this one, for a reason of enum fw_gone. */
uint32_t fw_track_expire(struct fw_tracker *tracker);
void fw_track_forget(struct fw_tracker *tracker, uint32_t index, uint32_t gone);
/* Tell who wants to know; gone is of one that goes. */
void fw_track_tell(struct fw_tracker *tracker, uint32_t index, uint32_t event, uint32_t gone);
/* nat.c: let answers go to a port that makes their tuple this connection's only: its own if it may,
 * else one of the rule's, or, NULL, of those like it. false: none is free. */
bool fw_nat_port(struct fw_tracker *tracker, const struct fw_nat *nat, fw_key *answer);

/* Is a tuple free? It is the connection's then that is about to be made. 0, -EEXIST, or -ENOSPC
 * when no tuple can be had (places.h). */
int fw_nat_claim(struct fw_tracker *tracker, const fw_key *tuple);

/* Does a connection that lives have this tuple? */
bool fw_tuple_taken(struct fw_tracker *tracker, const fw_key *tuple);

/* Is a connection of UDP a stream by now? And how long it lives from now on if so, or else. Seconds
 * of Documentation/networking/nf_conntrack-sysctl.rst; a stream is what still goes both ways after
 * two. */
static inline bool fw_udp_is_stream(const struct fw_connection *connection, uint64_t now_ns)
{
	return connection->answered && now_ns > connection->begun_ns + 2 * FW_NS_PER_S;
}
static inline uint64_t fw_udp_timeout(bool stream)
{
	return (stream ? 120 : 30) * FW_NS_PER_S;
}

/* track_tcp.c: a segment for a connection, or for one that is to be made (state NONE), from a side.
 * For the first two results *timeout_ns is how long the connection lives from here on. */
enum fw_tracked fw_tcp_packet(struct fw_connection *connection, const struct fw_packet *packet,
	uint32_t side, uint64_t *timeout_ns);

#endif
