/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "vmac add auto": chosen in the range of its type, kept, never one that is there already. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/config/model.h"
#include "control/config/vmac.h"

static void statement(struct config *config, const char *text, int wanted)
{
	struct config_error error = {0};

	if (config_statement(config, text, &error) != wanted)
		fail_msg("%s: %s", text, error.text);
}

static void chosen(void **state)
{
	static const char *const types[] = {"vmware", "ovh"};
	struct config config;
	struct config_error error;
	char text[160], *printed;

	(void)state;
	config_init(&config);
	statement(&config, "portgroup add vrack dev eth1 realm private", 0);
	statement(&config, "address add 172.16.0.1/24 portgroup vrack", 0);
	statement(&config, "set vmac-quota 64", 0);
	for (unsigned i = 0; i < CONFIG_VMACS_MAX; i++) {
		snprintf(text, sizeof(text),
			 "vmac add auto address 172.16.0.%u portgroup vrack type %s name x", 10 + i,
			 types[i % 2]);
		statement(&config, text, 0);
	}
	assert_int_equal(config.n_vmacs, CONFIG_VMACS_MAX);
	for (size_t i = 0; i < config.n_vmacs; i++) {
		assert_true(vmac_in_range(&config.vmacs[i].mac, config.vmacs[i].type));
		assert_int_equal(vmac_next(&config, i), i + 1);
	}
	assert_int_equal(config_check(&config, &error), 0);
	printed = config_print(&config);
	assert_non_null(printed);
	assert_null(strstr(printed, VMAC_AUTO));
	free(printed);
	config_free(&config);
}

/* del with and without an address, on the running configuration. */
static void removed(void **state)
{
	struct config config;

	(void)state;
	config_init(&config);
	statement(&config,
		  "vmac add 02:00:00:00:00:01 address 10.0.0.1 portgroup a type ovh name x", 0);
	statement(&config,
		  "vmac add 02:00:00:00:00:01 address 10.0.0.2 portgroup a type ovh name y", 0);
	statement(&config,
		  "vmac add 02:00:00:00:00:02 address 10.0.0.3 portgroup a type ovh name z", 0);
	statement(&config, "vmac del 02:00:00:00:00:01 address 10.0.0.3", -EINVAL);
	statement(&config, "vmac del 02:00:00:00:00:01 address 10.0.0.1", 0);
	assert_int_equal(config.n_vmacs, 2);
	statement(&config,
		  "vmac add 02:00:00:00:00:01 address 10.0.0.4 portgroup a type ovh name y", 0);
	statement(&config, "vmac del 02:00:00:00:00:01", 0);
	assert_int_equal(config.n_vmacs, 1);
	statement(&config, "vmac del 02:00:00:00:00:01", -EINVAL);
	statement(&config, "vmac del auto", -EINVAL);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen),
		cmocka_unit_test(removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
