/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Damaged segments where the tc or the XDP program forwards, see damage.h. They look at no
 * checksum, so they believe a false FIN, and a number too far on, which may hide the RST at a
 * connection's end; no right segment is refused for that, and a connection that both ends close is
 * closed.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "tests/unit/damage.h"
#include "tests/unit/offload_bench.h"

static bool arrives(const struct damage *way, uint8_t port, const struct frame *frame,
		    struct frame *out)
{
	return bench_arrives(way->context, port, frame, out);
}

static void through_program(void **state, void (*life)(const struct damage *way))
{
	struct bench *b = bench_open(state);
	const struct damage way = {.h = b->h,
				   .arrives = arrives,
				   .context = b,
				   .tightest = true,
				   .real_clock = true,
				   .no_checksums = true};

	life(&way);
	bench_close(b);
}

static void test_closed_by_both(void **state)
{
	through_program(state, damage_closed_by_both);
}

static void test_reset(void **state)
{
	through_program(state, damage_reset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BOTH(closed_by_both), BOTH(reset)};

	if (!bench_possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
