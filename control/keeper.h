/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper - the service manager's descriptor store (sd_notify FDSTORE=1): the flow table, the
 * counters and the snapshot outlive pgwd and pgw-datapath there, so that a restart of the
 * service ends no session. Without systemd all of it does nothing.
 */
#ifndef PGW_CONTROL_KEEPER_H
#define PGW_CONTROL_KEEPER_H

#define KEEPER_TABLE	"pgw-flow-table"
#define KEEPER_COUNTERS "pgw-counters"
#define KEEPER_SNAPSHOT "pgw-snapshot"

/* What the service manager gave back; -1 where there is none. */
struct keeper {
	int table, counters, snapshot;
};

/* keeper_take() - the kept descriptors, the caller's; others that were passed are closed. */
void keeper_take(struct keeper *keeper);
void keeper_close(struct keeper *keeper);

/* keeper_put() - have @fd kept under @name, instead of what was kept under it. */
void keeper_put(const char *name, int fd);

#endif
