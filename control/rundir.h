/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rundir - the directories of one gateway, its lock, and the privileges it needs. */
#ifndef PGW_CONTROL_RUNDIR_H
#define PGW_CONTROL_RUNDIR_H

#include "control/ctl/client.h"

#define RUNDIR_LOCK_NAME     "pgwd.lock"
#define RUNDIR_DATAPATH_NAME "datapath.sock"

/**
 * rundir_open() - make @rundir (0755) and @state_dir (0700) if they are missing, take the lock
 * Return: the lock's descriptor, held until it is closed; or -errno with @error set
 * (-EBUSY: another pgwd runs on it, its pid is named).
 */
int rundir_open(const char *rundir, const char *state_dir, struct ctl_error *error);

/* rundir_privileges() - whether the capabilities that pgwd needs are there. Return: 0 or -EPERM
 * with @error naming the missing ones. */
int rundir_privileges(struct ctl_error *error);

#endif
