/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file - a text file that a command names, and what is said of places in it.
 */
#ifndef PGW_TOOL_FILE_H
#define PGW_TOOL_FILE_H

#include <stddef.h>

struct file {
	const char *name; /* as given, "-" is standard input */
	char *text;	  /* NULL until it is read; a NUL, which .bytes does not count, ends it */
	size_t bytes;
};

/**
 * file_read() - read all of @file->name, say why if that fails
 * Return: EXIT_DONE or EXIT_WRONG; the caller frees @file->text in both cases.
 */
int file_read(struct file *file);

/* file_wrong() - "FILE:LINE:COLUMN: TEXT", with the line itself on a terminal. @line and @column
 * count from 1; 0 where the text concerns the whole. */
void file_wrong(const struct file *file, unsigned line, unsigned column, const char *text);

#endif
