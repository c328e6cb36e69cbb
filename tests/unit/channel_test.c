/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel_test - messages and descriptors over the channel, honest and hostile. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/process/channel.h"
#include "tests/unit/descriptors.h"

static int ends[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return 0;
}

/* send_raw() - what channel_send() would never send. */
static void send_raw(const void *data, size_t bytes, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} ancillary = {.bytes = {0}};
	struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};

	if (n_fds) {
		ancillary.header.cmsg_level = SOL_SOCKET;
		ancillary.header.cmsg_type = SCM_RIGHTS;
		ancillary.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&ancillary.header), fds, n_fds * sizeof(int));
		msg.msg_control = &ancillary;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(ends[1], &msg, MSG_NOSIGNAL), bytes);
}

static void expect_refused(void)
{
	struct channel_message message;
	int fds[CHANNEL_FDS_MAX];

	assert_int_equal(channel_receive(ends[0], &message, fds), -EPROTO);
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++)
		assert_int_equal(fds[i], -1);
}

static void test_round_trip(void **state)
{
	struct channel_message sent = {.type = CHANNEL_PORT, .sequence = 7}, got;
	int pipe_fds[2], fds[CHANNEL_FDS_MAX];
	char byte = 0;

	(void)state;
	assert_int_equal(channel_receive(ends[0], &got, fds), -EAGAIN);
	assert_int_equal(pipe(pipe_fds), 0);
	sent.u.port.index = 5;
	sent.u.port.mac.b[5] = 9;
	assert_int_equal(channel_send(ends[1], &sent, &pipe_fds[1], 1), 0);
	assert_int_equal(channel_send(ends[1], &sent, NULL, 0), 0);
	assert_int_equal(channel_receive(ends[0], &got, fds), 1);
	assert_int_equal(got.version, CHANNEL_VERSION);
	assert_int_equal(got.type, CHANNEL_PORT);
	assert_int_equal(got.sequence, 7);
	assert_int_equal(got.fds, 1);
	assert_int_equal(got.u.port.index, 5);
	assert_int_equal(got.u.port.mac.b[5], 9);
	/* The descriptor is the pipe's other end, and closed on exec. */
	assert_true(fds[0] >= 0);
	assert_int_equal(fds[1], -1);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(fds[0]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_int_equal(channel_receive(ends[0], &got, fds), 1);
	assert_int_equal(fds[0], -1);
}

static void test_three_descriptors(void **state)
{
	struct channel_message message = {.type = CHANNEL_HELLO};
	int fds[CHANNEL_FDS_MAX], four[4] = {0, 1, 2, 0};
	unsigned before = open_descriptors();

	(void)state;
	assert_int_equal(channel_send(ends[1], &message, four, 4), -EINVAL);
	assert_int_equal(channel_send(ends[1], &message, four, 3), 0);
	assert_int_equal(channel_receive(ends[0], &message, fds), 1);
	assert_int_equal(message.fds, 3);
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++) {
		assert_true(fds[i] >= 0);
		close(fds[i]);
	}
	assert_int_equal(open_descriptors(), before);
}

static void test_closed(void **state)
{
	struct channel_message message = {.type = CHANNEL_OK};
	int fds[CHANNEL_FDS_MAX];

	(void)state;
	close(ends[1]);
	ends[1] = -1;
	assert_int_equal(channel_receive(ends[0], &message, fds), 0);
	assert_int_equal(channel_send(ends[0], &message, NULL, 0), -EPIPE);
	assert_true(channel_receive(-1, &message, fds) == -EBADF);
}

static void test_peer_does_not_read(void **state)
{
	struct channel_message message = {.type = CHANNEL_RESOLVE};
	unsigned sent = 0;
	int err = 0;

	(void)state;
	while (!err && sent < 100000) {
		err = channel_send(ends[1], &message, NULL, 0);
		sent += !err;
	}
	assert_int_equal(err, -EAGAIN);
	assert_true(sent >= 8);
}

static void test_hostile(void **state)
{
	struct channel_message good = {.version = CHANNEL_VERSION, .type = CHANNEL_QUIT}, bad;
	char longer[sizeof(good) + 1] = {0};
	int many[16] = {0};
	unsigned before = open_descriptors();

	(void)state;
	send_raw(&good, sizeof(good) - 1, NULL, 0);
	expect_refused();
	memcpy(longer, &good, sizeof(good));
	send_raw(longer, sizeof(longer), NULL, 0);
	expect_refused();
	send_raw("x", 1, NULL, 0);
	expect_refused();
	bad = good;
	bad.version++;
	send_raw(&bad, sizeof(bad), NULL, 0);
	expect_refused();
	bad = good;
	bad.type = 0;
	send_raw(&bad, sizeof(bad), NULL, 0);
	expect_refused();
	bad.type = CHANNEL_TYPE_COUNT;
	send_raw(&bad, sizeof(bad), NULL, 0);
	expect_refused();
	/* Descriptors: announced but absent, present but not announced, too many. */
	bad = good;
	bad.fds = 1;
	send_raw(&bad, sizeof(bad), NULL, 0);
	expect_refused();
	send_raw(&good, sizeof(good), many, 1);
	expect_refused();
	for (unsigned n = CHANNEL_FDS_MAX + 1; n <= 16; n++) {
		bad.fds = (uint16_t)n;
		send_raw(&bad, sizeof(bad), many, n);
		expect_refused();
	}
	bad.fds = 3;
	send_raw(&bad, sizeof(bad), many, 4);
	expect_refused();
	send_raw("", 0, many, 2);
	expect_refused();
	/* None of them has been kept. */
	assert_int_equal(open_descriptors(), before);
}

static void test_text_ends(void **state)
{
	struct channel_message message = {.version = CHANNEL_VERSION, .type = CHANNEL_ERROR};
	int fds[CHANNEL_FDS_MAX];

	(void)state;
	memset(message.u.text, 'x', sizeof(message.u.text));
	send_raw(&message, sizeof(message), NULL, 0);
	assert_int_equal(channel_receive(ends[0], &message, fds), 1);
	assert_int_equal(strlen(message.u.text), CHANNEL_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_three_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peer_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
