/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_process - what our processes cost when they are started and when nothing happens.
 */
#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"

#define SETTLE_NS 500000000u

static pid_t parent_of(pid_t pid)
{
	char path[64];
	FILE *file;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* comm ends with the last ')', our programs' names contain none */
	if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

unsigned run_pids(const struct run *run, pid_t *pids, unsigned max)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	if (run->gateway.pid <= 0)
		return 0;
	pids[n++] = run->gateway.pid;
	dir = opendir("/proc");
	while (dir && n < max && (entry = readdir(dir))) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (pid && parent_of(pid) == run->gateway.pid)
			pids[n++] = pid;
	}
	if (dir)
		closedir(dir);
	return n;
}

int measure_start(struct run *run, double *values)
{
	pid_t pids[8];
	unsigned n = run_pids(run, pids, 8);

	values[0] = run->gateway.ready_ms;
	values[1] = values[2] = 0;
	for (unsigned i = 0; i < n; i++) {
		double resident, alone;

		cpu_process_rss(pids[i], &resident, &alone);
		values[1] += resident;
		values[2] += alone;
	}
	values[3] = n;
	return 0;
}

int measure_idle(struct run *run, double *values)
{
	pid_t pids[8];
	unsigned n = run_pids(run, pids, 8);
	uint64_t before = 0, after = 0, begin;
	double seconds;

	if (!wait_ns(SETTLE_NS))
		return run_fail(run, "interrupted");
	begin = now_ns();
	for (unsigned i = 0; i < n; i++)
		before += cpu_process_ns(pids[i]);
	if (!wait_ns((uint64_t)(run->options->seconds * 1e9)))
		return run_fail(run, "interrupted");
	for (unsigned i = 0; i < n; i++)
		after += cpu_process_ns(pids[i]);
	seconds = (double)(now_ns() - begin) / 1e9;
	if (after < before || run_pids(run, pids, 8) != n)
		return run_fail(run, "a process of the gateway ended");
	values[0] = (double)(after - before) / 1e6 / seconds;
	return 0;
}
