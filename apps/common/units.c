/* SPDX-License-Identifier: BSD-3-Clause */
/* units.c: numbers as people type and read them. */
#include "apps/common/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS   1000000000.0
#define DURATION_NS (10 * 366 * 86400 * SECOND_NS) /* ten years: fits 64 bits with room to add */

/* The number at *text, which moves behind it. */
static bool take_number(const char **text, uint64_t max, uint64_t *number)
{
	char *end;

	/* strtoull takes signs and white space, too */
	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return !errno && *number <= max;
}

bool app_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	uint64_t value;

	if (!take_number(&text, max, &value) || *text || value < min)
		return false;
	*number = value;
	return true;
}

bool app_parse_size(const char *text, uint64_t max, uint64_t *number)
{
	static const char prefixes[] = "KMG";
	const char *prefix;
	uint64_t value;
	int shift = 0;

	if (!take_number(&text, max, &value))
		return false;
	prefix = *text ? strchr(prefixes, *text) : NULL;
	if (prefix) {
		shift = 10 * (int)(prefix - prefixes + 1);
		text += strcmp(text + 1, "iB") == 0 ? 3 : 1;
	} else if (strcmp(text, "B") == 0) {
		text++;
	}
	if (*text || value > max >> shift)
		return false;
	*number = value << shift;
	return true;
}

bool app_parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", SECOND_NS}, {"m", 60 * SECOND_NS},
		{"h", 3600 * SECOND_NS}};
	const char *unit = text + strspn(text, "0123456789.");
	char *end;
	double value = strtod(text, &end);

	/* where strtod sees more or less than digits with one point: "0x1", "1e9", "1.2.3", "." */
	if (end != unit || unit == text)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		value *= units[i].ns;
		if (value < 1 || value > DURATION_NS)
			return false;
		*ns = (uint64_t)value;
		return true;
	}
	return false;
}

bool app_parse_lcores(const char *text, cpu_set_t *cores)
{
	uint64_t first, last;
	cpu_set_t set;

	CPU_ZERO(&set);
	do {
		if (!take_number(&text, CPU_SETSIZE - 1, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!take_number(&text, CPU_SETSIZE - 1, &last) || last < first)
				return false;
		}
		for (uint64_t core = first; core <= last; core++)
			CPU_SET(core, &set);
	} while (*text++ == ',');
	if (text[-1])
		return false;
	*cores = set;
	return true;
}

void app_print_lcores(const cpu_set_t *cores, char *buffer, size_t size)
{
	size_t used = 0;

	*buffer = '\0';
	for (int first = 0, last; first < CPU_SETSIZE && used < size; first = last + 1) {
		last = first;
		if (!CPU_ISSET(first, cores))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cores))
			last++;
		used += (size_t)snprintf(buffer + used, size - used,
			last > first ? "%s%d-%d" : "%s%d", used ? "," : "", first, last);
	}
}

const char *app_human(double value, char buffer[APP_HUMAN_SIZE])
{
	static const char prefixes[] = {'\0', 'k', 'M', 'G', 'T', 'P', 'E'};
	size_t prefix = 0;
	int decimals = 0;

	/* 999.95 would be rounded to 1000.0 */
	while (value >= 999.95 && prefix < sizeof(prefixes) - 1) {
		value /= 1000;
		prefix++;
	}
	if (prefix > 0)
		decimals = value < 9.9995 ? 3 : value < 99.995 ? 2 : 1;
	snprintf(buffer, APP_HUMAN_SIZE, "%.*f %.1s", decimals, value, prefixes + prefix);
	return buffer;
}

const char *app_bytes(uint64_t bytes, char buffer[APP_BYTES_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit < sizeof(units) / sizeof(*units) - 1; unit++)
		value /= 1024;
	snprintf(buffer, APP_BYTES_SIZE, "%.4g %s", value, units[unit]);
	return buffer;
}
