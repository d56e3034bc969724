/* SPDX-License-Identifier: BSD-3-Clause */
/* track_reset.c: which resets end a connection. */
#include "apps/weir-fw/track_tcp_impl.h"

/* A reset ends a connection only from where its sender stands (RFC 5961); else the other side may
 * challenge it. FW_TCP_INVALID, the state it stays
 * in, or FW_TCP_CLOSE. */
static uint32_t judge_reset(
	const struct fw_connection *connection, const struct fw_segment *segment, uint32_t side)
{
	const struct fw_tcp *tcp = &connection->tcp;
	const struct fw_tcp_side *other = &tcp->side[!side];
	bool established = tcp->state == FW_TCP_ESTABLISHED && connection->assured;

	/* what is known of the windows may be of before a SYN that was let through */
	if (!other->has_ack || fw_tcp_last_kind(tcp) == KIND_SYN ||
		(segment->sequence == 0 && !established))
		return FW_TCP_CLOSE;
	if (before(segment->sequence, other->max_ack))
		return FW_TCP_INVALID;
	if (!established || segment->sequence == other->max_ack)
		return FW_TCP_CLOSE;
	if (fw_tcp_last_kind(tcp) == KIND_ACK && fw_tcp_last_side(tcp) == side &&
		segment->sequence == fw_tcp_last_end(tcp))
		return FW_TCP_CLOSE;
	return tcp->state;
}

/* A reset that answers what the other side sent without belonging: a SYN, or an ACK before that
 * side has acknowledged anything. */
static bool answers_ignored(
	const struct fw_connection *connection, const struct fw_segment *segment, uint32_t side)
{
	const struct fw_tcp *tcp = &connection->tcp;

	return fw_tcp_last_side(tcp) != side &&
	       ((connection->answered && fw_tcp_last_kind(tcp) == KIND_SYN) ||
		       (!connection->assured && fw_tcp_last_kind(tcp) == KIND_ACK &&
			       !tcp->side[!side].has_ack)) &&
	       segment->ack == fw_tcp_last_end(tcp);
}

/* One side at least has closed: its ports may be in use again, of which nothing is known here, so a
 * reset is believed. */
static bool is_closing(const struct fw_tcp *tcp)
{
	return tcp->state == FW_TCP_FIN_WAIT || tcp->state == FW_TCP_CLOSE_WAIT ||
	       tcp->state == FW_TCP_LAST_ACK || tcp->state == FW_TCP_TIME_WAIT ||
	       tcp->state == FW_TCP_CLOSE;
}

/* A SYN is answered by an ACK of another connection, which a reset ends: from where that ACK
 * says. */
static bool gives_up(const struct fw_connection *connection, const struct fw_segment *segment)
{
	const struct fw_tcp *tcp = &connection->tcp;

	return tcp->state == FW_TCP_SYN_SENT && connection->answered &&
	       fw_tcp_last_kind(tcp) == KIND_ACK &&
	       segment->sequence == (uint32_t)tcp->last.numbers;
}

uint32_t fw_tcp_reset_state(const struct fw_connection *connection,
	const struct fw_segment *segment, uint32_t side, uint32_t state)
{
	return is_closing(&connection->tcp) ? state : judge_reset(connection, segment, side);
}

bool fw_tcp_reset_is_believed(
	const struct fw_connection *connection, const struct fw_segment *segment, uint32_t side)
{
	return is_closing(&connection->tcp) || gives_up(connection, segment) ||
	       answers_ignored(connection, segment, side);
}
