/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts a stand-in for pgw-datapath and reads what the kernel says of it. Needs root. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/spawn.h"

struct fixture {
	char directory[40], socket[60], program[60];
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	FILE *program;

	snprintf(f->directory, sizeof(f->directory), "/tmp/spawn-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(chmod(f->directory, 0755), 0);
	snprintf(f->socket, sizeof(f->socket), "%s/s", f->directory);
	snprintf(f->program, sizeof(f->program), "%s/p", f->directory);
	program = fopen(f->program, "w");
	fputs("#!/bin/sh\nexec sleep 60\n", program);
	fclose(program);
	assert_int_equal(chmod(f->program, 0755), 0);
	f->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, f->socket, sizeof(f->socket));
	assert_int_equal(bind(f->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	unlink(f->socket);
	unlink(f->program);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

/* A line of /proc/PID/FILE that begins with @name; what follows it. */
static const char *proc_line(pid_t pid, const char *file, const char *name)
{
	static char line[256];
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		fclose(in);
		line[strcspn(line, "\n")] = '\0';
		return line + strlen(name);
	}
	fail_msg("%s has no line %s", path, name);
	return "";
}

static unsigned descriptors(pid_t pid)
{
	char path[64];
	unsigned set = 0;
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (*entry->d_name != '.')
			set |= 1u << atoi(entry->d_name);
	closedir(directory);
	return set;
}

/* The program begins as a script: what it has open changes until it is a process that sleeps. */
static bool sleeps(pid_t pid)
{
	return strcmp(proc_line(pid, "status", "Name:\t"), "sleep") == 0 &&
	       *proc_line(pid, "status", "State:\t") == 'S';
}

static void check_process(pid_t pid)
{
	static const char *const sets[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t",
					   "CapAmb:\t"};
	const struct passwd *user = getpwnam(SPAWN_USER);
	char expected[80];

	if (!user)
		user = getpwnam(SPAWN_USER_FALLBACK);
	snprintf(expected, sizeof(expected), "%u\t%u\t%u\t%u", user->pw_uid, user->pw_uid,
		 user->pw_uid, user->pw_uid);
	assert_string_equal(proc_line(pid, "status", "Uid:\t"), expected);
	snprintf(expected, sizeof(expected), "%u\t%u\t%u\t%u", user->pw_gid, user->pw_gid,
		 user->pw_gid, user->pw_gid);
	assert_string_equal(proc_line(pid, "status", "Gid:\t"), expected);
	assert_string_equal(proc_line(pid, "status", "Groups:\t"), " ");
	assert_string_equal(proc_line(pid, "status", "NoNewPrivs:\t"), "1");
	assert_string_equal(proc_line(pid, "status", "SigBlk:\t"), "0000000000000000");
	assert_string_equal(proc_line(pid, "status", "SigIgn:\t"), "0000000000000000");
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		assert_string_equal(proc_line(pid, "status", sets[i]), "0000000000000000");
	assert_int_equal(strtoul(proc_line(pid, "limits", "Max core file size"), NULL, 10), 0);
	assert_int_equal(strtoul(proc_line(pid, "limits", "Max open files"), NULL, 10), 512);
#ifndef PGW_SANITIZE
	assert_int_equal(strtoul(proc_line(pid, "limits", "Max processes"), NULL, 10), 0);
#endif
	for (unsigned i = 0; i < 1000 && !sleeps(pid); i++)
		poll(NULL, 0, 5);
	assert_true(sleeps(pid));
	assert_int_equal(descriptors(pid), 0xf);
}

static void without_privileges(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t length = sizeof(peer);
	struct spawned spawned;
	struct ctl_error error;
	struct pollfd poll_fd;
	sigset_t blocked;
	int fd;

	if (geteuid())
		skip();
	/* As pgwd has them. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	assert_int_equal(spawn_datapath(&spawned, f->program, f->fd, 1, &error), 0);
	/* It listens, and is known by its own pid. */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, f->socket, sizeof(f->socket));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length), 0);
	assert_int_equal(peer.pid, spawned.pid);
	close(fd);
	check_process(spawned.pid);
	assert_int_equal(kill(spawned.pid, SIGTERM), 0);
	poll_fd = (struct pollfd){.fd = spawned.pidfd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 5000), 1);
	assert_int_equal(waitpid(spawned.pid, NULL, 0), spawned.pid);
	close(spawned.pidfd);
}

static void what_cannot_be_started(void **state)
{
	struct fixture *f = *state;
	struct spawned spawned;
	struct ctl_error error;

	if (geteuid())
		skip();
	assert_int_equal(spawn_datapath(&spawned, "/nonexistent/p", f->fd, 1, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/p"));
	assert_int_equal(chmod(f->program, 0644), 0);
	assert_int_equal(spawn_datapath(&spawned, f->program, f->fd, 1, &error), -EACCES);
	assert_non_null(strstr(error.text, "execute"));
	/* Nothing is left of the attempts. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_privileges, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_started, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
