/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/auth/nonce.h"

#define NOW_MS 1800000000000
#define NOW_S  (NOW_MS / 1000)

static char directory[64];

static void signature_of(uint64_t number, uint8_t signature[NONCE_SIGNATURE_BYTES])
{
	memset(signature, 0x5a, NONCE_SIGNATURE_BYTES);
	memcpy(signature + 4, &number, sizeof(number));
}

static int take(struct nonce *nonce, uint64_t number, int64_t timestamp_s, int64_t now_ms)
{
	uint8_t signature[NONCE_SIGNATURE_BYTES];

	signature_of(number, signature);
	return nonce_take(nonce, signature, timestamp_s, "192.0.2.1", false, now_ms);
}

static int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/pgw-nonce-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/" NONCE_FILE_NAME, directory);
	unlink(path);
	return rmdir(directory);
}

static void window(void **state)
{
	struct nonce nonce;

	(void)state;
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS - 1000000), 0);
	assert_true(nonce.kept);
	assert_int_equal(take(&nonce, 1, NOW_S - NONCE_WINDOW_S - 1, NOW_MS), -ESTALE);
	assert_int_equal(take(&nonce, 1, NOW_S + NONCE_WINDOW_S + 1, NOW_MS), -ESTALE);
	assert_int_equal(take(&nonce, 1, NOW_S - NONCE_WINDOW_S, NOW_MS), 0);
	assert_int_equal(take(&nonce, 2, NOW_S + NONCE_WINDOW_S, NOW_MS), 0);
	/* remembered for as long as its time is accepted, even if that was ahead */
	assert_int_equal(take(&nonce, 2, NOW_S + NONCE_WINDOW_S, NOW_MS + 599000), -EALREADY);
	assert_int_equal(take(&nonce, 2, NOW_S + NONCE_WINDOW_S, NOW_MS + 601000), -ESTALE);
	nonce_close(&nonce);
}

static void survives(void **state)
{
	struct nonce nonce;

	(void)state;
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS - 1000000), 0);
	assert_int_equal(take(&nonce, 3, NOW_S, NOW_MS), 0);
	/* as kill -9 leaves it: nothing is closed */
	nonce = (struct nonce){.memory = NULL};
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS + 1000), 0);
	assert_int_equal(take(&nonce, 3, NOW_S, NOW_MS + 1000), -EALREADY);
	assert_int_equal(take(&nonce, 4, NOW_S, NOW_MS + 1000), 0);
	nonce_close(&nonce);
}

static void set_boot(struct nonce *nonce)
{
	memcpy((char *)nonce->memory + 16, "another boot", 12);
}

/* As left by a boot before this one, which remembers nothing. */
static void rebooted(void)
{
	struct nonce nonce;

	assert_int_equal(nonce_open(&nonce, directory, NOW_MS - 1000000), 0);
	set_boot(&nonce);
	nonce_close(&nonce);
}

/* Nothing from before this boot is accepted; not after the next start of the same boot either. */
static void reboot(void **state)
{
	struct nonce nonce;

	(void)state;
	rebooted();
	for (unsigned start = 0; start < 2; start++) {
		assert_int_equal(nonce_open(&nonce, directory, NOW_MS + 5000 * start), 0);
		assert_int_equal(take(&nonce, 5, NOW_S - 1, NOW_MS + 5000), -ESTALE);
		nonce_close(&nonce);
	}
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS + 9000), 0);
	assert_int_equal(take(&nonce, 6, NOW_S, NOW_MS + 9000), 0);
	nonce_close(&nonce);
}

/* A client whose clock is ahead: what it signed before a reboot has a time from after it. */
static void reboot_ahead(void **state)
{
	struct nonce nonce;

	(void)state;
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS - 1000000), 0);
	assert_int_equal(take(&nonce, 7, NOW_S + 250, NOW_MS), 0);
	set_boot(&nonce);
	nonce_close(&nonce);
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS + 20000), 0);
	assert_int_equal(take(&nonce, 7, NOW_S + 250, NOW_MS + 21000), -EALREADY);
	assert_int_equal(take(&nonce, 8, NOW_S + 250, NOW_MS + 21000), 0);
	nonce_close(&nonce);
}

/* The clock was a day ahead when the machine started, and is set right. */
static void clock_set_back(void **state)
{
	struct nonce nonce;

	(void)state;
	rebooted();
	for (unsigned start = 0; start < 2; start++) {
		assert_int_equal(nonce_open(&nonce, directory, NOW_MS + 86400000), 0);
		assert_int_equal(take(&nonce, 10 + start, NOW_S + start, NOW_MS + 1000 * start), 0);
		assert_int_equal(take(&nonce, 20, NOW_S - 1, NOW_MS + 1000), -ESTALE);
		nonce_close(&nonce);
	}
}

static void no_file(void **state)
{
	struct nonce nonce;

	(void)state;
	assert_int_equal(nonce_open(&nonce, "/nonexistent", NOW_MS), 0);
	assert_false(nonce.kept);
	assert_int_equal(take(&nonce, 1, NOW_S - 1, NOW_MS), -ESTALE);
	assert_int_equal(take(&nonce, 1, NOW_S, NOW_MS), 0);
	assert_int_equal(take(&nonce, 1, NOW_S, NOW_MS), -EALREADY);
	nonce_close(&nonce);
}

static void repeated_get(void **state)
{
	uint8_t signature[NONCE_SIGNATURE_BYTES];
	struct nonce nonce;

	(void)state;
	signature_of(9, signature);
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS - 1000000), 0);
	assert_int_equal(nonce_take(&nonce, signature, NOW_S, "192.0.2.1", true, NOW_MS), 0);
	assert_int_equal(
		nonce_take(&nonce, signature, NOW_S, "192.0.2.1", true, NOW_MS + NONCE_REPEAT_MS),
		0);
	assert_int_equal(nonce_take(&nonce, signature, NOW_S, "192.0.2.2", true, NOW_MS),
			 -EALREADY);
	assert_int_equal(nonce_take(&nonce, signature, NOW_S, "192.0.2.1", false, NOW_MS),
			 -EALREADY);
	assert_int_equal(nonce_take(&nonce, signature, NOW_S, "192.0.2.1", true,
				    NOW_MS + NONCE_REPEAT_MS + 1),
			 -EALREADY);
	nonce_close(&nonce);
}

/* Nothing gives way: signatures that all want the same place. */
static void full(void **state)
{
	struct nonce nonce;

	(void)state;
	assert_int_equal(nonce_open(&nonce, directory, NOW_MS - 1000000), 0);
	for (uint64_t i = 0; i < NONCE_PROBES; i++)
		assert_int_equal(take(&nonce, 100 + i, NOW_S, NOW_MS), 0);
	assert_int_equal(take(&nonce, 1000, NOW_S, NOW_MS), -ENOSPC);
	for (uint64_t i = 0; i < NONCE_PROBES; i++)
		assert_int_equal(take(&nonce, 100 + i, NOW_S, NOW_MS), -EALREADY);
	assert_int_equal(take(&nonce, 1000, NOW_S + 301, NOW_MS + 301000), 0);
	nonce_close(&nonce);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(window, setup, teardown),
		cmocka_unit_test_setup_teardown(survives, setup, teardown),
		cmocka_unit_test_setup_teardown(reboot, setup, teardown),
		cmocka_unit_test_setup_teardown(reboot_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_set_back, setup, teardown),
		cmocka_unit_test_setup_teardown(no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_get, setup, teardown),
		cmocka_unit_test_setup_teardown(full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
