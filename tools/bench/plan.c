/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/plan.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/progress.h"
#include "tools/bench/verify.h"

static const struct variant *const variants[] = {&variant_nft, &variant_pgw, &variant_pgw_tc,
						 &variant_pgw_xdp, &variant_forward};
#define N_VARIANTS (sizeof(variants) / sizeof(variants[0]))

#define QUIET_SAMPLE_NS 200000000u

#define UP   true
#define DOWN false
#define BUSY                                                                                       \
	{                                                                                          \
		"gateway-core", "% busy", UP, true                                                 \
	}

static const struct measure measures[] = {
	{.name = "tcp-bulk-1",
	 .title = "TCP throughput, one connection, default offloads",
	 .metrics = {{"throughput", "Gb/s", UP, false}, BUSY},
	 .parameter = 1,
	 .run = measure_tcp_bulk},
	{.name = "tcp-bulk-8",
	 .title = "TCP throughput, eight connections, default offloads",
	 .metrics = {{"throughput", "Gb/s", UP, false}, BUSY},
	 .parameter = 8,
	 .run = measure_tcp_bulk},
	{.name = "connections-per-second",
	 .title = "TCP connect, one byte each way, close; 64 workers",
	 .csit = "ethip4tcp-nat44ed-cps",
	 .metrics = {{"rate", "1/s", UP, false}, BUSY, {"failed", "count", DOWN, true}},
	 .run = measure_connect},
	{.name = "rtt",
	 .title = "UDP round trip of one byte, closed loop",
	 .metrics = {{"p50", "us", DOWN, false},
		     {"p99", "us", DOWN, false},
		     {"lost", "count", DOWN, true}},
	 .run = measure_rtt},
	{.name = "udp-64B-200k",
	 .title = "64-byte UDP at 200,000 packets/s, 64 flows: the gateway's CPU time",
	 .csit = "64b-1c-ethip4udp-nat44ed-h1-p64-s64",
	 .metrics = {{"cpu", "ns/packet", DOWN, false},
		     {"loss", "%", DOWN, true},
		     {"offered", "kpps", UP, true}},
	 .way = WAY_NAPI,
	 .parameter = 200000,
	 .run = measure_udp_paced},
	{.name = "udp-64B-flood",
	 .title = "64-byte UDP as fast as it comes, 64 flows: packets forwarded",
	 .csit = "64b-1c-ethip4udp-nat44ed-h1-p64-s64-mrr",
	 .metrics = {{"forwarded", "kpps", UP, false}, BUSY, {"offered", "kpps", UP, true}},
	 .way = WAY_NAPI,
	 .run = measure_udp_flood},
	{.name = "idle-cpu",
	 .title = "CPU time of the gateway's processes without traffic",
	 .metrics = {{"cpu", "ms/s", DOWN, false}},
	 .ours_only = true,
	 .run = measure_idle},
	{.name = "start",
	 .title = "from exec of pgwd to ready; memory of its processes then",
	 .metrics = {{"ready", "ms", DOWN, false},
		     {"resident", "MiB", DOWN, false},
		     {"unshared", "MiB", DOWN, true},
		     {"processes", "count", DOWN, true}},
	 .ours_only = true,
	 .before_traffic = true,
	 .run = measure_start},
	{.name = "session-list",
	 .title = "pgw -j session show of 100,000 sessions while packets flow",
	 .metrics = {{"rate", "sessions/s", UP, false},
		     {"sessions", "count", UP, true},
		     {"lost", "packets", DOWN, false},
		     {"lost-unlisted", "packets", DOWN, true}},
	 .ours_only = true,
	 .run = measure_sessions},
	{.name = "core-1k",
	 .title = "the datapath in memory, no I/O, 1,008 sessions",
	 .csit = "ethip4udp-nat44ed-h16-p63-s1008",
	 .metrics = {{"forward", "ns/packet", DOWN, false}, {"create", "ns/session", DOWN, false}},
	 .ours_only = true,
	 .bare = true,
	 .parameter = 16,
	 .run = measure_core},
	{.name = "core-64k",
	 .title = "the datapath in memory, no I/O, 64,512 sessions",
	 .csit = "ethip4udp-nat44ed-h1024-p63-s64512",
	 .metrics = {{"forward", "ns/packet", DOWN, false}, {"create", "ns/session", DOWN, false}},
	 .ours_only = true,
	 .bare = true,
	 .parameter = 1024,
	 .run = measure_core},
	{.name = "core-1M",
	 .title = "the datapath in memory, no I/O, 1,032,192 sessions",
	 .csit = "ethip4udp-nat44ed-h16384-p63-s1032192",
	 .metrics = {{"forward", "ns/packet", DOWN, false}, {"create", "ns/session", DOWN, false}},
	 .ours_only = true,
	 .bare = true,
	 .parameter = 16384,
	 .run = measure_core},
};
#define N_MEASURES (sizeof(measures) / sizeof(measures[0]))

void plan_list(FILE *file)
{
	fprintf(file, "Variants:\n");
	for (unsigned i = 0; i < N_VARIANTS; i++)
		fprintf(file, "  %-24s %s\n", variants[i]->name, variants[i]->title);
	fprintf(file, "Measures:\n");
	for (unsigned i = 0; i < N_MEASURES; i++) {
		fprintf(file, "  %-24s %s\n", measures[i].name, measures[i].title);
		if (measures[i].csit)
			fprintf(file, "  %-24s CSIT %s\n", "", measures[i].csit);
	}
}

/* listed() - whether @name is in the comma-separated @list; @known counts what was found */
static bool listed(const char *list, const char *name, unsigned *known)
{
	size_t size = strlen(name);

	if (!list)
		return true;
	for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
			(*known)++;
			return true;
		}
	return false;
}

static unsigned entries(const char *list)
{
	unsigned n = 1;

	if (!list)
		return 0;
	while ((list = strchr(list, ','))) {
		list++;
		n++;
	}
	return n;
}

int plan_select(struct results *results, const struct options *options)
{
	unsigned known = 0;

	results->options = options;
	for (unsigned i = 0; i < N_VARIANTS; i++)
		if (listed(options->variants, variants[i]->name, &known))
			results->variants[results->n_variants++] = variants[i];
	if (known != entries(options->variants)) {
		fprintf(stderr, "Error: argument \"%s\" is wrong: expected variants of --list\n",
			options->variants);
		return -1;
	}
	known = 0;
	for (unsigned i = 0; i < N_MEASURES; i++)
		if (listed(options->measures, measures[i].name, &known))
			results->measures[results->n_measures++] = &measures[i];
	if (known != entries(options->measures)) {
		fprintf(stderr, "Error: argument \"%s\" is wrong: expected measures of --list\n",
			options->measures);
		return -1;
	}
	results->base = 0;
	while (results->base < results->n_variants &&
	       results->variants[results->base] != &variant_nft)
		results->base++;
	for (unsigned m = 0; m < MEASURES_MAX; m++)
		for (unsigned v = 0; v < VARIANTS_MAX; v++)
			for (unsigned k = 0; k < BENCH_METRICS_MAX; k++)
				for (unsigned r = 0; r < REPEATS_MAX; r++)
					results->value[m][v][k][r] = NAN;
	return 0;
}

int run_fail(struct run *run, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(run->error, sizeof(run->error), format, arguments);
	va_end(arguments);
	for (char *at = run->error; *at; at++)
		if (*at == '\n')
			*at = ' ';
	return -1;
}

/* run_once() - one measure of one variant in a world of its own */
static int run_once(struct run *run, double *values)
{
	const struct measure *measure = run->measure;
	int ret = -1;

	run->topology = (struct topology){.client = -1, .gateway = -1, .server = -1};
	run->gateway = (struct gateway){.output = -1};
	if (measure->bare)
		return measure->run(run, values);
	if (topology_create(run))
		goto out;
	if (run->variant->setup(run))
		goto teardown;
	if (measure->before_traffic)
		ret = measure->run(run, values) ? -1 : verify_before(run);
	else
		ret = verify_before(run) ? -1 : measure->run(run, values);
	if (ret == 0)
		ret = verify_after(run);
teardown:
	run->variant->teardown(run);
out:
	topology_destroy(&run->topology);
	return ret;
}

/* wait_quiet() - see what others take of the machine; give them time to end */
static void wait_quiet(struct results *results)
{
	uint64_t end = now_ns() + (uint64_t)(results->options->patience * 1e9);
	double others;

	do {
		others = cpu_busy_all_percent(QUIET_SAMPLE_NS);
	} while (others > QUIET_PERCENT && now_ns() < end && !interrupted());
	if (others > results->others)
		results->others = others;
}

static bool applies(const struct measure *measure, const struct variant *variant)
{
	return variant->ours || !measure->ours_only;
}

static unsigned steps(const struct results *results)
{
	unsigned n = 0;

	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned v = 0; v < results->n_variants; v++)
			n += applies(results->measures[m], results->variants[v]);
	return n * results->options->repeats;
}

static void step(struct results *results, struct progress *progress, const unsigned at[3])
{
	const struct measure *measure = results->measures[at[0]];
	const struct variant *variant = results->variants[at[2]];
	double values[BENCH_METRICS_MAX] = {NAN, NAN, NAN, NAN};
	struct run run = {.options = results->options, .variant = variant, .measure = measure};
	char outcome[BENCH_ERROR_BYTES + 20];

	progress_begin(progress, measure->name, variant->name, at[1] + 1);
	wait_quiet(results);
	if (run_once(&run, values)) {
		if (interrupted()) {
			progress_end(progress, "interrupted", true);
			return;
		}
		snprintf(outcome, sizeof(outcome), "failed: %s", run.error);
		if (results->failures++ == 0)
			snprintf(results->failure, sizeof(results->failure), "%.40s, %.20s: %.300s",
				 measure->name, variant->name, run.error);
		progress_end(progress, outcome, true);
		return;
	}
	for (unsigned k = 0; k < metrics_of(measure); k++)
		results->value[at[0]][at[2]][k][at[1]] = values[k];
	snprintf(outcome, sizeof(outcome), "%.4g %s", values[0], measure->metrics[0].unit);
	progress_end(progress, outcome, false);
}

int plan_run(struct results *results)
{
	struct progress progress = {.total = steps(results), .terminal = isatty(STDERR_FILENO)};

	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned r = 0; r < results->options->repeats; r++)
			for (unsigned v = 0; v < results->n_variants; v++) {
				if (!applies(results->measures[m], results->variants[v]))
					continue;
				if (interrupted())
					goto out;
				step(results, &progress, (const unsigned[3]){m, r, v});
			}
out:
	progress_close(&progress);
	return results->failures || interrupted() ? -1 : 0;
}
