/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text rows pass through a window: cells[] says where in arena[] each cell of each kept row
 * lies. The window is settled (column widths fixed, rows written) when it is full, when arena[]
 * is, and at print_end(). From then on it holds the current row only.
 *
 * Invariant: a row always fits, because arena[] is larger than PRINT_COLUMNS_MAX cells of
 * PRINT_CELL_BYTES. Limits: PRINT_WINDOW_ROWS rows and ARENA_BYTES of text are kept.
 */
#include "tools/pgw/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES (512u << 10)
static_assert(ARENA_BYTES >= 2 * PRINT_COLUMNS_MAX * PRINT_CELL_BYTES, "a row always fits");

#define CELL_ABSENT UINT32_MAX

struct cell {
	uint32_t offset; /* into arena[], CELL_ABSENT if the cell was not set */
	uint32_t length;
};

enum place { PLACE_NONE, PLACE_TABLE, PLACE_PAIR };

struct printer {
	struct out out;
	struct emit emit;
	struct print_style style;
	const struct print_table *table; /* between print_begin() and print_end() */
	bool settled;			 /* widths are fixed and the header is written */
	unsigned rows;			 /* in the window, the current one not counted */
	uint32_t arena_used;
	enum place place[PRINT_COLUMNS_MAX];
	unsigned width[PRINT_COLUMNS_MAX];
	struct cell cells[PRINT_WINDOW_ROWS][PRINT_COLUMNS_MAX];
	char arena[ARENA_BYTES];
};

struct printer *printer_create(int fd, const struct print_style *style)
{
	struct printer *printer = malloc(sizeof(*printer));

	if (!printer)
		return NULL;
	out_init(&printer->out, fd);
	emit_init(&printer->emit, &printer->out, style->pretty);
	printer->style = *style;
	printer->table = NULL;
	return printer;
}

void printer_destroy(struct printer *printer)
{
	free(printer);
}

int print_flush(struct printer *printer)
{
	return out_flush(&printer->out);
}

const struct print_style *print_style(const struct printer *printer)
{
	return &printer->style;
}

struct emit *print_emit(struct printer *printer)
{
	return &printer->emit;
}

/* Where a column goes: see enum print_flags. */
static enum place column_place(const struct print_style *style, unsigned flags)
{
	if (style->json)
		return flags & PRINT_TEXT_ONLY ? PLACE_NONE : PLACE_PAIR;
	if (flags & PRINT_JSON_ONLY)
		return PLACE_NONE;
	if (style->brief)
		return flags & PRINT_BRIEF ? PLACE_TABLE : PLACE_NONE;
	if ((flags & PRINT_STATISTIC) && !style->statistics)
		return PLACE_NONE;
	if (flags & PRINT_DETAIL)
		return style->details ? PLACE_PAIR : PLACE_NONE;
	return style->oneline ? PLACE_PAIR : PLACE_TABLE;
}

void print_begin(struct printer *printer, const struct print_table *table)
{
	printer->table = table;
	printer->settled = false;
	printer->rows = 0;
	printer->arena_used = 0;
	for (unsigned i = 0; i < table->n_columns; i++) {
		printer->place[i] = column_place(&printer->style, table->columns[i].flags);
		printer->width[i] = table->columns[i].width;
	}
	if (printer->style.json)
		emit_open(&printer->emit, '[');
}

bool print_wanted(const struct printer *printer, unsigned column)
{
	return printer->place[column] != PLACE_NONE;
}

static unsigned display_width(const char *text, size_t n)
{
	unsigned width = 0;

	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

static const char *title(const struct print_column *column, char buffer[64])
{
	size_t i;

	if (column->title)
		return column->title;
	for (i = 0; i < 63 && column->member[i]; i++) {
		char c = column->member[i];

		buffer[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	buffer[i] = '\0';
	return buffer;
}

static bool right_aligned(enum print_kind kind)
{
	return kind >= PRINT_NUMBER;
}

/* One cell of a table row, or of its header. @last: no spaces after it. */
static void write_padded(struct printer *printer, unsigned column, const char *text, size_t n,
			 const char *colour, bool last)
{
	unsigned width = display_width(text, n);
	unsigned pad = printer->width[column] > width ? printer->width[column] - width : 0;
	bool right = right_aligned(printer->table->columns[column].kind);

	if (right)
		out_spaces(&printer->out, pad);
	if (colour)
		out_text(&printer->out, colour);
	out_bytes(&printer->out, text, n);
	if (colour)
		out_text(&printer->out, FORMAT_COLOUR_END);
	if (!last)
		out_spaces(&printer->out, (right ? 0 : pad) + 2);
}

static unsigned last_in_table(const struct printer *printer)
{
	unsigned last = PRINT_COLUMNS_MAX;

	for (unsigned i = 0; i < printer->table->n_columns; i++)
		if (printer->place[i] == PLACE_TABLE)
			last = i;
	return last;
}

static void write_header(struct printer *printer)
{
	unsigned last = last_in_table(printer);
	char buffer[64];

	for (unsigned i = 0; i < printer->table->n_columns; i++) {
		const char *text = title(&printer->table->columns[i], buffer);

		if (printer->place[i] == PLACE_TABLE)
			write_padded(printer, i, text, strlen(text),
				     printer->style.colour ? FORMAT_COLOUR_TITLE : NULL, i == last);
	}
	out_char(&printer->out, '\n');
}

static const char *cell_colour(const struct printer *printer, unsigned column, const char *text,
			       size_t n)
{
	if (!printer->style.colour)
		return NULL;
	return format_colour(printer->table->columns[column].kind, text, n);
}

/* The cells that stand as "member value": one line a record, or the further line of -d. */
static void write_pairs(struct printer *printer, const struct cell *cells)
{
	bool first = true;

	for (unsigned i = 0; i < printer->table->n_columns; i++) {
		const char *text, *colour;
		bool quote;

		if (printer->place[i] != PLACE_PAIR || cells[i].offset == CELL_ABSENT)
			continue;
		if (!first)
			out_char(&printer->out, ' ');
		else if (!printer->style.oneline)
			out_spaces(&printer->out, 4);
		first = false;
		text = printer->arena + cells[i].offset;
		out_text(&printer->out, printer->table->columns[i].member);
		out_char(&printer->out, ' ');
		quote = cells[i].length == 0 || memchr(text, ' ', cells[i].length);
		colour = cell_colour(printer, i, text, cells[i].length);
		if (quote)
			out_char(&printer->out, '"');
		if (colour)
			out_text(&printer->out, colour);
		out_bytes(&printer->out, text, cells[i].length);
		if (colour)
			out_text(&printer->out, FORMAT_COLOUR_END);
		if (quote)
			out_char(&printer->out, '"');
	}
	if (!first)
		out_char(&printer->out, '\n');
}

static void write_row(struct printer *printer, const struct cell *cells)
{
	unsigned last = last_in_table(printer);

	for (unsigned i = 0; i < printer->table->n_columns; i++) {
		bool absent = cells[i].offset == CELL_ABSENT;
		const char *text = absent ? "-" : printer->arena + cells[i].offset;
		size_t n = absent ? 1 : cells[i].length;

		if (printer->place[i] != PLACE_TABLE)
			continue;
		write_padded(printer, i, text, n, absent ? NULL : cell_colour(printer, i, text, n),
			     i == last);
	}
	if (last < PRINT_COLUMNS_MAX)
		out_char(&printer->out, '\n');
	write_pairs(printer, cells);
}

/* Fix the widths by the rows of the window, and write them. */
static void settle(struct printer *printer)
{
	const struct print_table *table = printer->table;
	bool header = !printer->style.brief && last_in_table(printer) < PRINT_COLUMNS_MAX;

	if (printer->settled || printer->rows == 0)
		return;
	printer->settled = true;
	for (unsigned i = 0; i < table->n_columns; i++) {
		char buffer[64];
		const char *text = title(&table->columns[i], buffer);

		if (header && display_width(text, strlen(text)) > printer->width[i])
			printer->width[i] = display_width(text, strlen(text));
		for (unsigned row = 0; row < printer->rows; row++) {
			const struct cell *cell = &printer->cells[row][i];
			unsigned width;

			if (cell->offset == CELL_ABSENT)
				continue;
			width = display_width(printer->arena + cell->offset, cell->length);
			if (width > printer->width[i])
				printer->width[i] = width;
		}
	}
	if (header)
		write_header(printer);
	for (unsigned row = 0; row < printer->rows; row++)
		write_row(printer, printer->cells[row]);
	printer->rows = 0;
	printer->arena_used = 0;
}

void print_row(struct printer *printer)
{
	if (printer->style.json) {
		emit_open(&printer->emit, '{');
		return;
	}
	/* Settling here and not within a row keeps offsets of the current row valid. */
	if (printer->rows == PRINT_WINDOW_ROWS ||
	    ARENA_BYTES - printer->arena_used < PRINT_COLUMNS_MAX * PRINT_CELL_BYTES)
		settle(printer);
	for (unsigned i = 0; i < printer->table->n_columns; i++)
		printer->cells[printer->rows][i].offset = CELL_ABSENT;
}

void print_row_end(struct printer *printer)
{
	if (printer->style.json) {
		emit_close(&printer->emit, '}');
		return;
	}
	if (!printer->settled) {
		printer->rows++;
		return;
	}
	write_row(printer, printer->cells[0]);
	printer->arena_used = 0;
}

void print_end(struct printer *printer)
{
	if (printer->style.json)
		emit_close(&printer->emit, ']');
	else
		settle(printer);
	printer->table = NULL;
}

/* Room in the arena for the text of a cell; store_end() says how much was used. A cell that is
 * set twice takes the arena twice: then the row may not fit, and the cell stays absent. */
static char *store(struct printer *printer)
{
	if (ARENA_BYTES - printer->arena_used < PRINT_CELL_BYTES)
		return NULL;
	return printer->arena + printer->arena_used;
}

static void store_end(struct printer *printer, unsigned column, size_t n)
{
	struct cell *cell = &printer->cells[printer->settled ? 0 : printer->rows][column];

	cell->offset = printer->arena_used;
	cell->length = (uint32_t)n;
	printer->arena_used += (uint32_t)n;
}

/* In JSON: the key of a cell. Return: true if the caller has to write the value. */
static bool cell_key(struct printer *printer, unsigned column)
{
	if (!print_wanted(printer, column))
		return false;
	emit_key(&printer->emit, printer->table->columns[column].member);
	return true;
}

void print_text_n(struct printer *printer, unsigned column, const char *text, size_t n)
{
	char *to;

	if (printer->style.json) {
		if (cell_key(printer, column))
			emit_string_n(&printer->emit, text, n);
		return;
	}
	to = print_wanted(printer, column) ? store(printer) : NULL;
	if (to)
		store_end(printer, column, format_safe(to, PRINT_CELL_BYTES, text, n));
}

void print_text(struct printer *printer, unsigned column, const char *text)
{
	print_text_n(printer, column, text, strlen(text));
}

void print_plain(struct printer *printer, unsigned column, const char *text, size_t n)
{
	if (!printer->style.json)
		print_text_n(printer, column, text, n);
	else if (cell_key(printer, column))
		emit_plain(&printer->emit, text, n);
}

void print_number(struct printer *printer, unsigned column, uint64_t number)
{
	char *to;

	if (printer->style.json) {
		if (cell_key(printer, column))
			emit_number(&printer->emit, number);
		return;
	}
	to = print_wanted(printer, column) ? store(printer) : NULL;
	if (to)
		store_end(printer, column,
			  format_quantity(to, printer->table->columns[column].kind, number,
					  printer->style.human));
}

void print_bool(struct printer *printer, unsigned column, bool value)
{
	if (!printer->style.json)
		print_text(printer, column, value ? "on" : "off");
	else if (cell_key(printer, column))
		emit_bool(&printer->emit, value);
}

void print_address(struct printer *printer, unsigned column, be32 addr)
{
	char buffer[ADDR_TEXT_BYTES];
	char *to;

	if (printer->style.json) {
		if (cell_key(printer, column))
			emit_plain(&printer->emit, buffer,
				   (size_t)(format_address(buffer, addr) - buffer));
		return;
	}
	to = print_wanted(printer, column) ? store(printer) : NULL;
	if (to)
		store_end(printer, column, (size_t)(format_address(to, addr) - to));
}

void print_value(struct printer *printer, unsigned column, const json_t *value)
{
	char *to;

	if (!value || json_is_null(value))
		return;
	if (printer->style.json) {
		if (cell_key(printer, column))
			emit_value(&printer->emit, value);
		return;
	}
	to = print_wanted(printer, column) ? store(printer) : NULL;
	if (to)
		store_end(printer, column,
			  format_value(to, PRINT_CELL_BYTES, printer->table->columns[column].kind,
				       value, printer->style.human));
}

void print_line(struct printer *printer, const char *format, ...)
{
	char text[1024], safe[1024];
	va_list arguments;
	int n;

	if (printer->style.json)
		return;
	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	out_bytes(&printer->out, safe, format_safe(safe, sizeof(safe), text, strlen(text)));
	out_char(&printer->out, '\n');
}

void print_span(struct printer *printer, enum print_kind kind, const char *text, size_t n)
{
	char safe[PRINT_CELL_BYTES];
	const char *colour = printer->style.colour ? format_colour(kind, text, n) : NULL;

	if (printer->style.json)
		return;
	if (colour)
		out_text(&printer->out, colour);
	out_bytes(&printer->out, safe, format_safe(safe, sizeof(safe), text, n));
	if (colour)
		out_text(&printer->out, FORMAT_COLOUR_END);
}

void print_block(struct printer *printer, const char *text)
{
	char safe[256];

	while (*text) {
		size_t n = strcspn(text, "\n\t");

		for (size_t at = 0; at < n;) {
			size_t part = n - at < sizeof(safe) / 2 ? n - at : sizeof(safe) / 2;

			/* Not in the middle of a UTF-8 character. */
			while (at + part < n && ((unsigned char)text[at + part] & 0xc0) == 0x80 &&
			       part < sizeof(safe))
				part++;
			out_bytes(&printer->out, safe,
				  format_safe(safe, sizeof(safe), text + at, part));
			at += part;
		}
		text += n;
		if (*text)
			out_char(&printer->out, *text++);
	}
}

void print_difference(struct printer *printer, char sign, const char *text)
{
	const char *colour = sign == '+' ? FORMAT_COLOUR_GOOD : FORMAT_COLOUR_BAD;

	if (printer->style.json)
		return;
	if (printer->style.colour)
		out_text(&printer->out, colour);
	out_char(&printer->out, sign);
	out_char(&printer->out, ' ');
	print_block(printer, text);
	if (printer->style.colour)
		out_text(&printer->out, FORMAT_COLOUR_END);
	out_char(&printer->out, '\n');
}
