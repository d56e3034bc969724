/* SPDX-License-Identifier: BSD-3-Clause */
/* blocks_impl.h: what is put around packets in a capture file, in the byte order of this machine.
 * Each writes to at and returns how many bytes; its size is known before, for the room. */
#ifndef WEIR_BLOCKS_IMPL_H
#define WEIR_BLOCKS_IMPL_H

#include "weir/capture_write.h"

#include <stddef.h>
#include <stdint.h>

/* The word at at + used. Returns used and its size. */
size_t weir__add32(uint8_t *at, size_t used, uint32_t value);

/* ---- pcap: of the file, and of a packet ---- */

#define WEIR__FILE_HEADER   24
#define WEIR__RECORD_HEADER 16

size_t weir__pcap_file_header(
	enum weir_capture_format format, uint32_t snaplen, uint8_t *at, uint16_t link_type);
size_t weir__pcap_record_header(
	enum weir_capture_format format, const struct weir_capture_packet *packet, uint8_t *at);

/* ---- pcapng ---- */

/* More than all of a block but its texts, each of which has weir__text_size(). */
#define WEIR__BLOCK_MAX 128

/* Of a text in an option, which may be NULL; its length is 16 bits. */
size_t weir__text_size(const char *text);

size_t weir__section_block(const struct weir_capture_file *file, uint8_t *at);
size_t weir__interface_block(const struct weir_capture_source *source, uint32_t snaplen,
	uint8_t *at, uint16_t link_type);
size_t weir__stats_block(const struct weir_capture_stats *stats, uint8_t *at, uint32_t interface);

/* A packet without its bytes; and what is behind them, of a block of so many bytes in all. */
size_t weir__enhanced_header(const struct weir_capture_packet *packet,
	const struct weir_capture_note *note, uint8_t *at, uint32_t interface);
size_t weir__enhanced_trailer(const struct weir_capture_packet *packet,
	const struct weir_capture_note *note, uint8_t *at);

#endif
