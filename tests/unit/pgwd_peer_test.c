/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pgwd's end of the channel against a datapath that answers what each test wants, also what no
 * honest one would. Answers are queued before the question is asked: it is one thread. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/peer.h"

struct fixture {
	struct peer peer;
	int other;
	unsigned resolved;
	uint64_t swept;
};

static void unasked(void *context, const struct channel_message *message)
{
	struct fixture *f = context;

	if (message->type == CHANNEL_RESOLVE)
		f->resolved++;
	else
		f->swept = message->u.swept.ended;
}

static struct fixture start(void)
{
	struct fixture f = {.resolved = 0};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	f.peer.fd = fds[0];
	f.peer.unasked = unasked;
	f.other = fds[1];
	return f;
}

static void stop(struct fixture *f)
{
	peer_close(&f->peer);
	close(f->other);
}

static void queue(const struct fixture *f, uint16_t type, uint32_t sequence, uint64_t value)
{
	struct channel_message message = {.type = type, .sequence = sequence};

	message.u.ok.value = value;
	assert_int_equal(channel_send(f->other, &message, NULL, 0), 0);
}

static int ask(struct fixture *f, uint16_t type, struct channel_message *answer,
	       struct ctl_error *error)
{
	const struct channel_message question = {.type = type};

	f->peer.context = f;
	return peer_ask(&f->peer, &question, NULL, 0, answer, NULL, error);
}

/* Of a socket that was closed with something unread, the other end hears of a reset connection. */
static void closed_unread(void **state)
{
	struct fixture f = start();
	struct ctl_error error;

	(void)state;
	f.peer.posting = true;
	assert_int_equal(ask(&f, CHANNEL_EVENTS, NULL, &error), 0);
	close(f.other);
	assert_int_equal(peer_read(&f.peer, &error), -ECONNRESET);
	assert_string_equal(error.text, "pgw-datapath closed its channel");
	assert_true(f.peer.broken && f.peer.closed);
	peer_close(&f.peer);
}

static void asks_and_hears(void **state)
{
	struct fixture f = start();
	struct channel_message answer, question;
	struct ctl_error error;
	int fds[CHANNEL_FDS_MAX];

	(void)state;
	queue(&f, CHANNEL_RESOLVE, 0, 0);
	queue(&f, CHANNEL_OK, 1, 42);
	assert_int_equal(ask(&f, CHANNEL_SNAPSHOT, &answer, &error), 0);
	assert_int_equal(answer.u.ok.value, 42);
	assert_int_equal(f.resolved, 1);
	assert_int_equal(channel_receive(f.other, &question, fds), 1);
	assert_int_equal(question.type, CHANNEL_SNAPSHOT);
	assert_int_equal(question.sequence, 1);
	stop(&f);
}

static void refusal_is_no_break(void **state)
{
	struct fixture f = start();
	struct channel_message message = {.type = CHANNEL_ERROR, .sequence = 1};
	struct ctl_error error;

	(void)state;
	snprintf(message.u.text, sizeof(message.u.text), "it does not fit");
	assert_int_equal(channel_send(f.other, &message, NULL, 0), 0);
	assert_int_equal(ask(&f, CHANNEL_TABLE, NULL, &error), -EREMOTEIO);
	assert_string_equal(error.text, "it does not fit");
	assert_false(f.peer.broken);
	queue(&f, CHANNEL_OK, 2, 0);
	assert_int_equal(ask(&f, CHANNEL_TABLE, NULL, &error), 0);
	stop(&f);
}

static void expect_break(uint16_t type, uint32_t sequence, bool with_fd)
{
	struct fixture f = start();
	struct channel_message message = {.type = type, .sequence = sequence};
	struct ctl_error error;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), free_fd;

	assert_int_equal(channel_send(f.other, &message, &fd, with_fd), 0);
	close(fd);
	free_fd = dup(0);
	close(free_fd);
	assert_true(ask(&f, CHANNEL_PORT, NULL, &error) < 0);
	assert_true(f.peer.broken);
	/* No descriptor of its stays open. */
	assert_int_equal(dup(0), free_fd);
	close(free_fd);
	/* From now on nothing is asked of it. */
	assert_int_equal(ask(&f, CHANNEL_PORT, NULL, &error), -ENOTCONN);
	stop(&f);
}

static void hostile_answers(void **state)
{
	struct fixture f;
	struct ctl_error error;

	(void)state;
	expect_break(CHANNEL_OK, 7, false);    /* of another question */
	expect_break(CHANNEL_HELLO, 1, false); /* of another type */
	expect_break(CHANNEL_OK, 1, true);     /* with a descriptor */
	expect_break(CHANNEL_OK, 0, false);    /* unasked */
	expect_break(CHANNEL_QUIT, 0, false);
	expect_break(CHANNEL_RESOLVE, 0, true);
	f = start();
	assert_int_equal(send(f.other, "short", 5, 0), 5);
	assert_int_equal(ask(&f, CHANNEL_PORT, NULL, &error), -EPROTO);
	assert_true(f.peer.broken);
	stop(&f);
	f = start();
	close(f.other);
	f.other = -1;
	assert_true(ask(&f, CHANNEL_PORT, NULL, &error) < 0);
	assert_true(f.peer.broken);
	stop(&f);
}

static void unasked_messages(void **state)
{
	struct fixture f = start();
	struct channel_message swept = {.type = CHANNEL_SWEPT};
	struct ctl_error error;

	(void)state;
	f.peer.context = &f;
	assert_int_equal(peer_read(&f.peer, &error), 0);
	swept.u.swept.ended = 9;
	assert_int_equal(channel_send(f.other, &swept, NULL, 0), 0);
	queue(&f, CHANNEL_RESOLVE, 0, 0);
	assert_int_equal(peer_read(&f.peer, &error), 0);
	assert_int_equal(f.swept, 9);
	assert_int_equal(f.resolved, 1);
	queue(&f, CHANNEL_OK, 3, 0);
	assert_int_equal(peer_read(&f.peer, &error), -EPROTO);
	assert_true(f.peer.broken);
	stop(&f);
}

/* What is posted is answered by and by: before the next answer that is wanted. */
static void posts(void **state)
{
	struct fixture f = start();
	struct channel_message answer;
	struct ctl_error error;
	int fds[CHANNEL_FDS_MAX];

	(void)state;
	f.peer.sequence = UINT32_MAX - 1; /* 0 is passed over */
	peer_post(&f.peer);
	assert_int_equal(ask(&f, CHANNEL_PORT, NULL, &error), 0);
	assert_int_equal(ask(&f, CHANNEL_PORT, NULL, &error), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(channel_receive(f.other, &answer, fds), 1);
	queue(&f, CHANNEL_OK, UINT32_MAX, 0);
	queue(&f, CHANNEL_RESOLVE, 0, 0);
	queue(&f, CHANNEL_OK, 1, 0);
	queue(&f, CHANNEL_OK, 2, 42);
	assert_int_equal(ask(&f, CHANNEL_SNAPSHOT, &answer, &error), 0);
	assert_int_equal(answer.u.ok.value, 42);
	assert_int_equal(f.resolved, 1);
	/* from then on each waits for its own again */
	queue(&f, CHANNEL_OK, 3, 0);
	assert_int_equal(ask(&f, CHANNEL_PORT, NULL, &error), 0);
	stop(&f);
}

static void refusal_of_a_post_breaks(void **state)
{
	struct fixture f = start();
	struct channel_message answer, message = {.type = CHANNEL_ERROR, .sequence = 1};
	struct ctl_error error;

	(void)state;
	snprintf(message.u.text, sizeof(message.u.text), "it does not fit");
	peer_post(&f.peer);
	assert_int_equal(ask(&f, CHANNEL_PORT, NULL, &error), 0);
	assert_int_equal(channel_send(f.other, &message, NULL, 0), 0);
	queue(&f, CHANNEL_OK, 2, 42);
	assert_int_equal(ask(&f, CHANNEL_SNAPSHOT, &answer, &error), -EREMOTEIO);
	assert_string_equal(error.text, "it does not fit");
	assert_true(f.peer.broken);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_unread),
		cmocka_unit_test(asks_and_hears),
		cmocka_unit_test(refusal_is_no_break),
		cmocka_unit_test(hostile_answers),
		cmocka_unit_test(unasked_messages),
		cmocka_unit_test(posts),
		cmocka_unit_test(refusal_of_a_post_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
