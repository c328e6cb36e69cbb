/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wheel - when to look at which flow again.
 *
 * A packet only stamps its flow; the wheel visits a flow when it was due as of the last visit,
 * and whoever visits either ends it or puts it back. Coarse on purpose (a slot is 1.07 s):
 * whether a flow still lives is decided exactly, by its stamp, whenever a packet meets it.
 *
 * Flows that are closed for good wait in a queue of their own, oldest first, because all wait
 * equally long and the oldest may have to make room (worker/create.c).
 */
#ifndef PGW_FLOW_WHEEL_H
#define PGW_FLOW_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_SLOTS	 8192u /* times 1.07 s: two hours and 26 minutes; later is looked at then */
#define WHEEL_SLOT_SHIFT 10    /* ticks a slot = 1 << 10 */
#define WHEEL_NONE	 UINT32_MAX

struct wheel {
	uint32_t *next, *prev;		 /* by flow; prev of a list's first is WHEEL_LIST | list */
	uint32_t first[WHEEL_SLOTS + 1]; /* the last list is the queue of closed flows */
	uint32_t closed_last;
	uint64_t occupied[WHEEL_SLOTS / 64]; /* slots that are not empty */
	uint32_t at;			     /* slot number (not reduced) that is visited next */
};

int wheel_init(struct wheel *wheel, uint32_t capacity, uint32_t now_tick); /* 0 or -ENOMEM */
/* wheel_join() - another wheel over the same flows, each of which is on one of both at most. */
void wheel_join(struct wheel *wheel, const struct wheel *other);
void wheel_fini(struct wheel *wheel);

/* wheel_add() - visit @flow once @due_tick has passed. It must not be on the wheel. */
void wheel_add(struct wheel *wheel, uint32_t flow, uint32_t due_tick);
/* wheel_add_closed() - to the end of the queue of closed flows. */
void wheel_add_closed(struct wheel *wheel, uint32_t flow);
void wheel_remove(struct wheel *wheel, uint32_t flow);

/* wheel_prefetch() - fetch where a flow's place is kept. */
static inline void wheel_prefetch(const struct wheel *wheel, uint32_t flow)
{
	__builtin_prefetch(&wheel->next[flow], 1);
	__builtin_prefetch(&wheel->prev[flow], 1);
}

/* wheel_pop() - take off a flow whose slot has passed, WHEEL_NONE when there is none now. */
uint32_t wheel_pop(struct wheel *wheel, uint32_t now_tick);
/* wheel_oldest_closed() - the first of the queue, left where it is; WHEEL_NONE if empty. */
uint32_t wheel_oldest_closed(const struct wheel *wheel);

/* wheel_next() - ticks from @now_tick until wheel_pop() may have something, at least 0.
 * Return: false if the wheel (without the queue) is empty. */
bool wheel_next(const struct wheel *wheel, uint32_t now_tick, uint32_t *ticks);

#endif
