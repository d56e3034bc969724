/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c: one handler for all lines. Lines are rare, so a lock is cheap enough. */
#include "weir/log.h"

#include "weir/atomic.h"

#include "base_impl.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static weir_log_handler *handler;
static void *handler_context;
static WEIR_ATOMIC(int) most = WEIR_LOG_INFO;

void weir_log_set_handler(weir_log_handler *new_handler, void *context)
{
	pthread_mutex_lock(&lock);
	handler = new_handler;
	handler_context = context;
	pthread_mutex_unlock(&lock);
}

void weir_log_set_level(int level)
{
	/* relaxed: lines of before may still come */
	atomic_store_explicit(&most, level, memory_order_relaxed);
}

int weir_log_level(void)
{
	return atomic_load_explicit(&most, memory_order_relaxed);
}

void weir__log(enum weir_log_level level, const char *format, ...)
{
	char line[512];
	va_list args;

	if ((int)level > weir_log_level())
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	if (handler)
		handler(handler_context, level, line);
	pthread_mutex_unlock(&lock);
}
