/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * STATE/sysctl.saved holds what parameters had been before we changed them:
 *
 *	pgw sysctl.saved 1 BOOT_ID NETNS_INODE
 *	IFINDEX PATH VALUE…
 *
 * It is written before the first parameter changes and it goes once all are given back, so that
 * a run that was killed leaves the truth behind. Boot and namespace are part of it, because in
 * another one the parameters have values of their own that must not be overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/netlink/netlink.h"
#include "control/netlink/sysctl.h"

#define FILE_NAME      "sysctl.saved"
#define FILE_NEW       "sysctl.saved.new"
#define BOOT_ID	       "kernel/random/boot_id"
#define HEADER_MAX     128
#define VALUE_ROOM     1024u
#define VALUE_ROOM_MAX (1u << 20) /* 65536 single ports take 384 KB */

static int proc_path(char path[PATH_MAX], const char *name)
{
	int n = snprintf(path, PATH_MAX, "/proc/sys/%s", name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* read_whole() - the text of a parameter in one read: the kernel gives a list only from its
 * beginning, and cuts it between two items where the room ends. So a read that comes near to
 * its room is tried again with more. */
static int read_whole(int fd, char **text)
{
	size_t room = VALUE_ROOM;
	ssize_t got;

	for (;;) {
		*text = malloc(room + 1);
		if (!*text)
			return -ENOMEM;
		got = pread(fd, *text, room, 0);
		if (got >= 0 && (size_t)got < room / 2) {
			(*text)[got] = '\0';
			return 0;
		}
		free(*text);
		*text = NULL;
		if (got < 0)
			return -errno;
		if (room >= VALUE_ROOM_MAX)
			return -E2BIG;
		room *= 4;
	}
}

int sysctl_open(const char *name)
{
	char path[PATH_MAX];
	int fd, err = proc_path(path, name);

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctl_read_open(int fd, char **value)
{
	char *text, *end;
	int err = read_whole(fd, &text);

	*value = NULL;
	if (err)
		return err;
	for (char *tab = text; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	end = text + strlen(text);
	while (end > text && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	*end = '\0';
	*value = text;
	return 0;
}

int sysctl_read(const char *name, char **value)
{
	int fd = sysctl_open(name), err;

	*value = NULL;
	if (fd < 0)
		return fd;
	err = sysctl_read_open(fd, value);
	close(fd);
	return err;
}

int sysctl_write(const char *name, const char *value)
{
	char path[PATH_MAX];
	size_t left;
	char *line;
	int fd, err = proc_path(path, name);

	if (err)
		return err;
	if (asprintf(&line, "%s\n", value) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		free(line);
		return err;
	}
	/* A long list is taken a page at a time; what follows the first page is added to it. */
	left = strlen(line);
	for (const char *at = line; left && !err;) {
		ssize_t written = write(fd, at, left);

		if (written <= 0) {
			err = written ? -errno : -EINVAL;
		} else {
			at += written;
			left -= (size_t)written;
		}
	}
	close(fd);
	free(line);
	return err;
}

/* header_text() - the first line: which boot, which network namespace */
static int header_text(char header[HEADER_MAX])
{
	struct stat ns;
	char *boot;
	int err;

	if (stat("/proc/thread-self/ns/net", &ns))
		return -errno;
	err = sysctl_read(BOOT_ID, &boot);
	if (err)
		return err;
	(void)snprintf(header, HEADER_MAX, "pgw sysctl.saved 1 %.64s %llu", boot,
		       (unsigned long long)ns.st_ino);
	free(boot);
	return 0;
}

static int parse_line(struct sysctl_saved *saved, char *line)
{
	unsigned long ifindex;
	char *path, *value;

	errno = 0;
	ifindex = strtoul(line, &path, 10);
	if (errno || path == line || *path != ' ' || ifindex > UINT32_MAX)
		return -EINVAL;
	path++;
	/* "net/ipv4/conf/DEV/…": a device name holds no space, the value may be empty. */
	value = strchr(path, ' ');
	if (!value || value == path || strstr(path, "..") || *path == '/')
		return -EINVAL;
	*value++ = '\0';
	return sysctl_saved_put(saved, path, (uint32_t)ifindex, value);
}

int sysctl_saved_load(struct sysctl_saved *saved, const char *state_dir)
{
	char path[PATH_MAX], header[HEADER_MAX], *line = NULL;
	bool first = true;
	size_t room = 0;
	ssize_t length;
	FILE *file;
	int err;

	*saved = (struct sysctl_saved){0};
	err = header_text(header);
	if (err)
		return err;
	if (snprintf(path, sizeof(path), "%s/" FILE_NAME, state_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (length = getline(&line, &room, file)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (!first)
			err = parse_line(saved, line);
		else if (strcmp(line, header))
			break;
		first = false;
	}
	free(line);
	fclose(file);
	if (err)
		sysctl_saved_free(saved);
	return err;
}

/* write_file() - the new file, complete and on the disk */
static int write_file(const struct sysctl_saved *saved, int dir, const char *header)
{
	int fd = openat(dir, FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file;
	int err = 0;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	errno = 0;
	(void)fprintf(file, "%s\n", header);
	for (size_t i = 0; i < saved->n; i++)
		(void)fprintf(file, "%u %s %s\n", saved->list[i].ifindex, saved->list[i].path,
			      saved->list[i].value);
	if (fflush(file) || ferror(file) || fsync(fd))
		err = errno ? -errno : -EIO;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

int sysctl_saved_store(const struct sysctl_saved *saved, const char *state_dir)
{
	char header[HEADER_MAX];
	int dir, err = header_text(header);

	if (err)
		return err;
	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (!saved->n) {
		if (unlinkat(dir, FILE_NAME, 0) && errno != ENOENT)
			err = -errno;
	} else {
		err = write_file(saved, dir, header);
		if (!err && renameat(dir, FILE_NEW, dir, FILE_NAME))
			err = -errno;
		if (err)
			(void)unlinkat(dir, FILE_NEW, 0);
	}
	if (!err && fsync(dir))
		err = -errno;
	close(dir);
	return err;
}

const struct sysctl_former *sysctl_saved_find(const struct sysctl_saved *saved, const char *path,
					      uint32_t ifindex)
{
	for (size_t i = 0; i < saved->n; i++)
		if (!strcmp(saved->list[i].path, path) && saved->list[i].ifindex == ifindex)
			return &saved->list[i];
	return NULL;
}

int sysctl_saved_put(struct sysctl_saved *saved, const char *path, uint32_t ifindex,
		     const char *value)
{
	struct sysctl_former former = {
		.path = strdup(path),
		.value = strdup(value),
		.ifindex = ifindex,
	};
	struct sysctl_former *grown;

	if (!former.path || !former.value)
		goto no_memory;
	for (size_t i = 0; i < saved->n; i++) {
		if (strcmp(saved->list[i].path, path))
			continue;
		free(saved->list[i].path);
		free(saved->list[i].value);
		saved->list[i] = former;
		return 0;
	}
	grown = netlink_grow(saved->list, saved->n, sizeof(*grown));
	if (!grown)
		goto no_memory;
	saved->list = grown;
	grown[saved->n++] = former;
	return 0;
no_memory:
	free(former.path);
	free(former.value);
	return -ENOMEM;
}

bool sysctl_saved_equal(const struct sysctl_saved *a, const struct sysctl_saved *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct sysctl_former *other =
			sysctl_saved_find(b, a->list[i].path, a->list[i].ifindex);

		if (!other || strcmp(other->value, a->list[i].value))
			return false;
	}
	return true;
}

void sysctl_saved_free(struct sysctl_saved *saved)
{
	for (size_t i = 0; i < saved->n; i++) {
		free(saved->list[i].path);
		free(saved->list[i].value);
	}
	free(saved->list);
	*saved = (struct sysctl_saved){0};
}
