/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thread - one loop a worker, as loop.h is the first one's.
 *
 * It touches nothing but between team_begin() and team_end(). What it waits for is its own copy:
 * a socket may go while it sleeps, and then it is woken to look again.
 */
#include "datapath/process/thread.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath/process/control.h"
#include "datapath/process/forward.h"
#include "datapath/process/team.h"
#include "datapath/worker/worker.h"

enum { AT_WAKE, AT_PORTS };

struct thread {
	struct control *control;
	struct team *team;
	unsigned number;
	sem_t *running;
	pthread_t id;
	struct forward forward;
	struct worker_status status;
	struct pollfd polled[AT_PORTS + FORWARD_POLLED];
};

struct threads {
	struct control *control;
	unsigned n; /* started */
	sem_t running;
	struct thread thread[WORKERS_MAX];
};

/* work() - as much as there is. @told: look at everything anew */
static void work(struct thread *t, bool told)
{
	struct forward *f = &t->forward;

	forward_clock(f);
	if (told) {
		control_ports(t->control, t->number, f);
		forward_poll(f, t->polled + AT_PORTS);
	} else {
		forward_heard(f, t->polled + AT_PORTS);
	}
	if (forward_all(f) || told || *f->now_ns >= t->status.next_ns) {
		uint64_t log_ns;

		worker_work(f->worker, *f->now_ns, &t->status);
		log_ns = control_log(t->control, t->number);
		if (log_ns < t->status.next_ns)
			t->status.next_ns = log_ns;
		forward_end_pause(f);
	}
}

static void *run(void *context)
{
	struct thread *t = context;
	char name[16];
	bool told;

	snprintf(name, sizeof(name), "pgw-worker-%u", t->number);
	pthread_setname_np(pthread_self(), name);
	sem_post(t->running);
	while (team_begin(t->team, t->number, &told)) {
		work(t, told);
		team_end(t->team, t->number);
		/* What else than memory could fail it? Then another process fares better. */
		if (forward_wait(&t->forward, t->polled, AT_PORTS + forward_polled(&t->forward),
				 t->status.next_ns))
			abort();
		/* before it is looked at what for */
		if (t->polled[AT_WAKE].revents)
			team_woken(t->team, t->number);
	}
	team_end(t->team, t->number);
	return NULL;
}

int threads_start(struct threads **threads, struct control *control)
{
	struct team *team = control_team(control);
	struct threads *all = calloc(1, sizeof(*all));
	int err = 0;

	if (!all)
		return -ENOMEM;
	/* A heap for each thread would ask the system how many processors it has. */
	mallopt(M_ARENA_MAX, 1);
	all->control = control;
	sem_init(&all->running, 0, 0);
	for (unsigned i = 1; i < team->n && !err; i++) {
		struct thread *t = &all->thread[i];

		*t = (struct thread){.control = control,
				     .team = team,
				     .number = i,
				     .running = &all->running,
				     .status.next_ns = UINT64_MAX};
		t->polled[AT_WAKE] = (struct pollfd){.fd = team_wake_fd(team, i), .events = POLLIN};
		control_forward(control, i, &t->forward);
		t->forward.hurry = &team->wanted;
		err = -pthread_create(&t->id, NULL, run, t);
		all->n += !err;
	}
	for (unsigned i = 0; i < all->n; i++)
		while (sem_wait(&all->running))
			;
	*threads = all;
	if (err)
		threads_end(all);
	return err;
}

void threads_end(struct threads *all)
{
	team_dismiss(control_team(all->control));
	for (unsigned i = 1; i <= all->n; i++)
		pthread_join(all->thread[i].id, NULL);
	sem_destroy(&all->running);
	free(all);
}
