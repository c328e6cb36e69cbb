/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guarding - the gateway's address conflict detection (arp/guard.h): tells the guard which
 * addresses there are, carries its messages, and says in the log, in events and in listings what it
 * finds. Nothing here waits; an address that is to be probed first is left out by kernel_apply()
 * until the guard has found that nobody has it.
 */
#ifndef PGW_CONTROL_GUARDING_H
#define PGW_CONTROL_GUARDING_H

#include <stdbool.h>
#include <stdint.h>

#include "control/arp/guard.h"
#include "control/ctl/client.h"

#define GUARDING_ASKED_MAX 8u /* neighbours whose answers someone else waits for */

struct config;
struct gateway;
struct arp_message;

struct guarding {
	struct guard *guard;
	int fd;	      /* of wire.h */
	bool trouble; /* addresses could not be listed: said, and not said again */
	be32 asked[GUARDING_ASKED_MAX];
	unsigned n_asked;
};

int guarding_open(struct gateway *gateway, struct ctl_error *error); /* after kernel_open() */
void guarding_close(struct gateway *gateway);

/* guarding_follow() - the kernel or the configuration has changed: look at the addresses. */
void guarding_follow(struct gateway *gateway);

/* guarding_announce() - follow a configuration that the kernel has and the datapath is to have
 * next: what has come is announced before packets to it are forwarded. */
void guarding_announce(struct gateway *gateway, const struct config *wanted);

/* guarding_expected() - whether an address is added because its probes met no answer. */
bool guarding_expected(struct gateway *gateway, be32 addr);

/* guarding_ask() - hear what these neighbours say, too (vmac checks). @n: 0 ends it. */
void guarding_ask(struct gateway *gateway, const be32 *neighbours, unsigned n);

/* guarding_state() - of an address, for listings: "waiting" "probing" "unique" "conflict"; NULL: it
 * is not guarded. @other: who has it, where it is a conflict. */
const char *guarding_state(const struct gateway *gateway, be32 addr, uint32_t ifindex,
			   struct mac *other);

int guarding_fd(const struct gateway *gateway);
void guarding_ready(struct gateway *gateway);
int64_t guarding_due_ms(const struct gateway *gateway); /* INT64_MAX: nothing is due */
void guarding_work(struct gateway *gateway);

#endif
