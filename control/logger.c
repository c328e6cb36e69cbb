/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/spawn.h"
#include "control/tell.h"
#include "datapath/base/event_ring.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define FILE_MODE 0640

void logger_init(struct gateway *gateway)
{
	gateway->log = LOGGER_NONE;
	for (unsigned i = 0; i < LOGGER_LEAVING_MAX; i++)
		gateway->log_leaving[i] = (struct logger_process){.pidfd = -1};
}

void logger_settings(struct log_settings *settings, const struct config *config,
		     const struct names *names, const uint32_t ifindexes[CONFIG_PORTGROUPS_MAX])
{
	const struct config_session_log *log = &config->session_log;

	/* compared byte by byte, so the padding counts */
	memset(settings, 0, sizeof(*settings));
	if (log->kind == SESSION_LOG_OFF)
		return;
	settings->version = LOG_SETTINGS_VERSION;
	settings->kind = log->kind;
	settings->destinations = log->destinations;
	settings->collector = log->addr;
	settings->collector_port = log->port;
	settings->threshold = config->threshold;
	snprintf(settings->path, sizeof(settings->path), "%s", log->path);
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		snprintf(settings->portgroup[i].name, CONFIG_NAME, "%s", names->portgroup[i]);
		settings->portgroup[i].ifindex = ifindexes[i];
	}
	for (size_t i = 0; i < NAMES_POOLS_MAX; i++)
		snprintf(settings->pool[i], CONFIG_NAME, "%s", names->pool[i]);
}

bool logger_differs(const struct logger *logger, const struct log_settings *settings)
{
	return !logger->told || memcmp(&logger->settings, settings, sizeof(*settings)) != 0;
}

static int open_file(const char *path, struct ctl_error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		      FILE_MODE);
	struct stat status;
	int code;

	if (fd < 0)
		return fault(error, -errno, "session log %s: cannot open it: %s", path,
			     strerror(errno));
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		return fd;
	code = fault(error, -EINVAL, "session log %s: expected a regular file", path);
	close(fd);
	return code;
}

/* Return: a descriptor, or -errno with @error set. */
static int open_output(const struct log_settings *settings, struct ctl_error *error)
{
	int fd;

	if (settings->kind == SESSION_LOG_FILE)
		return open_file(settings->path, error);
	/* not connected: whether there is a way to the collector shows anew with each message */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? fault(error, -errno, "session log: socket: %s", strerror(errno)) : fd;
}

/* The path of pgw-log, beside pgwd's own binary. Return: 0 or -errno with @error set. */
/* Starts a pgw-log on the ring of @logger. */
static int start_process(struct logger *logger, struct ctl_error *error)
{
	int output = open_output(&logger->settings, error), code;
	struct region settings;
	char path[PATH_MAX];
	struct spawned spawned;

	if (output < 0)
		return output;
	code = spawn_binary(path, "pgw-log", error);
	if (!code)
		code = region_block(&settings, "pgw-log-settings", &logger->settings,
				    sizeof(logger->settings), error);
	if (!code) {
		const int fds[] = {
			[0] = logger->wake_fds[LOGGER_READER],
			[LOG_FD_RING - LOG_FD_WAKE] = logger->ring.fd,
			[LOG_FD_SETTINGS - LOG_FD_WAKE] = settings.fd,
			[LOG_FD_OUTPUT - LOG_FD_WAKE] = output,
		};
		const struct spawn spawn = {.name = "pgw-log",
					    .binary = path,
					    .fds = fds,
					    .n_fds = LOG_FD_END - LOG_FD_WAKE};

		code = spawn_process(&spawned, &spawn, error);
		region_drop(&settings);
	}
	close(output);
	if (!code)
		logger->process =
			(struct logger_process){.pid = spawned.pid, .pidfd = spawned.pidfd};
	logger->taken_ms = gateway_now_ms();
	return code;
}

static void close_ends(struct logger *logger)
{
	region_drop(&logger->ring);
	for (unsigned i = 0; i < 2; i++) {
		if (logger->wake_fds[i] >= 0)
			close(logger->wake_fds[i]);
		logger->wake_fds[i] = -1;
	}
}

int logger_start(struct logger *logger, const struct log_settings *settings,
		 struct ctl_error *error)
{
	int code;

	*logger = LOGGER_NONE;
	logger->settings = *settings;
	if (settings->kind == SESSION_LOG_OFF)
		return 0;
	code = region_ring(&logger->ring, error);
	if (!code && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, logger->wake_fds))
		code = fault(error, -errno, "session log: socketpair: %s", strerror(errno));
	if (!code)
		code = start_process(logger, error);
	if (code) {
		close_ends(logger);
		*logger = LOGGER_NONE;
	}
	return code;
}

/* reap() - Return: true if there is nothing (left) of it. */
static bool reap(struct logger_process *process, siginfo_t *info)
{
	if (!process->pid)
		return true;
	info->si_pid = 0;
	if (!waitid(P_PIDFD, (id_t)process->pidfd, info, WEXITED | WNOHANG) && !info->si_pid)
		return false;
	close(process->pidfd);
	*process = (struct logger_process){.pidfd = -1};
	return true;
}

static void kill_process(struct logger_process *process)
{
	struct pollfd gone = {.fd = process->pidfd, .events = POLLIN};
	siginfo_t info;

	if (!process->pid)
		return;
	ctl_log(TOLD_SESSION_LOG, LOG_WARNING,
		"session log: pgw-log pid %d does not come to an end, killed: events are lost",
		process->pid);
	syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
	poll(&gone, 1, 1000);
	reap(process, &info);
}

void logger_leave(struct gateway *gateway, struct logger *logger)
{
	struct logger_process *place = &gateway->log_leaving[0];

	close_ends(logger);
	if (logger->process.pid) {
		for (unsigned i = 0; i < LOGGER_LEAVING_MAX; i++) {
			struct logger_process *other = &gateway->log_leaving[i];

			if (!other->pid || other->left_ms < place->left_ms)
				place = other;
			if (!other->pid)
				break;
		}
		kill_process(place);
		*place = logger->process;
		place->left_ms = gateway_now_ms();
	}
	*logger = LOGGER_NONE;
}

void logger_reopen(struct gateway *gateway)
{
	struct logger fresh;
	struct ctl_error error;

	if (gateway->log.settings.kind != SESSION_LOG_FILE || !gateway->datapath.pid)
		return;
	if (logger_start(&fresh, &gateway->log.settings, &error)) {
		ctl_log(TOLD_SESSION_LOG, LOG_ERR, "%s; the log goes on where it was", error.text);
		return;
	}
	if (tell_log(gateway, &fresh, &error)) {
		ctl_log(TOLD_SESSION_LOG, LOG_ERR, "session log: %s", error.text);
		logger_leave(gateway, &fresh);
		return;
	}
	logger_leave(gateway, &gateway->log);
	gateway->log = fresh;
	gateway->due.log_ms = 0;
}

void logger_finish(struct gateway *gateway)
{
	int64_t until_ms = gateway_now_ms() + LOGGER_LEAVE_MS;

	logger_leave(gateway, &gateway->log);
	for (unsigned i = 0; i < LOGGER_LEAVING_MAX; i++) {
		struct logger_process *process = &gateway->log_leaving[i];
		struct pollfd gone = {.fd = process->pidfd, .events = POLLIN};
		int64_t left_ms = until_ms - gateway_now_ms();
		siginfo_t info;

		if (!process->pid)
			continue;
		poll(&gone, 1, left_ms > 0 ? (int)left_ms : 0);
		if (!reap(process, &info))
			kill_process(process);
	}
}

void logger_forget(struct gateway *gateway)
{
	close_ends(&gateway->log);
	if (gateway->log.process.pidfd >= 0)
		close(gateway->log.process.pidfd);
	for (unsigned i = 0; i < LOGGER_LEAVING_MAX; i++)
		if (gateway->log_leaving[i].pidfd >= 0)
			close(gateway->log_leaving[i].pidfd);
	logger_init(gateway);
}

uint64_t logger_pending(const struct logger *logger)
{
	const struct event_ring_header *header = logger->ring.memory;

	return header ? atomic_load(&header->head) - atomic_load(&header->tail) : 0;
}

uint64_t logger_failed(const struct logger *logger)
{
	const struct event_ring_header *header = logger->ring.memory;

	return header ? atomic_load(&header->failed) : 0;
}

int logger_fd(const struct gateway *gateway)
{
	return gateway->log.process.pidfd;
}

void logger_ended(struct gateway *gateway)
{
	int pid = gateway->log.process.pid;
	siginfo_t info = {.si_pid = 0};

	if (!pid || !reap(&gateway->log.process, &info))
		return;
	ctl_log(TOLD_SESSION_LOG, LOG_ERR,
		"session log: pgw-log pid %d ended (%s %d); it is started again", pid,
		info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
	gateway->counts.log_restarts++;
	gateway->due.log_ms = gateway_now_ms() + LOGGER_BACKOFF_MS;
}

static void restart(struct gateway *gateway)
{
	struct ctl_error error;

	gateway->due.log_ms = 0;
	if (gateway->log.process.pid || gateway->log.settings.kind == SESSION_LOG_OFF)
		return;
	if (start_process(&gateway->log, &error)) {
		ctl_log(TOLD_SESSION_LOG, LOG_ERR, "session log: %s", error.text);
		gateway->due.log_ms = gateway_now_ms() + LOGGER_BACKOFF_MS;
	}
}

int64_t logger_due_ms(const struct gateway *gateway)
{
	int64_t due_ms = gateway->due.log_ms ? gateway->due.log_ms : INT64_MAX;

	if (gateway->log.process.pid && gateway->log.taken_ms &&
	    gateway->log.taken_ms + LOGGER_HANGS_MS < due_ms)
		due_ms = gateway->log.taken_ms + LOGGER_HANGS_MS;
	for (unsigned i = 0; i < LOGGER_LEAVING_MAX; i++) {
		const struct logger_process *process = &gateway->log_leaving[i];

		if (process->pid && process->left_ms + LOGGER_LEAVE_MS < due_ms)
			due_ms = process->left_ms + LOGGER_LEAVE_MS;
	}
	return due_ms;
}

/* Looked at whenever the loop comes round. What nobody saw waiting has not waited yet: the loop may
 * have been at rest (watch.h). */
static bool hangs(struct logger *logger, int64_t now_ms)
{
	const struct event_ring_header *header = logger->ring.memory;
	uint64_t taken = header ? atomic_load(&header->tail) : 0;

	if (!logger_pending(logger))
		logger->taken_ms = 0;
	else if (!logger->taken_ms || taken != logger->taken)
		logger->taken_ms = now_ms;
	logger->taken = taken;
	return logger->taken_ms && now_ms - logger->taken_ms >= LOGGER_HANGS_MS;
}

void logger_work(struct gateway *gateway)
{
	int64_t now_ms = gateway_now_ms();
	siginfo_t info;

	for (unsigned i = 0; i < LOGGER_LEAVING_MAX; i++) {
		struct logger_process *process = &gateway->log_leaving[i];

		if (!reap(process, &info) && process->left_ms + LOGGER_LEAVE_MS <= now_ms)
			kill_process(process);
	}
	if (gateway->due.log_ms && gateway->due.log_ms <= now_ms)
		restart(gateway);
	if (gateway->log.process.pid && hangs(&gateway->log, now_ms)) {
		ctl_log(TOLD_SESSION_LOG, LOG_ERR,
			"session log: pgw-log pid %d writes nothing, it is ended",
			gateway->log.process.pid);
		syscall(SYS_pidfd_send_signal, gateway->log.process.pidfd, SIGKILL, NULL, 0);
		gateway->log.taken_ms = now_ms;
	}
}
