/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit - writes a JSON document as it goes: nothing of it is held in memory.
 *
 * The caller keeps the order: emit_open(), then members (emit_key() and one value each) or
 * elements (one value each), then emit_close(). Whatever closes the outermost one ends the line.
 */
#ifndef PGW_TOOL_EMIT_H
#define PGW_TOOL_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "tools/pgw/out.h"

#define EMIT_NESTING_MAX 64 /* of a foreign value that emit_value() copies; deeper is null */

struct emit {
	struct out *out;
	bool pretty; /* a member a line, indented by four */
	bool first;  /* nothing stands in the innermost array or object yet */
	bool keyed;  /* a key was written: its value comes next */
	unsigned depth;
};

void emit_init(struct emit *emit, struct out *out, bool pretty);

void emit_open(struct emit *emit, char bracket);  /* '{' or '[' */
void emit_close(struct emit *emit, char bracket); /* '}' or ']' */
void emit_key(struct emit *emit, const char *key);
void emit_string(struct emit *emit, const char *text);
void emit_string_n(struct emit *emit, const char *text, size_t n);
void emit_plain(struct emit *emit, const char *text, size_t n); /* needs no escape */
void emit_number(struct emit *emit, uint64_t number);
void emit_bool(struct emit *emit, bool value);
void emit_value(struct emit *emit, const json_t *value); /* any value, copied */

#endif
