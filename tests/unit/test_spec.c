/* SPDX-License-Identifier: BSD-3-Clause */
/* test_spec.c: "name:key=value,..." taken apart. */
#include "unit.h"

#include "base/spec_impl.h"
#include "weir/base.h"

#include <errno.h>
#include <string.h>

static void test_keys(void)
{
	struct weir__spec spec;

	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "pcap:rx=a,b.pcap,tx=/c:d=e,loop="), 0);
	CU_ASSERT_STRING_EQUAL(spec.name, "pcap");
	CU_ASSERT_PTR_NULL(spec.argument);
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "rx"), "a,b.pcap"); /* a comma in a path */
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "tx"), "/c:d=e");
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "loop"), "");
	CU_ASSERT_PTR_NULL(weir__spec_get(&spec, "other"));
	CU_ASSERT_EQUAL(weir__spec_finish(&spec, "rx, tx, loop"), 0);
	weir__spec_free(&spec);
}

static void test_quotes(void)
{
	struct weir__spec spec;

	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "a:b,x=\"1,y=2\",y='say \"3\"',z=\"4"), 0);
	CU_ASSERT_STRING_EQUAL(spec.argument, "b");
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "x"), "1,y=2");
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "y"), "say \"3\"");
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "z"), "\"4"); /* no end: a quote as others */
	weir__spec_free(&spec);
	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "a:x=\"1\",2,y=\"\""), 0);
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "x"), "\"1\",2");
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "y"), "");
	weir__spec_free(&spec);
}

static void test_argument(void)
{
	struct weir__spec spec;

	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "pair:left,ring=4"), 0);
	CU_ASSERT_STRING_EQUAL(spec.argument, "left");
	CU_ASSERT_STRING_EQUAL(weir__spec_get(&spec, "ring"), "4");
	weir__spec_free(&spec);
	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "null"), 0);
	CU_ASSERT_STRING_EQUAL(spec.name, "null");
	CU_ASSERT_EQUAL(spec.count, 0);
	weir__spec_free(&spec);
	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "null:"), 0);
	CU_ASSERT_PTR_NULL(spec.argument);
	weir__spec_free(&spec);
}

static void test_numbers(void)
{
	static const char *const bad[] = {"null:size=", "null:size=-1", "null:size= 5",
		"null:size=5x", "null:size=4", "null:size=101", "null:size=99999999999999999999"};
	struct weir__spec spec;
	uint64_t number = 7;

	weir__spec_parse(&spec, "null:size=100");
	CU_ASSERT_EQUAL(weir__spec_number(&spec, "count", 5, 100, &number), 0);
	CU_ASSERT_EQUAL(number, 7);
	CU_ASSERT_EQUAL(weir__spec_number(&spec, "size", 5, 100, &number), 0);
	CU_ASSERT_EQUAL(number, 100);
	weir__spec_free(&spec);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		weir__spec_parse(&spec, bad[i]);
		CU_ASSERT_EQUAL(weir__spec_number(&spec, "size", 5, 100, &number), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "is not a number from 5 to 100"));
		weir__spec_free(&spec);
	}
	CU_ASSERT_EQUAL(number, 100);
}

static void test_refused(void)
{
	struct weir__spec spec;

	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "x:a=1,a=2"), -EINVAL);
	CU_ASSERT_EQUAL(
		weir__spec_parse(&spec,
			"x:a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1"),
		-EINVAL);
	CU_ASSERT_EQUAL(weir__spec_parse(&spec, "x:wrong=1"), 0);
	CU_ASSERT_EQUAL(weir__spec_finish(&spec, "right"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(weir_last_error(), "x: unknown key 'wrong'; there are: right");
	weir__spec_free(&spec);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"keys and values", test_keys},
		{"quotes", test_quotes},
		{"a name alone", test_argument},
		{"numbers in a range", test_numbers},
		{"doubled, unknown and too many keys", test_refused},
		CU_TEST_INFO_NULL,
	};

	return unit_run("spec", tests);
}
