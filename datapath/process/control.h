/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the datapath's end of the channel to pgwd: who may connect, what is answered and told,
 * what the threads wait for. What pgwd hands over is kept in holdings.h.
 *
 * All is the first thread's, but for control_ports() and control_log(), which each thread calls for
 * itself while it works (team.h).
 */
#ifndef PGW_PROCESS_CONTROL_H
#define PGW_PROCESS_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/policy/snapshot.h"

struct control;
struct forward;
struct team;
struct worker;
struct worker_status;

struct control_error {
	char text[200];
};

/**
 * control_create() - check the listening socket and make the workers with all their memory
 * @listen_fd: listening SOCK_SEQPACKET socket; stays the caller's
 * @workers: from 1 to WORKERS_MAX
 * Return: 0, or -errno with @error set.
 */
int control_create(struct control **control, int listen_fd, unsigned workers,
		   struct control_error *error);
void control_destroy(struct control *control);

struct worker *control_worker(struct control *control); /* the lead */
struct team *control_team(struct control *control);
/* control_forward() - worker @number, for the thread that runs it. */
void control_forward(struct control *control, unsigned number, struct forward *forward);

/* What the loop waits for besides its ports; -1 where there is none. */
struct control_fds {
	int listen, channel, events;
	bool channel_write; /* wait for room on the channel too */
};

/**
 * control_fds() - Return: true if @fds or a port was changed since the last call (or by it, the
 * first)
 */
bool control_fds(struct control *control, struct control_fds *fds);

/* control_ports() - set those of worker @number in @forward; none until there are a flow table and
 * a snapshot: nothing to forward by. */
void control_ports(const struct control *control, unsigned number, struct forward *forward);

/* Each takes a bounded piece of what its descriptor has. */
void control_accept(struct control *control);
void control_channel(struct control *control, uint64_t now_ns);
void control_events(struct control *control, uint64_t now_ns);
/* control_alive() - tell pgwd that all threads come round, if it has asked and they do. */
void control_alive(struct control *control);

/* control_report() - tell pgwd what a worker_work() call has brought about. */
void control_report(struct control *control, const struct worker_status *status);

/* control_log() - for worker @number: wake the session log's reader if it is time.
 * Return: when to call this again, UINT64_MAX: after the worker's next work. */
uint64_t control_log(struct control *control, unsigned number);

/* control_quit() - Return: true once pgwd has asked for the end. */
bool control_quit(const struct control *control);

#endif
