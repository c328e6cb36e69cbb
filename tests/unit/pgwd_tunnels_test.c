/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ports pgwd opens for endpoints, when pgw-relay asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/gateway.h"
#include "control/tunnels.h"

static const char text[] =
	"portgroup add a dev eth0 realm private\naddress add 192.0.2.1/24 portgroup a\n"
	"address add 192.0.2.2/24 portgroup a\n"
	"pool add p external-ip-address 192.0.2.1 ports 20000-20999\n"
	"service add s address 192.0.2.1 protocol tcp port 8443 backend 192.0.2.9:443\n"
	"ntp add 192.0.2.1 server 192.0.2.9\n"
	"tunnel-gateway add dev address 192.0.2.1:4443 inside 192.0.2.1 from 192.0.2.0/24\n";

static int set_up(void **state)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	struct config_error error;

	assert_non_null(gateway);
	config_init(&gateway->config);
	assert_int_equal(config_parse(&gateway->config, text, strlen(text), &error), 0);
	*state = gateway;
	return 0;
}

static int tear_down(void **state)
{
	struct gateway *gateway = *state;

	config_free(&gateway->config);
	free(gateway);
	return 0;
}

/* refusal() - of a port; "": it was opened */
static const char *refusal(struct gateway *gateway, const char *stage, const char *address,
			   const char *protocol, int port)
{
	static char why[160];
	json_t *question =
		json_pack("{s:s, s:i, s:s, s:s, s:s, s:i}", "ask", "listen", "id", 1, "stage",
			  stage, "address", address, "protocol", protocol, "port", port);
	json_t *answer;
	int fd;

	tunnels_asked(gateway, question);
	json_decref(question);
	assert_true(tunnels_due(gateway));
	answer = tunnels_answer(gateway, &fd);
	assert_false(tunnels_due(gateway));
	assert_non_null(answer);
	assert_int_equal(json_integer_value(json_object_get(answer, "id")), 1);
	why[0] = '\0';
	if (json_object_get(answer, "error"))
		strncat(why, json_string_value(json_object_get(answer, "error")), sizeof(why) - 1);
	assert_int_equal(fd >= 0, !*why);
	json_decref(answer);
	if (fd >= 0)
		close(fd);
	return why;
}

static void ports_that_nothing_else_has_are_opened(void **state)
{
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "tcp", 8081), "");
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "udp", 8443), "");
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "tcp", 123), "");
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "tcp", 0), "");
}

static void ports_of_the_gateway_itself_are_refused(void **state)
{
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "tcp", 8443), "it is a service's");
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "udp", 123),
			    "the gateway answers NTP there");
	assert_non_null(strstr(refusal(*state, "dev", "192.0.2.1", "tcp", 20999), "pool"));
}

/* pgw-relay meets hostile bytes: what it asks for is not trusted. */
static void other_addresses_are_refused(void **state)
{
	static const char none[] = "this stage has no such address or port";

	assert_string_equal(refusal(*state, "dev", "192.0.2.2", "tcp", 8081), none);
	assert_string_equal(refusal(*state, "dev", "127.0.0.1", "tcp", 8081), none);
	assert_string_equal(refusal(*state, "dev", "0.0.0.0", "tcp", 8081), none);
	assert_string_equal(refusal(*state, "dev", "nonsense", "tcp", 8081), none);
	assert_string_equal(refusal(*state, "prod", "192.0.2.1", "tcp", 8081), none);
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "tcp", 65536), none);
	assert_string_equal(refusal(*state, "dev", "192.0.2.1", "tcp", -1), none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ports_that_nothing_else_has_are_opened, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ports_of_the_gateway_itself_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(other_addresses_are_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
