/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ctl_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fake_version(void *gateway, struct request_result *result)
{
	struct ctl_fixture *f = gateway;

	json_object_set_new(result->answer, "n", json_integer(++f->asked));
	return 0;
}

static int fake_check(void *gateway, const char *text, size_t bytes, struct request_result *result)
{
	(void)gateway;
	(void)bytes;
	request_failed(result, -EINVAL, "expected something else than %s", text);
	result->error.line = 4;
	result->error.column = 2;
	return -EINVAL;
}

/* An answer larger than any socket buffer. */
static int fake_config_show(void *gateway, uint64_t revision, struct request_result *result)
{
	(void)revision;
	char *text = malloc(1u << 20);

	(void)gateway;
	memset(text, 'x', (1u << 20) - 1);
	text[(1u << 20) - 1] = '\0';
	json_object_set_new(result->answer, "text", json_string(text));
	free(text);
	return 0;
}

static int fake_change(void *gateway, const char *const *statements, size_t n,
		       const struct request_order *order, struct request_result *result)
{
	(void)gateway;
	assert_int_equal(order->peer->pid, getpid());
	(void)n;
	result->sweep = (uint64_t)atoi(statements[0]);
	return 0;
}

static int fake_session_end(void *gateway, const struct flow_filter *filter,
			    const struct filter_text *text, uint64_t limit,
			    struct request_result *result)
{
	(void)gateway;
	(void)filter;
	(void)text;
	result->ending = limit;
	return 0;
}

static int fake_session_table(void *gateway, struct request_result *result)
{
	(void)gateway;
	result->fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	result->fds[1] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	result->n_fds = 2;
	return 0;
}

/* What holds already when a monitor comes. */
static int fake_monitor(void *gateway, struct request_result *result)
{
	const struct ctl_fixture *f = gateway;

	if (f->standing)
		result->events = json_pack("[{s:s, s:i}]", "event", "not-saved", "revision", 7);
	return 0;
}

static const struct request_ops ops = {
	.version = fake_version,
	.change = fake_change,
	.config_show = fake_config_show,
	.config_check = fake_check,
	.session_table = fake_session_table,
	.session_end = fake_session_end,
	.monitor = fake_monitor,
};

int ctl_setup(void **state)
{
	struct ctl_fixture *f = calloc(1, sizeof(*f));
	struct ctl_error error;

	snprintf(f->directory, sizeof(f->directory), "/tmp/ctl-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/" CTL_SOCKET_NAME, f->directory);
	f->now_ms = 1000;
	assert_int_equal(server_open(&f->server, f->path, &ops, f, &error), 0);
	*state = f;
	return 0;
}

int ctl_teardown(void **state)
{
	struct ctl_fixture *f = *state;

	server_close(f->server);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}
