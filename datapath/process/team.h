/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * team - the threads of the process, one for each worker: how they are woken, made to stand still,
 * and asked for a sign of life.
 *
 * Thread 0 is the process's first and the only one that talks to pgwd; a team of one has no locks
 * and no descriptors.
 *
 * Standing still. A thread holds its lock in work[] while it works, and not while it sleeps.
 * Thread 0, before it changes what others use, holds gate, says so in wanted, and takes all of
 * work[]: so they finish what they do, and who comes next waits at the gate. Whoever stood or slept
 * meanwhile is woken and told to look at everything anew.
 *
 * Sign of life. A bit in owed for each thread from which one is wanted; it clears its own when it
 * begins to work, for which it is woken. A thread that is stuck in its work never does.
 */
#ifndef PGW_PROCESS_TEAM_H
#define PGW_PROCESS_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/worker/worker.h"

struct team {
	unsigned n;
	int wake_fds[WORKERS_MAX][2]; /* polled, written to */
	pthread_mutex_t gate, work[WORKERS_MAX];
	bool told[WORKERS_MAX]; /* under work[]: it is to look at everything anew */
	atomic_bool wanted, quit;
	_Atomic uint32_t owed;
};

/* team_open() - Return: 0 or -errno. */
int team_open(struct team *team, unsigned n);
void team_close(struct team *team);

/* team_wake_fd() - readable once thread @number has been woken; -1: nobody can. */
int team_wake_fd(const struct team *team, unsigned number);
/* team_wake() - from any thread. team_woken() - by the thread itself, before it looks for work. */
void team_wake(const struct team *team, unsigned number);
void team_woken(const struct team *team, unsigned number);

/* For thread 0. */
void team_stand_still(struct team *team);
void team_go_on(struct team *team);
void team_ask(struct team *team);      /* for a sign of life, of all others */
bool team_answered(struct team *team); /* all have given it; thread 0 is woken for that */
void team_dismiss(struct team *team);  /* the others are to end */

/* team_begin() - for another thread: work may begin. @told: set if it is to look at everything
 * anew. Return: false if it is to end. team_end() - nothing is touched from now on. */
bool team_begin(struct team *team, unsigned number, bool *told);
void team_end(struct team *team, unsigned number);

#endif
