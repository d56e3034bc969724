/* SPDX-License-Identifier: BSD-3-Clause */
/* pieces.c: the fragments of one packet: where each belongs among the others, and whether they fit
 * together. */
#include "pieces_impl.h"

#include <string.h>

/* Does a fragment have nothing new? That is so inside of one, or of several in a row that came in
 * order, as in Linux. at: the last that begins no later, and one. */
static bool is_inside(
	const struct weir__packet *packet, const struct weir__piece *piece, uint32_t at)
{
	if (at == 0)
		return false;
	while (at < packet->count && packet->pieces[at].joined)
		at++;
	return packet->pieces[at - 1].end >= piece->end;
}

/* They mostly come in order. */
enum weir__fit weir__piece_place(
	const struct weir__packet *packet, const struct weir__piece *piece, uint32_t *place)
{
	uint32_t at = packet->count;
	bool overlaps;

	while (at > 0 && packet->pieces[at - 1].start > piece->start)
		at--;
	*place = at;
	overlaps = (at > 0 && packet->pieces[at - 1].end > piece->start) ||
		   (at < packet->count && packet->pieces[at].start < piece->end);
	if (!overlaps)
		return WEIR__FITS;
	return is_inside(packet, piece, at) ? WEIR__DUPLICATE : WEIR__OVERLAP;
}

bool weir__piece_is_beyond(
	const struct weir__packet *packet, const struct weir__piece *piece, bool more)
{
	if (more)
		return piece->end > packet->end;
	if (packet->end != UINT32_MAX)
		return piece->end != packet->end;
	return packet->count && packet->pieces[packet->count - 1].end > piece->end;
}

void weir__piece_add(struct weir__packet *packet, const struct weir__piece *piece, uint32_t place,
	const struct weir__ip *ip)
{
	memmove(&packet->pieces[place + 1], &packet->pieces[place],
		(packet->count - place) * sizeof(*piece));
	packet->pieces[place] = *piece;
	packet->pieces[place].joined =
		place && place == packet->count && packet->pieces[place - 1].end == piece->start;
	packet->count++;
	packet->have += piece->end - piece->start;
	packet->ecn |= 1u << ip->ecn;
	if (!ip->more)
		packet->end = piece->end;
	if (piece->start == 0)
		packet->headers = ip->ipv6 ? ip->common - 40 : ip->headers;
}

bool weir__piece_measure(const struct weir__ip *ip, struct weir__piece *piece)
{
	uint32_t payload = weir__ip_payload(ip);

	piece->start = ip->start;
	piece->end = ip->start + payload;
	return payload && !(ip->more && payload % 8) &&
	       piece->end + ip->headers <= WEIR__IP_MAX + (ip->ipv6 ? 40 : 0);
}

bool weir__packet_has_one_ecn(const struct weir__packet *packet)
{
	const uint32_t none = 1u << WEIR__ECN_NONE;

	return packet->ecn == none || !(packet->ecn & none);
}
