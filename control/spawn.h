/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn - starts programs without privileges. */
#ifndef PGW_CONTROL_SPAWN_H
#define PGW_CONTROL_SPAWN_H

#include <limits.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "control/ctl/client.h"

#define SPAWN_USER	    "pgw"    /* its user and group, if there is such a user, … */
#define SPAWN_USER_FALLBACK "nobody" /* … else this one */

struct spawned {
	pid_t pid;
	int pidfd;
};

#define SPAWN_FDS_MAX	7u
#define SPAWN_FILES_MAX 512  /* descriptors: one per portgroup and worker, a few more */
#define SPAWN_FILES_API 4096 /* … of pgw-api: one per client */

struct spawn {
	const char *name; /* of the program, for itself and for messages */
	const char *binary;
	const int *fds; /* become its descriptors 3, 4, …; borrowed */
	unsigned n_fds; /* at most SPAWN_FDS_MAX */
	/* fds[0] is a socket that is bound and not yet listening: the child calls listen() itself,
	 * so that SO_PEERCRED tells whoever connects the child's pid */
	bool listens;
	/* What is left 0 or NULL is as for the datapath. */
	const char *user;	/* who it runs as, where there is such a user */
	char *const *arguments; /* its argument vector, ended by NULL; NULL: its name alone */
	rlim_t files;		/* descriptors, as far as pgwd's own limit permits */
	bool threads;		/* it may start some */
	bool ends_with_us;	/* it gets SIGTERM when pgwd ends, in whatever way */
};

/**
 * spawn_process() - run a program
 *
 * The child gets standard error twice, no other descriptor, a minimal environment, its own
 * session, no core dumps, no further processes, no capability (bounding set included) and
 * no_new_privs. When this returns it listens, if it is to, and has executed its binary.
 * Return: 0, or -errno with @error set.
 */
int spawn_process(struct spawned *spawned, const struct spawn *spawn, struct ctl_error *error);

/* spawn_binary() - the path of the program @name, which lies beside pgwd's own binary.
 * Return: 0, or -errno with @error set. */
int spawn_binary(char path[PATH_MAX], const char *name, struct ctl_error *error);

/* spawn_datapath() - pgw-datapath, with @socket as descriptor CHANNEL_LISTEN_FD, listening, and so
 * many workers */
int spawn_datapath(struct spawned *spawned, const char *binary, int socket, unsigned workers,
		   struct ctl_error *error);

#endif
