/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu - time that the gateway costs, wherever it is spent.
 *
 * Two accounts: the scheduler's nanoseconds of the gateway's NAPI threads and processes
 * (exact; WAY_NAPI only, because only there has the kernel's work threads of its own), and the
 * share of the gateway's core that was not idle (by the timer tick; only with a core of its own).
 */
#ifndef PGW_BENCH_CPU_H
#define PGW_BENCH_CPU_H

#include <stdint.h>

#include "tools/bench/bench.h"

struct cpu_account {
	uint64_t threads_ns;  /* of the gateway's NAPI threads and processes */
	uint64_t busy, total; /* ticks of the gateway's core */
	uint64_t at_ns;
};

void cpu_read(const struct run *run, struct cpu_account *account);

/* cpu_threads_ns() - spent between two readings. */
double cpu_threads_ns(const struct cpu_account *before, const struct cpu_account *after);

/* cpu_busy_percent() - of the gateway's core; NAN without a core of its own. */
double cpu_busy_percent(const struct run *run, const struct cpu_account *before,
			const struct cpu_account *after);

/* cpu_busy_all_percent() - share of all cores that is not idle over @ns from now on: what others
 * take of the machine, if nothing of ours runs. */
double cpu_busy_all_percent(uint64_t ns);

/* cpu_process_ns() - time of all threads of a process, 0 if it is gone. */
uint64_t cpu_process_ns(pid_t pid);

/* cpu_process_rss() - resident bytes and of these the ones shared with nobody. */
void cpu_process_rss(pid_t pid, double *resident_mib, double *private_mib);

#endif
