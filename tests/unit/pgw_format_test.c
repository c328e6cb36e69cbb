/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pgw/format.h"

static void check(const char *text, size_t n, const char *wanted)
{
	assert_int_equal(n, strlen(wanted));
	assert_memory_equal(text, wanted, n);
}

static void numbers(void **state)
{
	static const struct {
		uint64_t number;
		const char *plain, *human;
	} cases[] = {
		{0, "0", "0"},
		{9, "9", "9"},
		{999, "999", "999"},
		{1000, "1000", "1.00k"},
		{1999, "1999", "1.99k"},
		{12345, "12345", "12.3k"},
		{123456, "123456", "123k"},
		{999999, "999999", "999k"},
		{1000000, "1000000", "1.00M"},
		{UINT64_MAX, "18446744073709551615", "18.4E"},
	};
	char text[FORMAT_QUANTITY_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(text, (size_t)(format_number(text, cases[i].number) - text), cases[i].plain);
		check(text, format_quantity(text, PRINT_COUNT, cases[i].number, true),
		      cases[i].human);
		check(text, format_quantity(text, PRINT_NUMBER, cases[i].number, true),
		      cases[i].plain);
		check(text, format_quantity(text, PRINT_BYTES, cases[i].number, false),
		      cases[i].plain);
	}
}

static void durations(void **state)
{
	static const struct {
		uint64_t number;
		enum print_kind kind;
		const char *plain, *human;
	} cases[] = {
		{0, PRINT_SECONDS, "0s", "0s"},
		{59, PRINT_SECONDS, "59s", "59s"},
		{60, PRINT_SECONDS, "60s", "1m00s"},
		{3725, PRINT_SECONDS, "3725s", "1h02m"},
		{86400 + 7200, PRINT_SECONDS, "93600s", "1d02h"},
		{999, PRINT_MILLISECONDS, "999ms", "999ms"},
		{1999, PRINT_MILLISECONDS, "1999ms", "1.9s"},
		{60000, PRINT_MILLISECONDS, "60000ms", "1m00s"},
	};
	char text[FORMAT_QUANTITY_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(text, format_quantity(text, cases[i].kind, cases[i].number, false),
		      cases[i].plain);
		check(text, format_quantity(text, cases[i].kind, cases[i].number, true),
		      cases[i].human);
	}
	/* The largest must fit its buffer. */
	format_quantity(text, PRINT_SECONDS, UINT64_MAX, true);
	format_quantity(text, PRINT_MILLISECONDS, UINT64_MAX, false);
}

/* Every address is written as the C library does. */
static void addresses(void **state)
{
	uint32_t address = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char text[ADDR_TEXT_BYTES], wanted[INET_ADDRSTRLEN];
		be32 be = htonl(i == 0 ? 0 : i == 1 ? UINT32_MAX : address);

		inet_ntop(AF_INET, &be, wanted, sizeof(wanted));
		check(text, (size_t)(format_address(text, be) - text), wanted);
		address = address * 1664525 + 1013904223;
	}
}

static void harmless_text(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", NULL},
		{"\033[2J\007\n\t\x7f", "?[2J????"},
		{"\xc2\x9b"
		 "31m",
		 "?31m"}, /* C1: the same as ESC [ on some terminals */
		{"\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", "??????????"},
		{"cut \xe2\x82", "cut ??"},
	};
	char to[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(to, format_safe(to, sizeof(to), cases[i].text, strlen(cases[i].text)),
		      cases[i].wanted ? cases[i].wanted : cases[i].text);
	/* Cut between characters, never within one. */
	check(to, format_safe(to, 3, "ab\xc3\xa9", 4), "ab");
	check(to, format_safe(to, 0, "ab", 2), "");
}

static void foreign_values(void **state)
{
	static const struct {
		const char *json, *wanted;
	} cases[] = {
		{"\"x\"", "x"},
		{"true", "on"},
		{"false", "off"},
		{"null", "-"},
		{"-7", "-7"},
		{"1500", "1500"},
		{"0.5", "0.5"},
		{"[]", ""},
		{"[\"a\",\"b\",3]", "a,b,3"},
		{"[[1],{\"a\":2}]", "?,?"},
		{"{\"a\":1,\"b\":\"x\"}", "a=1 b=x"},
		{"{\"a\":[1]}", "a=?"},
	};
	char to[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);

		assert_non_null(value);
		check(to, format_value(to, sizeof(to), PRINT_PLAIN, value, false), cases[i].wanted);
		for (size_t room = 0; room < 12; room++)
			assert_true(format_value(to, room, PRINT_PLAIN, value, false) <= room);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),	  cmocka_unit_test(durations),
		cmocka_unit_test(addresses),	  cmocka_unit_test(harmless_text),
		cmocka_unit_test(foreign_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
