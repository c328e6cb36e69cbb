/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program_none - built without clang, bpftool or libbpf: there is no program to measure. */
#include "tools/bench/bench.h"

int measure_program(struct run *run, double *values)
{
	(void)values;
	return run_fail(run, "built without clang, bpftool and libbpf-dev: there is no program");
}
