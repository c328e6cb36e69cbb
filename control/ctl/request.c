/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/ctl/log.h"

const char *const request_objects[] = {
	"portgroup", "address", "route",	  "pool",	"nat",	  "datacenter",
	"service",   "allow",	"vrack-block",	  "vmac",	"server", "api",
	"ntp",	     "relay",	"tunnel-gateway", "tunnel-key", NULL};

struct call {
	const json_t *request;
	const struct request_ops *ops;
	void *gateway;
	struct request_result *result;
	struct request_order order;
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
	char expected[200];
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
	code = call->ops->change(call->gateway, statements, n, &call->order, call->result);
	free(statements);
	return code;
}

/* An optional member: a number from @least to @most. @value: unchanged where there is none. */
static int read_number(const struct call *call, const char *name, uint64_t least, uint64_t most,
		       uint64_t *value)
{
	const json_t *member = json_object_get(call->request, name);
	json_int_t number = json_integer_value(member);

	if (!member)
		return 0;
	if (number < 0 || (uint64_t)number < least || (uint64_t)number > most)
		return request_failed(
			call->result, -ERANGE, "member \"%s\" is %lld, expected %llu to %llu", name,
			(long long)number, (unsigned long long)least, (unsigned long long)most);
	*value = (uint64_t)number;
	return 0;
}

/* An optional member: one line of text of less than @bytes. */
static int read_line(const struct call *call, const char *name, size_t bytes, const char **line)
{
	const json_t *member = json_object_get(call->request, name);
	const char *text = json_string_value(member);

	if (!member)
		return 0;
	if (strlen(text) >= bytes)
		return request_failed(call->result, -EINVAL,
				      "member \"%s\" has %zu bytes, expected at most %zu", name,
				      strlen(text), bytes - 1);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return request_failed(call->result, -EINVAL,
					      "member \"%s\" has a control character, expected one "
					      "line of text",
					      name);
	*line = text;
	return 0;
}

static int read_order(struct call *call)
{
	struct request_order *order = &call->order;
	uint64_t revert_in_s = 0;
	int code;

	order->has_base = json_object_get(call->request, "base");
	code = read_number(call, "base", 0, INT64_MAX, &order->base);
	if (!code)
		code = read_number(call, "revert-in", 1, REQUEST_REVERT_S_MAX, &revert_in_s);
	if (!code)
		code = read_line(call, "comment", REQUEST_COMMENT_BYTES, &order->comment);
	if (!code)
		code = read_line(call, "by", REQUEST_BY_BYTES, &order->by);
	order->revert_in_s = (uint32_t)revert_in_s;
	return code;
}

static int do_config_show(struct call *call)
{
	uint64_t revision = 0;
	int code = read_number(call, "revision", 1, INT64_MAX, &revision);

	return code ? code : call->ops->config_show(call->gateway, revision, call->result);
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
	uint64_t revision = 0;
	size_t bytes;
	const char *text = config_text(call, &bytes);
	int code = read_number(call, "revision", 1, INT64_MAX, &revision);

	if (!code && !text == !revision)
		code = request_failed(call->result, -EINVAL,
				      "operation \"config-diff\" needs either member \"text\", a "
				      "string, or member \"revision\", an integer");
	return code ? code
		    : call->ops->config_diff(call->gateway, text, bytes, revision, call->result);
}

static int do_config_apply(struct call *call)
{
	size_t bytes;
	const char *text = config_text(call, &bytes);

	return call->ops->config_apply(call->gateway, text, bytes, &call->order, call->result);
}

static int do_config_confirm(struct call *call)
{
	return call->ops->config_confirm(call->gateway, &call->order, call->result);
}

static int do_config_undo(struct call *call)
{
	uint64_t revision = 0;
	int code = read_number(call, "revision", 1, INT64_MAX, &revision);

	return code ? code
		    : call->ops->config_undo(call->gateway, revision, &call->order, call->result);
}

static int do_config_log(struct call *call)
{
	uint64_t limit = UINT32_MAX;
	int code = read_number(call, "limit", 1, UINT32_MAX, &limit);

	return code ? code : call->ops->config_log(call->gateway, (uint32_t)limit, call->result);
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
	return call->ops->monitor(call->gateway, call->result);
}

/* The operations that every gateway has; what they take is described as for all others. */
static const struct operation {
	int (*call)(struct call *call);
	struct request_operation takes;
} operations[] = {
	{do_version, {.name = "version", .flags = REQUEST_API}},
	{do_show,
	 {.name = "show",
	  .member = {{"object", JSON_STRING, false}, {"statistics", JSON_TRUE, true}}}},
	{do_change,
	 {.name = "change",
	  .flags = REQUEST_CHANGES | REQUEST_AUTHORED,
	  .member = {{"statements", JSON_ARRAY, false},
		     {"base", JSON_INTEGER, true},
		     {"comment", JSON_STRING, true}}}},
	{do_config_show, {.name = "config-show", .member = {{"revision", JSON_INTEGER, true}}}},
	{do_config_check, {.name = "config-check", .member = {{"text", JSON_STRING, false}}}},
	{do_config_diff,
	 {.name = "config-diff",
	  .member = {{"text", JSON_STRING, true}, {"revision", JSON_INTEGER, true}}}},
	{do_config_apply,
	 {.name = "config-apply",
	  .flags = REQUEST_CHANGES | REQUEST_AUTHORED,
	  .member = {{"text", JSON_STRING, false},
		     {"revert-in", JSON_INTEGER, true},
		     {"base", JSON_INTEGER, true},
		     {"comment", JSON_STRING, true}}}},
	{do_config_confirm,
	 {.name = "config-confirm",
	  .flags = REQUEST_CHANGES | REQUEST_AUTHORED,
	  .member = {{"base", JSON_INTEGER, true}}}},
	{do_config_undo,
	 {.name = "config-undo",
	  .flags = REQUEST_CHANGES | REQUEST_AUTHORED,
	  .member = {{"revision", JSON_INTEGER, true},
		     {"base", JSON_INTEGER, true},
		     {"comment", JSON_STRING, true}}}},
	{do_config_log, {.name = "config-log", .member = {{"limit", JSON_INTEGER, true}}}},
	{do_config_save, {.name = "config-save", .flags = REQUEST_CHANGES}},
	{do_stats, {.name = "stats", .member = {{"all", JSON_TRUE, true}}}},
	{do_neighbour, {.name = "neighbour"}},
	{do_session_table, {.name = "session-table"}},
	{do_session_end,
	 {.name = "session-end",
	  .flags = REQUEST_CHANGES,
	  .member = {{"sessions", JSON_ARRAY, false}}}},
	{do_monitor, {.name = "monitor"}},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

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
static const struct request_operation *operation_at(const struct request_ops *ops, size_t i,
						    struct found *found)
{
	*found = (struct found){NULL, NULL};
	if (i < OPERATIONS) {
		found->own = &operations[i];
		found->operation = &operations[i].takes;
		return found->operation;
	}
	i -= OPERATIONS;
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

	for (size_t i = 0; operation_at(ops, i, found); i++) {
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
	struct call call = {.request = request,
			    .ops = ops,
			    .gateway = gateway,
			    .result = result,
			    .order = {.peer = peer}};
	int code;

	if (!found->own)
		return found->operation->call(gateway, request, result);
	code = read_order(&call);
	return code ? code : found->own->call(&call);
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

		/* It quotes bytes that are not UTF-8, or was cut within a character. */
		snprintf(text, sizeof(text), "%s", error->text);
		for (char *c = text; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
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
