/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_fixture - a datapath's control channel with a fake worker behind it, and pgwd's end of it
 * in the test's hands, with what pgwd may hand over: tables, counters, snapshots.
 *
 * Included by one file of a test program, as fake_worker.h is.
 */
#ifndef PGW_TESTS_CONTROL_FIXTURE_H
#define PGW_TESTS_CONTROL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/flow/table.h"
#include "datapath/process/channel.h"
#include "datapath/process/control.h"
#include "tests/unit/fake_worker.h"
#include "tests/unit/descriptors.h"

#define CAPACITY  1024u
#define SIZE_SEAL (F_SEAL_SHRINK | F_SEAL_GROW)

struct fixture {
	struct sockaddr_un address;
	socklen_t address_bytes;
	int listen;
	int channel; /* pgwd's end; -1 = not connected */
	struct control *control;
	struct worker *worker;
	uint64_t now_ns;
	struct channel_message answer;
	int fds[CHANNEL_FDS_MAX]; /* that came with it */
};

static inline int connect_to(const struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&f->address, f->address_bytes)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline int setup(void **state)
{
	static struct fixture f;
	struct control_error error;

	f = (struct fixture){.address.sun_family = AF_UNIX, .channel = -1, .now_ns = 1000000000};
	/* An abstract address that the kernel chooses. */
	f.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	f.address_bytes = sizeof(f.address);
	if (bind(f.listen, (struct sockaddr *)&f.address, sizeof(sa_family_t)) ||
	    getsockname(f.listen, (struct sockaddr *)&f.address, &f.address_bytes) ||
	    listen(f.listen, 4) || control_create(&f.control, f.listen, 1, &error))
		return -1;
	f.worker = control_worker(f.control);
	f.channel = connect_to(&f);
	control_accept(f.control);
	control_channel(f.control, f.now_ns);
	*state = &f;
	return f.channel < 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	control_destroy(f->control);
	close(f->listen);
	if (f->channel >= 0)
		close(f->channel);
	return 0;
}

/* ask() - send a question, let it be served, take the answer. Return: as channel_receive(). */
static inline int ask(struct fixture *f, struct channel_message message, const int *fds, unsigned n)
{
	int got;

	message.sequence = 77;
	assert_int_equal(channel_send(f->channel, &message, fds, n), 0);
	control_channel(f->control, f->now_ns);
	got = channel_receive(f->channel, &f->answer, f->fds);
	if (got == 1)
		assert_int_equal(f->answer.sequence, 77);
	return got;
}

static inline void expect_ok(struct fixture *f, struct channel_message message, int fd,
			     uint64_t value)
{
	assert_int_equal(ask(f, message, &fd, fd >= 0), 1);
	if (f->answer.type == CHANNEL_ERROR)
		print_error("%s\n", f->answer.u.text);
	assert_int_equal(f->answer.type, CHANNEL_OK);
	assert_int_equal(f->answer.u.ok.value, value);
}

static inline void expect_error(struct fixture *f, struct channel_message message, const int *fds,
				unsigned n, const char *text)
{
	assert_int_equal(ask(f, message, fds, n), 1);
	assert_int_equal(f->answer.type, CHANNEL_ERROR);
	if (!strstr(f->answer.u.text, text))
		print_error("\"%s\" lacks \"%s\"\n", f->answer.u.text, text);
	assert_non_null(strstr(f->answer.u.text, text));
}

static inline int memfd(const void *content, size_t bytes, size_t size, int seals)
{
	int fd = memfd_create("pgw-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (bytes)
		assert_int_equal(pwrite(fd, content, bytes, 0), bytes);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static inline int table_memfd(int seals)
{
	static const uint8_t key[32] = {1};
	size_t bytes = flow_table_bytes(CAPACITY);
	int fd = memfd(NULL, 0, bytes, 0);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(memory != MAP_FAILED);
	flow_table_format(memory, CAPACITY, key, 1);
	munmap(memory, bytes);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static inline struct channel_message table_message(void)
{
	struct channel_message message = {.type = CHANNEL_TABLE};

	message.u.table.bytes = flow_table_bytes(CAPACITY);
	message.u.table.counters_bytes = sizeof(struct counters_page);
	return message;
}

static inline void hand_over_table(struct fixture *f, int counters)
{
	int fds[2] = {table_memfd(SIZE_SEAL), counters};

	f->worker->attach_result = 5;
	assert_int_equal(ask(f, table_message(), fds, 2), 1);
	assert_int_equal(f->answer.type, CHANNEL_OK);
	assert_int_equal(f->answer.u.ok.value, 5);
	close(fds[0]);
}

static inline int snapshot_memfd(uint64_t revision, int seals)
{
	const struct snapshot_header header = {
		.magic = SNAPSHOT_MAGIC,
		.version = SNAPSHOT_VERSION,
		.bytes = sizeof(header),
		.revision = revision,
	};

	return memfd(&header, sizeof(header), sizeof(header), seals);
}

static const struct channel_message hello = {.type = CHANNEL_HELLO};
static const struct channel_message snapshot = {.type = CHANNEL_SNAPSHOT};

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
