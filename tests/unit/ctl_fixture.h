/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_fixture - a control socket's server with a gateway that is none, for the tests of server and
 * client. */
#ifndef PGW_TESTS_CTL_FIXTURE_H
#define PGW_TESTS_CTL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/ctl/server.h"

struct ctl_fixture {
	char directory[40];
	char path[60];
	struct server *server;
	int64_t now_ms;
	unsigned asked; /* requests that reached the gateway */
	bool standing;	/* something holds already when a monitor comes */
};

int ctl_setup(void **state);	/* of each test: open the server */
int ctl_teardown(void **state); /* close it; it leaves nothing behind */

#endif
