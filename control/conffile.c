/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/fault.h"

int conffile_parse(struct config *config, const char *text, size_t bytes, struct ctl_error *error)
{
	struct config_error why = {.text = ""};
	int code = config_parse(config, text, bytes, &why);

	if (!code)
		code = config_check(config, &why);
	if (!code)
		return 0;
	fault(error, code, "%s", code == -ENOMEM ? "out of memory" : why.text);
	error->line = why.line;
	error->column = why.column;
	return code;
}

char *conffile_text(const char *file, size_t *bytes, struct ctl_error *error)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	char *text = NULL;
	ssize_t got = 0;
	size_t used = 0;

	if (fd < 0 || fstat(fd, &status)) {
		fault(error, -errno, "cannot read it: %s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > CONFFILE_BYTES_MAX) {
		fault(error, -EINVAL, "expected a regular file of at most %u bytes",
		      CONFFILE_BYTES_MAX);
		goto out;
	}
	text = malloc((size_t)status.st_size + 1);
	if (!text) {
		fault(error, -ENOMEM, "out of memory");
		goto out;
	}
	while (used < (size_t)status.st_size &&
	       (got = read(fd, text + used, (size_t)status.st_size - used)) > 0)
		used += (size_t)got;
	if (got < 0) {
		fault(error, -errno, "cannot read it: %s", strerror(errno));
		free(text);
		text = NULL;
	} else {
		text[used] = '\0';
		*bytes = used;
	}
out:
	if (fd >= 0)
		close(fd);
	return text;
}

int conffile_read(const char *file, struct config *config, struct ctl_error *error)
{
	size_t bytes;
	char *text = conffile_text(file, &bytes, error);
	int code = text ? conffile_parse(config, text, bytes, error) : -EIO;

	free(text);
	if (code)
		snprintf(error->file, sizeof(error->file), "%s", file);
	return code;
}

/* Writes beside @path, then renames, so that no reader and no crash ever sees half a file. */
static int write_atomically(const char *path, const char *text, struct ctl_error *error)
{
	char temporary[PATH_MAX + 16];
	struct stat status = {.st_mode = 0644};
	size_t left = strlen(text);
	int fd, code = 0;

	/* Mode and owner of the file that is there stay. */
	if (stat(path, &status) && errno != ENOENT)
		return fault(error, -errno, "cannot read %s: %s", path, strerror(errno));
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fault(error, -errno, "cannot write beside %s: %s", path, strerror(errno));
	while (!code && left) {
		ssize_t wrote = write(fd, text, left);

		if (wrote < 0 && errno != EINTR)
			code = -errno;
		else if (wrote > 0) {
			text += wrote;
			left -= (size_t)wrote;
		}
	}
	if (!code && (fchmod(fd, status.st_mode & 07777) ||
		      fchown(fd, status.st_uid, status.st_gid) || fsync(fd)))
		code = -errno;
	close(fd);
	if (!code && rename(temporary, path))
		code = -errno;
	if (!code)
		return 0;
	unlink(temporary);
	return fault(error, code, "cannot write %s: %s", path, strerror(-code));
}

static void sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	char *slash;
	int fd;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash)
		return;
	*slash = '\0';
	fd = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fsync(fd))
		ctl_log(TOLD_SAVED, LOG_WARNING, "cannot sync %s: %s", directory, strerror(errno));
	close(fd);
}

int conffile_write(const char *file, const char *text, char *path, struct ctl_error *error)
{
	int code;

	if (!realpath(file, path))
		return fault(error, -errno, "%s: %s", file, strerror(errno));
	code = write_atomically(path, text, error);
	if (!code)
		sync_directory_of(path);
	return code;
}
