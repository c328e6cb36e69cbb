/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_A_ROUND 8 /* then others have their turn */
#define OUT_FIRST     4096u

static void ready(struct loop_source *source, uint32_t events);
static void take_kept(struct loop_timer *timer);

static struct stream *of_source(struct loop_source *source)
{
	return (struct stream *)((char *)source - offsetof(struct stream, source));
}

static struct stream *of_timer(struct loop_timer *timer)
{
	return (struct stream *)((char *)timer - offsetof(struct stream, again));
}

static bool is_open(const struct stream *stream)
{
	return stream->source.fd >= 0;
}

static void want(struct stream *stream)
{
	uint32_t events = 0;

	if (!stream->paused && !stream->ended && !stream->in)
		events |= EPOLLIN;
	if (stream->out || stream->connecting)
		events |= EPOLLOUT;
	loop_want(stream->loop, &stream->source, events);
}

int stream_open(struct stream *stream, struct loop *loop, int fd, const struct stream_ops *ops,
		size_t out_limit)
{
	int code;

	*stream = (struct stream){.loop = loop,
				  .ops = ops,
				  .source = {.ready = ready, .fd = fd},
				  .again = {.fire = take_kept},
				  .out_limit = out_limit};
	/* Writable at once, or when it is connected: then the first look finds out which. */
	stream->connecting = true;
	code = loop_add(loop, &stream->source, EPOLLIN | EPOLLOUT);
	if (code)
		stream->source.fd = -1;
	return code;
}

static void drop_out(struct stream *stream)
{
	free(stream->out);
	stream->out = NULL;
	stream->out_from = stream->out_used = stream->out_size = 0;
}

void stream_close(struct stream *stream)
{
	if (!is_open(stream))
		return;
	loop_timer_stop(stream->loop, &stream->again);
	loop_remove(stream->loop, &stream->source);
	close(stream->source.fd);
	stream->source.fd = -1;
	drop_out(stream);
	free(stream->in);
	stream->in = NULL;
}

void stream_reset(struct stream *stream)
{
	const struct linger at_once = {.l_onoff = 1};

	if (is_open(stream))
		setsockopt(stream->source.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	stream_close(stream);
}

static void broken(struct stream *stream, int error)
{
	stream_close(stream);
	stream->ops->broken(stream, error);
}

/* Return: bytes that the socket took, or -errno. */
static ssize_t put(const struct stream *stream, const uint8_t *bytes, size_t n)
{
	ssize_t sent;

	do
		sent = send(stream->source.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == ENOTCONN ? 0 : -errno;
}

size_t stream_waiting(const struct stream *stream)
{
	return stream->out_used;
}

size_t stream_room(const struct stream *stream)
{
	if (!is_open(stream) || stream->finishing)
		return 0;
	return stream->out_limit - stream->out_used;
}

/* Makes place for @n bytes behind what waits. Return: false without memory. */
static bool make_place(struct stream *stream, size_t n)
{
	size_t size = stream->out_size ? stream->out_size : OUT_FIRST;
	uint8_t *grown;

	if (stream->out_from && stream->out_from + stream->out_used + n > stream->out_size) {
		memmove(stream->out, stream->out + stream->out_from, stream->out_used);
		stream->out_from = 0;
	}
	if (stream->out_used + n <= stream->out_size)
		return true;
	while (size < stream->out_used + n)
		size *= 2;
	grown = realloc(stream->out, size);
	if (!grown)
		return false;
	stream->out = grown;
	stream->out_size = size;
	return true;
}

size_t stream_send(struct stream *stream, const void *bytes, size_t n)
{
	size_t taken = 0, keep;

	if (!is_open(stream) || stream->finishing || !n)
		return 0;
	if (!stream->out_used && !stream->connecting) {
		ssize_t sent = put(stream, bytes, n);

		/* A failure shows again when the socket is looked at: EPOLLERR or EPOLLHUP. */
		if (sent > 0)
			taken = (size_t)sent;
		stream->sent_bytes += taken;
	}
	keep = n - taken < stream_room(stream) ? n - taken : stream_room(stream);
	if (keep && make_place(stream, keep)) {
		memcpy(stream->out + stream->out_from + stream->out_used,
		       (const uint8_t *)bytes + taken, keep);
		stream->out_used += keep;
		taken += keep;
		want(stream);
	}
	if (taken < n)
		stream->refused = true;
	return taken;
}

static void finish_now(struct stream *stream)
{
	if (!stream->finishing || stream->finished || stream->out_used || stream->connecting)
		return;
	stream->finished = true;
	shutdown(stream->source.fd, SHUT_WR);
}

void stream_finish(struct stream *stream)
{
	if (!is_open(stream))
		return;
	stream->finishing = true;
	finish_now(stream);
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	if (is_open(stream))
		want(stream);
}

void stream_resume(struct stream *stream)
{
	if (!is_open(stream))
		return;
	stream->paused = false;
	if (!stream->source.added && loop_add(stream->loop, &stream->source, 0))
		loop_timer_set(stream->loop, &stream->again, 0); /* without memory: once more */
	/* At the end of this round, as a new call; without memory for the timer the next event
	 * of the socket does it. */
	if (stream->in)
		loop_timer_set(stream->loop, &stream->again, 0);
	want(stream);
}

/* Offers @n bytes. Return: false if the stream was closed meanwhile. */
static bool offer(struct stream *stream, const uint8_t *bytes, size_t n)
{
	size_t taken = stream->ops->received(stream, bytes, n);

	if (!is_open(stream))
		return false;
	if (taken >= n) {
		free(stream->in);
		stream->in = NULL;
		stream->in_used = 0;
		return true;
	}
	if (!stream->in) {
		stream->in = malloc(STREAM_READ_BYTES);
		if (!stream->in) {
			broken(stream, ENOMEM);
			return false;
		}
	}
	memmove(stream->in, bytes + taken, n - taken);
	stream->in_used = n - taken;
	stream->paused = true;
	return true;
}

static void end_of_stream(struct stream *stream)
{
	stream->ended = true;
	want(stream);
	stream->ops->ended(stream);
}

static void take_kept(struct loop_timer *timer)
{
	struct stream *stream = of_timer(timer);

	if (!is_open(stream) || stream->paused)
		return;
	if (!stream->source.added)
		stream_resume(stream);
	if (!stream->in || offer(stream, stream->in, stream->in_used))
		want(stream);
}

static void read_some(struct stream *stream)
{
	uint8_t bytes[STREAM_READ_BYTES];

	for (unsigned i = 0; i < READS_A_ROUND && !stream->paused && !stream->in; i++) {
		ssize_t got = recv(stream->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			if (errno != EAGAIN)
				broken(stream, errno);
			return;
		}
		if (!got) {
			end_of_stream(stream);
			return;
		}
		stream->received_bytes += (uint64_t)got;
		if (!offer(stream, bytes, (size_t)got))
			return;
		if ((size_t)got < sizeof(bytes))
			break; /* most likely all there was */
	}
	want(stream);
}

static void write_some(struct stream *stream)
{
	ssize_t sent = put(stream, stream->out + stream->out_from, stream->out_used);

	if (sent < 0) {
		broken(stream, (int)-sent);
		return;
	}
	stream->sent_bytes += (uint64_t)sent;
	stream->out_from += (size_t)sent;
	stream->out_used -= (size_t)sent;
	if (!stream->out_used)
		drop_out(stream);
	finish_now(stream);
	want(stream);
	if (stream->refused && stream_room(stream) >= stream->out_limit / 2) {
		stream->refused = false;
		if (stream->ops->room)
			stream->ops->room(stream);
	}
}

static int socket_error(const struct stream *stream)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(stream->source.fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return errno;
	return error;
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct stream *stream = of_source(source);

	if (events & EPOLLERR) {
		int error = socket_error(stream);

		if (error) {
			broken(stream, error);
			return;
		}
	}
	if (events & EPOLLOUT) {
		stream->connecting = false;
		if (stream->out)
			write_some(stream);
		else
			finish_now(stream);
		if (!is_open(stream))
			return;
		want(stream);
	}
	if ((events & (EPOLLIN | EPOLLHUP)) && !stream->ended && !stream->paused)
		read_some(stream);
	else if (events & EPOLLHUP) /* both directions are over, which would be told for ever */
		loop_remove(stream->loop, &stream->source);
}
