/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_cloud - /dedicatedCloud: private gateway, tasks, allowed networks. */
#include "control/api/table.h"

extern const struct api_call cloud_calls[];
extern const struct api_model cloud_models[];
extern const struct api_enum cloud_enums[];

#define SERVICE "/dedicatedCloud/{serviceName}"
#define CENTER	SERVICE "/datacenter/{datacenterId}"
#define NETWORK SERVICE "/allowedNetwork/{networkAccessId}"

#define TASK  "dedicatedCloud.Task"
#define STATE "dedicatedCloud.TaskStateEnum"

#define IN_SERVICE                                                                                 \
	{                                                                                          \
		"serviceName", "service", "string", API_IN_PATH, true, "Domain of the service"     \
	}
#define IN_CENTER                                                                                  \
	{                                                                                          \
		"datacenterId", "datacenter", "long", API_IN_PATH, true, "Datacenter"              \
	}
#define IN_TASK                                                                                    \
	{                                                                                          \
		"taskId", "id", "long", API_IN_PATH, true, "Task"                                  \
	}
#define IN_NETWORK(member)                                                                         \
	{                                                                                          \
		"networkAccessId", member, "long", API_IN_PATH, true, "Allowed network"            \
	}
#define BY_NAME                                                                                    \
	{                                                                                          \
		"name", "name", "string", API_IN_QUERY, false, "Only tasks of this name"           \
	}
#define BY_STATE                                                                                   \
	{                                                                                          \
		"state", "state", STATE, API_IN_QUERY, false, "Only tasks in this state"           \
	}
#define DATE                                                                                       \
	{                                                                                          \
		"executionDate", "execution-date", "datetime", API_IN_BODY, true,                  \
			"When the task is to be done"                                              \
	}
#define REASON                                                                                     \
	{                                                                                          \
		"reason", "reason", "string", API_IN_BODY, true, "Why the task is reset"           \
	}

/* The four calls of a tree of tasks; the last argument is the tree's own parameter, with its
 * comma, if it has one. */
#define TASKS(tree, ...)                                                                           \
	{"GET",                                                                                    \
	 tree "/task",                                                                             \
	 "Tasks associated with this object",                                                      \
	 "long[]",                                                                                 \
	 API_READ,                                                                                 \
	 "task-show",                                                                              \
	 .answer = API_PICK,                                                                       \
	 .from = "items",                                                                          \
	 .pick = "task-id",                                                                        \
	 .params = {IN_SERVICE, __VA_ARGS__ BY_NAME, BY_STATE}},                                   \
		{"GET",                                                                            \
		 tree "/task/{taskId}",                                                            \
		 "Get this object properties",                                                     \
		 TASK,                                                                             \
		 API_READ,                                                                         \
		 "task-show",                                                                      \
		 .answer = API_FIRST,                                                              \
		 .from = "items",                                                                  \
		 .params = {IN_SERVICE, __VA_ARGS__ IN_TASK}},                                     \
		{"POST",                                                                           \
		 tree "/task/{taskId}/changeMaintenanceExecutionDate",                             \
		 "Change the execution date of a task that has not begun",                         \
		 TASK,                                                                             \
		 API_OPERATE,                                                                      \
		 "task-schedule",                                                                  \
		 .guard = "task-show",                                                             \
		 .answer = API_OBJECT,                                                             \
		 .from = "task",                                                                   \
		 .params = {IN_SERVICE, __VA_ARGS__ IN_TASK, DATE}},                               \
	{                                                                                          \
		"POST", tree "/task/{taskId}/resetTaskState",                                      \
			"Do a task again that ended in an error", TASK, API_OPERATE, "task-reset", \
			.guard = "task-show", .answer = API_OBJECT, .from = "task", .params = {    \
				IN_SERVICE,                                                        \
				__VA_ARGS__ IN_TASK,                                               \
				REASON                                                             \
			}                                                                          \
	}
#define COMMA ,

const struct api_call cloud_calls[] = {
	{"GET", "/dedicatedCloud", "List available services", "string[]", API_READ,
	 "service-name-list", .answer = API_PICK, .from = "items"},
	{"GET", SERVICE "/datacenter", "Datacenters of this service", "long[]", API_READ,
	 "datacenter-show", .answer = API_PICK, .from = "items", .pick = "datacenter-id",
	 .some = true, .params = {IN_SERVICE}},
	{"GET", CENTER, "Get this object properties", "dedicatedCloud.Datacenter", API_READ,
	 "datacenter-show", .answer = API_FIRST, .from = "items",
	 .params = {IN_SERVICE, IN_CENTER}},
	{"GET", CENTER "/privateGateway", "Get the private gateway",
	 "dedicatedCloud.PrivateGateway", API_READ, "gateway-show", .answer = API_OBJECT,
	 .from = "gateway", .params = {IN_SERVICE, IN_CENTER}},
	{"POST", CENTER "/privateGateway/enable",
	 "Move the access to vSphere into the private network", TASK, API_OPERATE, "gateway-enable",
	 .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVICE,
		    IN_CENTER,
		    {"ip", "ip", "ipv4", API_IN_BODY, true, "Address of the private gateway"},
		    {"netmask", "netmask", "ipv4", API_IN_BODY, true, "Its netmask"},
		    {"portgroup", "portgroup", "string", API_IN_BODY, true,
		     "Name of the portgroup that it lies in"}}},
	{"POST", CENTER "/privateGateway/disable",
	 "Move the access to vSphere back to the Internet", TASK, API_OPERATE, "gateway-disable",
	 .answer = API_OBJECT, .from = "task", .params = {IN_SERVICE, IN_CENTER}},
	{"POST", CENTER "/privateGateway/reconfigure", "Move the private gateway", TASK,
	 API_OPERATE, "gateway-reconfigure", .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVICE,
		    IN_CENTER,
		    {"ip", "ip", "ipv4", API_IN_BODY, false, "Address of the private gateway"},
		    {"netmask", "netmask", "ipv4", API_IN_BODY, false, "Its netmask"},
		    {"portgroup", "portgroup", "string", API_IN_BODY, false,
		     "Name of the portgroup that it lies in"},
		    {"newDatacenterId", "new-datacenter", "long", API_IN_BODY, false,
		     "Datacenter that it moves to"}}},
	{"GET", CENTER "/portgroup", "Portgroups that the gateway is attached to", "long[]",
	 API_READ, "portgroup-list", .answer = API_PICK, .from = "items", .pick = "portgroup-id",
	 .params = {IN_SERVICE, IN_CENTER}},
	{"GET", CENTER "/portgroup/{portgroupId}", "Get this object properties",
	 "dedicatedCloud.Portgroup", API_READ, "portgroup-list", .answer = API_FIRST,
	 .from = "items",
	 .params = {IN_SERVICE,
		    IN_CENTER,
		    {"portgroupId", NULL, "long", API_IN_PATH, true, "Portgroup"}}},
	TASKS(SERVICE, ),
	TASKS(CENTER, IN_CENTER COMMA),
	{"GET", SERVICE "/allowedNetwork", "Networks that may reach vSphere from the Internet",
	 "long[]", API_READ, "allowed-network-show", .answer = API_PICK, .from = "items",
	 .pick = "network-access-id", .params = {IN_SERVICE}},
	{"POST", SERVICE "/allowedNetwork", "Add a network", TASK, API_ADMIN, "allowed-network-add",
	 .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVICE,
		    {"network", "network", "ipv4Block", API_IN_BODY, true,
		     "Network, as 192.0.2.0/24"},
		    {"description", "description", "string", API_IN_BODY, false, "What it is"}}},
	{"GET", NETWORK, "Get this object properties", "dedicatedCloud.AllowedNetwork", API_READ,
	 "allowed-network-show", .answer = API_FIRST, .from = "items",
	 .params = {IN_SERVICE, IN_NETWORK("id")}},
	{"PUT", NETWORK, "Alter this object properties", TASK, API_ADMIN, "allowed-network-change",
	 .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVICE,
		    IN_NETWORK("id"),
		    {"AllowedNetwork", NULL, "dedicatedCloud.AllowedNetwork", API_IN_BODY, true,
		     "New object properties"}}},
	{"DELETE", NETWORK, "Remove a network; connections from it end", TASK, API_ADMIN,
	 "allowed-network-delete", .answer = API_OBJECT, .from = "task",
	 .params = {IN_SERVICE, IN_NETWORK("id")}},
	TASKS(NETWORK, IN_NETWORK("network-access-id") COMMA),
	{0},
};

static const struct api_field gateway[] = {
	{"customerIp", "ipv4", true, "Address of the private gateway", NULL},
	{"customerNetmask", "ipv4", true, "Its netmask", NULL},
	{"customerPortGroup", "string", true, "Portgroup that it lies in", "customer-portgroup"},
	{"state", "dedicatedCloud.PrivateGatewayStateEnum", false, "Its state", NULL},
	{0},
};

static const struct api_field task[] = {
	{"createdBy", "string", true, "Who asked for it", NULL},
	{"createdFrom", "string", true, "From where it was asked for", NULL},
	{"datacenterId", "long", true, "Datacenter that it concerns", NULL},
	{"description", "string", true, "What it does, or why it failed", NULL},
	{"endDate", "datetime", true, "When it ended", NULL},
	{"executionDate", "datetime", false, "When it is to begin", NULL},
	{"filerId", "long", true, "Filer that it concerns", NULL},
	{"hostId", "long", true, "Host that it concerns", NULL},
	{"lastModificationDate", "datetime", true, "When it last changed", NULL},
	{"maintenanceDateFrom", "datetime", true, "Earliest execution", NULL},
	{"maintenanceDateTo", "datetime", true, "Latest execution", NULL},
	{"name", "string", false, "Its name", NULL},
	{"network", "string", true, "Network that it concerns", NULL},
	{"networkAccessId", "long", true, "Allowed network that it concerns", NULL},
	{"orderId", "long", true, "Order that it concerns", NULL},
	{"parentTaskId", "long", true, "Task that it is a part of", NULL},
	{"progress", "long", false, "Per cent", NULL},
	{"state", STATE, false, "Its state", NULL},
	{"taskId", "long", false, "Its number", NULL},
	{"type", "string", false, "Its kind", NULL},
	{"userId", "long", true, "User that it concerns", NULL},
	{"vlanId", "long", true, "VLAN that it concerns", NULL},
	{0},
};

static const struct api_field allowed[] = {
	{"networkAccessId", "long", false, "Its number", NULL},
	{"network", "ipv4Block", false, "Network", NULL},
	{"description", "string", true, "What it is", NULL},
	{"state", "dedicatedCloud.AllowedNetworkStateEnum", false, "Its state", NULL},
	{0},
};

static const struct api_field datacenter[] = {
	{"datacenterId", "long", false, "Its number", NULL},
	{"description", "string", true, "What it is", NULL},
	{"name", "string", false, "Its name", NULL},
	{0},
};

static const struct api_field portgroup[] = {
	{"description", "string", true, "Interface and realm", NULL},
	{"name", "string", false, "Its name", NULL},
	{"portgroupId", "long", false, "Its number", NULL},
	{0},
};

const struct api_model cloud_models[] = {
	{"dedicatedCloud.PrivateGateway", "Private gateway", gateway},
	{TASK, "Operation on a service", task},
	{"dedicatedCloud.AllowedNetwork", "Network that may reach vSphere", allowed},
	{"dedicatedCloud.Datacenter", "Datacenter", datacenter},
	{"dedicatedCloud.Portgroup", "Portgroup", portgroup},
	{0},
};

static const char *const gateway_states[] = {"disabled", "disabling", "enabled", "enabling",
					     "error",	 "migrating", "unknown", NULL};
static const char *const task_states[] = {
	"canceled",    "doing",	   "done", "error",   "fixing",
	"toCancel",    "toCreate", "todo", "unknown", "waitingForChilds",
	"waitingTodo", NULL};
static const char *const network_states[] = {"allowed", "toDelete", "toUpdate", NULL};

const struct api_enum cloud_enums[] = {
	{"dedicatedCloud.PrivateGatewayStateEnum", "States of a private gateway", gateway_states},
	{STATE, "States of a task", task_states},
	{"dedicatedCloud.AllowedNetworkStateEnum", "States of an allowed network", network_states},
	{0},
};
