/* SPDX-License-Identifier: BSD-3-Clause */
/* output.h: what a program prints has to get there. */
#ifndef APP_OUTPUT_H
#define APP_OUTPUT_H

/* No standard file is missing from here on; and when the program exits, whoever ends it, what could
 * not be written to standard output is said in one line, and the exit status is 1. */
void app_guard_output(void);

#endif
