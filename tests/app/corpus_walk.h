/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_walk.h: every packet of every capture below a folder. */
#ifndef CORPUS_WALK_H
#define CORPUS_WALK_H

#include <weir/capture.h>

/* Call visit for each packet, in the order of each file; bytes are the caller's for that long. What
 * cannot be read as a capture is passed over. */
void corpus_walk(const char *directory,
	void (*visit)(const char *path, struct weir_capture_packet *packet, uint8_t *bytes));

#endif
