/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Server of the control socket, over a real socket. The server is pumped by the test itself, so
 * that nothing depends on time. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/ctl_fixture.h"

static int dial(const struct ctl_fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Lets the server work until it has nothing to do. */
static void pump(struct ctl_fixture *f)
{
	struct pollfd poll_fd = {.fd = server_fd(f->server), .events = POLLIN};

	for (unsigned i = 0; i < 100000; i++) {
		if (!server_due_ms(f->server))
			server_expire(f->server, f->now_ms);
		else if (poll(&poll_fd, 1, 0) > 0)
			server_work(f->server, f->now_ms);
		else
			return;
	}
	fail_msg("the server spins");
}

static void say(struct ctl_fixture *f, int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	pump(f);
}

/* Everything that has been answered so far; NULL where the server closed. */
static const char *hear(int fd)
{
	static char text[65536];
	ssize_t got = read(fd, text, sizeof(text) - 1);

	if (!got || (got < 0 && errno != EAGAIN))
		return NULL;
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static void answers_requests(void **state)
{
	struct ctl_fixture *f = *state;
	struct stat status;
	int fd = dial(f);

	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	say(f, fd, "{\"op\":\"version\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"n\":1}\n");
	/* A refused request does not end the connection. */
	say(f, fd, "nonsense\n{\"op\":\"ver");
	assert_non_null(strstr(hear(fd), "\"ok\":false"));
	say(f, fd, "sion\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"n\":2}\n");
	close(fd);
	pump(f);
}

/* More lines at once than one turn serves. */
static void answers_all_of_many(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	static const char line[] = "{\"op\":\"version\"}\n";
	char text[100 * (sizeof(line) - 1) + 1];

	for (unsigned i = 0; i < 100; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
	say(f, fd, text);
	assert_int_equal(f->asked, 100);
	assert_non_null(strstr(hear(fd), "{\"ok\":true,\"n\":100}\n"));
	close(fd);
}

static void line_limit(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f), other = dial(f);
	char chunk[65536];
	size_t sent = 0;

	memset(chunk, ' ', sizeof(chunk));
	while (sent <= FRAME_REQUEST_BYTES_MAX) {
		ssize_t wrote = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);

		if (wrote < 0 && errno == EPIPE)
			break;
		sent += wrote > 0 ? (size_t)wrote : 0;
		pump(f);
	}
	assert_non_null(strstr(hear(fd), "a request line is at most 4194304 bytes long"));
	assert_null(hear(fd));
	say(f, other, "{\"op\":\"version\"}\n");
	assert_string_equal(hear(other), "{\"ok\":true,\"n\":1}\n");
	close(fd);
	close(other);
}

static void connection_limit(void **state)
{
	struct ctl_fixture *f = *state;
	int fds[SERVER_CLIENTS_MAX], extra;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		fds[i] = dial(f);
		pump(f);
	}
	extra = dial(f);
	pump(f);
	assert_non_null(strstr(hear(extra), "too many control connections"));
	assert_null(hear(extra));
	close(extra);
	close(fds[7]);
	pump(f);
	extra = dial(f);
	say(f, extra, "{\"op\":\"version\"}\n");
	assert_string_equal(hear(extra), "{\"ok\":true,\"n\":1}\n");
	close(extra);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (i != 7)
			close(fds[i]);
}

/* A client that does not read holds one answer, delays nobody and is dropped in the end. */
static void reader_that_stalls(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f), other = dial(f);

	say(f, fd, "{\"op\":\"config-show\"}\n{\"op\":\"version\"}\n");
	assert_int_equal(f->asked, 0);
	say(f, other, "{\"op\":\"version\"}\n");
	assert_string_equal(hear(other), "{\"ok\":true,\"n\":1}\n");
	assert_int_equal(server_due_ms(f->server), f->now_ms + SERVER_STALL_MS);
	server_expire(f->server, f->now_ms + SERVER_STALL_MS - 1);
	say(f, other, "{\"op\":\"version\"}\n");
	assert_int_equal(f->asked, 2);
	server_expire(f->server, f->now_ms + SERVER_STALL_MS);
	while (hear(fd))
		;
	assert_int_equal(server_due_ms(f->server), INT64_MAX);
	close(fd);
	close(other);
}

static void reader_that_is_slow(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	size_t total = 0;
	const char *text;

	say(f, fd, "{\"op\":\"config-show\"}\n{\"op\":\"version\"}\n");
	for (unsigned i = 0; i < 1000 && !f->asked; i++) {
		text = hear(fd);
		assert_non_null(text);
		total += strlen(text);
		pump(f);
	}
	assert_int_equal(f->asked, 1);
	while ((text = hear(fd)) && *text)
		total += strlen(text);
	assert_int_equal(total, strlen("{\"ok\":true,\"text\":\"\"}\n") + (1u << 20) - 1 +
					strlen("{\"ok\":true,\"n\":1}\n"));
	close(fd);
}

static void monitors_get_events(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f), other = dial(f);
	const char *text;

	say(f, fd, "{\"op\":\"monitor\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true}\n");
	say(f, fd, "{\"op\":\"version\"}\n"); /* thrown away */
	say(f, other, "{\"op\":\"version\"}\n");
	assert_string_equal(hear(other), "{\"ok\":true,\"n\":1}\n");
	server_event(f->server, TOLD_LINK, json_pack("{s:s}", "state", "up"));
	text = hear(fd);
	assert_memory_equal(text, "{\"time\":\"20", 11);
	assert_non_null(strstr(text, "Z\",\"event\":\"link\",\"state\":\"up\"}\n"));
	assert_string_equal(hear(other), "");
	close(fd);
	pump(f);
	server_event(f->server, TOLD_LINK, NULL);
	close(other);
}

static void monitor_is_told_what_holds(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	const char *text;

	f->standing = true;
	say(f, fd, "{\"op\":\"monitor\"}\n");
	text = hear(fd);
	assert_memory_equal(text, "{\"ok\":true}\n{\"time\":\"20", 23);
	assert_non_null(strstr(text, "Z\",\"event\":\"not-saved\",\"revision\":7}\n"));
	close(fd);
}

static void slow_monitor_is_dropped(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	char text[4096];
	unsigned events = 0;

	say(f, fd, "{\"op\":\"monitor\"}\n");
	memset(text, 'e', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (; events < 1000; events++)
		server_event(f->server, TOLD_TASK, json_pack("{s:s}", "t", text));
	while (hear(fd))
		;
	assert_int_equal(recv(fd, text, 1, 0), 0);
	close(fd);
}

static void answer_waits_for_sweep(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f), other = dial(f);

	say(f, fd, "{\"op\":\"change\",\"statements\":[\"5\"]}\n{\"op\":\"version\"}\n");
	assert_string_equal(hear(fd), "");
	server_swept(f->server, 4, 99);
	pump(f);
	assert_string_equal(hear(fd), "");
	server_swept(f->server, 5, 12);
	pump(f);
	assert_string_equal(hear(fd),
			    "{\"ok\":true,\"sessions-ended\":12}\n{\"ok\":true,\"n\":1}\n");
	/* One that never comes. */
	say(f, other, "{\"op\":\"change\",\"statements\":[\"6\"]}\n");
	assert_int_equal(server_due_ms(f->server), f->now_ms + SERVER_SWEEP_MS);
	server_expire(f->server, f->now_ms + SERVER_SWEEP_MS);
	assert_string_equal(hear(other), "{\"ok\":true}\n");
	/* One whose asker goes. */
	say(f, other, "{\"op\":\"change\",\"statements\":[\"7\"]}\n");
	close(other);
	pump(f);
	server_swept(f->server, 7, 1);
	close(fd);
}

static void answer_waits_for_ending(void **state)
{
	const struct ctl_error why = {.text = "why"};
	struct ctl_fixture *f = *state;
	int fd = dial(f), other = dial(f);

	say(f, fd, "{\"op\":\"session-end\",\"filter\":{},\"limit\":5}\n{\"op\":\"version\"}\n");
	say(f, other, "{\"op\":\"session-end\",\"filter\":{},\"limit\":6}\n");
	/* Neither a revision's sweep nor another question's end is what it waits for. */
	server_swept(f->server, 99, 1);
	server_ended(f->server, 4, 1, 0, NULL);
	pump(f);
	assert_string_equal(hear(fd), "");
	server_ended(f->server, 5, 70000, 0, NULL);
	pump(f);
	assert_string_equal(hear(fd), "{\"ok\":true,\"ended\":70000}\n{\"ok\":true,\"n\":1}\n");
	assert_string_equal(hear(other), "");
	server_ended(f->server, 6, 0, -ECONNRESET, &why);
	pump(f);
	assert_non_null(strstr(hear(other), "{\"ok\":false,\"error\":\"why\""));
	/* It takes longer than anybody waits. */
	say(f, other, "{\"op\":\"session-end\",\"filter\":{},\"limit\":7}\n");
	assert_int_equal(server_due_ms(f->server), f->now_ms + SERVER_ENDING_MS);
	server_expire(f->server, f->now_ms + SERVER_ENDING_MS);
	assert_string_equal(hear(other), "{\"ok\":true}\n");
	close(other);
	close(fd);
}

static int dial_api(const char *path)
{
	struct ctl_fixture other = {.now_ms = 0};

	assert_true(strlen(path) < sizeof(other.path));
	memcpy(other.path, path, strlen(path) + 1);
	return dial(&other);
}

/* The API has a socket of its own, where it may ask less, and never takes all places. */
static void api_socket(void **state)
{
	static const char forbidden[] = "{\"op\":\"config-show\"}\n";
	static const char version[] = "{\"op\":\"version\"}\n";
	struct ctl_fixture *f = *state;
	int fds[SERVER_API_CLIENTS_MAX + 1], operator;
	struct stat status;
	struct ctl_error error;
	char path[sizeof(f->directory) + sizeof(f->path)], text[512];
	ssize_t got;

	snprintf(path, sizeof(path), "%s/" CTL_API_SOCKET_NAME, f->directory);
	assert_int_equal(server_open_api(f->server, path, "no-such-user", &error), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	for (unsigned i = 0; i <= SERVER_API_CLIENTS_MAX; i++) {
		fds[i] = dial_api(path);
		pump(f);
	}
	got = recv(fds[SERVER_API_CLIENTS_MAX], text, sizeof(text) - 1, 0);
	assert_true(got > 0);
	text[got] = '\0';
	assert_non_null(strstr(text, "\"code\":\"busy\""));
	operator= dial(f);
	assert_int_equal(send(fds[0], forbidden, strlen(forbidden), 0), strlen(forbidden));
	assert_int_equal(send(operator, version, strlen(version), 0), strlen(version));
	pump(f);
	got = recv(fds[0], text, sizeof(text) - 1, 0);
	assert_true(got > 0);
	text[got] = '\0';
	assert_non_null(strstr(text, "\"code\":\"forbidden\""));
	got = recv(operator, text, sizeof(text) - 1, 0);
	assert_true(got > 0);
	text[got] = '\0';
	assert_non_null(strstr(text, "\"ok\":true"));
	for (unsigned i = 0; i <= SERVER_API_CLIENTS_MAX; i++)
		close(fds[i]);
	close(operator);
	server_close(f->server);
	f->server = NULL;
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, ctl_setup, ctl_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(answers_requests),
		WITH_SERVER(answers_all_of_many),
		WITH_SERVER(line_limit),
		WITH_SERVER(connection_limit),
		WITH_SERVER(reader_that_stalls),
		WITH_SERVER(reader_that_is_slow),
		WITH_SERVER(monitors_get_events),
		WITH_SERVER(monitor_is_told_what_holds),
		WITH_SERVER(slow_monitor_is_dropped),
		WITH_SERVER(answer_waits_for_sweep),
		WITH_SERVER(answer_waits_for_ending),
		WITH_SERVER(api_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
