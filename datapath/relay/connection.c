/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/connection.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEAVING_MS 1000u

/* A socket is put into the loop once, and stays until it is closed. */
#define EDGES (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

#define ALERT_DECODE_ERROR	50
#define ALERT_INTERNAL_ERROR	80
#define ALERT_UNRECOGNIZED_NAME 112

static void connect_next(struct connection *c);

static const char *const state_names[] = {"hello",    "connecting", "greeting",
					  "relaying", "leaving",    "ended"};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == CONNECTION_STATE_COUNT,
	      "a name each");

const char *connection_state_name(enum connection_state state)
{
	return state_names[state];
}

/* --- lists --------------------------------------------------------------------------------- */

static void leave_list(struct connection *c)
{
	struct connection_list *list = c->list;

	if (!list)
		return;
	*(c->before ? &c->before->after : &list->first) = c->after;
	*(c->after ? &c->after->before : &list->last) = c->before;
	list->n--;
	c->list = NULL;
}

static void enter_list(struct connection *c, struct connection_list *list)
{
	leave_list(c);
	c->before = list->last;
	c->after = NULL;
	*(list->last ? &list->last->after : &list->first) = c;
	list->last = c;
	list->n++;
	c->list = list;
}

/* --- the end ------------------------------------------------------------------------------- */

static void free_now(struct loop_deferred *deferred)
{
	struct connection *c =
		(struct connection *)((char *)deferred - offsetof(struct connection, freeing));

	greeting_drop(&c->greeting);
	free(c->name);
	free(c);
}

static void close_side(struct connection *c, struct loop_source *side, bool reset)
{
	const struct linger at_once = {.l_onoff = 1};

	if (side->fd >= 0 && reset)
		setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	loop_close(c->names->loop, side);
}

/* Both ends of a connection that broke in the middle get to know it. */
static bool is_break(enum reason reason)
{
	return reason == REASON_CLIENT_RESET || reason == REASON_BACKEND_RESET ||
	       reason == REASON_BACKEND_DOWN || reason == REASON_CONFIGURED ||
	       reason == REASON_IDLE || reason == REASON_CROWDED;
}

static void leave_backend(struct connection *c, bool reset)
{
	close_side(c, &c->backend, reset);
	if (c->to)
		c->to->active--;
	c->to = NULL;
}

static void count_end(struct connection *c, enum reason reason)
{
	c->names->ended[reason]++;
	if (!c->service)
		return;
	c->service->received_bytes += c->up.bytes;
	c->service->sent_bytes += c->down.bytes;
}

void connection_end(struct connection *c, enum reason reason)
{
	if (c->state == CONNECTION_ENDED)
		return;
	if (c->state != CONNECTION_LEAVING) /* that one has been counted */
		count_end(c, reason);
	c->state = CONNECTION_ENDED;
	loop_timer_stop(c->names->loop, &c->timer);
	leave_backend(c, is_break(reason));
	close_side(c, &c->client, is_break(reason));
	splice_drop(&c->up, &c->names->pool);
	splice_drop(&c->down, &c->names->pool);
	leave_list(c);
	loop_defer(c->names->loop, &c->freeing);
}

/* refuse() - say why in the client's language, then leave. @alert: 0: it does not speak TLS */
static void refuse(struct connection *c, enum reason reason, uint8_t alert)
{
	const uint8_t record[] = {21, 3, 3, 0, 2, 2, alert}; /* a fatal alert */

	count_end(c, reason);
	c->state = CONNECTION_LEAVING;
	leave_backend(c, true);
	c->service = NULL;
	greeting_drop(&c->greeting);
	enter_list(c, &c->names->hellos); /* which bounds how many of them there are */
	if (alert)
		send(c->client.fd, record, sizeof(record), MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(c->client.fd, SHUT_WR);
	loop_timer_set(c->names->loop, &c->timer, loop_now_ms(c->names->loop) + LEAVING_MS);
	if (c->client.added)
		loop_want(c->names->loop, &c->client, EPOLLIN);
	else if (loop_add(c->names->loop, &c->client, EPOLLIN))
		connection_end(c, REASON_DONE);
}

static void leaving_ready(struct connection *c)
{
	/* A bounded piece; what it goes on saying is not waited for. */
	ssize_t got =
		recv(c->client.fd, c->names->received, sizeof(c->names->received), MSG_DONTWAIT);

	if (!got || (got < 0 && errno != EAGAIN && errno != EINTR))
		connection_end(c, REASON_DONE);
}

/* --- relaying ------------------------------------------------------------------------------ */

/* Return: false if the connection has ended. */
static bool move_way(struct connection *c, struct splice_way *way, bool *more)
{
	bool up = way == &c->up, moved = false;
	int from = up ? c->client.fd : c->backend.fd, to = up ? c->backend.fd : c->client.fd;
	enum splice_result result;

	if (!splice_can_move(way))
		return true;
	result = splice_move(way, &c->names->pool, from, to, &moved);
	if (moved)
		c->active_ms = loop_now_ms(c->names->loop);
	*more |= result == SPLICE_TURN;
	if (result == SPLICE_NO_PIPE)
		connection_end(c, REASON_RESOURCES);
	else if (result == SPLICE_FROM_BROKE || result == SPLICE_TO_BROKE)
		connection_end(c, up == (result == SPLICE_FROM_BROKE) ? REASON_CLIENT_RESET
								      : REASON_BACKEND_RESET);
	else if (c->up.finished && c->down.finished)
		connection_end(c, REASON_DONE); /* which tells both */
	else if (result == SPLICE_FINISHED)
		shutdown(to, SHUT_WR);
	return c->state != CONNECTION_ENDED;
}

static void move_both(struct connection *c)
{
	bool more = false;

	if (move_way(c, &c->up, &more) && move_way(c, &c->down, &more) && more)
		loop_defer(c->names->loop, &c->turn);
}

static void take_turn(struct loop_deferred *deferred)
{
	struct connection *c =
		(struct connection *)((char *)deferred - offsetof(struct connection, turn));

	if (c->state == CONNECTION_RELAYING)
		move_both(c);
}

static void start_relaying(struct connection *c)
{
	struct loop *loop = c->names->loop;

	greeting_drop(&c->greeting);
	c->state = CONNECTION_RELAYING;
	c->active_ms = loop_now_ms(loop);
	loop_timer_set(loop, &c->timer, c->active_ms + c->names->now.idle_ms);
	move_both(c); /* what has come meanwhile */
}

/* --- the backend --------------------------------------------------------------------------- */

static void greet(struct connection *c)
{
	c->state = CONNECTION_GREETING;
	if (greeting_send(&c->greeting, c->backend.fd)) {
		connection_end(c, REASON_BACKEND_RESET);
		return;
	}
	if (c->greeting.sent < c->greeting.used)
		return;
	c->up.bytes = c->greeting.used - (c->service->proxy ? PROXY_BYTES : 0);
	start_relaying(c);
}

static void backend_failed(struct connection *c)
{
	c->tried |= 1ull << (c->to - c->service->backends);
	leave_backend(c, true);
	connect_next(c);
}

/* Return: 0 it is under way; -errno: that backend cannot be reached. */
static int start_connect(struct connection *c, const struct service_backend *backend)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(backend->port),
				 .sin_addr.s_addr = backend->addr};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), code;
	const int off = 0;

	if (fd < 0)
		return -errno;
	/* The handshake's last acknowledgement waits for the ClientHello, and goes with it. */
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS) {
		code = -errno;
		close(fd);
		return code;
	}
	c->backend.fd = fd;
	c->down = SPLICE_WAY_NONE;
	c->up.open = c->up.gathers = true;
	code = loop_add(c->names->loop, &c->backend, EDGES);
	if (code)
		loop_close(c->names->loop, &c->backend);
	return code;
}

/* Whether it is our own resources that are short, so that no other backend would do better. */
static bool is_shortage(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS ||
	       code == -ENOSPC;
}

static void connect_next(struct connection *c)
{
	struct loop *loop = c->names->loop;
	int code;

	for (;;) {
		struct service_backend *backend =
			services_pick(c->service, c->client_addr, c->tried);

		if (!backend) {
			refuse(c,
			       c->connected_once ? REASON_BACKEND_TIMEOUT
			       : c->tried	 ? REASON_BACKEND_REFUSED
						 : REASON_NO_BACKEND,
			       ALERT_INTERNAL_ERROR);
			return;
		}
		code = start_connect(c, backend);
		if (!code) {
			c->to = backend;
			backend->active++;
			c->state = CONNECTION_CONNECTING;
			loop_timer_set(loop, &c->timer, loop_now_ms(loop) + NAMES_CONNECT_MS);
			return;
		}
		if (is_shortage(code)) {
			refuse(c, REASON_RESOURCES, ALERT_INTERNAL_ERROR);
			return;
		}
		c->tried |= 1ull << (backend - c->service->backends);
	}
}

/* --- the ClientHello ----------------------------------------------------------------------- */

static void route(struct connection *c, const struct hello *hello)
{
	const struct names *names = c->names;
	const struct service_listener *listener =
		services_listener(&names->now, c->listener, c->listener_at);
	struct service *service =
		listener ? services_route(&names->now, listener, hello->name) : NULL;

	c->encrypted = hello->encrypted;
	if (*hello->name)
		c->name = strdup(hello->name); /* for show: without memory it is left out */
	if (!service) {
		refuse(c, *hello->name ? REASON_UNKNOWN_NAME : REASON_NO_NAME,
		       ALERT_UNRECOGNIZED_NAME);
		return;
	}
	if (names->routed.n >= names->routed_max) {
		refuse(c, REASON_FULL, ALERT_INTERNAL_ERROR);
		return;
	}
	c->service = service;
	service->connections++;
	if (service->proxy && !greeting_proxy(&c->greeting, c->client_addr, c->client_port,
					      service->addr, service->port)) {
		refuse(c, REASON_RESOURCES, ALERT_INTERNAL_ERROR);
		return;
	}
	enter_list(c, &c->names->routed);
	connect_next(c); /* the rest waits in its socket */
}

static void judge(struct connection *c)
{
	struct hello hello;

	if (c->greeting.used < c->hello_need)
		return;
	switch (hello_read(c->greeting.bytes, c->greeting.used, c->names->scratch, &hello)) {
	case HELLO_MORE:
		c->hello_need = hello.need;
		break;
	case HELLO_NAMED:
	case HELLO_UNNAMED:
		route(c, &hello);
		break;
	case HELLO_NOT_TLS:
		refuse(c, REASON_NOT_TLS, 0);
		break;
	case HELLO_BAD:
		refuse(c, REASON_BAD_HELLO, ALERT_DECODE_ERROR);
		break;
	case HELLO_LONG:
		refuse(c, REASON_LONG_HELLO, ALERT_DECODE_ERROR);
		break;
	}
}

static void hello_ready(struct connection *c)
{
	while (c->state == CONNECTION_HELLO) {
		/* No more than is looked at: what follows stays in the socket. */
		size_t room = HELLO_BYTES_MAX - c->greeting.used;
		ssize_t got = recv(c->client.fd, c->names->received, room, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		/* After a short piece there is nothing but what will be told. */
		c->up.ready = got == (ssize_t)room || c->up.ending;
		if (got <= 0)
			connection_end(c, REASON_HELLO_ENDED);
		else if (!greeting_keep(&c->greeting, c->names->received, (size_t)got))
			connection_end(c, REASON_RESOURCES);
		else
			judge(c);
	}
}

/* --- events -------------------------------------------------------------------------------- */

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct connection *c =
		(struct connection *)((char *)source - offsetof(struct connection, client));
	bool routed = c->state == CONNECTION_CONNECTING || c->state == CONNECTION_GREETING;

	splice_told(&c->up, true, events);
	splice_told(&c->down, false, events);
	if (c->state == CONNECTION_HELLO)
		hello_ready(c);
	else if (c->state == CONNECTION_LEAVING)
		leaving_ready(c);
	else if (events & EPOLLERR || (routed && events & EPOLLHUP))
		connection_end(c, REASON_CLIENT_RESET);
	else if (c->state == CONNECTION_RELAYING)
		move_both(c);
}

static void backend_ready(struct loop_source *source, uint32_t events)
{
	struct connection *c =
		(struct connection *)((char *)source - offsetof(struct connection, backend));

	splice_told(&c->down, true, events);
	splice_told(&c->up, false, events);
	if (c->state == CONNECTION_CONNECTING && events & (EPOLLERR | EPOLLHUP))
		backend_failed(c);
	else if (events & EPOLLERR || (c->state == CONNECTION_GREETING && events & EPOLLHUP))
		connection_end(c, REASON_BACKEND_RESET);
	else if (c->state == CONNECTION_RELAYING)
		move_both(c);
	else if (events & EPOLLOUT)
		greet(c);
}

static void timed_out(struct loop_timer *timer)
{
	struct connection *c =
		(struct connection *)((char *)timer - offsetof(struct connection, timer));
	uint64_t due_ms = c->active_ms + c->names->now.idle_ms;

	switch (c->state) {
	case CONNECTION_HELLO:
		refuse(c, REASON_HELLO_TIMEOUT, 0);
		break;
	case CONNECTION_CONNECTING:
		c->connected_once = true;
		backend_failed(c);
		break;
	case CONNECTION_RELAYING:
		if (due_ms <= loop_now_ms(c->names->loop))
			connection_end(c, REASON_IDLE);
		else
			loop_timer_set(c->names->loop, &c->timer, due_ms);
		break;
	case CONNECTION_GREETING:
		connection_end(c, REASON_BACKEND_TIMEOUT);
		break;
	default:
		connection_end(c, REASON_DONE);
		break;
	}
}

void connection_open(struct names *names, const struct service_listener *listener, int fd,
		     be32 client_addr, uint16_t client_port)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c) {
		names->ended[REASON_RESOURCES]++;
		close(fd);
		return;
	}
	c->names = names;
	c->client = (struct loop_source){.ready = client_ready, .fd = fd};
	c->backend = (struct loop_source){.ready = backend_ready, .fd = -1};
	c->timer.fire = timed_out;
	c->freeing.run = free_now;
	c->turn.run = take_turn;
	c->up = c->down = SPLICE_WAY_NONE;
	c->id = ++names->next_id;
	c->since_ms = c->active_ms = loop_now_ms(names->loop);
	c->client_addr = client_addr;
	c->client_port = client_port;
	memcpy(c->listener, listener->key, sizeof(c->listener));
	c->listener_at = (size_t)(listener - names->now.listeners);
	enter_list(c, &names->hellos);
	if (!relay_allowed(names->relay, client_addr)) {
		connection_end(c, REASON_NOT_ALLOWED);
		return;
	}
	if (loop_timer_set(names->loop, &c->timer, c->since_ms + NAMES_HELLO_MS)) {
		connection_end(c, REASON_RESOURCES);
		return;
	}
	hello_ready(c); /* often it is there already */
	if (c->client.fd >= 0 && !c->client.added && loop_add(names->loop, &c->client, EDGES))
		connection_end(c, REASON_RESOURCES);
	if (names->hellos.n > NAMES_HELLOS_MAX)
		connection_end(names->hellos.first, REASON_CROWDED);
}

void connection_follow(struct connection *c)
{
	const struct names *names = c->names;
	struct service *service;
	be32 addr;
	uint16_t port;

	if (c->state == CONNECTION_LEAVING || c->state == CONNECTION_ENDED)
		return;
	if (!relay_allowed(names->relay, c->client_addr)) {
		c->service = NULL; /* of the configuration that goes */
		c->to = NULL;
		connection_end(c, REASON_CONFIGURED);
		return;
	}
	if (!c->service)
		return; /* its listener closes with the socket; route() looks for it by its key */
	addr = c->to ? c->to->addr : 0;
	port = c->to ? c->to->port : 0;
	service = services_find(&names->now, c->service->name);
	c->to = NULL;
	c->service = service && !strcmp(service->listener, c->listener) ? service : NULL;
	if (c->service)
		c->to = services_backend(c->service, addr, port);
	if (!c->to) {
		connection_end(c, REASON_CONFIGURED);
		return;
	}
	c->to->active++;
	c->tried = 0; /* the backends may be others */
	if (!c->to->up && c->service->dead != DEAD_KEEP)
		connection_end(c, REASON_BACKEND_DOWN);
}

/* "A:P" of a socket's own end; "" where it has none. */
static void own_end(int fd, char text[ADDR_TEXT_BYTES + 6])
{
	struct sockaddr_in own = {0};
	socklen_t size = sizeof(own);
	char addr[ADDR_TEXT_BYTES];

	*text = '\0';
	if (fd >= 0 && !getsockname(fd, (struct sockaddr *)&own, &size))
		snprintf(text, ADDR_TEXT_BYTES + 6, "%s:%u", addr_text(own.sin_addr.s_addr, addr),
			 ntohs(own.sin_port));
}

json_t *connection_show(const struct connection *c)
{
	uint64_t now_ms = loop_now_ms(c->names->loop);
	char addr[ADDR_TEXT_BYTES], client[ADDR_TEXT_BYTES + 6], from[ADDR_TEXT_BYTES + 6],
		to[ADDR_TEXT_BYTES + 6] = "";
	char listener[SOCKETS_KEY];
	json_t *item;

	/* What follows the address and port is pgwd's own. */
	snprintf(listener, sizeof(listener), "%.*s", (int)strcspn(c->listener, " "), c->listener);
	snprintf(client, sizeof(client), "%s:%u", addr_text(c->client_addr, addr), c->client_port);
	own_end(c->backend.fd, from);
	if (c->to)
		snprintf(to, sizeof(to), "%s:%u", addr_text(c->to->addr, addr), c->to->port);
	item = json_pack("{s:I, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "id", (json_int_t)c->id,
			 "state", state_names[c->state], "listener", listener, "client", client,
			 "encrypted-hello", c->encrypted, "age-ms",
			 (json_int_t)(now_ms - c->since_ms), "idle-ms",
			 (json_int_t)(now_ms - c->active_ms), "rcvd-bytes", (json_int_t)c->up.bytes,
			 "sent-bytes", (json_int_t)c->down.bytes);
	if (!item)
		return NULL;
	if (c->service)
		json_object_set_new(item, "service", json_string(c->service->name));
	if (c->name)
		json_object_set_new(item, "name", json_string(c->name));
	if (*from)
		json_object_set_new(item, "source", json_string(from));
	if (*to)
		json_object_set_new(item, "backend", json_string(to));
	return item;
}
