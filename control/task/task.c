/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/task.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_9999_END_S INT64_C(253402300799) /* what four digits can say */

static const char *const state_names[] = {
	[TASK_TODO] = "todo", [TASK_DOING] = "doing", [TASK_UNDOING] = "doing",
	[TASK_DONE] = "done", [TASK_ERROR] = "error", [TASK_CANCELED] = "canceled",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == TASK_STATE_COUNT, "one per state");

static const char *const status_names[] = {
	[TASK_TODO] = "todo", [TASK_DOING] = "doing",	      [TASK_UNDOING] = "doing",
	[TASK_DONE] = "done", [TASK_ERROR] = "customerError", [TASK_CANCELED] = "cancelled",
};
static_assert(sizeof(status_names) / sizeof(status_names[0]) == TASK_STATE_COUNT, "one per state");

static const char *const step_names[] = {
	[STEP_TODO] = "todo",	[STEP_DOING] = "doing",	  [STEP_DONE] = "done",
	[STEP_ERROR] = "error", [STEP_UNDONE] = "undone",
};
static_assert(sizeof(step_names) / sizeof(step_names[0]) == STEP_STATE_COUNT, "one per state");

const char *task_state_name(enum task_state state)
{
	return state_names[state];
}

const char *task_status_name(enum task_state state)
{
	return status_names[state];
}

const char *step_state_name(enum step_state state)
{
	return step_names[state];
}

unsigned task_progress(const struct task *task)
{
	unsigned sum = 0;

	if (task->state == TASK_DONE)
		return 100;
	for (unsigned i = 0; i < task->n_steps; i++)
		sum += task->step[i].state == STEP_DONE ? 100 : task->step[i].progress;
	return task->n_steps ? sum / task->n_steps : 0;
}

static void step_state(struct task_step *step, enum step_state state)
{
	step->state = state;
	step->progress = state == STEP_DONE ? 100 : 0;
}

void task_begin(struct task *task, int64_t now_ms)
{
	task->state = TASK_DOING;
	task->begun_ms = task->modified_ms = now_ms;
	task->at = 0;
	for (unsigned i = 0; i < task->n_steps; i++)
		step_state(&task->step[i], STEP_TODO);
	step_state(&task->step[0], STEP_DOING);
}

void task_step_done(struct task *task, int64_t now_ms)
{
	step_state(&task->step[task->at], STEP_DONE);
	task->modified_ms = now_ms;
	if (++task->at < task->n_steps) {
		step_state(&task->step[task->at], STEP_DOING);
		return;
	}
	task->state = TASK_DONE;
	task->end_ms = now_ms;
}

void task_fail(struct task *task, const char *reason, bool cancel, int64_t now_ms)
{
	if (task->at < task->n_steps)
		step_state(&task->step[task->at], cancel ? STEP_UNDONE : STEP_ERROR);
	snprintf(task->reason, sizeof(task->reason), "%s", reason);
	task->cancel = cancel;
	task->state = TASK_UNDOING;
	task->modified_ms = now_ms;
}

void task_undone(struct task *task, int64_t now_ms)
{
	for (unsigned i = 0; i < task->n_steps; i++)
		if (task->step[i].state == STEP_DONE)
			step_state(&task->step[i], STEP_UNDONE);
	task->state = task->cancel ? TASK_CANCELED : TASK_ERROR;
	task->modified_ms = task->end_ms = now_ms;
}

void task_cancel(struct task *task, const char *reason, int64_t now_ms)
{
	snprintf(task->reason, sizeof(task->reason), "%s", reason);
	task->state = TASK_CANCELED;
	task->modified_ms = task->end_ms = now_ms;
}

void task_reset(struct task *task, const char *reason, int64_t now_ms)
{
	snprintf(task->reason, sizeof(task->reason), "%s", reason);
	task->state = TASK_TODO;
	task->cancel = false;
	task->at = 0;
	task->resumes = 0;
	for (unsigned i = 0; i < task->n_steps; i++) {
		step_state(&task->step[i], STEP_TODO);
		task->step[i].text[0] = '\0';
	}
	task->execution_ms = task->modified_ms = now_ms;
	task->begun_ms = task->end_ms = 0;
}

void task_schedule(struct task *task, int64_t execution_ms, int64_t now_ms)
{
	task->execution_ms = execution_ms;
	task->modified_ms = now_ms;
}

void task_resume(struct task *task, int64_t now_ms)
{
	if (task->state != TASK_DOING)
		return;
	if (task->resumes++ < TASK_RESUMES_MAX) {
		int64_t begun_ms = task->begun_ms;

		task_begin(task, now_ms);
		task->begun_ms = begun_ms;
		return;
	}
	task_fail(task, "the gateway was restarted in the middle of it again and again", false,
		  now_ms);
}

void task_free(struct task *task)
{
	json_decref(task->arguments);
	task->arguments = NULL;
}

json_t *task_time(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[40];

	if (!ms || !gmtime_r(&seconds, &parts))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

/* "2026-01-02T03:04:05", exactly so: strptime() would take blanks, and turn a day that the month
 * has not into another. Return: what follows, NULL if it is no date of the calendar. */
static const char *read_second(const char *text, int64_t *seconds)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	struct tm parts = {.tm_isdst = 0}, again;
	size_t i = 0;

	for (; form[i]; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return NULL;
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
		   &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6)
		return NULL;
	parts.tm_year -= 1900;
	parts.tm_mon--;
	again = parts;
	*seconds = timegm(&again);
	if (parts.tm_year < 70 || parts.tm_mon != again.tm_mon || parts.tm_mday != again.tm_mday ||
	    parts.tm_hour != again.tm_hour || parts.tm_min != again.tm_min ||
	    parts.tm_sec != again.tm_sec)
		return NULL;
	return text + i;
}

int64_t task_time_read(const char *text)
{
	int hours, minutes, used = 0;
	int64_t seconds;
	const char *rest = read_second(text, &seconds);

	if (!rest)
		return -1;
	if (*rest == '.') { /* parts of a second */
		size_t digits = strspn(rest + 1, "0123456789");

		if (!digits)
			return -1;
		rest += 1 + digits;
	}
	if (strcmp(rest, "Z") == 0)
		return seconds * 1000;
	if ((*rest != '+' && *rest != '-') || strspn(rest + 1, "0123456789:") != 5 ||
	    sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 || rest[6] ||
	    hours > 23 || minutes > 59)
		return -1;
	seconds -= (*rest == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return seconds < 0 || seconds > YEAR_9999_END_S ? -1 : seconds * 1000;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(int64_t number)
{
	return number ? json_integer(number) : json_null();
}

static json_t *steps_json(const struct task *task)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < task->n_steps; i++) {
		const struct task_step *step = &task->step[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:i, s:s}", "name", step->name, "state",
						step_state_name(step->state), "progress",
						(int)step->progress, "text", step->text));
	}
	return list;
}

static void add_server_task(const struct task *task, json_t *object)
{
	json_object_set_new(object, "server", json_string(task->server));
	json_object_set_new(object, "function", json_string(task->name));
	json_object_set_new(object, "status", json_string(task_status_name(task->state)));
	json_object_set_new(object, "start-date", task_time(task->created_ms));
	json_object_set_new(object, "last-update", task_time(task->modified_ms));
	json_object_set_new(object, "done-date", task_time(task->end_ms));
	json_object_set_new(object, "comment",
			    text_or_null(*task->reason ? task->reason : task->description));
}

json_t *task_json(const struct task *task)
{
	static const char *const nothing[] = {"maintenance-date-from",
					      "maintenance-date-to",
					      "parent-task-id",
					      "user-id",
					      "vlan-id",
					      "host-id",
					      "filer-id",
					      "order-id"};
	json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:i, s:o, s:o}", "task-id",
				   (json_int_t)task->id, "name", task->name, "type", task->type,
				   "state", task_state_name(task->state), "progress",
				   (int)task_progress(task), "execution-date",
				   task_time(task->execution_ms), "steps", steps_json(task));
	bool failed = task->state == TASK_ERROR || task->state == TASK_CANCELED;

	/* What it does; of one that was taken back, why. */
	json_object_set_new(
		object, "description",
		text_or_null(failed && *task->reason ? task->reason : task->description));
	json_object_set_new(object, "created-by", text_or_null(task->by));
	json_object_set_new(object, "created-from", text_or_null(task->from));
	json_object_set_new(object, "service", text_or_null(task->service));
	json_object_set_new(object, "datacenter-id", number_or_null(task->datacenter));
	json_object_set_new(object, "network-access-id", number_or_null(task->network_access_id));
	json_object_set_new(object, "network", text_or_null(task->network));
	json_object_set_new(object, "last-modification-date", task_time(task->modified_ms));
	json_object_set_new(object, "end-date", task_time(task->end_ms));
	json_object_set_new(object, "reason", text_or_null(task->reason));
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		json_object_set_new(object, nothing[i], json_null());
	if (*task->server)
		add_server_task(task, object);
	return object;
}

char *task_body(const struct task *task)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:i, s:b, s:O}", "reason",
		task->reason, "description", task->description, "by", task->by, "from", task->from,
		"network", task->network, "created", (json_int_t)task->created_ms, "modified",
		(json_int_t)task->modified_ms, "begun", (json_int_t)task->begun_ms, "end",
		(json_int_t)task->end_ms, "resumes", (int)task->resumes, "at", (int)task->at,
		"cancel", (int)task->cancel, "arguments", task->arguments);
	json_t *steps = json_array();
	char *text;

	for (unsigned i = 0; i < task->n_steps; i++)
		json_array_append_new(steps,
				      json_pack("[s, i, i, s]", task->step[i].name,
						(int)task->step[i].state,
						(int)task->step[i].progress, task->step[i].text));
	json_object_set_new(object, "steps", steps);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}

static void copy_text(char *to, size_t bytes, const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	snprintf(to, bytes, "%s", text ? text : "");
}

static int64_t number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static bool read_steps(struct task *task, const json_t *steps)
{
	size_t n = json_array_size(steps);

	if (n == 0 || n > TASK_STEPS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *at = json_array_get(steps, i);
		const char *name = json_string_value(json_array_get(at, 0));
		const char *text = json_string_value(json_array_get(at, 3));
		json_int_t state = json_integer_value(json_array_get(at, 1));
		json_int_t progress = json_integer_value(json_array_get(at, 2));
		struct task_step *step = &task->step[i];

		if (!name || !text || state < 0 || state >= STEP_STATE_COUNT || progress < 0 ||
		    progress > 100)
			return false;
		snprintf(step->name, sizeof(step->name), "%s", name);
		snprintf(step->text, sizeof(step->text), "%s", text);
		step->state = (enum step_state)state;
		step->progress = (uint8_t)progress;
	}
	task->n_steps = (unsigned)n;
	return true;
}

bool task_body_read(struct task *task, const char *text)
{
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;
	json_t *arguments = json_object_get(object, "arguments");
	bool sound = json_is_object(arguments) &&
		     read_steps(task, json_object_get(object, "steps")) &&
		     number(object, "at") >= 0 && number(object, "at") <= task->n_steps;

	if (sound) {
		copy_text(task->reason, sizeof(task->reason), object, "reason");
		copy_text(task->description, sizeof(task->description), object, "description");
		copy_text(task->by, sizeof(task->by), object, "by");
		copy_text(task->from, sizeof(task->from), object, "from");
		copy_text(task->network, sizeof(task->network), object, "network");
		task->created_ms = number(object, "created");
		task->modified_ms = number(object, "modified");
		task->begun_ms = number(object, "begun");
		task->end_ms = number(object, "end");
		task->resumes = (uint32_t)number(object, "resumes");
		task->at = (unsigned)number(object, "at");
		task->cancel = json_is_true(json_object_get(object, "cancel"));
		task->arguments = json_incref(arguments);
	}
	json_decref(object);
	return sound;
}
