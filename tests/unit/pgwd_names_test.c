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

#include "control/names.h"

/* Fills a configuration with portgroups and pools of these names, separated by spaces. */
static void fill(struct config *config, const char *portgroups, const char *pools)
{
	char text[2048], *rest = NULL;

	config_init(config);
	snprintf(text, sizeof(text), "%s", portgroups);
	config->portgroups = calloc(CONFIG_PORTGROUPS_MAX, sizeof(*config->portgroups));
	for (char *name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		snprintf(config->portgroups[config->n_portgroups++].name, CONFIG_NAME, "%s", name);
	snprintf(text, sizeof(text), "%s", pools);
	config->pools = calloc(CONFIG_POOLS_MAX, sizeof(*config->pools));
	for (char *name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		snprintf(config->pools[config->n_pools++].name, CONFIG_NAME, "%s", name);
}

static struct places place(struct names *names, const char *portgroups, const char *pools)
{
	struct ctl_error error;
	struct places places;
	struct config config;

	fill(&config, portgroups, pools);
	assert_int_equal(names_place(names, &config, &places, &error), 0);
	config_free(&config);
	return places;
}

static void keep(struct names *names, const char *portgroups, const char *pools)
{
	struct config config;

	fill(&config, portgroups, pools);
	names_keep(names, &config);
	config_free(&config);
}

static void index_stays_with_its_name(void **state)
{
	struct names names = {.pool = {{0}}};
	struct places places;

	(void)state;
	places = place(&names, "a b c", "p q");
	assert_int_equal(places.portgroup[0], 0);
	assert_int_equal(places.portgroup[2], 2);
	assert_int_equal(places.pool[1], 1);
	/* b and p go: c and q stay where they are, though their places in the file change. */
	places = place(&names, "a c", "q");
	assert_int_equal(places.portgroup[1], 2);
	assert_int_equal(places.pool[0], 1);
}

/* A name that comes in the step in which another goes must not get its index. */
static void successor_gets_another_index(void **state)
{
	struct names names = {.pool = {{0}}};
	struct places places;

	(void)state;
	place(&names, "a b", "p");
	places = place(&names, "a x", "r");
	assert_int_equal(places.portgroup[1], 2);
	assert_int_equal(places.pool[0], 1);
	keep(&names, "a x", "r");
	/* In the step after, it is free. */
	places = place(&names, "a x y", "r s");
	assert_int_equal(places.portgroup[1], 2);
	assert_int_equal(places.portgroup[2], 1);
	assert_int_equal(places.pool[1], 0);
}

static void all_portgroups_at_once(void **state)
{
	struct names names = {.pool = {{0}}};
	struct ctl_error error;
	struct places places;
	struct config config;
	char text[1024] = "";

	(void)state;
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		sprintf(text + strlen(text), "g%u ", i);
	place(&names, text, "");
	fill(&config, "other", "");
	assert_int_equal(names_place(&names, &config, &places, &error), -ENOSPC);
	assert_non_null(strstr(error.text, "no place for portgroup other"));
	config_free(&config);
	keep(&names, "g3", "");
	places = place(&names, "g3 other", "");
	assert_int_equal(places.portgroup[0], 3);
	assert_int_equal(places.portgroup[1], 0);
}

static void read_back_from_a_snapshot(void **state)
{
	const struct snapshot_port ports[] = {{.name = "b", .index = 4}, {.name = "a", .index = 1}};
	const struct snapshot_pool pools[] = {{.name = "p", .index = 7},
					      {.name = "far", .index = 60000}};
	const struct snapshot snapshot = {
		.ports = ports, .n_ports = 2, .pools = pools, .n_pools = 2};
	struct names names;
	struct places places;

	(void)state;
	memset(&names, 'x', sizeof(names));
	names_read(&names, &snapshot);
	places = place(&names, "a b c", "p");
	assert_int_equal(places.portgroup[0], 1);
	assert_int_equal(places.portgroup[1], 4);
	assert_int_equal(places.portgroup[2], 0);
	assert_int_equal(places.pool[0], 7);
}

/* Each address of a MAC has its index, which stays while another MAC comes and goes. */
static void virtual_macs(void **state)
{
	struct config_vmac vmacs[] = {{.mac = {{2, 0, 0, 0, 0, 1}}},
				      {.mac = {{2, 0, 0, 0, 0, 2}}},
				      {.mac = {{2, 0, 0, 0, 0, 2}}},
				      {.mac = {{2, 0, 0, 0, 0, 3}}}};
	struct config all = {.vmacs = vmacs, .n_vmacs = 3},
		      later = {.vmacs = vmacs + 1, .n_vmacs = 3};
	const struct snapshot_vmac running[] = {{.mac = {{2, 0, 0, 0, 0, 3}}, .index = 5}};
	const struct snapshot snapshot = {.vmacs = running, .n_vmacs = 1};
	struct names names = {0};
	struct ctl_error error;
	struct places places;

	(void)state;
	assert_int_equal(names_place(&names, &all, &places, &error), 0);
	assert_int_equal(places.vmac[0], 1);
	assert_int_equal(places.vmac[1], 2);
	assert_int_equal(places.vmac[2], 2);
	assert_int_equal(names_place(&names, &later, &places, &error), 0);
	assert_int_equal(places.vmac[0], 2);
	assert_int_equal(places.vmac[2], 3);
	names_keep(&names, &later);
	assert_int_equal(names_place(&names, &all, &places, &error), 0);
	assert_int_equal(places.vmac[0], 1);
	names_read(&names, &snapshot);
	assert_int_equal(names_place(&names, &later, &places, &error), 0);
	assert_int_equal(places.vmac[0], 1);
	assert_int_equal(places.vmac[2], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_stays_with_its_name),
		cmocka_unit_test(successor_gets_another_index),
		cmocka_unit_test(all_portgroups_at_once),
		cmocka_unit_test(read_back_from_a_snapshot),
		cmocka_unit_test(virtual_macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
