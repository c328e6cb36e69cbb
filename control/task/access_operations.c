/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/argument.h"
#include "control/config/kind.h"
#include "control/fault.h"
#include "control/state/allowed.h"
#include "control/task/access.h"
#include "control/task/change.h"
#include "control/task/operations.h"

static int begin(const struct gateway *gateway, const json_t *request,
		 struct request_result *result)
{
	int code = operation_ready(gateway, result);

	return code ? code : operation_service(gateway, request, result);
}

static int allowed_show(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	json_t *items;
	int code = begin(gateway, request, result);

	if (code)
		return code;
	items = json_array();
	if (json_object_get(request, "id"))
		code = access_show(gateway, member_number(request, "id"), items, &result->error);
	else
		code = access_list(gateway, items, &result->error);
	json_object_set_new(result->answer, "items", items);
	return code;
}

static int read_network(const json_t *request, struct access *access, struct request_result *result)
{
	const char *text = member_text(request, "network");
	struct reason why;

	if (!argument_prefix(&access->network, text, &why))
		return request_failed(result, -EINVAL, "network \"%.40s\" is wrong: %s", text,
				      why.text);
	access->has_network = true;
	return member_copy(access->description, sizeof(access->description), request, "description",
			   result);
}

static bool is_coming(const struct task *task, const void *network)
{
	return !strcmp(task->type, access_add.type) && !strcmp(task->network, network) &&
	       strcmp(task->name, access_delete.name) != 0;
}

static int exists(const struct gateway *gateway, const struct access *access,
		  struct request_result *result)
{
	char text[PREFIX_TEXT_BYTES];

	prefix_text(access->network, text);
	if (kind_allow(&gateway->config, access->network) ||
	    runner_find(gateway->tasks, is_coming, text))
		return request_failed(result, -EEXIST, "network %s already exists on the list",
				      text);
	return 0;
}

static bool is_about(const struct task *task, const void *id)
{
	return !strcmp(task->type, access_add.type) &&
	       task->network_access_id == *(const int64_t *)id;
}

/* The network that is to be changed, which no other task may be changing. */
static int find(struct gateway *gateway, const json_t *request, struct access *access,
		struct request_result *result)
{
	const struct config_allow *allow;
	const struct task *other;
	int code;

	memset(access, 0, sizeof(*access));
	access->id = member_number(request, "id");
	code = access_find(gateway, access->id, &allow, &result->error);
	if (code)
		return code;
	other = runner_find(gateway->tasks, is_about, &access->id);
	if (other)
		return request_failed(result, -EBUSY,
				      "task %lld, %s, of this network has not ended yet",
				      (long long)other->id, other->name);
	access->has_former = true;
	access->former = allow->network;
	memcpy(access->former_description, allow->description, sizeof(allow->description));
	return 0;
}

static int add_task(struct gateway *gateway, const struct task_kind *kind,
		    const struct access *access, const json_t *request,
		    struct request_result *result)
{
	struct task task = {.network_access_id = access->id};
	struct config wanted;
	int code = change_begin(gateway, &wanted, &result->error);

	if (code)
		return code;
	code = access_plan(&wanted, access, &result->error);
	config_free(&wanted);
	if (code)
		return code;
	prefix_text(access->has_network ? access->network : access->former, task.network);
	snprintf(task.service, sizeof(task.service), "%s", member_text(request, "service"));
	task.arguments = access_arguments(access);
	return operation_add(gateway, kind, &task, request, result);
}

static int allowed_add(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct access access = {.id = 0};
	char text[PREFIX_TEXT_BYTES];
	struct state_error why;
	int code = begin(gateway, request, result);

	if (!code)
		code = read_network(request, &access, result);
	if (!code)
		code = exists(gateway, &access, result);
	if (code)
		return code;
	code = allowed_id(gateway->state, prefix_text(access.network, text), &access.id, &why);
	if (code)
		return request_failed(result, -EIO, "%s", why.text);
	code = add_task(gateway, &access_add, &access, request, result);
	if (code && allowed_forget(gateway->state, access.id, &why))
		return code; /* a number is lost, no more */
	return code;
}

static int allowed_change(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct access access = {.id = 0};
	int code = begin(gateway, request, result);

	if (!code)
		code = find(gateway, request, &access, result);
	if (!code)
		code = read_network(request, &access, result);
	if (!code &&
	    (access.network.addr != access.former.addr || access.network.len != access.former.len))
		code = exists(gateway, &access, result);
	return code ? code : add_task(gateway, &access_change, &access, request, result);
}

static int allowed_delete(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct access access = {.id = 0};
	int code = begin(gateway, request, result);

	if (!code)
		code = find(gateway, request, &access, result);
	return code ? code : add_task(gateway, &access_delete, &access, request, result);
}

#define CHANGES (REQUEST_CHANGES | REQUEST_API | REQUEST_AUTHORED)

const struct request_operation access_operations[] = {
	{.name = "allowed-network-show",
	 .call = allowed_show,
	 .flags = REQUEST_API,
	 .member = {{"service", JSON_STRING, false}, {"id", JSON_INTEGER, true}}},
	{.name = "allowed-network-add",
	 .call = allowed_add,
	 .flags = CHANGES,
	 .member = {{"service", JSON_STRING, false},
		    {"network", JSON_STRING, false},
		    {"description", JSON_STRING, true}}},
	{.name = "allowed-network-change",
	 .call = allowed_change,
	 .flags = CHANGES,
	 .member = {{"service", JSON_STRING, false},
		    {"id", JSON_INTEGER, false},
		    {"network", JSON_STRING, false},
		    {"description", JSON_STRING, true}}},
	{.name = "allowed-network-delete",
	 .call = allowed_delete,
	 .flags = CHANGES,
	 .member = {{"service", JSON_STRING, false}, {"id", JSON_INTEGER, false}}},
	{.name = NULL},
};
