/* SPDX-License-Identifier: BSD-3-Clause */
/* crc32c.c: CRC32c over pieces and over segments, and the checksum of SCTP, which is one. */
#include "weir/checksum.h"

#include "mbuf/crc32c_impl.h"
#include "weir/chain.h"

#include <endian.h>
#include <errno.h>

/* The common header of SCTP: where its checksum is, and how long both are (RFC 4960, 3.1). */
#define SCTP_FIELD      8
#define SCTP_FIELD_SIZE 4
#define SCTP_HEADER     12

uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t length)
{
	if (weir__crc32c_has_instruction())
		return ~weir__crc32c_instruction(~crc, bytes, length);
	return ~weir__crc32c_plain(~crc, bytes, length);
}

static int add_piece(void *context, const uint8_t *bytes, uint32_t length)
{
	uint32_t *crc = context;

	*crc = weir_crc32c(*crc, bytes, length);
	return 0;
}

int weir_mbuf_crc32c(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, uint32_t *crc)
{
	return weir_mbuf_walk(mbuf, offset, length, add_piece, crc);
}

int weir_sctp_checksum(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, uint32_t *checksum)
{
	static const uint8_t zeros[SCTP_FIELD_SIZE];
	uint32_t crc = 0;

	if (length < SCTP_HEADER || offset > mbuf->length || length > mbuf->length - offset)
		return -EINVAL;
	weir_mbuf_crc32c(mbuf, offset, SCTP_FIELD, &crc);
	crc = weir_crc32c(crc, zeros, sizeof(zeros));
	weir_mbuf_crc32c(mbuf, offset + SCTP_HEADER, length - SCTP_HEADER, &crc);
	*checksum = htole32(crc);
	return 0;
}
