/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/netlink/hugepages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEFORE "never"
#define WANTED "advise"

void hugepages_init(struct hugepages *pages, const char *parameter, const char *record)
{
	*pages = (struct hugepages){.parameter = parameter, .record = record, .fd = -1};
}

int hugepages_value(const struct hugepages *pages, char value[HUGEPAGES_VALUE])
{
	int fd = open(pages->parameter, O_RDONLY | O_CLOEXEC);
	char text[128], *begin, *end;
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got < 0)
		return -errno;
	text[got] = '\0';
	/* "always within_size advise [never] deny force" */
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (!end || end - begin > HUGEPAGES_VALUE)
		return -EPROTO;
	*end = '\0';
	(void)snprintf(value, HUGEPAGES_VALUE, "%s", begin + 1);
	return 0;
}

static int write_value(const struct hugepages *pages, const char *value)
{
	int fd = open(pages->parameter, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* open_record() - Return: its descriptor, locked beside others; -errno. */
static int open_record(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, err;

	if (slash && slash > path) {
		(void)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
		if (mkdir(directory, 0755) && errno != EEXIST)
			return -errno;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	/* waits at most for one who is giving back */
	while (flock(fd, LOCK_SH)) {
		if (errno == EINTR)
			continue;
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

bool hugepages_taken(const struct hugepages *pages)
{
	char text[sizeof(BEFORE) - 1];

	return pages->fd >= 0 && pread(pages->fd, text, sizeof(text), 0) == sizeof(text) &&
	       !memcmp(text, BEFORE, sizeof(text));
}

int hugepages_take(struct hugepages *pages)
{
	char value[HUGEPAGES_VALUE];
	int err = hugepages_value(pages, value);

	if (err || pages->fd >= 0)
		return err;
	if (strcmp(value, BEFORE) != 0 && strcmp(value, WANTED) != 0)
		return 0;
	pages->fd = open_record(pages->record);
	if (pages->fd < 0) {
		err = pages->fd;
		pages->fd = -1;
		return err;
	}
	/* Again, as another may have given it back meanwhile; two that set it do the same. */
	err = hugepages_value(pages, value);
	if (!err && !strcmp(value, BEFORE)) {
		if (pwrite(pages->fd, BEFORE, sizeof(BEFORE) - 1, 0) != sizeof(BEFORE) - 1)
			err = errno ? -errno : -EIO;
		else
			err = write_value(pages, WANTED);
		if (!err)
			return 1;
	}
	if (err)
		hugepages_leave(pages);
	return err;
}

void hugepages_give_back(struct hugepages *pages)
{
	char value[HUGEPAGES_VALUE];

	if (pages->fd < 0)
		return;
	if (!flock(pages->fd, LOCK_EX | LOCK_NB) && hugepages_taken(pages)) {
		if (!hugepages_value(pages, value) && !strcmp(value, WANTED))
			(void)write_value(pages, BEFORE);
		if (ftruncate(pages->fd, 0))
			(void)unlink(pages->record);
	}
	hugepages_leave(pages);
}

void hugepages_leave(struct hugepages *pages)
{
	if (pages->fd >= 0)
		close(pages->fd);
	pages->fd = -1;
}
