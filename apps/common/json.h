/* SPDX-License-Identifier: BSD-3-Clause */
/* json.h: what all reports in JSON need. */
#ifndef APP_JSON_H
#define APP_JSON_H

#include <jansson.h>

/* A string for JSON, which is UTF-8: of text that is not, the odd bytes become '?'. JSON's null for
 * NULL. */
json_t *app_json_text(const char *text);

#endif
