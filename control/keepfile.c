/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/keepfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int keepfile_write(const char *path, const void *data, size_t bytes, mode_t mode)
{
	char temporary[PATH_MAX + 8];
	int fd, code = 0;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	errno = 0;
	if (write(fd, data, bytes) != (ssize_t)bytes || fsync(fd))
		code = errno ? -errno : -EIO;
	close(fd);
	if (!code && rename(temporary, path))
		code = -errno;
	if (code)
		unlink(temporary);
	return code;
}
