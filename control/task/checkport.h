/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checkport - a portgroup that is there while a move is checked: one end of a veth pair, in the
 * realm whose clients are to get in. See connect.h for what happens at the other end.
 */
#ifndef PGW_TASK_CHECKPORT_H
#define PGW_TASK_CHECKPORT_H

#include "control/config/datacenter.h"
#include "control/gateway.h"

#define CHECKPORT_NAME "pgw-check"
#define CHECKPORT_DEV  "pgw-check0"
#define CHECKPORT_PEER "pgw-check1"

struct checkport;

/* checkport_add() - make the pair and add the portgroup to @wanted, unless they are there.
 * checkport_del() - take the portgroup out again. Return: 0 or -errno with @error set. */
int checkport_add(struct gateway *gateway, struct config *wanted, bool private,
		  struct ctl_error *error);
int checkport_del(struct config *wanted, struct ctl_error *error);

/* checkport_remove() - remove the pair, unless what runs has the portgroup. */
void checkport_remove(struct gateway *gateway);

/**
 * checkport_open() - begin to connect to the TCP services of @datacenter
 * @place: of its private gateway; NULL: as a client on the Internet
 * Return: 0 or -errno with @error set.
 */
int checkport_open(struct checkport **checkport, const struct gateway *gateway, uint32_t datacenter,
		   const struct gateway_place *place, int64_t now_ms, struct ctl_error *error);

/* checkport_work() - Return: 0 and @text says what has answered, or why there is nothing to ask;
 * -EAGAIN not yet; other -errno with @error set. */
int checkport_work(struct checkport *checkport, int64_t now_ms, char *text, size_t bytes,
		   struct ctl_error *error);
void checkport_close(struct checkport *checkport); /* NULL is permitted */

/**
 * checkport_source() - an address of nobody known from which a client may come
 * @place: as checkport_open()
 * Return: false: there is none.
 */
bool checkport_source(const struct config *config, const struct gateway_place *place, be32 *source);

#endif
