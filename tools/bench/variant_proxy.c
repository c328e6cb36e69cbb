/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * variant_proxy - programs that others use where a gateway is wanted: they end the client's TCP
 * connection and open one of their own to the server. Each is used if it is installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/files.h"
#include "tools/bench/hello.h"
#include "tools/bench/ports.h"

#define CONFIGURATION	"/run/pgw-bench-peer.conf"
#define LOG		"/run/pgw-bench-peer.log"
#define LISTEN_BOUND_MS 10000

struct program {
	int client; /* the client's namespace becomes this descriptor of the program; 0: does not */
	const char *argv[24];
};
#define CLIENT_FD 9

static int program_main(void *arg)
{
	const struct program *program = arg;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = open(LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	signal(SIGPIPE, SIG_DFL); /* pasta takes an ignored one for an error */
	if (program->client > 0)
		dup2(program->client, CLIENT_FD);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	execvp(program->argv[0], (char *const *)program->argv);
	return 127;
}

static int start(struct run *run, const struct program *program)
{
	struct gateway *gateway = &run->gateway;
	int cpu = run->options->split ? run->options->gateway_cpu : -1;
	pid_t pid;

	if (gateway->n_proxies == GATEWAY_PROXIES_MAX)
		return run_fail(run, "too many processes");
	pid = child_start((struct place){run->topology.gateway, cpu}, program_main,
			  (void *)program);
	if (pid < 0)
		return run_fail(run, "cannot start %s: %s", program->argv[0], strerror(-pid));
	gateway->proxy[gateway->n_proxies++] = pid;
	return 0;
}

static int gateway_addresses(struct run *run)
{
	return topology_ip(run, run->topology.gateway,
			   "address add " GATEWAY_C_ADDR PREFIX_BITS " dev " GATEWAY_C_DEV "\n"
			   "address add " GATEWAY_S_ADDR PREFIX_BITS " dev " GATEWAY_S_DEV "\n");
}

/* listening_main() - whether all ports are open, in the gateway's namespace */
static int listening_main(void *arg)
{
	FILE *file = fopen("/proc/net/tcp", "re");
	char line[256];
	unsigned found = 0;

	(void)arg;
	while (file && fgets(line, sizeof(line), file)) {
		unsigned port, state;

		if (sscanf(line, "%*u: %*8x:%4x %*8x:%*4x %2x", &port, &state) == 2 &&
		    state == 10 && ports_has((uint16_t)port))
			found++;
	}
	if (file)
		fclose(file);
	return found >= PORTS_ALL ? 0 : 1;
}

static bool is_listening(const void *arg)
{
	const struct run *run = arg;
	pid_t pid = child_start((struct place){run->topology.gateway, -1}, listening_main, NULL);

	return child_wait(pid, 5000) == 0;
}

/* fail_with_log() - with the end of what the program has said */
static int fail_with_log(struct run *run, const char *what)
{
	char *text = file_text(LOG);
	size_t size = text ? strlen(text) : 0;

	run_fail(run, "%s %s: %s", run->variant->program, what,
		 text ? text + (size > 200 ? size - 200 : 0) : "");
	free(text);
	return -1;
}

static int wait_listening(struct run *run)
{
	if (wait_until(is_listening, run, LISTEN_BOUND_MS))
		return 0;
	return fail_with_log(run, "does not listen");
}

static void bind_all(FILE *file)
{
	for (unsigned i = 0; i < PORTS_ALL; i++)
		fprintf(file, "\tbind " GATEWAY_C_ADDR ":%u\n", ports_at(i));
}

static int haproxy_configuration(bool names)
{
	FILE *file = fopen(CONFIGURATION, "we");

	if (!file)
		return -errno;
	fprintf(file, "global\n\tmaxconn 4000\n"
		      "defaults\n\tmode tcp\n\toption splice-auto\n\tmaxconn 4000\n"
		      "\ttimeout connect 5s\n\ttimeout client 60s\n\ttimeout server 60s\n"
		      "frontend bench\n");
	bind_all(file);
	if (names)
		fprintf(file, "\ttcp-request inspect-delay 5s\n"
			      "\ttcp-request content accept if { req_ssl_hello_type 1 }\n"
			      "\tuse_backend server if { req_ssl_sni -i " HELLO_NAME " }\n");
	else
		fprintf(file, "\tdefault_backend server\n");
	/* Without a port: the one that the client has asked for. */
	fprintf(file, "backend server\n\tserver server " SERVER_ADDR "\n");
	return fclose(file) ? -errno : 0;
}

static int haproxy_setup(struct run *run)
{
	const struct program program = {0, {"haproxy", "-db", "-f", CONFIGURATION, NULL}};
	int ret = haproxy_configuration(run->variant->kind == KIND_NAMES);

	if (ret)
		return run_fail(run, "cannot write %s: %s", CONFIGURATION, strerror(-ret));
	if (gateway_addresses(run) || start(run, &program))
		return -1;
	return wait_listening(run);
}

static int socat_setup(struct run *run)
{
	if (gateway_addresses(run))
		return -1;
	for (unsigned i = 0; i < PORTS_ALL; i++) {
		char from[96], to[64];
		const struct program program = {0, {"socat", from, to, NULL}};

		snprintf(from, sizeof(from),
			 "TCP-LISTEN:%u,bind=" GATEWAY_C_ADDR ",reuseaddr,fork,backlog=1024",
			 ports_at(i));
		snprintf(to, sizeof(to), "TCP:" SERVER_ADDR ":%u", ports_at(i));
		if (start(run, &program))
			return -1;
	}
	return wait_listening(run);
}

/* route_main() - whether pasta has made its interface, in the client's namespace */
static int route_main(void *arg)
{
	char output[200] = "";

	(void)arg;
	return command((struct place){-1, -1},
		       (const char *const[]){"ip", "route", "get", SERVER_ADDR, NULL}, NULL, output,
		       sizeof(output)) == 0 &&
			       strstr(output, "dev " PASTA_DEV)
		       ? 0
		       : 1;
}

static bool has_route(const void *arg)
{
	const struct run *run = arg;
	pid_t pid = child_start((struct place){run->topology.client, -1}, route_main, NULL);

	return child_wait(pid, 5000) == 0;
}

/* pasta has an interface of its own in the client's namespace: the cable is not used. */
static int pasta_setup(struct run *run)
{
	const struct program program = {run->topology.client, {"pasta",	      "-f",
							       "-q",	      "--config-net",
							       "--no-map-gw", "--runas",
							       "0",	      "--netns-only",
							       "-t",	      "none",
							       "-u",	      "none",
							       "-T",	      "none",
							       "-U",	      "none",
							       "-i",	      GATEWAY_S_DEV,
							       "-I",	      PASTA_DEV,
							       "--netns",     "/proc/self/fd/9",
							       NULL}};

	if (gateway_addresses(run) ||
	    topology_ip(run, run->topology.gateway, "route add default via " SERVER_ADDR "\n") ||
	    topology_ip(run, run->topology.client, "link set " CLIENT_DEV " down\n") ||
	    start(run, &program))
		return -1;
	if (wait_until(has_route, run, LISTEN_BOUND_MS))
		return 0;
	return fail_with_log(run, "makes no interface");
}

static void proxy_teardown(struct run *run)
{
	struct gateway *gateway = &run->gateway;

	for (unsigned i = 0; i < gateway->n_proxies; i++)
		child_end(gateway->proxy[i]);
	gateway->n_proxies = 0;
	unlink(CONFIGURATION);
	unlink(LOG);
}

const struct variant variant_haproxy = {
	.name = "haproxy",
	.title = "haproxy in TCP mode",
	.program = "haproxy",
	.translates = true,
	.kind = KIND_PROXY,
	.setup = haproxy_setup,
	.teardown = proxy_teardown,
};

const struct variant variant_socat = {
	.name = "socat",
	.title = "socat, a process a connection",
	.program = "socat",
	.translates = true,
	.kind = KIND_PROXY,
	.setup = socat_setup,
	.teardown = proxy_teardown,
};

const struct variant variant_pasta = {
	.name = "pasta",
	.title = "pasta, a translator in user space",
	.program = "pasta",
	.translates = true,
	.kind = KIND_PROXY,
	.target = SERVER_ADDR,
	.setup = pasta_setup,
	.teardown = proxy_teardown,
};

const struct variant variant_haproxy_names = {
	.name = "haproxy-sni",
	.title = "haproxy, routing by TLS name",
	.program = "haproxy",
	.translates = true,
	.kind = KIND_NAMES,
	.setup = haproxy_setup,
	.teardown = proxy_teardown,
};

const char *variant_target(const struct variant *variant)
{
	if (variant->target)
		return variant->target;
	return variant->kind == KIND_ROUTER ? SERVER_ADDR : GATEWAY_C_ADDR;
}
