/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/upstream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl/log.h"

void upstream_init(struct upstream *upstream, int fd)
{
	memset(upstream, 0, sizeof(*upstream));
	upstream->fd = fd;
}

static struct upstream_waiting take_first(struct upstream *upstream)
{
	struct upstream_waiting first = upstream->waiting[upstream->first];

	upstream->first = (upstream->first + 1) % UPSTREAM_WAITING_MAX;
	upstream->n--;
	return first;
}

static void broken(struct upstream *upstream, const char *why)
{
	ctl_log(TOLD_API, LOG_WARNING, "api: connection to pgwd: %s; %u calls lose their answer",
		why, upstream->n);
	upstream->broken = true;
}

bool upstream_ask(struct upstream *upstream, const json_t *request, upstream_done *done,
		  void *context, int64_t now_ms)
{
	char *text;
	int code;

	if (upstream->broken || upstream->n == UPSTREAM_WAITING_MAX)
		return false;
	text = json_dumps(request, JSON_COMPACT);
	code = text ? frame_put(&upstream->out, text, strlen(text)) : -ENOMEM;
	free(text);
	if (code)
		return false;
	upstream->waiting[(upstream->first + upstream->n++) % UPSTREAM_WAITING_MAX] =
		(struct upstream_waiting){done, context, now_ms};
	/* What fails is seen, and told, when the socket is looked at. */
	frame_flush(&upstream->out, upstream->fd);
	return true;
}

void upstream_forget(struct upstream *upstream, const void *context)
{
	for (unsigned i = 0; i < upstream->n; i++) {
		struct upstream_waiting *waiting =
			&upstream->waiting[(upstream->first + i) % UPSTREAM_WAITING_MAX];

		if (waiting->context == context)
			waiting->context = NULL;
	}
}

short upstream_events(const struct upstream *upstream)
{
	return frame_waiting(&upstream->out) ? POLLIN | POLLOUT : POLLIN;
}

/* Return: false if the connection is to be given up. */
static bool take_line(struct upstream *upstream, const char *line, size_t length)
{
	json_t *answer = json_loadb(line, length, JSON_ALLOW_NUL, NULL);
	struct upstream_waiting first;

	if (!json_is_object(answer) || !upstream->n) {
		json_decref(answer);
		return false;
	}
	first = take_first(upstream);
	if (first.context)
		first.done(first.context, answer);
	json_decref(answer);
	return true;
}

void upstream_work(struct upstream *upstream)
{
	int code;

	code = frame_flush(&upstream->out, upstream->fd);
	if (code && code != -EAGAIN) {
		broken(upstream, strerror(-code));
		return;
	}
	code = frame_fill(&upstream->in, upstream->fd, FRAME_ANSWER_BYTES_MAX, NULL);
	if (code == -EAGAIN || code == -EINTR)
		return;
	if (code <= 0) {
		broken(upstream, code ? strerror(-code) : "closed by pgwd");
		return;
	}
	for (;;) {
		size_t length;
		char *line = frame_line(&upstream->in, &length);

		if (!line)
			return;
		if (!take_line(upstream, line, length)) {
			broken(upstream, "what answers is not pgwd");
			return;
		}
	}
}

void upstream_expire(struct upstream *upstream, int64_t now_ms)
{
	for (unsigned i = 0; i < upstream->n; i++) {
		struct upstream_waiting *waiting =
			&upstream->waiting[(upstream->first + i) % UPSTREAM_WAITING_MAX];
		void *context = waiting->context;

		if (waiting->asked_ms + UPSTREAM_ANSWER_MS > now_ms)
			return;
		waiting->context = NULL;
		if (context)
			waiting->done(context, NULL);
	}
}
