/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel - send and receive one message with its descriptors, both ends' common part.
 *
 * Descriptors that arrive with a message that is not accepted are closed here: whoever sends
 * rubbish must not be able to use up the receiver's descriptors.
 */
#include "datapath/process/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/base/descriptors.h"

int channel_send(int fd, const struct channel_message *message, const int *fds, unsigned n_fds)
{
	struct channel_message copy = *message;
	DESCRIPTORS_ROOM(CHANNEL_FDS_MAX) room;
	struct iovec piece = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
	ssize_t sent;

	if (n_fds > CHANNEL_FDS_MAX)
		return -EINVAL;
	copy.version = CHANNEL_VERSION;
	copy.fds = (uint16_t)n_fds;
	copy.spare = 0;
	descriptors_put(&msg, &room, fds, n_fds);
	do
		sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return sent == sizeof(copy) ? 0 : -EIO;
}

static bool message_is_sound(const struct channel_message *message, ssize_t bytes, unsigned fds)
{
	return bytes == sizeof(*message) && message->version == CHANNEL_VERSION &&
	       message->type >= CHANNEL_HELLO && message->type < CHANNEL_TYPE_COUNT &&
	       message->fds == fds && fds <= CHANNEL_FDS_MAX;
}

int channel_receive(int fd, struct channel_message *message, int fds[CHANNEL_FDS_MAX])
{
	DESCRIPTORS_ROOM(CHANNEL_FDS_MAX) room;
	struct iovec piece = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr msg = {.msg_iov = &piece,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room)};
	unsigned n_fds;
	ssize_t got;

	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++)
		fds[i] = -1;
	do
		got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	n_fds = descriptors_take(&msg, fds, CHANNEL_FDS_MAX);
	/* An empty message reads like the end of the connection, unless it carries descriptors.
	 * No honest peer sends one, so taking it for the end is right in both cases. */
	if (!got && !n_fds)
		return 0;
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && message_is_sound(message, got, n_fds)) {
		/* Every text ends, whoever wrote it. */
		if (message->type == CHANNEL_ERROR)
			message->u.text[CHANNEL_TEXT - 1] = '\0';
		return 1;
	}
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	return -EPROTO;
}
