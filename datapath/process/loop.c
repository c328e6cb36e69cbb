/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop - the first thread: wait, forward (forward.h), serve control.
 *
 * When there is nothing to do the loop sleeps until the worker's next timer, for ever if there is
 * none: an idle gateway uses no processor time.
 */
#include "datapath/process/loop.h"

#include <poll.h>

#include "datapath/process/control.h"
#include "datapath/process/forward.h"
#include "datapath/process/team.h"
#include "datapath/worker/worker.h"

enum {
	AT_LISTEN,
	AT_CHANNEL,
	AT_EVENTS,
	AT_WAKE,
	AT_PORTS,
};

struct loop {
	struct control *control;
	struct control_fds fds;
	struct pollfd polled[AT_PORTS + FORWARD_POLLED];
	struct worker_status status;
	struct forward forward;
};

static void arrange_polled(struct loop *l)
{
	struct team *team = control_team(l->control);

	if (!control_fds(l->control, &l->fds))
		return;
	l->polled[AT_LISTEN] = (struct pollfd){.fd = l->fds.listen, .events = POLLIN};
	l->polled[AT_CHANNEL] = (struct pollfd){
		.fd = l->fds.channel,
		.events = l->fds.channel_write ? POLLIN | POLLOUT : POLLIN,
	};
	l->polled[AT_EVENTS] = (struct pollfd){.fd = l->fds.events, .events = POLLIN};
	l->polled[AT_WAKE] = (struct pollfd){.fd = team_wake_fd(team, 0), .events = POLLIN};
	control_ports(l->control, 0, &l->forward);
	forward_poll(&l->forward, l->polled + AT_PORTS);
}

/* serve_control() - Return: true if something may have changed for the worker. */
static bool serve_control(struct loop *l)
{
	uint64_t now_ns = *l->forward.now_ns;
	bool any = false;

	forward_heard(&l->forward, l->polled + AT_PORTS);
	if (l->polled[AT_WAKE].revents) {
		team_woken(control_team(l->control), 0);
		control_alive(l->control);
		any = true;
	}
	if (l->polled[AT_EVENTS].revents) {
		control_events(l->control, now_ns);
		any = true;
	}
	if (l->polled[AT_CHANNEL].revents) {
		control_channel(l->control, now_ns);
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
		.status.next_ns = UINT64_MAX,
	};

	control_forward(control, 0, &l.forward);
	while (!control_quit(control)) {
		uint64_t log_ns;
		bool worked;
		int err;

		arrange_polled(&l);
		err = forward_wait(&l.forward, l.polled, AT_PORTS + forward_polled(&l.forward),
				   l.status.next_ns);
		if (err)
			return err;
		forward_clock(&l.forward);
		worked = serve_control(&l);
		arrange_polled(&l);
		worked |= forward_all(&l.forward);
		if (worked || *l.forward.now_ns >= l.status.next_ns) {
			worker_work(l.forward.worker, *l.forward.now_ns, &l.status);
			control_report(control, &l.status);
			log_ns = control_log(control, 0);
			if (log_ns < l.status.next_ns)
				l.status.next_ns = log_ns;
			forward_end_pause(&l.forward);
		}
	}
	return 0;
}
