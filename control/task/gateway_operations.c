/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/argument.h"
#include "control/config/kind.h"
#include "control/fault.h"
#include "control/task/change.h"
#include "control/task/move.h"
#include "control/task/operations.h"

static int service_names(void *context, const json_t *request, struct request_result *result)
{
	const struct gateway *gateway = context;
	json_t *names = json_object(), *items = json_array();
	const char *name;
	json_t *value;

	(void)request;
	/* A service may have several datacenters. */
	for (size_t i = 0; i < gateway->config.n_datacenters; i++)
		json_object_set_new(names, gateway->config.datacenters[i].service_name,
				    json_true());
	json_object_foreach(names, name, value)
	{
		size_t at = 0;

		while (at < json_array_size(items) &&
		       strcmp(json_string_value(json_array_get(items, at)), name) < 0)
			at++;
		json_array_insert_new(items, at, json_string(name));
	}
	json_decref(names);
	json_object_set_new(result->answer, "items", items);
	return 0;
}

static int server_names(void *context, const json_t *request, struct request_result *result)
{
	const struct gateway *gateway = context;
	json_t *items = json_array();

	(void)request;
	for (size_t i = 0; i < gateway->config.n_servers; i++)
		json_array_append_new(items, json_string(gateway->config.servers[i].name));
	json_object_set_new(result->answer, "items", items);
	return 0;
}

static int datacenter_show(void *context, const json_t *request, struct request_result *result)
{
	const struct gateway *gateway = context;
	const char *service = member_text(request, "service");
	bool one = json_object_get(request, "datacenter");
	int64_t id = member_number(request, "datacenter");
	json_t *items = json_array();
	bool known = !service && !one;

	for (size_t i = 0; i < gateway->config.n_datacenters; i++) {
		const struct config_datacenter *d = &gateway->config.datacenters[i];

		if (service && strcmp(d->service_name, service) != 0)
			continue;
		known |= !one || d->id == id;
		if (one && d->id != id)
			continue;
		json_array_append_new(items,
				      json_pack("{s:I, s:s, s:s, s:s}", "datacenter-id",
						(json_int_t)d->id, "name", d->name, "description",
						d->description, "service", d->service_name));
	}
	json_object_set_new(result->answer, "items", items);
	if (known)
		return 0;
	if (one)
		return request_failed(result, -ENOENT, "datacenter %lld does not exist",
				      (long long)id);
	return request_failed(result, -ENOENT, "service \"%.40s\" does not exist", service);
}

/* The state of the newest task that has moved it. */
static const char *last_state(struct gateway *gateway, uint32_t datacenter, json_t *items)
{
	const struct state_task_filter filter = {
		.type = move_enable.type, .datacenter = datacenter, .newest = 1};
	struct ctl_error error;
	const char *state;

	if (!gateway->tasks || runner_list(gateway->tasks, &filter, items, &error))
		return "";
	state = json_string_value(json_object_get(json_array_get(items, 0), "state"));
	return state ? state : "";
}

static const char *state_of(struct gateway *gateway, const struct config_datacenter *datacenter)
{
	const struct task *task =
		gateway->tasks ? runner_find(gateway->tasks, move_is_about, &datacenter->id) : NULL;
	json_t *items;
	bool failed;

	if (task && task->state != TASK_TODO) {
		if (!strcmp(task->name, move_enable.name))
			return "enabling";
		if (!strcmp(task->name, move_disable.name))
			return "disabling";
	}
	items = json_array();
	failed = !task && !strcmp(last_state(gateway, datacenter->id, items), "error");
	json_decref(items);
	if (failed)
		return "error";
	return datacenter->gateway ? "enabled" : "disabled";
}

static int gateway_show(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct config_datacenter *datacenter = operation_datacenter(gateway, request, result);
	char ip[ADDR_TEXT_BYTES], netmask[ADDR_TEXT_BYTES];
	struct gateway_place place;
	bool enabled;

	if (!datacenter)
		return -ENOENT;
	enabled = gateway_place_of(&gateway->config, datacenter, &place);
	if (enabled) {
		addr_text(place.addr, ip);
		addr_text(prefix_mask(place.prefix_len), netmask);
	}
	json_object_set_new(result->answer, "gateway",
			    json_pack("{s:s?, s:s?, s:s?, s:s}", "customer-ip", enabled ? ip : NULL,
				      "customer-netmask", enabled ? netmask : NULL,
				      "customer-portgroup", enabled ? place.portgroup : NULL,
				      "state", state_of(gateway, datacenter)));
	return 0;
}

static int read_ip(const json_t *request, be32 *addr, struct request_result *result)
{
	const char *text = member_text(request, "ip");
	struct reason why;

	if (!text || argument_addr(addr, text, &why))
		return 0;
	return request_failed(result, -EINVAL, "ip \"%.40s\" is wrong: %s", text, why.text);
}

/* "255.255.255.0", or a number of bits. */
static int read_netmask(const json_t *request, uint8_t *length, struct request_result *result)
{
	const char *text = member_text(request, "netmask");
	struct reason why;
	uint32_t bits;
	be32 mask;

	if (!text)
		return 0;
	if (argument_number(&bits, text, 1, 32, &why)) {
		*length = (uint8_t)bits;
		return 0;
	}
	if (addr_parse(text, &mask))
		for (*length = 1; *length <= 32; ++*length)
			if (prefix_mask(*length) == mask)
				return 0;
	return request_failed(result, -EINVAL,
			      "netmask \"%.40s\" is wrong: expected one such as 255.255.255.0",
			      text);
}

/* Neither edge of its network is a host's. */
static int check_ip(const struct gateway_place *place, struct request_result *result)
{
	be32 host = place->addr & ~prefix_mask(place->prefix_len);
	char text[ADDR_TEXT_BYTES];

	if (place->prefix_len > 30 || (host && host != ~prefix_mask(place->prefix_len)))
		return 0;
	return request_failed(result, -EINVAL,
			      "ip \"%s\" is wrong: it is the %s address of its network, expected "
			      "that of a host",
			      addr_text(place->addr, text), host ? "broadcast" : "network");
}

static int read_portgroup(const struct gateway *gateway, const json_t *request,
			  char portgroup[CONFIG_NAME], struct request_result *result)
{
	const char *name = member_text(request, "portgroup");
	const struct config_portgroup *found;

	if (!name)
		return 0;
	found = kind_portgroup(&gateway->config, name);
	if (!found)
		return request_failed(result, -EINVAL,
				      "portgroup \"%.40s\" is wrong: expected the name of one",
				      name);
	if (found->realm != REALM_PRIVATE)
		return request_failed(
			result, -EINVAL,
			"portgroup \"%s\" is wrong: it is in realm %s, expected one in private",
			name, realm_name(found->realm));
	strcpy(portgroup, found->name);
	return 0;
}

static int read_place(const struct gateway *gateway, const json_t *request,
		      struct gateway_place *place, struct request_result *result)
{
	int code = read_ip(request, &place->addr, result);

	if (!code)
		code = read_netmask(request, &place->prefix_len, result);
	if (!code)
		code = check_ip(place, result);
	return code ? code : read_portgroup(gateway, request, place->portgroup, result);
}

static int add_move(struct gateway *gateway, const struct task_kind *kind, const struct move *move,
		    const json_t *request, struct request_result *result)
{
	struct task task = {.datacenter = move->datacenter};
	char ip[ADDR_TEXT_BYTES];
	int code = move_other(gateway, move, 0, &result->error);

	if (!code)
		code = move_possible(gateway, move, &result->error);
	if (code)
		return code;
	snprintf(task.service, sizeof(task.service), "%s", member_text(request, "service"));
	if (move->enabled)
		snprintf(task.description, sizeof(task.description),
			 "datacenter %u: access by %s/%u on %s", move->new_datacenter,
			 addr_text(move->to.addr, ip), move->to.prefix_len, move->to.portgroup);
	else
		snprintf(task.description, sizeof(task.description),
			 "datacenter %u: access from the Internet", move->datacenter);
	task.arguments = move_arguments(move);
	return operation_add(gateway, kind, &task, request, result);
}

/* What all three begin with. Return: NULL with *code and an error. */
static const struct config_datacenter *begin(const struct gateway *gateway, const json_t *request,
					     struct move *move, int *code,
					     struct request_result *result)
{
	const struct config_datacenter *datacenter;

	memset(move, 0, sizeof(*move));
	*code = operation_ready(gateway, result);
	if (*code)
		return NULL;
	datacenter = operation_datacenter(gateway, request, result);
	if (!datacenter) {
		*code = -ENOENT;
		return NULL;
	}
	move->datacenter = move->new_datacenter = datacenter->id;
	*code = move_other(gateway, move, 0, &result->error);
	if (*code)
		return NULL;
	move->was_enabled = gateway_place_of(&gateway->config, datacenter, &move->before);
	return datacenter;
}

static int gateway_enable(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct move move;
	int code;

	if (!begin(gateway, request, &move, &code, result))
		return code;
	code = read_place(gateway, request, &move.to, result);
	if (code)
		return code;
	if (move.was_enabled)
		return request_failed(result, -EEXIST,
				      "the private gateway of datacenter %u is enabled already",
				      move.datacenter);
	move.enabled = true;
	return add_move(gateway, &move_enable, &move, request, result);
}

static int gateway_disable(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct move move;
	int code;

	if (!begin(gateway, request, &move, &code, result))
		return code;
	move.force = json_is_true(json_object_get(request, "force"));
	if (!move.was_enabled)
		return request_failed(result, -EEXIST,
				      "the private gateway of datacenter %u is disabled already",
				      move.datacenter);
	if (move_nobody(&gateway->config) && !move.force)
		return request_failed(result, -EPERM,
				      "no network is allowed, so nobody could reach the services "
				      "from the Internet: allow one first, or force it");
	return add_move(gateway, &move_disable, &move, request, result);
}

static int gateway_reconfigure(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct move move;
	int code;

	if (!begin(gateway, request, &move, &code, result))
		return code;
	if (!move.was_enabled)
		return request_failed(result, -EEXIST,
				      "the private gateway of datacenter %u is disabled: enable it",
				      move.datacenter);
	move.to = move.before;
	move.enabled = true;
	code = read_place(gateway, request, &move.to, result);
	if (code)
		return code;
	if (json_object_get(request, "new-datacenter")) {
		int64_t id = member_number(request, "new-datacenter");

		if (id < 1 || id > INT32_MAX || !kind_datacenter(&gateway->config, (uint32_t)id))
			return request_failed(result, -EINVAL,
					      "new-datacenter %lld is wrong: expected the id of "
					      "one",
					      (long long)id);
		move.new_datacenter = (uint32_t)id;
	}
	if (gateway_place_equal(&move.to, &move.before) && move.new_datacenter == move.datacenter)
		return request_failed(result, -EINVAL,
				      "nothing would change: expected another address, netmask, "
				      "portgroup or datacenter");
	return add_move(gateway, &move_reconfigure, &move, request, result);
}

#define CHANGES (REQUEST_CHANGES | REQUEST_API | REQUEST_AUTHORED)
#define DATACENTER                                                                                 \
	{"service", JSON_STRING, false},                                                           \
	{                                                                                          \
		"datacenter", JSON_INTEGER, false                                                  \
	}

const struct request_operation gateway_operations[] = {
	{.name = "service-name-list", .call = service_names, .flags = REQUEST_API},
	{.name = "server-name-list", .call = server_names, .flags = REQUEST_API},
	{.name = "datacenter-show",
	 .call = datacenter_show,
	 .flags = REQUEST_API,
	 .member = {{"service", JSON_STRING, true}, {"datacenter", JSON_INTEGER, true}}},
	{.name = "gateway-show",
	 .call = gateway_show,
	 .flags = REQUEST_API,
	 .member = {DATACENTER}},
	{.name = "gateway-enable",
	 .call = gateway_enable,
	 .flags = CHANGES,
	 .member = {DATACENTER,
		    {"ip", JSON_STRING, false},
		    {"netmask", JSON_STRING, false},
		    {"portgroup", JSON_STRING, false}}},
	{.name = "gateway-disable",
	 .call = gateway_disable,
	 .flags = CHANGES,
	 .member = {DATACENTER, {"force", JSON_TRUE, true}}},
	{.name = "gateway-reconfigure",
	 .call = gateway_reconfigure,
	 .flags = CHANGES,
	 .member = {DATACENTER,
		    {"ip", JSON_STRING, true},
		    {"netmask", JSON_STRING, true},
		    {"portgroup", JSON_STRING, true},
		    {"new-datacenter", JSON_INTEGER, true}}},
	{.name = NULL},
};
