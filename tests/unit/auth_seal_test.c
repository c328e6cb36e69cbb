/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/auth/rule.h"
#include "control/auth/seal.h"

static void sealed(void **state)
{
	static const char secret[] = "Lvw09ER5wbiZZD9pXBZCxeas1hWVeWGi";
	char directory[] = "/tmp/pgw-seal-XXXXXX", path[64], code[SEAL_CODE_BYTES];
	uint8_t box[sizeof(secret) + SEAL_OVERHEAD], again[sizeof(secret) + SEAL_OVERHEAD];
	char opened[sizeof(secret)];
	struct seal seal, other;
	struct stat status;
	int n;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(seal_open(&seal, directory), 0);
	snprintf(path, sizeof(path), "%s/" SEAL_FILE_NAME, directory);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(seal_open(&other, directory), 0);
	assert_memory_equal(&seal, &other, sizeof(seal));
	n = seal_encrypt(&seal, "app", secret, strlen(secret), box);
	assert_int_equal(n, strlen(secret) + SEAL_OVERHEAD);
	assert_int_equal(seal_encrypt(&seal, "app", secret, strlen(secret), again), n);
	assert_memory_not_equal(box, again, (size_t)n);
	assert_int_equal(seal_decrypt(&seal, "app", box, (size_t)n, opened, sizeof(opened)),
			 strlen(secret));
	assert_memory_equal(opened, secret, strlen(secret));
	/* not for another application, not changed, not cut, not with another key */
	assert_int_equal(seal_decrypt(&seal, "apq", box, (size_t)n, opened, sizeof(opened)),
			 -EBADMSG);
	box[20] ^= 1;
	assert_int_equal(seal_decrypt(&seal, "app", box, (size_t)n, opened, sizeof(opened)),
			 -EBADMSG);
	box[20] ^= 1;
	for (size_t i = 0; i < (size_t)n; i++)
		assert_int_equal(seal_decrypt(&seal, "app", box, i, opened, sizeof(opened)),
				 -EBADMSG);
	other.key[0] ^= 1;
	assert_int_equal(seal_decrypt(&other, "app", box, (size_t)n, opened, sizeof(opened)),
			 -EBADMSG);
	seal_code(&seal, "credential 1", code);
	assert_int_equal(strlen(code), SEAL_CODE_BYTES - 1);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(seal_open(&other, directory), -EBADMSG);
	unlink(path);
	rmdir(directory);
}

static void rules(void **state)
{
	json_t *list = json_loads("[{\"method\":\"GET\",\"path\":\"/a/*/task\"},"
				  "{\"method\":\"POST\",\"path\":\"/b\"},"
				  "{\"method\":\"PUT\",\"path\":\"*/*/*/*/*/*/*/*/*x\"}]",
				  0, NULL);
	char long_path[600];

	(void)state;
	assert_true(rule_permits(list, "GET", "/a/b/c/task"));
	assert_true(rule_permits(list, "GET", "/a//task"));
	assert_false(rule_permits(list, "GET", "/a/b/tasks"));
	assert_false(rule_permits(list, "POST", "/a/b/task"));
	assert_true(rule_permits(list, "POST", "/b"));
	assert_false(rule_permits(list, "POST", "/b/"));
	assert_false(rule_permits(list, "GET", ""));
	memset(long_path, '/', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_false(rule_permits(list, "PUT", long_path)); /* and it does not take for ever */
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sealed), cmocka_unit_test(rules)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
