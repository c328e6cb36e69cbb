/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_server - /dedicated/server: virtual MACs. */
#include "control/api/table.h"

extern const struct api_call server_calls[];
extern const struct api_model server_models[];
extern const struct api_enum server_enums[];

#define SERVER	"/dedicated/server/{serviceName}"
#define MAC	SERVER "/virtualMac/{macAddress}"
#define ADDRESS MAC "/virtualAddress/{ipAddress}"
#define TASK	"dedicated.server.Task"

#define IN_SERVER                                                                                  \
	{                                                                                          \
		"serviceName", "server", "string", API_IN_PATH, true, "Name of the server"         \
	}
#define IN_MAC                                                                                     \
	{                                                                                          \
		"macAddress", "mac", "macAddress", API_IN_PATH, true, "Virtual MAC"                \
	}
#define IN_ADDRESS(member)                                                                         \
	{                                                                                          \
		"ipAddress", member, "ipv4", API_IN_PATH, true, "Address with that virtual MAC"    \
	}
#define IP                                                                                         \
	{                                                                                          \
		"ipAddress", "ip", "ipv4", API_IN_BODY, true, "Address that it is for"             \
	}
#define VM(required)                                                                               \
	{                                                                                          \
		"virtualMachineName", "name", "string", API_IN_BODY, required,                     \
			"Name of the virtual machine"                                              \
	}

const struct api_call server_calls[] = {
	{"GET", "/dedicated/server", "List available services", "string[]", API_READ,
	 "server-name-list", .answer = API_PICK, .from = "items"},
	{"GET", SERVER "/virtualMac", "Virtual MACs of this server", "string[]", API_READ,
	 "virtual-mac-show", .answer = API_PICK, .from = "items", .pick = "mac",
	 .params = {IN_SERVER}},
	{"POST", SERVER "/virtualMac", "Add a virtual MAC to an address", TASK, API_OPERATE,
	 "virtual-mac-add", .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVER,
		    IP,
		    {"type", "type", "dedicated.server.VmacTypeEnum", API_IN_BODY, true,
		     "Range that it is taken from"},
		    VM(true)}},
	{"GET", MAC, "Get this object properties", "dedicated.server.VirtualMac", API_READ,
	 "virtual-mac-show", .answer = API_FIRST, .from = "items", .params = {IN_SERVER, IN_MAC}},
	{"DELETE", MAC, "Remove a virtual MAC and its addresses; final", TASK, API_OPERATE,
	 "virtual-mac-delete", .answer = API_OBJECT, .from = "task", .params = {IN_SERVER, IN_MAC}},
	{"GET", MAC "/virtualAddress", "Addresses with this virtual MAC", "ipv4[]", API_READ,
	 "virtual-mac-show", .answer = API_ADDRESSES, .from = "items", .pick = "address",
	 .params = {IN_SERVER, IN_MAC}},
	{"POST", MAC "/virtualAddress", "Add an address to this virtual MAC", TASK, API_OPERATE,
	 "virtual-mac-address-add", .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVER, IN_MAC, IP, VM(true)}},
	{"GET", ADDRESS, "Get this object properties", "dedicated.server.VirtualMacManagement",
	 API_READ, "virtual-mac-show", .answer = API_ADDRESSES, .from = "items",
	 .params = {IN_SERVER, IN_MAC, IN_ADDRESS(NULL)}},
	{"POST", ADDRESS, "Add an address to this virtual MAC", TASK, API_OPERATE,
	 "virtual-mac-address-add", .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVER, IN_MAC, IN_ADDRESS("ip"), VM(false)}},
	{"DELETE", ADDRESS,
	 "Remove an address from this virtual MAC; the last one removes the virtual MAC", TASK,
	 API_OPERATE, "virtual-mac-address-delete", .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVER, IN_MAC, IN_ADDRESS("ip")}},
	{"GET", SERVER "/specifications/network", "Network informations about this server",
	 "dedicated.server.NetworkSpecifications", API_READ, "network-specification",
	 .answer = API_OBJECT, .from = "", .params = {IN_SERVER}},
	{"GET", SERVER "/task", "Tasks of this server", "long[]", API_READ, "task-show",
	 .answer = API_PICK, .from = "items", .pick = "task-id",
	 .params = {IN_SERVER,
		    {"function", "name", "dedicated.server.TaskFunctionEnum", API_IN_QUERY, false,
		     "Only tasks of this function"},
		    {"status", "state", "dedicated.server.TaskStatusEnum", API_IN_QUERY, false,
		     "Only tasks in this status"}}},
	{"GET", SERVER "/task/{taskId}", "Get this object properties", TASK, API_READ, "task-show",
	 .answer = API_FIRST, .from = "items",
	 .params = {IN_SERVER, {"taskId", "id", "long", API_IN_PATH, true, "Task"}}},
	{"POST", SERVER "/task/{taskId}/cancel", "Cancel a task that has not begun", "void",
	 API_OPERATE, "task-cancel", .guard = "task-show", .answer = API_VOID,
	 .params = {IN_SERVER, {"taskId", "id", "long", API_IN_PATH, true, "Task"}}},
	{0},
};

static const struct api_field task[] = {
	{"comment", "string", true, "Why it failed", NULL},
	{"doneDate", "datetime", true, "When it ended", NULL},
	{"function", "dedicated.server.TaskFunctionEnum", false, "What it does", NULL},
	{"lastUpdate", "datetime", true, "When it last changed", NULL},
	{"startDate", "datetime", false, "When it was asked for", NULL},
	{"status", "dedicated.server.TaskStatusEnum", false, "Its status", NULL},
	{"taskId", "long", false, "Its number", NULL},
	{0},
};

static const struct api_field mac[] = {
	{"macAddress", "macAddress", false, "Virtual MAC", "mac"},
	{"type", "dedicated.server.VmacTypeEnum", false, "Range that it was taken from", NULL},
	{0},
};

static const struct api_field address[] = {
	{"ipAddress", "ipv4", false, "Address", "address"},
	{"virtualMachineName", "string", false, "Name of the virtual machine", "name"},
	{0},
};

static const struct api_field vmac[] = {
	{"supported", "boolean", false, "Whether there can be any", NULL},
	{"quota", "long", false, "How many virtual MACs there can be", NULL},
	{0},
};

static const struct api_field specifications[] = {
	{"vmac", "dedicated.server.NetworkSpecificationsVmac", false, "Virtual MACs", NULL},
	{0},
};

const struct api_model server_models[] = {
	{TASK, "Server task", task},
	{"dedicated.server.VirtualMac", "Virtual MAC", mac},
	{"dedicated.server.VirtualMacManagement", "Address with a virtual MAC", address},
	{"dedicated.server.NetworkSpecifications", "Network specifications", specifications},
	{"dedicated.server.NetworkSpecificationsVmac", "Virtual MACs of a server", vmac},
	{0},
};

static const char *const types[] = {"ovh", "vmware", NULL};
static const char *const statuses[] = {"cancelled", "customerError", "doing", "done",
				       "init",	    "ovhError",	     "todo",  NULL};
static const char *const functions[] = {"virtualMacAdd", "virtualMacDelete", NULL};

const struct api_enum server_enums[] = {
	{"dedicated.server.VmacTypeEnum", "Types of virtual MAC", types},
	{"dedicated.server.TaskStatusEnum", "Statuses of a task", statuses},
	{"dedicated.server.TaskFunctionEnum", "What tasks do", functions},
	{0},
};
