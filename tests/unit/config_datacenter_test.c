/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moving the access of a datacenter, and what the datapath then admits from where. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/config/datacenter.h"
#include "control/config/kind.h"
#include "datapath/policy/admit.h"

enum { INET, VRACK, VSPHERE }; /* in the order of their names, and so of the configuration */

static const char disabled[] =
	"portgroup add inet dev eth0 realm internet\n"
	"portgroup add vrack dev eth1 realm private\n"
	"portgroup add vsphere dev eth2 realm vsphere\n"
	"address add 203.0.113.2/24 portgroup inet\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
	"nat add 10 from any to 10.10.0.0/24 pool default\n"
	"allow add 198.51.100.0/24\n"
	"datacenter add 1 service-name pcc name one\n"
	"datacenter add 2 service-name pcc name two\n"
	"datacenter add 3 service-name other name three\n"
	"service add vcenter address 203.0.113.10 protocol tcp port 443 backend 10.10.0.10:443 "
	"datacenter 1\n"
	"service add esx1 address 203.0.113.11 protocol tcp port 902 backend 10.10.0.21:902 "
	"datacenter 1 private-address 172.16.0.11\n"
	"service add alone address 203.0.113.12 protocol tcp port 80 backend 10.10.0.10:80\n";

static const struct gateway_place place = {
	.addr = 0, .prefix_len = 24, .portgroup = "vrack"}; /* .addr: see at() */

static struct gateway_place at(const char *addr)
{
	struct gateway_place there = place;

	assert_true(addr_parse(addr, &there.addr));
	return there;
}

static void read_config(struct config *config, const char *text)
{
	struct config_error error;

	config_init(config);
	if (config_parse(config, text, strlen(text), &error) || config_check(config, &error))
		fail_msg("line %u: %s", error.line, error.text);
}

static void check(const struct config *config)
{
	struct config_error error;

	if (config_check(config, &error))
		fail_msg("%s", error.text);
}

static void enable(struct config *config, const struct gateway_place *to)
{
	struct config_error error;

	assert_int_equal(gateway_add_address(config, 1, to, &error), 0);
	assert_int_equal(gateway_move(config, 1, to, &error), 0);
	check(config);
}

static void assert_address(const struct config *config, const char *service, const char *expected)
{
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < config->n_services; i++)
		if (!strcmp(config->services[i].name, service)) {
			assert_string_equal(addr_text(config->services[i].addr, text), expected);
			return;
		}
	fail_msg("no service %s", service);
}

/* There and back leaves nothing. */
static void there_and_back(void **state)
{
	const struct gateway_place to = at("172.16.0.1");
	struct config config, before;
	struct config_error error;
	struct config_diff diff;
	struct gateway_place found;

	(void)state;
	read_config(&before, disabled);
	read_config(&config, disabled);
	assert_false(gateway_place_of(&config, kind_datacenter(&config, 1), &found));
	enable(&config, &to);
	assert_true(gateway_place_of(&config, kind_datacenter(&config, 1), &found));
	assert_true(gateway_place_equal(&found, &to));
	assert_address(&config, "vcenter", "172.16.0.1");
	assert_address(&config, "esx1", "172.16.0.11");
	assert_address(&config, "alone", "203.0.113.12");
	/* Once more, elsewhere: the Internet addresses are still known. */
	enable(&config, &(struct gateway_place){
				.addr = htonl(0xac100002), .prefix_len = 24, .portgroup = "vrack"});
	gateway_del_address(&config, 1, to.addr);
	check(&config);
	assert_address(&config, "vcenter", "172.16.0.2");
	assert_int_equal(gateway_move(&config, 1, NULL, &error), 0);
	gateway_del_address(&config, 1, htonl(0xac100002));
	check(&config);
	assert_int_equal(config_diff(&diff, &before, &config), 0);
	assert_int_equal(diff.n_changes, 0);
	config_diff_free(&diff);
	config_free(&config);
	config_free(&before);
}

/* An address that the operator has written is used, and stays. */
static void address_of_the_operator(void **state)
{
	struct gateway_place to = at("172.16.0.1");
	struct config_error error;
	struct config config;

	(void)state;
	read_config(&config, disabled);
	assert_int_equal(
		config_statement(&config, "address add 172.16.0.1/24 portgroup vrack", &error), 0);
	enable(&config, &to);
	assert_int_equal(gateway_move(&config, 1, NULL, &error), 0);
	gateway_del_address(&config, 1, to.addr);
	assert_non_null(kind_address(&config, to.addr));
	to.prefix_len = 25;
	assert_int_equal(gateway_add_address(&config, 1, &to, &error), -EINVAL);
	assert_non_null(strstr(error.text, "with length 24 already"));
	config_free(&config);
}

static void no_way_back(void **state)
{
	const struct gateway_place to = at("172.16.0.1");
	struct config_error error;
	struct config config;

	(void)state;
	read_config(&config, disabled);
	enable(&config, &to);
	assert_int_equal(config_statement(&config,
					  "service add late address 172.16.0.1 protocol tcp port 8 "
					  "backend 10.10.0.10:8 datacenter 1",
					  &error),
			 0);
	check(&config);
	assert_int_equal(gateway_move(&config, 1, NULL, &error), -EINVAL);
	assert_non_null(strstr(error.text, "\"late\" has no internet-address"));
	assert_int_equal(gateway_move(&config, 9, NULL, &error), -EINVAL);
	config_free(&config);
}

static void hand_over(void **state)
{
	const struct gateway_place to = at("172.16.0.1");
	struct gateway_place found;
	struct config_error error;
	struct config config;

	(void)state;
	read_config(&config, disabled);
	enable(&config, &to);
	assert_int_equal(gateway_hand_over(&config, 1, 3, &error), -EINVAL);
	assert_non_null(strstr(error.text, "expected one of pcc"));
	assert_int_equal(gateway_hand_over(&config, 1, 7, &error), -EINVAL);
	assert_int_equal(gateway_hand_over(&config, 1, 2, &error), 0);
	check(&config);
	assert_true(gateway_place_of(&config, kind_datacenter(&config, 2), &found));
	assert_true(gateway_place_equal(&found, &to));
	assert_int_equal(kind_datacenter(&config, 1)->gateway, 0);
	assert_int_equal(kind_address(&config, to.addr)->datacenter, 2);
	assert_address(&config, "vcenter", "172.16.0.1");
	assert_int_equal(gateway_hand_over(&config, 1, 2, &error), -EINVAL);
	config_free(&config);
}

/* What the datapath makes of the first packet of a flow to a TCP port. */
static enum drop_reason judge(const struct config *config, unsigned port, const char *src,
			      const char *dst, uint16_t dport)
{
	struct config_runtime runtime = {.revision = 1};
	struct flow_tuple tuple = {.sport = htons(40000), .dport = htons(dport)};
	uint16_t pool_index[] = {0};
	struct snapshot snapshot;
	struct admit admit;
	size_t bytes;
	void *block;

	for (uint8_t i = 0; i < config->n_portgroups; i++) {
		runtime.portgroup[i].index = i;
		runtime.portgroup[i].ifindex = i + 1u;
	}
	runtime.pool_index = pool_index;
	block = config_compile(config, &runtime, &bytes);
	assert_non_null(block);
	assert_null(snapshot_open(&snapshot, block, bytes));
	assert_true(addr_parse(src, &tuple.src));
	assert_true(addr_parse(dst, &tuple.dst));
	admit = admit_first(&snapshot, &tuple, IPPROTO_TCP, (uint8_t)port);
	free(block);
	return admit.kind == ADMIT_DROP ? admit.reason : DROP_NONE;
}

static void realms(void **state)
{
	const struct gateway_place to = at("172.16.0.1");
	struct config_error error;
	struct config config;

	(void)state;
	read_config(&config, disabled);
	assert_int_equal(judge(&config, INET, "198.51.100.7", "203.0.113.10", 443), DROP_NONE);
	assert_int_equal(judge(&config, INET, "192.0.2.7", "203.0.113.10", 443), DROP_NOT_ALLOWED);
	/* nothing but what is published, whatever the rules say */
	assert_int_equal(judge(&config, INET, "198.51.100.7", "10.10.0.10", 443), DROP_REALM);
	assert_int_equal(judge(&config, VRACK, "198.51.100.7", "10.10.0.10", 443), DROP_NONE);
	enable(&config, &to);
	assert_int_equal(judge(&config, INET, "198.51.100.7", "172.16.0.1", 443), DROP_REALM);
	assert_int_equal(judge(&config, INET, "198.51.100.7", "203.0.113.10", 443), DROP_REALM);
	assert_int_equal(judge(&config, INET, "198.51.100.7", "203.0.113.12", 80), DROP_NONE);
	assert_int_equal(judge(&config, VRACK, "198.51.100.7", "172.16.0.1", 443), DROP_NONE);
	/* its own network is served without an entry, others are not */
	assert_int_equal(judge(&config, VRACK, "172.16.0.77", "172.16.0.1", 443), DROP_NONE);
	assert_int_equal(judge(&config, VRACK, "172.16.1.77", "172.16.0.1", 443), DROP_NOT_ALLOWED);
	/* open: whoever asks for a service on the Internet, and only for that */
	assert_int_equal(config_statement(&config, "set access-policy open", &error), 0);
	assert_int_equal(judge(&config, INET, "192.0.2.7", "203.0.113.12", 80), DROP_NONE);
	assert_int_equal(judge(&config, INET, "192.0.2.7", "172.16.0.1", 443), DROP_REALM);
	assert_int_equal(judge(&config, INET, "192.0.2.7", "10.10.0.10", 443), DROP_NOT_ALLOWED);
	assert_int_equal(judge(&config, VRACK, "192.0.2.7", "172.16.0.1", 443), DROP_NOT_ALLOWED);
	assert_int_equal(judge(&config, INET, "10.10.0.77", "203.0.113.12", 80), DROP_REVERSE_PATH);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(address_of_the_operator),
		cmocka_unit_test(no_way_back),	  cmocka_unit_test(hand_over),
		cmocka_unit_test(realms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
