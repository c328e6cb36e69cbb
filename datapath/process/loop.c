/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop - one thread: wait, forward, serve control.
 *
 * Every port is looked at after every wake-up, whichever it was for: to look is one read of
 * the ring's memory. Bursts are taken from the ports in turn until none has frames left, but
 * for no more than ROUNDS rounds before control and timers have their turn. When there is
 * nothing to do the loop sleeps until the worker's next timer, for ever if there is none: an
 * idle gateway uses no processor time.
 *
 * The clock is read once a round.
 */
#include "datapath/process/loop.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "datapath/process/control.h"
#include "datapath/worker/worker.h"

#define ROUNDS	 16u
#define NS_PER_S 1000000000ull

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
	struct pollfd polled[AT_PORTS + SNAPSHOT_PORTS_MAX];
	struct worker_status status;
	uint64_t now_ns;
	bool busy; /* ports may have frames left: do not sleep */
};

static void read_clock(struct loop *l)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	l->now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	control_time(l->control, l->now_ns);
}

/* forward() - Return: true if any frame was taken. */
static bool forward(struct loop *l)
{
	bool any = false;

	l->busy = l->fds.n_ports != 0;
	for (unsigned round = 0; round < ROUNDS && l->busy; round++) {
		unsigned taken = 0;

		if (round)
			read_clock(l);
		for (uint32_t i = 0; i < l->fds.n_ports; i++)
			taken += worker_receive(l->worker, l->fds.ports[i].index, l->now_ns);
		any |= taken != 0;
		l->busy = taken != 0;
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
	if (ppoll(l->polled, AT_PORTS + l->fds.n_ports, until, NULL) < 0 && errno != EINTR)
		return -errno;
	control_count_wakeup(l->control);
	read_clock(l);
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
		}
	}
	return 0;
}
