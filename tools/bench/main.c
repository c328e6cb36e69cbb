/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw-bench - compare the gateway with kernel nftables masquerade, in one interleaved run.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/bench/child.h"
#include "tools/bench/plan.h"

#define LOCK_FILE   "/run/pgw-bench.lock"
#define SECONDS_MAX 600

enum { EXIT_DONE = 0, EXIT_WRONG = 1, EXIT_FAILED = 2 };

static void help(FILE *file)
{
	fprintf(file,
		"Usage: pgw-bench [OPTIONS]\n"
		"Compare the gateway with kernel nftables masquerade: client, gateway and server "
		"in\n"
		"network namespaces of their own, each variant in turn. Needs root and two cores.\n"
		"\n"
		"  --variants LIST      see --list (default all that are installed)\n"
		"  --measures LIST      see --list (default all)\n"
		"  --repeats N          runs of each variant, 1 to %u (default 5)\n"
		"  --seconds S          load per run (default 3)\n"
		"  --quick              2 repeats of 0.5 s of the measures that --list marks\n"
		"  --placement split    load on one core, gateway on another (default)\n"
		"              free     the scheduler decides; no CPU shares\n"
		"  --patience S         wait up to S seconds before each run while others use the\n"
		"                       machine (default 0)\n"
		"  --bindir DIR         where pgwd and pgw are (default: beside pgw-bench)\n"
		"  --json FILE          write all values there as well\n"
		"  --from FILE          measure nothing: report what --json has written\n"
		"  --plot FILE.svg      draw the ratios (needs gnuplot)\n"
		"  --curves FILE.svg    draw the latencies\n"
		"  --markdown FILE      write the figures into a document, behind its mark\n"
		"  --list               say which variants and measures there are\n"
		"  -h, --help; -V, --version\n"
		"\n"
		"Exit status: 0 all was measured, 1 the command was wrong, 2 something failed.\n",
		REPEATS_MAX);
}

static int number_of(const char *name, const char *text, double min, double max, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (end != text && *end == '\0' && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "Error: argument \"%s\" is wrong: --%s expects a number from %g to %g\n",
		text, name, min, max);
	return -1;
}

static int placement_of(const char *text, bool *split)
{
	*split = strcmp(text, "split") == 0;
	if (*split || strcmp(text, "free") == 0)
		return 0;
	fprintf(stderr, "Error: argument \"%s\" is wrong: --placement expects split or free\n",
		text);
	return -1;
}

/* parse() - Return: -1 to go on, otherwise the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
	static const struct option table[] = {
		{"variants", required_argument, NULL, 'v'},
		{"measures", required_argument, NULL, 'm'},
		{"repeats", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"quick", no_argument, NULL, 'q'},
		{"placement", required_argument, NULL, 'p'},
		{"patience", required_argument, NULL, 'w'},
		{"bindir", required_argument, NULL, 'b'},
		{"json", required_argument, NULL, 'j'},
		{"plot", required_argument, NULL, 'g'},
		{"curves", required_argument, NULL, 'c'},
		{"markdown", required_argument, NULL, 'd'},
		{"from", required_argument, NULL, 'f'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	double value;
	int c;

	while ((c = getopt_long(argc, argv, "hV", table, NULL)) != -1) {
		int wrong = 0;

		switch (c) {
		case 'v':
			options->variants = optarg;
			break;
		case 'm':
			options->measures = optarg;
			break;
		case 'r':
			wrong = number_of("repeats", optarg, 1, REPEATS_MAX, &value);
			options->repeats = (unsigned)value;
			break;
		case 's':
			wrong = number_of("seconds", optarg, 0.2, SECONDS_MAX, &options->seconds);
			break;
		case 'q':
			options->quick = true;
			options->repeats = 2;
			options->seconds = 0.5;
			break;
		case 'p':
			wrong = placement_of(optarg, &options->split);
			break;
		case 'w':
			wrong = number_of("patience", optarg, 0, SECONDS_MAX, &options->patience);
			break;
		case 'b':
			options->bindir = optarg;
			break;
		case 'j':
			options->json_file = optarg;
			break;
		case 'g':
			options->plot_file = optarg;
			break;
		case 'c':
			options->curves_file = optarg;
			break;
		case 'd':
			options->markdown_file = optarg;
			break;
		case 'f':
			options->from_file = optarg;
			break;
		case 'l':
			catalog_list(stdout);
			return EXIT_DONE;
		case 'h':
			help(stdout);
			return EXIT_DONE;
		case 'V':
			printf("pgw-bench %s\n", PGW_VERSION);
			return EXIT_DONE;
		default:
			wrong = 1;
		}
		if (wrong)
			return EXIT_WRONG;
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "Error: argument \"%s\" is unknown, try \"pgw-bench --help\"\n",
		argv[optind]);
	return EXIT_WRONG;
}

/* own_directory() - of this program's file */
static const char *own_directory(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[size < 0 ? 0 : size] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return ".";
	*slash = '\0';
	return path;
}

/* choose_cores() - the first two cores that this process may use */
static void choose_cores(struct options *options)
{
	cpu_set_t cpus, own;
	unsigned found = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		CPU_ZERO(&cpus);
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET((size_t)i, &cpus))
			*(found++ == 0 ? &options->load_cpu : &options->gateway_cpu) = i;
	if (found < 2 && options->split) {
		fprintf(stderr, "Only one core: load and gateway share it (--placement free).\n");
		options->split = false;
	}
	if (!options->split)
		return;
	/* The benchmark's own bookkeeping must not take the gateway's time. */
	CPU_ZERO(&own);
	CPU_SET((size_t)options->load_cpu, &own);
	sched_setaffinity(0, sizeof(own), &own);
}

/* prepare() - what must hold before anything is measured. Return: 0 or -1, said on stderr. */
static int prepare(void)
{
	struct rlimit files = {65536, 65536};
	int lock;

	if (geteuid() != 0) {
		fprintf(stderr, "Error: pgw-bench makes network namespaces: run it as root\n");
		return -1;
	}
	lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
		fprintf(stderr, "Error: %s is locked: another pgw-bench runs, wait for its end\n",
			LOCK_FILE);
		if (lock >= 0)
			close(lock);
		return -1;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	return 0; /* the lock is held until the process ends */
}

/* command_of() - as it was typed, the program without its directory */
static void command_of(char *text, size_t size, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	size_t used = (size_t)snprintf(text, size, "%s", slash ? slash + 1 : argv[0]);

	for (char **word = argv + 1; *word && used < size; word++)
		used += (size_t)snprintf(text + used, size - used, " %s", *word);
}

/* report() - Return: 0, or -1 if something of it failed. */
static int report(const struct results *results, const struct options *options)
{
	int ret = 0;

	report_table(results, stdout);
	if (results->failures)
		printf("%u of the runs failed; the first: %s\n", results->failures,
		       results->failure);
	fflush(stdout);
	if (options->json_file)
		ret |= report_json(results, options->json_file);
	if (interrupted())
		return ret;
	if (options->plot_file)
		ret |= report_plot(results, options->plot_file);
	if (options->curves_file)
		ret |= report_curves(results, options->curves_file);
	if (options->markdown_file)
		ret |= report_markdown(results, options);
	return ret;
}

int main(int argc, char **argv)
{
	struct options options = {.repeats = 5, .seconds = 3, .split = true};
	struct results *results = results_create();
	char path[PATH_MAX], typed[400];
	int status = parse(&options, argc, argv), ret = EXIT_FAILED;

	if (status >= 0 || !results) {
		free(results);
		return results ? status : EXIT_FAILED;
	}
	command_of(typed, sizeof(typed), argv);
	options.command = typed;
	if (!options.bindir)
		options.bindir = own_directory(path);
	if (options.from_file) {
		status = report_load(results, options.from_file) ? EXIT_WRONG : EXIT_DONE;
		if (status == EXIT_DONE && report(results, &options))
			status = EXIT_FAILED;
		free(results);
		return status;
	}
	if (plan_select(results, &options)) {
		free(results);
		return EXIT_WRONG;
	}
	if (prepare() == 0) {
		choose_cores(&options);
		interrupt_install();
		results_describe(results, &options);
		if (plan_run(results, &options) == 0)
			ret = EXIT_DONE;
		if (report(results, &options))
			ret = EXIT_FAILED;
	}
	free(results);
	return ret;
}
