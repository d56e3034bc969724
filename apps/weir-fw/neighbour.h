/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbour.h: who is at which address of Ethernet: by ARP (RFC 826) and by the neighbour discovery
 * of IPv6 (RFC 4861).
 *
 * Packets for one that is not known yet wait, some of them, until it has answered. It is asked
 * again once a second while packets come for it; when it has not answered three times, it is away,
 * and it is asked once more after a while.
 */
#ifndef FW_NEIGHBOUR_H
#define FW_NEIGHBOUR_H

#include "apps/weir-fw/net.h"

/* Packets that wait for one: about as many small ones as 212,992 bytes of Linux
 * (net.ipv4.neigh.default.unres_qlen_bytes) hold. */
#define FW_NEIGHBOUR_HELD  256
#define FW_NEIGHBOUR_FRAME 86 /* bytes of a question or an answer at most */

struct fw_neighbour {
	uint8_t address[16], mac[6];
	uint8_t family; /* 0: no entry */
	uint32_t port;
	bool known, fixed;
	uint32_t asked; /* times, since it last answered */
	uint64_t heard_ns, asked_ns, used_ns;
	uint32_t held_count, first, last; /* that wait: places of neighbour.c */
};

struct fw_neighbours;
/* So many packets wait at most, for all of them together. NULL: no memory. */
struct fw_neighbours *fw_neighbours_create(uint32_t most);
/* Packets that wait are freed. */
void fw_neighbours_destroy(struct fw_neighbours *neighbours);

/* The entry of an address on the link of a port, or NULL; and one is made in the place of another,
 * if need be, whose packets that waited are in *lost, which has FW_NEIGHBOUR_HELD places. */
struct fw_neighbour *fw_neighbour_find(
	struct fw_neighbours *neighbours, uint32_t port, uint8_t family, const uint8_t *address);
struct fw_neighbour *fw_neighbour_make(struct fw_neighbours *neighbours, uint32_t port,
	uint8_t family, const uint8_t *address, struct weir_mbuf **lost, uint32_t *lost_count);

/* What to do with a packet for it. */
enum fw_neighbour_state { FW_NEIGHBOUR_KNOWN, FW_NEIGHBOUR_WAIT, FW_NEIGHBOUR_AWAY };
/* *ask: a question is due now. */
enum fw_neighbour_state fw_neighbour_use(struct fw_neighbour *entry, uint64_t now_ns, bool *ask);
/* A packet waits for it. How many cannot any more are in *lost, as above: it itself, when there are
 * enough for this one, or those of another, when there are enough for all. */
uint32_t fw_neighbour_hold(struct fw_neighbours *neighbours, struct fw_neighbour *entry,
	struct weir_mbuf *mbuf, struct weir_mbuf **lost);
/* Take those that wait, into FW_NEIGHBOUR_HELD places: how many. */
uint32_t fw_neighbour_release(
	struct fw_neighbours *neighbours, struct fw_neighbour *entry, struct weir_mbuf **mbufs);
/* Take those that wait for one that was asked 3 s ago for the last time, into FW_NEIGHBOUR_HELD
 * places: how many, 0 when there are no more. *at is 0 at first. */
uint32_t fw_neighbours_expire(
	struct fw_neighbours *neighbours, uint64_t now_ns, uint32_t *at, struct weir_mbuf **lost);
/* It has said where it is. */
void fw_neighbour_heard(struct fw_neighbour *entry, const uint8_t *mac, uint64_t now_ns);
/* Who is behind these ports, a bit each, may be elsewhere now: they are asked again, but for those
 * that are fixed. What waits goes on waiting. */
void fw_neighbours_forget(struct fw_neighbours *neighbours, uint64_t ports);

/* What a message of neighbours says. */
struct fw_message {
	uint8_t family;
	bool question;         /* an answer is wanted */
	const uint8_t *sender; /* its address; NULL: none */
	const uint8_t *mac;    /* and where it is; NULL: not said */
	const uint8_t *target; /* whom it is about */
};
/* False: it is none that makes sense. A frame of ARP; an ICMPv6 packet. */
bool fw_message_arp(const uint8_t *frame, uint32_t length, struct fw_message *message);
bool fw_message_nd(const struct fw_packet *packet, struct fw_message *message);

/* Write a frame: who has target, and: target is at mac. How long it is. */
uint32_t fw_neighbour_question(uint8_t *frame, uint8_t family, const uint8_t *mac,
	const uint8_t *source, const uint8_t *target);
uint32_t fw_neighbour_answer(uint8_t *frame, uint8_t family, const uint8_t *mac,
	const uint8_t *target, const uint8_t *to, const uint8_t *to_mac);

#endif
