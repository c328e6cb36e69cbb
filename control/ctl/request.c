/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/ctl/log.h"

#define MEMBERS_MAX 2

const char *const request_objects[] = {"portgroup", "address", "route", "pool", "nat",
				       "service",   "allow",   "vmac",	NULL};

struct call {
	const json_t *request;
	const struct request_ops *ops;
	void *gateway;
	struct request_result *result;
};

int request_failed(struct request_result *result, int code, const char *format, ...)
{
	struct ctl_error *error = &result->error;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

static int do_version(struct call *call)
{
	return call->ops->version(call->gateway, call->result);
}

static int do_show(struct call *call)
{
	const char *object = json_string_value(json_object_get(call->request, "object"));
	bool statistics = json_is_true(json_object_get(call->request, "statistics"));
	char expected[160];
	size_t used = 0;

	for (unsigned i = 0; request_objects[i]; i++) {
		if (!strcmp(object, request_objects[i]))
			return call->ops->show(call->gateway, request_objects[i], statistics,
					       call->result);
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 i ? ", " : "", request_objects[i]);
	}
	return request_failed(call->result, -EINVAL,
			      "unknown object \"%.40s\", expected one of: %s", object, expected);
}

static int do_change(struct call *call)
{
	const json_t *list = json_object_get(call->request, "statements");
	size_t n = json_array_size(list);
	const char **statements;
	int code;

	if (!n || n > REQUEST_STATEMENTS_MAX)
		return request_failed(call->result, -EINVAL,
				      "member \"statements\" has %zu elements, expected 1 to %u", n,
				      REQUEST_STATEMENTS_MAX);
	statements = calloc(n, sizeof(*statements));
	if (!statements)
		return request_failed(call->result, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		statements[i] = json_string_value(json_array_get(list, i));
		if (!statements[i]) {
			free(statements);
			return request_failed(
				call->result, -EINVAL,
				"element %zu of member \"statements\" is not a string", i);
		}
	}
	code = call->ops->change(call->gateway, statements, n, call->result);
	free(statements);
	return code;
}

static int do_config_show(struct call *call)
{
	return call->ops->config_show(call->gateway, call->result);
}

static const char *config_text(const struct call *call, size_t *bytes)
{
	const json_t *text = json_object_get(call->request, "text");

	*bytes = json_string_length(text);
	return json_string_value(text);
}

static int do_config_check(struct call *call)
{
	size_t bytes;
	const char *text = config_text(call, &bytes);

	return call->ops->config_check(call->gateway, text, bytes, call->result);
}

static int do_config_diff(struct call *call)
{
	size_t bytes;
	const char *text = config_text(call, &bytes);

	return call->ops->config_diff(call->gateway, text, bytes, call->result);
}

static int do_config_apply(struct call *call)
{
	size_t bytes;
	const char *text = config_text(call, &bytes);

	return call->ops->config_apply(call->gateway, text, bytes, call->result);
}

static int do_config_save(struct call *call)
{
	return call->ops->config_save(call->gateway, call->result);
}

static int do_stats(struct call *call)
{
	bool all = json_is_true(json_object_get(call->request, "all"));

	return call->ops->stats(call->gateway, all, call->result);
}

static int do_neighbour(struct call *call)
{
	return call->ops->neighbour(call->gateway, call->result);
}

static int do_session_table(struct call *call)
{
	return call->ops->session_table(call->gateway, call->result);
}

static bool session_read(const json_t *pair, struct request_session *session)
{
	const json_t *record = json_array_get(pair, 0), *word = json_array_get(pair, 1);

	if (json_array_size(pair) != 2 || !json_is_integer(record) || !json_is_integer(word) ||
	    json_integer_value(record) < 0 || json_integer_value(record) > UINT32_MAX ||
	    json_integer_value(word) < 0 || json_integer_value(word) > UINT32_MAX)
		return false;
	session->record = (uint32_t)json_integer_value(record);
	session->word = (uint32_t)json_integer_value(word);
	return true;
}

static int do_session_end(struct call *call)
{
	const json_t *list = json_object_get(call->request, "sessions");
	size_t n = json_array_size(list);
	struct request_session *sessions;
	int code;

	if (n > REQUEST_SESSIONS_MAX)
		return request_failed(call->result, -EINVAL,
				      "member \"sessions\" has %zu elements, expected at most %u",
				      n, REQUEST_SESSIONS_MAX);
	sessions = calloc(n ? n : 1, sizeof(*sessions));
	if (!sessions)
		return request_failed(call->result, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		if (session_read(json_array_get(list, i), &sessions[i]))
			continue;
		free(sessions);
		return request_failed(
			call->result, -EINVAL,
			"element %zu of member \"sessions\" is not [record, word], two "
			"integers of 32 bits",
			i);
	}
	code = call->ops->session_end(call->gateway, sessions, n, call->result);
	free(sessions);
	return code;
}

static int do_monitor(struct call *call)
{
	call->result->monitor = true;
	return 0;
}

static const struct operation {
	const char *name;
	int (*call)(struct call *call);
	bool changes; /* is logged with who asked */
	struct {
		const char *name;
		json_type type; /* JSON_TRUE: a boolean */
		bool optional;
	} member[MEMBERS_MAX];
} operations[] = {
	{.name = "version", .call = do_version},
	{.name = "show",
	 .call = do_show,
	 .member = {{"object", JSON_STRING, false}, {"statistics", JSON_TRUE, true}}},
	{.name = "change",
	 .call = do_change,
	 .changes = true,
	 .member = {{"statements", JSON_ARRAY, false}}},
	{.name = "config-show", .call = do_config_show},
	{.name = "config-check", .call = do_config_check, .member = {{"text", JSON_STRING, false}}},
	{.name = "config-diff", .call = do_config_diff, .member = {{"text", JSON_STRING, false}}},
	{.name = "config-apply",
	 .call = do_config_apply,
	 .changes = true,
	 .member = {{"text", JSON_STRING, false}}},
	{.name = "config-save", .call = do_config_save, .changes = true},
	{.name = "stats", .call = do_stats, .member = {{"all", JSON_TRUE, true}}},
	{.name = "neighbour", .call = do_neighbour},
	{.name = "session-table", .call = do_session_table},
	{.name = "session-end",
	 .call = do_session_end,
	 .changes = true,
	 .member = {{"sessions", JSON_ARRAY, false}}},
	{.name = "monitor", .call = do_monitor},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_TRUE:
		return "true or false";
	default:
		return "something else";
	}
}

static bool type_fits(const json_t *value, json_type type)
{
	return type == JSON_TRUE ? json_is_boolean(value) : json_typeof(value) == type;
}

static const struct operation *find_operation(const char *name, struct request_result *result)
{
	char expected[256];
	size_t used = 0;

	for (unsigned i = 0; i < OPERATIONS; i++) {
		if (!strcmp(name, operations[i].name))
			return &operations[i];
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 i ? ", " : "", operations[i].name);
	}
	request_failed(result, -EINVAL, "unknown operation \"%.40s\", expected one of: %s", name,
		       expected);
	return NULL;
}

static int check_members(const struct operation *operation, json_t *request,
			 struct request_result *result)
{
	const char *key;
	json_t *value;

	for (unsigned i = 0; i < MEMBERS_MAX && operation->member[i].name; i++) {
		value = json_object_get(request, operation->member[i].name);
		if (!value && !operation->member[i].optional)
			return request_failed(result, -EINVAL,
					      "operation \"%s\" needs member \"%s\", %s",
					      operation->name, operation->member[i].name,
					      type_name(operation->member[i].type));
		if (value && !type_fits(value, operation->member[i].type))
			return request_failed(result, -EINVAL,
					      "member \"%s\" of operation \"%s\" must be %s",
					      operation->member[i].name, operation->name,
					      type_name(operation->member[i].type));
	}
	/* A member that would be ignored may be one whose effect the asker relies on. */
	json_object_foreach(request, key, value)
	{
		unsigned i = 0;

		if (!strcmp(key, "op"))
			continue;
		while (i < MEMBERS_MAX && operation->member[i].name &&
		       strcmp(key, operation->member[i].name) != 0)
			i++;
		if (i == MEMBERS_MAX || !operation->member[i].name)
			return request_failed(result, -EINVAL,
					      "operation \"%s\" has no member \"%.40s\"",
					      operation->name, key);
	}
	return 0;
}

static json_t *parse(const char *line, size_t length, struct request_result *result)
{
	json_error_t why;
	json_t *request;

	if (frame_nested(line, length, REQUEST_DEPTH_MAX)) {
		request_failed(result, -EINVAL, "the request nests deeper than %u levels",
			       REQUEST_DEPTH_MAX);
		return NULL;
	}
	/* Text of a request never needs NUL, and one would cut what is compared or printed. */
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
	if (!request) {
		request_failed(result, -EINVAL,
			       "the request is not JSON: %s; expected one object on one line, "
			       "such as {\"op\":\"version\"}",
			       why.text);
		result->error.column = why.column > 0 ? (unsigned)why.column : 0;
		return NULL;
	}
	if (!json_is_object(request) || !json_is_string(json_object_get(request, "op"))) {
		request_failed(result, -EINVAL,
			       "expected an object with a string member \"op\", such as "
			       "{\"op\":\"version\"}");
		json_decref(request);
		return NULL;
	}
	return request;
}

int request_handle(const char *line, size_t length, const struct request_ops *ops, void *gateway,
		   const struct request_peer *peer, struct request_result *result)
{
	struct call call = {.ops = ops, .gateway = gateway, .result = result};
	const struct operation *operation;
	json_t *request;
	int code = -EINVAL;

	memset(result, 0, sizeof(*result));
	result->answer = json_object();
	if (!result->answer)
		return request_failed(result, -ENOMEM, "out of memory");
	request = parse(line, length, result);
	if (!request)
		return -EINVAL;
	call.request = request;
	operation = find_operation(json_string_value(json_object_get(request, "op")), result);
	if (operation)
		code = check_members(operation, request, result);
	if (!code) {
		if (operation->changes && peer)
			ctl_log(LOG_INFO, "%s asked by pid %d of uid %u", operation->name,
				peer->pid, peer->uid);
		code = operation->call(&call);
	}
	json_decref(request);
	return code;
}

static json_t *error_object(const struct ctl_error *error)
{
	json_t *object = json_object();

	json_object_set_new(object, "ok", json_false());
	if (json_object_set_new(object, "error", json_string(error->text))) {
		char text[sizeof(error->text)];

		/* It quotes bytes that are not UTF-8, or was cut within a character. */
		snprintf(text, sizeof(text), "%s", error->text);
		for (char *c = text; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		json_object_set_new(object, "error", json_string(text));
	}
	if (error->line || error->column) {
		json_object_set_new(object, "line", json_integer(error->line));
		json_object_set_new(object, "column", json_integer(error->column));
	}
	if (*error->file)
		json_object_set_new(object, "file", json_string(error->file));
	return object;
}

char *request_answer(int code, const struct request_result *result)
{
	json_t *object;
	char *text;

	if (code) {
		object = error_object(&result->error);
	} else {
		object = json_pack("{s:b}", "ok", 1);
		json_object_update(object, result->answer);
	}
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

void request_result_free(struct request_result *result)
{
	for (unsigned i = 0; i < result->n_fds; i++)
		close(result->fds[i]);
	json_decref(result->answer);
	memset(result, 0, sizeof(*result));
}
