/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client of the control socket. The server runs in a thread, for the client waits for its answers.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/ctl_fixture.h"

/* The server at work; only one at a time. */
static pthread_t thread;
static atomic_bool stop;

static void *serve(void *context)
{
	struct ctl_fixture *f = context;
	struct pollfd poll_fd = {.fd = server_fd(f->server), .events = POLLIN};

	while (!atomic_load(&stop)) {
		if (poll(&poll_fd, 1, 5) > 0)
			server_work(f->server, f->now_ms);
		if (!server_due_ms(f->server))
			server_expire(f->server, f->now_ms);
	}
	return NULL;
}

static void begin_serving(struct ctl_fixture *f)
{
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&thread, NULL, serve, f), 0);
}

static void end_serving(void)
{
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

static void client_asks(void **state)
{
	struct ctl_fixture *f = *state;
	struct ctl_client *client;
	struct ctl_error error;
	json_t *request, *answer;
	int fds[CTL_FDS_MAX];

	begin_serving(f);
	assert_int_equal(ctl_connect(&client, f->directory, &error), 0);
	request = json_pack("{s:s}", "op", "session-table");
	assert_int_equal(ctl_request(client, request, &answer, fds, &error), 0);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	close(fds[0]);
	close(fds[1]);
	json_decref(answer);
	json_decref(request);

	request = json_pack("{s:s,s:s}", "op", "config-check", "text", "abc");
	assert_int_equal(ctl_request(client, request, &answer, fds, &error), -EREMOTEIO);
	assert_string_equal(error.text, "expected something else than abc");
	assert_int_equal(error.line, 4);
	assert_int_equal(error.column, 2);
	assert_int_equal(fds[0], -1);
	json_decref(answer);
	json_decref(request);

	request = json_pack("{s:s}", "op", "config-show");
	assert_int_equal(ctl_request(client, request, &answer, NULL, &error), 0);
	assert_int_equal(json_string_length(json_object_get(answer, "text")), (1u << 20) - 1);
	json_decref(answer);
	json_decref(request);

	/* Nobody reports the sweep. */
	ctl_timeout(client, 30);
	request = json_pack("{s:s,s:[s]}", "op", "change", "statements", "9");
	assert_int_equal(ctl_request(client, request, &answer, NULL, &error), -ETIMEDOUT);
	assert_null(answer);
	json_decref(request);
	ctl_close(client);
	end_serving();
}

static void client_monitors(void **state)
{
	struct ctl_fixture *f = *state;
	struct ctl_client *client;
	struct ctl_error error;
	json_t *request, *answer, *event;

	begin_serving(f);
	assert_int_equal(ctl_connect(&client, f->directory, &error), 0);
	request = json_pack("{s:s}", "op", "monitor");
	assert_int_equal(ctl_request(client, request, &answer, NULL, &error), 0);
	json_decref(answer);
	json_decref(request);
	end_serving();
	assert_int_equal(ctl_event(client, &event, 0, &error), -ETIMEDOUT);
	server_event(f->server, TOLD_LINK, NULL);
	server_event(f->server, TOLD_RELAY, NULL);
	assert_int_equal(ctl_event(client, &event, 1000, &error), 1);
	assert_string_equal(json_string_value(json_object_get(event, "event")), "link");
	json_decref(event);
	assert_int_equal(ctl_event(client, &event, 1000, &error), 1);
	assert_string_equal(json_string_value(json_object_get(event, "event")), "relay");
	json_decref(event);
	server_close(f->server);
	f->server = NULL;
	assert_int_equal(ctl_event(client, &event, 1000, &error), 0);
	ctl_close(client);
}

static void client_without_server(void **state)
{
	struct ctl_client *client;
	struct ctl_error error;
	char name[200];

	(void)state;
	assert_int_equal(ctl_connect(&client, "/nonexistent", &error), -ENOENT);
	assert_null(client);
	assert_non_null(strstr(error.text, "/nonexistent/pgwd.sock"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ctl_connect(&client, name, &error), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(client_asks, ctl_setup, ctl_teardown),
		cmocka_unit_test_setup_teardown(client_monitors, ctl_setup, ctl_teardown),
		cmocka_unit_test(client_without_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
