/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages are the golden tests' matter; here is what becomes of the model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <time.h>
#include <cmocka.h>

#include "control/config/edit.h"
#include "control/config/kind.h"
#include "control/config/model.h"
#include "tests/unit/config_random.h"

static void parse(struct config *config, const char *text)
{
	struct config_error error;

	config_init(config);
	if (config_parse(config, text, strlen(text), &error))
		fail_msg("line %u column %u: %s", error.line, error.column, error.text);
}

static void apply(struct config *config, const char *statement)
{
	struct config_error error;

	if (config_statement(config, statement, &error))
		fail_msg("%s: %s", statement, error.text);
}

static void assert_printed(const struct config *config, const char *expected)
{
	char *text = config_print(config);

	assert_string_equal(text, expected);
	free(text);
}

static void test_defaults(void **state)
{
	struct config config;
	(void)state;

	config_init(&config);
	assert_int_equal(config.timer_s[TIMER_UDP], 300);
	assert_int_equal(config.timer_s[TIMER_TCP_IDLE], 7440);
	assert_int_equal(config.timer_s[TIMER_TCP_TRANS_OPEN], 240);
	assert_int_equal(config.timer_s[TIMER_TCP_TRANS_CLOSE], 240);
	assert_int_equal(config.timer_s[TIMER_TCP_IN_SYN], 6);
	assert_int_equal(config.timer_s[TIMER_FRAGMENT_MIN], 2);
	assert_int_equal(config.timer_s[TIMER_ICMP], 60);
	assert_int_equal(config.timer_s[TIMER_HOLD_DOWN], 120);
	assert_int_equal(config.flow_capacity, 1 << 20);
	assert_int_equal(config.connection_limit, 0);
	assert_int_equal(config.mapping_limit, 0);
	assert_int_equal(config.creation_rate, 0);
	assert_int_equal(config.mss_clamp, SNAPSHOT_MSS_OFF);
	assert_int_equal(config.dead_flow, DEAD_FLOW_DROP);
	assert_int_equal(config.workers, 1);
	parse(&config, "portgroup add a dev eth0 realm internet\n"
		       "pool add p external-ip-address 10.0.0.1\n");
	assert_true(config.portgroups[0].last_hop && config.portgroups[0].reverse_path);
	assert_int_equal(config.portgroups[0].vlan, 0);
	assert_int_equal(config.portgroups[0].line, 1);
	assert_int_equal(config.pools[0].port_first, 1024);
	assert_int_equal(config.pools[0].port_last, 65535);
	assert_int_equal(config.pools[0].mapping, MAPPING_EIM);
	assert_int_equal(config.pools[0].filtering, FILTERING_EDF);
	assert_int_equal(config.pools[0].port_quota, 0);
	assert_int_equal(config.pools[0].line, 2);
	config_free(&config);
}

static void test_fields(void **state)
{
	struct config config;
	(void)state;

	parse(&config, "address add 10.1.2.3/16 portgroup lan\n"
		       "nat add 7 from 10.0.0.0/8 to 192.168.1.1 protocol icmp pool p\n"
		       "service add s address 10.1.2.3 protocol udp port 53 backend 10.9.0.1:1 "
		       "backend 10.9.0.2:65535 balance source-hash\n");
	assert_int_equal(config.addresses[0].addr, htonl(0x0a010203));
	assert_int_equal(config.addresses[0].prefix_len, 16);
	assert_string_equal(config.addresses[0].portgroup, "lan");
	assert_int_equal(config.nats[0].number, 7);
	assert_int_equal(config.nats[0].from.len, 8);
	assert_int_equal(config.nats[0].to.addr, htonl(0xc0a80101));
	assert_int_equal(config.nats[0].to.len, 32);
	assert_int_equal(config.nats[0].protocol, IPPROTO_ICMP);
	assert_false(config.nats[0].pass);
	assert_int_equal(config.services[0].protocol, IPPROTO_UDP);
	assert_int_equal(config.services[0].n_backends, 2);
	assert_int_equal(config.services[0].backends[1].addr, htonl(0x0a090002));
	assert_int_equal(config.services[0].backends[1].port, 65535);
	assert_int_equal(config.services[0].balance, BALANCE_SOURCE_HASH);
	config_free(&config);
}

/* A failed parse or statement leaves everything as it was. */
static void test_network_of_an_address(void **state)
{
	struct config config;
	(void)state;

	config_init(&config);
	parse(&config, "portgroup add a dev eth0 realm private\n"
		       "address add 10.1.0.1/16 portgroup a\n"
		       "address add 10.0.0.1/8 portgroup a\n"
		       "address add 10.1.2.1/24 portgroup a\n");
	assert_int_equal(kind_network(&config, htonl(0x0a010209))->prefix_len, 24);
	assert_int_equal(kind_network(&config, htonl(0x0a010309))->prefix_len, 16);
	assert_int_equal(kind_network(&config, htonl(0x0a020209))->prefix_len, 8);
	assert_null(kind_network(&config, htonl(0x0b010209)));
	config_free(&config);
}

static void test_unchanged(void **state)
{
	static const char *const wrong[] = {
		"allow add 10.0.0.0/8",
		"allow del 10.0.0.0/9",
		"allow add 11.0.0.0/8 x",
		"set icmp-rate -1",
		"nonsense",
		"service add x address 10.0.0.1 backend 10.0.0.2:1",
		"allow add 12.0.0.0/8\n",
		"allow add 12.0.0.0/8\nallow add 13.0.0.0/8",
		"pool add p external-ip-address 10.0.0.1,",
	};
	static const char text[] = "allow add 10.0.0.0/8\n\nset icmp-rate 5\n";
	struct config config;
	struct config_error error;
	(void)state;

	parse(&config, text);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(&error, 0, sizeof(error));
		assert_int_equal(config_statement(&config, wrong[i], &error), -EINVAL);
		assert_int_equal(error.line, 0);
		assert_int_not_equal(error.column, 0);
		assert_int_not_equal(error.text[0], 0);
	}
	assert_int_equal(config_parse(&config, "allow add 1.0.0.0/8\nx", 21, &error), -EINVAL);
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 1);
	assert_printed(&config, text);
	config_free(&config);
}

static void test_statements(void **state)
{
	struct config config;
	(void)state;

	config_init(&config);
	apply(&config, "");
	apply(&config, "  # nothing");
	apply(&config, "allow add 10.3.0.0/16");
	apply(&config, "allow add 10.1.0.0/16 description \"one\"");
	apply(&config, "allow add 10.2.0.0/16");
	apply(&config, "allow add 10.2.0.0/15");
	apply(&config, "allow del 10.3.0.0/16");
	apply(&config, "set timer udp-timeout 5");
	apply(&config, "set timer udp-timeout 6"); /* a later one replaces it, unlike in a file */
	apply(&config, "set timer icmp-timeout 7");
	apply(&config, "set timer icmp-timeout default");
	assert_int_equal(config.allows[0].line, 0);
	assert_printed(&config, "allow add 10.1.0.0/16 description \"one\"\n"
				"allow add 10.2.0.0/15\nallow add 10.2.0.0/16\n\n"
				"set timer udp-timeout 6\n");
	config_free(&config);
}

/* The whole text replaces what was there. */
static void test_replaces(void **state)
{
	struct config config;
	struct config_error error;
	(void)state;

	parse(&config, "allow add 10.0.0.0/8\nset icmp-rate 1\n"
		       "pool add p external-ip-address 10.0.0.1\n");
	assert_int_equal(config_parse(&config, "allow add 11.0.0.0/8", 20, &error), 0);
	assert_printed(&config, "allow add 11.0.0.0/8\n");
	assert_int_equal(config_parse(&config, NULL, 0, &error), 0);
	assert_printed(&config, "");
	config_free(&config);
}

/* edit in both modes against an array of flags: numbers added and removed at random. */
static void test_edit(void **state)
{
	enum { NUMBERS = 3000, STEPS = 12000 };
	static bool present[NUMBERS + 1];
	(void)state;

	for (unsigned mode = EDIT_STATEMENT; mode <= EDIT_FILE; mode++) {
		struct random random = {99};
		struct config config;
		struct edit edit;
		size_t n = 0;

		memset(present, 0, sizeof(present));
		config_init(&config);
		edit_begin(&edit, &config, mode);
		for (unsigned i = 0; i < STEPS; i++) {
			struct config_nat nat = {
				.number = (uint16_t)(1 + random_below(&random, NUMBERS))};
			void *found = edit_find(&edit, KIND_NAT, &nat);

			assert_int_equal(found != NULL, present[nat.number]);
			if (!found)
				assert_int_equal(edit_insert(&edit, KIND_NAT, &nat), 0);
			else if (i % 2)
				edit_remove(&edit, KIND_NAT, found);
			else
				continue;
			present[nat.number] = !found;
		}
		assert_int_equal(edit_end(&edit), 0);
		for (unsigned number = 1; number <= NUMBERS; number++)
			if (present[number])
				assert_int_equal(config.nats[n++].number, number);
		assert_int_equal(config.n_nats, n);
		config_free(&config);
	}
}

/* Nothing behind the text is read: no NUL, no end of line, half a character at the end. */
static void test_exact_length(void **state)
{
	static const char *const texts[] = {
		"allow add 10.0.0.0/8", "# \xe2\x82",	   "# \xf0\x9f\x98", "allow add \"",
		"allow add any # \xc3", "allow add any\r", "\xef\xbb",	     "allow add \"x\\",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t bytes = strlen(texts[i]);
		char *exact = malloc(bytes); /* the sanitizer sees a read beyond */
		struct config config;
		struct config_error error;

		assert_non_null(exact);
		memcpy(exact, texts[i], bytes);
		config_init(&config);
		config_parse(&config, exact, bytes, &error);
		config_free(&config);
		free(exact);
	}
}

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Ten thousand services in the worst order, and a full allow list: load, check, print. */
static void test_speed(void **state)
{
	enum { SERVICES = 10000 };
#ifdef PGW_SANITIZE
	const double limit_ms = 3000;
#else
	const double limit_ms = 100;
#endif
	struct config_text text = {0};
	struct config config;
	struct config_error error;
	char *file, *printed;
	double began;
	size_t bytes;
	(void)state;

	config_text_add(&text, "portgroup add a dev eth0 realm private\n"
			       "portgroup add b dev eth1 realm vsphere\n"
			       "address add 172.16.0.1/16 portgroup a\n"
			       "address add 10.0.0.1/8 portgroup b\n"
			       "pool add p external-ip-address 10.0.0.1\n"
			       "nat add 1 from any to 10.0.0.0/8 pool p\n");
	for (unsigned i = 0; i < SERVICES; i++) {
		unsigned n = i * 7919 % SERVICES; /* a prime: each once, far from sorted */

		config_text_add(&text,
				"service add s%05u address 172.16.%u.%u protocol tcp port 443 "
				"backend 10.1.%u.%u:443 backend 10.2.%u.%u:443\n",
				n, n / 250 + 1, n % 250 + 1, n / 250, n % 250 + 1, n / 250,
				n % 250 + 1);
	}
	for (unsigned i = 0; i < CONFIG_ALLOW_MAX; i++)
		config_text_add(&text, "allow add 192.%u.%u.0/24 description \"site %u\"\n",
				100 + i % 8, 255 - i / 8, i);
	bytes = text.n;
	file = config_text_take(&text);
	config_init(&config);
	began = cpu_ms();
	assert_int_equal(config_parse(&config, file, bytes, &error), 0);
	assert_int_equal(config_check(&config, &error), 0);
	print_message("%zu bytes parsed and checked in %.1f ms\n", bytes, cpu_ms() - began);
	assert_true(cpu_ms() - began < limit_ms);
	began = cpu_ms();
	for (unsigned i = 0; i < 100; i++) {
		apply(&config, "service add new address 172.16.99.99 protocol udp port 1 backend "
			       "10.0.0.9:1");
		apply(&config, "service del new");
	}
	print_message("200 statements in %.1f ms\n", cpu_ms() - began);
	printed = config_print(&config);
	assert_true(strlen(printed) <= bytes + 16);
	free(printed);
	free(file);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_network_of_an_address),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_exact_length),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests_name("config_parse", tests, NULL, NULL);
}
