/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reconcile - what others change in the kernel under a running gateway is put right, or followed
 * where it cannot be, within a second; and it is said what that was.
 *
 * A look at the kernel follows RECONCILE_SETTLE_MS after a change was heard of, but no two looks
 * come within RECONCILE_PAUSE_MS. Each difference is a thing of its own, known by its words
 * ("address 10.0.0.1/24 added to eth1"). A thing that has been mended RECONCILE_PATIENCE times in a
 * row is in dispute: somebody else wants it otherwise. Then each mending is followed by a wait
 * that doubles, up to RECONCILE_WAIT_MAX_MS, in which it is left as it is, and a `conflict` event
 * says so. All other things go on being mended at once. A thing that was left alone as long as it
 * last waited, and RECONCILE_PEACE_MS at least, begins anew.
 *
 * Of most parameters the kernel tells nobody when they are changed: they are read every
 * RECONCILE_READ_MS.
 *
 * What fails is tried again after 1 s, 2 s, … RECONCILE_WAIT_MAX_MS.
 * Limits: RECONCILE_THINGS_MAX things are remembered; of more the oldest is forgotten.
 */
#ifndef PGW_CONTROL_RECONCILE_H
#define PGW_CONTROL_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "control/netlink/kernel.h"

#define RECONCILE_SETTLE_MS   20
#define RECONCILE_READ_MS     5000 /* between two readings of the kernel's parameters */
#define RECONCILE_PAUSE_MS    500
#define RECONCILE_PATIENCE    3
#define RECONCILE_WAIT_MS     1000
#define RECONCILE_WAIT_MAX_MS 60000
#define RECONCILE_PEACE_MS    10000
#define RECONCILE_THINGS_MAX  64
#define RECONCILE_TOLD_MAX    32 /* things named in one event, and in the log at one time */

/* How often something was mended of late. */
struct dispute {
	char what[KERNEL_CHANGE_BYTES]; /* "": free */
	unsigned times;			/* in a row */
	int64_t mended_ms, until_ms;	/* last mended; left as it is until then */
};

struct disputes {
	struct dispute list[RECONCILE_THINGS_MAX];
};

/* dispute_may() - whether @what may be mended now. @due_ms: lowered to when it may, if not. */
bool dispute_may(const struct disputes *disputes, const char *what, int64_t now_ms,
		 int64_t *due_ms);

/* dispute_forget() - whatever happens to things that name @part is a new matter. */
void dispute_forget(struct disputes *disputes, const char *part);

/* dispute_mended() - @what has been mended. Return: ms for which it is then left as it is; 0: it is
 * not in dispute. @times: how often in a row. */
int64_t dispute_mended(struct disputes *disputes, const char *what, int64_t now_ms,
		       unsigned *times);

struct gateway;

struct reconcile {
	struct disputes disputes;
	int64_t looked_ms; /* the last look */
	int64_t read_ms;   /* the parameters were last read */
	int64_t left_ms;   /* when what was left as it is may be mended; INT64_MAX: nothing is */
	unsigned failures; /* looks in a row of which something failed */
	json_t *mended;	   /* things of the look under way */
	char failed[256];  /* of the look under way, the first */
	bool expected;	   /* it has added an address that was probed for */
	char trouble[256]; /* last failure that was logged */
	uint64_t followed; /* revision whose addresses and next hops are followed */
};

/* reconcile_readable() - the monitor has something. */
void reconcile_readable(struct gateway *gateway);

/* reconcile_due_ms(), reconcile_work() - when something is due; do it. */
int64_t reconcile_due_ms(const struct gateway *gateway);
void reconcile_work(struct gateway *gateway);

/* reconcile_may(), reconcile_mended() - the same questions for what the kernel's plan does not know
 * of, such as the tc program. */
bool reconcile_may(struct gateway *gateway, const char *what);
void reconcile_mended(struct gateway *gateway, const char *what);

/* reconcile_links() - say what has become of each portgroup's link since the last look. */
void reconcile_links(struct gateway *gateway);

#endif
