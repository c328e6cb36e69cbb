/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The expiry wheel against a model that looks at every flow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/flow/wheel.h"
#include "tests/unit/model.h"

#define FLOWS	   512u
#define OPERATIONS 2000000u
#define SLOT	   (1u << WHEEL_SLOT_SHIFT)

static uint64_t seed = 42;

static uint32_t draw(uint32_t bound)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % bound;
}

static void test_model(void **state)
{
	static struct wheel wheel;
	static uint32_t due[FLOWS];
	static bool on[FLOWS], within[FLOWS];
	uint32_t now = 0xffff0000u; /* wraps in between */
	unsigned popped = 0;

	(void)state;
	assert_int_equal(wheel_init(&wheel, FLOWS, now), 0);
	for (unsigned long left = model_operations(OPERATIONS); left > 0; left--) {
		uint32_t flow = draw(FLOWS);

		switch (draw(4)) {
		case 0:
			if (on[flow])
				break;
			due[flow] = now + draw(draw(2) ? 20 * SLOT : 9000 * SLOT);
			/* what lies beyond the wheel's reach is visited early and put back */
			within[flow] = (due[flow] >> WHEEL_SLOT_SHIFT) - wheel.at < WHEEL_SLOTS;
			wheel_add(&wheel, flow, due[flow]);
			on[flow] = true;
			break;
		case 1:
			wheel_remove(&wheel, flow); /* also when it is not on it */
			on[flow] = false;
			break;
		case 2:
			now += draw(draw(100) ? SLOT / 4 : 3000 * SLOT);
			break;
		default: {
			uint32_t ticks, got = wheel_pop(&wheel, now);

			if (got == WHEEL_NONE) {
				/* nothing that is due by a slot or more was kept back */
				for (unsigned f = 0; f < FLOWS; f++)
					if (on[f])
						assert_true((int32_t)(due[f] - (now - SLOT)) >
							    -(int32_t)SLOT);
				if (wheel_next(&wheel, now, &ticks))
					assert_in_range(ticks, 1, WHEEL_SLOTS * SLOT);
				break;
			}
			assert_true(on[got]);
			if (within[got]) /* never before its time */
				assert_true((int32_t)(due[got] - now) <= 0);
			on[got] = false;
			popped++;
		}
		}
	}
	assert_true(popped > 1000);
	wheel_fini(&wheel);
}

static void test_never_early(void **state)
{
	static struct wheel wheel;

	(void)state;
	for (uint32_t offset = 0; offset < SLOT; offset += 37) {
		uint32_t now = 5 * SLOT + offset, ticks;

		assert_int_equal(wheel_init(&wheel, 4, now), 0);
		wheel_add(&wheel, 1, now + 3 * SLOT);
		assert_true(wheel_next(&wheel, now, &ticks));
		assert_true(ticks >= 3 * SLOT && ticks <= 4 * SLOT);
		assert_int_equal(wheel_pop(&wheel, now + ticks - 1), WHEEL_NONE);
		assert_int_equal(wheel_pop(&wheel, now + ticks), 1);
		assert_int_equal(wheel_pop(&wheel, now + ticks), WHEEL_NONE);
		assert_false(wheel_next(&wheel, now, &ticks));
		wheel_fini(&wheel);
	}
}

static void test_closed_queue(void **state)
{
	static struct wheel wheel;

	(void)state;
	assert_int_equal(wheel_init(&wheel, 8, 0), 0);
	assert_int_equal(wheel_oldest_closed(&wheel), WHEEL_NONE);
	for (uint32_t i = 0; i < 5; i++)
		wheel_add_closed(&wheel, i);
	wheel_remove(&wheel, 2); /* from the middle, the end, the front */
	wheel_remove(&wheel, 4);
	wheel_add_closed(&wheel, 5);
	wheel_remove(&wheel, 0);
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t order[] = {1, 3, 5};

		assert_int_equal(wheel_oldest_closed(&wheel), order[i]);
		wheel_remove(&wheel, order[i]);
	}
	assert_int_equal(wheel_oldest_closed(&wheel), WHEEL_NONE);
	wheel_add_closed(&wheel, 7);
	assert_int_equal(wheel_oldest_closed(&wheel), 7);
	wheel_fini(&wheel);
}

/* Nobody looks while there is nothing to do: the wheel may turn over many times, and time, too. */
static void test_idle_for_long(void **state)
{
	const uint32_t idle[] = {
		SLOT,
		WHEEL_SLOTS * SLOT,
		WHEEL_SLOTS * SLOT + 1,
		3 * WHEEL_SLOTS * SLOT + 5,
		UINT32_MAX / 2 + SLOT,
		UINT32_MAX - SLOT,
	};
	static struct wheel wheel;

	(void)state;
	for (unsigned i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		uint32_t now = 7 * SLOT + idle[i];

		assert_int_equal(wheel_init(&wheel, 4, 7 * SLOT), 0);
		assert_int_equal(wheel_pop(&wheel, now), WHEEL_NONE);
		wheel_add(&wheel, 1, now + 3 * SLOT);
		assert_int_equal(wheel_pop(&wheel, now + 2 * SLOT), WHEEL_NONE);
		assert_int_equal(wheel_pop(&wheel, now + 4 * SLOT), 1);
		assert_int_equal(wheel_pop(&wheel, now + 4 * SLOT), WHEEL_NONE);
		wheel_fini(&wheel);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_never_early),
		cmocka_unit_test(test_closed_queue),
		cmocka_unit_test(test_idle_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
