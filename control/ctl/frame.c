/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/base/descriptors.h"

#define FRAME_CHUNK ((size_t)16384) /* bytes made free before each receive */

/* Gives back what a long line took, once it has been dealt with. */
static void frame_in_shrink(struct frame_in *in)
{
	in->start = in->scanned = in->end = 0;
	if (in->size > 4 * FRAME_CHUNK) {
		free(in->bytes);
		in->bytes = NULL;
		in->size = 0;
	}
}

static int frame_in_room(struct frame_in *in, size_t limit)
{
	size_t size, used = in->end - in->start;
	char *bytes;

	if (in->start == in->end) {
		frame_in_shrink(in);
	} else if (in->start) {
		memmove(in->bytes, in->bytes + in->start, used);
		in->scanned -= in->start;
		in->end = used;
		in->start = 0;
	}
	if (used >= limit)
		return -EMSGSIZE;
	/* One byte more than is ever received ends a line that has no newline. */
	if (in->size - in->end > FRAME_CHUNK)
		return 0;
	size = in->size * 2 > in->end + 2 * FRAME_CHUNK ? in->size * 2 : in->end + 2 * FRAME_CHUNK;
	bytes = realloc(in->bytes, size);
	if (!bytes)
		return -ENOMEM;
	in->bytes = bytes;
	in->size = size;
	return 0;
}

/* Takes the descriptors of a message into free places of @fds; closes the others. */
static void frame_take_fds(struct msghdr *message, int *fds)
{
	unsigned place = 0;

	while (fds && place < FRAME_FDS_MAX && fds[place] >= 0)
		place++;
	(void)descriptors_take(message, fds ? fds + place : NULL, fds ? FRAME_FDS_MAX - place : 0);
}

int frame_fill(struct frame_in *in, int fd, size_t limit, int *fds)
{
	DESCRIPTORS_ROOM(16) room;
	struct iovec piece;
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room),
	};
	size_t free_bytes;
	ssize_t got;
	int error;

	error = frame_in_room(in, limit);
	if (error)
		return error;
	free_bytes = in->size - in->end - 1;
	if (free_bytes > limit - in->end)
		free_bytes = limit - in->end;
	piece.iov_base = in->bytes + in->end;
	piece.iov_len = free_bytes;
	got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	frame_take_fds(&message, fds);
	in->end += (size_t)got;
	return got > 0;
}

char *frame_line(struct frame_in *in, size_t *length)
{
	char *newline, *line;

	if (in->scanned == in->end)
		return NULL;
	newline = memchr(in->bytes + in->scanned, '\n', in->end - in->scanned);
	if (!newline) {
		in->scanned = in->end;
		return NULL;
	}
	line = in->bytes + in->start;
	*newline = '\0';
	*length = (size_t)(newline - line);
	in->start = in->scanned = (size_t)(newline - in->bytes) + 1;
	return line;
}

void frame_in_free(struct frame_in *in)
{
	free(in->bytes);
	memset(in, 0, sizeof(*in));
}

int frame_put(struct frame_out *out, const char *text, size_t length)
{
	if (out->start == out->end) {
		out->start = out->end = 0;
	} else if (out->start && out->size - out->end <= length) {
		memmove(out->bytes, out->bytes + out->start, out->end - out->start);
		out->end -= out->start;
		out->start = 0;
	}
	if (out->size - out->end <= length) {
		size_t size = out->end + length + FRAME_CHUNK;
		char *bytes = realloc(out->bytes, size);

		if (!bytes)
			return -ENOMEM;
		out->bytes = bytes;
		out->size = size;
	}
	memcpy(out->bytes + out->end, text, length);
	out->bytes[out->end + length] = '\n';
	out->end += length + 1;
	return 0;
}

void frame_put_fds(struct frame_out *out, const int *fds, unsigned n_fds)
{
	for (unsigned i = 0; i < n_fds; i++) {
		if (out->n_fds < FRAME_FDS_MAX)
			out->fds[out->n_fds++] = fds[i];
		else
			close(fds[i]);
	}
}

static void frame_drop_fds(struct frame_out *out)
{
	for (unsigned i = 0; i < out->n_fds; i++)
		close(out->fds[i]);
	out->n_fds = 0;
}

static ssize_t frame_send(const struct frame_out *out, int fd)
{
	DESCRIPTORS_ROOM(FRAME_FDS_MAX) room;
	struct iovec piece = {
		.iov_base = out->bytes + out->start,
		.iov_len = out->end - out->start,
	};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	descriptors_put(&message, &room, out->fds, out->n_fds);
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int frame_flush(struct frame_out *out, int fd)
{
	while (out->start < out->end) {
		ssize_t sent = frame_send(out, fd);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		frame_drop_fds(out);
		out->start += (size_t)sent;
	}
	out->start = out->end = 0;
	if (out->size > 4 * FRAME_CHUNK) {
		free(out->bytes);
		out->bytes = NULL;
		out->size = 0;
	}
	return 0;
}

size_t frame_waiting(const struct frame_out *out)
{
	return out->end - out->start;
}

void frame_out_free(struct frame_out *out)
{
	frame_drop_fds(out);
	free(out->bytes);
	memset(out, 0, sizeof(*out));
}

bool frame_nested(const char *text, size_t length, unsigned depth)
{
	bool quoted = false;
	unsigned open = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[' || c == '{') {
			if (++open > depth)
				return true;
		} else if ((c == ']' || c == '}') && open) {
			open--;
		}
	}
	return false;
}

void frame_ascii(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			*text = '?';
}
