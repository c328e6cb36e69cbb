/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/ctl/operation.h"

const char *const request_objects[] = {
	"portgroup", "address", "route",	  "pool",	"nat",	  "datacenter",
	"service",   "allow",	"vrack-block",	  "vmac",	"server", "api",
	"ntp",	     "relay",	"tunnel-gateway", "tunnel-key", NULL};

int request_failed(struct request_result *result, int code, const char *format, ...)
{
	struct ctl_error *error = &result->error;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	case JSON_INTEGER:
		return "a whole number from 0 on";
	case JSON_TRUE:
		return "true or false";
	default:
		return "something else";
	}
}

static bool type_fits(const json_t *value, json_type type)
{
	if (type == JSON_TRUE)
		return json_is_boolean(value);
	if (type == JSON_INTEGER && json_is_integer(value))
		return json_integer_value(value) >= 0;
	return json_typeof(value) == type;
}

static bool permitted(const struct request_operation *operation, enum request_role role)
{
	return role == REQUEST_ROLE_OPERATOR || operation->flags & REQUEST_API;
}

/* What was found, and who runs it: one of ours, or one of a list. */
struct found {
	const struct operation *own;
	const struct request_operation *operation;
};

/* The next operation of all lists; @i counts them. NULL behind the last. */
static const struct request_operation *nth_operation(const struct request_ops *ops, size_t i,
						     struct found *found)
{
	*found = (struct found){NULL, NULL};
	for (const struct operation *own = operation_list; own->call; own++)
		if (i-- == 0) {
			found->own = own;
			return found->operation = &own->takes;
		}
	for (const struct request_operation *const *list = ops->more; list && *list; list++)
		for (const struct request_operation *at = *list; at->name; at++)
			if (i-- == 0)
				return found->operation = at;
	return NULL;
}

static int find_operation(const char *name, const struct request_ops *ops, enum request_role role,
			  struct found *found, struct request_result *result)
{
	char expected[sizeof(result->error.text) - 96];
	size_t used = 0;

	for (size_t i = 0; nth_operation(ops, i, found); i++) {
		const char *other = found->operation->name;

		if (!permitted(found->operation, role)) {
			if (!strcmp(name, other))
				return request_failed(result, -EPERM,
						      "operation \"%s\" is not one of those that "
						      "the API may ask",
						      other);
			continue;
		}
		if (!strcmp(name, other))
			return 0;
		if (used + strlen(other) + sizeof(", ...") >= sizeof(expected))
			continue; /* the rest is in the documentation */
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 used ? ", " : "", other);
	}
	return request_failed(result, -EINVAL, "unknown operation \"%.40s\", expected one of: %s",
			      name, used ? expected : "none");
}

static bool is_member(const struct request_operation *operation, const char *key)
{
	for (unsigned i = 0; i < REQUEST_MEMBERS_MAX && operation->member[i].name; i++)
		if (!strcmp(key, operation->member[i].name))
			return true;
	return false;
}

static bool is_author(const struct request_operation *operation, const char *key)
{
	return operation->flags & REQUEST_AUTHORED && (!strcmp(key, "by") || !strcmp(key, "from"));
}

static int check_members(const struct request_operation *operation, json_t *request,
			 struct request_result *result)
{
	const char *key;
	json_t *value;
	void *next;

	/* A member that would be ignored may be one whose effect the asker relies on. */
	json_object_foreach_safe(request, next, key, value)
	{
		if (!strcmp(key, "op"))
			continue;
		if (!is_member(operation, key) && !is_author(operation, key))
			return request_failed(result, -EINVAL,
					      "operation \"%s\" has no member \"%.40s\"",
					      operation->name, key);
		if (is_author(operation, key) && !json_is_string(value) && !json_is_null(value))
			return request_failed(result, -EINVAL,
					      "member \"%s\" of operation \"%s\" must be %s", key,
					      operation->name, type_name(JSON_STRING));
		if (json_is_null(value))
			json_object_del(request, key);
	}
	for (unsigned i = 0; i < REQUEST_MEMBERS_MAX && operation->member[i].name; i++) {
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

/* Asks the gateway for what was found. @request: checked. */
static int run(const struct found *found, const json_t *request, const struct request_ops *ops,
	       void *gateway, const struct request_peer *peer, struct request_result *result)
{
	if (!found->own)
		return found->operation->call(gateway, request, result);
	return operation_run(found->own, request, ops, gateway, peer, result);
}

static void log_change(const char *operation, const struct request_peer *peer,
		       const json_t *request)
{
	const char *by = json_string_value(json_object_get(request, "by"));
	const char *from = json_string_value(json_object_get(request, "from"));

	ctl_log(TOLD_REQUEST, LOG_INFO, "%s asked by pid %d of uid %u%s%.64s%s%.64s", operation,
		peer->pid, peer->uid, by ? " for " : "", by ? by : "", from ? " at " : "",
		from ? from : "");
}

int request_handle(const char *line, size_t length, const struct request_ops *ops, void *gateway,
		   const struct request_peer *peer, struct request_result *result)
{
	enum request_role role = peer ? peer->role : REQUEST_ROLE_OPERATOR;
	struct found found;
	json_t *request;
	int code;

	memset(result, 0, sizeof(*result));
	result->answer = json_object();
	if (!result->answer)
		return request_failed(result, -ENOMEM, "out of memory");
	request = parse(line, length, result);
	if (!request)
		return -EINVAL;
	code = find_operation(json_string_value(json_object_get(request, "op")), ops, role, &found,
			      result);
	if (!code)
		code = check_members(found.operation, request, result);
	if (!code) {
		if (found.operation->flags & REQUEST_CHANGES && peer)
			log_change(found.operation->name, peer, request);
		code = run(&found, request, ops, gateway, peer, result);
		if (found.operation->flags & REQUEST_CHANGES && peer && ops->changed)
			ops->changed(gateway, peer, found.operation->name, request, code, result);
	}
	json_decref(request);
	return code;
}

const char *request_code(int code)
{
	switch (-code) {
	case ENOENT:
		return "not-found";
	case EEXIST:
	case ESTALE:
		return "conflict";
	case EINVAL:
	case ERANGE:
	case EMSGSIZE:
	case ENAMETOOLONG:
		return "invalid";
	case EBUSY:
	case EAGAIN:
		return "busy";
	case EPERM:
	case EACCES:
	case EDQUOT:
		return "forbidden";
	default:
		return "unavailable";
	}
}

static json_t *error_object(int code, const struct ctl_error *error)
{
	json_t *object = json_object();

	json_object_set_new(object, "ok", json_false());
	if (json_object_set_new(object, "error", json_string(error->text))) {
		char text[sizeof(error->text)];

		snprintf(text, sizeof(text), "%s", error->text);
		frame_ascii(text);
		json_object_set_new(object, "error", json_string(text));
	}
	json_object_set_new(object, "code", json_string(request_code(code)));
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
		object = error_object(code, &result->error);
		if (result->detail)
			json_object_update_missing(object, result->detail);
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
	json_decref(result->detail);
	json_decref(result->events);
	memset(result, 0, sizeof(*result));
}
