/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the datapath's end of the channel to pgwd: who may connect, what is answered and told,
 * what the loop waits for. What pgwd hands over is kept in holdings.h.
 */
#ifndef PGW_PROCESS_CONTROL_H
#define PGW_PROCESS_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/policy/snapshot.h"

struct control;
struct worker;
struct worker_status;

struct control_error {
	char text[200];
};

/**
 * control_create() - check the listening socket and make the worker with all its memory
 * @listen_fd: listening SOCK_SEQPACKET socket; stays the caller's
 * Return: 0, or -errno with @error set.
 */
int control_create(struct control **control, int listen_fd, struct control_error *error);
void control_destroy(struct control *control);

struct worker *control_worker(struct control *control);

/* What the loop waits for; -1 where there is none. */
struct control_fds {
	int listen, channel, events;
	bool channel_write; /* wait for room on the channel too */
	uint32_t n_ports; /* 0 until there are a flow table and a snapshot: nothing to forward by */
	struct {
		int fd;
		uint8_t index; /* portgroup index */
	} ports[SNAPSHOT_PORTS_MAX];
	uint32_t n_more;
	int more[SNAPSHOT_PORTS_MAX]; /* ports' second descriptors: waited for, too */
};

/**
 * control_fds() - Return: true if @fds was changed since the last call (or by it, the first)
 */
bool control_fds(struct control *control, struct control_fds *fds);

/* Each takes a bounded piece of what its descriptor has. */
void control_accept(struct control *control);
void control_channel(struct control *control, uint64_t now_ns);
void control_events(struct control *control, uint64_t now_ns);
/* control_port_error() - poll reported an error of port @fd: a link that went down. Clears it. */
void control_port_error(int fd);

/* control_time() - the time of what the worker asks for from now on. */
void control_time(struct control *control, uint64_t now_ns);
void control_count_wakeup(struct control *control);
/* control_count_pause() - the rings were left alone for @ns, though not for want of work. */
void control_count_pause(struct control *control, uint64_t ns);
/* control_report() - tell pgwd what a worker_work() call has brought about. */
void control_report(struct control *control, const struct worker_status *status);

/* control_log() - wake the session log's reader if it is time.
 * Return: when to call this again, UINT64_MAX: after the worker's next work. */
uint64_t control_log(struct control *control);

/* control_quit() - Return: true once pgwd has asked for the end. */
bool control_quit(const struct control *control);

#endif
