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

static int change(void *gateway, const char *const *statements, size_t n,
		  struct request_result *result)
{
	size_t bytes = 0;

	(void)gateway;
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

static int stats(void *gateway, bool all, struct request_result *result)
{
	(void)gateway;
	json_object_set_new(result->answer, "all", json_boolean(all));
	return 0;
}

static int session_end(void *gateway, const struct request_session *sessions, size_t n,
		       struct request_result *result)
{
	uint32_t sum = 0;

	(void)gateway;
	assert(n <= REQUEST_SESSIONS_MAX);
	for (size_t i = 0; i < n; i++)
		sum += sessions[i].record ^ sessions[i].word;
	json_object_set_new(result->answer, "ended", json_integer(sum));
	return 0;
}

static const struct request_ops ops = {
	.version = plain,
	.show = show,
	.change = change,
	.config_show = plain,
	.config_check = text_taken,
	.config_diff = text_taken,
	.config_apply = text_taken,
	.config_save = plain,
	.stats = stats,
	.neighbour = plain,
	.session_table = plain,
	.session_end = session_end,
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
