/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the conversation with pgwd: one connection at a time, a question and its answer at a
 * time, and what is told unasked. What is asked and handed over is for holdings.h to judge.
 *
 * A message that is no question ends its connection. Only root and this process's own user may
 * connect; a new connection replaces the old one.
 */
#include "datapath/process/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/process/asks.h"
#include "datapath/process/channel.h"
#include "datapath/process/events.h"
#include "datapath/process/holdings.h"
#include "datapath/worker/worker.h"

#define MESSAGES_AT_ONCE 64u

struct control {
	int listen_fd, channel_fd;
	struct holdings holdings;
	bool fds_changed; /* one of ours; holdings.changed: one of theirs */
	bool swept;	  /* there is a SWEPT message that found no room */
	uint64_t swept_revision, swept_ended;
	uint64_t now_ns;
	struct asks asks;
};

static void ask_to_resolve(void *context, uint32_t ifindex, be32 addr)
{
	struct control *c = context;
	struct channel_message message = {.type = CHANNEL_RESOLVE};

	if (c->channel_fd < 0 || !asks_admit(&c->asks, ifindex, addr, c->now_ns))
		return;
	message.u.resolve.ifindex = ifindex;
	message.u.resolve.addr = addr;
	/* If pgwd does not read, the worker will ask again. */
	if (channel_send(c->channel_fd, &message, NULL, 0))
		asks_forget(&c->asks, ifindex, addr);
}

static void close_channel(struct control *c)
{
	if (c->channel_fd < 0)
		return;
	close(c->channel_fd);
	c->channel_fd = -1;
	c->fds_changed = true;
	/* The next pgwd learns the state from HELLO. */
	c->swept = false;
}

static bool is_listening_seqpacket(int fd)
{
	static const struct {
		int option, wanted;
	} checks[] = {{SO_DOMAIN, AF_UNIX}, {SO_TYPE, SOCK_SEQPACKET}, {SO_ACCEPTCONN, 1}};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int value = -1;
		socklen_t bytes = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, checks[i].option, &value, &bytes) ||
		    value != checks[i].wanted)
			return false;
	}
	return true;
}

int control_create(struct control **control, int listen_fd, struct control_error *error)
{
	struct control *c;
	int err;

	if (!is_listening_seqpacket(listen_fd)) {
		snprintf(error->text, sizeof(error->text),
			 "descriptor %d is not pgwd's listening socket: pgw-datapath is started by "
			 "pgwd, start that instead",
			 listen_fd);
		return -ENOTSOCK;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		err = -ENOMEM;
		goto out_error;
	}
	c->listen_fd = listen_fd;
	c->channel_fd = -1;
	c->fds_changed = true;
	err = holdings_create(&c->holdings, ask_to_resolve, c);
	if (err)
		goto out_free;
	/* So that a connection which is gone again cannot make accept4() wait. */
	if (fcntl(listen_fd, F_SETFL, O_NONBLOCK)) {
		err = -errno;
		goto out_holdings;
	}
	*control = c;
	return 0;

out_holdings:
	holdings_destroy(&c->holdings);
out_free:
	free(c);
out_error:
	snprintf(error->text, sizeof(error->text), "cannot start: %s", strerror(-err));
	return err;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	close_channel(c);
	holdings_destroy(&c->holdings);
	free(c);
}

/* answer_to() - Return: false if the connection must end. */
static bool answer_to(struct control *c, const struct channel_message *message, int *fds)
{
	struct holdings_answer answer = {.n_fds = 0};

	if (!holdings_answer(&c->holdings, message, fds, c->now_ns, &answer))
		return false;
	return !channel_send(c->channel_fd, &answer.message, answer.fds, answer.n_fds);
}

static void send_swept(struct control *c)
{
	struct channel_message message = {.type = CHANNEL_SWEPT};
	int err;

	message.u.swept.revision = c->swept_revision;
	message.u.swept.ended = c->swept_ended;
	err = channel_send(c->channel_fd, &message, NULL, 0);
	if ((err == -EAGAIN) != c->swept) {
		c->swept = err == -EAGAIN;
		c->fds_changed = true;
	}
}

void control_channel(struct control *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->channel_fd >= 0 && c->swept)
		send_swept(c);
	for (unsigned i = 0; i < MESSAGES_AT_ONCE && c->channel_fd >= 0 && !c->holdings.quit; i++) {
		struct channel_message message;
		int fds[CHANNEL_FDS_MAX];
		int got = channel_receive(c->channel_fd, &message, fds);

		if (got == -EAGAIN)
			return;
		if (got != 1 || !answer_to(c, &message, fds))
			close_channel(c);
		for (unsigned n = 0; n < CHANNEL_FDS_MAX; n++) {
			if (fds[n] >= 0)
				close(fds[n]);
		}
	}
}

static bool may_control(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

void control_accept(struct control *c)
{
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!may_control(fd)) {
		close(fd);
		return;
	}
	close_channel(c);
	c->channel_fd = fd;
	c->fds_changed = true;
}

void control_events(struct control *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	events_read(c->holdings.events, now_ns);
}

bool control_fds(struct control *c, struct control_fds *fds)
{
	const struct holdings *h = &c->holdings;

	if (!c->fds_changed && !h->changed)
		return false;
	c->fds_changed = c->holdings.changed = false;
	*fds = (struct control_fds){
		.listen = c->listen_fd,
		.channel = c->channel_fd,
		.channel_write = c->swept,
		.events = events_fd(h->events),
	};
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX && h->table.memory && h->snapshot.memory; i++) {
		if (h->port_fds[i] < 0)
			continue;
		fds->ports[fds->n_ports].fd = h->port_fds[i];
		fds->ports[fds->n_ports++].index = (uint8_t)i;
		if (h->xdp_fds[i] >= 0)
			fds->more[fds->n_more++] = h->xdp_fds[i];
	}
	return true;
}

void control_port_error(int fd)
{
	int error;
	socklen_t bytes = sizeof(error);

	/* Reading clears it; the link's state comes from rtnetlink. */
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

void control_time(struct control *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
}

void control_count_wakeup(struct control *c)
{
	c->holdings.page->worker.wakeups++;
}

void control_count_pause(struct control *c, uint64_t ns)
{
	counters_pause(&c->holdings.page->worker, ns);
}

void control_report(struct control *c, const struct worker_status *status)
{
	if (!status->swept || c->channel_fd < 0)
		return;
	/* One that is still waiting is replaced: only the last revision matters, but no ended
	 * flow may be forgotten. */
	c->swept_ended = status->swept_ended + (c->swept ? c->swept_ended : 0);
	c->swept_revision = status->swept_revision;
	send_swept(c);
}

uint64_t control_log(struct control *c)
{
	return log_wake(&c->holdings.log, c->now_ns);
}

bool control_quit(const struct control *c)
{
	return c->holdings.quit;
}

struct worker *control_worker(struct control *c)
{
	return c->holdings.worker;
}
