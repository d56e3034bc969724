/* SPDX-License-Identifier: BSD-3-Clause */
/* blocks.c: the headers of capture files and packets as they are written. */
#include "blocks_impl.h"

#include "base/base_impl.h"
#include "capture_impl.h"

#include <string.h>

#define NS_PER_SECOND 1000000000u

static size_t add16(uint8_t *at, size_t used, uint16_t value)
{
	memcpy(at + used, &value, sizeof(value));
	return used + sizeof(value);
}

size_t weir__add32(uint8_t *at, size_t used, uint32_t value)
{
	memcpy(at + used, &value, sizeof(value));
	return used + sizeof(value);
}

size_t weir__pcap_file_header(
	enum weir_capture_format format, uint32_t snaplen, uint8_t *at, uint16_t link_type)
{
	bool micro = format == WEIR_CAPTURE_PCAP_US;
	size_t used;

	used = weir__add32(at, 0, micro ? WEIR__PCAP_MAGIC_US : WEIR__PCAP_MAGIC_NS);
	used = add16(at, used, 2); /* version 2.4 */
	used = add16(at, used, 4);
	used = weir__add32(at, used, 0); /* two words that are always 0 */
	used = weir__add32(at, used, 0);
	used = weir__add32(at, used, snaplen);
	return weir__add32(at, used, link_type);
}

size_t weir__section_header(uint8_t *at)
{
	size_t used;

	used = weir__add32(at, 0, WEIR__PCAPNG_SECTION);
	used = weir__add32(at, used, 28);
	used = weir__add32(at, used, WEIR__PCAPNG_ORDER);
	used = add16(at, used, 1); /* version 1.0 */
	used = add16(at, used, 0);
	used = weir__add32(at, used, UINT32_MAX); /* the section's length is not known */
	used = weir__add32(at, used, UINT32_MAX);
	return weir__add32(at, used, 28);
}

/* With one option, if_tsresol (9) of one byte: 10^-9 seconds; and the end of options. */
size_t weir__interface_block(uint32_t snaplen, uint8_t *at, uint16_t link_type)
{
	static const uint8_t nanoseconds[4] = {9, 0, 0, 0};
	size_t used;

	used = weir__add32(at, 0, WEIR__PCAPNG_INTERFACE);
	used = weir__add32(at, used, 32);
	used = add16(at, used, link_type);
	used = add16(at, used, 0);
	used = weir__add32(at, used, snaplen);
	used = add16(at, used, 9);
	used = add16(at, used, 1);
	memcpy(at + used, nanoseconds, sizeof(nanoseconds));
	used = weir__add32(at, used + sizeof(nanoseconds), 0);
	return weir__add32(at, used, 32);
}

uint32_t weir__enhanced_length(const struct weir_capture_packet *packet)
{
	return 28 + (uint32_t)weir__round_up(packet->length, 4) + 4;
}

size_t weir__enhanced_header(
	const struct weir_capture_packet *packet, uint8_t *at, uint32_t interface)
{
	size_t used;

	used = weir__add32(at, 0, WEIR__PCAPNG_ENHANCED);
	used = weir__add32(at, used, weir__enhanced_length(packet));
	used = weir__add32(at, used, interface);
	used = weir__add32(at, used, (uint32_t)(packet->timestamp_ns >> 32));
	used = weir__add32(at, used, (uint32_t)packet->timestamp_ns);
	used = weir__add32(at, used, packet->length);
	return weir__add32(at, used, packet->wire_length);
}

size_t weir__pcap_record_header(
	enum weir_capture_format format, const struct weir_capture_packet *packet, uint8_t *at)
{
	uint32_t unit = format == WEIR_CAPTURE_PCAP_US ? 1000 : 1;
	uint32_t fraction = (uint32_t)(packet->timestamp_ns % NS_PER_SECOND);
	size_t used;

	used = weir__add32(at, 0, (uint32_t)(packet->timestamp_ns / NS_PER_SECOND));
	used = weir__add32(at, used, fraction / unit);
	used = weir__add32(at, used, packet->length);
	return weir__add32(at, used, packet->wire_length);
}
