/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/ctl/log.h"

#define EVENTS_BATCH	 64
#define ACCEPTS_BATCH	 64u
#define TICK_MS		 250 /* how exact deadlines of connections are */
#define SETTINGS_WAIT_MS 10000

/* epoll data: a listener's number, or a connection's place behind them */
#define FIRST_CONN SETTINGS_LISTENERS_MAX

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *string_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* A new certificate for those who come from now on. Return: false if it is of no use. */
static bool set_identity(struct serve_listener *listener, const json_t *settings)
{
	const char *why;
	struct stream_identity *identity = stream_identity_new(string_of(settings, "certificate"),
							       string_of(settings, "key"), &why);

	if (!identity) {
		ctl_log(TOLD_API, LOG_ERR, "api: certificate of port %u: %s", listener->port, why);
		return false;
	}
	stream_identity_put(listener->identity);
	listener->identity = identity;
	return true;
}

static int add_listener(struct serve *serve, unsigned i, const json_t *settings)
{
	struct serve_listener *listener = &serve->listeners[i];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

	*listener = (struct serve_listener){
		.fd = SETTINGS_FD_LISTEN + (int)i,
		.tls = json_is_true(json_object_get(settings, "tls")),
		.port = (uint16_t)json_integer_value(json_object_get(settings, "port")),
	};
	if (listener->tls && !set_identity(listener, settings))
		return -EINVAL;
	if (epoll_ctl(serve->epoll, EPOLL_CTL_ADD, listener->fd, &event))
		return -errno;
	serve->n_listeners = i + 1;
	return 0;
}

static int first_settings(struct serve *serve, const json_t *list)
{
	int code = 0;

	upstream_init(&serve->shared.upstreams.read, SETTINGS_FD_READ);
	upstream_init(&serve->shared.upstreams.change, SETTINGS_FD_CHANGE);
	for (unsigned i = 0; !code && i < json_array_size(list); i++)
		code = add_listener(serve, i, json_array_get(list, i));
	serve->settled = !code;
	return code;
}

static int take_settings(struct serve *serve, const char *line, size_t length)
{
	json_t *settings = json_loadb(line, length, 0, NULL);
	const json_t *list = json_object_get(settings, "listeners");
	int code = 0;

	if (!json_is_object(settings) || json_array_size(list) > SETTINGS_LISTENERS_MAX) {
		code = -EPROTO;
	} else if (!serve->settled) {
		code = first_settings(serve, list);
	} else {
		for (unsigned i = 0; i < serve->n_listeners; i++)
			if (serve->listeners[i].tls)
				set_identity(&serve->listeners[i], json_array_get(list, i));
		ctl_log(TOLD_API, LOG_NOTICE, "api: certificates have been read again");
	}
	json_decref(settings);
	return code;
}

/* What pgwd says. Return: 0; -ESHUTDOWN it has closed; other -errno: it makes no sense. */
static int read_life(struct serve *serve)
{
	int code = frame_fill(&serve->life, SETTINGS_FD_LIFE, FRAME_REQUEST_BYTES_MAX, NULL);
	char *line;
	size_t length;

	if (code == -EAGAIN || code == -EINTR)
		return 0;
	if (code <= 0)
		return code ? code : -ESHUTDOWN;
	code = 0;
	while (!code && (line = frame_line(&serve->life, &length)))
		code = take_settings(serve, line, length);
	return code;
}

int serve_open(struct serve *serve, unsigned max)
{
	int code = 0;

	memset(serve, 0, sizeof(*serve));
	serve->max = max < SERVE_CONNECTIONS_MAX ? max : SERVE_CONNECTIONS_MAX;
	serve->conns = calloc(serve->max, sizeof(struct conn *));
	serve->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!serve->conns || serve->epoll < 0 || stream_global()) {
		ctl_log(TOLD_API, LOG_ERR, "api: it cannot start: out of memory or descriptors");
		return -ENOMEM;
	}
	while (!code && !serve->settled) {
		struct pollfd life = {.fd = SETTINGS_FD_LIFE, .events = POLLIN};

		code = poll(&life, 1, SETTINGS_WAIT_MS) == 1 ? read_life(serve) : -ETIMEDOUT;
	}
	if (code)
		ctl_log(TOLD_API, LOG_ERR, "api: no settings from pgwd: %s", strerror(-code));
	return code;
}

static void watch(struct serve *serve, struct conn *conn)
{
	struct epoll_event event = {.events = conn_events(conn),
				    .data.u32 = conn->place + FIRST_CONN};

	if (event.events == conn->watched)
		return;
	if (!epoll_ctl(serve->epoll, EPOLL_CTL_MOD, conn->stream.fd, &event))
		conn->watched = event.events;
}

/* The last one takes its place; epoll has to know it by its new one. */
static void remove_conn(struct serve *serve, struct conn *conn)
{
	struct conn *last = serve->conns[--serve->n];

	serve->conns[serve->n] = NULL;
	if (last != conn) {
		serve->conns[conn->place] = last;
		last->place = conn->place;
		last->watched = ~0u;
		watch(serve, last);
	}
	conn_free(conn);
}

static void make_room(struct serve *serve)
{
	struct conn *oldest = NULL;

	for (unsigned i = 0; i < serve->n; i++)
		if (conn_may_go(serve->conns[i]) &&
		    (!oldest || serve->conns[i]->since_ms < oldest->since_ms))
			oldest = serve->conns[i];
	if (oldest)
		remove_conn(serve, oldest);
}

static void origin_of(const struct serve_listener *listener, const struct sockaddr_in *peer,
		      struct exchange_origin *origin)
{
	*origin = (struct exchange_origin){.tls = listener->tls, .port = listener->port};
	if (!listener->port || peer->sin_family != AF_INET ||
	    !inet_ntop(AF_INET, &peer->sin_addr, origin->from, sizeof(origin->from)))
		memcpy(origin->from, "unix", sizeof("unix"));
}

static void add_conn(struct serve *serve, const struct serve_listener *listener, int fd,
		     const struct sockaddr_in *peer)
{
	static const int one = 1;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = serve->n + FIRST_CONN};
	struct exchange_origin origin;
	struct conn *conn;

	if (serve->n == serve->max) {
		close(fd); /* all of them are being served */
		return;
	}
	origin_of(listener, peer, &origin);
	if (listener->port)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn = conn_open(&serve->shared, fd, &origin, listener->tls ? listener->identity : NULL);
	if (!conn)
		return;
	if (epoll_ctl(serve->epoll, EPOLL_CTL_ADD, fd, &event)) {
		conn_free(conn);
		return;
	}
	conn->watched = EPOLLIN;
	conn->place = serve->n;
	serve->conns[serve->n++] = conn;
}

static void accept_some(struct serve *serve, const struct serve_listener *listener)
{
	for (unsigned i = 0; i < ACCEPTS_BATCH; i++) {
		struct sockaddr_in peer = {.sin_family = AF_UNSPEC};
		socklen_t bytes = sizeof(peer);
		int fd;

		if (serve->n == serve->max)
			make_room(serve);
		fd = accept4(listener->fd, (struct sockaddr *)&peer, &bytes,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			make_room(serve);
			return;
		}
		if (fd < 0)
			return;
		add_conn(serve, listener, fd, &peer);
	}
}

/* Connections that are to be looked at after an event; those that died meanwhile are removed. */
static void conn_event(struct conn *conn, uint32_t events)
{
	bool waits = conn->state == CONN_ASKING || conn->state == CONN_HELD;

	if (waits && !(events & (EPOLLHUP | EPOLLERR)))
		return;
	if (waits) /* nobody is left to be answered */
		conn->state = CONN_DEAD;
	else
		conn_work(conn);
}

static void settle(struct serve *serve, struct conn *conn)
{
	if (conn->state == CONN_DEAD)
		remove_conn(serve, conn);
	else
		watch(serve, conn);
}

/*
 * Events name places, and places change when a connection is removed: so all of a batch are
 * looked up first, and removed only behind it.
 */
static void work_batch(struct serve *serve)
{
	struct epoll_event events[EVENTS_BATCH];
	struct conn *conns[EVENTS_BATCH] = {NULL};
	int n = epoll_wait(serve->epoll, events, EVENTS_BATCH, 0);

	for (int i = 0; i < n; i++)
		if (events[i].data.u32 >= FIRST_CONN && events[i].data.u32 - FIRST_CONN < serve->n)
			conns[i] = serve->conns[events[i].data.u32 - FIRST_CONN];
	for (int i = 0; i < n; i++)
		if (conns[i])
			conn_event(conns[i], events[i].events);
	for (int i = 0; i < n; i++) {
		if (conns[i])
			settle(serve, conns[i]);
	}
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 < serve->n_listeners)
			accept_some(serve, &serve->listeners[events[i].data.u32]);
}

/* Those that answers from upstream have moved on. */
static void settle_moved(struct serve *serve)
{
	struct conn_shared *shared = &serve->shared;

	for (unsigned i = 0; i < shared->n_moved; i++) {
		shared->moved[i]->moved = false;
		settle(serve, shared->moved[i]);
	}
	shared->n_moved = 0;
}

/* Those whose time has come. */
static void look_at_all(struct serve *serve)
{
	for (unsigned i = serve->n; i-- > 0;) {
		struct conn *conn = serve->conns[i];

		if (conn->deadline_ms > serve->shared.now_ms)
			continue;
		conn_expire(conn);
		settle(serve, conn);
	}
}

static int timeout_ms(const struct serve *serve)
{
	/* Nothing is due without connections: what waits upstream belongs to one. */
	return serve->n ? TICK_MS : -1;
}

void serve_loop(struct serve *serve)
{
	struct upstream *read = &serve->shared.upstreams.read;
	struct upstream *change = &serve->shared.upstreams.change;
	int64_t looked_ms = 0;

	for (;;) {
		enum { CLIENTS, LIFE, READ, CHANGE, WAITED };
		struct pollfd fds[WAITED] = {
			[CLIENTS] = {.fd = serve->epoll, .events = POLLIN},
			[LIFE] = {.fd = SETTINGS_FD_LIFE, .events = POLLIN},
			[READ] = {.fd = read->fd, .events = upstream_events(read)},
			[CHANGE] = {.fd = change->fd, .events = upstream_events(change)},
		};
		if (poll(fds, WAITED, timeout_ms(serve)) < 0 && errno != EINTR) {
			ctl_log(TOLD_API, LOG_ERR, "api: poll: %s: ending", strerror(errno));
			return;
		}
		serve->shared.now_ms = clock_ms();
		if (fds[LIFE].revents && read_life(serve))
			return;
		if (fds[READ].revents)
			upstream_work(read);
		if (fds[CHANGE].revents)
			upstream_work(change);
		settle_moved(serve);
		if (read->broken || change->broken)
			return;
		if (fds[CLIENTS].revents)
			work_batch(serve);
		if (looked_ms + TICK_MS <= serve->shared.now_ms) {
			upstream_expire(read, serve->shared.now_ms);
			upstream_expire(change, serve->shared.now_ms);
			settle_moved(serve);
			look_at_all(serve);
			looked_ms = serve->shared.now_ms;
		}
	}
}
