/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch - notices a datapath that hangs, and lets the service manager notice a pgwd that does.
 *
 * Every WATCH_TICK_MS the datapath is sent PING; its ALIVE clears the question. After WATCH_MISSES
 * ticks in a row that found the last PING unanswered it is ended and another one takes over its
 * flows. Ticks are counted, not time: a machine that stood still (a snapshot of the virtual
 * machine) comes back with both processes as they were, and one late tick.
 *
 * It is at rest once it has answered and a tick finds that it has taken no packet since the last
 * one. Then it is asked every WATCH_REST_MS only: one that hangs harms nobody before a packet waits
 * in one of its rings, which ends the rest.
 *
 * One that was stopped (SIGSTOP) is known without asking: each tick looks, and once more
 * WATCH_HALT_MS later, because a shell that stops and continues all of them (Ctrl-Z, fg) does so
 * one after the other.
 *
 * The service manager's watchdog, where it asks for one (WATCHDOG_USEC), is fed only by a
 * loop that comes round and only while the datapath answers. One that cannot be started for that
 * long ends in a new pgwd. The status line (systemctl status) follows what /readyz says.
 */
#ifndef PGW_CONTROL_WATCH_H
#define PGW_CONTROL_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WATCH_TICK_MS 250
#define WATCH_MISSES  4u
#define WATCH_HALT_MS 50
#define WATCH_REST_MS 10000

struct gateway;

struct watch {
	int64_t due_ms;	  /* next tick */
	pid_t pid;	  /* whom the rest is about; 0: nobody was asked yet */
	bool asked;	  /* a PING waits for its answer */
	unsigned missed;  /* ticks that found it waiting */
	bool halted;	  /* the last tick found the process stopped */
	uint64_t bursts;  /* that it had taken at the last tick */
	int rings_fd;	  /* at rest: readable once a packet waits in a ring; -1: not at rest */
	uint64_t feed_ms; /* how often the service manager wants to hear; 0: it does not */
	int64_t fed_ms;	  /* when it last did */
	char status[200]; /* that it was told last */
};

void watch_open(struct gateway *gateway);
void watch_close(struct watch *watch);

/* watch_alive() - the datapath's ALIVE has come. */
void watch_alive(struct watch *watch);
/* watch_answers() - whether the datapath is in time with its answers. */
bool watch_answers(const struct watch *watch);

/* The loop's calls. */
int watch_fd(const struct watch *watch); /* to be polled for input; -1: nothing */
void watch_readable(struct watch *watch);
int64_t watch_due_ms(const struct gateway *gateway);
void watch_work(struct gateway *gateway);

#endif
