/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard - address conflict detection (RFC 5227) for the addresses of the gateway.
 *
 * An address, once the guard has been told of it (guard_follow()), is in one of these states:
 *   WAITING    its link is down or absent: nothing is sent
 *   PROBING    probes are being sent, or the wait after the last has not passed
 *   UNIQUE     nobody else was heard to have it
 *   CONFLICT   somebody else has it; probed again from time to time until nobody answers
 * Beside that it is used (the kernel has it) or not. One that is used is announced, twice; it is
 * announced at once when it comes, and again when its link does. It is defended: an announcement
 * for each conflict, but one in GUARD_DEFEND_MS at most, and it is never given up, which
 * RFC 5227 2.4 (c) leaves to hosts that others rely on.
 *
 * Modes:
 *   OFF        addresses are announced; nothing is probed, heard or defended
 *   ANNOUNCE   an address is used at once, and probed while it is used: a gateway that takes over
 *              from a dead one, or starts, serves without delay. A conflict is told.
 *   PROBE      an address is used only after its probes have met no answer
 *
 * It opens no socket and reads no clock: it is given the time, and what was heard.
 * Limits: at most GUARD_BURST messages leave in one guard_work(), the rest 10 ms later. Memory
 * grows with the addresses only.
 */
#ifndef PGW_ARP_GUARD_H
#define PGW_ARP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/arp/message.h"

/* Times of RFC 5227 1.1, in ms. */
#define GUARD_PROBE_WAIT_MS    1000 /* the first probe comes within this */
#define GUARD_PROBES	       3
#define GUARD_PROBE_MIN_MS     1000 /* between two probes */
#define GUARD_PROBE_MAX_MS     2000
#define GUARD_ANNOUNCE_WAIT_MS 2000 /* after the last probe */
#define GUARD_ANNOUNCEMENTS    2
#define GUARD_ANNOUNCE_MS      2000  /* between two announcements */
#define GUARD_CONFLICTS_MAX    10    /* in a row; then … */
#define GUARD_RATE_LIMIT_MS    60000 /* … one try in this time */
#define GUARD_DEFEND_MS	       10000

#define GUARD_BURST 128u

enum guard_mode { GUARD_OFF, GUARD_ANNOUNCE, GUARD_PROBE, GUARD_MODE_COUNT };
enum guard_state { GUARD_WAITING, GUARD_PROBING, GUARD_UNIQUE, GUARD_CONFLICT, GUARD_STATE_COUNT };

/* An address that the gateway has or is to have. */
struct guard_address {
	be32 addr;
	uint32_t ifindex; /* the link that carries it */
	struct mac mac;	  /* of that link */
	bool up;	  /* the link is */
	bool used;	  /* the kernel has it */
};

enum guard_change_kind {
	GUARD_CHANGE_CONFLICT, /* somebody else has it */
	GUARD_CHANGE_RESOLVED, /* nobody else answers for it any more */
	GUARD_CHANGE_FREE,     /* PROBE: nobody has it: it may be used now */
};

struct guard_change {
	enum guard_change_kind kind;
	be32 addr;
	uint32_t ifindex;
	struct mac other; /* who has it, or had it last */
	bool used;
};

struct guard_options {
	/* send() - broadcast a message on a link, from its MAC */
	void (*send)(void *context, uint32_t ifindex, const struct arp_message *message);
	void (*changed)(void *context, const struct guard_change *change);
	uint32_t (*random)(void *context);
	void *context;
};

struct guard;

int guard_open(struct guard **guard, const struct guard_options *options); /* 0 or -ENOMEM */
void guard_close(struct guard *guard);					   /* NULL is permitted */

/**
 * guard_follow() - what the gateway's addresses are now
 * @addresses: in any order, each at most once a link
 * Those that were known keep their state; one whose link or MAC is another is new.
 * Return: 0 or -ENOMEM (all stays as it was).
 */
int guard_follow(struct guard *guard, enum guard_mode mode, const struct guard_address *addresses,
		 size_t n, int64_t now_ms);

/* guard_withholds() - whether an address that the kernel has not got is to be left out yet.
 * @mode: in force from now on */
bool guard_withholds(const struct guard *guard, enum guard_mode mode, be32 addr, uint32_t ifindex);

/* guard_is_free() - whether an address that is not used yet may be: its probes met no answer. */
bool guard_is_free(const struct guard *guard, be32 addr);

/* guard_heard() - an ARP message that arrived on a link. */
void guard_heard(struct guard *guard, uint32_t ifindex, const struct arp_message *message,
		 int64_t now_ms);

struct guard_status {
	enum guard_state state;
	bool used;
	struct mac other; /* who answered last; zero: nobody has */
	uint32_t conflicts;
};
/* guard_status() - Return: false if it is not known. */
bool guard_status(const struct guard *guard, be32 addr, uint32_t ifindex,
		  struct guard_status *status);

/* guard_addresses() - those that conflicts are listened for, for a filter. Sorted by ntohl().
 * Return: how many; 0 in mode OFF. */
size_t guard_addresses(const struct guard *guard, be32 *addresses, size_t max);

int64_t guard_due_ms(const struct guard *guard); /* INT64_MAX: nothing is due */
void guard_work(struct guard *guard, int64_t now_ms);

#endif
