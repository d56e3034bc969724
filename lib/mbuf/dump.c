/* SPDX-License-Identifier: BSD-3-Clause */
/* dump.c: a packet as text. */
#include "mbuf_impl.h"

#include "base/big_impl.h"
#include "weir/dump.h"
#include "weir/parse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static void write_name(FILE *out, const struct weir_mbuf *mbuf)
{
	const struct weir_mempool *pool = weir_mbuf_pool(mbuf);

	fprintf(out, "mbuf %u of pool '%s'", weir_mempool_index(pool, mbuf),
		weir_mempool_name(pool));
}

static void write_metadata(FILE *out, const struct weir_mbuf *mbuf)
{
	fprintf(out, "  flags     0x%x\n", mbuf->flags);
	if (mbuf->flags & WEIR_MBUF_LINK_TYPE)
		fprintf(out, "  link type %u\n", mbuf->link_type);
	if (mbuf->flags & WEIR_MBUF_TIMESTAMP)
		fprintf(out, "  time      %llu.%09llu s\n",
			(unsigned long long)(mbuf->timestamp_ns / 1000000000),
			(unsigned long long)(mbuf->timestamp_ns % 1000000000));
	if (mbuf->flags & WEIR_MBUF_WIRE_LENGTH)
		fprintf(out, "  on wire   %u bytes\n", mbuf->wire_length);
	if (mbuf->flags & (WEIR_MBUF_INBOUND | WEIR_MBUF_OUTBOUND))
		fprintf(out, "  direction %s\n",
			mbuf->flags & WEIR_MBUF_INBOUND ? "inbound" : "outbound");
	if (mbuf->flags & (WEIR_MBUF_L3_CHECKSUM | WEIR_MBUF_L4_CHECKSUM))
		fprintf(out, "  to be done%s%s\n",
			mbuf->flags & WEIR_MBUF_L3_CHECKSUM ? " l3 checksum" : "",
			mbuf->flags & WEIR_MBUF_L4_CHECKSUM ? " l4 checksum" : "");
	if (mbuf->flags & WEIR_MBUF_SEGMENT)
		fprintf(out, "  segments  of %u bytes\n", mbuf->segment_size);
	if (mbuf->flags & WEIR_MBUF_HASH)
		fprintf(out, "  hash      0x%08x\n", mbuf->hash);
	if (mbuf->flags & WEIR_MBUF_VLAN)
		fprintf(out, "  vlan tci  0x%04x\n", mbuf->vlan_tci);
}

/* ---- segments ---- */

/* Whose buffer a segment is on, and how large it is. */
static uint32_t write_owner(FILE *out, const struct weir_mbuf *mbuf)
{
	const struct weir_mempool *pool = weir_mbuf_pool(mbuf);
	const struct weir__lender *lender = weir__mbuf_lender(pool, mbuf);
	const struct weir_external *external;

	if (weir_ref_look(&mbuf->state) & WEIR__MBUF_PART) {
		fprintf(out, "a part of a block");
		return mbuf->offset + mbuf->data_length;
	}
	if (!(weir_ref_look(&mbuf->state) & WEIR__MBUF_BORROWED)) {
		fprintf(out, "its own buffer");
		return pool->head.mbuf_buffer_size;
	}
	external = lender->external;
	if (external) {
		fprintf(out, "external memory, ");
		if (external->release)
			fprintf(out, "used by %u", weir_ref_count(weir_ref_look(&external->state)));
		else
			fprintf(out, "for ever");
		return external->size;
	}
	fprintf(out, "the buffer of ");
	write_name(out, lender->owner);
	fprintf(out, ", used by %u", weir_mbuf_refs(lender->owner));
	return weir_mbuf_pool(lender->owner)->head.mbuf_buffer_size;
}

static bool is_frozen(const struct weir_mbuf *mbuf)
{
	const struct weir__lender *lender = weir__mbuf_lender(weir_mbuf_pool(mbuf), mbuf);
	uint32_t state = weir_ref_look(&mbuf->state);

	if (state & WEIR__MBUF_BORROWED)
		state = weir_ref_look(
			lender->external ? &lender->external->state : &lender->owner->state);
	return state & WEIR__MBUF_FROZEN;
}

static void write_segment(FILE *out, const struct weir_mbuf *mbuf, uint32_t number)
{
	char *owner = NULL;
	size_t length;
	FILE *words = open_memstream(&owner, &length);
	uint32_t size, refs = weir_mbuf_refs(mbuf);

	if (!words)
		return;
	size = write_owner(words, mbuf);
	fclose(words);
	fprintf(out, "  %-8u | %8u | %8u | %8u |  held by %u, on %s%s\n", number, mbuf->offset,
		mbuf->data_length, size - mbuf->offset - mbuf->data_length, refs, owner,
		is_frozen(mbuf) ? ", frozen" : "");
	free(owner);
}

static void write_segments(FILE *out, const struct weir_mbuf *mbuf)
{
	fprintf(out, "  segment    headroom       data   tailroom\n");
	for (uint32_t number = 0; mbuf; mbuf = mbuf->next) {
		write_segment(out, mbuf, number++);
		if (mbuf->next)
			fprintf(out, "  |\n");
	}
}

/* ---- headers ---- */

static void write_mac(FILE *out, const uint8_t *bytes)
{
	for (int i = 0; i < 6; i++)
		fprintf(out, "%s%02x", i ? ":" : "", bytes[i]);
}

/* Two addresses, one after the other. */
static void write_addresses(FILE *out, int family, const uint8_t *bytes, uint32_t size)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	inet_ntop(family, bytes, from, sizeof(from));
	inet_ntop(family, bytes + size, to, sizeof(to));
	fprintf(out, "    %s > %s", from, to);
}

/* From whom to whom, where a header says it. */
static void write_header(FILE *out, uint8_t protocol, const uint8_t *bytes)
{
	switch (protocol) {
	case WEIR_PROTOCOL_ETHERNET:
		fprintf(out, "    ");
		write_mac(out, bytes + 6);
		fprintf(out, " > ");
		write_mac(out, bytes);
		break;
	case WEIR_PROTOCOL_IPV4:
		write_addresses(out, AF_INET, bytes + 12, 4);
		break;
	case WEIR_PROTOCOL_IPV6:
		write_addresses(out, AF_INET6, bytes + 8, 16);
		break;
	case WEIR_PROTOCOL_TCP:
	case WEIR_PROTOCOL_UDP:
	case WEIR_PROTOCOL_SCTP:
		fprintf(out, "    %u > %u", weir__big16(bytes), weir__big16(bytes + 2));
		break;
	default:
		break;
	}
}

static void write_layers(FILE *out, const struct weir_mbuf *mbuf)
{
	struct weir_layers layers;

	weir_parse_layers(mbuf, &layers);
	fprintf(out, "  header      offset     length\n");
	for (uint32_t i = 0; i < layers.count; i++) {
		const struct weir_layer *layer = &layers.layer[i];
		/* all that is looked at of one: an IPv6 header */
		uint8_t bytes[40] = {0};
		uint32_t length = layer->length < sizeof(bytes) ? layer->length : sizeof(bytes);

		weir_mbuf_read(mbuf, layer->offset, bytes, length);
		fprintf(out, "  %-9s %8u   %8u", weir_protocol_name(layer->protocol), layer->offset,
			layer->length);
		write_header(out, layer->protocol, bytes);
		fprintf(out, "%s\n", layer->fragment ? "    fragment" : "");
	}
	fprintf(out, "  payload   %8u   %8u    %s\n", layers.payload_offset, layers.payload_length,
		weir_parse_end_name(layers.end));
}

/* ---- bytes ---- */

static void write_line(FILE *out, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
	fprintf(out, "\t0x%04x: ", offset);
	for (uint32_t i = 0; i < 16; i++) {
		fprintf(out, i % 2 ? "" : " ");
		if (i < length)
			fprintf(out, "%02x", bytes[i]);
		else
			fprintf(out, "  ");
	}
	fprintf(out, "  ");
	for (uint32_t i = 0; i < length; i++)
		putc(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.', out);
	putc('\n', out);
}

static void write_bytes(FILE *out, const struct weir_mbuf *mbuf, uint32_t max)
{
	uint32_t end = mbuf->length < max ? mbuf->length : max;

	for (uint32_t offset = 0; offset < end; offset += 16) {
		uint32_t length = end - offset < 16 ? end - offset : 16;
		uint8_t bytes[16];

		weir_mbuf_read(mbuf, offset, bytes, length);
		write_line(out, offset, bytes, length);
	}
	if (end < mbuf->length)
		fprintf(out, "\t... %u bytes more\n", mbuf->length - end);
}

char *weir_mbuf_dump(const struct weir_mbuf *mbuf, uint32_t max_bytes)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (weir_mbuf_check(mbuf)) {
		fprintf(out, "mbuf at %p is broken: %s\n", (const void *)mbuf, weir_last_error());
	} else {
		write_name(out, mbuf);
		fprintf(out, " at %p: %u bytes\n", (const void *)mbuf, mbuf->length);
		write_metadata(out, mbuf);
		write_segments(out, mbuf);
		write_layers(out, mbuf);
		write_bytes(out, mbuf, max_bytes);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
