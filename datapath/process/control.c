/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the conversation with pgwd: one connection at a time, a question and its answer at a
 * time, and what is told unasked. What is asked and handed over is for holdings.h to judge.
 *
 * A message that is no question ends its connection. Only root and this process's own user may
 * connect; a new connection replaces the old one.
 *
 * What a question or an event of the kernel changes, it changes while all workers stand (team.h).
 * Workers ask for neighbours, and wake the log's reader, from their own threads: @lock is for what
 * that meets, the channel's descriptor, @asks and the log's @woken_*. A single worker takes no
 * lock.
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
#include "datapath/process/forward.h"
#include "datapath/process/holdings.h"
#include "datapath/process/team.h"
#include "datapath/worker/worker.h"

#define MESSAGES_AT_ONCE 64u

struct control {
	int listen_fd, channel_fd;
	struct holdings holdings;
	bool fds_changed;		     /* one of ours; holdings.changed: one of theirs */
	struct channel_message swept, ended; /* found no room; type 0: there is none */
	bool alive_due;			     /* pgwd waits for a sign of life of all threads */
	struct asks asks;
	struct team team;
	pthread_mutex_t lock;
	/* The context of a worker's requests. */
	struct control_seat {
		struct control *control;
		uint64_t now_ns;  /* as its thread last read the clock */
		uint8_t line[48]; /* each thread writes to a cache line of its own */
	} seat[WORKERS_MAX];
};

static void lock(struct control *c)
{
	if (c->team.n > 1)
		pthread_mutex_lock(&c->lock);
}

static void unlock(struct control *c)
{
	if (c->team.n > 1)
		pthread_mutex_unlock(&c->lock);
}

static void ask_to_resolve(void *context, uint32_t ifindex, be32 addr)
{
	const struct control_seat *seat = context;
	struct control *c = seat->control;
	struct channel_message message = {.type = CHANNEL_RESOLVE};

	message.u.resolve.ifindex = ifindex;
	message.u.resolve.addr = addr;
	lock(c);
	/* If pgwd does not read, the worker will ask again. */
	if (c->channel_fd >= 0 && asks_admit(&c->asks, ifindex, addr, seat->now_ns) &&
	    channel_send(c->channel_fd, &message, NULL, 0))
		asks_forget(&c->asks, ifindex, addr);
	unlock(c);
}

static void wake(void *context, unsigned number)
{
	const struct control_seat *seat = context;

	team_wake(&seat->control->team, number);
}

static void set_channel(struct control *c, int fd)
{
	lock(c);
	c->channel_fd = fd;
	unlock(c);
	c->fds_changed = true;
}

static void close_channel(struct control *c)
{
	int fd = c->channel_fd;

	if (fd < 0)
		return;
	set_channel(c, -1);
	close(fd);
	/* The next pgwd learns the state from HELLO. */
	c->swept.type = c->ended.type = 0;
	c->alive_due = false;
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

int control_create(struct control **control, int listen_fd, unsigned workers,
		   struct control_error *error)
{
	struct worker_options options[WORKERS_MAX] = {0};
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
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		c->seat[i].control = c;
		options[i].context = &c->seat[i];
		options[i].resolve = ask_to_resolve;
		options[i].wake = wake;
	}
	err = team_open(&c->team, workers);
	if (err)
		goto out_free;
	pthread_mutex_init(&c->lock, NULL); /* Linux's cannot fail */
	err = holdings_create(&c->holdings, options, workers);
	if (err)
		goto out_team;
	/* So that a connection which is gone again cannot make accept4() wait. */
	if (fcntl(listen_fd, F_SETFL, O_NONBLOCK)) {
		err = -errno;
		goto out_holdings;
	}
	*control = c;
	return 0;

out_holdings:
	holdings_destroy(&c->holdings);
out_team:
	team_close(&c->team);
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
	team_close(&c->team);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void control_alive(struct control *c)
{
	const struct channel_message alive = {.type = CHANNEL_ALIVE};

	if (!c->alive_due || !team_answered(&c->team))
		return;
	c->alive_due = false;
	/* One that does not read has to ask again. */
	(void)channel_send(c->channel_fd, &alive, NULL, 0);
}

/* answer_to() - Return: false if the connection must end. */
static bool answer_to(struct control *c, const struct channel_message *message, int *fds)
{
	struct holdings_answer answer = {.n_fds = 0};
	bool question;

	if (message->type == CHANNEL_PING && c->team.n > 1 && !message->fds) {
		c->alive_due = true;
		team_ask(&c->team);
		return true;
	}
	team_stand_still(&c->team);
	question = holdings_answer(&c->holdings, message, fds, c->seat[0].now_ns, &answer);
	team_go_on(&c->team);
	return question && !channel_send(c->channel_fd, &answer.message, answer.fds, answer.n_fds);
}

/* What finds no room is kept until there is. */
static void tell(struct control *c, struct channel_message *message)
{
	if (channel_send(c->channel_fd, message, NULL, 0) != -EAGAIN)
		message->type = 0;
	c->fds_changed = true;
}

void control_channel(struct control *c, uint64_t now_ns)
{
	c->seat[0].now_ns = now_ns;
	if (c->channel_fd >= 0 && c->swept.type)
		tell(c, &c->swept);
	if (c->channel_fd >= 0 && c->ended.type)
		tell(c, &c->ended);
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
	set_channel(c, fd);
}

void control_events(struct control *c, uint64_t now_ns)
{
	c->seat[0].now_ns = now_ns;
	team_stand_still(&c->team);
	events_read(c->holdings.events, now_ns);
	team_go_on(&c->team);
}

bool control_fds(struct control *c, struct control_fds *fds)
{
	if (!c->fds_changed && !c->holdings.changed)
		return false;
	c->fds_changed = c->holdings.changed = false;
	*fds = (struct control_fds){
		.listen = c->listen_fd,
		.channel = c->channel_fd,
		.channel_write = c->swept.type || c->ended.type,
		.events = events_fd(c->holdings.events),
	};
	return true;
}

void control_ports(const struct control *c, unsigned number, struct forward *forward)
{
	const struct holdings *h = &c->holdings;

	forward->n_ports = forward->n_more = 0;
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX && h->table.memory && h->snapshot.memory; i++) {
		if (h->port_fds[number][i] < 0)
			continue;
		forward->ports[forward->n_ports++] =
			(struct forward_port){.fd = h->port_fds[number][i], .index = (uint8_t)i};
		if (!number && h->xdp_fds[i] >= 0)
			forward->more[forward->n_more++] = h->xdp_fds[i];
	}
}

void control_forward(struct control *c, unsigned number, struct forward *forward)
{
	*forward = (struct forward){
		.worker = c->holdings.member[number],
		.counters = &c->holdings.page->worker[number],
		.now_ns = &c->seat[number].now_ns,
		.several = c->team.n > 1,
	};
	control_ports(c, number, forward);
}

void control_report(struct control *c, const struct worker_status *status)
{
	if (c->channel_fd < 0)
		return;
	if (status->swept) {
		/* One that is still waiting is replaced: only the last revision matters, but no
		 * ended flow may be forgotten. */
		uint64_t before = c->swept.type ? c->swept.u.swept.ended : 0;

		c->swept = (struct channel_message){.type = CHANNEL_SWEPT};
		c->swept.u.swept.revision = status->swept_revision;
		c->swept.u.swept.ended = status->swept_ended + before;
		tell(c, &c->swept);
	}
	if (status->ended) {
		c->ended = (struct channel_message){.type = CHANNEL_ENDED};
		c->ended.u.ended.number = status->ended_number;
		c->ended.u.ended.ended = status->ended_flows;
		tell(c, &c->ended);
	}
}

uint64_t control_log(struct control *c, unsigned number)
{
	uint64_t due_ns;

	lock(c);
	due_ns = log_wake(&c->holdings.log, c->seat[number].now_ns);
	unlock(c);
	return due_ns;
}

bool control_quit(const struct control *c)
{
	return c->holdings.quit;
}

struct worker *control_worker(struct control *c)
{
	return c->holdings.member[0];
}

struct team *control_team(struct control *c)
{
	return &c->team;
}
