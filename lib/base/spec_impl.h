/* SPDX-License-Identifier: BSD-3-Clause */
/* spec_impl.h: "name:key=value,key=value", as ports are opened by.
 *
 * A value ends at the next comma that is followed by `key=`; so a path may have commas in it. A
 * word without = in front of the first key is the positional argument: "pair:name",
 * "af_packet:eth0". A value between two " or two ' is what lies between, whatever it
 * is: filter="ip[0]=69,x=y".
 */
#ifndef WEIR_SPEC_IMPL_H
#define WEIR_SPEC_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR__SPEC_KEYS 16

struct weir__spec {
	char *text; /* own copy; the pointers below point into it, or to constants */
	const char *name;
	const char *argument; /* NULL without one */
	const char *keys[WEIR__SPEC_KEYS];
	const char *values[WEIR__SPEC_KEYS];
	bool used[WEIR__SPEC_KEYS];
	uint32_t count;
};

/* Take a spec apart. 0, or -errno with a sentence. */
int weir__spec_parse(struct weir__spec *spec, const char *text);

/* As if taken from name:key=value, whatever the value looks like. 0, or -ENOMEM with a sentence. */
int weir__spec_make(struct weir__spec *spec, const char *name, const char *key, const char *value);
void weir__spec_free(struct weir__spec *spec);

/* The value of a key, or NULL. */
const char *weir__spec_get(struct weir__spec *spec, const char *key);

/* The value of a key as a number from min to max into *number, which keeps its value, the default,
 * without the key. 0, or -EINVAL with a sentence. */
int weir__spec_number(
	struct weir__spec *spec, const char *key, uint64_t min, uint64_t max, uint64_t *number);

/* Is text just a number from min to max? */
bool weir__number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* After all keys were asked for: -EINVAL with a sentence naming the known ones when the spec has
 * another. */
int weir__spec_finish(struct weir__spec *spec, const char *known);

#endif
