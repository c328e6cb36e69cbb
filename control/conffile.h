/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conffile - the configuration file: read, judged, written so that nobody ever sees half of it. */
#ifndef PGW_CONTROL_CONFFILE_H
#define PGW_CONTROL_CONFFILE_H

#include <stddef.h>

#include "control/config/model.h"
#include "control/ctl/client.h"

#define CONFFILE_BYTES_MAX (64u << 20)

/* conffile_text() - the whole file, malloc'ed, NUL behind it. NULL with @error set. */
char *conffile_text(const char *file, size_t *bytes, struct ctl_error *error);

/**
 * conffile_parse() - parse and check a text
 * @config: initialised; the caller's
 * Return: 0, or -errno with @error set (line and column where they are known).
 */
int conffile_parse(struct config *config, const char *text, size_t bytes, struct ctl_error *error);

/* conffile_read() - both; @error names the file, too. */
int conffile_read(const char *file, struct config *config, struct ctl_error *error);

/* conffile_write() - replace the file's text, through a symbolic link in the file itself.
 * @path: PATH_MAX bytes, set to that file. Return: 0 or -errno with @error set. */
int conffile_write(const char *file, const char *text, char *path, struct ctl_error *error);

#endif
