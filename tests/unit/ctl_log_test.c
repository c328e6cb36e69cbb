/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events: names and identifiers; how the log shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/ctl/log.h"

static void names_and_identifiers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TOLD_COUNT; i++) {
		const char *name = ctl_event_name((enum ctl_event)i);
		const char *id = ctl_event_id((enum ctl_event)i);

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		assert_int_equal(strlen(id), 32);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
		/* the first of that name, so there are no two */
		assert_int_equal(ctl_event_of(name), i);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(id, ctl_event_id((enum ctl_event)j));
	}
	assert_int_equal(ctl_event_of("nothing"), TOLD_COUNT);
}

static int saved_stderr;

/* What went to standard error since begin_hearing(). */
static void begin_hearing(int pipe_fds[2])
{
	assert_int_equal(pipe(pipe_fds), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
	close(pipe_fds[1]);
}

static void hear(int pipe_fds[2], char *text, size_t bytes)
{
	ssize_t got;

	dup2(saved_stderr, STDERR_FILENO); /* the last end to write to is closed */
	close(saved_stderr);
	got = read(pipe_fds[0], text, bytes - 1);
	close(pipe_fds[0]);
	text[got > 0 ? got : 0] = '\0';
}

static void lines(void **state)
{
	int pipe_fds[2];
	char text[4096];

	(void)state;
	begin_hearing(pipe_fds);
	ctl_log(TOLD_DAEMON, LOG_NOTICE, "ended\n\033[1m");
	ctl_log_members(TOLD_BACKEND, LOG_WARNING,
			json_pack("{s:s, s:i, s:b, s:s, s:[i], s:s}", "service", "web", "n", -3,
				  "up", 0, "reason", "it said \"no\"]", "list", 1, "none", ""),
			"service %s", "web");
	hear(pipe_fds, text, sizeof(text));
	assert_string_equal(text, "ended??[1m [daemon]\n"
				  "service web [backend service=web n=-3 up=false reason=\"it said "
				  "'no']\"]\n");
}

static void no_line_is_too_long(void **state)
{
	json_t *members = json_object();
	char value[5000], text[8192];
	int pipe_fds[2];

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (unsigned i = 0; i < 20; i++) {
		char name[20];

		snprintf(name, sizeof(name), "member-%u", i);
		json_object_set_new(members, name, json_string(value));
	}
	begin_hearing(pipe_fds);
	ctl_log_members(TOLD_LINK, LOG_ERR, members, "%s", value);
	hear(pipe_fds, text, sizeof(text));
	assert_true(strlen(text) > 1024 && strlen(text) <= 1536);
	assert_string_equal(text + strlen(text) - 2, "]\n");
	assert_non_null(strstr(text, " [link member-0=xxx"));
}

static char sent[64];

static bool take(enum ctl_event event, int priority, const json_t *members, const char *text)
{
	snprintf(sent, sizeof(sent), "%s %d %zu %s", ctl_event_name(event), priority,
		 json_object_size(members), text);
	return strcmp(text, "refused") != 0;
}

static void elsewhere(void **state)
{
	int pipe_fds[2];
	char text[100];

	(void)state;
	ctl_log_to(take);
	begin_hearing(pipe_fds);
	ctl_log_members(TOLD_LINK, LOG_ERR, json_pack("{s:s}", "state", "up"), "it is up");
	assert_string_equal(sent, "link 3 1 it is up");
	ctl_log(TOLD_LINK, LOG_ERR, "refused");
	hear(pipe_fds, text, sizeof(text));
	assert_string_equal(text, "refused [link]\n");
	ctl_log_to(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_identifiers),
		cmocka_unit_test(lines),
		cmocka_unit_test(no_line_is_too_long),
		cmocka_unit_test(elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
