/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw-api - serves the API over HTTP and HTTPS and translates its calls into requests to pgwd.
 *
 * It is started by pgwd, without privileges, with its sockets as descriptors (settings.h). It holds
 * no state: it may be killed at any moment and is started again; calls that were under way lose
 * their answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "control/api/jail.h"
#include "control/api/schema.h"
#include "control/api/serve.h"
#include "control/ctl/log.h"
#include "datapath/process/confine.h"

#define FDS_BESIDES 32 /* descriptors that are no connections */

static const char usage[] =
	"usage: pgw-api [-h] [-V] [-o]\n"
	"Serves the API. It is started by pgwd, which hands it its sockets; to start a gateway,\n"
	"run: pgwd -c FILE, with \"api add\" in FILE.\n"
	"  -h, --help     print this\n"
	"  -V, --version  print the version\n"
	"  -o, --openapi  print the OpenAPI description\n"
	"See pgw-api(8).\n";

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "pgw-api: %s: %s\n", what, why);
	return 1;
}

static unsigned connections_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur <= FDS_BESIDES)
		return 16;
	return (unsigned)(files.rlim_cur - FDS_BESIDES < SERVE_CONNECTIONS_MAX
				  ? files.rlim_cur - FDS_BESIDES
				  : SERVE_CONNECTIONS_MAX);
}

static int run(void)
{
	static struct serve serve; /* too large for the stack */
	struct confine_error error;
	int code;

	if (fcntl(SETTINGS_FD_LIFE, F_GETFD) < 0)
		return complain("it is started by pgwd",
				"descriptor 3 is missing. To start a gateway, run: pgwd -c FILE");
	signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C is meant for pgwd */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (confine_privileges(SETTINGS_FD_LISTEN + (int)SETTINGS_LISTENERS_MAX - 1, &error))
		return complain("cannot give up privileges", error.text);
	tzset(); /* gmtime_r() would open files later */
	if (serve_open(&serve, connections_max()))
		return 1;
	code = jail_calls();
	if (code)
		return complain("seccomp", strerror(-code));
	serve_loop(&serve);
	return 0;
}

static int print_openapi(void)
{
	json_t *openapi = schema_openapi();
	int code = json_dumpf(openapi, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	json_decref(openapi);
	return putchar('\n') == EOF || code || fflush(stdout);
}

static bool is(const char *argument, const char *brief, const char *whole)
{
	return !strcmp(argument, brief) || !strcmp(argument, whole);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run();
	if (argc == 2 && is(argv[1], "-V", "--version"))
		return printf("pgw-api %s\n", PGW_VERSION) < 0;
	if (argc == 2 && is(argv[1], "-h", "--help"))
		return fputs(usage, stdout) < 0;
	if (argc == 2 && is(argv[1], "-o", "--openapi"))
		return print_openapi();
	fputs(usage, stderr);
	return 2;
}
