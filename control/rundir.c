/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/fault.h"

/* Makes @path and what is missing above it. */
static int make_directory(const char *path, mode_t mode, struct ctl_error *error)
{
	char part[512];
	struct stat status;
	size_t length = strlen(path);

	if (!length || length >= sizeof(part))
		return fault(error, -ENAMETOOLONG, "directory name of %zu bytes, expected 1 to %zu",
			     length, sizeof(part) - 1);
	for (size_t i = 1; i <= length; i++) {
		bool last = i == length;

		if (!last && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, last ? mode : 0755) && errno != EEXIST)
			return fault(error, -errno, "cannot make directory %s: %s", part,
				     strerror(errno));
	}
	if (stat(path, &status) || !S_ISDIR(status.st_mode))
		return fault(error, -ENOTDIR, "%s is not a directory", path);
	return 0;
}

static int lock_busy(int fd, const char *rundir, struct ctl_error *error)
{
	char text[32] = "";
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	long pid = got > 0 ? strtol(text, NULL, 10) : 0;

	return fault(error, -EBUSY,
		     "pgwd is already running with run directory %s (pid %ld): stop it first, or "
		     "choose another directory with -r",
		     rundir, pid);
}

static int take_lock(const char *rundir, struct ctl_error *error)
{
	char path[600], text[32];
	int fd, code;

	snprintf(path, sizeof(path), "%s/" RUNDIR_LOCK_NAME, rundir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fault(error, -errno, "cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		code = errno == EWOULDBLOCK
			       ? lock_busy(fd, rundir, error)
			       : fault(error, -errno, "cannot lock %s: %s", path, strerror(errno));
		close(fd);
		return code;
	}
	snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0) {
		code = fault(error, -errno, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		return code;
	}
	return fd;
}

int rundir_open(const char *rundir, const char *state_dir, struct ctl_error *error)
{
	size_t longest =
		sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" RUNDIR_DATAPATH_NAME);
	int code;

	if (strlen(rundir) > longest)
		return fault(error, -ENAMETOOLONG,
			     "run directory %s is too long for a socket's name: at most %zu bytes",
			     rundir, longest);
	code = make_directory(rundir, 0755, error);
	if (!code)
		code = make_directory(state_dir, 0700, error);
	return code ? code : take_lock(rundir, error);
}

int rundir_privileges(struct ctl_error *error)
{
	static const struct {
		cap_value_t value;
		const char *name, *use;
	} needed[] = {
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", "to program links, addresses and routes"},
		{CAP_NET_RAW, "CAP_NET_RAW", "to open packet sockets"},
		{CAP_SETUID, "CAP_SETUID", "to start pgw-datapath as another user"},
		{CAP_SETGID, "CAP_SETGID", "to start pgw-datapath as another user"},
	};
	cap_t mine = cap_get_proc();

	if (!mine)
		return fault(error, -errno, "cannot read this process's capabilities: %s",
			     strerror(errno));
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (!cap_get_flag(mine, needed[i].value, CAP_EFFECTIVE, &set) && set == CAP_SET)
			continue;
		cap_free(mine);
		return fault(error, -EPERM,
			     "%s is missing (%s): run pgwd as root, or give it that capability",
			     needed[i].name, needed[i].use);
	}
	cap_free(mine);
	return 0;
}
