/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/pgw/print.h"

enum { NAME, COUNT, NOTE, MORE };

static const struct print_column columns[] = {
	[NAME] = {"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[COUNT] = {"packets", "PKTS", PRINT_COUNT, PRINT_STATISTIC, 0},
	[NOTE] = {"note", NULL, PRINT_PLAIN, 0, 0},
	[MORE] = {"more", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static struct printer *begin(const struct print_style *style)
{
	int fd = memfd_create("print", 0);
	struct printer *printer = printer_create(fd, style);

	assert_true(fd >= 0);
	assert_non_null(printer);
	dup2(fd, 100); /* where end() finds it again */
	close(fd);
	printer_destroy(printer);
	printer = printer_create(100, style);
	assert_non_null(printer);
	return printer;
}

/* What was printed; the caller frees it. */
static char *end(struct printer *printer)
{
	struct stat status;
	char *text;

	assert_int_equal(print_flush(printer), 0);
	printer_destroy(printer);
	assert_int_equal(fstat(100, &status), 0);
	text = calloc(1, (size_t)status.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(100, text, (size_t)status.st_size, 0), status.st_size);
	close(100);
	return text;
}

static void two_rows(struct printer *printer)
{
	print_begin(printer, &table);
	print_row(printer);
	print_text(printer, NAME, "first");
	print_number(printer, COUNT, 1234);
	print_text(printer, NOTE, "\xc3\xa9\"\n");
	print_bool(printer, MORE, true);
	print_row_end(printer);
	print_row(printer);
	print_number(printer, COUNT, 5);
	print_row_end(printer);
	print_end(printer);
}

static void check(const struct print_style *style, const char *wanted)
{
	struct printer *printer = begin(style);
	char *text;

	two_rows(printer);
	text = end(printer);
	assert_string_equal(text, wanted);
	free(text);
}

static void styles(void **state)
{
	(void)state;
	check(&(struct print_style){0}, "NAME   NOTE\n"
					"first  \xc3\xa9\"?\n"
					"-      -\n");
	check(&(struct print_style){.brief = true}, "first\n-\n");
	check(&(struct print_style){.statistics = true, .details = true},
	      "NAME   PKTS  NOTE\n"
	      "first  1234  \xc3\xa9\"?\n"
	      "    more on\n"
	      "-         5  -\n");
	check(&(struct print_style){.statistics = true, .human = true},
	      "NAME    PKTS  NOTE\n"
	      "first  1.23k  \xc3\xa9\"?\n"
	      "-          5  -\n");
	check(&(struct print_style){.oneline = true, .statistics = true, .details = true},
	      "name first packets 1234 note \xc3\xa9\"? more on\n"
	      "packets 5\n");
	check(&(struct print_style){.json = true},
	      "[{\"name\":\"first\",\"packets\":1234,\"note\":\"\xc3\xa9\\\"\\n\",\"more\":true},"
	      "{\"packets\":5}]\n");
	check(&(struct print_style){.json = true, .pretty = true},
	      "[\n    {\n        \"name\": \"first\",\n        \"packets\": 1234,\n"
	      "        \"note\": \"\xc3\xa9\\\"\\n\",\n        \"more\": true\n    },\n"
	      "    {\n        \"packets\": 5\n    }\n]\n");
	check(&(struct print_style){.colour = true, .brief = true}, "\033[36mfirst\033[0m\n-\n");
}

static void empty(void **state)
{
	struct printer *printer = begin(&(struct print_style){.json = true});
	char *text;

	(void)state;
	print_begin(printer, &table);
	print_end(printer);
	text = end(printer);
	assert_string_equal(text, "[]\n");
	free(text);
	printer = begin(&(struct print_style){0});
	print_begin(printer, &table);
	print_end(printer);
	text = end(printer);
	assert_string_equal(text, "");
	free(text);
}

/* More rows than the window keeps, with cells as long as they may be: none is lost, and rows
 * after the window are in the columns of the window. */
static void window(void **state)
{
	const unsigned rows = PRINT_WINDOW_ROWS * 2 + 3;
	char longest[PRINT_CELL_BYTES + 100];
	struct printer *printer = begin(&(struct print_style){0});
	unsigned lines = 0, cut = 0;
	char *text;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	print_begin(printer, &table);
	for (unsigned i = 0; i < rows; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		print_row(printer);
		print_text(printer, NAME, name);
		print_text(printer, NOTE, i % 7 ? "note" : longest);
		print_row_end(printer);
	}
	print_end(printer);
	text = end(printer);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		char name[16];

		if (lines == 0)
			continue;
		snprintf(name, sizeof(name), "n%u ", lines - 1);
		assert_memory_equal(line, name, strlen(name));
		if (strlen(line) > PRINT_CELL_BYTES) {
			assert_int_equal(strspn(strchr(line, 'x'), "x"), PRINT_CELL_BYTES);
			cut++;
		} else {
			assert_string_equal(strrchr(line, ' ') + 1, "note");
			assert_true(strrchr(line, ' ') - line >= 5);
		}
	}
	assert_int_equal(lines, rows + 1);
	assert_int_equal(cut, (rows + 6) / 7);
	free(text);
}

static void write_error(void **state)
{
	struct print_style style = {.json = true};
	struct printer *printer = printer_create(-1, &style);

	(void)state;
	assert_non_null(printer);
	two_rows(printer);
	assert_int_equal(print_flush(printer), -9 /* EBADF */);
	printer_destroy(printer);
}

static void foreign_json(void **state)
{
	static const char text[] = "{\"a\":[1,-2,1.5,true,false,null,\"\xc3\xa9\\u0007\"],"
				   "\"b\\\"\":{},\"c\":[]}\n";
	struct printer *printer = begin(&(struct print_style){.json = true});
	json_t *value = json_loads(text, 0, NULL), *deep = json_array(), *again;
	char *copy;

	(void)state;
	assert_non_null(value);
	emit_value(print_emit(printer), value);
	copy = end(printer);
	again = json_loads(copy, 0, NULL);
	assert_true(json_equal(value, again));
	json_decref(again);
	json_decref(value);
	free(copy);
	/* What nests deeper than EMIT_NESTING_MAX is cut, and the rest is still JSON. */
	for (unsigned i = 0; i < 1000; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, deep);
		deep = outer;
	}
	printer = begin(&(struct print_style){.json = true});
	emit_value(print_emit(printer), deep);
	copy = end(printer);
	again = json_loads(copy, 0, NULL);
	assert_non_null(again);
	json_decref(again);
	json_decref(deep);
	free(copy);
}

/* Any bytes give valid JSON. */
static void any_string(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		char bytes[24];
		struct printer *printer = begin(&(struct print_style){.json = true});
		json_t *value;
		char *text;

		for (unsigned at = 0; at < sizeof(bytes); at++)
			bytes[at] = (char)(rand_r(&seed) % 3 ? rand_r(&seed) : 0xe2);
		emit_string_n(print_emit(printer), bytes, i % sizeof(bytes));
		text = end(printer);
		value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(value);
		json_decref(value);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(styles),	cmocka_unit_test(empty),
		cmocka_unit_test(window),	cmocka_unit_test(write_error),
		cmocka_unit_test(foreign_json), cmocka_unit_test(any_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
