/* SPDX-License-Identifier: BSD-3-Clause */
/* unit.h: the frame of a unit test program: one suite, a table of tests, a main of one line.
 *
 *	static void test_empty(void) { CU_ASSERT_EQUAL(...); }
 *
 *	int main(void)
 *	{
 *		static CU_TestInfo tests[] = {{"empty", test_empty}, CU_TEST_INFO_NULL};
 *
 *		return unit_run("ring", tests);
 *	}
 */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/Basic.h>

/* Run the tests and print CUnit's tally. 0 when all passed, and with WEIR_TRACK in the environment
 * no guard has caught anything; else 1: the exit status. */
int unit_run(const char *suite, CU_TestInfo *tests);

#endif
