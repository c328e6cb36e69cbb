/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/child.h"

static uint64_t thread_ns(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t ns = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

uint64_t cpu_process_ns(pid_t pid)
{
	struct dirent *entry;
	char path[300];
	uint64_t sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.32s/schedstat", pid, entry->d_name);
		sum += thread_ns(path);
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* core_ticks() - the line of one core, or of all together (-1), in /proc/stat */
static void core_ticks(int cpu, uint64_t *busy, uint64_t *total)
{
	char line[512], name[16] = "cpu ";
	FILE *file = fopen("/proc/stat", "re");

	*busy = *total = 0;
	if (cpu >= 0)
		snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (file && fgets(line, sizeof(line), file)) {
		uint64_t t[8] = {0};

		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		sscanf(line + strlen(name),
		       "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		       " %" SCNu64 " %" SCNu64,
		       &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
		for (unsigned i = 0; i < 8; i++)
			*total += t[i];
		*busy = *total - t[3] - t[4];
	}
	if (file)
		fclose(file);
}

void cpu_read(const struct run *run, struct cpu_account *account)
{
	pid_t pids[8];
	unsigned n = run_pids(run, pids, 8);

	account->threads_ns = 0;
	for (unsigned i = 0; i < n; i++)
		account->threads_ns += cpu_process_ns(pids[i]);
	for (unsigned i = 0; i < run->topology.n_napi; i++)
		account->threads_ns += cpu_process_ns(run->topology.napi[i]);
	core_ticks(run->options->gateway_cpu, &account->busy, &account->total);
	account->at_ns = now_ns();
}

double cpu_threads_ns(const struct cpu_account *before, const struct cpu_account *after)
{
	return (double)(after->threads_ns - before->threads_ns);
}

double cpu_busy_percent(const struct run *run, const struct cpu_account *before,
			const struct cpu_account *after)
{
	uint64_t total = after->total - before->total;

	if (!run->options->split || total == 0)
		return NAN;
	return 100.0 * (double)(after->busy - before->busy) / (double)total;
}

double cpu_busy_all_percent(uint64_t ns)
{
	uint64_t busy[2], total[2];

	core_ticks(-1, &busy[0], &total[0]);
	wait_ns(ns);
	core_ticks(-1, &busy[1], &total[1]);
	return total[1] == total[0]
		       ? 0
		       : 100.0 * (double)(busy[1] - busy[0]) / (double)(total[1] - total[0]);
}

void cpu_process_rss(pid_t pid, double *resident_mib, double *private_mib)
{
	char path[64], line[256];
	uint64_t kb;
	FILE *file;

	*resident_mib = *private_mib = NAN;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	*resident_mib = *private_mib = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Rss: %" SCNu64, &kb) == 1)
			*resident_mib += (double)kb / 1024;
		if (sscanf(line, "Private_Clean: %" SCNu64, &kb) == 1 ||
		    sscanf(line, "Private_Dirty: %" SCNu64, &kb) == 1)
			*private_mib += (double)kb / 1024;
	}
	fclose(file);
}
