/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ctl/log.h"

#define READS_PER_TURN 8u

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

static void set_state(struct conn *conn, enum conn_state state, int64_t bound_ms)
{
	conn->state = state;
	conn->deadline_ms = bound_ms < 0 ? INT64_MAX : conn->shared->now_ms + bound_ms;
}

static void die(struct conn *conn)
{
	set_state(conn, CONN_DEAD, -1);
}

struct conn *conn_open(struct conn_shared *shared, int fd, const struct exchange_origin *origin,
		       struct stream_identity *identity)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn || stream_open(&conn->stream, fd, identity)) {
		free(conn);
		close(fd);
		return NULL;
	}
	conn->shared = shared;
	conn->origin = *origin;
	conn->since_ms = shared->now_ms;
	set_state(conn, CONN_HANDSHAKE, CONN_HANDSHAKE_MS);
	return conn;
}

static void drop_request(struct conn *conn)
{
	if (conn->exchange) {
		exchange_cancel(conn->exchange);
		exchange_free(conn->exchange);
		free(conn->exchange);
		conn->exchange = NULL;
	}
	if (conn->http) {
		http_free(conn->http);
		free(conn->http);
		conn->http = NULL;
	}
}

void conn_free(struct conn *conn)
{
	drop_request(conn);
	stream_close(&conn->stream);
	free(conn->rest);
	free(conn->out);
	free(conn);
}

static void put_out(struct conn *conn, char *text, size_t bytes)
{
	conn->out = text;
	conn->out_bytes = bytes;
	conn->out_sent = 0;
	set_state(conn, CONN_WRITING, CONN_WRITE_MS);
}

/* The answer goes out; the request is done with. */
static void answer(struct conn *conn)
{
	struct exchange *exchange = conn->exchange;
	const struct http *http = conn->http;
	size_t bytes;
	char *text;

	conn->close_after = http->state == HTTP_BAD || !http->keep_alive;
	text = reply_text(&exchange->reply, exchange->query_id, !conn->close_after,
			  strcmp(http->method, "HEAD") == 0, &bytes);
	/* No query: it may hold anything. */
	ctl_log(TOLD_API_CALL, LOG_INFO, "api: %s %s %s %s %.*s %u", exchange->query_id,
		conn->origin.from, *exchange->by ? exchange->by : "-",
		*http->method ? http->method : "-", (int)strcspn(http->target, "?"),
		*http->target ? http->target : "-", exchange->reply.status);
	exchange_free(exchange);
	free(exchange);
	conn->exchange = NULL;
	drop_request(conn);
	if (text)
		put_out(conn, text, bytes);
	else
		die(conn);
}

static void on_done(struct exchange *exchange, void *context)
{
	struct conn *conn = context;
	int64_t hold_ms = 0;

	if (exchange->unproven)
		hold_ms = penalty_take(&conn->shared->penalty, conn->origin.from,
				       conn->shared->now_ms);
	if (hold_ms < 0) {
		conn->http->keep_alive = false;
		reply_error(&exchange->reply, 429, NULL,
			    "Too many requests of this address could not be authenticated; try "
			    "again later");
		hold_ms = PENALTY_HELD_MS;
	}
	if (hold_ms > 0)
		set_state(conn, CONN_HELD, hold_ms);
	else
		answer(conn);
	if (conn->busy)
		return;
	if (!conn->moved)
		conn->shared->moved[conn->shared->n_moved++] = conn;
	conn->moved = true;
	conn_work(conn);
}

static void begin_exchange(struct conn *conn)
{
	conn->exchange = calloc(1, sizeof(*conn->exchange));
	if (!conn->exchange) {
		die(conn);
		return;
	}
	set_state(conn, CONN_ASKING, -1);
	*conn->exchange = (struct exchange){.upstreams = &conn->shared->upstreams,
					    .http = conn->http,
					    .origin = conn->origin,
					    .done = on_done,
					    .context = conn,
					    .now_ms = conn->shared->now_ms};
	exchange_begin(conn->exchange);
}

static void keep_rest(struct conn *conn, const char *bytes, size_t n)
{
	char *copy = n ? malloc(n) : NULL;

	if (n && !copy) {
		die(conn);
		return;
	}
	if (n)
		memcpy(copy, bytes, n);
	free(conn->rest);
	conn->rest = copy;
	conn->rest_bytes = n;
}

static void take_bytes(struct conn *conn, const char *bytes, size_t n)
{
	size_t taken;

	if (!conn->http) {
		conn->http = malloc(sizeof(*conn->http));
		if (!conn->http) {
			die(conn);
			return;
		}
		http_init(conn->http);
		conn->since_ms = conn->shared->now_ms;
		set_state(conn, CONN_READING, CONN_REQUEST_MS);
	}
	taken = http_feed(conn->http, bytes, n);
	/* Nothing behind a bad request is to be believed. */
	keep_rest(conn, bytes + taken, conn->http->state == HTTP_WHOLE ? n - taken : 0);
	if (conn->state == CONN_DEAD)
		return;
	if (conn->http->state != HTTP_READING) {
		begin_exchange(conn);
	} else if (conn->http->wants_go) {
		char *text = strdup(go_on);

		conn->http->wants_go = false;
		if (text) {
			int64_t deadline_ms = conn->deadline_ms;

			put_out(conn, text, sizeof(go_on) - 1);
			conn->interim = true;
			conn->deadline_ms = deadline_ms;
		}
	}
}

/* Return: whether there is more to do at once. */
static bool read_some(struct conn *conn)
{
	ssize_t got;

	if (conn->rest_bytes) {
		char *rest = conn->rest;
		size_t n = conn->rest_bytes;

		conn->rest = NULL;
		conn->rest_bytes = 0;
		take_bytes(conn, rest, n);
		free(rest);
		return true;
	}
	got = stream_read(&conn->stream, conn->shared->buffer, sizeof(conn->shared->buffer));
	if (got == -EAGAIN)
		return false;
	if (got <= 0) {
		die(conn);
		return false;
	}
	take_bytes(conn, conn->shared->buffer, (size_t)got);
	return true;
}

static void wrote_all(struct conn *conn)
{
	free(conn->out);
	conn->out = NULL;
	if (conn->interim) {
		int64_t deadline_ms = conn->deadline_ms;

		conn->interim = false;
		set_state(conn, CONN_READING, 0);
		conn->deadline_ms = deadline_ms;
	} else if (conn->close_after) {
		stream_end(&conn->stream);
		set_state(conn, CONN_LINGERING, CONN_LINGER_MS);
	} else {
		conn->since_ms = conn->shared->now_ms;
		set_state(conn, CONN_READING, CONN_IDLE_MS);
	}
}

static bool write_some(struct conn *conn)
{
	ssize_t sent = stream_write(&conn->stream, conn->out + conn->out_sent,
				    conn->out_bytes - conn->out_sent);

	if (sent == -EAGAIN)
		return false;
	if (sent < 0) {
		die(conn);
		return false;
	}
	conn->out_sent += (size_t)sent;
	if (conn->out_sent == conn->out_bytes)
		wrote_all(conn);
	return true;
}

static bool linger(struct conn *conn)
{
	ssize_t got = recv(conn->stream.fd, conn->shared->buffer, sizeof(conn->shared->buffer),
			   MSG_DONTWAIT);

	if (got > 0)
		return true;
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		die(conn);
	return false;
}

static bool shake_hands(struct conn *conn)
{
	int code = stream_handshake(&conn->stream);

	if (code == -EAGAIN)
		return false;
	if (code) {
		die(conn);
		return false;
	}
	set_state(conn, CONN_READING, CONN_IDLE_MS);
	return true;
}

/* Return: whether there is more to do at once. */
static bool step(struct conn *conn)
{
	switch (conn->state) {
	case CONN_HANDSHAKE:
		return shake_hands(conn);
	case CONN_READING:
		return read_some(conn);
	case CONN_WRITING:
		return write_some(conn);
	case CONN_LINGERING:
		return linger(conn);
	case CONN_ASKING:
	case CONN_HELD:
	case CONN_DEAD:
		break;
	}
	return false;
}

void conn_work(struct conn *conn)
{
	conn->busy = true;
	/* The others have their turn, too; but what lies decrypted here, epoll does not see. */
	for (unsigned turn = 0; step(conn); turn++)
		if (turn >= READS_PER_TURN && !conn->rest_bytes && !stream_pending(&conn->stream))
			break;
	conn->busy = false;
}

void conn_expire(struct conn *conn)
{
	if (conn->state == CONN_HELD) {
		answer(conn);
		conn_work(conn);
		return;
	}
	die(conn);
}

uint32_t conn_events(const struct conn *conn)
{
	switch (conn->state) {
	case CONN_HANDSHAKE:
		return conn->stream.wants_write ? EPOLLOUT : EPOLLIN;
	case CONN_READING:
	case CONN_LINGERING:
		return EPOLLIN;
	case CONN_WRITING:
		return EPOLLOUT;
	case CONN_ASKING:
	case CONN_HELD:
	case CONN_DEAD:
		break;
	}
	return 0;
}

bool conn_may_go(const struct conn *conn)
{
	/* Also one whose answer is not read: an honest client's is on its way for a moment only. */
	return conn->state == CONN_HANDSHAKE || conn->state == CONN_READING ||
	       conn->state == CONN_WRITING || conn->state == CONN_LINGERING ||
	       conn->state == CONN_HELD;
}
