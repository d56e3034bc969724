/* SPDX-License-Identifier: BSD-3-Clause */
/* test_app_units.c: numbers as the programs read and print them. */
#include "unit.h"

#include "apps/common/units.h"

#include <string.h>

#define UNTOUCHED 12345

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t number = UNTOUCHED;

	CU_ASSERT_EQUAL(app_parse_number(text, min, max, &number), number != UNTOUCHED);
	return number;
}

static void test_number(void)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1.0", "ten",
		"1k", "18446744073709551616", "99999999999999999999999"};

	CU_ASSERT_EQUAL(number("0", 0, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(number("007", 0, UINT64_MAX), 7);
	CU_ASSERT_EQUAL(number("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
	CU_ASSERT_EQUAL(number("5", 5, 5), 5);
	CU_ASSERT_EQUAL(number("4", 5, 5), UNTOUCHED);
	CU_ASSERT_EQUAL(number("6", 5, 5), UNTOUCHED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(number(bad[i], 0, UINT64_MAX), UNTOUCHED);
}

static uint64_t size(const char *text, uint64_t max)
{
	uint64_t number = UNTOUCHED;

	CU_ASSERT_EQUAL(app_parse_size(text, max, &number), number != UNTOUCHED);
	return number;
}

static void test_size(void)
{
	static const char *const bad[] = {"", "K", " 1K", "1 K", "1k", "1KB", "1Ki", "1iB", "1KiBs",
		"1T", "-1", "1.5K", "0x1K", "18446744073709551616", "17179869184G"};

	CU_ASSERT_EQUAL(size("0", UINT64_MAX), 0);
	CU_ASSERT_EQUAL(size("2048", UINT64_MAX), 2048);
	CU_ASSERT_EQUAL(size("2048B", UINT64_MAX), 2048);
	CU_ASSERT_EQUAL(size("2K", UINT64_MAX), 2048);
	CU_ASSERT_EQUAL(size("2KiB", UINT64_MAX), 2048);
	CU_ASSERT_EQUAL(size("3M", UINT64_MAX), 3 << 20);
	CU_ASSERT_EQUAL(size("1GiB", UINT64_MAX), 1 << 30);
	CU_ASSERT_EQUAL(size("17179869183G", UINT64_MAX), UINT64_C(17179869183) << 30);
	CU_ASSERT_EQUAL(size("1K", 1024), 1024);
	CU_ASSERT_EQUAL(size("1K", 1023), UNTOUCHED);
	CU_ASSERT_EQUAL(size("1024", 1023), UNTOUCHED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(size(bad[i], UINT64_MAX), UNTOUCHED);
}

static void test_bytes(void)
{
	char text[APP_BYTES_SIZE];

	CU_ASSERT_STRING_EQUAL(app_bytes(0, text), "0 B");
	CU_ASSERT_STRING_EQUAL(app_bytes(1023, text), "1023 B");
	CU_ASSERT_STRING_EQUAL(app_bytes(1024, text), "1 KiB");
	CU_ASSERT_STRING_EQUAL(app_bytes(35 << 19, text), "17.5 MiB");
	CU_ASSERT_STRING_EQUAL(app_bytes(UINT64_MAX, text), "16 EiB");
}

static uint64_t duration(const char *text)
{
	uint64_t ns = UNTOUCHED;

	CU_ASSERT_EQUAL(app_parse_duration(text, &ns), ns != UNTOUCHED);
	return ns;
}

static void test_duration(void)
{
	static const char *const bad[] = {"", "10", "s", "0s", "-1s", "+1s", " 1s", "1 s", "1s ",
		"1S", "1ss", ".s", "1.2.3s", "1e3s", "0x1s", "infs", "nans", "11y", "100000h",
		"999999999999999999999999999s"};

	CU_ASSERT_EQUAL(duration("10s"), UINT64_C(10000000000));
	CU_ASSERT_EQUAL(duration("500ms"), 500000000);
	CU_ASSERT_EQUAL(duration("1.5s"), 1500000000);
	CU_ASSERT_EQUAL(duration(".5ms"), 500000);
	CU_ASSERT_EQUAL(duration("20us"), 20000);
	CU_ASSERT_EQUAL(duration("2m"), UINT64_C(120000000000));
	CU_ASSERT_EQUAL(duration("1h"), UINT64_C(3600000000000));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(duration(bad[i]), UNTOUCHED);
}

static void assert_lcores(const char *text, const char *expected)
{
	char printed[64] = "refused";
	cpu_set_t cores;

	if (app_parse_lcores(text, &cores))
		app_print_lcores(&cores, printed, sizeof(printed));
	CU_ASSERT_STRING_EQUAL(printed, expected);
}

static void test_lcores(void)
{
	static const char *const bad[] = {"", ",", "1,", ",1", "1-", "-1", "3-2", "1024", "0-1024",
		"a", "1 ", "1,,2", "1-2-3", "1x"};

	assert_lcores("0", "0");
	assert_lcores("3,1", "1,3");
	assert_lcores("0-3,2,5-6", "0-3,5-6");
	assert_lcores("1023", "1023");
	assert_lcores("0-1023", "0-1023");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_lcores(bad[i], "refused");
}

/* What does not fit is cut, not written behind the buffer. */
static void test_lcores_cut(void)
{
	char printed[8] = "xxxxxxx";
	cpu_set_t cores;

	CU_ASSERT_TRUE(app_parse_lcores("100,200,300,400", &cores));
	app_print_lcores(&cores, printed, 6);
	CU_ASSERT_STRING_EQUAL(printed, "100,2");
	CU_ASSERT_EQUAL(printed[6], 'x');
}

static void assert_human(double value, const char *expected)
{
	char buffer[APP_HUMAN_SIZE];

	CU_ASSERT_STRING_EQUAL(app_human(value, buffer), expected);
}

static void test_human(void)
{
	assert_human(0, "0 ");
	assert_human(7, "7 ");
	assert_human(999, "999 ");
	assert_human(1000, "1.000 k");
	assert_human(9999, "9.999 k");
	assert_human(12345, "12.35 k");
	assert_human(99996, "100.0 k");
	assert_human(999960, "1.000 M");
	assert_human(1234567, "1.235 M");
	assert_human(51.54e9, "51.54 G");
	assert_human(1.8446744073709552e19, "18.45 E");
	assert_human(9e22, "90000.0 E");
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"numbers", test_number},
		{"sizes", test_size},
		{"bytes", test_bytes},
		{"durations", test_duration},
		{"lists of cores", test_lcores},
		{"a list cut short", test_lcores_cut},
		{"figures for people", test_human},
		CU_TEST_INFO_NULL,
	};

	return unit_run("app_units", tests);
}
