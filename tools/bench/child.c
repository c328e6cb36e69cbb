/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child - see child.h. The only state of this file is the flag that the signal handler sets;
 * a handler has no other way to be told apart.
 */
#include "tools/bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 1000000u

static volatile sig_atomic_t interrupt_seen;

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void interrupt(int signal)
{
	(void)signal;
	interrupt_seen = 1;
}

void interrupt_install(void)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool interrupted(void)
{
	return interrupt_seen != 0;
}

void pace_until(uint64_t at_ns)
{
	const struct timespec at = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

bool wait_ns(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (!interrupted()) {
		uint64_t now = now_ns();
		uint64_t left = now < end ? end - now : 0;
		uint64_t step = left < 20 * POLL_NS ? left : 20 * POLL_NS;
		struct timespec ts = {.tv_nsec = (long)step};

		if (left == 0)
			return true;
		nanosleep(&ts, NULL);
	}
	return false;
}

bool wait_until(bool (*condition)(const void *arg), const void *arg, unsigned timeout_ms)
{
	uint64_t end = now_ns() + (uint64_t)timeout_ms * 1000000u;

	while (!condition(arg)) {
		if (interrupted() || now_ns() > end)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
	}
	return true;
}

int child_place(struct place place)
{
	cpu_set_t cpus;

	if (place.cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((size_t)place.cpu, &cpus);
		if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
			return -errno;
	}
	if (place.netns >= 0 && setns(place.netns, CLONE_NEWNET) < 0)
		return -errno;
	return 0;
}

int child_sysfs(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	/* One mount of sysfs belongs to one network namespace: the old one shows another's. */
	umount2("/sys", MNT_DETACH);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		return -errno;
	return 0;
}

/* in_child() - what every child does first */
static void in_child(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGINT, SIG_IGN); /* the terminal's goes to the whole group; the parent decides */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

pid_t child_start(struct place place, int (*fn)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0)
		return pid;
	in_child(parent);
	if (child_place(place) < 0)
		_exit(126);
	_exit(fn(arg));
}

void child_end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int child_wait(pid_t pid, unsigned timeout_ms)
{
	uint64_t end = now_ns() + (uint64_t)timeout_ms * 1000000u;
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (interrupted())
			return -EINTR;
		if (now_ns() > end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
	}
}

void *shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void unshared(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

struct program {
	const char *const *argv;
	int in, out;
};

static int program_main(void *arg)
{
	const struct program *program = arg;

	dup2(program->in, 0);
	dup2(program->out, 1);
	dup2(program->out, 2);
	signal(SIGPIPE, SIG_DFL);
	execvp(program->argv[0], (char *const *)program->argv);
	return 127;
}

/* collect() - read until the end, keep what fits. Return: 0, or -errno. */
static int collect(int fd, char *output, size_t size, unsigned timeout_ms)
{
	uint64_t end = now_ns() + (uint64_t)timeout_ms * 1000000u;
	size_t used = 0;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		char buffer[65536];
		ssize_t got;

		if (interrupted())
			return -EINTR;
		if (now_ns() > end)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, 100) <= 0)
			continue;
		got = read(fd, buffer, sizeof(buffer));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		if (output) {
			size_t room = size - 1 - used;
			size_t keep = (size_t)got < room ? (size_t)got : room;

			memcpy(output + used, buffer, keep);
			used += keep;
			output[used] = '\0';
		}
	}
}

int command(struct place place, const char *const argv[], const char *input, char *output,
	    size_t size)
{
	int in[2], out[2], ret;
	struct program program = {.argv = argv};
	size_t bytes = input ? strlen(input) : 0;
	pid_t pid;

	if (output)
		output[0] = '\0';
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		ret = -errno;
		goto close_in;
	}
	program.in = in[0];
	program.out = out[1];
	pid = child_start(place, program_main, &program);
	close(out[1]);
	if (pid < 0) {
		ret = pid;
		goto close_out;
	}
	if (bytes && write(in[1], input, bytes) != (ssize_t)bytes) {
		ret = -EPIPE;
		child_end(pid);
		goto close_out;
	}
	close(in[1]);
	in[1] = -1;
	ret = collect(out[0], output, size, COMMAND_TIMEOUT_MS);
	if (ret == 0)
		ret = child_wait(pid, COMMAND_TIMEOUT_MS);
	if (ret < 0)
		child_end(pid);
close_out:
	close(out[0]);
close_in:
	close(in[0]);
	if (in[1] >= 0)
		close(in[1]);
	return ret;
}
