/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a control request, from bytes of a socket to an answer line, with a gateway that
 * only checks that what reaches it keeps its promises.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ctl/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int plain(void *gateway, struct request_result *result)
{
	(void)gateway;
	json_object_set_new(result->answer, "revision", json_integer(1));
	return 0;
}

static int show(void *gateway, const char *object, bool statistics, struct request_result *result)
{
	bool known = false;

	(void)gateway;
	(void)statistics;
	(void)result;
	for (unsigned i = 0; request_objects[i]; i++)
		known |= !strcmp(object, request_objects[i]);
	assert(known);
	return 0;
}

static void check_order(const struct request_order *order)
{
	assert(!order->has_base || order->base <= INT64_MAX);
	assert(order->revert_in_s <= REQUEST_REVERT_S_MAX);
	assert(!order->comment || strlen(order->comment) < REQUEST_COMMENT_BYTES);
	assert(!order->by || strlen(order->by) < REQUEST_BY_BYTES);
}

static int change(void *gateway, const char *const *statements, size_t n,
		  const struct request_order *order, struct request_result *result)
{
	size_t bytes = 0;

	(void)gateway;
	check_order(order);
	assert(n && n <= REQUEST_STATEMENTS_MAX);
	for (size_t i = 0; i < n; i++)
		bytes += strlen(statements[i]);
	result->sweep = bytes;
	return 0;
}

static int text_taken(void *gateway, const char *text, size_t bytes, struct request_result *result)
{
	(void)gateway;
	assert(strlen(text) == bytes);
	/* A message quotes its cause, whatever bytes that has. */
	return request_failed(result, -1, "in \"%.40s\"", text);
}

static int config_show(void *gateway, uint64_t revision, struct request_result *result)
{
	(void)gateway;
	assert(revision <= INT64_MAX);
	json_object_set_new(result->answer, "revision", json_integer((json_int_t)revision));
	return 0;
}

static int config_diff(void *gateway, const char *text, size_t bytes, uint64_t revision,
		       struct request_result *result)
{
	assert(!text != !revision);
	return text ? text_taken(gateway, text, bytes, result)
		    : config_show(gateway, revision, result);
}

static int config_apply(void *gateway, const char *text, size_t bytes,
			const struct request_order *order, struct request_result *result)
{
	check_order(order);
	result->detail = json_pack("{s:i}", "revision", 7);
	return text_taken(gateway, text, bytes, result);
}

static int config_confirm(void *gateway, const struct request_order *order,
			  struct request_result *result)
{
	(void)gateway;
	(void)result;
	check_order(order);
	return 0;
}

static int config_undo(void *gateway, uint64_t revision, const struct request_order *order,
		       struct request_result *result)
{
	check_order(order);
	return config_show(gateway, revision, result);
}

static int config_log(void *gateway, uint32_t limit, struct request_result *result)
{
	(void)gateway;
	(void)result;
	assert(limit > 0);
	return 0;
}

static int stats(void *gateway, bool all, struct request_result *result)
{
	(void)gateway;
	json_object_set_new(result->answer, "all", json_boolean(all));
	return 0;
}

static int session_end(void *gateway, const struct flow_filter *filter,
		       const struct filter_text *text, uint64_t limit,
		       struct request_result *result)
{
	static const struct flow flow = {.proto = 6, .tcp_state = TCP_ESTABLISHED};

	(void)gateway;
	assert(!flow_filter_check(filter));
	for (unsigned i = 0; i < FILTER_CONDITIONS; i++)
		assert(!text->value[i] == !(filter->conditions >> i & 1));
	json_object_set_new(result->answer, "ended",
			    json_integer(limit && flow_filter_matches(filter, &flow, 0)));
	return 0;
}

static const struct request_ops ops = {
	.version = plain,
	.show = show,
	.change = change,
	.config_show = config_show,
	.config_check = text_taken,
	.config_diff = config_diff,
	.config_apply = config_apply,
	.config_confirm = config_confirm,
	.config_undo = config_undo,
	.config_log = config_log,
	.config_save = plain,
	.stats = stats,
	.neighbour = plain,
	.session_table = plain,
	.session_end = session_end,
	.monitor = plain,
};

static void one_request(const char *line, size_t length)
{
	struct request_result result;
	int code = request_handle(line, length, &ops, NULL, NULL, &result);
	char *text = request_answer(code, &result);
	json_t *answer = json_loads(text, 0, NULL);

	assert(text && !strchr(text, '\n'));
	assert(json_is_object(answer));
	assert(json_is_true(json_object_get(answer, "ok")) == !code);
	assert(!code || json_is_string(json_object_get(answer, "error")));
	json_decref(answer);
	free(text);
	request_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_in in = {.bytes = NULL};
	int fds[2], code;

	if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return 0;
	if (size && write(fds[0], data, size) != (ssize_t)size)
		abort();
	close(fds[0]);
	do {
		size_t length;
		char *line;

		/* A limit that inputs reach. */
		code = frame_fill(&in, fds[1], 4096, NULL);
		while ((line = frame_line(&in, &length)))
			one_request(line, length);
	} while (code > 0);
	close(fds[1]);
	frame_in_free(&in);
	return 0;
}
