/* SPDX-License-Identifier: BSD-3-Clause */
/* base_impl.h: how the library reports an error, and small arithmetic. */
#ifndef WEIR_BASE_IMPL_H
#define WEIR_BASE_IMPL_H

#include "weir/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keep the sentence for weir_last_error(), set errno to error and return -error, so that a caller
 * writes `return weir__fail(EINVAL, "...")`, or `return weir__fail_null(...)` for a pointer. */
int weir__fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *weir__fail_null(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line, without a newline, to the program's handler (weir/log.h). Only for what nobody asked
 * for, and never more often than something changes. */
void weir__log(enum weir_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The path of the program that runs, for a sentence with a command; in path, or "PROGRAM". */
const char *weir__program(char *path, size_t size);

/* Round up to a multiple of unit, a power of two. */
static inline size_t weir__round_up(size_t value, size_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

/* Nanoseconds of CLOCK_MONOTONIC, and of CLOCK_REALTIME since 1970. */
uint64_t weir__monotonic_ns(void);
uint64_t weir__realtime_ns(void);

/* Wait a little for another thread, which may need this core: yield at the first times, then sleep
 * for some microseconds. */
void weir__back_off(uint32_t times);

#endif
