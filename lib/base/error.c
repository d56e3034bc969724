/* SPDX-License-Identifier: BSD-3-Clause */
/* error.c: the last error of each thread, as a sentence. */
#include "base_impl.h"

#include "weir/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Long enough for a path (4,096) and its sentence; a longer one is cut, never overrun. */
#define SENTENCE_MAX 4608

static _Thread_local char sentence[SENTENCE_MAX];

const char *weir_last_error(void)
{
	return sentence;
}

int weir__fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	errno = error;
	return -error;
}

void *weir__fail_null(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	errno = error;
	return NULL;
}
