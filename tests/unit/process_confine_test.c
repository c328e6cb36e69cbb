/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_confine_test - a confined child has no privileges, and dies of what is not permitted.
 *
 * Each case runs in a child. Dropping capabilities is only worth testing with some: the test
 * needs root; exits with 77 (skipped) without.
 */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/process/confine.h"

#define SKIPPED 77
#define ALIVE	0

static void confine_or_exit(void)
{
	const struct rlimit no_core = {0, 0};
	struct confine_error error;

	setrlimit(RLIMIT_CORE, &no_core);
	if (confine_privileges(STDERR_FILENO, &error) || confine_syscalls(&error)) {
		fprintf(stderr, "%s\n", error.text);
		_exit(99);
	}
}

/* status_of() - run @body confined. Return: what waitpid() says. */
static int status_of(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		confine_or_exit();
		body();
		_exit(ALIVE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void call_socket(void)
{
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void call_execve(void)
{
	char *const argv[] = {(char *)(uintptr_t) "true", NULL};

	syscall(SYS_execve, "/bin/true", argv, NULL);
}

static void call_fork(void)
{
	syscall(SYS_fork);
}

static void call_connect(void)
{
	syscall(SYS_connect, 0, NULL, 0);
}

static void call_setsockopt(void)
{
	syscall(SYS_setsockopt, 0, SOL_SOCKET, SO_RCVBUF, NULL, 0);
}

static void call_bpf(void)
{
	syscall(SYS_bpf, 0, NULL, 0);
}

static void call_unlink(void)
{
	syscall(SYS_unlink, "/nonexistent");
}

static void call_mmap_exec(void)
{
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void call_mprotect_exec(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
}

static void test_forbidden(void **state)
{
	static void (*const bodies[])(void) = {
		call_socket, call_execve,    call_fork,	  call_connect,	      call_setsockopt,
		call_bpf,    call_mmap_exec, call_unlink, call_mprotect_exec,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_true(killed(status_of(bodies[i])));
}

#ifndef PGW_SANITIZE /* whose run-time needs these */
static void call_open(void)
{
	syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static void call_kill(void)
{
	syscall(SYS_kill, 1, 0);
}

static void call_tgkill_other(void)
{
	syscall(SYS_tgkill, 1, 1, 0);
}

static void call_ptrace(void)
{
	syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void call_write_elsewhere(void)
{
	syscall(SYS_write, 1, "", 0);
}

static void test_forbidden_unless_sanitized(void **state)
{
	static void (*const bodies[])(void) = {call_open, call_kill, call_tgkill_other, call_ptrace,
					       call_write_elsewhere};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_true(killed(status_of(bodies[i])));
}

static void call_abort(void)
{
	abort();
}

static void test_abort_is_an_abort(void **state)
{
	int status = status_of(call_abort);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_not_dumpable(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct confine_error error;

		_exit(confine_privileges(STDERR_FILENO, &error) ||
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
#endif

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static sem_t running; /* what a thread itself needs to begin is not permitted any more */

static void *wait_then_call(void *context)
{
	sem_post(&running);
	pthread_mutex_lock(&held);
	if (context)
		call_socket();
	return NULL;
}

/* status_of_thread() - a thread made before the filter; @forbidden: calls what is. */
static int status_of_thread(bool forbidden)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct confine_error error;
		pthread_t thread;

		pthread_mutex_lock(&held);
		sem_init(&running, 0, 0);
		if (confine_privileges(STDERR_FILENO, &error) ||
		    pthread_create(&thread, NULL, wait_then_call, forbidden ? &held : NULL) ||
		    sem_wait(&running) || confine_syscalls(&error))
			_exit(99);
		pthread_mutex_unlock(&held);
		pthread_join(thread, NULL);
		_exit(ALIVE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_threads_are_held(void **state)
{
	(void)state;
	assert_int_equal(status_of_thread(false), 0);
	assert_true(killed(status_of_thread(true)));
}

static void use_memory(void)
{
	/* From the heap's growth to pieces that are mapped on their own, and back. */
	for (size_t bytes = 1024; bytes < (64u << 20); bytes *= 4) {
		char *memory = malloc(bytes);

		if (!memory)
			_exit(1);
		memset(memory, 1, bytes);
		memory = realloc(memory, bytes * 2);
		if (!memory)
			_exit(1);
		free(memory);
	}
}

static void use_clock_and_message(void)
{
	struct timespec now;

	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now))
		_exit(1);
	fprintf(stderr, "%s", "");
	exit(0);
}

static void test_permitted(void **state)
{
	(void)state;
	assert_int_equal(status_of(use_memory), 0);
	assert_int_equal(status_of(use_clock_and_message), 0);
}

/* field() - the value of @name in /proc/PID/status. */
static void field(pid_t pid, const char *name, char *value, size_t size)
{
	char path[64], line[256], format[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(format, sizeof(format), "%s: %%%zus", name, size - 1);
	file = fopen(path, "re");
	assert_non_null(file);
	value[0] = '\0';
	while (fgets(line, sizeof(line), file) && sscanf(line, format, value) != 1)
		;
	fclose(file);
}

static void test_status(void **state)
{
	static const struct {
		const char *name, *value;
	} expected[] = {
		{"CapInh", "0000000000000000"},
		{"CapPrm", "0000000000000000"},
		{"CapEff", "0000000000000000"},
		{"CapBnd", "0000000000000000"},
		{"CapAmb", "0000000000000000"},
		{"NoNewPrivs", "1"},
		{"Seccomp", "2"},
	};
	int ends[2], status;
	char byte;
	pid_t pid;

	(void)state;
	/* As standard error, which stays open and may be written to. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		confine_or_exit();
		syscall(SYS_write, STDERR_FILENO, "x", 1);
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
		_exit(ALIVE);
	}
	close(ends[1]);
	assert_int_equal(recv(ends[0], &byte, 1, 0), 1);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		char value[32];

		field(pid, expected[i].name, value, sizeof(value));
		assert_string_equal(value, expected[i].value);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ends[0]);
}

static void test_stray_descriptors_are_closed(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct confine_error error;
		int stray = open("/dev/null", O_RDONLY);

		_exit(stray <= STDERR_FILENO || confine_privileges(STDERR_FILENO, &error) ||
		      fcntl(stray, F_GETFD) >= 0 || fcntl(STDERR_FILENO, F_GETFD) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden),
#ifndef PGW_SANITIZE
		cmocka_unit_test(test_forbidden_unless_sanitized),
		cmocka_unit_test(test_abort_is_an_abort),
		cmocka_unit_test(test_not_dumpable),
#endif
		cmocka_unit_test(test_threads_are_held),
		cmocka_unit_test(test_permitted),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_stray_descriptors_are_closed),
	};

	if (geteuid()) {
		fprintf(stderr, "SKIPPED: process_confine_test needs root\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
