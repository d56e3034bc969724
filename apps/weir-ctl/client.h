/* SPDX-License-Identifier: BSD-3-Clause */
/* client.h: one request to a control socket, and its answer. */
#ifndef WEIR_CTL_CLIENT_H
#define WEIR_CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

/* Send the request to the socket at path and wait for the answer, an object with "ok" or "error".
 * NULL with a sentence in *why, valid until the next call. */
json_t *client_ask(const char *path, const json_t *request, uint64_t timeout_ns, const char **why);

#endif
