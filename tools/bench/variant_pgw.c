/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * variant_pgw - the gateway itself: pgwd in the gateway's namespace, with a configuration of
 * its own and a run directory that nothing else uses. Its processes are pinned to the
 * gateway's core like the kernel's work of the other variants.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/catalog.h"
#include "tools/bench/child.h"
#include "tools/bench/hello.h"
#include "tools/bench/ports.h"

#define READY_TIMEOUT_MS 10000
#define RUN_DIRECTORY	 "/run/pgw-bench"
#define END_TIMEOUT_MS	 10000

/* One external address, as for masquerade, for what the client itself sends and for few sessions; a
 * range of them for many. Ports are those that masquerade would use, less the range below 16384
 * that the kernel keeps for itself. Twice: offload and io. */
static const char configuration[] =
	"portgroup add vrack dev " GATEWAY_C_DEV " realm private offload %s io %s\n"
	"portgroup add vsphere dev " GATEWAY_S_DEV " realm vsphere offload %s io %s\n"
	"address add " GATEWAY_C_ADDR PREFIX_BITS " portgroup vrack\n"
	"address add " GATEWAY_S_ADDR PREFIX_BITS " portgroup vsphere\n"
	"pool add default external-ip-address " GATEWAY_S_ADDR " ports 16384-65535"
	" mapping-type eim filtering-type edf\n"
	"nat add 10 from " CLIENT_NET " to " SERVER_NET " pool default\n"
	"allow add " CLIENT_NET "\n"
	"allow add " CLIENTS_NET "\n";

struct start {
	char pgwd[PATH_MAX], conf[96], rundir[64], state[96], log[96];
	int output;
};

static void write_sessions(FILE *file, const struct measure *measure)
{
	uint64_t sessions = measure->sessions;

	if (sessions || measure->kept_s)
		fprintf(file, "set timer udp-timeout %u\n",
			measure->kept_s ? measure->kept_s : SESSIONS_KEPT_S);
	if (!sessions) {
		fprintf(file, "nat add 20 from " CLIENTS_NET " to " SERVER_NET " pool default\n");
		return;
	}
	fprintf(file, "set flow-capacity %u\n", catalog_capacity(measure));
	fprintf(file, "pool add many ports 16384-65535 mapping-type eim filtering-type edf"
		      " external-ip-address ");
	for (unsigned i = 0; i < POOL_ADDRESSES; i++)
		fprintf(file, "%s" POOL_PREFIX "%u", i ? "," : "", POOL_HOST + i);
	fprintf(file, "\nnat add 20 from " CLIENTS_NET " to " SERVER_NET " pool many\n");
}

static void write_names(FILE *file)
{
	for (unsigned i = 0; i < PORTS_ALL; i++)
		fprintf(file,
			"service add s%u address " GATEWAY_C_ADDR
			" protocol tcp port %u sni " HELLO_NAME " backend " SERVER_ADDR ":%u\n",
			ports_at(i), ports_at(i), ports_at(i));
}

static int write_configuration(const char *path, const struct run *run)
{
	const char *io = run->variant->io ? run->variant->io : "packet";
	FILE *file = fopen(path, "we");
	int ret;

	if (!file)
		return -errno;
	fprintf(file, configuration, run->variant->offload, io, run->variant->offload, io);
	if (run->variant->workers)
		fprintf(file, "set workers %u\n", run->variant->workers);
	write_sessions(file, run->measure);
	if (run->variant->kind == KIND_NAMES)
		write_names(file);
	ret = ferror(file) ? -EIO : 0;
	if (fclose(file) != 0 && ret == 0)
		ret = -errno;
	return ret;
}

static int pgwd_main(void *arg)
{
	const struct start *start = arg;

	int log = open(start->log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	/* A killed benchmark ends the daemon in order, so that it ends its own children. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (log < 0 || child_sysfs() < 0)
		return 125;
	dup2(start->output, 1);
	dup2(log, 2); /* a file: it never fills up as an unread pipe would */
	execl(start->pgwd, "pgwd", "-c", start->conf, "-r", start->rundir, "-S", start->state,
	      (char *)NULL);
	return 127;
}

static int fail_with_log(struct run *run, const char *what, const char *path)
{
	char text[BENCH_ERROR_BYTES / 2] = "";
	FILE *file = fopen(path, "re");
	size_t got = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[got] = '\0';
	if (file)
		fclose(file);
	return run_fail(run, "%s: %s", what, text);
}

/* wait_ready() - read its output up to the line "ready" */
static int wait_ready(struct run *run, const char *log)
{
	uint64_t end = now_ns() + READY_TIMEOUT_MS * 1000000ull;
	char said[4096] = "";
	size_t used = 0;

	while (!interrupted() && now_ns() < end && used < sizeof(said) - 1) {
		struct pollfd pfd = {.fd = run->gateway.output, .events = POLLIN};
		const char *line;
		ssize_t got;

		if (poll(&pfd, 1, 100) <= 0)
			continue;
		got = read(pfd.fd, said + used, sizeof(said) - 1 - used);
		if (got <= 0)
			return fail_with_log(run, "pgwd ended before it was ready", log);
		used += (size_t)got;
		said[used] = '\0';
		line = strstr(said, "ready\n");
		if (line && (line == said || line[-1] == '\n'))
			return 0;
	}
	return fail_with_log(run, "pgwd was not ready in 10 s", log);
}

static void remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct stat status;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(status.st_mode)) {
			char below[PATH_MAX];

			snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
			remove_tree(below);
		} else {
			unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static int pgw_setup(struct run *run)
{
	const struct options *options = run->options;
	struct gateway *gateway = &run->gateway;
	struct start start;
	uint64_t begin;
	int fds[2], ret;

	/* Always the same: the lock of main.c keeps others away, and what a killed benchmark
	 * left is found again. */
	remove_tree(RUN_DIRECTORY);
	if (mkdir(RUN_DIRECTORY, 0700) < 0)
		return run_fail(run, "cannot make %s: %s", RUN_DIRECTORY, strerror(errno));
	snprintf(gateway->rundir, sizeof(gateway->rundir), "%s", RUN_DIRECTORY);
	snprintf(start.pgwd, sizeof(start.pgwd), "%s/pgwd", options->bindir);
	snprintf(start.conf, sizeof(start.conf), "%s/pgw.conf", gateway->rundir);
	snprintf(start.rundir, sizeof(start.rundir), "%s", gateway->rundir);
	snprintf(start.state, sizeof(start.state), "%s/state", gateway->rundir);
	snprintf(start.log, sizeof(start.log), "%s/log", gateway->rundir);
	if (access(start.pgwd, X_OK) != 0)
		return run_fail(run, "%s is not there; build it or say --bindir", start.pgwd);
	ret = write_configuration(start.conf, run);
	if (ret)
		return run_fail(run, "cannot write %s: %s", start.conf, strerror(-ret));
	if (pipe2(fds, O_CLOEXEC) < 0)
		return run_fail(run, "no pipe: %s", strerror(errno));
	start.output = fds[1];
	begin = now_ns();
	gateway->pid = child_start(
		/* several workers have the cores of all others as well: there may be no more */
		(struct place){run->topology.gateway, options->split && !run->variant->workers
							      ? options->gateway_cpu
							      : -1},
		pgwd_main, &start);
	close(fds[1]);
	gateway->output = fds[0];
	if (gateway->pid < 0)
		return run_fail(run, "cannot start pgwd: %s", strerror(-gateway->pid));
	if (wait_ready(run, start.log))
		return -1;
	gateway->ready_ms = (double)(now_ns() - begin) / 1e6;
	return 0;
}

static void pgw_teardown(struct run *run)
{
	struct gateway *gateway = &run->gateway;
	pid_t pids[8];
	unsigned n = run_pids(run, pids, 8);

	if (gateway->pid > 0) {
		uint64_t end = now_ns() + END_TIMEOUT_MS * 1000000ull;
		int ended = -ETIMEDOUT;

		kill(gateway->pid, SIGTERM);
		/* Also when interrupted: what the daemon programmed is its to remove. */
		while (ended < 0 && now_ns() < end)
			ended = child_wait(gateway->pid, 100);
		if (ended < 0) {
			for (unsigned i = 1; i < n; i++)
				kill(pids[i], SIGKILL);
			child_end(gateway->pid);
		}
	}
	if (gateway->output >= 0)
		close(gateway->output);
	if (gateway->rundir[0])
		remove_tree(gateway->rundir);
	*gateway = (struct gateway){.output = -1};
}

const struct variant variant_pgw = {
	.name = "pgw",
	.title = "the gateway, raw datapath",
	.translates = true,
	.ours = true,
	.offload = "off",
	.setup = pgw_setup,
	.teardown = pgw_teardown,
};

const struct variant variant_pgw_xdp = {
	.name = "pgw-xdp",
	.title = "the gateway, established flows in its XDP program; its peers do no TSO",
	.translates = true,
	.ours = true,
	.offload = "xdp",
	.frames = true,
	.setup = pgw_setup,
	.teardown = pgw_teardown,
};

const struct variant variant_pgw_afxdp = {
	.name = "pgw-afxdp",
	.title = "the gateway, raw datapath by AF_XDP; its peers do no TSO",
	.translates = true,
	.ours = true,
	.offload = "off",
	.io = "xdp",
	.setup = pgw_setup,
	.teardown = pgw_teardown,
};

const struct variant variant_pgw_tc = {
	.name = "pgw-tc",
	.title = "the gateway, established flows in its tc program",
	.translates = true,
	.ours = true,
	.offload = "tc",
	.setup = pgw_setup,
	.teardown = pgw_teardown,
};

const struct variant variant_pgw_2w = {
	.name = "pgw-2w",
	.title = "the gateway, raw datapath with two workers on all cores",
	.translates = true,
	.ours = true,
	.aside = true,
	.workers = 2,
	.offload = "off",
	.setup = pgw_setup,
	.teardown = pgw_teardown,
};

const struct variant variant_relay = {
	.name = "relay",
	.title = "the gateway, routing by TLS name (pgw-relay)",
	.translates = true,
	.ours = true,
	.kind = KIND_NAMES,
	.offload = "auto",
	.setup = pgw_setup,
	.teardown = pgw_teardown,
};
