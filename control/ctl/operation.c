/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/operation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct operation_call {
	const json_t *request;
	const struct request_ops *ops;
	void *gateway;
	struct request_result *result;
	struct request_order order;
};

static int do_version(struct operation_call *call)
{
	return call->ops->version(call->gateway, call->result);
}

static int do_show(struct operation_call *call)
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

static int do_change(struct operation_call *call)
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
static int read_number(const struct operation_call *call, const char *name, uint64_t least,
		       uint64_t most, uint64_t *value)
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
static int read_line(const struct operation_call *call, const char *name, size_t bytes,
		     const char **line)
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

static int read_order(struct operation_call *call)
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

static int do_config_show(struct operation_call *call)
{
	uint64_t revision = 0;
	int code = read_number(call, "revision", 1, INT64_MAX, &revision);

	return code ? code : call->ops->config_show(call->gateway, revision, call->result);
}

static const char *config_text(const struct operation_call *call, size_t *bytes)
{
	const json_t *text = json_object_get(call->request, "text");

	*bytes = json_string_length(text);
	return json_string_value(text);
}

static int do_config_check(struct operation_call *call)
{
	size_t bytes;
	const char *text = config_text(call, &bytes);

	return call->ops->config_check(call->gateway, text, bytes, call->result);
}

static int do_config_diff(struct operation_call *call)
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

static int do_config_apply(struct operation_call *call)
{
	size_t bytes;
	const char *text = config_text(call, &bytes);

	return call->ops->config_apply(call->gateway, text, bytes, &call->order, call->result);
}

static int do_config_confirm(struct operation_call *call)
{
	return call->ops->config_confirm(call->gateway, &call->order, call->result);
}

static int do_config_undo(struct operation_call *call)
{
	uint64_t revision = 0;
	int code = read_number(call, "revision", 1, INT64_MAX, &revision);

	return code ? code
		    : call->ops->config_undo(call->gateway, revision, &call->order, call->result);
}

static int do_config_log(struct operation_call *call)
{
	uint64_t limit = UINT32_MAX;
	int code = read_number(call, "limit", 1, UINT32_MAX, &limit);

	return code ? code : call->ops->config_log(call->gateway, (uint32_t)limit, call->result);
}

static int do_config_save(struct operation_call *call)
{
	return call->ops->config_save(call->gateway, call->result);
}

static int do_stats(struct operation_call *call)
{
	bool all = json_is_true(json_object_get(call->request, "all"));

	return call->ops->stats(call->gateway, all, call->result);
}

static int do_neighbour(struct operation_call *call)
{
	return call->ops->neighbour(call->gateway, call->result);
}

static int do_session_table(struct operation_call *call)
{
	return call->ops->session_table(call->gateway, call->result);
}

/* One condition of member "filter". */
static int read_condition(struct operation_call *call, const char *word, const json_t *value,
			  struct flow_filter *filter, struct filter_text *text)
{
	enum flow_condition condition = filter_condition(word);
	const char *expected;

	if (condition == FILTER_CONDITIONS)
		return request_failed(
			call->result, -EINVAL,
			"member \"filter\" has no member \"%.40s\", expected fields of "
			"sessions such as \"src\"",
			word);
	if (!json_is_string(value))
		return request_failed(call->result, -EINVAL,
				      "member \"%s\" of member \"filter\" must be a string", word);
	expected = filter_set(filter, text, condition, json_string_value(value));
	if (expected)
		return request_failed(call->result, -EINVAL, "%s \"%.40s\" is wrong: %s", word,
				      json_string_value(value), expected);
	return 0;
}

static int do_session_end(struct operation_call *call)
{
	struct flow_filter filter = {.conditions = 0};
	struct filter_text text = {.value = {NULL}};
	uint64_t limit = UINT64_MAX;
	int code = read_number(call, "limit", 0, INT64_MAX, &limit);
	const char *word;
	json_t *value;

	json_object_foreach(json_object_get(call->request, "filter"), word, value)
	{
		if (!code)
			code = read_condition(call, word, value, &filter, &text);
	}
	return code ? code
		    : call->ops->session_end(call->gateway, &filter, &text, limit, call->result);
}

static int do_monitor(struct operation_call *call)
{
	call->result->monitor = true;
	return call->ops->monitor(call->gateway, call->result);
}

const struct operation operation_list[] = {
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
	  .member = {{"filter", JSON_OBJECT, false}, {"limit", JSON_INTEGER, true}}}},
	{do_monitor, {.name = "monitor"}},
	{NULL, {.name = NULL}},
};

int operation_run(const struct operation *operation, const json_t *request,
		  const struct request_ops *ops, void *gateway, const struct request_peer *peer,
		  struct request_result *result)
{
	struct operation_call call = {.request = request,
				      .ops = ops,
				      .gateway = gateway,
				      .result = result,
				      .order = {.peer = peer}};
	int code = read_order(&call);

	return code ? code : operation->call(&call);
}
