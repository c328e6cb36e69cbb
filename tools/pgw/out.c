/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/out.h"

#include <errno.h>
#include <unistd.h>

#include "tools/pgw/format.h"

void out_init(struct out *out, int fd)
{
	out->fd = fd;
	out->error = 0;
	out->used = 0;
}

static void write_all(struct out *out, const char *bytes, size_t n)
{
	while (n > 0 && !out->error) {
		ssize_t written = write(out->fd, bytes, n);

		if (written < 0) {
			if (errno != EINTR)
				out->error = errno;
			continue;
		}
		bytes += written;
		n -= (size_t)written;
	}
}

int out_flush(struct out *out)
{
	write_all(out, out->buffer, out->used);
	out->used = 0;
	return -out->error;
}

void out_bytes_slow(struct out *out, const char *bytes, size_t n)
{
	out_flush(out);
	if (n > sizeof(out->buffer)) {
		write_all(out, bytes, n);
		return;
	}
	memcpy(out->buffer, bytes, n);
	out->used = n;
}

void out_spaces(struct out *out, size_t n)
{
	static const char spaces[] = "                                ";

	while (n > 0) {
		size_t part = n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1;

		out_bytes(out, spaces, part);
		n -= part;
	}
}

static void json_escape(struct out *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[] = "\\u0000";

	switch (c) {
	case '"':
		out_bytes(out, "\\\"", 2);
		break;
	case '\\':
		out_bytes(out, "\\\\", 2);
		break;
	case '\n':
		out_bytes(out, "\\n", 2);
		break;
	case '\t':
		out_bytes(out, "\\t", 2);
		break;
	default:
		escape[4] = hex[c >> 4];
		escape[5] = hex[c & 15];
		out_bytes(out, escape, 6);
	}
}

void out_json_string(struct out *out, const char *text, size_t n)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t run = 0; /* bytes before .at that need no escape and are not written yet */

	out_char(out, '"');
	while (n > 0) {
		size_t length = *at < 0x80 ? 1 : format_utf8_length((const char *)at, n);

		if (length > 0 && *at >= 0x20 && *at != '"' && *at != '\\' && *at != 0x7f) {
			run += length;
			at += length;
			n -= length;
			continue;
		}
		out_bytes(out, (const char *)at - run, run);
		run = 0;
		if (length == 0)
			out_text(out, "\\ufffd");
		else
			json_escape(out, *at);
		at++;
		n--;
	}
	out_bytes(out, (const char *)at - run, run);
	out_char(out, '"');
}
