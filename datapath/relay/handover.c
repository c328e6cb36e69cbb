/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/base/descriptors.h"
#include "datapath/process/memfd.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int handover_send(int fd, const json_t *body, const int *fds, unsigned n_fds)
{
	DESCRIPTORS_ROOM(HANDOVER_FDS_MAX) room;
	char *text;
	struct iovec piece;
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
	ssize_t sent;

	if (n_fds > HANDOVER_FDS_MAX)
		return -E2BIG;
	text = json_dumps(body, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	piece = (struct iovec){.iov_base = text, .iov_len = strlen(text)};
	if (piece.iov_len > HANDOVER_TEXT_MAX) {
		free(text);
		return -EMSGSIZE;
	}
	descriptors_put(&msg, &room, fds, n_fds);
	do
		sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		sent = -errno;
	free(text);
	return sent < 0 ? (int)sent : 0;
}

json_t *handover_parse(const char *text, size_t bytes)
{
	json_t *body = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);

	if (body && (!json_is_object(body) || !json_is_string(json_object_get(body, "op")))) {
		json_decref(body);
		body = NULL;
	}
	return body;
}

int handover_receive(int fd, struct handover_message *message)
{
	DESCRIPTORS_ROOM(HANDOVER_FDS_MAX) room;
	char *text = malloc(HANDOVER_TEXT_MAX);
	struct iovec piece = {.iov_base = text, .iov_len = HANDOVER_TEXT_MAX};
	struct msghdr msg = {.msg_iov = &piece,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room)};
	ssize_t got;

	message->body = NULL;
	message->n_fds = 0;
	if (!text)
		return -ENOMEM;
	do
		got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		free(text);
		return got < 0 ? -errno : 0;
	}
	message->n_fds = descriptors_take(&msg, message->fds, HANDOVER_FDS_MAX);
	if (message->n_fds > HANDOVER_FDS_MAX) /* those beyond have been closed */
		message->n_fds = HANDOVER_FDS_MAX;
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		message->body = handover_parse(text, (size_t)got);
	free(text);
	if (message->body)
		return 1;
	handover_free(message);
	return -EPROTO;
}

void handover_free(struct handover_message *message)
{
	for (unsigned i = 0; i < message->n_fds; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	message->n_fds = 0;
	json_decref(message->body);
	message->body = NULL;
}

int handover_take_fd(struct handover_message *message, json_int_t i)
{
	int fd;

	if (i < 0 || i >= (json_int_t)message->n_fds)
		return -1;
	fd = message->fds[i];
	message->fds[i] = -1;
	return fd;
}

const char *handover_op(const struct handover_message *message)
{
	return json_string_value(json_object_get(message->body, "op"));
}

static int write_all(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t written = write(fd, text, bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		text += written;
		bytes -= (size_t)written;
	}
	return 0;
}

int handover_block(const json_t *object, size_t *bytes)
{
	char *text = json_dumps(object, JSON_COMPACT);
	int fd, code;

	if (!text)
		return -ENOMEM;
	*bytes = strlen(text);
	fd = memfd_create("pgw-relay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	code = fd < 0 ? -errno : write_all(fd, text, *bytes);
	if (!code && fcntl(fd, F_ADD_SEALS, SEALS))
		code = -errno;
	/* It may hold what must not stay in memory that is used again. */
	explicit_bzero(text, *bytes);
	free(text);
	if (!code)
		return fd;
	if (fd >= 0)
		close(fd);
	return code;
}

const char *handover_read_block(int fd, json_int_t bytes, json_t **object)
{
	const char *why;
	void *memory;

	*object = NULL;
	if (fd < 0 || bytes < 2 || bytes > (json_int_t)HANDOVER_BLOCK_MAX)
		return "a block of 2 bytes to 64 MiB was expected";
	why = memfd_check(fd, (uint64_t)bytes, SEALS);
	if (why)
		return why;
	memory = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		return "the block cannot be mapped";
	*object = json_loadb(memory, (size_t)bytes, JSON_REJECT_DUPLICATES, NULL);
	munmap(memory, (size_t)bytes);
	if (json_is_object(*object))
		return NULL;
	json_decref(*object);
	*object = NULL;
	return "the block is not a JSON object";
}
