/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/fault.h"

#define UNASKED_PER_TURN 256 /* then the loop looks after the others */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int broken(struct peer *peer, struct ctl_error *error, int code, const char *what)
{
	peer->broken = true;
	return fault(error, code, "pgw-datapath %s", what);
}

/* Its socket goes with its process. What it had not read yet makes an error of the end. */
static int broken_in_reading(struct peer *peer, struct ctl_error *error, int code)
{
	peer->closed = !code || code == -ECONNRESET;
	return peer->closed ? broken(peer, error, -ECONNRESET, "closed its channel")
			    : broken(peer, error, code, "sent a malformed message");
}

static void close_all(int *fds)
{
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int peer_connect(struct peer *peer, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int code;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	peer->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer->fd < 0)
		return -errno;
	if (!connect(peer->fd, (const struct sockaddr *)&address, sizeof(address))) {
		peer->broken = peer->closed = peer->posting = false;
		peer->posted = 0;
		return 0;
	}
	code = -errno;
	peer_close(peer);
	return code;
}

void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

static int wait_for(struct peer *peer, short events, int64_t until_ms, struct ctl_error *error)
{
	struct pollfd poll_fd = {.fd = peer->fd, .events = events};
	int64_t left_ms = until_ms - now_ms();
	int ready = poll(&poll_fd, 1, left_ms < 0 ? 0 : (int)left_ms);

	if (ready < 0 && errno != EINTR)
		return broken(peer, error, -errno, "cannot be waited for");
	if (!ready)
		return broken(peer, error, -ETIMEDOUT, "does not answer");
	return 0;
}

static int send_question(struct peer *peer, struct channel_message *question, const int *fds,
			 unsigned n_fds, int64_t until_ms, struct ctl_error *error)
{
	question->sequence = ++peer->sequence ? peer->sequence : ++peer->sequence;
	for (;;) {
		int code = channel_send(peer->fd, question, fds, n_fds);

		if (!code)
			return 0;
		if (code != -EAGAIN) {
			peer->closed = true;
			return broken(peer, error, code, "closed its channel");
		}
		code = wait_for(peer, POLLOUT, until_ms, error);
		if (code)
			return code;
	}
}

/* Whether a message is one that may come unasked; then hands it on. */
static bool take_unasked(struct peer *peer, const struct channel_message *message)
{
	if (message->sequence || message->fds ||
	    (message->type != CHANNEL_RESOLVE && message->type != CHANNEL_SWEPT &&
	     message->type != CHANNEL_ENDED && message->type != CHANNEL_ALIVE))
		return false;
	peer->unasked(peer->context, message);
	return true;
}

/* Waits for the next answer, whichever question it belongs to. */
static int receive_answer(struct peer *peer, struct channel_message *answer, int *fds,
			  int64_t until_ms, struct ctl_error *error)
{
	for (;;) {
		int code = channel_receive(peer->fd, answer, fds);

		if (code == -EAGAIN) {
			code = wait_for(peer, POLLIN, until_ms, error);
			if (code)
				return code;
			continue;
		}
		if (code <= 0)
			return broken_in_reading(peer, error, code);
		if (answer->sequence)
			return 0;
		if (!take_unasked(peer, answer)) {
			close_all(fds);
			return broken(peer, error, -EPROTO, "sent a message that nobody asked for");
		}
		/* A flood of these must not hold us for ever. */
		if (now_ms() > until_ms)
			return broken(peer, error, -ETIMEDOUT, "does not answer");
	}
}

static int check_answer(struct peer *peer, const struct channel_message *question,
			const struct channel_message *answer, struct ctl_error *error)
{
	uint16_t expected = question->type == CHANNEL_HELLO ? CHANNEL_HELLO : CHANNEL_OK;

	if (answer->sequence != question->sequence)
		return broken(peer, error, -EPROTO, "answered a question that was not asked");
	if (answer->type == CHANNEL_ERROR)
		return fault(error, -EREMOTEIO, "%.*s", CHANNEL_TEXT - 1, answer->u.text);
	if (answer->type != expected)
		return broken(peer, error, -EPROTO, "gave an answer of the wrong type");
	return 0;
}

/* Takes the answers to what was posted; none of them may be a refusal. */
static int settle(struct peer *peer, int64_t until_ms, struct ctl_error *error)
{
	for (; peer->posted; peer->posted--) {
		struct channel_message posted = {.type = CHANNEL_EVENTS}, answer;
		int fds[CHANNEL_FDS_MAX], code;

		/* 0 is never a sequence number. */
		peer->settled = peer->settled + 1 ? peer->settled + 1 : 1;
		posted.sequence = peer->settled;
		code = receive_answer(peer, &answer, fds, until_ms, error);
		if (code)
			return code;
		close_all(fds);
		code = check_answer(peer, &posted, &answer, error);
		if (code) {
			peer->broken = true;
			return code;
		}
	}
	return 0;
}

static int post(struct peer *peer, struct channel_message *question, const int *fds, unsigned n_fds,
		int64_t until_ms, struct ctl_error *error)
{
	uint32_t before = peer->sequence;
	int code = send_question(peer, question, fds, n_fds, until_ms, error);

	if (code)
		return code;
	if (!peer->posted++)
		peer->settled = before;
	return 0;
}

void peer_post(struct peer *peer)
{
	peer->posting = true;
}

int peer_ask(struct peer *peer, const struct channel_message *question, const int *fds,
	     unsigned n_fds, struct channel_message *answer, int *answer_fds,
	     struct ctl_error *error)
{
	int64_t until_ms = now_ms() + (question->type == CHANNEL_TABLE	 ? PEER_ADOPT_MS
				       : question->type == CHANNEL_HELLO ? PEER_HELLO_MS
									 : PEER_ANSWER_MS);
	struct channel_message sent = *question, received;
	int received_fds[CHANNEL_FDS_MAX], code;

	if (peer->fd < 0 || peer->broken)
		return fault(error, -ENOTCONN,
			     "pgw-datapath is not running: it is being started "
			     "again, try again in a moment");
	if (peer->posting && !answer)
		return post(peer, &sent, fds, n_fds, until_ms, error);
	peer->posting = false;
	code = send_question(peer, &sent, fds, n_fds, until_ms, error);
	if (!code)
		code = settle(peer, until_ms, error);
	if (!code)
		code = receive_answer(peer, &received, received_fds, until_ms, error);
	if (code)
		return code;
	code = check_answer(peer, &sent, &received, error);
	if (!code && received.fds && !answer_fds)
		code = broken(peer, error, -EPROTO, "sent descriptors that nobody asked for");
	if (code) {
		close_all(received_fds);
		return code;
	}
	if (answer_fds)
		memcpy(answer_fds, received_fds, sizeof(received_fds));
	if (answer)
		*answer = received;
	return 0;
}

int peer_read(struct peer *peer, struct ctl_error *error)
{
	struct channel_message message;
	int fds[CHANNEL_FDS_MAX];

	for (unsigned i = 0; i < UNASKED_PER_TURN; i++) {
		int code = channel_receive(peer->fd, &message, fds);

		if (code == -EAGAIN)
			return 0;
		if (code <= 0)
			return broken_in_reading(peer, error, code);
		if (take_unasked(peer, &message))
			continue;
		close_all(fds);
		return broken(peer, error, -EPROTO, "sent a message that nobody asked for");
	}
	return 0;
}
