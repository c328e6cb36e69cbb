/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop - waits for descriptors and timers, and calls who asked for them. One thread.
 *
 * A round: wait, call each ready source, fire the timers that are due, run what was deferred.
 * A source or timer that is taken out during a round is not called any more in it; its memory may
 * be freed by a deferred call, never earlier, because the round's list of events still names it.
 * Time is monotonic and stands still within a round; a test gives a clock of its own.
 */
#ifndef PGW_RELAY_LOOP_H
#define PGW_RELAY_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/* A descriptor that is waited for. Embedded in its owner; zero before loop_add(). */
struct loop_source {
	/* ready() - @events: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP */
	void (*ready)(struct loop_source *source, uint32_t events);
	int fd;		 /* -1: none */
	uint32_t events; /* what is waited for */
	bool added;
};

/* A point in time. Embedded in its owner; zero before loop_timer_set(). */
struct loop_timer {
	void (*fire)(struct loop_timer *timer);
	uint64_t due_ms;
	uint32_t place; /* in the heap, from 1; 0: not set */
};

/* A call at the end of the round. Embedded in its owner; zero before loop_defer(). */
struct loop_deferred {
	void (*run)(struct loop_deferred *deferred);
	struct loop_deferred *next;
	bool waits;
};

typedef uint64_t (*loop_clock)(void *context); /* ms, never backwards */

/* loop_create() - @clock: NULL: CLOCK_MONOTONIC. Return: 0 or -errno. */
int loop_create(struct loop **loop, loop_clock clock, void *context);
void loop_destroy(struct loop *loop); /* runs what is deferred; sources and timers are their own */

uint64_t loop_now_ms(const struct loop *loop);

/* loop_add() - wait for @events of @source->fd, which may be edges (EPOLLET). Return: 0 or -errno.
 */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
/* loop_want() - wait for other events of it from now on; costs nothing if they are the same. */
void loop_want(struct loop *loop, struct loop_source *source, uint32_t events);
/* loop_remove() - not waited for any more. Not added: nothing happens. */
void loop_remove(struct loop *loop, struct loop_source *source);
/* loop_close() - the same, and close the descriptor, of which there is no other: that is one call
 * instead of two. None: nothing happens. */
void loop_close(struct loop *loop, struct loop_source *source);

/* loop_timer_set() - fire at @due_ms, once; a timer that is set already is moved.
 * Return: 0 or -ENOMEM (only where it was not set). */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due_ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* loop_defer() - call @deferred->run once this round is done; twice asked is once called. */
void loop_defer(struct loop *loop, struct loop_deferred *deferred);

/* loop_round() - @wait_ms: at most so long for an event, -1: until there is one or a timer is due.
 * Return: 0, or -errno: waiting itself failed. */
int loop_round(struct loop *loop, int wait_ms);
/* loop_rounds() - Return: how many there have been, the present one included. */
uint64_t loop_rounds(const struct loop *loop);
/* loop_run() - rounds until loop_end(). Return: 0 or -errno. */
int loop_run(struct loop *loop);
void loop_end(struct loop *loop);

#endif
