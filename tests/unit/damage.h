/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * damage - a bad cable turns a bit of a segment. Only the end that it is for can tell, by the
 * checksum; it waits for the right one. So whatever the gateway makes of the damaged one, the
 * right segments that follow must pass, and the session be in the state that they say.
 *
 * Each bit of the IP and the TCP header, options included, of each segment of a connection's life
 * is turned, once before the right segment comes and once after it.
 */
#ifndef PGW_TESTS_DAMAGE_H
#define PGW_TESTS_DAMAGE_H

#include "tests/unit/harness.h"

/* What the segments go through. */
struct damage {
	struct harness *h;
	/* arrives() - @frame arrives on @port. Return: whether it came out on the other one, as
	 * @out. */
	bool (*arrives)(const struct damage *way, uint8_t port, const struct frame *frame,
			struct frame *out);
	void *context;
	bool tightest;	   /* only with one choice of numbers and windows */
	bool real_clock;   /* nothing waits, sessions are ended by hand */
	bool no_checksums; /* some states may be those of a damaged segment; not that of the end */
};

/* A connection that both ends close; one that ends by RST; one that is refused. They fail the test
 * if one does not live.
 */
void damage_closed_by_both(const struct damage *way);
void damage_reset(const struct damage *way);
void damage_refused(const struct damage *way);

#endif
