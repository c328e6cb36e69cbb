/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop - one thread: wait, forward, serve control.
 *
 * Every port is looked at after every wake-up, whichever it was for: to look is one read of
 * the ring's memory. Bursts are taken from the ports in turn until none has frames left, but
 * for no more than ROUNDS rounds before control and timers have their turn. When there is
 * nothing to do the loop sleeps until the worker's next timer, for ever if there is none: an
 * idle gateway uses no processor time. Between packets that follow one another closely it stays
 * awake, see spin.h.
 *
 * The clock is read once a round, and once more before waiting if anything else was done: what lies
 * between two readings, sleep excepted, is a pause in which no ring was looked at (counters.h).
 */
#include "datapath/process/loop.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "datapath/process/control.h"
#include "datapath/process/spin.h"
#include "datapath/worker/worker.h"

#define ROUNDS	    16u
#define SPIN_ROUNDS 64u /* spins that found frames, before control and timers have their turn */
#define NS_PER_S    1000000000ull

enum {
	AT_LISTEN,
	AT_CHANNEL,
	AT_EVENTS,
	AT_PORTS,
};

struct loop {
	struct control *control;
	struct worker *worker;
	struct control_fds fds;
	struct pollfd polled[AT_PORTS + 2 * SNAPSHOT_PORTS_MAX]; /* … and their second ones */
	struct worker_status status;
	struct spin spin;
	uint64_t now_ns;
	bool slept; /* the last wait did not return at once */
	bool busy;  /* ports may have frames left: do not sleep */
};

static void read_clock(struct loop *l)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	l->now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	control_time(l->control, l->now_ns);
}

/* end_pause() - read the clock after work, not after waiting: nothing was received since the last
 * reading. */
static void end_pause(struct loop *l)
{
	uint64_t began_ns = l->now_ns;

	read_clock(l);
	control_count_pause(l->control, l->now_ns - began_ns);
}

/* receive() - a burst from each port. Return: true if any frame was taken. */
static bool receive(struct loop *l)
{
	unsigned taken = 0;

	for (uint32_t i = 0; i < l->fds.n_ports; i++)
		taken += worker_receive(l->worker, l->fds.ports[i].index, l->now_ns);
	return taken != 0;
}

/* forward_round() - until the rings are empty, but not for ever. Return: true if any frame was
 * taken. */
static bool forward_round(struct loop *l)
{
	bool any = false;

	l->busy = l->fds.n_ports != 0;
	for (unsigned round = 0; round < ROUNDS && l->busy; round++) {
		if (round)
			end_pause(l);
		l->busy = receive(l);
		any |= l->busy;
	}
	return any;
}

/* spin() - wait awake. Return: true if frames came and were taken. */
static bool spin(struct loop *l)
{
	uint64_t until = spin_begin(&l->spin, l->now_ns);

	while (l->now_ns < until) {
		end_pause(l);
		if (receive(l))
			return true;
	}
	return false;
}

/* forward() - what is there, and what comes while spinning. Return: true if any frame was taken. */
static bool forward(struct loop *l)
{
	uint64_t woke_ns = l->now_ns;
	bool any = forward_round(l);

	if (l->slept)
		spin_learn(&l->spin, woke_ns, any);
	l->slept = false;
	for (unsigned i = 1; any && !l->busy && spin(l); i++) {
		forward_round(l);
		l->busy |= i == SPIN_ROUNDS;
	}
	return any;
}

static void arrange_polled(struct loop *l)
{
	if (!control_fds(l->control, &l->fds))
		return;
	l->polled[AT_LISTEN] = (struct pollfd){.fd = l->fds.listen, .events = POLLIN};
	l->polled[AT_CHANNEL] = (struct pollfd){
		.fd = l->fds.channel,
		.events = l->fds.channel_write ? POLLIN | POLLOUT : POLLIN,
	};
	l->polled[AT_EVENTS] = (struct pollfd){.fd = l->fds.events, .events = POLLIN};
	for (uint32_t i = 0; i < l->fds.n_ports; i++)
		l->polled[AT_PORTS + i] =
			(struct pollfd){.fd = l->fds.ports[i].fd, .events = POLLIN};
	for (uint32_t i = 0; i < l->fds.n_more; i++)
		l->polled[AT_PORTS + l->fds.n_ports + i] =
			(struct pollfd){.fd = l->fds.more[i], .events = POLLIN};
}

/* wait_for_work() - Return: 0 or -errno. */
static int wait_for_work(struct loop *l)
{
	struct timespec timeout = {0};
	const struct timespec *until = &timeout;

	arrange_polled(l);
	if (!l->busy && l->status.next_ns == UINT64_MAX) {
		until = NULL;
	} else if (!l->busy && l->status.next_ns > l->now_ns) {
		uint64_t left = l->status.next_ns - l->now_ns;

		timeout.tv_sec = (time_t)(left / NS_PER_S);
		timeout.tv_nsec = (long)(left % NS_PER_S);
	}
	if (ppoll(l->polled, AT_PORTS + l->fds.n_ports + l->fds.n_more, until, NULL) < 0 &&
	    errno != EINTR)
		return -errno;
	control_count_wakeup(l->control);
	read_clock(l);
	l->slept = !l->busy;
	return 0;
}

/* serve_control() - Return: true if something may have changed for the worker. */
static bool serve_control(struct loop *l)
{
	bool any = false;

	for (uint32_t i = 0; i < l->fds.n_ports; i++) {
		if (l->polled[AT_PORTS + i].revents & POLLERR)
			control_port_error(l->polled[AT_PORTS + i].fd);
	}
	if (l->polled[AT_EVENTS].revents) {
		control_events(l->control, l->now_ns);
		any = true;
	}
	if (l->polled[AT_CHANNEL].revents) {
		control_channel(l->control, l->now_ns);
		any = true;
	}
	/* After the channel: what the former pgwd had sent before it went is still heard. */
	if (l->polled[AT_LISTEN].revents)
		control_accept(l->control);
	return any;
}

int loop_run(struct control *control)
{
	struct loop l = {
		.control = control,
		.worker = control_worker(control),
		.status.next_ns = UINT64_MAX,
	};

	while (!control_quit(control)) {
		uint64_t log_ns;
		bool worked;
		int err = wait_for_work(&l);

		if (err)
			return err;
		worked = serve_control(&l);
		arrange_polled(&l);
		worked |= forward(&l);
		if (worked || l.now_ns >= l.status.next_ns) {
			worker_work(l.worker, l.now_ns, &l.status);
			control_report(control, &l.status);
			log_ns = control_log(control);
			if (log_ns < l.status.next_ns)
				l.status.next_ns = log_ns;
			end_pause(&l);
		}
	}
	return 0;
}
