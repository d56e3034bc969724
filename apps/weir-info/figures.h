/* SPDX-License-Identifier: BSD-3-Clause */
/* figures.h: what there is to say of one capture file. */
#ifndef INFO_FIGURES_H
#define INFO_FIGURES_H

#include "apps/weir-info/hashes.h"

#include <stdbool.h>
#include <stdint.h>

struct interface {
	char *name, *description, *comment, *hardware, *system; /* NULL: not known */
	uint32_t snaplen;                                       /* 0: not limited */
	uint16_t link_type;
	uint64_t packets;
};

struct figures {
	const char *path;
	char *type;   /* "pcapng, little endian, zstd" */
	char *damage; /* the sentence about why it ended early; NULL: it did not */
	char *comment, *hardware, *system, *application;
	struct interface *interfaces;
	uint32_t interface_count;

	uint64_t packets;
	uint64_t file_bytes; /* as stored */
	uint64_t wire_bytes; /* of packets as they were on the wire */
	uint64_t bytes;      /* of packets as they are in the file */
	uint64_t cut;        /* packets of which some bytes are missing */

	struct hashes hashes; /* when they are asked for */

	uint64_t timed;             /* packets with a time */
	uint64_t first_ns, last_ns; /* the earliest and the latest */
	uint64_t backwards;         /* packets earlier than the one in front of them */
};

/* Read the file to its end. false, with nothing to free, when it cannot be opened; the sentence is
 * weir_last_error(). */
bool figures_read(struct figures *figures, const char *path);

void figures_free(struct figures *figures);

/* Seconds from the first to the last packet. */
double figures_duration(const struct figures *figures);

/* The link type of all packets; -1 when there are several or none is known. */
int figures_link_type(const struct figures *figures);

#endif
