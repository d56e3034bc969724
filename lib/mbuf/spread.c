/* SPDX-License-Identifier: BSD-3-Clause */
/* spread.c: Toeplitz's hash with a key that repeats after 16 bits.
 *
 * Toeplitz's hash is linear: a bit of the input at position i contributes the key shifted by i.
 * With a period of 16 bits a word contributes the same wherever it lies, so the hash of the input
 * is the hash of the exclusive or of its 16-bit words; and its two halves are the same. What is
 * left is 16 steps for 8 packets at a time.
 */
#include "weir/spread.h"

#include "weir/chain.h"
#include "weir/parse.h"

#include <arpa/inet.h>
#include <string.h>

#define KEY   0x6d5au
#define LANES 8

typedef uint16_t words __attribute__((vector_size(2 * LANES)));
typedef int16_t signed_words __attribute__((vector_size(2 * LANES)));

/* Exclusive or of the words of length bytes, a multiple of 4, at offset; as they lie in memory. */
static uint16_t fold(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length)
{
	uint8_t bounce[32];
	const uint8_t *bytes = weir_mbuf_peek(mbuf, offset, length, bounce);
	uint32_t sum = 0, word;

	for (uint32_t i = 0; bytes && i < length; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		sum ^= word;
	}
	return (uint16_t)(sum ^ sum >> 16);
}

static uint16_t fold_packet(const struct weir_mbuf *mbuf)
{
	uint16_t type = mbuf->packet_type, sum;

	switch (type & WEIR_TYPE_L3_FAMILY) {
	case WEIR_L3_IPV4: /* the addresses are at 12 and 16, RFC 791 */
		sum = fold(mbuf, mbuf->l2_length + 12u, 8);
		break;
	case WEIR_L3_IPV6: /* at 8 and 24, RFC 8200 */
		sum = fold(mbuf, mbuf->l2_length + 8u, 32);
		break;
	default:
		return 0;
	}
	switch (type & WEIR_TYPE_L4) {
	case WEIR_L4_TCP:
	case WEIR_L4_UDP:
	case WEIR_L4_SCTP: /* the ports come first in all three */
		return sum ^ fold(mbuf, mbuf->l2_length + (uint32_t)mbuf->l3_length, 4);
	default:
		return sum;
	}
}

/* Eight hashes: a bit that is set adds the key, rotated by its position. */
static words toeplitz(words input)
{
	words hash = {0};

	for (uint32_t i = 0; i < 16; i++) {
		uint16_t key = (uint16_t)(KEY << i | KEY >> (16 - i) % 16);
		words set = (words)((signed_words)(input << i) >> 15);

		hash ^= set & key;
	}
	return hash;
}

static void hash_some(struct weir_mbuf **mbufs, uint32_t count)
{
	words input = {0}, hash;

	for (uint32_t i = 0; i < count; i++)
		if (!(mbufs[i]->flags & WEIR_MBUF_HASH))
			input[i] = ntohs(fold_packet(mbufs[i]));
	hash = toeplitz(input);
	for (uint32_t i = 0; i < count; i++) {
		if (mbufs[i]->flags & WEIR_MBUF_HASH)
			continue;
		mbufs[i]->hash = (uint32_t)hash[i] << 16 | hash[i];
		mbufs[i]->flags |= WEIR_MBUF_HASH;
	}
}

void weir_spread_hash(struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += LANES) {
		uint32_t some = count - i < LANES ? count - i : LANES;

		for (uint32_t j = i; j < i + some; j++)
			if (!(mbufs[j]->flags & (WEIR_MBUF_LAYERS | WEIR_MBUF_HASH)))
				weir_parse(mbufs[j]);
		hash_some(mbufs + i, some);
	}
}
