/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay - pgw-relay's own life: the loop, the connection to pgwd, the configuration, the parts.
 *
 * Invariant: parts, allow list and sockets are of one configuration, the last that was taken whole.
 * When pgwd goes, everything goes on; the next one connects and learns from hello what runs.
 */
#ifndef PGW_RELAY_RELAY_H
#define PGW_RELAY_RELAY_H

#include "datapath/relay/part.h"

/**
 * relay_create() - take memory, look at the listening socket
 * @listen_fd: listening SOCK_SEQPACKET socket; stays the caller's
 * @clock: as of loop_create()
 * Return: 0, or -errno with @error set.
 */
int relay_create(struct relay **relay, int listen_fd, loop_clock clock, void *clock_context,
		 struct relay_error *error);
void relay_destroy(struct relay *relay);

/* relay_run() - Return: 0 once pgwd has asked for the end, or -errno. */
int relay_run(struct relay *relay);

#endif
