/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watched - kernel parameters of which the kernel tells nothing when they change: read again and
 * again, each from a file that stays open. One whose interface has gone fails to be read from then
 * on, and is opened anew by its name.
 */
#ifndef PGW_NETLINK_WATCHED_H
#define PGW_NETLINK_WATCHED_H

#include <stdbool.h>

#include "control/netlink/sysctl.h"

#define WATCHED_OPEN_MAX 128u /* files; those beyond are opened for each reading */

struct watched {
	struct sysctl_saved wanted;
	int *fds; /* of each; -1: not open. NULL: none is */
};

/* watched_set() - what is watched from now on. @wanted: taken over, and empty afterwards. */
void watched_set(struct watched *watched, struct sysctl_saved *wanted);

/* watched_kept() - whether each has its value still. One that is not there does not count. */
bool watched_kept(struct watched *watched);

void watched_free(struct watched *watched);

#endif
