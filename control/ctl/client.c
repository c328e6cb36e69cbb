/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/ctl/frame.h"

_Static_assert(CTL_FDS_MAX == FRAME_FDS_MAX, "one limit");

struct ctl_client {
	int fd;
	int timeout_ms;
	struct frame_in in;
	struct frame_out out;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

__attribute__((format(printf, 3, 4))) static int failed(struct ctl_error *error, int code,
							const char *format, ...)
{
	va_list arguments;

	memset(error, 0, sizeof(*error));
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_failed(int code, const char *path, struct ctl_error *error)
{
	switch (code) {
	case -ENOENT:
	case -ECONNREFUSED:
		return failed(
			error, code,
			"no pgwd answers at %s: start pgwd, or name its run directory with -r",
			path);
	case -EACCES:
	case -EPERM:
		return failed(error, code, "not permitted to use %s: run as root", path);
	case -EAGAIN:
		return failed(error, code,
			      "pgwd at %s does not accept connections: it is busy or "
			      "stopped, try again",
			      path);
	default:
		return failed(error, code, "cannot connect to %s: %s", path, strerror(-code));
	}
}

int ctl_connect(struct ctl_client **out, const char *rundir, struct ctl_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ctl_client *client;
	int length, code;

	*out = NULL;
	if (!rundir)
		rundir = CTL_DEFAULT_RUNDIR;
	length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", rundir,
			  CTL_SOCKET_NAME);
	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return failed(error, -ENAMETOOLONG,
			      "run directory %s is too long: at most %zu bytes are possible",
			      rundir, sizeof(address.sun_path) - sizeof(CTL_SOCKET_NAME) - 1);
	client = calloc(1, sizeof(*client));
	if (!client)
		return failed(error, -ENOMEM, "out of memory");
	client->timeout_ms = CTL_TIMEOUT_MS;
	memcpy(client->path, address.sun_path, sizeof(client->path));
	/* Non-blocking, so that a pgwd that hangs with a full backlog cannot hold us here. */
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0 ||
	    connect(client->fd, (const struct sockaddr *)&address, sizeof(address))) {
		code = connect_failed(-errno, client->path, error);
		ctl_close(client);
		return code;
	}
	*out = client;
	return 0;
}

void ctl_close(struct ctl_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	frame_in_free(&client->in);
	frame_out_free(&client->out);
	free(client);
}

void ctl_timeout(struct ctl_client *client, int timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

int ctl_fd(const struct ctl_client *client)
{
	return client->fd;
}

/* Waits for @events until @deadline_ms (INT64_MAX = for ever). Return: 0 or -errno. */
static int wait_for(const struct ctl_client *client, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = events};
	int left_ms = -1, ready;

	if (deadline_ms != INT64_MAX) {
		int64_t left = deadline_ms - now_ms();

		left_ms = left < 0 ? 0 : (int)left;
	}
	ready = poll(&poll_fd, 1, left_ms);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

static int64_t deadline(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
}

static int send_line(struct ctl_client *client, const char *text, int64_t deadline_ms)
{
	int code = frame_put(&client->out, text, strlen(text));

	while (!code) {
		code = frame_flush(&client->out, client->fd);
		if (code != -EAGAIN)
			break;
		code = wait_for(client, POLLOUT, deadline_ms);
		if (code == -EINTR)
			code = 0;
	}
	return code;
}

/* Return: 1 with *line; 0 the peer closed; -errno (-EINTR: a signal came). */
static int next_line(struct ctl_client *client, char **line, size_t *length, int *fds,
		     int64_t deadline_ms)
{
	for (;;) {
		int code;

		*line = frame_line(&client->in, length);
		if (*line)
			return 1;
		code = frame_fill(&client->in, client->fd, FRAME_ANSWER_BYTES_MAX, fds);
		if (code == -EAGAIN)
			code = wait_for(client, POLLIN, deadline_ms) ?: 1;
		if (code <= 0)
			return code;
	}
}

static int receive_failed(const struct ctl_client *client, int code, struct ctl_error *error)
{
	if (!code || code == -ECONNRESET || code == -EPIPE)
		return failed(error, -ECONNRESET,
			      "pgwd closed the connection: it ended, see its log and try again");
	if (code == -ETIMEDOUT)
		return failed(error, code, "pgwd at %s did not answer in time: see its log",
			      client->path);
	return failed(error, code, "connection to pgwd: %s", strerror(-code));
}

static int parse_object(const char *line, size_t length, json_t **object, struct ctl_error *error)
{
	json_error_t why;

	*object = json_loadb(line, length, JSON_ALLOW_NUL, &why);
	if (json_is_object(*object))
		return 0;
	json_decref(*object);
	*object = NULL;
	return failed(error, -EPROTO, "what answers is not pgwd, or another version of it: %s",
		      *why.text ? why.text : "expected a JSON object");
}

static int refused(const json_t *answer, struct ctl_error *error)
{
	const char *text = json_string_value(json_object_get(answer, "error"));
	const char *file = json_string_value(json_object_get(answer, "file"));
	json_int_t line = json_integer_value(json_object_get(answer, "line"));
	json_int_t column = json_integer_value(json_object_get(answer, "column"));

	failed(error, -EREMOTEIO, "%s", text ? text : "the gateway refused and gave no reason");
	snprintf(error->file, sizeof(error->file), "%s", file ? file : "");
	error->line = line > 0 && line <= UINT32_MAX ? (unsigned)line : 0;
	error->column = column > 0 && column <= UINT32_MAX ? (unsigned)column : 0;
	return -EREMOTEIO;
}

int ctl_request(struct ctl_client *client, const json_t *request, json_t **answer, int *fds,
		struct ctl_error *error)
{
	int64_t until_ms = deadline(client->timeout_ms);
	char *text, *line;
	size_t length;
	int code;

	*answer = NULL;
	memset(error, 0, sizeof(*error));
	for (unsigned i = 0; fds && i < CTL_FDS_MAX; i++)
		fds[i] = -1;
	text = json_dumps(request, JSON_COMPACT);
	if (!text)
		return failed(error, -EINVAL,
			      "the request cannot be written as JSON (UTF-8 text "
			      "is expected)");
	if (strlen(text) >= FRAME_REQUEST_BYTES_MAX) {
		free(text);
		return failed(error, -EMSGSIZE, "the request is longer than %u bytes",
			      FRAME_REQUEST_BYTES_MAX);
	}
	code = send_line(client, text, until_ms);
	free(text);
	if (code)
		return receive_failed(client, code, error);
	do
		code = next_line(client, &line, &length, fds, until_ms);
	while (code == -EINTR);
	if (code <= 0)
		return receive_failed(client, code, error);
	code = parse_object(line, length, answer, error);
	if (code)
		return code;
	return json_is_true(json_object_get(*answer, "ok")) ? 0 : refused(*answer, error);
}

int ctl_event(struct ctl_client *client, json_t **event, int timeout_ms, struct ctl_error *error)
{
	char *line;
	size_t length;
	int code;

	*event = NULL;
	memset(error, 0, sizeof(*error));
	code = next_line(client, &line, &length, NULL, deadline(timeout_ms));
	if (!code || code == -ECONNRESET)
		return 0;
	if (code == -ETIMEDOUT || code == -EINTR)
		return code;
	if (code < 0)
		return receive_failed(client, code, error);
	return parse_object(line, length, event, error) ?: 1;
}
