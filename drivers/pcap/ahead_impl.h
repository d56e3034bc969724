/* SPDX-License-Identifier: BSD-3-Clause */
/* ahead_impl.h: a thread that reads a capture ahead of who receives from it. */
#ifndef WEIR_AHEAD_IMPL_H
#define WEIR_AHEAD_IMPL_H

#include "capture/take_impl.h"

#include <stdbool.h>
#include <stdint.h>

/* Packets that the thread has found; or the end of the file. */
#define WEIR__AHEAD_RECORDS 256

struct weir__batch {
	struct weir__block *block; /* where they lie, with a reference; NULL at the end */
	bool copied;               /* they must be: nobody may keep a packet of it */
	uint32_t count;
	int result;        /* at the end: 0, or -errno */
	uint64_t position; /* bytes of the file read so far */
	struct weir__record records[WEIR__AHEAD_RECORDS];
};

struct weir__ahead;

/* Start reading from a reader that was opened into blocks, and is the thread's from here to close.
 * NULL with errno and a sentence. */
struct weir__ahead *weir__ahead_start(struct weir_capture_reader *reader);

/* The batch whose turn it is, or NULL: not now. It stays until it is passed. */
struct weir__batch *weir__ahead_look(struct weir__ahead *ahead);

/* Done with it; the block's reference is the caller's to give up. */
void weir__ahead_pass(struct weir__ahead *ahead);

/* Why the reading ended. */
const char *weir__ahead_sentence(const struct weir__ahead *ahead);

/* Stop the thread and give up what nobody took. The reader is the caller's again. */
void weir__ahead_stop(struct weir__ahead *ahead);

#endif
