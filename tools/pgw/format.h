/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format - numbers, addresses, foreign values as text in memory, and the colour of each kind.
 *
 * None of these writes a final NUL.
 */
#ifndef PGW_TOOL_FORMAT_H
#define PGW_TOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "datapath/base/addr.h"

enum print_kind { /* how text shows a value: colour, side, human form */
		  PRINT_PLAIN,
		  PRINT_NAME,
		  PRINT_ADDRESS,
		  PRINT_MAC,
		  PRINT_STATE,	 /* coloured by what it says */
		  PRINT_NUMBER,	 /* from here on right-aligned; this one is never abbreviated */
		  PRINT_COUNT,	 /* -h: 12.3k */
		  PRINT_BYTES,	 /* the same */
		  PRINT_SECONDS, /* 3725s, -h: 1h02m */
		  PRINT_MILLISECONDS, /* 3725ms, -h: 3.7s */
};

#define FORMAT_COLOUR_TITLE   "\033[1m"
#define FORMAT_COLOUR_NAME    "\033[36m"
#define FORMAT_COLOUR_ADDRESS "\033[35m"
#define FORMAT_COLOUR_MAC     "\033[33m"
#define FORMAT_COLOUR_GOOD    "\033[32m"
#define FORMAT_COLOUR_BAD     "\033[31m"
#define FORMAT_COLOUR_UNSURE  "\033[33m"
#define FORMAT_COLOUR_END     "\033[0m"

/* format_colour() - the sequence that begins the colour of a value, NULL if it has none. */
const char *format_colour(enum print_kind kind, const char *text, size_t n);

/* format_number(), format_address() - decimal, dotted quad. Return: the end of what they wrote. */
#define FORMAT_NUMBER_BYTES 20
char *format_number(char *to, uint64_t number);
char *format_address(char *to, be32 addr); /* up to ADDR_TEXT_BYTES - 1 */

/* These return the bytes that they wrote; up to FORMAT_QUANTITY_BYTES: */
#define FORMAT_QUANTITY_BYTES 32
size_t format_quantity(char *to, enum print_kind kind, uint64_t number, bool human);
size_t format_human(char *to, uint64_t number);	    /* 1234567 -> "1.23M" */
size_t format_duration(char *to, uint64_t seconds); /* 3725 -> "1h02m" */

/**
 * format_safe() - copy text so that a terminal shows it and obeys nothing in it: control
 * characters (C0, DEL, C1) and bytes that are not UTF-8 become '?'
 * @bytes: size of @to; longer text is cut
 */
size_t format_safe(char *to, size_t bytes, const char *text, size_t n);

/* format_value() - a value that pgwd sent, whatever its type, made safe; cut at @bytes. */
size_t format_value(char *to, size_t bytes, enum print_kind kind, const json_t *value, bool human);

/**
 * format_utf8_length() - bytes of the UTF-8 character with which @n > 0 bytes of text begin
 * Return: 1..4, or 0 if it is none (overlong and surrogate forms included).
 */
size_t format_utf8_length(const char *text, size_t n);

#endif
