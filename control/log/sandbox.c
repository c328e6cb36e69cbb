/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process keeps nothing but the four descriptors that it was started with: it can open no
 * file, make no socket, start no program and map no memory. Each permitted call stands beside its
 * use. Builds with sanitizers go without the filter: their run-time needs most of what it is for.
 */
#include "control/log/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <unistd.h>

#include "control/log/settings.h"

#ifdef PGW_SANITIZE
int sandbox_enter(void)
{
	return 0;
}
#else
struct permitted {
	int call;
	int fd; /* first argument, -1: any */
};

static const struct permitted permitted[] = {
	/* main.c: sleep until woken, the time of a batch */
	{SCMP_SYS(recvfrom), LOG_FD_WAKE},
	{SCMP_SYS(clock_gettime), -1}, /* only where the vDSO cannot answer */
	/* main.c: the collector, respectively the file */
	{SCMP_SYS(sendto), LOG_FD_OUTPUT},
	{SCMP_SYS(write), LOG_FD_OUTPUT},
	{SCMP_SYS(lseek), LOG_FD_OUTPUT}, /* to take back what was written by half */
	{SCMP_SYS(ftruncate), LOG_FD_OUTPUT},
	/* messages for the operator, an end by exit() */
	{SCMP_SYS(write), STDERR_FILENO},
	{SCMP_SYS(exit_group), -1},
	{SCMP_SYS(rt_sigreturn), -1},
	{SCMP_SYS(restart_syscall), -1}, /* after SIGSTOP and SIGCONT */
};

int sandbox_enter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int code = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !code && i < sizeof(permitted) / sizeof(permitted[0]); i++) {
		const struct scmp_arg_cmp fd = {0, SCMP_CMP_EQ, (scmp_datum_t)permitted[i].fd, 0};

		code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, permitted[i].call,
					      permitted[i].fd >= 0, &fd);
	}
	if (!code)
		code = seccomp_load(filter);
	seccomp_release(filter);
	return code;
}
#endif
