/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of hosts, which grows as hosts come, against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/policy/client.h"
#include "tests/unit/model.h"

#define OPERATIONS 200000u
#define HOSTS	   2000u
#define CAPACITY   1500u
#define SECOND_NS  1000000000ull

static uint64_t seed = 7;

static uint32_t draw(uint32_t bound)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % bound;
}

static void test_model(void **state)
{
	static uint32_t at[HOSTS]; /* model: entry of the host, + 1 */
	const uint32_t key[2] = {0x12345678, 0x9abcdef1};
	uint64_t now_ns = 100 * SECOND_NS;
	struct clients clients;
	uint32_t live = 0;

	(void)state;
	assert_int_equal(clients_init(&clients, CAPACITY, key), 0);
	for (unsigned long left = model_operations(OPERATIONS); left > 0; left--) {
		/* few at first, so that it grows while entries come and go */
		uint32_t host = draw(left % 10 ? HOSTS : 100);
		uint32_t found = client_find(&clients, host, host % 3);

		assert_int_equal(found, at[host] ? at[host] - 1 : CLIENT_NONE);
		assert_int_equal(client_find(&clients, host, 3), CLIENT_NONE);
		if (at[host] && draw(3) == 0) {
			clients.client[found].flows = 0;
			client_release(&clients, found, now_ns);
			at[host] = 0;
			live--;
		} else if (!at[host]) {
			found = client_get(&clients, host, host % 3, now_ns);
			if (live == CAPACITY) {
				assert_int_equal(found, CLIENT_NONE);
				continue;
			}
			clients.client[found].flows = 1;
			at[host] = found + 1;
			live++;
		}
		assert_int_equal(clients.used, live);
		assert_in_range(clients.heads, live < 64 ? 64 : live, clients.heads_max);
	}
	clients_fini(&clients);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
