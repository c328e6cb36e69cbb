/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The datapath's end of the session log: what it accepts, and when it wakes the reader. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/process/log.h"

#define CAPACITY 64u
#define MS	 1000000ull

struct fixture {
	int ring, wake[2]; /* [0] is the reader's */
	struct log_end end;
};

static int ring_fd(uint32_t capacity, int seals)
{
	int fd = memfd_create("pgw-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory;

	assert_int_equal(ftruncate(fd, (off_t)event_ring_bytes(capacity)), 0);
	memory = mmap(NULL, event_ring_bytes(capacity), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	event_ring_format(memory, capacity);
	munmap(memory, event_ring_bytes(capacity));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void open_fixture(struct fixture *f)
{
	f->ring = ring_fd(CAPACITY, F_SEAL_SHRINK | F_SEAL_GROW);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->wake), 0);
	assert_null(log_open(&f->end, dup(f->ring), event_ring_bytes(CAPACITY), f->wake[1]));
}

static void close_fixture(struct fixture *f)
{
	log_close(&f->end);
	close(f->ring);
	close(f->wake[0]);
}

static void put(struct fixture *f, unsigned n)
{
	const struct event event = {.type = EVENT_SESSION_CREATE};

	while (n--)
		assert_true(event_ring_put(&f->end.ring, &event));
}

/* Return: wake-ups that arrived. */
static unsigned woken(const struct fixture *f)
{
	unsigned n = 0;
	char byte;

	while (recv(f->wake[0], &byte, 1, MSG_DONTWAIT) == 1)
		n++;
	return n;
}

static void test_wake(void **state)
{
	struct fixture f;
	uint64_t now_ns = 1000 * MS;

	(void)state;
	open_fixture(&f);
	/* nothing to tell: no timer either */
	assert_int_equal(log_wake(&f.end, now_ns), UINT64_MAX);
	put(&f, 1);
	assert_int_equal(log_wake(&f.end, now_ns), UINT64_MAX);
	assert_int_equal(woken(&f), 1);
	/* the next ones wait until 100 ms have gone by */
	put(&f, 3);
	assert_int_equal(log_wake(&f.end, now_ns + 1), now_ns + LOG_WAKE_NS);
	assert_int_equal(log_wake(&f.end, now_ns + LOG_WAKE_NS - 1), now_ns + LOG_WAKE_NS);
	assert_int_equal(woken(&f), 0);
	assert_int_equal(log_wake(&f.end, now_ns + LOG_WAKE_NS), UINT64_MAX);
	assert_int_equal(woken(&f), 1);
	assert_int_equal(log_wake(&f.end, now_ns + 10 * LOG_WAKE_NS), UINT64_MAX);
	assert_int_equal(woken(&f), 0);
	/* unless the ring fills up */
	now_ns += LOG_WAKE_NS;
	put(&f, CAPACITY / 4);
	assert_int_equal(log_wake(&f.end, now_ns + 1), UINT64_MAX);
	assert_int_equal(woken(&f), 1);
	close_fixture(&f);
}

/* A reader that does not read, or is gone, is no trouble; one that waits learns of the end. */
static void test_reader(void **state)
{
	struct fixture f;
	uint64_t now_ns = 1000 * MS;
	char byte;

	(void)state;
	open_fixture(&f);
	for (unsigned i = 0; i < 10000; i++) {
		now_ns += LOG_WAKE_NS;
		f.end.ring.own++;
		log_wake(&f.end, now_ns);
	}
	assert_true(woken(&f) >= 1);
	log_close(&f.end);
	assert_int_equal(recv(f.wake[0], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(log_wake(&f.end, now_ns), UINT64_MAX);
	close_fixture(&f);
	open_fixture(&f);
	close(f.wake[0]);
	put(&f, 1);
	log_wake(&f.end, now_ns);
	f.wake[0] = dup(f.ring);
	close_fixture(&f);
}

/* What a predecessor has left unread is told at once. */
static void test_left_over(void **state)
{
	struct fixture f;
	int wake[2];

	(void)state;
	open_fixture(&f);
	put(&f, 2);
	log_close(&f.end);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wake), 0);
	assert_null(log_open(&f.end, dup(f.ring), event_ring_bytes(CAPACITY), wake[1]));
	assert_int_equal(log_wake(&f.end, 1000 * MS), UINT64_MAX);
	close(f.wake[0]);
	f.wake[0] = wake[0];
	assert_int_equal(woken(&f), 1);
	close_fixture(&f);
}

static void test_refused(void **state)
{
	size_t bytes = event_ring_bytes(CAPACITY);
	int sealed = ring_fd(CAPACITY, F_SEAL_SHRINK), unsealed = ring_fd(CAPACITY, 0);
	int other = ring_fd(CAPACITY + 1, F_SEAL_SHRINK);
	int socket_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0),
	    stream = socket(AF_UNIX, SOCK_STREAM, 0);
	struct log_end end;

	(void)state;
	assert_non_null(log_open(&end, sealed, 0, socket_fd));
	assert_non_null(log_open(&end, sealed, UINT64_MAX, socket_fd));
	assert_non_null(log_open(&end, sealed, bytes + 65536, socket_fd));
	assert_non_null(log_open(&end, sealed, 64, socket_fd));
	assert_non_null(log_open(&end, unsealed, bytes, socket_fd));
	assert_non_null(log_open(&end, other, event_ring_bytes(CAPACITY + 1), socket_fd));
	assert_non_null(log_open(&end, socket_fd, bytes, socket_fd));
	assert_non_null(log_open(&end, sealed, bytes, sealed));
	assert_non_null(log_open(&end, sealed, bytes, stream));
	assert_null(log_open(&end, sealed, bytes, socket_fd));
	log_close(&end);
	close(unsealed);
	close(other);
	close(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_left_over),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
