/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs_impl.h: packets of many files and ports, one after the other or merged by time. */
#ifndef WEIR_INPUTS_IMPL_H
#define WEIR_INPUTS_IMPL_H

#include "stages/inputs_one_impl.h"
#include "weir/stages.h"

#include <stdbool.h>
#include <stdint.h>

struct weir__inputs_conf {
	const char *const *specs; /* ports, capture files, and folders of them; NULL at the end */
	bool merge;
	struct weir__input_way way;
};

struct weir__inputs;

/* Find them, and open the first, or all to be merged. NULL with errno and a sentence. */
struct weir__inputs *weir__inputs_create(const struct weir__inputs_conf *conf);
void weir__inputs_destroy(struct weir__inputs *inputs);

/* Up to count packets. *begins is whether the first of them is the first of another recording than
 * the packets before. 0 says "not now", or the end. */
uint32_t weir__inputs_next(
	struct weir__inputs *inputs, struct weir_mbuf **mbufs, uint32_t count, bool *begins);

/* After 0: is it the end, of all or by a failure? */
bool weir__inputs_ended(const struct weir__inputs *inputs);

/* Start again with the first. 0, or -errno, also when one has failed before, which says why. */
int weir__inputs_rewind(struct weir__inputs *inputs);

/* Bytes of the files read and in all, or 0 when that is not known. */
void weir__inputs_progress(struct weir__inputs *inputs, uint64_t *position, uint64_t *size);

/* What has become of each, as of now. Valid until destroy. */
const struct weir_play_input *weir__inputs_played(struct weir__inputs *inputs, uint32_t *count);

#endif
