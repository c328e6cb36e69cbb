/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ports - the external ports of pool addresses: which are taken, which rest.
 *
 * One space per external address; in it one set of 65536 ports each for TCP, UDP and ICMP
 * identifiers. A port is free, in use by a mapping, blocked (the gateway itself listens there), or
 * held down for a while after its mapping went (RFC 6888 REQ-8).
 */
#ifndef PGW_POLICY_PORTS_H
#define PGW_POLICY_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/base/random.h"

/* External addresses, those of removed pools that still drain too. */
#define PORTS_SPACES_MAX 1024u

struct ports; /* all spaces of a worker */

int ports_create(struct ports **ports); /* 0 or -ENOMEM */
void ports_destroy(struct ports *ports);

/* ports_add() - make sure that @addr has a space. Return: 0, -ENOSPC or -ENOMEM. */
int ports_add(struct ports *ports, be32 addr);

/* ports_unblock_all() and ports_block() - the ports on which the gateway listens; @addr 0: on all.
 */
void ports_unblock_all(struct ports *ports);
void ports_block(struct ports *ports, be32 addr, uint8_t proto, uint16_t port);

/**
 * ports_take() - pick an unpredictable free port and take it
 * @first, @last: inclusive range, host order
 * Return: the port in host order, 0 if none is free.
 */
uint16_t ports_take(struct ports *ports, be32 addr, uint8_t proto, uint16_t first, uint16_t last,
		    struct random *random);
/* ports_take_of() - the same; one that is @number modulo @of, if a few draws find one. */
uint16_t ports_take_of(struct ports *ports, be32 addr, uint8_t proto, uint16_t first, uint16_t last,
		       struct random *random, unsigned number, unsigned of);
/* ports_take_this() - take one certain port (adopted flows). Return: false if it was taken. */
bool ports_take_this(struct ports *ports, be32 addr, uint8_t proto, uint16_t port);
bool ports_blocked(const struct ports *ports, be32 addr, uint8_t proto, uint16_t port);

/* ports_release() - give back a port; it stays held down until @until_tick, unless that is
 * @now_tick. */
void ports_release(struct ports *ports, be32 addr, uint8_t proto, uint16_t port,
		   uint32_t until_tick, uint32_t now_tick);

/* ports_rest() - free the ports whose hold-down is over. Bounded work; call now and then. */
void ports_rest(struct ports *ports, uint32_t now_tick);

#endif
