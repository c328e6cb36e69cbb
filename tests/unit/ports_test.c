/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port allocator against a simple model. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/policy/ports.h"
#include "tests/unit/model.h"

#define OPERATIONS 200000u

static uint64_t seed = 7;

static uint32_t draw(uint32_t bound)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % bound;
}

static void fill_random(void *context, void *buffer, size_t bytes)
{
	uint8_t *at = buffer;

	(void)context;
	while (bytes--)
		*at++ = (uint8_t)draw(256);
}

enum { FREE, TAKEN, HELD };

static void test_model(void **state)
{
	static uint8_t model[3][2000]; /* TCP, UDP, ICMP */
	static uint32_t until[3][2000];
	const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static struct random random = {.fill = fill_random};
	const be32 addr = 0x0200000a;
	struct ports *ports;
	uint32_t now = 0xfffffff0u; /* wraps */

	(void)state;
	assert_int_equal(ports_create(&ports), 0);
	assert_int_equal(ports_add(ports, 0x0100000a), 0);
	assert_int_equal(ports_add(ports, addr), 0);
	assert_int_equal(ports_add(ports, addr), 0);
	for (unsigned long left = model_operations(OPERATIONS); left > 0; left--) {
		unsigned set = draw(3);
		uint8_t proto = protos[set];
		uint16_t port;

		switch (draw(8)) {
		default: /* mostly take, from a range small enough to run out */
			port = ports_take(ports, addr, proto, 1000, 1999, &random);
			if (!port) {
				for (unsigned p = 1000; p < 2000; p++)
					assert_int_not_equal(model[set][p], FREE);
				break;
			}
			assert_in_range(port, 1000, 1999);
			assert_int_equal(model[set][port], FREE);
			model[set][port] = TAKEN;
			break;
		case 0:
		case 1:
		case 2:
			port = (uint16_t)(1000 + draw(1000));
			if (model[set][port] != TAKEN)
				break;
			if (draw(2)) {
				ports_release(ports, addr, proto, port, now, now);
				model[set][port] = FREE;
			} else {
				ports_release(ports, addr, proto, port, now + 50, now);
				model[set][port] = HELD;
				until[set][port] = now + 50;
			}
			break;
		case 3:
			now += draw(4);
			ports_rest(ports, now);
			for (unsigned s = 0; s < 3; s++)
				for (unsigned p = 1000; p < 2000; p++)
					if (model[s][p] == HELD &&
					    (int32_t)(until[s][p] - now) <= 0)
						model[s][p] = FREE;
			break;
		}
	}
	/* the other address was never touched */
	for (unsigned p = 1000; p < 2000; p++)
		assert_true(ports_take_this(ports, 0x0100000a, IPPROTO_TCP, (uint16_t)p));
	ports_destroy(ports);
}

static void test_exhaustion(void **state)
{
	static struct random random = {.fill = fill_random};
	struct ports *ports;
	bool seen[65536] = {false};

	(void)state;
	assert_int_equal(ports_create(&ports), 0);
	assert_int_equal(ports_take(ports, 1, IPPROTO_UDP, 1024, 65535, &random),
			 0); /* no such address */
	assert_int_equal(ports_add(ports, 1), 0);
	ports_block(ports, 0, IPPROTO_UDP, 5000);
	ports_block(ports, 1, IPPROTO_UDP, 65535);
	assert_true(ports_blocked(ports, 1, IPPROTO_UDP, 5000));
	assert_false(ports_blocked(ports, 1, IPPROTO_TCP, 5000));
	for (unsigned i = 0; i < 64512 - 2; i++) {
		uint16_t port = ports_take(ports, 1, IPPROTO_UDP, 1024, 65535, &random);

		assert_in_range(port, 1024, 65534);
		assert_int_not_equal(port, 5000);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_int_equal(ports_take(ports, 1, IPPROTO_UDP, 1024, 65535, &random), 0);
	ports_unblock_all(ports);
	assert_int_not_equal(ports_take(ports, 1, IPPROTO_UDP, 1024, 65535, &random), 0);
	ports_destroy(ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_exhaustion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
