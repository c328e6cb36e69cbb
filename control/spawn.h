/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn - starts pgw-datapath without privileges. */
#ifndef PGW_CONTROL_SPAWN_H
#define PGW_CONTROL_SPAWN_H

#include <sys/types.h>

#include "control/ctl/client.h"

#define SPAWN_USER	    "pgw"    /* its user and group, if there is such a user, … */
#define SPAWN_USER_FALLBACK "nobody" /* … else this one */

struct spawned {
	pid_t pid;
	int pidfd;
};

/**
 * spawn_datapath() - run @binary with @socket as descriptor CHANNEL_LISTEN_FD
 * @socket: bound, not yet listening: the child calls listen() itself, so that SO_PEERCRED tells
 *          whoever connects the child's pid
 *
 * The child gets standard error twice, no other descriptor, a minimal environment, its own
 * session, no core dumps, no further processes, no capability (bounding set included) and
 * no_new_privs. When this returns it listens and has executed @binary.
 * Return: 0, or -errno with @error set.
 */
int spawn_datapath(struct spawned *spawned, const char *binary, int socket,
		   struct ctl_error *error);

#endif
