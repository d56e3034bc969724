/* SPDX-License-Identifier: BSD-3-Clause */
/* text.h: any JSON as people read it. */
#ifndef WEIR_CTL_TEXT_H
#define WEIR_CTL_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* An object is a line for each key, with what is in it moved in; the elements of an array are one
 * below the other; a string is itself. */
void text_print(FILE *to, const json_t *value);

#endif
