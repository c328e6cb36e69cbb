/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/ctl/user.h"

#define LISTENER       SERVER_CLIENTS_MAX /* the first one's number among the epoll data */
#define EVENTS_BATCH   16
#define LINES_PER_TURN 16  /* requests of one client before the others have their turn */
#define REST_MS	       100 /* without descriptors, before a connection is tried again */

enum client_state { CLIENT_ASKING, CLIENT_ANSWERING, CLIENT_SWEEPING, CLIENT_MONITORING };

struct client {
	int fd;
	unsigned number; /* its place in server.clients */
	enum client_state state;
	struct request_peer peer;
	struct frame_in in;
	struct frame_out out;
	struct request_result result; /* sweeping: what will be answered */
	int64_t deadline_ms;	      /* answering, sweeping */
	uint32_t watched;	      /* epoll events asked for */
};

struct listener { /* one a role */
	int fd;	  /* -1: closed */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct server {
	int epoll;
	int spare; /* given up to take, and refuse, a connection for which there is no descriptor */
	struct listener listeners[REQUEST_ROLE_API + 1];
	const struct request_ops *ops;
	void *gateway;
	int64_t now_ms;	 /* of the last server_work() or server_expire() */
	int64_t rest_ms; /* until when the listeners are not watched; 0: they are */
	struct client *clients[SERVER_CLIENTS_MAX];
};

static void client_close(struct server *server, struct client *client)
{
	server->clients[client->number] = NULL;
	close(client->fd);
	frame_in_free(&client->in);
	frame_out_free(&client->out);
	request_result_free(&client->result);
	free(client);
}

/* Level-triggered: watches only what the state can act on, or the loop would spin. */
static void client_watch(struct server *server, struct client *client)
{
	struct epoll_event event = {.data.u32 = client->number};

	if (client->state == CLIENT_ASKING || client->state == CLIENT_MONITORING)
		event.events |= EPOLLIN;
	if (frame_waiting(&client->out))
		event.events |= EPOLLOUT;
	if (event.events == client->watched)
		return;
	if (!epoll_ctl(server->epoll, EPOLL_CTL_MOD, client->fd, &event))
		client->watched = event.events;
}

/* Writes what can be written. Return: false if the client is gone. */
static bool client_flush(struct server *server, struct client *client)
{
	int code = frame_flush(&client->out, client->fd);

	if (code && code != -EAGAIN) {
		client_close(server, client);
		return false;
	}
	if (!code && client->state == CLIENT_ANSWERING)
		client->state = CLIENT_ASKING;
	client_watch(server, client);
	return true;
}

/* What holds already when a monitor comes. */
static void first_events(struct client *client, const json_t *events)
{
	for (size_t i = 0; i < json_array_size(events); i++) {
		char *text = ctl_event_line(NULL, json_array_get(events, i));

		if (text)
			frame_put(&client->out, text, strlen(text));
		free(text);
	}
}

/* Queues the answer and writes what can be written. Return: false if the client is gone. */
static bool client_answer(struct server *server, struct client *client, int code,
			  struct request_result *result)
{
	char *text = request_answer(code, result);
	size_t length = text ? strlen(text) : 0;

	if (!text || length >= FRAME_ANSWER_BYTES_MAX || frame_put(&client->out, text, length)) {
		ctl_log(TOLD_CONTROL, LOG_ERR,
			"answer of %zu bytes to pid %d cannot be sent: out of memory or "
			"longer than %u bytes; its connection is closed",
			length, client->peer.pid, FRAME_ANSWER_BYTES_MAX);
		free(text);
		client_close(server, client);
		return false;
	}
	free(text);
	frame_put_fds(&client->out, result->fds, result->n_fds);
	result->n_fds = 0;
	if (!code && result->monitor)
		first_events(client, result->events);
	client->state = !code && result->monitor ? CLIENT_MONITORING : CLIENT_ANSWERING;
	client->deadline_ms = server->now_ms + SERVER_STALL_MS;
	request_result_free(result);
	return client_flush(server, client);
}

static bool client_request(struct server *server, struct client *client, const char *line,
			   size_t length)
{
	struct request_result result;
	int code =
		request_handle(line, length, server->ops, server->gateway, &client->peer, &result);

	if (!code && (result.sweep || result.ending)) {
		client->result = result;
		client->state = CLIENT_SWEEPING;
		client->deadline_ms =
			server->now_ms + (result.ending ? SERVER_ENDING_MS : SERVER_SWEEP_MS);
		client_watch(server, client);
		return true;
	}
	return client_answer(server, client, code, &result);
}

static void client_too_long(struct server *server, struct client *client)
{
	struct request_result result = {.answer = NULL};
	char *text;

	/* The rest of the line is not worth reading, so this connection ends. */
	request_failed(&result, -EMSGSIZE, "a request line is at most %u bytes long",
		       FRAME_REQUEST_BYTES_MAX);
	text = request_answer(-EMSGSIZE, &result);
	if (text && !frame_put(&client->out, text, strlen(text)))
		frame_flush(&client->out, client->fd);
	free(text);
	ctl_log(TOLD_CONTROL, LOG_WARNING,
		"control client pid %d sent a line of more than %u bytes; closed", client->peer.pid,
		FRAME_REQUEST_BYTES_MAX);
	client_close(server, client);
}

/* Return: false if the client is gone. */
static bool client_discard(struct server *server, struct client *client)
{
	char bytes[4096];
	ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return true;
	client_close(server, client);
	return false;
}

/* Whether something of it lies in memory that has not been looked at; epoll does not see it. */
static bool client_has_input(const struct client *client)
{
	return client->state == CLIENT_ASKING && client->in.scanned < client->in.end;
}

/* One turn: some of the lines that have come. Those left over have theirs in server_expire(),
 * so that a client that sends without pause does not keep us from the others. */
static void client_turn(struct server *server, struct client *client)
{
	if (client->state == CLIENT_MONITORING) {
		client_discard(server, client);
		return;
	}
	if (client->state == CLIENT_ASKING && !client_has_input(client)) {
		int code = frame_fill(&client->in, client->fd, FRAME_REQUEST_BYTES_MAX, NULL);

		if (code == -EAGAIN || code == -EINTR)
			return;
		if (code == -EMSGSIZE) {
			client_too_long(server, client);
			return;
		}
		if (code <= 0) {
			client_close(server, client);
			return;
		}
	}
	for (unsigned lines = 0; lines < LINES_PER_TURN && client->state == CLIENT_ASKING;
	     lines++) {
		size_t length;
		char *line = frame_line(&client->in, &length);

		if (!line || !client_request(server, client, line, length))
			return;
	}
}

static void client_ready(struct server *server, struct client *client, uint32_t events)
{
	if (events & EPOLLERR) {
		client_close(server, client);
		return;
	}
	/* Hung up while we do not read from it: nobody waits for the answer any more. */
	if ((events & EPOLLHUP) && client->state != CLIENT_ASKING) {
		client_close(server, client);
		return;
	}
	if (frame_waiting(&client->out) && !client_flush(server, client))
		return;
	if ((events & EPOLLIN) || client_has_input(client))
		client_turn(server, client);
}

static int peer_of(int fd, struct request_peer *peer)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length))
		return -errno;
	peer->pid = credentials.pid;
	peer->uid = credentials.uid;
	return 0;
}

static void refuse(int fd)
{
	static const char text[] = "{\"ok\":false,\"error\":\"too many control connections or "
				   "files are open: try again in a moment\",\"code\":\"busy\"}\n";

	if (send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		ctl_log(TOLD_CONTROL, LOG_INFO,
			"a control connection was refused and its client is gone");
	close(fd);
}

static int take_connection(struct server *server, enum request_role role)
{
	return accept4(server->listeners[role].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void listeners_watch(struct server *server, uint32_t events)
{
	for (unsigned role = 0; role <= REQUEST_ROLE_API; role++) {
		struct epoll_event event = {.events = events, .data.u32 = LISTENER + role};

		if (server->listeners[role].fd >= 0)
			(void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listeners[role].fd,
					&event);
	}
}

/* No descriptor is left. One that cannot be taken would keep the listener readable, and the loop
 * awake, until there is: if it cannot even be refused, all of them wait for a while. */
static void refuse_next(struct server *server, enum request_role role)
{
	int fd;

	if (server->spare >= 0)
		close(server->spare);
	fd = take_connection(server, role);
	if (fd >= 0) {
		ctl_log(TOLD_CONTROL, LOG_WARNING,
			"no descriptor is left for a control connection; refused");
		refuse(fd);
	} else if (errno == EMFILE || errno == ENFILE) {
		server->rest_ms = server->now_ms + REST_MS;
		listeners_watch(server, 0);
	}
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static unsigned clients_of(const struct server *server, enum request_role role)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		n += server->clients[i] && server->clients[i]->peer.role == role;
	return n;
}

static void server_accept(struct server *server, enum request_role role)
{
	int fd = take_connection(server, role);
	struct epoll_event event = {.events = EPOLLIN};
	struct client *client;
	unsigned number = 0;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		refuse_next(server, role);
	if (fd < 0)
		return;
	while (number < SERVER_CLIENTS_MAX && server->clients[number])
		number++;
	if (number == SERVER_CLIENTS_MAX ||
	    (role == REQUEST_ROLE_API && clients_of(server, role) >= SERVER_API_CLIENTS_MAX)) {
		ctl_log(TOLD_CONTROL, LOG_WARNING,
			"more than %u control connections%s; the newest was refused",
			role == REQUEST_ROLE_API ? SERVER_API_CLIENTS_MAX : SERVER_CLIENTS_MAX,
			role == REQUEST_ROLE_API ? " of the API" : "");
		refuse(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	event.data.u32 = number;
	if (!client || peer_of(fd, &client->peer) ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(client);
		refuse(fd);
		return;
	}
	client->fd = fd;
	client->number = number;
	client->watched = EPOLLIN;
	client->peer.role = role;
	server->clients[number] = client;
}

/* Gives the group of @user the socket at @path, if there is such a user. */
static int share(const char *path, const char *user)
{
	uid_t uid;
	gid_t gid;
	int code = user ? user_find(user, &uid, &gid) : -ENOENT;

	if (code)
		return code == -ENOENT ? 0 : code;
	return chown(path, (uid_t)-1, gid) || chmod(path, 0660) ? -errno : 0;
}

static int listen_at(struct server *server, enum request_role role, const char *path,
		     const char *user, struct ctl_error *error)
{
	struct listener *listener = &server->listeners[role];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = LISTENER + role};
	mode_t mask;
	int code;

	if (strlen(path) >= sizeof(listener->path)) {
		snprintf(error->text, sizeof(error->text),
			 "control socket %s: the path is longer than %zu bytes", path,
			 sizeof(listener->path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path));
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		goto failed;
	if (unlink(path) && errno != ENOENT)
		goto failed;
	mask = umask(0177); /* never, not even for a moment, open to others */
	code = bind(listener->fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (code)
		goto failed;
	snprintf(listener->path, sizeof(listener->path), "%s", path);
	if (share(path, user) || listen(listener->fd, SOMAXCONN) ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, listener->fd, &event))
		goto failed;
	return 0;
failed:
	code = -errno;
	snprintf(error->text, sizeof(error->text), "control socket %s: %s", path, strerror(-code));
	return code;
}

int server_open(struct server **out, const char *path, const struct request_ops *ops, void *gateway,
		struct ctl_error *error)
{
	struct server *server = calloc(1, sizeof(*server));
	int code;

	*out = NULL;
	memset(error, 0, sizeof(*error));
	if (!server) {
		snprintf(error->text, sizeof(error->text), "control socket: out of memory");
		return -ENOMEM;
	}
	for (unsigned role = 0; role <= REQUEST_ROLE_API; role++)
		server->listeners[role].fd = -1;
	server->ops = ops;
	server->gateway = gateway;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server->epoll < 0) {
		code = -errno;
		snprintf(error->text, sizeof(error->text), "control socket: %s", strerror(-code));
	} else {
		code = listen_at(server, REQUEST_ROLE_OPERATOR, path, NULL, error);
	}
	if (code)
		server_close(server);
	else
		*out = server;
	return code;
}

int server_open_api(struct server *server, const char *path, const char *user,
		    struct ctl_error *error)
{
	memset(error, 0, sizeof(*error));
	return listen_at(server, REQUEST_ROLE_API, path, user, error);
}

void server_close(struct server *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->clients[i])
			client_close(server, server->clients[i]);
	for (unsigned role = 0; role <= REQUEST_ROLE_API; role++) {
		struct listener *listener = &server->listeners[role];

		if (listener->fd >= 0)
			close(listener->fd);
		if (*listener->path)
			unlink(listener->path);
	}
	if (server->spare >= 0)
		close(server->spare);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->epoll;
}

void server_work(struct server *server, int64_t now_ms)
{
	struct epoll_event events[EVENTS_BATCH];
	int n = epoll_wait(server->epoll, events, EVENTS_BATCH, 0);

	server->now_ms = now_ms;
	for (int i = 0; i < n; i++) {
		uint32_t number = events[i].data.u32;

		if (number >= LISTENER)
			server_accept(server, (enum request_role)(number - LISTENER));
		else if (server->clients[number])
			client_ready(server, server->clients[number], events[i].events);
	}
}

static bool has_deadline(const struct client *client)
{
	return client->state == CLIENT_SWEEPING || client->state == CLIENT_ANSWERING;
}

int64_t server_due_ms(const struct server *server)
{
	int64_t due_ms = server->rest_ms ? server->rest_ms : INT64_MAX;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		const struct client *client = server->clients[i];

		if (client && client_has_input(client))
			return 0;
		if (client && has_deadline(client) && client->deadline_ms < due_ms)
			due_ms = client->deadline_ms;
	}
	return due_ms;
}

/* Sends the answer that waited for a sweep. */
static void sweep_answer(struct server *server, struct client *client, int code)
{
	struct request_result result = client->result;

	memset(&client->result, 0, sizeof(client->result));
	client_answer(server, client, code, &result);
}

void server_expire(struct server *server, int64_t now_ms)
{
	server->now_ms = now_ms;
	if (server->rest_ms && server->rest_ms <= now_ms) {
		server->rest_ms = 0;
		listeners_watch(server, EPOLLIN);
	}
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];

		if (client && client_has_input(client)) {
			client_turn(server, client);
			continue;
		}
		if (!client || !has_deadline(client) || client->deadline_ms > now_ms)
			continue;
		if (client->state == CLIENT_SWEEPING) {
			sweep_answer(server, client, 0);
			continue;
		}
		ctl_log(TOLD_CONTROL, LOG_WARNING,
			"control client pid %d did not read its answer for %d s; closed",
			client->peer.pid, SERVER_STALL_MS / 1000);
		client_close(server, client);
	}
}

static void client_event(struct server *server, struct client *client, const char *text,
			 size_t length)
{
	if (frame_waiting(&client->out) + length >= SERVER_EVENTS_BYTES_MAX ||
	    frame_put(&client->out, text, length)) {
		ctl_log(TOLD_CONTROL, LOG_WARNING,
			"monitor pid %d does not read its events; closed", client->peer.pid);
		client_close(server, client);
		return;
	}
	client_flush(server, client);
}

void server_event(struct server *server, enum ctl_event event, json_t *members)
{
	char *text = ctl_event_line(ctl_event_name(event), members);

	json_decref(members);
	for (unsigned i = 0; text && i < SERVER_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];

		if (client && client->state == CLIENT_MONITORING)
			client_event(server, client, text, strlen(text));
	}
	free(text);
}

void server_swept(struct server *server, uint64_t revision, uint64_t ended)
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];

		if (!client || client->state != CLIENT_SWEEPING || !client->result.sweep ||
		    client->result.sweep > revision)
			continue;
		json_object_set_new(client->result.answer, "sessions-ended",
				    json_integer((json_int_t)ended));
		sweep_answer(server, client, 0);
	}
}

void server_ended(struct server *server, uint64_t number, uint64_t ended, int code,
		  const struct ctl_error *error)
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];

		if (!client || client->state != CLIENT_SWEEPING || client->result.ending != number)
			continue;
		if (code)
			client->result.error = *error;
		else
			json_object_set_new(client->result.answer, "ended",
					    json_integer((json_int_t)ended));
		sweep_answer(server, client, code);
	}
}
