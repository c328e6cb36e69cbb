/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/process/forward.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include "datapath/worker/worker.h"

#define ROUNDS		16u
#define SPIN_ROUNDS	64u /* spins that found frames, before control and timers have their turn */
#define GIVE_WAY_FRAMES 64u
#define LOOKS		1024u /* in vain, before a port waits for poll() */
#define NS_PER_S	1000000000ull

void forward_clock(struct forward *f)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	*f->now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void forward_end_pause(struct forward *f)
{
	uint64_t began_ns = *f->now_ns;

	forward_clock(f);
	counters_pause(f->counters, *f->now_ns - began_ns);
}

/* give_way() - to whoever else waits for this processor, after so many frames: see forward.h */
static void give_way(struct forward *f, unsigned taken)
{
	f->kept += taken;
	if (f->kept < GIVE_WAY_FRAMES)
		return;
	f->kept = 0;
	sched_yield();
}

/* look() - Return: how many frames were taken. */
static unsigned look(struct forward *f, struct forward_port *port)
{
	unsigned taken;

	if (!port->looks && !port->ready)
		return 0;
	taken = worker_receive(f->worker, port->index, *f->now_ns);
	if (taken)
		port->looks = LOOKS;
	else if (port->looks)
		port->looks--;
	return taken;
}

/* receive() - a burst from each port, and from each other worker. Return: true if any frame was
 * taken. */
static bool receive(struct forward *f)
{
	unsigned taken = 0;

	for (uint32_t i = 0; i < f->n_ports; i++)
		taken += look(f, &f->ports[i]);
	if (f->several)
		taken += worker_take_over(f->worker, *f->now_ns);
	give_way(f, taken);
	return taken != 0;
}

static bool hurries(const struct forward *f)
{
	return f->hurry && atomic_load_explicit(f->hurry, memory_order_relaxed);
}

/* forward_round() - until the rings are empty, but not for ever. Return: true if any frame was
 * taken. */
static bool forward_round(struct forward *f)
{
	bool any = false;

	f->busy = f->n_ports != 0 || f->several;
	for (unsigned round = 0; round < ROUNDS && f->busy; round++) {
		if (round)
			forward_end_pause(f);
		f->busy = receive(f);
		any |= f->busy;
		if (hurries(f))
			break;
	}
	return any;
}

/* spin() - wait awake. Return: true if frames came and were taken. */
static bool spin(struct forward *f)
{
	uint64_t until = spin_begin(&f->spin, *f->now_ns);

	while (*f->now_ns < until && !hurries(f)) {
		forward_end_pause(f);
		if (receive(f))
			return true;
	}
	return false;
}

bool forward_all(struct forward *f)
{
	uint64_t woke_ns = *f->now_ns;
	bool any;

	f->counters->wakeups++;
	if (f->slept)
		f->kept = 0;
	any = forward_round(f);
	if (f->slept)
		spin_learn(&f->spin, woke_ns, any);
	f->slept = false;
	for (unsigned i = 1; any && !f->busy && spin(f); i++) {
		forward_round(f);
		f->busy |= i == SPIN_ROUNDS;
	}
	return any;
}

int forward_wait(struct forward *f, struct pollfd *polled, uint32_t n, uint64_t next_ns)
{
	struct timespec timeout = {0};
	const struct timespec *until = &timeout;
	bool awake = f->busy || !worker_sleep(f->worker);
	int ready;

	if (!awake && next_ns == UINT64_MAX) {
		until = NULL;
	} else if (!awake && next_ns > *f->now_ns) {
		uint64_t left = next_ns - *f->now_ns;

		timeout.tv_sec = (time_t)(left / NS_PER_S);
		timeout.tv_nsec = (long)(left % NS_PER_S);
	}
	ready = ppoll(polled, n, until, NULL) < 0 && errno != EINTR ? -errno : 0;
	worker_awake(f->worker);
	f->slept = !awake;
	return ready;
}

void forward_poll(const struct forward *f, struct pollfd *polled)
{
	for (uint32_t i = 0; i < f->n_ports; i++)
		polled[i] = (struct pollfd){.fd = f->ports[i].fd, .events = POLLIN};
	for (uint32_t i = 0; i < f->n_more; i++)
		polled[f->n_ports + i] = (struct pollfd){.fd = f->more[i], .events = POLLIN};
}

void forward_heard(struct forward *f, const struct pollfd *polled)
{
	bool more = false;

	/* which port they are of is not kept: all are looked at */
	for (uint32_t i = 0; i < f->n_more; i++)
		more |= polled[f->n_ports + i].revents != 0;
	for (uint32_t i = 0; i < f->n_ports; i++) {
		int error;
		socklen_t bytes = sizeof(error);

		f->ports[i].ready = more || polled[i].revents & POLLIN;
		/* Reading clears it. */
		if (polled[i].revents & POLLERR)
			(void)getsockopt(polled[i].fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
	}
}
