/* SPDX-License-Identifier: BSD-3-Clause */
/* track_tcp.c: which segments may belong to a connection, by its state (RFC 9293, as far as one in
 * the middle can see it) and by the windows of both sides. It decides as Linux does with its
 * defaults: connections are picked up in the middle, then without looking at windows.
 */

#include "apps/weir-fw/track_tcp_impl.h"

#include <string.h>

/* Results that are no states. */
enum { INVALID = FW_TCP_INVALID, IGNORE };

/* Short names, as columns and as what stands in them. */
enum {
	NO = FW_TCP_NONE,
	SS = FW_TCP_SYN_SENT,
	SR = FW_TCP_SYN_RECV,
	ES = FW_TCP_ESTABLISHED,
	FW = FW_TCP_FIN_WAIT,
	CW = FW_TCP_CLOSE_WAIT,
	LA = FW_TCP_LAST_ACK,
	TW = FW_TCP_TIME_WAIT,
	CL = FW_TCP_CLOSE,
	S2 = FW_TCP_SYN_SENT2,
	IV = INVALID,
	IG = IGNORE,
};

/* The state after a segment of each kind, from who began and from the other, in each state. Before
 * a connection IGNORE is not a first segment either. */
static const uint8_t next_state[2][KINDS][FW_TCP_STATES] = {
	{
		/*            NO  SS  SR  ES  FW  CW  LA  TW  CL  S2 */
		[KIND_SYN] = {SS, SS, IG, IG, IG, IG, IG, SS, SS, S2},
		[KIND_SYN_ACK] = {IV, IV, SR, IV, IV, IV, IV, IV, IV, SR},
		[KIND_FIN] = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
		[KIND_ACK] = {ES, IV, ES, ES, CW, CW, TW, TW, CL, IV},
		[KIND_RST] = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
	},
	{
		[KIND_SYN] = {IV, S2, IV, IV, IV, IV, IV, SS, IV, S2},
		[KIND_SYN_ACK] = {IV, SR, IG, IG, IG, IG, IG, IG, IG, SR},
		[KIND_FIN] = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
		[KIND_ACK] = {IV, IG, SR, ES, CW, CW, TW, TW, CL, IG},
		[KIND_RST] = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
	},
};

/* Seconds in each state; of Documentation/networking/nf_conntrack-sysctl.rst. */
static const uint32_t timeouts[FW_TCP_STATES] = {[SS] = 120,
	[SR] = 60,
	[ES] = FW_TCP_LIVES,
	[FW] = 120,
	[CW] = 60,
	[LA] = 30,
	[TW] = 120,
	[CL] = 10,
	[S2] = 120};

/* The first segment there is of a connection: a SYN, or in the middle of one that is older than
 * this tracker. */
static bool begin(struct fw_tcp *tcp, const struct fw_segment *segment)
{
	struct fw_tcp_side *sender = &tcp->side[0], *other = &tcp->side[1];

	if (next_state[0][segment->kind][NO] >= INVALID)
		return false;
	memset(tcp, 0, sizeof(*tcp));
	sender->end = segment->end;
	sender->max_window = segment->window ? segment->window : 1;
	sender->max_end = sender->end;
	if (segment->kind == KIND_SYN) {
		fw_segment_offers(segment, sender);
	} else {
		sender->max_end = sender->end + sender->max_window;
		sender->sack = sender->liberal = other->sack = other->liberal = true;
	}
	return true;
}

/* Kept in mind of a segment that is let through without belonging: what answers it tells. */
static void remember(struct fw_tcp *tcp, const struct fw_segment *segment, uint32_t side)
{
	struct fw_tcp_side offer = {0};

	tcp->last = fw_tcp_last_of(segment, side);
	if (segment->kind == KIND_SYN) {
		tcp->challenged = tcp->state == LA;
		fw_segment_offers(segment, &offer);
		tcp->offered_scale = offer.scale;
		tcp->offered_scales = offer.scales;
		tcp->offered_sack = offer.sack;
	}
}

/* A SYN for a connection that is over, or that a reset has ended. */
static bool reopens(const struct fw_tcp *tcp, uint32_t side)
{
	return tcp->side[0].closed_first || tcp->side[1].closed_first ||
	       (fw_tcp_last_side(tcp) == side && fw_tcp_last_kind(tcp) == KIND_RST);
}

static uint64_t lifetime(const struct fw_connection *connection)
{
	const struct fw_tcp *tcp = &connection->tcp;
	uint32_t seconds = timeouts[tcp->state];

	if (tcp->again >= FW_TCP_AGAIN && seconds > FW_TCP_DOUBTED)
		seconds = FW_TCP_DOUBTED;
	else if ((tcp->side[0].unacknowledged || tcp->side[1].unacknowledged) &&
		 seconds > FW_TCP_DOUBTED)
		seconds = FW_TCP_DOUBTED;
	if (!connection->answered && tcp->state == ES && seconds > FW_TCP_DOUBTED)
		seconds = FW_TCP_DOUBTED;
	return seconds * FW_NS_PER_S;
}

/* The kind and the side of the last segment are these now. */
static void note(struct fw_tcp *tcp, const struct fw_segment *segment, uint32_t side)
{
	tcp->last.rest = (tcp->last.rest & ~UINT64_C(0xffff)) | side << 8 | segment->kind;
}

static void enter(struct fw_connection *connection, const struct fw_segment *segment, uint32_t side,
	uint8_t state)
{
	struct fw_tcp *tcp = &connection->tcp;
	uint8_t old = tcp->state;

	note(tcp, segment, side);
	tcp->state = state;
	if (old != state && state == FW)
		tcp->side[side].closed_first = true;
	if (connection->answered && (old == SR || old == ES) && state == ES)
		connection->assured = true;
}

/* A SYN that did not belong was let through, and is answered now: a connection has begun anew that
 * the tracker took for another. Its first side starts from that SYN. */
static bool resumes(struct fw_tcp *tcp, const struct fw_segment *segment, uint32_t side)
{
	struct fw_tcp_side *first = &tcp->side[fw_tcp_last_side(tcp)];
	uint16_t window = (uint16_t)(tcp->last.rest >> 16);

	if (segment->kind != KIND_SYN_ACK || fw_tcp_last_kind(tcp) != KIND_SYN ||
		fw_tcp_last_side(tcp) == side || segment->ack != fw_tcp_last_end(tcp))
		return false;
	*first = (struct fw_tcp_side){.end = fw_tcp_last_end(tcp),
		.max_end = fw_tcp_last_end(tcp),
		.max_window = window ? window : 1,
		.scale = tcp->offered_scale,
		.scales = tcp->offered_scales,
		.sack = tcp->offered_sack};
	tcp->side[side] = (struct fw_tcp_side){.liberal = tcp->side[side].liberal};
	tcp->state = SS;
	return true;
}

/* The end of a connection that is not believed is kept in mind, but for an answer
 * to that of the other side. */
static void note_invalid(
	struct fw_connection *connection, const struct fw_segment *segment, uint32_t side)
{
	struct fw_tcp *tcp = &connection->tcp;
	uint32_t last = fw_tcp_last_kind(tcp);

	if (!connection->assured || (segment->kind != KIND_RST && segment->kind != KIND_FIN))
		return;
	if (fw_tcp_last_side(tcp) == side || (last != KIND_RST && last != KIND_FIN))
		note(tcp, segment, side);
}

/* Where the table does not say enough: the ACK that both wait for who opened at the same time, and
 * the ACK that challenges a SYN (RFC 5961) and is not the last one. */
static uint32_t refine(
	struct fw_tcp *tcp, const struct fw_segment *segment, uint32_t side, uint32_t state)
{
	if (state == S2)
		tcp->both_open = true;
	if (state == SR && side == 1 && segment->kind == KIND_ACK && tcp->both_open)
		return ES;
	if (state == TW && tcp->state == LA && segment->kind == KIND_ACK &&
		fw_tcp_last_side(tcp) != side && fw_tcp_last_kind(tcp) == KIND_SYN &&
		tcp->challenged) {
		tcp->challenged = false;
		return IGNORE;
	}
	return state;
}

/* A segment that has its state: what the reset, the windows, and then the connection make of it. */
static enum fw_tracked apply(struct fw_connection *connection, struct fw_segment *segment,
	uint32_t side, uint32_t state, uint64_t *timeout_ns)
{
	enum fw_place place = FW_INSIDE;
	bool reset = segment->kind == KIND_RST;

	if (reset)
		state = fw_tcp_reset_state(connection, segment, side, state);
	if (state == INVALID)
		return FW_TRACK_INVALID;
	if (!reset || !fw_tcp_reset_is_believed(connection, segment, side))
		place = fw_tcp_window(&connection->tcp, segment, side);
	if (place == FW_OUTSIDE) {
		note_invalid(connection, segment, side);
		return FW_TRACK_INVALID;
	}
	*timeout_ns = 0;
	if (place == FW_PASSES)
		return FW_TRACKED;
	enter(connection, segment, side, (uint8_t)state);
	*timeout_ns = lifetime(connection);
	return segment->kind == KIND_RST && !connection->answered ? FW_TRACK_REMOVE : FW_TRACKED;
}

static enum fw_tracked judge(struct fw_connection *connection, const struct fw_packet *packet,
	uint32_t side, uint64_t *timeout_ns)
{
	struct fw_tcp *tcp = &connection->tcp;
	struct fw_segment segment;
	uint32_t state;

	if (!fw_segment_read(packet, &segment) || (tcp->state == NO && !begin(tcp, &segment)))
		return FW_TRACK_INVALID;
	state = next_state[side][segment.kind][tcp->state];
	if (state == INVALID)
		return FW_TRACK_INVALID;
	if (state == SS && tcp->state >= TW && reopens(tcp, side))
		return FW_TRACK_REOPEN;
	state = refine(tcp, &segment, side, state);
	if (state == IGNORE && tcp->state == LA && segment.kind == KIND_ACK) {
		*timeout_ns = 0;
		return FW_TRACKED;
	}
	if (state == IGNORE || (state == SS && tcp->state >= TW)) {
		if (!resumes(tcp, &segment, side)) {
			remember(tcp, &segment, side);
			*timeout_ns = 0;
			return FW_TRACKED;
		}
		state = SR;
	}
	return apply(connection, &segment, side, state, timeout_ns);
}

enum fw_tracked fw_tcp_packet(struct fw_connection *connection, const struct fw_packet *packet,
	uint32_t side, uint64_t *timeout_ns)
{
	enum fw_tracked tracked = judge(connection, packet, side, timeout_ns);

	fw_tcp_note_calm(connection);
	return tracked;
}
