/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process has its listening sockets and its connections to pgwd. It can open no file, make no
 * socket, start no program, map nothing executable and signal nobody. Each permitted call stands
 * beside its use. Builds with sanitizers go without the filter: their run-time needs most of what
 * it is for.
 */
#include "control/api/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef PGW_SANITIZE
int jail_calls(void)
{
	return 0;
}
#else
/* What an argument must be: @value under @mask; mask 0: no matter. */
struct permitted {
	int call;
	struct {
		unsigned arg;
		scmp_datum_t mask, value;
	} is[2];
};

#define ALL (~(scmp_datum_t)0)

static const struct permitted permitted[] = {
	/* serve.c: wait, accept, forget */
	{SCMP_SYS(poll), {{0}}},
	{SCMP_SYS(ppoll), {{0}}},
	{SCMP_SYS(epoll_wait), {{0}}},
	{SCMP_SYS(epoll_pwait), {{0}}},
	{SCMP_SYS(epoll_ctl), {{0}}},
	{SCMP_SYS(accept4), {{0}}},
	{SCMP_SYS(setsockopt), {{1, ALL, IPPROTO_TCP}, {2, ALL, TCP_NODELAY}}},
	{SCMP_SYS(close), {{0}}},
	{SCMP_SYS(clock_gettime), {{0}}}, /* only where the vDSO cannot answer */
	{SCMP_SYS(time), {{0}}},
	{SCMP_SYS(gettimeofday), {{0}}},
	/* stream.c, and GnuTLS for it */
	{SCMP_SYS(recvfrom), {{0}}},
	{SCMP_SYS(sendto), {{0}}},
	{SCMP_SYS(recvmsg), {{0}}},
	{SCMP_SYS(sendmsg), {{0}}},
	{SCMP_SYS(shutdown), {{0}}},
	{SCMP_SYS(getrandom), {{0}}},
	{SCMP_SYS(getpid), {{0}}}, /* its random generator looks whether it was forked */
	{SCMP_SYS(getrusage), {{0}}},
	/* malloc() and free() */
	{SCMP_SYS(mmap), {{2, PROT_EXEC, 0}}},
	{SCMP_SYS(mprotect), {{2, PROT_EXEC, 0}}},
	{SCMP_SYS(munmap), {{0}}},
	{SCMP_SYS(mremap), {{0}}},
	{SCMP_SYS(madvise), {{0}}},
	{SCMP_SYS(brk), {{0}}},
	/* messages for the operator, an end by exit() or by abort() */
	{SCMP_SYS(write), {{0, ALL, STDERR_FILENO}}},
	{SCMP_SYS(fstat), {{0, ALL, STDERR_FILENO}}},
	{SCMP_SYS(newfstatat), {{0, ALL, STDERR_FILENO}, {3, AT_EMPTY_PATH, AT_EMPTY_PATH}}},
	{SCMP_SYS(exit_group), {{0}}},
	{SCMP_SYS(rt_sigprocmask), {{0}}},
	{SCMP_SYS(rt_sigreturn), {{0}}},
	{SCMP_SYS(restart_syscall), {{0}}},
	{SCMP_SYS(gettid), {{0}}},
	{SCMP_SYS(futex), {{0}}},
};

static int permit(scmp_filter_ctx filter, const struct permitted *permitted_call)
{
	struct scmp_arg_cmp args[2];
	unsigned n = 0;
	int code;

	for (unsigned i = 0; i < 2; i++)
		if (permitted_call->is[i].mask)
			args[n++] = (struct scmp_arg_cmp){
				permitted_call->is[i].arg, SCMP_CMP_MASKED_EQ,
				permitted_call->is[i].mask, permitted_call->is[i].value};
	code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, permitted_call->call, n, args);
	/* This architecture may lack one that others have. */
	return code == -EDOM ? 0 : code;
}

int jail_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	const struct scmp_arg_cmp own_pid = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
	int code = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !code && i < sizeof(permitted) / sizeof(permitted[0]); i++)
		code = permit(filter, &permitted[i]);
	/* abort() raises its signal in itself, and nobody else's. */
	if (!code)
		code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					      &own_pid);
	if (!code)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!code)
		code = seccomp_load(filter);
	seccomp_release(filter);
	return code;
}
#endif
