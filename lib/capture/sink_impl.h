/* SPDX-License-Identifier: BSD-3-Clause */
/* sink_impl.h: where the bytes of a capture go: a file under its own or a passing name, a pipe,
 * standard output. */
#ifndef WEIR_SINK_IMPL_H
#define WEIR_SINK_IMPL_H

#include "weir/capture_write.h"

#include <stddef.h>

struct weir__sink {
	int fd;
	char *path; /* as people know it */
	char *part; /* its name until it is complete; NULL: written in place */
	bool is_stdout;
	bool is_regular; /* and ours to cut */
	bool is_pipe;    /* or a socket: it may take a part, and the rest much later */
};

/* 0, or -errno with a sentence; to be closed also then. */
int weir__sink_open(struct weir__sink *sink, const char *path, bool in_place);

/* Write, however often the system takes only a part. Without wait it may end early, with 0, when a
 * pipe takes no more. *done: how many bytes. 0 or -errno, without a sentence. */
int weir__sink_write(
	struct weir__sink *sink, const uint8_t *bytes, size_t size, bool wait, size_t *done);

/* Keep the first size bytes only, if the file is ours to cut. false: that failed. */
bool weir__sink_cut(struct weir__sink *sink, uint64_t size);

/* Close, and give it its name. 0, or -errno with a sentence. */
int weir__sink_close(struct weir__sink *sink);

/* Close what nothing was written to. */
void weir__sink_discard(struct weir__sink *sink);

/* ---- encode.c ---- */

#define WEIR__ENCODE_FAILED SIZE_MAX

struct weir__encoder;

/* NULL with a sentence. */
struct weir__encoder *weir__encoder_create(enum weir_capture_codec codec);
void weir__encoder_destroy(struct weir__encoder *encoder);

/* Most bytes that size bytes become; and compress them, the last ones of the file or others, so
 * that they can be had back without what follows: how many bytes, or WEIR__ENCODE_FAILED. */
size_t weir__encode_bound(const struct weir__encoder *encoder, size_t size);
size_t weir__encode(struct weir__encoder *encoder, const uint8_t *bytes, size_t size, bool last,
	uint8_t *piece, size_t room);

/* What makes a file whole that was cut behind such a piece: its size. */
size_t weir__encode_end(enum weir_capture_codec codec, const uint8_t **end);

#endif
