/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/netlink/watched.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_all(struct watched *watched)
{
	for (size_t i = 0; watched->fds && i < watched->wanted.n; i++)
		if (watched->fds[i] >= 0)
			close(watched->fds[i]);
	free(watched->fds);
	watched->fds = NULL;
}

void watched_set(struct watched *watched, struct sysctl_saved *wanted)
{
	watched_free(watched);
	watched->wanted = *wanted;
	*wanted = (struct sysctl_saved){0};
	/* without memory for them, files are opened for each reading */
	watched->fds = malloc((watched->wanted.n + 1) * sizeof(*watched->fds));
	for (size_t i = 0; watched->fds && i < watched->wanted.n; i++)
		watched->fds[i] = -1;
}

/* read_one() - Return: its value, malloc'ed; NULL: it is not there. */
static char *read_one(struct watched *watched, size_t i)
{
	int fd = watched->fds ? watched->fds[i] : -1;
	char *value;

	if (fd >= 0 && !sysctl_read_open(fd, &value))
		return value;
	if (fd >= 0) {
		watched->fds[i] = -1;
		close(fd);
	}
	fd = sysctl_open(watched->wanted.list[i].path);
	if (fd < 0)
		return NULL;
	if (sysctl_read_open(fd, &value))
		value = NULL;
	if (value && watched->fds && i < WATCHED_OPEN_MAX)
		watched->fds[i] = fd;
	else
		close(fd);
	return value;
}

bool watched_kept(struct watched *watched)
{
	bool kept = true;

	for (size_t i = 0; i < watched->wanted.n && kept; i++) {
		char *now = read_one(watched, i);

		kept = !now || !strcmp(now, watched->wanted.list[i].value);
		free(now);
	}
	return kept;
}

void watched_free(struct watched *watched)
{
	close_all(watched);
	sysctl_saved_free(&watched->wanted);
}
