/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failing - a library to preload: one call of a kind fails, or the clock is wrong.
 *
 *   FAIL_KIND=alloc|write|fsync
 *       which calls: malloc, calloc, realloc; write, pwrite, ftruncate, rename; fsync, fdatasync
 *   FAIL_NTH=N
 *       the Nth of them fails (ENOMEM, ENOSPC, EIO), counted from 1
 *   FAIL_REPORT=FILE
 *       written at the exit of the process: how many there were
 *   FAIL_ARM=FILE
 *       instead of these three, for a process that runs: two 32-bit words, N and the kind (1 alloc,
 *       2 write, 3 fsync). N counts down with each call; that which finds it 1 fails
 *   FAIL_CLOCK=FILE
 *       seconds in FILE are added to the wall clock, looked at each time
 *
 * Only calls of the program and its libraries through the dynamic linker are seen. Standard output
 * and standard error never fail: their messages are what a test reads.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum kind { NONE, ALLOC, WRITE, FSYNC };

/* Of the C library; the names are its own. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

static enum kind kind;
static unsigned long nth;
static atomic_ulong calls;
static char report[256], clock_file[256];
static struct armed {
	atomic_uint left, kind;
} * armed; /* in FAIL_ARM; NULL: none */

static void copy(char to[256], const char *name)
{
	const char *value = getenv(name);

	if (value)
		snprintf(to, 256, "%s", value);
}

static void map_armed(const char *file)
{
	long fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return;
	memory = mmap(NULL, sizeof(*armed), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	syscall(SYS_close, fd);
	if (memory != MAP_FAILED)
		armed = memory;
}

__attribute__((constructor)) static void begin(void)
{
	const char *what = getenv("FAIL_KIND"), *which = getenv("FAIL_NTH");
	const char *arm = getenv("FAIL_ARM");

	copy(report, "FAIL_REPORT");
	copy(clock_file, "FAIL_CLOCK");
	nth = which ? strtoul(which, NULL, 10) : 0;
	atomic_store(&calls, 0);
	if (what)
		kind = !strcmp(what, "alloc") ? ALLOC : !strcmp(what, "write") ? WRITE : FSYNC;
	if (arm)
		map_armed(arm);
}

__attribute__((destructor)) static void end(void)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%lu\n", atomic_load(&calls));
	long fd;

	kind = NONE;
	if (!*report)
		return;
	fd = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd >= 0)
		syscall(SYS_write, fd, text, length);
}

static int armed_fails(enum kind which)
{
	unsigned left = atomic_load(&armed->left);

	if (atomic_load(&armed->kind) != which)
		return 0;
	while (left && !atomic_compare_exchange_weak(&armed->left, &left, left - 1))
		;
	return left == 1;
}

static int fails(enum kind which)
{
	if (armed)
		return armed_fails(which);
	return kind == which && atomic_fetch_add(&calls, 1) + 1 == nth;
}

void *malloc(size_t bytes)
{
	if (fails(ALLOC)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
	if (fails(ALLOC)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
	if (fails(ALLOC)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(old, bytes);
}

static int no_space(int fd)
{
	if (fd == STDOUT_FILENO || fd == STDERR_FILENO || !fails(WRITE))
		return 0;
	errno = ENOSPC;
	return 1;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
	return no_space(fd) ? -1 : syscall(SYS_write, fd, data, bytes);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	return no_space(fd) ? -1 : syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset)
{
	return no_space(fd) ? -1 : syscall(SYS_pwrite64, fd, data, bytes, offset);
}

int ftruncate(int fd, off_t bytes)
{
	return no_space(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int ftruncate64(int fd, off64_t bytes)
{
	return no_space(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int rename(const char *from, const char *to)
{
	return no_space(-1) ? -1 : (int)syscall(SYS_rename, from, to);
}

int fsync(int fd)
{
	if (fails(FSYNC)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	if (fails(FSYNC)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static long clock_offset(void)
{
	char text[32] = "";
	long fd =
		*clock_file ? syscall(SYS_openat, AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return 0;
	if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	syscall(SYS_close, fd);
	return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
	int code = (int)syscall(SYS_clock_gettime, which, now);

	if (!code && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		now->tv_sec += clock_offset();
	return code;
}

time_t time(time_t *now)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (now)
		*now = wall.tv_sec;
	return wall.tv_sec;
}
