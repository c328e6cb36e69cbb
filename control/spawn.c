/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/ctl/user.h"
#include "control/fault.h"
#include "datapath/process/channel.h"

/* Places of the child's descriptors; all above are closed before it gives up its privileges. */
enum {
	FD_FIRST = CHANNEL_LISTEN_FD,
	FD_BINARY = FD_FIRST + SPAWN_FDS_MAX,
	FD_REPORT,
	FD_FIRST_CLOSED
};

/* What the child reports where it fails; nothing arrives once exec has closed the pipe. */
struct report {
	int code;
	char step[60];
};

struct child {
	const struct spawn *spawn;
	int fds[SPAWN_FDS_MAX]; /* the first spawn->n_fds; copies that are ours */
	int binary_fd, report_fd;
	uid_t uid;
	gid_t gid;
	char *const *environment;
};

__attribute__((noreturn)) static void child_failed(int fd, const char *step)
{
	struct report report = {.code = errno};

	snprintf(report.step, sizeof(report.step), "%s", step);
	/* If it cannot be written, the parent learns from the exit status that something failed. */
	if (write(fd, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(127);
}

/* Brings the descriptors to their places. They come from above FD_FIRST_CLOSED, see move_up(). */
static void child_descriptors(const struct child *child)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		child_failed(child->report_fd, "open /dev/null");
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    dup3(child->binary_fd, FD_BINARY, O_CLOEXEC) < 0 ||
	    dup3(child->report_fd, FD_REPORT, O_CLOEXEC) < 0)
		child_failed(child->report_fd, "place descriptors");
	for (unsigned i = 0; i < SPAWN_FDS_MAX; i++) {
		if (i >= child->spawn->n_fds)
			close(FD_FIRST + (int)i);
		else if (dup2(child->fds[i], FD_FIRST + (int)i) < 0)
			child_failed(FD_REPORT, "place descriptors");
	}
	if (syscall(SYS_close_range, FD_FIRST_CLOSED, ~0U, 0))
		child_failed(FD_REPORT, "close descriptors");
}

static void child_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_privileges(const struct child *child)
{
	cap_t empty;

	/* Needs CAP_SETPCAP. Without it there is nothing to drop into: no_new_privs and an
	 * unprivileged user already keep the process from gaining anything. */
	for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
		prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (setgroups(0, NULL) || setresgid(child->gid, child->gid, child->gid) ||
	    setresuid(child->uid, child->uid, child->uid))
		child_failed(FD_REPORT, "change user");
	empty = cap_init();
	if (!empty || cap_set_proc(empty))
		child_failed(FD_REPORT, "drop capabilities");
	cap_free(empty);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		child_failed(FD_REPORT, "set no_new_privs");
}

static void child_limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limit = {value, value};

	if (setrlimit(resource, &limit))
		child_failed(FD_REPORT, "set resource limits");
}

static void child_limits(const struct spawn *spawn)
{
	rlim_t files = spawn->files ? spawn->files : SPAWN_FILES_MAX;
	struct rlimit now;

	if (!getrlimit(RLIMIT_NOFILE, &now) && now.rlim_max < files)
		files = now.rlim_max;
	child_limit(RLIMIT_CORE, 0);
	child_limit(RLIMIT_NOFILE, files);
#ifndef PGW_SANITIZE /* whose leak check makes a process of its own */
	if (!spawn->threads)
		child_limit(RLIMIT_NPROC, 0);
#endif
}

__attribute__((noreturn)) static void child_run(const struct child *child)
{
	char *const name_only[] = {(char *)child->spawn->name, NULL};
	char *const *arguments = child->spawn->arguments ? child->spawn->arguments : name_only;

	if (setsid() < 0) /* or a terminal's Ctrl-C would end it before pgwd says QUIT */
		child_failed(child->report_fd, "start a session");
	child_descriptors(child);
	child_signals();
	child_privileges(child);
	/* After the change of user, which clears it. */
	if (child->spawn->ends_with_us && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0))
		child_failed(FD_REPORT, "set the signal of pgwd's end");
	/* After the change of user: that checks RLIMIT_NPROC against the new user's processes. */
	child_limits(child->spawn);
	if (child->spawn->listens && listen(FD_FIRST, 1))
		child_failed(FD_REPORT, "listen");
	/* By name first, so that the process is called by it; by descriptor where the new user
	 * may not walk to it. */
	execve(child->spawn->binary, arguments, child->environment);
	if (errno == EACCES)
		syscall(SYS_execveat, FD_BINARY, "", arguments, child->environment, AT_EMPTY_PATH);
	child_failed(FD_REPORT, "execute");
}

static int find_user(struct child *child, struct ctl_error *error)
{
	const char *names[] = {child->spawn->user ? child->spawn->user : SPAWN_USER, SPAWN_USER,
			       SPAWN_USER_FALLBACK};
	int code = -ENOENT;
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		code = user_find(names[i], &child->uid, &child->gid);
		if (code != -ENOENT)
			break;
	}
	if (code == -ENOENT)
		return fault(error, code,
			     "there is neither a user \"%s\" nor \"%s\" to run %s as: "
			     "create one with adduser --system --group %s",
			     SPAWN_USER, SPAWN_USER_FALLBACK, child->spawn->name, SPAWN_USER);
	if (code)
		return fault(error, code, "cannot look for a user to run %s as: /etc/passwd: %s",
			     child->spawn->name, strerror(-code));
	if (!child->uid)
		return fault(error, -EPERM, "user \"%s\" is root; %s runs unprivileged", names[i],
			     child->spawn->name);
	return 0;
}

/* Waits for the pipe to be closed by exec, or for the report of what failed. */
static int await_exec(int fd, const char *binary, struct ctl_error *error)
{
	struct report report;
	ssize_t got;

	do
		got = read(fd, &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	if (!got)
		return 0;
	if (got != sizeof(report))
		return fault(error, -EIO, "cannot start %s", binary);
	report.step[sizeof(report.step) - 1] = '\0';
	return fault(error, -report.code, "cannot start %s: %s: %s", binary, report.step,
		     strerror(report.code));
}

/* A descriptor above those places that child_descriptors() fills; @fd is closed. */
static int move_up(int fd)
{
	int moved;

	if (fd < 0)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_FIRST_CLOSED);
	close(fd);
	return moved;
}

static int spawn_fork(struct spawned *spawned, const struct child *child, int report_fd,
		      struct ctl_error *error)
{
	int code;

	spawned->pid = fork();
	if (!spawned->pid)
		child_run(child);
	code = -errno;
	close(child->report_fd); /* the child's end, or its end could not be seen */
	if (spawned->pid < 0)
		return fault(error, code, "cannot start %s: fork: %s", child->spawn->binary,
			     strerror(-code));
	code = await_exec(report_fd, child->spawn->binary, error);
	if (!code) {
		spawned->pidfd = (int)syscall(SYS_pidfd_open, spawned->pid, 0);
		if (spawned->pidfd >= 0)
			return 0;
		code = fault(error, -errno, "cannot watch %s: %s", child->spawn->name,
			     strerror(errno));
	}
	kill(spawned->pid, SIGKILL);
	waitpid(spawned->pid, NULL, 0);
	return code;
}

/* Return: false if one could not be copied. */
static bool copy_fds(struct child *child)
{
	for (unsigned i = 0; i < child->spawn->n_fds; i++) {
		child->fds[i] = fcntl(child->spawn->fds[i], F_DUPFD_CLOEXEC, FD_FIRST_CLOSED);
		if (child->fds[i] < 0)
			return false;
	}
	return true;
}

int spawn_process(struct spawned *spawned, const struct spawn *spawn, struct ctl_error *error)
{
	char journal[80] = "LC_ALL=C";
	const char *stream = getenv("JOURNAL_STREAM");
	char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", journal, NULL};
	struct child child = {.spawn = spawn,
			      .fds = {-1, -1, -1, -1, -1, -1, -1},
			      .binary_fd = -1,
			      .environment = environment};
	int pipe_fds[2], code;

	if (stream && strlen(stream) < sizeof(journal) - sizeof("JOURNAL_STREAM="))
		snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", stream);
	code = find_user(&child, error);
	if (code)
		return code;
	if (pipe2(pipe_fds, O_CLOEXEC))
		return fault(error, -errno, "cannot start %s: pipe: %s", spawn->binary,
			     strerror(errno));
	child.report_fd = move_up(pipe_fds[1]);
	child.binary_fd = move_up(open(spawn->binary, O_PATH | O_CLOEXEC));
	if (child.report_fd < 0 || child.binary_fd < 0 || !copy_fds(&child)) {
		code = fault(error, -errno,
			     "cannot open %s: %s; it must lie beside pgwd's own binary",
			     spawn->binary, strerror(errno));
		if (child.report_fd >= 0)
			close(child.report_fd);
	} else {
		code = spawn_fork(spawned, &child, pipe_fds[0], error);
	}
	close(pipe_fds[0]);
	for (unsigned i = 0; i < SPAWN_FDS_MAX; i++)
		if (child.fds[i] >= 0)
			close(child.fds[i]);
	if (child.binary_fd >= 0)
		close(child.binary_fd);
	return code;
}

int spawn_binary(char path[PATH_MAX], const char *name, struct ctl_error *error)
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	size_t directory;

	if (length <= 0)
		return fault(error, -errno,
			     "cannot find pgwd's own binary: /proc/self/exe: %s; is /proc mounted?",
			     strerror(errno));
	for (directory = (size_t)length; directory && path[directory - 1] != '/';)
		directory--;
	if (directory + strlen(name) >= PATH_MAX)
		return fault(error, -ENAMETOOLONG, "the path of %s is too long", name);
	strcpy(path + directory, name);
	return 0;
}

int spawn_datapath(struct spawned *spawned, const char *binary, int socket, unsigned workers,
		   struct ctl_error *error)
{
	char number[12];
	char *const arguments[] = {"pgw-datapath", "-w", number, NULL};
	const struct spawn spawn = {
		.name = "pgw-datapath",
		.binary = binary,
		.fds = &socket,
		.n_fds = 1,
		.listens = true,
		.arguments = workers > 1 ? arguments : NULL,
		.threads = workers > 1, /* until it has made them */
	};

	snprintf(number, sizeof(number), "%u", workers);
	return spawn_process(spawned, &spawn, error);
}
