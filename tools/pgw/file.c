/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/message.h"

#define FILE_BYTES_MAX	(64u << 20)
#define FILE_PART_BYTES (64u << 10)

int file_read(struct file *file)
{
	FILE *in = strcmp(file->name, "-") == 0 ? stdin : fopen(file->name, "re");
	size_t room = 0, got;
	const char *why = NULL;

	if (!in)
		return message_error("cannot read %s: %s", file->name, strerror(errno));
	do {
		char *larger;

		if (room - file->bytes <= FILE_PART_BYTES) {
			room = room * 2 + FILE_PART_BYTES + 1;
			larger = realloc(file->text, room);
			if (!larger) {
				why = strerror(ENOMEM);
				break;
			}
			file->text = larger;
		}
		errno = 0;
		got = fread(file->text + file->bytes, 1, FILE_PART_BYTES, in);
		file->bytes += got;
		file->text[file->bytes] = '\0';
		if (ferror(in))
			why = strerror(errno);
		else if (file->bytes > FILE_BYTES_MAX)
			why = strerror(EFBIG);
	} while (!why && got > 0);
	if (in != stdin)
		fclose(in);
	return why ? message_error("cannot read %s: %s", file->name, why) : EXIT_DONE;
}

/* The line, and its column, that a message is about, if it can be shown. */
static void show_place(const struct file *file, unsigned line, unsigned column)
{
	const char *at = file->text, *end = file->text + file->bytes;

	for (unsigned i = 1; at && i < line; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (at && at < end && line > 0)
		message_place(at, strcspn(at, "\r\n"), column);
}

void file_wrong(const struct file *file, unsigned line, unsigned column, const char *text)
{
	if (line && column)
		message_line("%s:%u:%u: %s", file->name, line, column, text);
	else if (line)
		message_line("%s:%u: %s", file->name, line, text);
	else
		message_line("%s: %s", file->name, text);
	show_place(file, line, column);
}
