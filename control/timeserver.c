/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process may read nothing of RUNDIR, so its configuration and the directory for the file in
 * which it insists on writing its pid are handed to it as descriptors 3 and 4.
 */
#include "control/timeserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/config/text.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/spawn.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define BINARY	  "/usr/sbin/chronyd"
#define USER	  "_chrony"
#define DIRECTORY "ntp" /* below RUNDIR */
#define FILE_NAME "chrony.conf"
#define FD_FILE	  3
#define FD_PLACE  4

void timeserver_init(struct gateway *gateway)
{
	gateway->timeserver = (struct timeserver){.pidfd = -1};
}

/* Each server once, in order. */
static void add_servers(struct config_text *text, const struct config *config)
{
	const char *before = "";

	for (;;) {
		const char *next = NULL;

		for (size_t i = 0; i < config->n_ntps; i++)
			for (size_t s = 0; s < config->ntps[i].n_servers; s++) {
				const char *name = config->ntps[i].servers[s];

				if (strcmp(name, before) > 0 && (!next || strcmp(name, next) < 0))
					next = name;
			}
		if (!next)
			return;
		config_text_add(text, "server %s iburst\n", next);
		before = next;
	}
}

int timeserver_prepare(const struct config *config, const struct inside *inside, char **result,
		       struct ctl_error *error)
{
	struct config_text text = {0};
	unsigned port = 0;

	*result = NULL;
	if (!config->n_ntps)
		return 0;
	if (access(BINARY, X_OK))
		return fault(error, -errno,
			     "ntp needs chronyd (" BINARY "): install the package "
			     "chrony");
	for (size_t i = 0; i < inside->n; i++)
		if (inside->list[i].place.port == INSIDE_NTP_PORT && inside->list[i].fd < 0)
			port = inside->list[i].place.inside;
	config_text_add(&text, "# written by pgwd; what is changed here is lost\n");
	add_servers(&text, config);
	/* Who may ask is the datapath's matter: nobody else reaches this address. */
	config_text_add(&text,
			"port %u\nbindaddress " INSIDE_HOST_TEXT "\nbinddevice " INSIDE_DEV_HOST
			"\nallow 0.0.0.0/0\ncmdport 0\nbindcmdaddress /\n"
			"pidfile /proc/self/fd/%d/chronyd.pid\n# link %u\n",
			port, FD_PLACE, inside->ifindex);
	*result = config_text_take(&text);
	return *result ? 0 : fault(error, -ENOMEM, "out of memory");
}

/* Writes the file anew. Return: a descriptor to read it by, or -errno. */
static int write_file(int place, const char *text)
{
	int fd =
		openat(place, FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	size_t n = strlen(text);
	int code = 0, reading;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0644) || write(fd, text, n) != (ssize_t)n)
		code = errno ? -errno : -EIO;
	reading = openat(place, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	close(fd);
	if (!code)
		return reading < 0 ? -errno : reading;
	if (reading >= 0)
		close(reading);
	return code;
}

/* The directory, in which the process may make files. Return: a descriptor or -errno. */
static int open_place(const struct gateway *gateway)
{
	char path[sizeof(gateway->relaying.socket_path) + 8];
	int fd, code = 0;

	snprintf(path, sizeof(path), "%.100s/" DIRECTORY, gateway->options.rundir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 01777)) /* as /tmp: each removes only its own */
		code = -errno;
	if (!code)
		return fd;
	close(fd);
	return code;
}

static int start(struct gateway *gateway, struct ctl_error *error)
{
	struct timeserver *server = &gateway->timeserver;
	char *const arguments[] = {"chronyd",	      "-d", "-x", "-U", "-F", "1", "-f",
				   "/proc/self/fd/3", NULL};
	int fds[2] = {-1, -1}, code = 0;
	const struct spawn spawn = {.name = "chronyd",
				    .binary = BINARY,
				    .fds = fds,
				    .n_fds = 2,
				    .user = USER,
				    .arguments = arguments,
				    .threads = true,
				    .ends_with_us = true};
	struct spawned spawned;

	fds[FD_PLACE - FD_FILE] = open_place(gateway);
	fds[0] = fds[1] < 0 ? fds[1] : write_file(fds[1], server->text);
	if (fds[0] < 0)
		code = fault(error, fds[0], "ntp: %s/" DIRECTORY "/" FILE_NAME ": %s",
			     gateway->options.rundir, strerror(-fds[0]));
	if (!code)
		code = spawn_process(&spawned, &spawn, error);
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (code)
		return code;
	server->pid = spawned.pid;
	server->pidfd = spawned.pidfd;
	return 0;
}

static void forget(struct timeserver *server)
{
	if (server->pidfd >= 0)
		close(server->pidfd);
	server->pidfd = -1;
	server->pid = 0;
}

/* Ends it as it wants to be ended, then as nothing can refuse. */
static void stop(struct timeserver *server)
{
	struct pollfd gone = {.fd = server->pidfd, .events = POLLIN};
	siginfo_t info;

	if (!server->pid)
		return;
	syscall(SYS_pidfd_send_signal, server->pidfd, SIGTERM, NULL, 0);
	if (poll(&gone, 1, TIMESERVER_QUIT_MS) <= 0) {
		syscall(SYS_pidfd_send_signal, server->pidfd, SIGKILL, NULL, 0);
		poll(&gone, 1, TIMESERVER_QUIT_MS);
	}
	waitid(P_PIDFD, (id_t)server->pidfd, &info, WEXITED | WNOHANG);
	forget(server);
}

static void start_or_retry(struct gateway *gateway)
{
	struct timeserver *server = &gateway->timeserver;
	struct ctl_error error;

	server->restart_ms = 0;
	if (!start(gateway, &error))
		return;
	ctl_log(TOLD_NTP, LOG_ERR, "%s; tried again", error.text);
	server->restart_ms = gateway_now_ms() + TIMESERVER_BACKOFF_MS;
}

void timeserver_commit(struct gateway *gateway, char *text)
{
	struct timeserver *server = &gateway->timeserver;

	if (text && server->text && !strcmp(text, server->text)) {
		free(text);
		return;
	}
	stop(server);
	server->restart_ms = 0;
	free(server->text);
	server->text = text;
	if (text)
		start_or_retry(gateway);
}

void timeserver_quit(struct gateway *gateway)
{
	char path[sizeof(gateway->relaying.socket_path) + 32];

	timeserver_commit(gateway, NULL);
	snprintf(path, sizeof(path), "%.100s/" DIRECTORY "/" FILE_NAME, gateway->options.rundir);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

void timeserver_forget(struct gateway *gateway)
{
	stop(&gateway->timeserver);
	free(gateway->timeserver.text);
	gateway->timeserver.text = NULL;
}

void timeserver_ended(struct gateway *gateway)
{
	struct timeserver *server = &gateway->timeserver;
	int pid = server->pid;
	siginfo_t info = {.si_pid = 0};

	if (!pid ||
	    (!waitid(P_PIDFD, (id_t)server->pidfd, &info, WEXITED | WNOHANG) && !info.si_pid))
		return;
	ctl_log(TOLD_NTP, LOG_ERR, "ntp: chronyd pid %d ended (%s %d); it is started again", pid,
		info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
	forget(server);
	server->restarts++;
	server->restart_ms = gateway_now_ms() + TIMESERVER_BACKOFF_MS;
}

int64_t timeserver_due_ms(const struct gateway *gateway)
{
	return gateway->timeserver.restart_ms ? gateway->timeserver.restart_ms : INT64_MAX;
}

void timeserver_work(struct gateway *gateway)
{
	if (gateway->timeserver.restart_ms && gateway->timeserver.restart_ms <= gateway_now_ms())
		start_or_retry(gateway);
}
