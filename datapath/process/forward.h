/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forward - one worker's rings: take what there is, for a while wait awake for more, then sleep.
 *
 * Every port is looked at after every wake-up, whichever it was for: to look is one read of
 * the ring's memory. Only one that has been looked at in vain many times, or never had a frame,
 * waits until the kernel says that it has something: a ring of which nobody knows where it goes on
 * takes a system call for each look, and a port whose flows are the offload's may stay so for ever.
 * Bursts are taken from the ports in turn until none has frames left, but for no more than ROUNDS
 * rounds before control and timers have their turn. Between packets that follow one another closely
 * the worker stays awake, see spin.h.
 *
 * Where the kernel receives by a thread on the same processor (threaded NAPI, ksoftirqd), that one
 * would wait until the scheduler's next tick, some milliseconds, while frames find no room at the
 * interface any more. So the worker gives way after each GIVE_WAY_FRAMES: one system call, and none
 * for a worker that has less to do and sleeps in between.
 *
 * The clock is read once a round, and once more before waiting if anything else was done: what lies
 * between two readings, sleep excepted, is a pause in which no ring was looked at (counters.h).
 */
#ifndef PGW_PROCESS_FORWARD_H
#define PGW_PROCESS_FORWARD_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/counters.h"
#include "datapath/policy/snapshot.h"
#include "datapath/process/spin.h"

struct worker;

struct forward_port {
	int fd;
	uint8_t index;	/* portgroup index */
	bool ready;	/* as poll() has said */
	uint16_t looks; /* that are left to it without a frame, unless it is ready */
};

struct forward {
	struct worker *worker;
	struct worker_counters *counters;
	struct forward_port ports[SNAPSHOT_PORTS_MAX];
	uint32_t n_ports, n_more;
	int more[SNAPSHOT_PORTS_MAX]; /* ports' second descriptors: waited for, too */
	const atomic_bool
		*hurry;	  /* somebody waits for the end of forward_all(); NULL: nobody does */
	uint64_t *now_ns; /* the time that the worker's requests are made at */
	struct spin spin;
	unsigned kept; /* frames since others were given way */
	bool several;  /* others may hand something over */
	bool slept;    /* the last wait did not return at once */
	bool busy;     /* ports may have frames left: do not sleep */
};

void forward_clock(struct forward *f);
/* forward_end_pause() - read the clock after work, not after waiting: nothing was received since
 * the last reading. */
void forward_end_pause(struct forward *f);
/* forward_all() - after each wait: what is there, and what comes while spinning. Return: true if
 * any frame was taken. */
bool forward_all(struct forward *f);

/**
 * forward_wait() - sleep until a descriptor is ready, something is handed over, or @next_ns
 * @next_ns: UINT64_MAX: for ever. While ports are busy: only look.
 * Does not read the clock afterwards. Return: 0 or -errno.
 */
int forward_wait(struct forward *f, struct pollfd *polled, uint32_t n, uint64_t next_ns);

/* forward_poll() - @polled waits for the ports, of whom it has forward_polled() places. */
#define FORWARD_POLLED (2 * SNAPSHOT_PORTS_MAX)
static inline uint32_t forward_polled(const struct forward *f)
{
	return f->n_ports + f->n_more;
}
void forward_poll(const struct forward *f, struct pollfd *polled);
/* forward_heard() - what poll() said of the ports' sockets: which have frames. An error, such as of
 * a link that went down, is taken off the socket; the link's state comes from rtnetlink. */
void forward_heard(struct forward *f, const struct pollfd *polled);

#endif
