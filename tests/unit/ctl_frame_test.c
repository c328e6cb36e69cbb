/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/ctl/frame.h"

static void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void send_text(int fd, const char *text, size_t length)
{
	assert_int_equal(write(fd, text, length), length);
}

static void lines_in_pieces(void **state)
{
	struct frame_in in = {.bytes = NULL};
	size_t length;
	int fds[2];

	(void)state;
	make_pair(fds);
	assert_int_equal(frame_fill(&in, fds[1], 100, NULL), -EAGAIN);
	send_text(fds[0], "one\ntw", 6);
	assert_int_equal(frame_fill(&in, fds[1], 100, NULL), 1);
	assert_string_equal(frame_line(&in, &length), "one");
	assert_int_equal(length, 3);
	assert_null(frame_line(&in, &length));
	send_text(fds[0], "o\n\nthree", 8);
	assert_int_equal(frame_fill(&in, fds[1], 100, NULL), 1);
	assert_string_equal(frame_line(&in, &length), "two");
	assert_string_equal(frame_line(&in, &length), "");
	assert_int_equal(length, 0);
	assert_null(frame_line(&in, &length));
	close(fds[0]);
	assert_int_equal(frame_fill(&in, fds[1], 100, NULL), 0);
	close(fds[1]);
	frame_in_free(&in);
}

static void line_holds_nul(void **state)
{
	struct frame_in in = {.bytes = NULL};
	size_t length;
	int fds[2];

	(void)state;
	make_pair(fds);
	send_text(fds[0], "a\0b\n", 4);
	assert_int_equal(frame_fill(&in, fds[1], 100, NULL), 1);
	assert_memory_equal(frame_line(&in, &length), "a\0b", 4);
	assert_int_equal(length, 3);
	close(fds[0]);
	close(fds[1]);
	frame_in_free(&in);
}

/* A line of exactly the limit passes, newline included; one byte more is refused. */
static void limit_is_exact(void **state)
{
	for (size_t size = 39999; size <= 40001; size++) {
		struct frame_in in = {.bytes = NULL};
		char *text = malloc(size);
		char *line = NULL;
		size_t length = 0;
		int fds[2], code;

		(void)state;
		make_pair(fds);
		memset(text, 'x', size - 1);
		text[size - 1] = '\n';
		send_text(fds[0], text, size);
		do {
			code = frame_fill(&in, fds[1], 40000, NULL);
			if (code > 0)
				line = frame_line(&in, &length);
		} while (code > 0 && !line);
		if (size <= 40000) {
			assert_non_null(line);
			assert_int_equal(length, size - 1);
		} else {
			assert_int_equal(code, -EMSGSIZE);
		}
		free(text);
		close(fds[0]);
		close(fds[1]);
		frame_in_free(&in);
	}
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void descriptors_travel(void **state)
{
	struct frame_out out = {.bytes = NULL};
	struct frame_in in = {.bytes = NULL};
	int fds[2], given[2] = {open_null(), open_null()}, taken[2] = {-1, -1};
	size_t length;

	(void)state;
	make_pair(fds);
	assert_int_equal(frame_put(&out, "answer", 6), 0);
	frame_put_fds(&out, given, 2);
	assert_int_equal(frame_flush(&out, fds[0]), 0);
	/* They belong to the queue, which has closed them. */
	assert_int_equal(fcntl(given[0], F_GETFD), -1);
	assert_int_equal(frame_fill(&in, fds[1], 100, taken), 1);
	assert_string_equal(frame_line(&in, &length), "answer");
	assert_int_equal(fcntl(taken[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(taken[1], F_GETFD), FD_CLOEXEC);
	close(taken[0]);
	close(taken[1]);
	close(fds[0]);
	close(fds[1]);
	frame_in_free(&in);
	frame_out_free(&out);
}

static unsigned open_files(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Descriptors that nobody asked for must not pile up in the receiver. */
static void unwanted_descriptors_are_closed(void **state)
{
	struct frame_out out = {.bytes = NULL};
	struct frame_in in = {.bytes = NULL};
	int fds[2], given[2] = {open_null(), open_null()};
	unsigned before;

	(void)state;
	make_pair(fds);
	assert_int_equal(frame_put(&out, "x", 1), 0);
	frame_put_fds(&out, given, 2);
	assert_int_equal(frame_flush(&out, fds[0]), 0);
	before = open_files();
	assert_int_equal(frame_fill(&in, fds[1], 100, NULL), 1);
	assert_int_equal(open_files(), before);
	close(fds[0]);
	close(fds[1]);
	frame_in_free(&in);
	frame_out_free(&out);
}

static void output_waits_for_reader(void **state)
{
	struct frame_out out = {.bytes = NULL};
	struct frame_in in = {.bytes = NULL};
	size_t size = 2u << 20, length = 0, waiting;
	char *text = malloc(size), *line = NULL;
	int fds[2];

	(void)state;
	make_pair(fds);
	memset(text, 'y', size);
	assert_int_equal(frame_put(&out, text, size), 0);
	assert_int_equal(frame_flush(&out, fds[0]), -EAGAIN);
	waiting = frame_waiting(&out);
	assert_in_range(waiting, 1, size);
	while (!line) {
		int code = frame_fill(&in, fds[1], 3u << 20, NULL);

		assert_true(code == 1 || code == -EAGAIN);
		line = frame_line(&in, &length);
		frame_flush(&out, fds[0]);
	}
	assert_int_equal(length, size);
	assert_int_equal(frame_waiting(&out), 0);
	close(fds[1]);
	assert_int_equal(frame_put(&out, "z", 1), 0);
	assert_int_equal(frame_flush(&out, fds[0]), -EPIPE);
	close(fds[0]);
	free(text);
	frame_in_free(&in);
	frame_out_free(&out);
}

static bool nested(const char *text, unsigned depth)
{
	return frame_nested(text, strlen(text), depth);
}

static void nesting(void **state)
{
	(void)state;
	assert_false(nested("[[]]", 2));
	assert_true(nested("[[[", 2));
	assert_false(nested("[][][][]{}", 1));
	assert_false(nested("\"[[[[\\\"[[[\"", 1));
	assert_true(nested("\"\\\\\"[[", 1));
	assert_false(nested("]]]]]]", 0));
	assert_false(nested("\"unterminated [[[", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_in_pieces),
		cmocka_unit_test(line_holds_nul),
		cmocka_unit_test(limit_is_exact),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(unwanted_descriptors_are_closed),
		cmocka_unit_test(output_waits_for_reader),
		cmocka_unit_test(nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
