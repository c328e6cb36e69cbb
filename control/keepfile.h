/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepfile - small files of STATEDIR that pgwd makes itself: keys, certificates. */
#ifndef PGW_CONTROL_KEEPFILE_H
#define PGW_CONTROL_KEEPFILE_H

#include <stddef.h>
#include <sys/types.h>

/* keepfile_write() - beside @path, then renamed: half a key would be the end of what it is for.
 * Return: 0 or -errno. */
int keepfile_write(const char *path, const void *data, size_t bytes, mode_t mode);

#endif
