/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl - kernel parameters below /proc/sys, and the record of their former values. */
#ifndef PGW_NETLINK_SYSCTL_H
#define PGW_NETLINK_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @path: relative to /proc/sys, with slashes: a dot may be part of an interface's name.
 * sysctl_read() sets a malloc'ed text without line end, tabs as spaces. Return: 0 or -errno. */
int sysctl_read(const char *path, char **value);
int sysctl_write(const char *path, const char *value);

/* sysctl_open() - for reading again and again. Return: a descriptor or -errno.
 * sysctl_read_open() - as sysctl_read(); once the parameter has gone with its interface, -ENOENT,
 * also if another of its name is there. */
int sysctl_open(const char *path);
int sysctl_read_open(int fd, char **value);

struct sysctl_former {
	char *path;
	char *value;
	uint32_t ifindex; /* of the interface that the parameter belongs to, 0 if to none */
};

struct sysctl_saved {
	struct sysctl_former *list;
	size_t n;
};

/* sysctl_saved_load() - read STATE/sysctl.saved. A missing file, and one of another boot or
 * another network namespace, is an empty record. Return: 0 or -errno. */
int sysctl_saved_load(struct sysctl_saved *saved, const char *state_dir);

/* sysctl_saved_store() - replace the file: write, fsync, rename, fsync of the directory.
 * An empty record removes it. Return: 0 or -errno. */
int sysctl_saved_store(const struct sysctl_saved *saved, const char *state_dir);

/* sysctl_saved_find() - NULL if there is none, also if it is of an interface that has gone and
 * whose name has another bearer now. */
const struct sysctl_former *sysctl_saved_find(const struct sysctl_saved *saved, const char *path,
					      uint32_t ifindex);

/* sysctl_saved_put() - add a copy; an entry of the same path is replaced. 0 or -ENOMEM. */
int sysctl_saved_put(struct sysctl_saved *saved, const char *path, uint32_t ifindex,
		     const char *value);
bool sysctl_saved_equal(const struct sysctl_saved *a, const struct sysctl_saved *b);
void sysctl_saved_free(struct sysctl_saved *saved);

#endif
