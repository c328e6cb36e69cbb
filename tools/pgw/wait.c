/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/wait.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/pgw/format.h"
#include "tools/pgw/message.h"
#include "tools/pgw/remote.h"

#define POLL_MS	    100
#define AWAY_MS	    60000 /* of a pgwd that is being started again: tasks go on with it */
#define BAR_WIDTH   30u
#define STEPS_SHOWN 32u

static const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

static bool is(const json_t *object, const char *state)
{
	return strcmp(text_of(object, "state"), state) == 0;
}

static bool ended(const json_t *task)
{
	return is(task, "done") || is(task, "error") || is(task, "canceled");
}

static const json_t *step_under_way(const json_t *task)
{
	const json_t *steps = json_object_get(task, "steps");

	for (size_t i = 0; i < json_array_size(steps); i++)
		if (is(json_array_get(steps, i), "doing"))
			return json_array_get(steps, i);
	return NULL;
}

/* "\r[#####-----] 40% duplicate-detection" */
static void show_bar(const json_t *task)
{
	json_int_t progress = json_integer_value(json_object_get(task, "progress"));
	unsigned done = progress > 0 && progress <= 100 ? (unsigned)progress * BAR_WIDTH / 100 : 0;
	char bar[BAR_WIDTH + 1], step[40];
	size_t n;

	memset(bar, '-', BAR_WIDTH);
	memset(bar, '#', done);
	bar[BAR_WIDTH] = '\0';
	n = format_safe(step, sizeof(step) - 1, text_of(step_under_way(task), "name"),
			strlen(text_of(step_under_way(task), "name")));
	step[n] = '\0';
	fprintf(stderr, "\r[%s] %3d%% %-24.24s", bar, (int)progress, step);
}

static void clear_bar(void)
{
	fprintf(stderr, "\r%*s\r", (int)BAR_WIDTH + 34, "");
}

/* The steps that have been done since the last look, each once. */
static void show_steps(struct pgw *pgw, const json_t *task, uint32_t *shown, bool bar)
{
	const json_t *steps = json_object_get(task, "steps");

	for (size_t i = 0; i < json_array_size(steps) && i < STEPS_SHOWN; i++) {
		const json_t *step = json_array_get(steps, i);
		const char *text = text_of(step, "text");

		if (*shown >> i & 1 || !is(step, "done"))
			continue;
		*shown |= 1u << i;
		if (bar)
			clear_bar();
		print_line(pgw->printer, "%s%s%s", text_of(step, "name"), *text ? ": " : "", text);
		print_flush(pgw->printer);
	}
}

static int show_end(struct pgw *pgw, const json_t *task)
{
	const char *reason = text_of(task, "reason");
	json_int_t id = json_integer_value(json_object_get(task, "task-id"));

	if (pgw->options.json)
		emit_value(print_emit(pgw->printer), task);
	else
		print_line(pgw->printer, "task %lld, %s: %s", (long long)id, text_of(task, "name"),
			   text_of(task, "state"));
	if (is(task, "done"))
		return EXIT_DONE;
	message_error("task %lld %s%s%s", (long long)id,
		      is(task, "error") ? "failed and was taken back" : "was canceled",
		      *reason ? ": " : "", reason);
	return EXIT_REFUSED;
}

static json_t *question(json_int_t id)
{
	return json_pack("{s:s, s:I}", "op", "task-show", "id", id);
}

/* Ask again until pgwd is back. Return: 0, or what the last try returned. */
static int ask_again(struct pgw *pgw, json_int_t id, json_t **answer, struct ctl_error *error)
{
	int code = -ENOTCONN;

	for (int left = AWAY_MS / POLL_MS; left && code && code != -EREMOTEIO; left--) {
		remote_close(pgw);
		poll(NULL, 0, POLL_MS);
		code = remote_try(pgw, question(id), answer, NULL, error);
	}
	return code;
}

/* The task as it is now; the caller's. @again: pgwd has answered before */
static int ask(struct pgw *pgw, json_int_t id, bool again, json_t **task)
{
	struct ctl_error error;
	json_t *answer;
	int code;

	if (again) {
		code = remote_try(pgw, question(id), &answer, NULL, &error);
		if (code && code != -EREMOTEIO)
			code = ask_again(pgw, id, &answer, &error);
		if (code) {
			json_decref(answer);
			message_error("%s", *error.text ? error.text : strerror(-code));
			return EXIT_REFUSED;
		}
	} else {
		code = remote_ask(pgw, question(id), &answer, NULL, NULL);
		if (code)
			return code;
	}
	*task = json_incref(json_array_get(json_object_get(answer, "items"), 0));
	json_decref(answer);
	if (json_is_object(*task))
		return EXIT_DONE;
	json_decref(*task);
	message_error("pgwd sent no task %lld", (long long)id);
	return EXIT_REFUSED;
}

int wait_for_task(struct pgw *pgw, json_int_t id)
{
	bool text = !pgw->options.json, bar = text && isatty(STDERR_FILENO) == 1;
	uint32_t shown = 0;
	json_t *task;
	int code;

	for (bool again = false;; again = true) {
		code = ask(pgw, id, again, &task);
		if (code)
			return code;
		if (text)
			show_steps(pgw, task, &shown, bar);
		if (ended(task))
			break;
		if (bar)
			show_bar(task);
		json_decref(task);
		poll(NULL, 0, POLL_MS);
	}
	if (bar)
		clear_bar();
	code = show_end(pgw, task);
	json_decref(task);
	return code;
}

int wait_command(struct pgw *pgw, json_t *request, bool follow)
{
	const struct passwd *user = getpwuid(getuid());
	const json_t *task;
	json_t *answer;
	int code;

	if (request && user)
		json_object_set_new(request, "by", json_string(user->pw_name));
	code = remote_ask(pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	task = json_object_get(answer, "task");
	if (follow)
		code = wait_for_task(pgw, json_integer_value(json_object_get(task, "task-id")));
	else if (pgw->options.json)
		emit_value(print_emit(pgw->printer), task);
	else
		print_line(pgw->printer, "task %lld, %s: %s",
			   (long long)json_integer_value(json_object_get(task, "task-id")),
			   text_of(task, "name"), text_of(task, "state"));
	json_decref(answer);
	return code;
}
