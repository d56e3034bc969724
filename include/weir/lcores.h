/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/lcores.h: sets of logical cores, as the kernel numbers them.
 *
 *	"0-3,8"      these
 *	"node1"      those of a NUMA node
 *	"isolated"   those the kernel schedules nothing on by itself (isolcpus=, isolated cpusets)
 *	"all"        all that this thread may run on now
 *	"node0,8"    any of these together
 *
 * A core that is named by its number must be online and in the cpuset of this process; "node" and
 * "all" take what the affinity of the calling thread leaves of them, "isolated" what the cpuset
 * does: isolated cores are in nobody's affinity unless asked for.
 *
 * Any thread may make these calls.
 */
#ifndef WEIR_LCORES_H
#define WEIR_LCORES_H

#include "weir/base.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are below this. */
#define WEIR_LCORE_MAX 1024

/* A core in a conf, so that a conf of zeros asks for none in particular. */
#define WEIR_LCORE_ANY     0
#define WEIR_LCORE(number) ((number) + 1)

struct weir_lcores {
	uint64_t bits[WEIR_LCORE_MAX / 64];
};

/* Set lcores to what text names: at least one core. 0, or -errno with weir_last_error(): -EINVAL
 * for what is no such list, -ENODEV for a core that is not there, -EPERM for one outside the
 * cpuset. */
WEIR_API int weir_lcores_parse(struct weir_lcores *lcores, const char *text);

/* The first core above after; below 0 when there is none. Start with -1. */
WEIR_API int weir_lcores_next(const struct weir_lcores *lcores, int after);

static inline bool weir_lcores_has(const struct weir_lcores *lcores, uint32_t number)
{
	return number < WEIR_LCORE_MAX && lcores->bits[number / 64] >> number % 64 & 1;
}

static inline void weir_lcores_add(struct weir_lcores *lcores, uint32_t number)
{
	if (number < WEIR_LCORE_MAX)
		lcores->bits[number / 64] |= UINT64_C(1) << number % 64;
}

WEIR_API uint32_t weir_lcores_count(const struct weir_lcores *lcores);

/* The node a core belongs to; 0 on a machine without NUMA, -ENODEV when there is no such core. */
WEIR_API int weir_lcore_node(uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
