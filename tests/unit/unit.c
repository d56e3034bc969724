/* SPDX-License-Identifier: BSD-3-Clause */
/* unit.c: run one suite of tests under CUnit. */
#include "unit.h"

#include "weir/guard.h"

#include <stdlib.h>

int unit_run(const char *suite, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {
		{.pName = suite, .pTests = tests},
		CU_SUITE_INFO_NULL,
	};
	int failed = 1;

	if (CU_initialize_registry() == CUE_SUCCESS && CU_register_suites(suites) == CUE_SUCCESS) {
		CU_basic_set_mode(CU_BRM_VERBOSE);
		CU_basic_run_tests();
		failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
	}
	CU_cleanup_registry();
	/* guards are to have nothing to say where they watch */
	return failed || (getenv("WEIR_TRACK") && weir_guard_count() > 0);
}
