/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/emit.h"

#include <stdio.h>

#include "tools/pgw/format.h"

void emit_init(struct emit *emit, struct out *out, bool pretty)
{
	*emit = (struct emit){.out = out, .pretty = pretty, .first = true};
}

static void indent(struct emit *emit)
{
	out_char(emit->out, '\n');
	out_spaces(emit->out, (size_t)emit->depth * 4);
}

/* What stands before a key, or before an element or a whole document. */
static void separate(struct emit *emit)
{
	if (emit->keyed) {
		emit->keyed = false;
		return;
	}
	if (emit->depth > 0) {
		if (!emit->first)
			out_char(emit->out, ',');
		if (emit->pretty)
			indent(emit);
	}
	emit->first = false;
}

static void end_document(struct emit *emit)
{
	if (emit->depth == 0) {
		out_char(emit->out, '\n');
		emit->first = true;
	}
}

void emit_open(struct emit *emit, char bracket)
{
	separate(emit);
	out_char(emit->out, bracket);
	emit->depth++;
	emit->first = true;
}

void emit_close(struct emit *emit, char bracket)
{
	emit->depth--;
	if (emit->pretty && !emit->first)
		indent(emit);
	out_char(emit->out, bracket);
	emit->first = false;
	end_document(emit);
}

void emit_key(struct emit *emit, const char *key)
{
	separate(emit);
	out_char(emit->out, '"'); /* keys are ours: they need no escape */
	out_text(emit->out, key);
	if (emit->pretty)
		out_bytes(emit->out, "\": ", 3);
	else
		out_bytes(emit->out, "\":", 2);
	emit->keyed = true;
}

void emit_string_n(struct emit *emit, const char *text, size_t n)
{
	separate(emit);
	out_json_string(emit->out, text, n);
	end_document(emit);
}

void emit_string(struct emit *emit, const char *text)
{
	emit_string_n(emit, text, strlen(text));
}

void emit_plain(struct emit *emit, const char *text, size_t n)
{
	separate(emit);
	out_char(emit->out, '"');
	out_bytes(emit->out, text, n);
	out_char(emit->out, '"');
	end_document(emit);
}

static void emit_literal(struct emit *emit, const char *text, size_t n)
{
	separate(emit);
	out_bytes(emit->out, text, n);
	end_document(emit);
}

void emit_number(struct emit *emit, uint64_t number)
{
	char text[FORMAT_NUMBER_BYTES];

	emit_literal(emit, text, (size_t)(format_number(text, number) - text));
}

void emit_bool(struct emit *emit, bool value)
{
	if (value)
		emit_literal(emit, "true", 4);
	else
		emit_literal(emit, "false", 5);
}

/* A key of a foreign object, which may need escapes. */
static void foreign_key(struct emit *emit, const char *key)
{
	separate(emit);
	out_json_string(emit->out, key, strlen(key));
	out_char(emit->out, ':');
	if (emit->pretty)
		out_char(emit->out, ' ');
	emit->keyed = true;
}

static void foreign_number(struct emit *emit, const json_t *value)
{
	char text[40];
	int n;

	if (json_is_integer(value))
		n = snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else
		n = snprintf(text, sizeof(text), "%.17g", json_real_value(value));
	emit_literal(emit, text, (size_t)n);
}

static void copy_value(struct emit *emit, const json_t *value, unsigned nesting)
{
	if (nesting > EMIT_NESTING_MAX) {
		emit_literal(emit, "null", 4);
		return;
	}
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT: {
		json_t *object = (json_t *)value; /* jansson iterates over non-const only */

		emit_open(emit, '{');
		for (void *at = json_object_iter(object); at;
		     at = json_object_iter_next(object, at)) {
			foreign_key(emit, json_object_iter_key(at));
			copy_value(emit, json_object_iter_value(at), nesting + 1);
		}
		emit_close(emit, '}');
		break;
	}
	case JSON_ARRAY:
		emit_open(emit, '[');
		for (size_t i = 0; i < json_array_size(value); i++)
			copy_value(emit, json_array_get(value, i), nesting + 1);
		emit_close(emit, ']');
		break;
	case JSON_STRING:
		emit_string_n(emit, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		foreign_number(emit, value);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		emit_bool(emit, json_is_true(value));
		break;
	default:
		emit_literal(emit, "null", 4);
	}
}

void emit_value(struct emit *emit, const json_t *value)
{
	copy_value(emit, value, 0);
}
