/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out - buffered output to a descriptor, for text and JSON by the megabyte.
 *
 * The first failure of a write is kept in .error; from then on everything is discarded, so
 * that callers look once, at the end (out_flush()).
 */
#ifndef PGW_TOOL_OUT_H
#define PGW_TOOL_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OUT_BUFFER_BYTES (64u << 10)

struct out {
	int fd;
	int error;   /* errno of the first write that failed, 0 = none */
	size_t used; /* bytes of buffer[] that are not written yet */
	char buffer[OUT_BUFFER_BYTES];
};

void out_init(struct out *out, int fd);

/* out_flush() - write what is buffered. Return: 0, or -errno of the first failure ever. */
int out_flush(struct out *out);

/* out_bytes() - append; out_bytes_slow() is its part for when the buffer is full. */
void out_bytes_slow(struct out *out, const char *bytes, size_t n);
static inline void out_bytes(struct out *out, const char *bytes, size_t n)
{
	if (n > sizeof(out->buffer) - out->used) {
		out_bytes_slow(out, bytes, n);
		return;
	}
	memcpy(out->buffer + out->used, bytes, n);
	out->used += n;
}

static inline void out_char(struct out *out, char c)
{
	out_bytes(out, &c, 1);
}

static inline void out_text(struct out *out, const char *text)
{
	out_bytes(out, text, strlen(text));
}

void out_spaces(struct out *out, size_t n);

/* out_json_string() - a quoted JSON string; bytes that are not UTF-8 become U+FFFD. */
void out_json_string(struct out *out, const char *text, size_t n);

#endif
