/* SPDX-License-Identifier: BSD-3-Clause */
/* units.h: numbers as people type and read them. */
#ifndef APP_UNITS_H
#define APP_UNITS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits and nothing else, min to max. false leaves *number alone; so do all below. */
bool app_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* A number with a unit, more than nothing and at most ten years: "500ms", "1.5s", "10m". */
bool app_parse_duration(const char *text, uint64_t *ns);

/* Digits and a binary unit: nothing, "B", "K", "KiB", and so on to "GiB". No more than max. */
bool app_parse_size(const char *text, uint64_t max, uint64_t *number);

/* Cores as in "0,2-4", each below CPU_SETSIZE. */
bool app_parse_lcores(const char *text, cpu_set_t *cores);

/* "0,2-4" of a set, cut where buffer ends. */
void app_print_lcores(const cpu_set_t *cores, char *buffer, size_t size);

/* A value in four digits with the prefix that fits, so that a unit may follow: "12.35 M". */
#define APP_HUMAN_SIZE 16
const char *app_human(double value, char buffer[APP_HUMAN_SIZE]);

/* Bytes in binary units, to four digits: "17.5 MiB". */
#define APP_BYTES_SIZE 24
const char *app_bytes(uint64_t bytes, char buffer[APP_BYTES_SIZE]);

#endif
