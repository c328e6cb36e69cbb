/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/chisel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char good[] =
	"{\"Version\":\"2.0.0\",\"Remotes\":[{\"LocalHost\":\"0.0.0.0\",\"LocalPort\":\"8081\","
	"\"LocalProto\":\"tcp\",\"RemoteHost\":\"192.168.0.3\",\"RemotePort\":\"8393\","
	"\"RemoteProto\":\"tcp\",\"Socks\":false,\"Reverse\":true,\"Stdio\":false}]}";

static int read_text(struct chisel_config *config, const char *text, char *error)
{
	return chisel_config_read(config, (struct ssh_text){(const uint8_t *)text, strlen(text)},
				  error);
}

static void one_remote(void **state)
{
	struct chisel_config config;
	char error[CHISEL_ERROR_TEXT];

	(void)state;
	assert_int_equal(read_text(&config, good, error), 0);
	assert_int_equal(config.n, 1);
	assert_string_equal(config.version, "2.0.0");
	assert_string_equal(config.remotes[0].listen_host, "0.0.0.0");
	assert_int_equal(config.remotes[0].port, 8081);
	assert_false(config.remotes[0].udp);
	assert_string_equal(config.remotes[0].target, "192.168.0.3:8393");
	chisel_config_free(&config);
}

static void a_udp_remote_says_so_in_its_target(void **state)
{
	struct chisel_config config;
	char error[CHISEL_ERROR_TEXT];

	(void)state;
	assert_int_equal(read_text(&config,
				   "{\"Remotes\":[{\"LocalPort\":\"53\",\"LocalProto\":\"udp\","
				   "\"RemoteHost\":\"dns\",\"RemotePort\":\"5353\","
				   "\"RemoteProto\":\"udp\",\"Reverse\":true}]}",
				   error),
			 0);
	assert_true(config.remotes[0].udp);
	assert_string_equal(config.remotes[0].target, "dns:5353/udp");
	chisel_config_free(&config);
}

/* The good one, with @from replaced by @to. */
static void altered(char text[1024], const char *from, const char *to)
{
	const char *at = strstr(good, from);

	assert_non_null(at);
	snprintf(text, 1024, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

static void each_member_is_checked(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} wrong[] = {
		{"\"8081\"", "\"0\"", "LocalPort"},
		{"\"8081\"", "\"65536\"", "LocalPort"},
		{"\"8081\"", "\"80a\"", "LocalPort"},
		{"\"8081\"", "8081", "LocalPort"},
		{"\"0.0.0.0\"", "\"a b\"", "LocalHost"},
		{"\"0.0.0.0\"", "7", "LocalHost"},
		{"\"192.168.0.3\"", "\"\"", "RemoteHost"},
		{"\"8393\"", "\"\"", "RemotePort"},
		{"\"Reverse\":true", "\"Reverse\":false", "only R:"},
		{"\"Socks\":false", "\"Socks\":true", "only R:"},
		{"\"Stdio\":false", "\"Stdio\":true", "only R:"},
		{"\"LocalProto\":\"tcp\"", "\"LocalProto\":\"udp\"", "differ"},
		{"[{", "[{},{", "remote 1"},
		{"[{", "[7,{", "remote 1"},
		{"\"Remotes\":[", "\"Remotes\":[],\"x\":[", "1 to 256"},
		{"{\"Version\"", "[{\"Version\"", "not a JSON object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[1024], error[CHISEL_ERROR_TEXT] = "";
		struct chisel_config config;

		altered(text, wrong[i].from, wrong[i].to);
		assert_int_equal(read_text(&config, text, error), -EPROTO);
		if (!strstr(error, wrong[i].says))
			fail_msg("%s -> %s: says %s", wrong[i].from, wrong[i].to, error);
		assert_null(config.remotes);
	}
}

static void a_port_cannot_be_asked_for_twice(void **state)
{
	char text[1024], error[CHISEL_ERROR_TEXT];
	struct chisel_config config;
	const char *remote = strstr(good, "{\"LocalHost");

	(void)state;
	snprintf(text, sizeof(text), "{\"Remotes\":[%.*s,%s", (int)(strlen(remote) - 2), remote,
		 remote);
	assert_int_equal(read_text(&config, text, error), -EPROTO);
	assert_non_null(strstr(error, "twice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_remote),
		cmocka_unit_test(a_udp_remote_says_so_in_its_target),
		cmocka_unit_test(each_member_is_checked),
		cmocka_unit_test(a_port_cannot_be_asked_for_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
