/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/ctl/request.h"

/* A gateway that writes down what it was asked. */
struct fake {
	char asked[512];
	int code; /* what it answers */
};

static int asked(void *gateway, const char *what, const char *about, struct request_result *result)
{
	struct fake *fake = gateway;

	snprintf(fake->asked, sizeof(fake->asked), "%s %s", what, about);
	if (fake->code)
		return request_failed(result, fake->code, "refused: %s", about);
	return 0;
}

static int fake_version(void *gateway, struct request_result *result)
{
	json_object_set_new(result->answer, "version", json_string("x"));
	return asked(gateway, "version", "", result);
}

static int fake_show(void *gateway, const char *object, bool statistics,
		     struct request_result *result)
{
	return asked(gateway, statistics ? "show -s" : "show", object, result);
}

/* What an order says, as " base 7 revert 60 comment x by y". */
static void order_text(const struct request_order *order, char *text, size_t bytes)
{
	char base[32] = "", revert[32] = "";

	if (order->has_base)
		snprintf(base, sizeof(base), " base %llu", (unsigned long long)order->base);
	if (order->revert_in_s)
		snprintf(revert, sizeof(revert), " revert %u", order->revert_in_s);
	snprintf(text, bytes, "%s%s%s%s%s%s", base, revert, order->comment ? " comment " : "",
		 order->comment ? order->comment : "", order->by ? " by " : "",
		 order->by ? order->by : "");
}

static int fake_change(void *gateway, const char *const *statements, size_t n,
		       const struct request_order *order, struct request_result *result)
{
	char text[256], about[128];

	order_text(order, about, sizeof(about));
	snprintf(text, sizeof(text), "%zu %s %s%s", n, statements[0], statements[n - 1], about);
	return asked(gateway, "change", text, result);
}

static int fake_diff(void *gateway, const char *text, size_t bytes, uint64_t revision,
		     struct request_result *result)
{
	char about[128];

	assert_int_equal(text ? strlen(text) : 0, bytes);
	snprintf(about, sizeof(about), "%s %llu", text ? text : "-", (unsigned long long)revision);
	return asked(gateway, "diff", about, result);
}

static int fake_apply(void *gateway, const char *text, size_t bytes,
		      const struct request_order *order, struct request_result *result)
{
	char all[256], about[128];

	assert_int_equal(strlen(text), bytes);
	order_text(order, about, sizeof(about));
	snprintf(all, sizeof(all), "%s%s", text, about);
	return asked(gateway, "apply", all, result);
}

static int fake_confirm(void *gateway, const struct request_order *order,
			struct request_result *result)
{
	char about[128];

	order_text(order, about, sizeof(about));
	return asked(gateway, "confirm", about, result);
}

static int fake_undo(void *gateway, uint64_t revision, const struct request_order *order,
		     struct request_result *result)
{
	char all[256], about[128];

	order_text(order, about, sizeof(about));
	snprintf(all, sizeof(all), "%llu%s", (unsigned long long)revision, about);
	return asked(gateway, "undo", all, result);
}

static int fake_log(void *gateway, uint32_t limit, struct request_result *result)
{
	char about[32];

	snprintf(about, sizeof(about), "%u", limit);
	return asked(gateway, "log", about, result);
}

static int fake_config_show(void *gateway, uint64_t revision, struct request_result *result)
{
	char about[32];

	snprintf(about, sizeof(about), "%llu", (unsigned long long)revision);
	return asked(gateway, "config", about, result);
}

static int fake_text(void *gateway, const char *text, size_t bytes, struct request_result *result)
{
	assert_int_equal(strlen(text), bytes);
	return asked(gateway, "text", text, result);
}

static int fake_plain(void *gateway, struct request_result *result)
{
	return asked(gateway, "plain", "", result);
}

static int fake_stats(void *gateway, bool all, struct request_result *result)
{
	return asked(gateway, "stats", all ? "all" : "some", result);
}

static int fake_session_end(void *gateway, const struct flow_filter *filter,
			    const struct filter_text *names, uint64_t limit,
			    struct request_result *result)
{
	char text[128];

	snprintf(text, sizeof(text), "%x %u %u-%u %s %lld", filter->conditions, filter->src.len,
		 filter->dport.first, filter->dport.last,
		 names->value[FILTER_SERVICE] ? names->value[FILTER_SERVICE] : "any",
		 (long long)limit);
	return asked(gateway, "end", text, result);
}

/* An operation of a part of the gateway. */
static int fake_part(void *gateway, const json_t *request, struct request_result *result)
{
	const char *by = json_string_value(json_object_get(request, "by"));
	char text[128];

	snprintf(text, sizeof(text), "%s %lld %zu",
		 json_string_value(json_object_get(request, "name")),
		 (long long)json_integer_value(json_object_get(request, "id")),
		 json_object_size(request));
	return asked(gateway, by ? by : "nobody", text, result);
}

static const struct request_operation first[] = {
	{.name = "part-change",
	 .call = fake_part,
	 .flags = REQUEST_CHANGES | REQUEST_API | REQUEST_AUTHORED,
	 .member = {{"name", JSON_STRING, false}, {"id", JSON_INTEGER, true}}},
	{.name = NULL},
};
static const struct request_operation second[] = {
	{.name = "part-secret", .call = fake_part, .member = {{"name", JSON_STRING, false}}},
	{.name = NULL},
};
static const struct request_operation *const more[] = {first, second, NULL};

static const struct request_ops ops = {
	.more = more,
	.version = fake_version,
	.show = fake_show,
	.change = fake_change,
	.config_show = fake_config_show,
	.config_check = fake_text,
	.config_diff = fake_diff,
	.config_apply = fake_apply,
	.config_confirm = fake_confirm,
	.config_undo = fake_undo,
	.config_log = fake_log,
	.config_save = fake_plain,
	.stats = fake_stats,
	.neighbour = fake_plain,
	.session_table = fake_plain,
	.session_end = fake_session_end,
	.monitor = fake_plain,
};

static char *ask_bytes(struct fake *fake, const char *line, size_t length)
{
	struct request_result result;
	int code = request_handle(line, length, &ops, fake, NULL, &result);
	char *text = request_answer(code, &result);

	request_result_free(&result);
	return text;
}

static void expect(struct fake *fake, const char *line, const char *answer)
{
	char *text = ask_bytes(fake, line, strlen(line));

	assert_string_equal(text, answer);
	free(text);
}

static void expect_refusal(const char *line, const char *part)
{
	struct fake fake = {.code = 0};
	char *text = ask_bytes(&fake, line, strlen(line));

	if (strncmp(text, "{\"ok\":false,\"error\":\"", 21) != 0 || !strstr(text, part))
		fail_msg("%s\n answered %s\n expected a refusal with: %s", line, text, part);
	assert_string_equal(fake.asked, "");
	free(text);
}

static void reaches_the_gateway(void **state)
{
	struct fake fake = {.code = 0};

	(void)state;
	expect(&fake, "{\"op\":\"version\"}", "{\"ok\":true,\"version\":\"x\"}");
	assert_string_equal(fake.asked, "version ");
	expect(&fake, " {\"object\":\"pool\", \"op\":\"show\"} ", "{\"ok\":true}");
	assert_string_equal(fake.asked, "show pool");
	expect(&fake, "{\"op\":\"show\",\"object\":\"nat\",\"statistics\":true}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "show -s nat");
	expect(&fake, "{\"op\":\"show\",\"statistics\":false,\"object\":\"nat\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "show nat");
	expect(&fake, "{\"op\":\"change\",\"statements\":[\"a b\",\"c\"]}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "change 2 a b c");
	expect(&fake, "{\"op\":\"config-apply\",\"text\":\"x\\ny\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "apply x\ny");
	expect(&fake,
	       "{\"op\":\"config-apply\",\"text\":\"x\",\"base\":7,\"revert-in\":60,"
	       "\"comment\":\"for größer\",\"by\":\"api alice\"}",
	       "{\"ok\":true}");
	assert_string_equal(fake.asked, "apply x base 7 revert 60 comment for größer by api alice");
	expect(&fake, "{\"op\":\"change\",\"statements\":[\"a\"],\"base\":0}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "change 1 a a base 0");
	expect(&fake, "{\"op\":\"config-diff\",\"text\":\"x\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "diff x 0");
	expect(&fake, "{\"op\":\"config-diff\",\"revision\":7}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "diff - 7");
	expect(&fake, "{\"op\":\"config-show\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "config 0");
	expect(&fake, "{\"op\":\"config-show\",\"revision\":7}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "config 7");
	expect(&fake, "{\"op\":\"config-undo\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "undo 0");
	expect(&fake, "{\"op\":\"config-undo\",\"revision\":3,\"base\":4}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "undo 3 base 4");
	expect(&fake, "{\"op\":\"config-confirm\",\"base\":8}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "confirm  base 8");
	expect(&fake, "{\"op\":\"config-log\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "log 4294967295");
	expect(&fake, "{\"op\":\"config-log\",\"limit\":5}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "log 5");
	expect(&fake, "{\"op\":\"stats\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "stats some");
	expect(&fake, "{\"op\":\"stats\",\"all\":true}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "stats all");
	expect(&fake,
	       "{\"op\":\"session-end\",\"filter\":{\"src\":\"10.1.0.0/16\",\"dport\":\"80-90\","
	       "\"service\":\"vc\"},\"limit\":5}",
	       "{\"ok\":true}");
	assert_string_equal(fake.asked, "end 20900 16 80-90 vc 5");
	expect(&fake, "{\"op\":\"session-end\",\"filter\":{}}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "end 0 0 0-0 any -1");
	expect(&fake, "{\"op\":\"monitor\"}", "{\"ok\":true}");
}

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	expect_refusal("", "not JSON");
	expect_refusal("x", "not JSON");
	expect_refusal("{\"op\":\"version\"} {}", "not JSON");
	expect_refusal("{\"op\":\"version\",\"op\":\"stats\"}", "not JSON");
	expect_refusal("[]", "expected an object with a string member");
	expect_refusal("{}", "expected an object with a string member");
	expect_refusal("{\"op\":1}", "expected an object with a string member");
	expect_refusal("{\"op\":\"x\"}", "unknown operation \\\"x\\\", expected one of: version, ");
	expect_refusal("{\"op\":\"version\",\"x\":1}", "has no member \\\"x\\\"");
	expect_refusal("{\"op\":\"show\"}", "needs member \\\"object\\\", a string");
	expect_refusal("{\"op\":\"show\",\"object\":1}", "must be a string");
	expect_refusal("{\"op\":\"show\",\"object\":\"nat\",\"statistics\":1}",
		       "must be true or false");
	expect_refusal("{\"op\":\"show\",\"object\":\"x\"}", "expected one of: portgroup, address");
	expect_refusal("{\"op\":\"change\",\"statements\":{}}", "must be an array");
	expect_refusal("{\"op\":\"change\",\"statements\":[]}", "expected 1 to");
	expect_refusal("{\"op\":\"change\",\"statements\":[\"a\",1]}", "element 1");
	expect_refusal("{\"op\":\"stats\",\"all\":1}", "must be true or false");
	/* Without a filter nothing may end, least of all everything. */
	expect_refusal("{\"op\":\"session-end\"}", "needs member \\\"filter\\\"");
	expect_refusal("{\"op\":\"session-end\",\"filter\":null}", "needs member");
	expect_refusal("{\"op\":\"session-end\",\"filter\":[]}", "must be an object");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"sport\":80}}", "must be a string");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"sport\":null}}", "must be a string");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"colour\":\"red\"}}",
		       "has no member \\\"colour\\\"");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"src\":\"10.0.0.1/8\"}}",
		       "src \\\"10.0.0.1/8\\\" is wrong: expected an address");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"dport\":\"5-4\"}}", "is wrong");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"state\":\"happy\"}}", "is wrong");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{\"id\":\"-1\"}}", "is wrong");
	expect_refusal("{\"op\":\"session-end\",\"filter\":{},\"limit\":-1}", "a whole number");
	expect_refusal("{\"op\":[[[[[[[[[[]]]]]]]]]]}", "nests deeper than 8");
	expect_refusal("{\"op\":\"config-check\",\"text\":\"a\\u0000b\"}", "not JSON");
}

static void refuses_wrong_orders(void **state)
{
	char long_line[400];

	(void)state;
	expect_refusal("{\"op\":\"config-apply\",\"text\":\"x\",\"base\":-1}",
		       "a whole number from 0 on");
	expect_refusal("{\"op\":\"config-apply\",\"text\":\"x\",\"base\":\"7\"}",
		       "must be a whole number from 0 on");
	expect_refusal("{\"op\":\"config-apply\",\"text\":\"x\",\"revert-in\":0}",
		       "is 0, expected 1 to 86400");
	expect_refusal("{\"op\":\"config-apply\",\"text\":\"x\",\"revert-in\":86401}",
		       "is 86401, expected 1 to 86400");
	expect_refusal("{\"op\":\"config-apply\",\"text\":\"x\",\"comment\":\"a\\nb\"}",
		       "control character");
	snprintf(long_line, sizeof(long_line),
		 "{\"op\":\"config-apply\",\"text\":\"x\",\"comment\":\"%0256d\"}", 0);
	expect_refusal(long_line, "has 256 bytes, expected at most 255");
	snprintf(long_line, sizeof(long_line),
		 "{\"op\":\"config-apply\",\"text\":\"x\",\"by\":\"%064d\"}", 0);
	expect_refusal(long_line, "has 64 bytes, expected at most 63");
	expect_refusal("{\"op\":\"change\",\"statements\":[\"a\"],\"revert-in\":5}",
		       "has no member \\\"revert-in\\\"");
	expect_refusal("{\"op\":\"config-diff\"}", "needs either member");
	expect_refusal("{\"op\":\"config-diff\",\"text\":\"x\",\"revision\":7}",
		       "needs either member");
	expect_refusal("{\"op\":\"config-undo\",\"revision\":0}", "is 0, expected 1 to");
	expect_refusal("{\"op\":\"config-log\",\"limit\":0}", "is 0, expected 1 to");
	expect_refusal("{\"op\":\"config-confirm\",\"text\":\"x\"}", "has no member");
}

static void bytes_that_are_not_text(void **state)
{
	struct fake fake = {.code = 0};
	char *text = ask_bytes(&fake, "{\"op\":\"\xff\"}", 10);

	(void)state;
	assert_non_null(strstr(text, "not JSON"));
	free(text);
	text = ask_bytes(&fake, "{\"op\":\"version\"}\0", 17);
	assert_non_null(strstr(text, "\"ok\":false"));
	free(text);
	assert_string_equal(fake.asked, "");
}

static void refusal_of_the_gateway(void **state)
{
	struct fake fake = {.code = -EINVAL};
	struct request_result result = {.answer = NULL};
	char *text;

	(void)state;
	expect(&fake, "{\"op\":\"config-check\",\"text\":\"abc\"}",
	       "{\"ok\":false,\"error\":\"refused: abc\",\"code\":\"invalid\"}");
	request_failed(&result, -1, "wrong");
	result.error.line = 3;
	result.error.column = 9;
	snprintf(result.error.file, sizeof(result.error.file), "F");
	text = request_answer(-1, &result);
	assert_string_equal(text,
			    "{\"ok\":false,\"error\":\"wrong\",\"code\":\"forbidden\",\"line\":3,"
			    "\"column\":9,\"file\":\"F\"}");
	free(text);
	/* Cut within a character: the answer must still be JSON. */
	request_failed(&result, -1, "quotes \xc3");
	text = request_answer(-1, &result);
	assert_non_null(strstr(text, "quotes ?"));
	free(text);
}

static void operations_of_parts(void **state)
{
	struct fake fake = {.code = 0};

	(void)state;
	expect(&fake, "{\"op\":\"part-change\",\"name\":\"a\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "nobody a 0 2");
	expect(&fake,
	       "{\"op\":\"part-change\",\"name\":\"a\",\"id\":7,\"by\":\"me\",\"from\":null}",
	       "{\"ok\":true}");
	assert_string_equal(fake.asked, "me a 7 4"); /* null is as good as left out */
	expect(&fake, "{\"op\":\"part-secret\",\"name\":\"b\"}", "{\"ok\":true}");
	assert_string_equal(fake.asked, "nobody b 0 2");
	expect_refusal("{\"op\":\"part-change\"}", "needs member \\\"name\\\"");
	expect_refusal("{\"op\":\"part-change\",\"name\":null}", "needs member \\\"name\\\"");
	expect_refusal("{\"op\":\"part-change\",\"name\":\"a\",\"id\":-1}", "a whole number");
	expect_refusal("{\"op\":\"part-change\",\"name\":\"a\",\"id\":1.0}", "a whole number");
	expect_refusal("{\"op\":\"part-change\",\"name\":\"a\",\"by\":1}", "must be a string");
	expect_refusal("{\"op\":\"part-secret\",\"name\":\"a\",\"by\":\"me\"}", "has no member");
	expect_refusal("{\"op\":\"x\"}", "part-change, part-secret");
}

static char *ask_as(enum request_role role, struct fake *fake, const char *line)
{
	const struct request_peer peer = {.pid = 1, .role = role};
	struct request_result result;
	int code = request_handle(line, strlen(line), &ops, fake, &peer, &result);
	char *text = request_answer(code, &result);

	request_result_free(&result);
	return text;
}

/* The API may ask what is marked as the API's, whatever it sends. */
static void roles(void **state)
{
	static const char *const refused[] = {
		"{\"op\":\"show\",\"object\":\"nat\"}",
		"{\"op\":\"change\",\"statements\":[\"allow add any\"]}",
		"{\"op\":\"config-show\"}",
		"{\"op\":\"config-check\",\"text\":\"\"}",
		"{\"op\":\"config-diff\",\"text\":\"\"}",
		"{\"op\":\"config-apply\",\"text\":\"\"}",
		"{\"op\":\"config-save\"}",
		"{\"op\":\"stats\"}",
		"{\"op\":\"neighbour\"}",
		"{\"op\":\"session-table\"}",
		"{\"op\":\"session-end\",\"sessions\":[]}",
		"{\"op\":\"monitor\"}",
		"{\"op\":\"part-secret\",\"name\":\"a\"}",
	};
	struct fake fake = {.code = 0};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		text = ask_as(REQUEST_ROLE_API, &fake, refused[i]);
		assert_non_null(strstr(text, "\"code\":\"forbidden\""));
		assert_string_equal(fake.asked, "");
		free(text);
	}
	text = ask_as(REQUEST_ROLE_API, &fake, "{\"op\":\"part-change\",\"name\":\"a\"}");
	assert_string_equal(text, "{\"ok\":true}");
	free(text);
	text = ask_as(REQUEST_ROLE_API, &fake, "{\"op\":\"x\"}");
	assert_non_null(strstr(text, "expected one of: version, part-change\""));
	free(text);
	text = ask_as(REQUEST_ROLE_OPERATOR, &fake, "{\"op\":\"part-secret\",\"name\":\"a\"}");
	assert_string_equal(text, "{\"ok\":true}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches_the_gateway),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(refuses_wrong_orders),
		cmocka_unit_test(bytes_that_are_not_text),
		cmocka_unit_test(refusal_of_the_gateway),
		cmocka_unit_test(operations_of_parts),
		cmocka_unit_test(roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
