/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/log.h: what the library has to say when nobody asked: an interface went down, came back.
 *
 * The library never prints. A program that wants to know sets a handler; without one nothing is
 * said. Errors of calls are not logged: those are in weir_last_error().
 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include "weir/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum weir_log_level {
	WEIR_LOG_WARNING, /* packets are lost, or no longer are */
	WEIR_LOG_INFO,    /* good to know */
};

/* Gets one line, without a newline, valid during the call. From any thread, one call at a time,
 * also from the thread that receives or sends; so it should be quick. It must not set a handler. */
typedef void weir_log_handler(void *context, enum weir_log_level level, const char *line);

/* Set the handler, or none with NULL. When it returns, the one before is not called any more. */
WEIR_API void weir_log_set_handler(weir_log_handler *handler, void *context);

/* Say nothing less urgent than this level, WEIR_LOG_INFO at first; -1: nothing. */
WEIR_API void weir_log_set_level(int level);
WEIR_API int weir_log_level(void);

#ifdef __cplusplus
}
#endif

#endif
