/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/rundir.h"
#include "control/spawn.h"
#include "datapath/flow/layout.h"
#include "datapath/policy/snapshot.h"
#include "datapath/worker/worker.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int datapath_init(struct datapath *datapath, const char *rundir,
		  void (*unasked)(void *context, const struct channel_message *message),
		  void *context, struct ctl_error *error)
{
	memset(datapath, 0, sizeof(*datapath));
	datapath->peer.fd = datapath->pidfd = -1;
	datapath->peer.unasked = unasked;
	datapath->peer.context = context;
	datapath->workers = 1;
	datapath->backoff_ms = DATAPATH_BACKOFF_MS;
	snprintf(datapath->socket_path, sizeof(datapath->socket_path), "%s/" RUNDIR_DATAPATH_NAME,
		 rundir);
	return spawn_binary(datapath->binary, "pgw-datapath", error);
}

static void forget(struct datapath *datapath)
{
	peer_close(&datapath->peer);
	datapath->peer.broken = datapath->peer.closed = false;
	if (datapath->pidfd >= 0)
		close(datapath->pidfd);
	datapath->pidfd = -1;
	datapath->pid = 0;
	datapath->child = false;
}

void datapath_leave(struct datapath *datapath)
{
	forget(datapath);
}

static bool wait_for_end(const struct datapath *datapath, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = datapath->pidfd, .events = POLLIN};
	int64_t until_ms = now_ms() + timeout_ms;

	for (;;) {
		int64_t left_ms = until_ms - now_ms();
		int ready = poll(&poll_fd, 1, left_ms < 0 ? 0 : (int)left_ms);

		if (ready > 0)
			return true;
		if (!ready || errno != EINTR)
			return false;
	}
}

bool datapath_has_ended(const struct datapath *datapath)
{
	return wait_for_end(datapath, 100); /* its sockets close before it is reported ended */
}

static void describe_end(pid_t pid, const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		ctl_log(TOLD_DATAPATH, LOG_INFO, "datapath pid %d ended with status %d", pid,
			info->si_status);
	else
		ctl_log(TOLD_DATAPATH, LOG_INFO, "datapath pid %d ended by signal %d (%s)", pid,
			info->si_status, strsignal(info->si_status));
}

void datapath_kill(struct datapath *datapath)
{
	siginfo_t info = {.si_pid = 0};

	datapath->ended_by = 0;
	if (datapath->pid) {
		syscall(SYS_pidfd_send_signal, datapath->pidfd, SIGKILL, NULL, 0);
		wait_for_end(datapath, DATAPATH_QUIT_MS);
		if (datapath->child &&
		    !waitid(P_PIDFD, (id_t)datapath->pidfd, &info, WEXITED | WNOHANG) &&
		    info.si_pid) {
			describe_end(datapath->pid, &info);
			if (info.si_code != CLD_EXITED)
				datapath->ended_by = info.si_status;
		}
	}
	forget(datapath);
}

void datapath_quit(struct datapath *datapath)
{
	struct channel_message quit = {.type = CHANNEL_QUIT};
	struct ctl_error error;
	int code;

	if (!datapath->pid)
		return;
	code = peer_ask(&datapath->peer, &quit, NULL, 0, NULL, NULL, &error);
	/* The answer may be lost as the process ends: what counts is that it does. */
	if ((code && code != -ECONNRESET) || !wait_for_end(datapath, DATAPATH_QUIT_MS))
		ctl_log(TOLD_DATAPATH, LOG_WARNING,
			"datapath pid %d does not end when asked to; killed", datapath->pid);
	datapath_kill(datapath);
	unlink(datapath->socket_path);
}

static int say_hello(struct datapath *datapath, struct channel_message *hello, int *fds,
		     struct ctl_error *error)
{
	struct channel_message question = {.type = CHANNEL_HELLO};

	question.u.hello.layout_version = FLOW_LAYOUT_VERSION;
	question.u.hello.snapshot_version = SNAPSHOT_VERSION;
	return peer_ask(&datapath->peer, &question, NULL, 0, hello, fds, error);
}

static bool same_versions(const struct channel_message *hello)
{
	return hello->u.hello.layout_version == FLOW_LAYOUT_VERSION &&
	       hello->u.hello.snapshot_version == SNAPSHOT_VERSION;
}

static int watch_peer(struct datapath *datapath)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(datapath->peer.fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length))
		return -errno;
	if (credentials.pid <= 1)
		return -ESRCH; /* of another pid namespace */
	datapath->pidfd = (int)syscall(SYS_pidfd_open, credentials.pid, 0);
	if (datapath->pidfd < 0)
		return -errno;
	datapath->pid = credentials.pid;
	datapath->since_ms = now_ms();
	return 0;
}

int datapath_adopt(struct datapath *datapath, struct channel_message *hello,
		   int fds[CHANNEL_FDS_MAX])
{
	struct ctl_error error;

	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++)
		fds[i] = -1;
	if (peer_connect(&datapath->peer, datapath->socket_path))
		return -ENOENT;
	if (watch_peer(datapath)) {
		ctl_log(TOLD_DATAPATH, LOG_WARNING,
			"something that cannot be watched listens at %s; a new "
			"datapath takes its place",
			datapath->socket_path);
		forget(datapath);
		return -ENOENT;
	}
	if (say_hello(datapath, hello, fds, &error)) {
		ctl_log(TOLD_DATAPATH, LOG_WARNING, "running datapath pid %d: %s; killed",
			datapath->pid, error.text);
		datapath_kill(datapath);
		return -ENOENT;
	}
	datapath->has_table = hello->u.hello.running;
	datapath->workers = hello->u.hello.workers;
	if (!datapath->workers || datapath->workers > WORKERS_MAX)
		datapath->workers = 1;
	if (same_versions(hello) && hello->u.hello.running && fds[0] >= 0 && fds[1] >= 0)
		return 0;
	if (!same_versions(hello))
		ctl_log(TOLD_DATAPATH, LOG_WARNING,
			"running datapath pid %d has table layout %u and snapshot format %u, "
			"expected %u and %u: it is replaced and its sessions end",
			datapath->pid, hello->u.hello.layout_version,
			hello->u.hello.snapshot_version, FLOW_LAYOUT_VERSION, SNAPSHOT_VERSION);
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	datapath_quit(datapath);
	return -ENOENT;
}

bool datapath_is_other(const struct datapath *datapath, const struct channel_message *hello)
{
	struct stat status;

	/* One that does not say is of a build that did not know how to. */
	return !stat(datapath->binary, &status) && (status.st_dev != hello->u.hello.binary_device ||
						    status.st_ino != hello->u.hello.binary_inode);
}

static int bind_socket(const char *path, struct ctl_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), code;
	mode_t mask;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || (unlink(path) && errno != ENOENT))
		goto failed;
	mask = umask(0177);
	code = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (!code)
		return fd;
failed:
	code = fault(error, -errno, "socket %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return code;
}

int datapath_start(struct datapath *datapath, struct ctl_error *error)
{
	int fd = bind_socket(datapath->socket_path, error), code;
	struct channel_message hello;
	struct spawned spawned;

	datapath->has_table = false;
	datapath->since_ms = now_ms(); /* that of the last attempt, if it comes to nothing */
	if (fd < 0)
		return fd;
	code = spawn_datapath(&spawned, datapath->binary, fd, datapath->workers, error);
	close(fd);
	if (code)
		return code;
	datapath->pid = spawned.pid;
	datapath->pidfd = spawned.pidfd;
	datapath->ended_by = 0;
	datapath->child = true;
	code = peer_connect(&datapath->peer, datapath->socket_path);
	if (code)
		fault(error, code, "cannot connect to %s: %s", datapath->socket_path,
		      strerror(-code));
	else
		code = say_hello(datapath, &hello, NULL, error);
	if (!code && !same_versions(&hello))
		code = fault(error, -EPROTO,
			     "%s is of another version than pgwd (table layout %u, snapshot "
			     "format %u; expected %u and %u): install both from one build",
			     datapath->binary, hello.u.hello.layout_version,
			     hello.u.hello.snapshot_version, FLOW_LAYOUT_VERSION, SNAPSHOT_VERSION);
	if (code) {
		if (datapath_has_ended(datapath))
			fault(error, code,
			      "%s ended as soon as it was started: its own message "
			      "tells why",
			      datapath->binary);
		datapath_kill(datapath);
		unlink(datapath->socket_path);
	}
	return code;
}

/* Return: the letter of /proc/PID/stat; 0: not to be had */
static char process_state(pid_t pid)
{
	char path[40], text[256];
	const char *state;
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (got <= 0)
		return '\0';
	text[got] = '\0';
	state = strrchr(text, ')'); /* "PID (NAME) STATE …"; the name may hold anything */
	return state && state[1] ? state[2] : '\0';
}

bool datapath_is_stopped(const struct datapath *datapath)
{
	char state = process_state(datapath->pid);

	return state == 'T' || state == 't';
}

bool datapath_is_halted(const struct datapath *datapath)
{
	return process_state(datapath->pid) == 'T';
}

unsigned datapath_died(struct datapath *datapath, int64_t now)
{
	unsigned wait_ms = datapath->backoff_ms;

	/* Nobody but the kernel's memory killer and people send these: no fault of its own. */
	if (datapath->has_table && datapath->ended_by != SIGKILL && datapath->ended_by != SIGTERM)
		datapath->deaths =
			now - datapath->since_ms < DATAPATH_STEADY_MS ? datapath->deaths + 1 : 1;
	if (now - datapath->since_ms >= DATAPATH_WELL_MS) {
		datapath->backoff_ms = DATAPATH_BACKOFF_MS;
		return 0; /* packets wait */
	}
	datapath->backoff_ms *= 2;
	if (datapath->backoff_ms > DATAPATH_BACKOFF_MAX_MS)
		datapath->backoff_ms = DATAPATH_BACKOFF_MAX_MS;
	return wait_ms;
}
