/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * print - the one printer: the same calls give a table, one line a record, or JSON.
 *
 * What is printed is described by a table of columns; rows are lists of cells. A cell that is
 * not set is absent: no member in JSON, "-" in a table, nothing in one line a record.
 *
 * Text keeps the first rows (PRINT_WINDOW_ROWS) until it knows how wide the columns are; later
 * rows go straight out, and JSON always does. So memory does not grow with the list.
 *
 *   print_begin(), rows, print_end()     row: print_row(), cells in any order, print_row_end()
 */
#ifndef PGW_TOOL_PRINT_H
#define PGW_TOOL_PRINT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "tools/pgw/emit.h"
#include "tools/pgw/format.h"
#include "tools/pgw/out.h"

#define PRINT_COLUMNS_MAX 40
#define PRINT_WINDOW_ROWS 500
#define PRINT_CELL_BYTES  4096 /* of one cell's text; longer text is cut */

enum print_flags {
	PRINT_BRIEF = 1 << 0,	  /* also with -br */
	PRINT_DETAIL = 1 << 1,	  /* text: only with -d, on a line of its own */
	PRINT_STATISTIC = 1 << 2, /* text: only with -s */
	PRINT_TEXT_ONLY = 1 << 3, /* several members joined for reading */
	PRINT_JSON_ONLY = 1 << 4,
};

struct print_column {
	const char *member; /* JSON member, and word before the value where there is no table */
	const char *title;  /* over the column; NULL = the member in capitals */
	enum print_kind kind;
	unsigned flags; /* enum print_flags */
	unsigned width; /* at least so wide */
};

struct print_table {
	const struct print_column *columns;
	unsigned n_columns; /* <= PRINT_COLUMNS_MAX */
};
#define PRINT_COLUMNS(array) (sizeof(array) / sizeof((array)[0]))
#define PRINT_TABLE(array)                                                                         \
	{                                                                                          \
		.columns = (array),                                                                \
		.n_columns = PRINT_COLUMNS(array) +                                                \
			     0 * sizeof(struct {                                                   \
				     static_assert(PRINT_COLUMNS(array) <= PRINT_COLUMNS_MAX,      \
						   "limit of the printer");                        \
				     char unused;                                                  \
			     })                                                                    \
	}

struct print_style {
	bool json, pretty, colour;
	bool human, statistics, details, oneline, brief;
};

struct printer;

struct printer *printer_create(int fd, const struct print_style *style); /* NULL: no memory */
void printer_destroy(struct printer *printer);				 /* does not flush */

/* print_flush() - write what is buffered. Return: 0 or -errno. */
int print_flush(struct printer *printer);

const struct print_style *print_style(const struct printer *printer);
struct emit *print_emit(struct printer *printer); /* to write JSON around or instead of rows */

void print_begin(struct printer *printer, const struct print_table *table);
void print_row(struct printer *printer);
void print_row_end(struct printer *printer);
void print_end(struct printer *printer);

/* Cells of the current row; @column is an index into the table. */
void print_text(struct printer *printer, unsigned column, const char *text);
void print_text_n(struct printer *printer, unsigned column, const char *text, size_t n);
void print_number(struct printer *printer, unsigned column, uint64_t number);
void print_bool(struct printer *printer, unsigned column, bool value);
void print_address(struct printer *printer, unsigned column, be32 addr);

/* print_plain() - as print_text_n(), for text of our own that needs no escape in JSON. */
void print_plain(struct printer *printer, unsigned column, const char *text, size_t n);

/* print_value() - a foreign value: arrays are joined by commas in text. NULL = absent. */
void print_value(struct printer *printer, unsigned column, const json_t *value);

/* print_wanted() - whether a cell of this column will be shown: to save making it. */
bool print_wanted(const struct printer *printer, unsigned column);

/* print_line() - a line of text outside any table; control characters are made harmless.
 * Nothing in JSON. */
void print_line(struct printer *printer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* print_span() - text within a line outside any table, in the colour of its kind; the caller
 * ends the line with print_block("\n"). Nothing in JSON. */
void print_span(struct printer *printer, enum print_kind kind, const char *text, size_t n);

/* print_block() - text of any length as it is; only newline and tab remain of control characters */
void print_block(struct printer *printer, const char *text);

/* print_difference() - "+ text" in green, "- text" in red; @sign is '+' or '-'. Text only. */
void print_difference(struct printer *printer, char sign, const char *text);

#endif
