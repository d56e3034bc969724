/* SPDX-License-Identifier: BSD-3-Clause */
/* pieces_impl.h: a packet in the making: the fragments of it that have come, in the order of their
 * place. No two overlap, so it is whole when they have as many bytes as the last one's end says. */
#ifndef MBUF_PIECES_IMPL_H
#define MBUF_PIECES_IMPL_H

#include "fragment_impl.h"

struct weir__piece {
	struct weir_mbuf *mbuf;
	uint32_t start, end; /* in the payload of the whole packet */
	bool joined;         /* it came right behind the one before, when none was behind that */
};

struct weir__packet {
	uint64_t since_ns;
	uint32_t older, newer; /* WEIR_FLOW_NONE at the ends */
	uint32_t have;         /* bytes of payload */
	uint32_t end;          /* of all of it; UINT32_MAX: not known */
	uint32_t headers;      /* of the first, as far as the length of the whole counts them */
	uint32_t count;
	uint32_t ecn;                /* a bit for each kind that they have */
	struct weir__piece pieces[]; /* by start */
};

/* The part of the payload that a fragment has; false: that cannot be. */
bool weir__piece_measure(const struct weir__ip *ip, struct weir__piece *piece);

enum weir__fit { WEIR__FITS, WEIR__DUPLICATE, WEIR__OVERLAP };

/* Where a fragment belongs among the others. */
enum weir__fit weir__piece_place(
	const struct weir__packet *packet, const struct weir__piece *piece, uint32_t *place);

/* Does a fragment contradict where the others say that the packet ends? */
bool weir__piece_is_beyond(
	const struct weir__packet *packet, const struct weir__piece *piece, bool more);

/* It fits there. */
void weir__piece_add(struct weir__packet *packet, const struct weir__piece *piece, uint32_t place,
	const struct weir__ip *ip);

/* Do all fragments, or none, come from who takes part in ECN? RFC 3168, 5.3, leaves a choice where
 * they do not; Linux drops them. */
bool weir__packet_has_one_ecn(const struct weir__packet *packet);

#endif
