/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_walk.c: every packet of every capture below a folder. */
#include "corpus_walk.h"

#include <ftw.h>
#include <stddef.h>

static void (*visitor)(const char *path, struct weir_capture_packet *packet, uint8_t *bytes);

static int walk_file(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	struct weir_capture_reader *reader = type == FTW_F ? weir_capture_open(path) : NULL;
	struct weir_capture_packet packet;
	uint8_t *bytes;

	(void)status;
	(void)walk;
	while (reader && weir_capture_next(reader, &packet, &bytes) == 1)
		visitor(path, &packet, bytes);
	weir_capture_close(reader);
	return 0;
}

void corpus_walk(const char *directory,
	void (*visit)(const char *path, struct weir_capture_packet *packet, uint8_t *bytes))
{
	visitor = visit;
	nftw(directory, walk_file, 16, FTW_PHYS);
}
