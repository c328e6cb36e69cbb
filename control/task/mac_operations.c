/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/derive.h"
#include "control/config/kind.h"
#include "control/config/vmac.h"
#include "control/fault.h"
#include "control/task/change.h"
#include "control/task/mac.h"
#include "control/task/operations.h"

/* What a request names, as a vmac statement has it. */
struct wanted_mac {
	struct mac mac;
	bool has_mac;
	be32 addr; /* 0: none is named */
	enum vmac_type type;
	char name[CONFIG_NAME], portgroup[CONFIG_NAME];
};

static int wrong(struct request_result *result, const char *member, const char *text,
		 const struct reason *why)
{
	return request_failed(result, -EINVAL, "%s \"%.40s\" is wrong: %s", member, text,
			      why->text);
}

static int read_members(const json_t *request, struct wanted_mac *wanted,
			struct request_result *result)
{
	const char *mac = member_text(request, "mac"), *ip = member_text(request, "ip");
	const char *type = member_text(request, "type"), *name = member_text(request, "name");
	struct reason why = {.text = ""};

	memset(wanted, 0, sizeof(*wanted));
	if (mac && (!mac_read(mac, &wanted->mac)))
		return request_failed(result, -EINVAL,
				      "mac \"%.40s\" is wrong: expected one such as "
				      "02:00:00:12:34:56",
				      mac);
	wanted->has_mac = mac;
	if (ip && !argument_addr(&wanted->addr, ip, &why))
		return wrong(result, "ip", ip, &why);
	if (type && !argument_vmac_type(&wanted->type, type, &why))
		return wrong(result, "type", type, &why);
	if (name && !argument_name(wanted->name, name, &why))
		return wrong(result, "name", name, &why);
	return 0;
}

/* A statement of @server's with this MAC, and this address if one is named. */
static const struct config_vmac *find(const struct config *config,
				      const struct config_server *server,
				      const struct wanted_mac *wanted)
{
	for (size_t i = 0; i < config->n_vmacs; i++)
		if (mac_equal(&config->vmacs[i].mac, &wanted->mac) &&
		    (!wanted->addr || config->vmacs[i].addr == wanted->addr) &&
		    mac_of_server(server, &config->vmacs[i]))
			return &config->vmacs[i];
	return NULL;
}

static int find_mac(const struct config *config, const struct config_server *server,
		    struct wanted_mac *wanted, struct request_result *result)
{
	struct wanted_mac any = *wanted;
	const struct config_vmac *found;
	char text[MAC_TEXT_BYTES];

	any.addr = 0;
	found = find(config, server, &any);
	if (!found)
		return request_failed(result, -ENOENT, "virtual MAC %s does not exist",
				      mac_text(wanted->mac, text));
	wanted->type = found->type;
	strcpy(wanted->portgroup, found->portgroup);
	return 0;
}

/* The portgroup whose network has the address. */
static int find_portgroup(const struct gateway *gateway, const struct config_server *server,
			  struct wanted_mac *wanted, struct request_result *result)
{
	const struct config *config = &gateway->config;
	const struct snapshot_route *network;
	struct derived derived;
	char text[ADDR_TEXT_BYTES];

	if (derive(&derived, config))
		return request_failed(result, -ENOMEM, "out of memory");
	network = derived_connected(&derived, wanted->addr);
	if (network)
		strcpy(wanted->portgroup, config->portgroups[network->port].name);
	derived_free(&derived);
	addr_text(wanted->addr, text);
	if (!network)
		return request_failed(result, -EINVAL,
				      "ip \"%s\" is wrong: no portgroup has its network", text);
	if (*server->portgroup && strcmp(server->portgroup, wanted->portgroup) != 0)
		return request_failed(result, -EINVAL,
				      "ip \"%s\" is wrong: it is on portgroup \"%s\", that of "
				      "server \"%s\" is \"%s\"",
				      text, wanted->portgroup, server->name, server->portgroup);
	return 0;
}

static bool gets_one(const struct task *task, const void *ip)
{
	const char *of = json_string_value(json_object_get(task->arguments, "ip"));

	return !strcmp(task->type, mac_add.type) && !strcmp(task->name, mac_add.name) && of &&
	       !strcmp(of, ip);
}

static int exists(const struct gateway *gateway, be32 addr, struct request_result *result)
{
	char text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	const char *which = NULL;

	addr_text(addr, text);
	for (size_t i = 0; i < gateway->config.n_vmacs && !which; i++)
		if (gateway->config.vmacs[i].addr == addr)
			which = mac_text(gateway->config.vmacs[i].mac, mac);
	if (!which && runner_find(gateway->tasks, gets_one, text))
		which = "a task makes it";
	return which ? request_failed(result, -EEXIST, "a virtual MAC already exists for %s: %s",
				      text, which)
		     : 0;
}

static int add_task(struct gateway *gateway, const struct task_kind *kind,
		    const struct wanted_mac *wanted, const json_t *request,
		    struct request_result *result)
{
	struct task task = {.datacenter = 0};
	char mac[MAC_TEXT_BYTES], ip[ADDR_TEXT_BYTES] = "";

	mac_text(wanted->mac, mac);
	if (wanted->addr)
		addr_text(wanted->addr, ip);
	snprintf(task.server, sizeof(task.server), "%s", member_text(request, "server"));
	snprintf(task.description, sizeof(task.description), "%s%s%s", mac, *ip ? " of " : "", ip);
	snprintf(task.network, sizeof(task.network), "%s", ip);
	task.arguments =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "mac", mac, "ip", ip, "portgroup",
			  wanted->portgroup, "type", vmac_type_name(wanted->type), "name",
			  wanted->name, "existing", (int)wanted->has_mac);
	return operation_add(gateway, kind, &task, request, result);
}

/* Tries the statement, and learns which MAC was chosen where none is named. */
static int try_add(const struct gateway *gateway, struct wanted_mac *wanted,
		   struct request_result *result)
{
	char statement[300], mac[MAC_TEXT_BYTES] = VMAC_AUTO, ip[ADDR_TEXT_BYTES];
	struct config config;
	int code = change_begin(gateway, &config, &result->error);

	if (code)
		return code;
	if (wanted->has_mac)
		mac_text(wanted->mac, mac);
	snprintf(statement, sizeof(statement),
		 "vmac add %s address %s portgroup %s type %s name %s", mac,
		 addr_text(wanted->addr, ip), wanted->portgroup, vmac_type_name(wanted->type),
		 wanted->name);
	code = mac_statement(&config, statement, &result->error);
	for (size_t i = 0; i < config.n_vmacs && !code; i++)
		if (config.vmacs[i].addr == wanted->addr)
			wanted->mac = config.vmacs[i].mac;
	config_free(&config);
	return code;
}

static int begin(const struct gateway *gateway, const json_t *request,
		 const struct config_server **server, struct wanted_mac *wanted,
		 struct request_result *result)
{
	int code = operation_ready(gateway, result);

	if (code)
		return code;
	*server = operation_server(gateway, request, result);
	return *server ? read_members(request, wanted, result) : -ENOENT;
}

/* The same for what is about a MAC that the server has. */
static int begin_mac(const struct gateway *gateway, const json_t *request,
		     const struct config_server **server, struct wanted_mac *wanted,
		     struct request_result *result)
{
	int code = begin(gateway, request, server, wanted, result);

	return code ? code : find_mac(&gateway->config, *server, wanted, result);
}

static int virtual_mac_show(void *context, const json_t *request, struct request_result *result)
{
	const struct gateway *gateway = context;
	const struct config_server *server = operation_server(gateway, request, result);
	struct wanted_mac wanted;
	json_t *items;
	int code;

	if (!server)
		return -ENOENT;
	code = read_members(request, &wanted, result);
	if (!code && wanted.has_mac)
		code = find_mac(&gateway->config, server, &wanted, result);
	if (code)
		return code;
	items = json_array();
	mac_list(&gateway->config, server, wanted.has_mac ? &wanted.mac : NULL, items);
	json_object_set_new(result->answer, "items", items);
	return 0;
}

static int virtual_mac_add(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct config_server *server;
	struct wanted_mac wanted;
	int code = begin(gateway, request, &server, &wanted, result);

	if (!code)
		code = exists(gateway, wanted.addr, result);
	if (!code)
		code = find_portgroup(gateway, server, &wanted, result);
	if (!code)
		code = try_add(gateway, &wanted, result);
	return code ? code : add_task(gateway, &mac_add, &wanted, request, result);
}

static int address_add(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct config_server *server;
	struct wanted_mac wanted;
	int code = begin_mac(gateway, request, &server, &wanted, result);

	if (!code)
		code = exists(gateway, wanted.addr, result);
	if (!code)
		code = try_add(gateway, &wanted, result);
	return code ? code : add_task(gateway, &mac_add, &wanted, request, result);
}

static int address_delete(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct config_server *server;
	struct wanted_mac wanted;
	char mac[MAC_TEXT_BYTES], ip[ADDR_TEXT_BYTES];
	int code = begin_mac(gateway, request, &server, &wanted, result);

	if (code)
		return code;
	if (!find(&gateway->config, server, &wanted))
		return request_failed(result, -ENOENT, "virtual MAC %s has no address %s",
				      mac_text(wanted.mac, mac), addr_text(wanted.addr, ip));
	return add_task(gateway, &mac_delete, &wanted, request, result);
}

static int virtual_mac_delete(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct config_server *server;
	struct wanted_mac wanted;
	int code = begin_mac(gateway, request, &server, &wanted, result);

	return code ? code : add_task(gateway, &mac_delete, &wanted, request, result);
}

static int network_specification(void *context, const json_t *request,
				 struct request_result *result)
{
	const struct gateway *gateway = context;

	if (!operation_server(context, request, result))
		return -ENOENT;
	json_object_set_new(
		result->answer, "vmac",
		json_pack("{s:b, s:i}", "supported", 1, "quota", (int)gateway->config.vmac_quota));
	return 0;
}

#define CHANGES (REQUEST_CHANGES | REQUEST_API | REQUEST_AUTHORED)
#define SERVER                                                                                     \
	{                                                                                          \
		"server", JSON_STRING, false                                                       \
	}
#define TEXT(name)                                                                                 \
	{                                                                                          \
		name, JSON_STRING, false                                                           \
	}

const struct request_operation mac_operations[] = {
	{.name = "virtual-mac-show",
	 .call = virtual_mac_show,
	 .flags = REQUEST_API,
	 .member = {SERVER, {"mac", JSON_STRING, true}}},
	{.name = "virtual-mac-add",
	 .call = virtual_mac_add,
	 .flags = CHANGES,
	 .member = {SERVER, TEXT("ip"), TEXT("type"), TEXT("name")}},
	{.name = "virtual-mac-address-add",
	 .call = address_add,
	 .flags = CHANGES,
	 .member = {SERVER, TEXT("mac"), TEXT("ip"), TEXT("name")}},
	{.name = "virtual-mac-address-delete",
	 .call = address_delete,
	 .flags = CHANGES,
	 .member = {SERVER, TEXT("mac"), TEXT("ip")}},
	{.name = "virtual-mac-delete",
	 .call = virtual_mac_delete,
	 .flags = CHANGES,
	 .member = {SERVER, TEXT("mac")}},
	{.name = "network-specification",
	 .call = network_specification,
	 .flags = REQUEST_API,
	 .member = {SERVER}},
	{.name = NULL},
};
