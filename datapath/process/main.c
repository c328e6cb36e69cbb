/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw-datapath - the process that meets hostile packets.
 *
 * It is started by pgwd with a listening socket as descriptor CHANNEL_LISTEN_FD and gets all
 * else over that. Memory is taken and privileges are given up before the first connection.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/process/channel.h"
#include "datapath/process/confine.h"
#include "datapath/process/control.h"
#include "datapath/process/loop.h"

#define EXIT_START 1 /* could not start, said why */
#define EXIT_USAGE 2

static const char usage[] =
	"usage: pgw-datapath [-h] [-V]\n"
	"Forwards packets. It is started by pgwd, which hands it a socket as descriptor 3;\n"
	"to start a gateway, run: pgwd -c FILE\n";

static int complain(const char *what)
{
	fprintf(stderr, "pgw-datapath: %s\n", what);
	return EXIT_START;
}

static int run(void)
{
	struct control *control;
	struct confine_error confine_error;
	struct control_error control_error;
	struct stat stat;
	int err;

	if (fstat(CHANNEL_LISTEN_FD, &stat))
		return complain("pgw-datapath is started by pgwd: there is no socket as "
				"descriptor 3. To start a gateway, run: pgwd -c FILE");
	confine_signals();
	if (confine_privileges(CHANNEL_LISTEN_FD, &confine_error))
		return complain(confine_error.text);
	if (control_create(&control, CHANNEL_LISTEN_FD, &control_error))
		return complain(control_error.text);
	if (confine_syscalls(&confine_error)) {
		control_destroy(control);
		return complain(confine_error.text);
	}
	err = loop_run(control);
	control_destroy(control);
	return err ? complain(strerror(-err)) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run();
	if (argc == 2 && !strcmp(argv[1], "-V"))
		return printf("pgw-datapath %s\n", PGW_VERSION) < 0;
	if (argc == 2 && !strcmp(argv[1], "-h"))
		return fputs(usage, stdout) < 0;
	fputs(usage, stderr);
	return EXIT_USAGE;
}
