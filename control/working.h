/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * working - how many workers the datapath has, and a socket for each of them on each portgroup.
 *
 * The number is fixed while a datapath process lives: a change of "set workers" replaces the
 * process. The flow table stays, and whoever takes it over gives each flow to one of its workers
 * (docs/decisions/0013-workers.md).
 */
#ifndef PGW_CONTROL_WORKING_H
#define PGW_CONTROL_WORKING_H

#include "control/gateway.h"

/* working_wanted() - the number that @config means on this machine. */
unsigned working_wanted(const struct config *config);

/* working_start() - before the first apply: a datapath that was adopted and has another number of
 * workers than @config wants is ended. */
void working_start(struct gateway *gateway, const struct config *config);

/**
 * working_change() - replace the datapath by one with @workers, running what runs
 * Return: 0, or -errno with @error set: then it has as many as before, or is to be started again.
 */
int working_change(struct gateway *gateway, unsigned workers, struct ctl_error *error);

/**
 * working_open() - sockets for a portgroup, as many as there are workers
 * @port: its link is set; gets the sockets
 * @realm: the portgroup's
 * Return: 0 or -errno with @error set.
 */
int working_open(const struct gateway *gateway, struct gateway_port *port, enum realm realm,
		 struct packet_error *error);
/* working_reopen() - the same for a portgroup that runs, in place of those that it has. */
int working_reopen(struct gateway *gateway, unsigned index, struct packet_error *error);
/* working_close() - afterwards there is none. */
void working_close(struct gateway_port *port);

/* working_none() - of a port that has not been set yet: there is none. working_has() - there are
 * sockets here, not only the datapath's own. working_move() - @to takes over those of @from. */
void working_none(struct gateway_port *port);
bool working_has(const struct gateway_port *port);
void working_move(struct gateway_port *to, struct gateway_port *from);

/* working_fits() - whether the sockets of @port can stay with @link: on the same interface, and not
 * of those that one worker alone receives from because the link was down. */
bool working_fits(const struct gateway *gateway, const struct gateway_port *port,
		  const struct kernel_link *link);

#endif
