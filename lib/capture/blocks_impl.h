/* SPDX-License-Identifier: BSD-3-Clause */
/* blocks_impl.h: what is put in front of packets in a capture file, in the byte order of this
 * machine. Each writes to at and returns how many bytes. */
#ifndef WEIR_BLOCKS_IMPL_H
#define WEIR_BLOCKS_IMPL_H

#include "weir/capture.h"

#include <stddef.h>
#include <stdint.h>

/* The word at at + used. Returns used and its size. */
size_t weir__add32(uint8_t *at, size_t used, uint32_t value);

/* pcap: of the file, and of a packet. */
size_t weir__pcap_file_header(
	enum weir_capture_format format, uint32_t snaplen, uint8_t *at, uint16_t link_type);
size_t weir__pcap_record_header(
	enum weir_capture_format format, const struct weir_capture_packet *packet, uint8_t *at);

/* pcapng: a section, an interface, and a packet without its bytes, padding and closing length. */
size_t weir__section_header(uint8_t *at);
size_t weir__interface_block(uint32_t snaplen, uint8_t *at, uint16_t link_type);
size_t weir__enhanced_header(
	const struct weir_capture_packet *packet, uint8_t *at, uint32_t interface);

/* The whole block of a packet. */
uint32_t weir__enhanced_length(const struct weir_capture_packet *packet);

#endif
