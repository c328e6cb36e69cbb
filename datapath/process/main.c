/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw-datapath - the process that meets hostile packets.
 *
 * It is started by pgwd with a listening socket as descriptor CHANNEL_LISTEN_FD and gets all
 * else over that. Memory is taken, threads are made and privileges are given up before the first
 * connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/process/channel.h"
#include "datapath/process/confine.h"
#include "datapath/process/control.h"
#include "datapath/process/loop.h"
#include "datapath/process/thread.h"
#include "datapath/worker/worker.h"

#define EXIT_START 1 /* could not start, said why */
#define EXIT_USAGE 2

static const char usage[] = "usage: pgw-datapath [-h] [-V] [-w WORKERS]\n"
			    "Forwards packets, with so many threads. It is started by pgwd, which "
			    "hands it a socket as descriptor 3;\n"
			    "to start a gateway, run: pgwd -c FILE\n";

static int complain(const char *what)
{
	fprintf(stderr, "pgw-datapath: %s\n", what);
	return EXIT_START;
}

static int run(unsigned workers)
{
	struct threads *threads = NULL;
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
	if (control_create(&control, CHANNEL_LISTEN_FD, workers, &control_error))
		return complain(control_error.text);
	err = workers > 1 ? threads_start(&threads, control) : 0;
	if (err) {
		control_destroy(control);
		return complain("no thread can be started");
	}
	if (confine_syscalls(&confine_error))
		err = complain(confine_error.text);
	else if (loop_run(control))
		err = complain("waiting for packets failed");
	if (threads)
		threads_end(threads);
	control_destroy(control);
	return err;
}

/* Return: 0 if it is no number of workers. */
static unsigned parse_workers(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *end || n > WORKERS_MAX ? 0 : (unsigned)n;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run(1);
	if (argc == 3 && !strcmp(argv[1], "-w") && parse_workers(argv[2]))
		return run(parse_workers(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "-V"))
		return printf("pgw-datapath %s\n", PGW_VERSION) < 0;
	if (argc == 2 && !strcmp(argv[1], "-h"))
		return fputs(usage, stdout) < 0;
	fputs(usage, stderr);
	return EXIT_USAGE;
}
