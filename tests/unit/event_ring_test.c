/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event ring against a simple queue, between two processes, and with an end that lies. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/base/event_ring.h"

#define CAPACITY   64u
#define OPERATIONS 1000000u
#define PASSED_ON  400000u /* events between two processes */
#define BATCH	   17u

static uint64_t seed = 88172645463325252ull;

static uint32_t draw(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % bound;
}

static void *new_memory(uint32_t capacity)
{
	void *memory = mmap(NULL, event_ring_bytes(capacity), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	event_ring_format(memory, capacity);
	return memory;
}

static struct event numbered(uint64_t number)
{
	struct event event;

	memset(&event, (uint8_t)number, sizeof(event));
	event.time_ns = number;
	return event;
}

static void assert_numbered(const struct event *event, uint64_t number)
{
	struct event expected = numbered(number);

	assert_memory_equal(event, &expected, sizeof(expected));
}

static void test_model(void **state)
{
	void *memory = new_memory(CAPACITY);
	uint64_t put = 0, taken = 0, done = 0;
	struct event_ring writer, reader;
	struct event events[BATCH];

	(void)state;
	assert_null(event_ring_writer(&writer, memory, event_ring_bytes(CAPACITY)));
	assert_null(event_ring_reader(&reader, memory, event_ring_bytes(CAPACITY)));
	for (unsigned i = 0; i < OPERATIONS; i++) {
		struct event event = numbered(put);
		unsigned n;

		switch (draw(8)) {
		default:
			assert_int_equal(event_ring_put(&writer, &event), put - done < CAPACITY);
			put += put - done < CAPACITY;
			break;
		case 5:
			n = event_ring_take(&reader, events, draw(BATCH + 1));
			for (unsigned e = 0; e < n; e++)
				assert_numbered(&events[e], taken++);
			break;
		case 6:
			event_ring_done(&reader, taken - done, 0);
			done = taken;
			break;
		case 7: /* either end is started again: what was not done with comes once more */
			if (draw(2))
				assert_null(event_ring_reader(&reader, memory,
							      event_ring_bytes(CAPACITY)));
			else
				assert_null(event_ring_writer(&writer, memory,
							      event_ring_bytes(CAPACITY)));
			taken = reader.own;
			break;
		}
		assert_int_equal(event_ring_used(&writer), put - done);
	}
	assert_true(put > 10 * CAPACITY);
	assert_int_equal(reader.header->exported, done);
	munmap(memory, event_ring_bytes(CAPACITY));
}

static void test_full(void **state)
{
	void *memory = new_memory(CAPACITY);
	struct event_ring writer, reader;
	struct event event, events[CAPACITY];

	(void)state;
	event_ring_writer(&writer, memory, event_ring_bytes(CAPACITY));
	event_ring_reader(&reader, memory, event_ring_bytes(CAPACITY));
	for (unsigned i = 0; i < CAPACITY; i++) {
		event = numbered(i);
		assert_true(event_ring_put(&writer, &event));
	}
	assert_false(event_ring_put(&writer, &event));
	/* what is taken is still the reader's until it is done with it */
	assert_int_equal(event_ring_take(&reader, events, 1), 1);
	assert_false(event_ring_put(&writer, &event));
	event_ring_done(&reader, 0, 1);
	assert_true(event_ring_put(&writer, &event));
	assert_false(event_ring_put(&writer, &event));
	assert_int_equal(event_ring_take(&reader, events, CAPACITY), CAPACITY);
	assert_numbered(&events[0], 1);
	assert_int_equal(writer.header->failed, 1);
	munmap(memory, event_ring_bytes(CAPACITY));
}

static void write_all(void *memory)
{
	struct event_ring writer;

	if (event_ring_writer(&writer, memory, event_ring_bytes(CAPACITY)))
		_exit(1);
	for (uint64_t i = 0; i < PASSED_ON;) {
		struct event event = numbered(i);

		if (event_ring_put(&writer, &event))
			i++;
		else
			sched_yield(); /* only here: the gateway's writer never waits */
	}
	_exit(0);
}

static void test_two_processes(void **state)
{
	void *memory = new_memory(CAPACITY);
	struct event_ring reader;
	struct event events[BATCH];
	uint64_t next = 0;
	int status = 0;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid)
		write_all(memory);
	assert_null(event_ring_reader(&reader, memory, event_ring_bytes(CAPACITY)));
	while (next < PASSED_ON) {
		unsigned n = event_ring_take(&reader, events, BATCH);

		for (unsigned i = 0; i < n; i++)
			assert_numbered(&events[i], next++);
		event_ring_done(&reader, n, 0);
		/* a writer that ended early has said so by its status */
		if (!n && pid && waitpid(pid, &status, WNOHANG) == pid) {
			assert_int_equal(status, 0);
			pid = 0;
		}
	}
	if (pid)
		waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(event_ring_take(&reader, events, BATCH), 0);
	munmap(memory, event_ring_bytes(CAPACITY));
}

static void test_check(void **state)
{
	struct event_ring_header *header = new_memory(CAPACITY);
	size_t bytes = event_ring_bytes(CAPACITY);
	struct event_ring ring;

	(void)state;
	assert_null(event_ring_reader(&ring, header, bytes));
	assert_non_null(event_ring_reader(&ring, header, bytes - 1));
	assert_non_null(event_ring_reader(&ring, header, sizeof(*header) - 1));
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t wrong[] = {0, CAPACITY + 1, 2 * EVENT_RING_CAPACITY_MAX};

		header->capacity = wrong[i];
		assert_non_null(event_ring_writer(&ring, header, SIZE_MAX));
	}
	header->capacity = CAPACITY;
	header->version++;
	assert_non_null(event_ring_writer(&ring, header, bytes));
	header->version--;
	header->record_bytes++;
	assert_non_null(event_ring_writer(&ring, header, bytes));
	header->record_bytes--;
	header->magic++;
	assert_non_null(event_ring_writer(&ring, header, bytes));
	munmap(header, bytes);
}

/* The other end writes what it likes; this one stays within the ring and goes on. */
static void test_lies(void **state)
{
	struct event_ring_header *header = new_memory(CAPACITY);
	size_t bytes = event_ring_bytes(CAPACITY);
	struct event_ring writer, reader;
	struct event event = numbered(1), events[2 * CAPACITY];

	(void)state;
	event_ring_writer(&writer, header, bytes);
	event_ring_reader(&reader, header, bytes);
	header->capacity = 1u << 30;
	for (unsigned i = 0; i < 100000; i++) {
		header->head = (uint64_t)draw(UINT32_MAX) << draw(33);
		assert_true(event_ring_take(&reader, events, 2 * CAPACITY) <= CAPACITY);
		event_ring_done(&reader, 0, 0);
		header->tail = (uint64_t)draw(UINT32_MAX) << draw(33);
		event_ring_put(&writer, &event);
		assert_true(event_ring_used(&writer) <= CAPACITY);
	}
	/* an honest writer again */
	header->tail = reader.own;
	header->head = reader.own;
	header->capacity = CAPACITY;
	event_ring_writer(&writer, header, bytes);
	assert_true(event_ring_put(&writer, &event));
	assert_int_equal(event_ring_take(&reader, events, 2 * CAPACITY), 1);
	assert_numbered(&events[0], 1);
	munmap(header, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),	      cmocka_unit_test(test_full),
		cmocka_unit_test(test_two_processes), cmocka_unit_test(test_check),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
