/* SPDX-License-Identifier: BSD-3-Clause */
/* json_impl.h: what reports in JSON share. */
#ifndef WEIR_JSON_IMPL_H
#define WEIR_JSON_IMPL_H

#include <stdio.h>

/* Write text as a JSON string, in quotes. JSON is UTF-8: a byte that is none becomes '?'. */
void weir__json_string(FILE *out, const char *text);

#endif
