/* SPDX-License-Identifier: BSD-3-Clause */
/* test_lcores.c: lists of cores into sets, within what this process may use. */
#include "unit.h"

#include "weir/lcores.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static cpu_set_t affinity;

static int first_allowed(void)
{
	for (int i = 0; i < WEIR_LCORE_MAX; i++)
		if (CPU_ISSET(i, &affinity))
			return i;
	return -1;
}

static void check_refused(const char *text, int error)
{
	struct weir_lcores lcores = {.bits = {42}};

	CU_ASSERT_EQUAL(weir_lcores_parse(&lcores, text), error);
	CU_ASSERT_EQUAL(lcores.bits[0], 42); /* untouched */
	CU_ASSERT(strlen(weir_last_error()) > 0);
}

static void test_all(void)
{
	struct weir_lcores lcores;
	uint32_t count = 0;

	CU_ASSERT_EQUAL_FATAL(weir_lcores_parse(&lcores, "all"), 0);
	CU_ASSERT_EQUAL(weir_lcores_count(&lcores), (uint32_t)CPU_COUNT(&affinity));
	for (int i = weir_lcores_next(&lcores, -1); i >= 0; i = weir_lcores_next(&lcores, i)) {
		CU_ASSERT(CPU_ISSET(i, &affinity));
		CU_ASSERT(weir_lcores_has(&lcores, (uint32_t)i));
		count++;
	}
	CU_ASSERT_EQUAL(count, weir_lcores_count(&lcores));
	CU_ASSERT_FALSE(weir_lcores_has(&lcores, WEIR_LCORE_MAX));
}

static void test_numbers(void)
{
	struct weir_lcores lcores;
	char text[64];
	int first = first_allowed();

	snprintf(text, sizeof(text), "%d-%d,%d", first, first, first);
	CU_ASSERT_EQUAL_FATAL(weir_lcores_parse(&lcores, text), 0);
	CU_ASSERT_EQUAL(weir_lcores_count(&lcores), 1);
	CU_ASSERT_EQUAL(weir_lcores_next(&lcores, -1), first);
	CU_ASSERT_EQUAL(weir_lcores_next(&lcores, first), -1);
	check_refused("", -EINVAL);
	check_refused("1-0", -EINVAL);
	check_refused("0,", -EINVAL);
	check_refused("core0", -EINVAL);
	check_refused("1024", -ERANGE);
	check_refused("1023", -ENODEV); /* no machine of ours is as large */
}

/* A core that the affinity leaves out is there when it is named, but not for "all". */
static void test_affinity(void)
{
	struct weir_lcores lcores;
	cpu_set_t one;
	char text[16];

	CPU_ZERO(&one);
	CPU_SET(first_allowed(), &one);
	CU_ASSERT_EQUAL_FATAL(sched_setaffinity(0, sizeof(one), &one), 0);
	CU_ASSERT_EQUAL(weir_lcores_parse(&lcores, "all"), 0);
	CU_ASSERT_EQUAL(weir_lcores_count(&lcores), 1);
	for (int i = 0; i < WEIR_LCORE_MAX; i++) {
		if (!CPU_ISSET(i, &affinity))
			continue;
		snprintf(text, sizeof(text), "%d", i);
		CU_ASSERT_EQUAL(weir_lcores_parse(&lcores, text), 0);
		CU_ASSERT(weir_lcores_has(&lcores, (uint32_t)i));
	}
	CU_ASSERT_EQUAL(sched_setaffinity(0, sizeof(affinity), &affinity), 0);
}

static void test_node(void)
{
	struct weir_lcores lcores;
	int first = first_allowed(), node = weir_lcore_node((uint32_t)first);
	char text[32];

	CU_ASSERT_FATAL(node >= 0);
	snprintf(text, sizeof(text), "node%d", node);
	CU_ASSERT_EQUAL_FATAL(weir_lcores_parse(&lcores, text), 0);
	for (int i = weir_lcores_next(&lcores, -1); i >= 0; i = weir_lcores_next(&lcores, i)) {
		CU_ASSERT_EQUAL(weir_lcore_node((uint32_t)i), node);
		CU_ASSERT(CPU_ISSET(i, &affinity));
	}
	CU_ASSERT(weir_lcores_has(&lcores, (uint32_t)first));
	check_refused("node1023", -ENODEV);
	check_refused("node", -ENODEV);
	check_refused("nodex", -ENODEV);
	CU_ASSERT_EQUAL(weir_lcore_node(WEIR_LCORE_MAX), -ENODEV);
	if (access("/sys/devices/system/cpu", F_OK) == 0)
		CU_ASSERT_EQUAL(weir_lcore_node(WEIR_LCORE_MAX - 1), -ENODEV);
}

static void test_isolated(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/isolated", "r");
	struct weir_lcores lcores;
	char line[256] = "";

	if (file && fgets(line, sizeof(line), file) && line[0] != '\n') {
		line[strcspn(line, "\n")] = 0;
		CU_ASSERT_EQUAL(weir_lcores_parse(&lcores, "isolated"), 0);
		CU_ASSERT(weir_lcores_count(&lcores) > 0);
	} else {
		check_refused("isolated", -ENODEV);
		CU_ASSERT_EQUAL(weir_lcores_parse(&lcores, "isolated,all"), 0);
	}
	if (file)
		fclose(file);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"all is what the affinity has", test_all},
		{"numbers and ranges", test_numbers},
		{"affinity and cpuset", test_affinity},
		{"a node's cores", test_node},
		{"isolated cores", test_isolated},
		CU_TEST_INFO_NULL,
	};

	sched_getaffinity(0, sizeof(affinity), &affinity);
	return unit_run("lcores", tests);
}
