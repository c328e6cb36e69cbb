/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint_stream - one TCP connection to an endpoint, carried by a channel of a tunnel.
 *
 *   OPENING  the connector has not confirmed the channel; nothing is read from the client. If the
 *            connector refuses or dies now, another one is tried, each once: nothing has been
 *            lost yet.
 *   OPEN     both directions flow.
 *   LINGER   the channel is gone; what it brought last is still being given to the client.
 *   GONE     closed; freed at the end of the round.
 *
 * Client to connector: read straight into the packet that is sent, and only as much as window and
 * output have room for, so nothing is kept here. Connector to client: written at once; what the
 * client does not take waits in out, and its bytes are granted to the connector again only when
 * they have gone. So out never holds more than the channel's window.
 *
 * A client that ends its direction: told to OpenSSH as EOF. Not to a Cloud Connector, which
 * would tear down both directions; there the end of the whole connection has to come from the
 * server, from the client's host (probe_client()), or from time (half_ms).
 *
 * Time: the timer runs at the earliest time that matters and looks again; bytes only note that
 * they have moved.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "datapath/relay/tunnel.h"

#define ACCEPTS_AT_ONCE 64u
#define READS_AT_ONCE	8u
#define TRIES_MAX	4u
#define WINDOW_SMALL	(64u * 1024)
/* With this much waiting for slow clients new channels get a small window. */
#define WAITING_MUCH (64u * 1024 * 1024)

enum stream_state { STREAM_OPENING, STREAM_OPEN, STREAM_LINGER, STREAM_GONE };

struct endpoint_stream {
	enum endpoint_user user; /* ENDPOINT_STREAM */
	enum stream_state state;
	struct loop_source source;
	struct loop_timer timer;
	struct loop_deferred release;
	struct tunnel_part *part;
	struct tunnel_link *link; /* NULL in LINGER and GONE */
	struct endpoint_offer *offer;
	struct ssh_channel *channel;
	LIST_ENTRY(endpoint_stream) of_link;
	struct ssh_buffer out;
	uint64_t active_ms, until_ms;
	struct sockaddr_in peer;
	uint64_t asked[TRIES_MAX]; /* ids of links, this one's among them */
	uint8_t tries;
	bool heard;	      /* a byte of the connector */
	bool client_ended;    /* reads nothing more */
	bool connector_ended; /* after out, our direction ends */
	bool finished;	      /* it has ended */
	bool blocked;	      /* no room in the tunnel */
};

#define STREAM_OF(pointer, member)                                                                 \
	((struct endpoint_stream *)((char *)(pointer)-offsetof(struct endpoint_stream, member)))

static uint64_t now_ms(const struct endpoint_stream *stream)
{
	return loop_now_ms(stream->part->loop);
}

static void release(struct loop_deferred *deferred)
{
	free(STREAM_OF(deferred, release));
}

/* detach() - from its tunnel */
static void detach(struct endpoint_stream *stream)
{
	if (!stream->link)
		return;
	LIST_REMOVE(stream, of_link);
	stream->link->n_streams--;
	if (stream->offer)
		stream->offer->connections--;
	if (stream->channel) {
		ssh_channel_close(stream->link->ssh, stream->channel);
		tunnel_link_flush(stream->link);
	}
	stream->channel = NULL;
	stream->offer = NULL;
	stream->link = NULL;
}

static void gone(struct endpoint_stream *stream)
{
	if (stream->state == STREAM_GONE)
		return;
	detach(stream);
	stream->state = STREAM_GONE;
	loop_remove(stream->part->loop, &stream->source);
	loop_timer_stop(stream->part->loop, &stream->timer);
	close(stream->source.fd);
	stream->part->waiting_bytes -= ssh_buffer_size(&stream->out);
	ssh_buffer_free(&stream->out);
	stream->part->n_streams--;
	loop_defer(stream->part->loop, &stream->release);
}

/* reset() - the client is to see that it did not end well */
static void reset(struct endpoint_stream *stream)
{
	const struct linger at_once = {.l_onoff = 1};

	if (stream->state == STREAM_GONE)
		return;
	setsockopt(stream->source.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	gone(stream);
}

static void want(struct endpoint_stream *stream)
{
	uint32_t events = 0;

	if (stream->state == STREAM_GONE)
		return;
	if (stream->state == STREAM_OPEN && !stream->client_ended && !stream->blocked)
		events |= EPOLLIN;
	if (ssh_buffer_size(&stream->out))
		events |= EPOLLOUT;
	loop_want(stream->part->loop, &stream->source, events);
}

static void wait_until(struct endpoint_stream *stream, uint64_t until_ms)
{
	stream->until_ms = until_ms;
	loop_timer_set(stream->part->loop, &stream->timer, until_ms);
}

/* --- connector to client ------------------------------------------------------------------- */

/* after_output() - out has gone empty, or was never filled */
static void after_output(struct endpoint_stream *stream)
{
	if (ssh_buffer_size(&stream->out))
		return;
	if (stream->state == STREAM_LINGER) {
		gone(stream);
	} else if (stream->connector_ended && !stream->finished) {
		stream->finished = true;
		shutdown(stream->source.fd, SHUT_WR);
	}
}

/* give() - Return: bytes that the client took, 0: none now, -1: it is gone */
static long give(struct endpoint_stream *stream, const uint8_t *data, size_t n)
{
	ssize_t put = send(stream->source.fd, data, n, MSG_NOSIGNAL);

	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (put < 0) {
		gone(stream);
		return -1;
	}
	stream->active_ms = now_ms(stream);
	if (stream->channel)
		ssh_channel_consumed(stream->link->ssh, stream->channel, (size_t)put);
	return put;
}

static void give_waiting(struct endpoint_stream *stream)
{
	while (ssh_buffer_size(&stream->out)) {
		long put =
			give(stream, ssh_buffer_data(&stream->out), ssh_buffer_size(&stream->out));

		if (put < 0)
			return;
		if (put == 0)
			break;
		stream->part->waiting_bytes -= (size_t)put;
		ssh_buffer_consume(&stream->out, (size_t)put);
	}
	if (stream->link)
		tunnel_link_flush(stream->link); /* what was granted again */
	after_output(stream);
}

void endpoint_stream_data(struct endpoint_stream *stream, const uint8_t *data, size_t n)
{
	long put = 0;

	stream->heard = true;
	stream->offer->endpoint->traffic.bytes_in += n;
	stream->link->stage->traffic.bytes_in += n;
	if (!ssh_buffer_size(&stream->out))
		put = give(stream, data, n);
	if (put < 0 || (size_t)put == n)
		return;
	if (ssh_buffer_append(&stream->out, data + put, n - (size_t)put)) {
		reset(stream);
		return;
	}
	stream->part->waiting_bytes += n - (size_t)put;
	want(stream);
}

void endpoint_stream_eof(struct endpoint_stream *stream)
{
	stream->connector_ended = true;
	wait_until(stream, now_ms(stream) + stream->part->half_ms);
	after_output(stream);
}

/* not_served() - count it, and keep why; @why: of the connector's own words only what is text */
static void not_served(struct endpoint_stream *stream, const char *why)
{
	struct tunnel_link *link = stream->link;

	link->traffic.failed++;
	link->stage->traffic.failed++;
	snprintf(link->error, sizeof(link->error), "port %u: %s", stream->offer->endpoint->port,
		 why);
	for (char *c = link->error; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

void endpoint_stream_closed(struct endpoint_stream *stream)
{
	bool incomplete = stream->state == STREAM_OPENING;

	/* A Cloud Connector confirms first and connects then; this is how it says that it cannot.
	 */
	if (stream->link->chisel && !stream->heard && !stream->client_ended) {
		not_served(stream, "the connector closed a connection before any byte came");
		stream->offer->endpoint->traffic.failed++;
	}
	stream->channel = NULL;
	detach(stream);
	if (incomplete) {
		reset(stream);
		return;
	}
	stream->state = STREAM_LINGER;
	stream->active_ms = now_ms(stream);
	wait_until(stream, stream->active_ms + TUNNEL_LINGER_MS);
	after_output(stream);
	want(stream);
}

/* --- client to connector ------------------------------------------------------------------- */

/* probe_client() - find out soon whether it is still there, at all: probes of the kernel are
 * answered by a socket that has only ended its direction, and after a minute not by one that was
 * closed. */
static void probe_client(struct endpoint_stream *stream)
{
	const int idle_s = 30, interval_s = 15;

	setsockopt(stream->source.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(stream->source.fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
}

static void client_ended(struct endpoint_stream *stream)
{
	stream->client_ended = true;
	if (stream->link->chisel)
		probe_client(stream);
	else
		ssh_channel_eof(stream->link->ssh, stream->channel);
	tunnel_link_flush(stream->link);
	if (stream->finished) /* both directions */
		gone(stream);
	else
		wait_until(stream, now_ms(stream) + stream->part->half_ms);
}

/* take() - Return: true if there may be more */
static bool take(struct endpoint_stream *stream)
{
	struct ssh *ssh = stream->link->ssh;
	size_t room = ssh_channel_room(ssh, stream->channel);
	uint8_t *place;
	ssize_t got;
	int error;

	stream->blocked = room == 0;
	if (!room)
		return false;
	place = ssh_channel_fill(ssh, stream->channel, room);
	if (!place) {
		reset(stream);
		return false;
	}
	got = recv(stream->source.fd, place, room, 0);
	error = errno;
	ssh_channel_filled(ssh, stream->channel, got > 0 ? (size_t)got : 0);
	if (got > 0) {
		stream->active_ms = now_ms(stream);
		stream->link->traffic.bytes_out += (uint64_t)got;
		stream->link->stage->traffic.bytes_out += (uint64_t)got;
		stream->offer->endpoint->traffic.bytes_out += (uint64_t)got;
		tunnel_link_flush(stream->link);
		return (size_t)got == room;
	}
	if (got == 0)
		client_ended(stream);
	else if (error != EAGAIN && error != EINTR)
		gone(stream);
	return false;
}

static void take_some(struct endpoint_stream *stream)
{
	for (unsigned i = 0; i < READS_AT_ONCE; i++)
		if (!take(stream))
			return;
}

void endpoint_stream_writable(struct endpoint_stream *stream)
{
	if (stream->state != STREAM_OPEN || stream->client_ended)
		return;
	stream->blocked = false;
	take_some(stream);
	want(stream);
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct endpoint_stream *stream = STREAM_OF(source, source);

	if (events & EPOLLOUT)
		give_waiting(stream);
	if (stream->state == STREAM_OPEN && events & EPOLLIN && !stream->client_ended)
		take_some(stream);
	/* Reset, or ended in both directions: reading would say so, but we may not be reading. */
	if (events & (EPOLLERR | EPOLLHUP) && stream->state != STREAM_GONE &&
	    (events & EPOLLERR || stream->client_ended || stream->state != STREAM_OPEN ||
	     stream->blocked))
		gone(stream);
	want(stream);
}

/* --- its channel --------------------------------------------------------------------------- */

/* ask() - this connector for a channel; Return: 0, -1: it has none to give */
static int ask(struct endpoint_stream *stream, struct endpoint_offer *offer)
{
	struct tunnel_link *link = offer->link;
	uint32_t window =
		stream->part->waiting_bytes > WAITING_MUCH ? WINDOW_SMALL : SSH_WINDOW_BYTES;
	uint8_t extra[CHISEL_HOST_BYTES + 64];
	struct ssh_writer writer = {.data = extra, .capacity = sizeof(extra)};
	char peer[INET_ADDRSTRLEN];

	if (link->chisel) {
		ssh_put_bytes(&writer, offer->target, strlen(offer->target));
	} else {
		inet_ntop(AF_INET, &stream->peer.sin_addr, peer, sizeof(peer));
		ssh_put_string(&writer, offer->listen_host);
		ssh_put_u32(&writer, offer->endpoint->port);
		ssh_put_string(&writer, peer);
		ssh_put_u32(&writer, ntohs(stream->peer.sin_port));
	}
	stream->channel =
		ssh_channel_open(link->ssh, link->chisel ? CHISEL_CHANNEL : "forwarded-tcpip",
				 (struct ssh_text){extra, writer.size}, window, stream);
	if (!stream->channel)
		return -1;
	stream->link = link;
	stream->offer = offer;
	LIST_INSERT_HEAD(&link->streams, stream, of_link);
	link->n_streams++;
	offer->connections++;
	link->traffic.connections++;
	offer->endpoint->traffic.connections++;
	link->stage->traffic.connections++;
	tunnel_link_flush(link);
	return 0;
}

/* try() - some connector; Return: false if there is none, and the stream is gone */
static bool try_endpoint(struct endpoint_stream *stream, struct endpoint *endpoint)
{
	while (stream->tries < TRIES_MAX) {
		struct endpoint_offer *offer =
			endpoint_choose(endpoint, stream->asked, stream->tries);

		if (!offer)
			break;
		stream->asked[stream->tries++] = offer->link->id;
		if (!ask(stream, offer))
			return true;
	}
	endpoint->traffic.failed++;
	reset(stream);
	return false;
}

void endpoint_stream_opened(struct endpoint_stream *stream)
{
	stream->state = STREAM_OPEN;
	stream->active_ms = now_ms(stream);
	wait_until(stream, stream->active_ms + stream->part->idle_ms);
	want(stream);
}

/* elsewhere() - its connector does not serve it: the next one may */
static void elsewhere(struct endpoint_stream *stream)
{
	struct endpoint *endpoint = stream->offer->endpoint;

	detach(stream);
	try_endpoint(stream, endpoint);
}

void endpoint_stream_refused(struct endpoint_stream *stream, struct ssh_text why)
{
	char text[128];

	snprintf(text, sizeof(text), "the connector could not connect: %.*s",
		 (int)(why.size < 80 ? why.size : 80), (const char *)why.data);
	not_served(stream, text);
	stream->channel = NULL; /* gone already */
	elsewhere(stream);
}

void endpoint_streams_end(struct tunnel_link *link, struct endpoint_offer *only)
{
	struct endpoint_stream *stream = LIST_FIRST(&link->streams);

	while (stream) {
		struct endpoint_stream *next = LIST_NEXT(stream, of_link);

		if (only && stream->offer != only)
			;
		else if (stream->state == STREAM_OPENING) {
			not_served(stream, "it was withdrawn before it served a connection");
			elsewhere(stream);
		} else
			reset(stream);
		stream = next;
	}
}

void endpoint_streams_recheck(struct tunnel_link *link)
{
	struct endpoint_stream *stream = LIST_FIRST(&link->streams);

	while (stream) {
		struct endpoint_stream *next = LIST_NEXT(stream, of_link);

		if (!tunnel_stage_admits(link->stage, stream->peer.sin_addr.s_addr))
			reset(stream);
		stream = next;
	}
}

/* --- time ---------------------------------------------------------------------------------- */

static void fire(struct loop_timer *timer)
{
	struct endpoint_stream *stream = STREAM_OF(timer, timer);
	bool half = stream->client_ended || stream->connector_ended;
	uint64_t idle_ms = half ? stream->part->half_ms : stream->part->idle_ms;

	switch (stream->state) {
	case STREAM_OPENING:
		not_served(stream, "the connector did not answer");
		elsewhere(stream);
		if (stream->state == STREAM_OPENING)
			wait_until(stream, now_ms(stream) + TUNNEL_CONNECT_MS);
		return;
	case STREAM_OPEN:
		if (now_ms(stream) - stream->active_ms >= idle_ms)
			reset(stream);
		else
			wait_until(stream, stream->active_ms + idle_ms);
		return;
	case STREAM_LINGER:
		if (now_ms(stream) - stream->active_ms >= TUNNEL_LINGER_MS)
			reset(stream);
		else
			wait_until(stream, stream->active_ms + TUNNEL_LINGER_MS);
		return;
	case STREAM_GONE:
		return;
	}
}

/* --- its beginning ------------------------------------------------------------------------- */

static void begin(struct endpoint *endpoint, int fd, const struct sockaddr_in *peer)
{
	struct tunnel_part *part = endpoint->stage->part;
	struct endpoint_stream *stream = NULL;

	if (part->n_streams < TUNNEL_STREAMS_MAX)
		stream = calloc(1, sizeof(*stream));
	if (!stream) {
		endpoint->traffic.failed++;
		close(fd);
		return;
	}
	*stream = (struct endpoint_stream){.user = ENDPOINT_STREAM,
					   .state = STREAM_OPENING,
					   .part = part,
					   .peer = *peer,
					   .source = {.ready = ready, .fd = fd},
					   .timer = {.fire = fire},
					   .release = {.run = release}};
	part->n_streams++;
	if (loop_add(part->loop, &stream->source, 0)) {
		gone(stream);
		return;
	}
	if (try_endpoint(stream, endpoint))
		wait_until(stream, now_ms(stream) + TUNNEL_CONNECT_MS);
}

void endpoint_stream_accept(struct endpoint *endpoint)
{
	for (unsigned i = 0; i < ACCEPTS_AT_ONCE && !endpoint->gone; i++) {
		struct sockaddr_in peer;
		int fd = tunnel_accept(endpoint->stage->part, endpoint->source.fd, &peer);

		if (fd < 0)
			return;
		if (endpoint_admits(endpoint, peer.sin_addr.s_addr))
			begin(endpoint, fd, &peer);
		else
			close(fd);
	}
}
