/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_connection_test - who may be connected to the datapath, what ends a connection, and what
 * the datapath says on it by itself.
 *
 * The worker is a fake. Parts that need root (another user) are left out with a message without it.
 */
#include <sched.h>
#include <sys/wait.h>

#include "tests/unit/control_fixture.h"

#define NOBODY 65534

static void test_violations_end_the_connection(void **state)
{
	struct fixture *f = *state;
	static const uint16_t no_questions[] = {CHANNEL_OK, CHANNEL_ERROR, CHANNEL_RESOLVE,
						CHANNEL_SWEPT};
	unsigned before = open_descriptors();

	for (unsigned i = 0; i < 8; i++) {
		struct channel_message message = {.type = CHANNEL_HELLO};
		int two[2] = {f->listen, f->listen};
		unsigned n = 0;

		if (i < 4)
			message.type = no_questions[i];
		else if (i < 6)
			n = i - 3; /* HELLO with descriptors */
		else
			message.type = CHANNEL_TABLE, n = i - 6; /* TABLE without both */
		assert_int_equal(ask(f, message, two, n), 0);
		close(f->channel);
		f->channel = connect_to(f);
		control_accept(f->control);
	}
	assert_int_equal(send(f->channel, "x", 1, 0), 1);
	control_channel(f->control, f->now_ns);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 0);
	close(f->channel);
	f->channel = connect_to(f);
	control_accept(f->control);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
}

static void test_new_connection_replaces(void **state)
{
	struct fixture *f = *state;
	int old = f->channel;
	struct control_fds fds;

	control_fds(f->control, &fds);
	f->channel = connect_to(f);
	control_accept(f->control);
	assert_true(control_fds(f->control, &fds));
	assert_int_equal(channel_receive(old, &f->answer, f->fds), 0);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	close(old);
	/* Nobody there to be accepted. */
	control_accept(f->control);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
}

static void test_other_users_are_refused(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	if (geteuid()) {
		fprintf(stderr, "LEFT OUT: to be another user needs root\n");
		return;
	}
	pid = fork();
	if (!pid) {
		struct channel_message message;
		int fds[CHANNEL_FDS_MAX], fd;

		if (setuid(NOBODY))
			_exit(2);
		fd = connect_to(f);
		while (channel_receive(fd, &message, fds) == -EAGAIN)
			sched_yield();
		/* 0: closed without an answer */
		_exit(channel_receive(fd, &message, fds) != 0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		control_accept(f->control);
	assert_int_equal(status, 0);
	/* And has not pushed out the real one. */
	assert_int_equal(ask(f, hello, NULL, 0), 1);
}

static void test_resolve(void **state)
{
	struct fixture *f = *state;
	const struct worker_options *options = &f->worker->options;

	options->resolve(options->context, 7, 0x0100000a);
	options->resolve(options->context, 7, 0x0100000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.type, CHANNEL_RESOLVE);
	assert_int_equal(f->answer.sequence, 0);
	assert_int_equal(f->answer.u.resolve.ifindex, 7);
	assert_int_equal(f->answer.u.resolve.addr, 0x0100000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), -EAGAIN);
	control_channel(f->control, f->now_ns + 1000000000);
	options->resolve(options->context, 7, 0x0100000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	/* pgwd is away: nothing happens, and the request is not counted as sent. */
	close(f->channel);
	control_channel(f->control, f->now_ns);
	options->resolve(options->context, 7, 0x0200000a);
	f->channel = connect_to(f);
	control_accept(f->control);
	options->resolve(options->context, 7, 0x0200000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
}

static void test_ping(void **state)
{
	struct fixture *f = *state;
	const struct channel_message ping = {.type = CHANNEL_PING, .sequence = 5};

	assert_int_equal(channel_send(f->channel, &ping, NULL, 0), 0);
	control_channel(f->control, f->now_ns);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.type, CHANNEL_ALIVE);
	assert_int_equal(f->answer.sequence, 0);
}

static void test_swept(void **state)
{
	struct fixture *f = *state;
	struct worker_status status = {.swept = true, .swept_revision = 4, .swept_ended = 10};
	struct control_fds fds;
	unsigned drained = 0;

	control_report(f->control, &status);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.type, CHANNEL_SWEPT);
	assert_int_equal(f->answer.u.swept.revision, 4);
	assert_int_equal(f->answer.u.swept.ended, 10);
	status.swept = false;
	control_report(f->control, &status);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), -EAGAIN);

	/* No room: it is said later, once, with all flows that were ended meanwhile. */
	status.swept = true;
	control_fds(f->control, &fds);
	for (unsigned i = 0; i < 10000 && !fds.channel_write; i++) {
		control_report(f->control, &status);
		control_fds(f->control, &fds);
	}
	assert_true(fds.channel_write);
	status.swept_revision = 5;
	control_report(f->control, &status);
	while (channel_receive(f->channel, &f->answer, f->fds) == 1)
		drained++;
	assert_true(drained > 0);
	control_channel(f->control, f->now_ns);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.u.swept.revision, 5);
	assert_int_equal(f->answer.u.swept.ended, 20);
	assert_true(control_fds(f->control, &fds));
	assert_false(fds.channel_write);
}

/* Whoever asks without reading the answers is disconnected, not waited for. */
static void test_answers_are_not_read(void **state)
{
	struct fixture *f = *state;
	struct control_fds fds;

	control_fds(f->control, &fds);
	for (unsigned i = 0; i < 100000 && fds.channel >= 0; i++) {
		channel_send(f->channel, &hello, NULL, 0);
		control_channel(f->control, f->now_ns);
		control_fds(f->control, &fds);
	}
	assert_int_equal(fds.channel, -1);
}

static void test_quit(void **state)
{
	struct fixture *f = *state;

	assert_false(control_quit(f->control));
	expect_ok(f, (struct channel_message){.type = CHANNEL_QUIT}, -1, 0);
	assert_true(control_quit(f->control));
}

/* Messages of random content with random descriptors: no leak, no end but of the connection. */
static void test_random_messages(void **state)
{
	struct fixture *f = *state;
	int candidates[4] = {f->listen, table_memfd(SIZE_SEAL),
			     memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL),
			     snapshot_memfd(1, SIZE_SEAL | F_SEAL_WRITE)};
	uint32_t seed = 7;

	for (unsigned i = 0; i < 20000; i++) {
		struct channel_message message = table_message();
		int fds[CHANNEL_FDS_MAX], kept = open_descriptors() < 40;
		unsigned n;

		seed = seed * 1664525 + 1013904223;
		message.type = (uint16_t)(1 + (seed >> 8) % (CHANNEL_TYPE_COUNT - 1));
		if (message.type == CHANNEL_QUIT)
			continue;
		n = (seed >> 16) % 4;
		for (unsigned k = 0; k < n; k++)
			fds[k] = candidates[(seed >> (18 + 2 * k)) % 4];
		if (seed & 0x80000000)
			((uint8_t *)&message.u)[(seed >> 4) % CHANNEL_TEXT] ^= (uint8_t)seed;
		assert_true(kept);
		if (channel_send(f->channel, &message, fds, n))
			continue;
		control_channel(f->control, f->now_ns);
		if (channel_receive(f->channel, &f->answer, f->fds) == 1) {
			for (unsigned k = 0; k < CHANNEL_FDS_MAX; k++) {
				if (f->fds[k] >= 0)
					close(f->fds[k]);
			}
			continue;
		}
		close(f->channel);
		f->channel = connect_to(f);
		control_accept(f->control);
	}
	for (unsigned i = 1; i < 4; i++)
		close(candidates[i]);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	for (unsigned i = 0; i < f->answer.fds; i++)
		close(f->fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_violations_end_the_connection),
		TEST(test_new_connection_replaces),
		TEST(test_other_users_are_refused),
		TEST(test_resolve),
		TEST(test_ping),
		TEST(test_swept),
		TEST(test_answers_are_not_read),
		TEST(test_quit),
		TEST(test_random_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
