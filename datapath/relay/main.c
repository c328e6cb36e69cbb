/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw-relay - the process that meets byte streams: TLS hellos, tunnels.
 *
 * It is started by pgwd with a listening socket as descriptor HANDOVER_LISTEN_FD and gets all
 * else over that. Privileges are given up before the first connection.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/process/confine.h"
#include "datapath/relay/relay.h"
#include "datapath/relay/sandbox.h"

#define EXIT_START 1 /* could not start, said why */
#define EXIT_USAGE 2

static const char usage[] =
	"usage: pgw-relay [-h] [-V]\n"
	"Relays TCP connections by their TLS names. It is started by pgwd, which hands it a\n"
	"socket as descriptor 3; to start a gateway, run: pgwd -c FILE\n";

static int complain(const char *what)
{
	fprintf(stderr, "pgw-relay: %s\n", what);
	return EXIT_START;
}

static int run(void)
{
	struct confine_error confine_error;
	struct relay_error error;
	struct relay *relay;
	struct stat stat;
	int code;

	if (fstat(HANDOVER_LISTEN_FD, &stat))
		return complain("pgw-relay is started by pgwd: there is no socket as "
				"descriptor 3. To start a gateway, run: pgwd -c FILE");
	confine_signals();
	if (confine_privileges(HANDOVER_LISTEN_FD, &confine_error))
		return complain(confine_error.text);
	if (relay_create(&relay, HANDOVER_LISTEN_FD, NULL, NULL, &error))
		return complain(error.text);
	json_object_seed(0); /* it reads /dev/urandom, which it could not later */
	code = sandbox_relay(&error);
	if (code) {
		relay_destroy(relay);
		return complain(error.text);
	}
	code = relay_run(relay);
	relay_destroy(relay);
	return code ? complain(strerror(-code)) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run();
	if (argc == 2 && !strcmp(argv[1], "-V"))
		return printf("pgw-relay %s\n", PGW_VERSION) < 0;
	if (argc == 2 && !strcmp(argv[1], "-h"))
		return fputs(usage, stdout) < 0;
	fputs(usage, stderr);
	return EXIT_USAGE;
}
