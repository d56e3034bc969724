/* SPDX-License-Identifier: BSD-3-Clause */
/* inputs_find_impl.h: names of files, folders and ports become a list of what to open. */
#ifndef WEIR_INPUTS_FIND_IMPL_H
#define WEIR_INPUTS_FIND_IMPL_H

#include <stdint.h>

struct weir__found_input {
	char *spec;
	uint64_t size; /* of a file; 0 when that is not known */
};

struct weir__found {
	struct weir__found_input *inputs;
	uint32_t count;
};

/* 0, or -errno with a sentence and nothing found. */
int weir__find_inputs(struct weir__found *found, const char *const *specs);
void weir__found_free(struct weir__found *found);

#endif
