/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests on the API's control socket, by the operations themselves: private gateway, tasks,
 * allowed networks, virtual MACs, authentication, with a configuration and a database, and no
 * datapath. Tasks are kept but not run. An input is up to OPERATIONS_MAX lines; each gets one
 * answer. A new world takes about as long as 500 requests, so it lives for CHANGED_MAX inputs that
 * have changed it.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "control/auth/auth.h"
#include "control/ctl/log.h"
#include "control/ctl/request.h"
#include "control/gateway.h"
#include "control/task/operations.h"

#define OPERATIONS_MAX 16u
#define CHANGED_MAX    256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Messages and files would take nearly all of the time: the database is in memory. */
int __real_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs)
{
	(void)path;
	return __real_sqlite3_open_v2(":memory:", db, flags, vfs);
}

void __wrap_ctl_log_members(enum ctl_event event, int priority, json_t *members, const char *format,
			    ...) __attribute__((format(printf, 4, 5)));

void __wrap_ctl_log_members(enum ctl_event event, int priority, json_t *members, const char *format,
			    ...)
{
	(void)event;
	(void)priority;
	(void)format;
	json_decref(members);
}

void __wrap_ctl_log(enum ctl_event event, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void __wrap_ctl_log(enum ctl_event event, int priority, const char *format, ...)
{
	(void)event;
	(void)priority;
	(void)format;
}

static const char text[] =
	"portgroup add inet dev eth0 realm internet\n"
	"portgroup add vrack dev eth1 realm private\n"
	"portgroup add vsphere dev eth2 realm vsphere\n"
	"address add 203.0.113.2/24 portgroup inet\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
	"nat add 10 from any to 10.10.0.0/24 pool default\n"
	"datacenter add 1 service-name pcc name dc1\n"
	"datacenter add 2 service-name pcc name dc2\n"
	"datacenter add 3 service-name other name dc3 gateway 172.16.0.1\n"
	"service add web address 203.0.113.10 protocol tcp port 80 backend 10.10.0.10:80 "
	"datacenter 1\n"
	"service add moved address 172.16.0.1 protocol tcp port 80 backend 10.10.0.10:80 "
	"datacenter 3 "
	"internet-address 203.0.113.11\n"
	"allow add 203.0.113.0/24 description \"the Internet\"\n"
	"vrack-block add 172.16.0.128/28\n"
	"vmac add 02:00:00:00:00:01 address 172.16.0.20 portgroup vrack type ovh name vm1\n"
	"server add ns1 portgroup vrack\n";

static struct gateway gateway;
static char directory[] = "/tmp/pgw-operations-XXXXXX";

static void remove_files(void)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;
	char path[400];

	while (stream && (entry = readdir(stream)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (stream)
		closedir(stream);
}

static void close_world(void)
{
	tasks_close(&gateway);
	auth_close(&gateway.auth);
	state_close(gateway.state);
	config_free(&gateway.config);
	remove_files();
}

static void end(void)
{
	close_world();
	rmdir(directory);
}

static void open_world(void)
{
	struct state_error why;
	struct config_error error;

	memset(&gateway, 0, sizeof(gateway));
	gateway.options.state_dir = directory;
	gateway.options.rundir = directory;
	gateway.options.file = "/dev/null";
	gateway.revision = 1;
	config_init(&gateway.config);
	if (config_parse(&gateway.config, text, sizeof(text) - 1, &error) ||
	    config_check(&gateway.config, &error) || state_open(&gateway.state, directory, &why)) {
		fprintf(stderr, "the world does not begin: %s\n", error.text);
		abort();
	}
	tasks_open(&gateway);
	assert(gateway.tasks);
}

static const struct request_operation *const more[] = {
	gateway_operations, task_operations, access_operations,
	mac_operations,	    auth_operations, NULL,
};
static const struct request_ops ops = {.changed = NULL, .more = more};

static bool changes(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "op"));

	for (unsigned i = 0; name && more[i]; i++)
		for (const struct request_operation *at = more[i]; at->name; at++)
			if (!strcmp(at->name, name))
				/* Refused signatures and the like leave traces, too. */
				return at->flags & REQUEST_CHANGES || more[i] == auth_operations;
	return false;
}

/* Return: whether it may have changed something. */
static bool one_request(const char *line, size_t length)
{
	/* What this role may not ask is another target's. */
	const struct request_peer peer = {.pid = 1, .uid = 1, .role = REQUEST_ROLE_API};
	struct request_result result;
	int code = request_handle(line, length, &ops, &gateway, &peer, &result);
	char *said = request_answer(code, &result);
	json_t *answer = json_loads(said, 0, NULL), *request = json_loadb(line, length, 0, NULL);
	bool changed = changes(request);

	assert(said && !strchr(said, '\n'));
	assert(json_is_object(answer));
	assert(json_is_true(json_object_get(answer, "ok")) == !code);
	assert(!code || *json_string_value(json_object_get(answer, "error")));
	json_decref(request);
	json_decref(answer);
	free(said);
	request_result_free(&result);
	return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned changed;
	static bool begun;
	bool changes_it = false;

	if (!begun) {
		if (!mkdtemp(directory))
			abort();
		open_world();
		atexit(end);
		begun = true;
	}
	for (unsigned i = 0; i < OPERATIONS_MAX && size; i++) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t length = newline ? (size_t)(newline - data) : size;
		char *line = malloc(length + 1);

		assert(line);
		memcpy(line, data, length);
		line[length] = '\0';
		changes_it |= one_request(line, length);
		free(line);
		data += newline ? length + 1 : length;
		size -= newline ? length + 1 : length;
	}
	changed += changes_it;
	if (changed == CHANGED_MAX) {
		close_world();
		open_world();
		changed = 0;
	}
	return 0;
}
