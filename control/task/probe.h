/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - whether somebody on a link has an address already (RFC 5227 2.1), before it is used: the
 * same guard as for the addresses in use, for a few that are to come.
 */
#ifndef PGW_TASK_PROBE_H
#define PGW_TASK_PROBE_H

#include "control/ctl/client.h"
#include "control/netlink/kernel.h"

#define PROBE_ADDRESSES_MAX 64
#define PROBE_WAIT_MS	    20000 /* longer than any probing: the link went down */

struct probe;

int probe_open(struct probe **probe, const struct kernel_link *link, const be32 *addresses,
	       size_t n, int64_t now_ms, struct ctl_error *error);

/* probe_work() - Return: 0 nobody has any of them; -EAGAIN not known yet; -EADDRINUSE or other
 * -errno with @error set. */
int probe_work(struct probe *probe, int64_t now_ms, struct ctl_error *error);
unsigned probe_progress(const struct probe *probe, int64_t now_ms); /* per cent, about */
void probe_close(struct probe *probe);				    /* NULL is permitted */

#endif
