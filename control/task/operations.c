/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/operations.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/conffile.h"
#include "control/config/kind.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/task/access.h"
#include "control/task/mac.h"
#include "control/task/move.h"

static const struct task_kind *const task_kinds[] = {
	&move_enable,	&move_disable, &move_reconfigure, &access_add, &access_change,
	&access_delete, &mac_add,      &mac_delete,	  NULL,
};

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_under_way(const struct task *task, const void *key)
{
	(void)key;
	return task->state == TASK_DOING || task->state == TASK_UNDOING;
}

static bool is_to_be_saved(const struct task *task, const void *key)
{
	(void)key;
	return json_is_true(json_object_get(task->arguments, "save"));
}

/* Nobody saves what the API changes, and after a reboot the file counts: a gateway that is enabled
 * must not be disabled then. So the file follows, if it said what ran before the task; otherwise
 * somebody is in the middle of something, and will save it. */
static void save(struct gateway *gateway)
{
	char path[PATH_MAX], *before, *text;
	struct ctl_error error;
	size_t bytes = 0;

	/* Not while what runs is half of something. */
	if (runner_find(gateway->tasks, is_under_way, NULL))
		return;
	gateway->tasks_save = false;
	before = conffile_text(gateway->options.file, &bytes, &error);
	text = before ? config_rewrite(before, bytes, &gateway->config)
		      : config_print(&gateway->config);
	free(before);
	if (!text || conffile_write(gateway->options.file, text, path, &error))
		ctl_log(TOLD_TASK, LOG_ERR, "what the tasks have changed is not saved: %s",
			text ? error.text : "out of memory");
	free(text);
}

static void tell(void *context, const struct task *task)
{
	struct gateway *gateway = context;
	json_t *event = json_pack("{s:I, s:s, s:s, s:i}", "task-id", (json_int_t)task->id, "name",
				  task->name, "state", task_state_name(task->state), "progress",
				  (int)task_progress(task));

	if (task->state == TASK_DOING)
		json_object_set_new(event, "step", json_string(task->step[task->at].name));
	if (*task->reason)
		json_object_set_new(event, "reason", json_string(task->reason));
	gateway_event(gateway, TOLD_TASK, event);
	if (task->state == TASK_DONE && is_to_be_saved(task, NULL))
		gateway->tasks_save = true;
	if (task_ended(task) && gateway->tasks_save && gateway->tasks)
		save(gateway);
}

void tasks_open(struct gateway *gateway)
{
	struct runner_options options = {
		.state = gateway->state,
		.kinds = task_kinds,
		.context = gateway,
		.changed = tell,
		.wall_ms = wall_ms,
	};
	struct ctl_error error;

	if (!gateway->state)
		return;
	if (runner_open(&gateway->tasks, &options, &error))
		ctl_log(TOLD_TASK, LOG_ERR, "%s; there are no tasks", error.text);
}

void tasks_close(struct gateway *gateway)
{
	runner_close(gateway->tasks);
	gateway->tasks = NULL;
}

const char *member_text(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}

int64_t member_number(const json_t *request, const char *name)
{
	return json_integer_value(json_object_get(request, name));
}

int member_copy(char *to, size_t bytes, const json_t *request, const char *name,
		struct request_result *result)
{
	const char *text = member_text(request, name);

	if (!text)
		text = "";
	if (strlen(text) >= bytes)
		return request_failed(result, -EINVAL,
				      "member \"%s\" has %zu bytes, expected at most %zu", name,
				      strlen(text), bytes - 1);
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

int operation_ready(const struct gateway *gateway, struct request_result *result)
{
	if (gateway->tasks)
		return 0;
	return request_failed(result, -EIO, "there are no tasks now: %s",
			      *gateway->state_trouble ? gateway->state_trouble : "see pgwd's log");
}

int operation_add(struct gateway *gateway, const struct task_kind *kind, struct task *task,
		  const json_t *request, struct request_result *result)
{
	const struct task *added;
	int code;

	/* Who asks is shown, not judged: what is too long is cut. */
	snprintf(task->by, sizeof(task->by), "%s",
		 member_text(request, "by") ? member_text(request, "by") : "");
	snprintf(task->from, sizeof(task->from), "%s",
		 member_text(request, "from") ? member_text(request, "from") : "");
	if (task->arguments)
		json_object_set_new(
			task->arguments, "save",
			json_boolean(history_saved(gateway, NULL) ||
				     runner_find(gateway->tasks, is_to_be_saved, NULL) ||
				     gateway->tasks_save));
	added = runner_add(gateway->tasks, kind, task, &code, &result->error);
	if (!added)
		return code;
	json_object_set_new(result->answer, "task", task_json(added));
	return 0;
}

int operation_service(const struct gateway *gateway, const json_t *request,
		      struct request_result *result)
{
	const char *service = member_text(request, "service");

	for (size_t i = 0; i < gateway->config.n_datacenters; i++)
		if (!strcmp(gateway->config.datacenters[i].service_name, service))
			return 0;
	return request_failed(result, -ENOENT, "service \"%.40s\" does not exist", service);
}

const struct config_server *operation_server(const struct gateway *gateway, const json_t *request,
					     struct request_result *result)
{
	const char *name = member_text(request, "server");
	const struct config_server *server = kind_server(&gateway->config, name);

	if (!server)
		request_failed(result, -ENOENT, "server \"%.40s\" does not exist", name);
	return server;
}

const struct config_datacenter *operation_datacenter(const struct gateway *gateway,
						     const json_t *request,
						     struct request_result *result)
{
	const char *service = member_text(request, "service");
	int64_t id = member_number(request, "datacenter");
	const struct config_datacenter *datacenter =
		id > 0 && id <= INT32_MAX ? kind_datacenter(&gateway->config, (uint32_t)id) : NULL;

	if (datacenter && (!service || !strcmp(datacenter->service_name, service)))
		return datacenter;
	if (service)
		request_failed(result, -ENOENT,
			       "datacenter %lld of service \"%.40s\" does not exist", (long long)id,
			       service);
	else
		request_failed(result, -ENOENT, "datacenter %lld does not exist", (long long)id);
	return NULL;
}

/* The task as it is now. */
static int answer_task(struct gateway *gateway, int64_t id, struct request_result *result)
{
	const struct state_task_filter filter = {.id = id};
	json_t *items = json_array();
	int code = runner_list(gateway->tasks, &filter, items, &result->error);

	if (!code)
		json_object_set(result->answer, "task", json_array_get(items, 0));
	json_decref(items);
	return code;
}

/* A network that is not on the list any more has its tasks yet. */
static int check_network(struct gateway *gateway, int64_t id, struct request_result *result)
{
	const struct state_task_filter filter = {.network_access_id = id, .newest = 1};
	const struct config_allow *allow;
	json_t *items = json_array();
	int code = runner_list(gateway->tasks, &filter, items, &result->error);

	if (!code && !json_array_size(items))
		code = access_find(gateway, id, &allow, &result->error);
	json_decref(items);
	return code;
}

/* A number of nothing, which would be none of the filter. */
static int check_numbers(const json_t *request, struct request_result *result)
{
	static const char *const names[] = {"id", "datacenter", "network-access-id"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_object_get(request, names[i]) && member_number(request, names[i]) < 1)
			return request_failed(result, -ENOENT, "there is no such %s %lld", names[i],
					      (long long)member_number(request, names[i]));
	return 0;
}

/* Whose tasks are asked for has to exist. */
static int check_parents(struct gateway *gateway, const json_t *request,
			 struct request_result *result)
{
	int64_t datacenter = member_number(request, "datacenter");
	int64_t network = member_number(request, "network-access-id");
	int code = check_numbers(request, result);

	if (!code && member_text(request, "service"))
		code = operation_service(gateway, request, result);
	if (!code && member_text(request, "server") && !operation_server(gateway, request, result))
		code = -ENOENT;
	if (!code && datacenter && !operation_datacenter(gateway, request, result))
		code = -ENOENT;
	return !code && network ? check_network(gateway, network, result) : code;
}

static int task_show(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct state_task_filter filter = {
		.id = member_number(request, "id"),
		.name = member_text(request, "name"),
		.state = member_text(request, "state"),
		.service = member_text(request, "service"),
		.server = member_text(request, "server"),
		.datacenter = member_number(request, "datacenter"),
		.network_access_id = member_number(request, "network-access-id"),
	};
	json_t *items;
	int code = operation_ready(gateway, result);

	if (!code)
		code = check_parents(gateway, request, result);
	if (code)
		return code;
	items = json_array();
	code = runner_list(gateway->tasks, &filter, items, &result->error);
	if (!code && json_object_get(request, "id") && !json_array_size(items))
		code = request_failed(result, -ENOENT, "there is no such task %lld",
				      (long long)filter.id);
	json_object_set_new(result->answer, "items", items);
	return code;
}

static int task_cancel_one(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const char *by = member_text(request, "by");
	int64_t id = member_number(request, "id");
	char reason[TASK_TEXT_BYTES];
	int code = operation_ready(gateway, result);

	if (code)
		return code;
	snprintf(reason, sizeof(reason), "canceled%s%.80s", by ? " by " : "", by ? by : "");
	code = runner_cancel(gateway->tasks, id, reason, &result->error);
	return code ? code : answer_task(gateway, id, result);
}

static int task_reset_one(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	int64_t id = member_number(request, "id");
	char reason[TASK_TEXT_BYTES];
	int code = operation_ready(gateway, result);

	if (!code)
		code = member_copy(reason, sizeof(reason), request, "reason", result);
	if (!code)
		code = runner_reset(gateway->tasks, id, reason, &result->error);
	return code ? code : answer_task(gateway, id, result);
}

static int task_schedule_one(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const char *date = member_text(request, "execution-date");
	int64_t id = member_number(request, "id"), at_ms = task_time_read(date);
	int code = operation_ready(gateway, result);

	if (code)
		return code;
	if (at_ms < 0)
		return request_failed(result, -EINVAL,
				      "execution-date \"%.40s\" is wrong: expected a date such as "
				      "2026-01-02T03:04:05Z",
				      date);
	code = runner_schedule(gateway->tasks, id, at_ms, &result->error);
	return code ? code : answer_task(gateway, id, result);
}

#define CHANGES (REQUEST_CHANGES | REQUEST_API | REQUEST_AUTHORED)

const struct request_operation task_operations[] = {
	{.name = "task-show",
	 .call = task_show,
	 .flags = REQUEST_API,
	 .member = {{"id", JSON_INTEGER, true},
		    {"name", JSON_STRING, true},
		    {"state", JSON_STRING, true},
		    {"service", JSON_STRING, true},
		    {"datacenter", JSON_INTEGER, true},
		    {"network-access-id", JSON_INTEGER, true},
		    {"server", JSON_STRING, true}}},
	{.name = "task-cancel",
	 .call = task_cancel_one,
	 .flags = CHANGES,
	 .member = {{"id", JSON_INTEGER, false}}},
	{.name = "task-reset",
	 .call = task_reset_one,
	 .flags = CHANGES,
	 .member = {{"id", JSON_INTEGER, false}, {"reason", JSON_STRING, false}}},
	{.name = "task-schedule",
	 .call = task_schedule_one,
	 .flags = CHANGES,
	 .member = {{"id", JSON_INTEGER, false}, {"execution-date", JSON_STRING, false}}},
	{.name = NULL},
};
