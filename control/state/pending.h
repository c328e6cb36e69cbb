/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pending - the revision that is taken back unless somebody confirms it in time.
 *
 * There is at most one. Its deadline is kept by two clocks: that of this boot (CLOCK_BOOTTIME,
 * which nobody can set) and, for after a reboot, the time of day. A time of day that is earlier
 * than when the deadline was set is worth nothing: then the whole time counts from the start on, as
 * little as is known.
 */
#ifndef PGW_STATE_PENDING_H
#define PGW_STATE_PENDING_H

#include "control/state/state.h"

#define PENDING_SECONDS_MAX   86400u
#define PENDING_BOOT_ID_BYTES 40

/* What time it is, in the three ways that matter. */
struct pending_clock {
	char boot_id[PENDING_BOOT_ID_BYTES];
	int64_t boot_ms; /* CLOCK_BOOTTIME */
	int64_t time_ms; /* Unix time */
};

struct pending {
	uint64_t revision;	   /* not confirmed; 0: none is pending */
	uint64_t base;		   /* comes back */
	uint32_t seconds;	   /* that were given */
	struct pending_clock from; /* … from then on */
};

void pending_clock_read(struct pending_clock *clock);

/* pending_left_ms() - how long it is until @pending is taken back; 0: it is due. */
int64_t pending_left_ms(const struct pending *pending, const struct pending_clock *now);

/* All return 0, or -errno with @error set. pending_read() leaves revision 0 where none is. */
int pending_read(struct state *state, struct pending *pending, struct state_error *error);
int pending_set(struct state *state, const struct pending *pending, struct state_error *error);
int pending_clear(struct state *state, struct state_error *error);

#endif
