/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process can open no file, start no program, map nothing executable, and make no socket but
 * for outgoing TCP connections over IPv4. What it listens on was handed to it. Each permitted call
 * stands beside its use. Builds with sanitizers go without the filter: their run-time needs most
 * of what it is for.
 */
#include "datapath/relay/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef PGW_SANITIZE
int sandbox_relay(struct relay_error *error)
{
	(void)error;
	return 0;
}
#else
enum compare { ANY, IS, LACKS };

struct permitted {
	int call;
	struct {
		enum compare compare;
		unsigned arg;
		uint64_t value;
	} args[2];
};

/* clang-format off */
#define CALL(name)		     {SCMP_SYS(name), {{ANY, 0, 0}, {ANY, 0, 0}}}
#define CALL_IF(name, how, arg, value) {SCMP_SYS(name), {{how, arg, value}, {ANY, 0, 0}}}
#define CALL_IF_BOTH(name, how, arg, value, how2, arg2, value2)                                    \
	{SCMP_SYS(name), {{how, arg, value}, {how2, arg2, value2}}}
/* clang-format on */

static const struct permitted permitted[] = {
	/* loop.c */
	CALL(epoll_wait), CALL(epoll_pwait),  /* what epoll_wait may become */
	CALL(epoll_ctl), CALL(clock_gettime), /* only where the vDSO cannot answer */
	/* relay.c, handover.c: pgwd's messages, blocks and descriptors */
	CALL(accept4), CALL(recvmsg), CALL(sendmsg), CALL(fstat),
	CALL_IF(newfstatat, IS, 3, AT_EMPTY_PATH), /* how glibc says fstat */
	CALL_IF(fcntl, IS, 1, F_GET_SEALS), CALL_IF(fcntl, IS, 1, F_ADD_SEALS), CALL(memfd_create),
	CALL(write), CALL(geteuid), CALL(close),
	/* streams and pipes */
	CALL(recvfrom), CALL(sendto), CALL(shutdown), CALL(getsockopt), CALL(setsockopt),
	CALL(getsockname), CALL(getpeername), CALL(pipe2), CALL(splice),
	CALL_IF(fcntl, IS, 1, F_SETPIPE_SZ),
	/* backend.c: TCP over IPv4 and nothing else */
	CALL_IF_BOTH(socket, IS, 0, AF_INET, IS, 1, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC),
	CALL(connect),
	/* malloc() and free(); never executable */
	CALL_IF(mmap, LACKS, 2, PROT_EXEC), CALL_IF(mprotect, LACKS, 2, PROT_EXEC), CALL(munmap),
	CALL(mremap), CALL(madvise), CALL(brk), CALL(getrandom),
	/* messages for the operator, an end by exit() or by abort() */
	CALL_IF(writev, IS, 0, STDERR_FILENO), CALL(exit_group), CALL(exit), CALL(rt_sigprocmask),
	CALL(rt_sigreturn), CALL(restart_syscall), /* after SIGSTOP and SIGCONT */
	CALL(getpid), CALL(gettid), CALL(futex), /* locks of libraries, should they be contended */
};

static int permit(scmp_filter_ctx filter, const struct permitted *call)
{
	struct scmp_arg_cmp args[2];
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (call->args[i].compare == ANY)
			continue;
		args[n++] = (struct scmp_arg_cmp){
			.arg = call->args[i].arg,
			.op = call->args[i].compare == IS ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ,
			.datum_a = call->args[i].value,
		};
	}
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->call, n, args);
}

int sandbox_relay(struct relay_error *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	const struct scmp_arg_cmp own_pid = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
	int code = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !code && i < sizeof(permitted) / sizeof(permitted[0]); i++) {
		code = permit(filter, &permitted[i]);
		if (code == -EDOM || code == -EEXIST) /* this architecture lacks it */
			code = 0;
	}
	/* abort() raises its signal in itself, and nobody else's. */
	if (!code)
		code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					      &own_pid);
	if (!code)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!code)
		code = seccomp_load(filter);
	seccomp_release(filter);
	return code ? relay_fail(error, code,
				 "seccomp: %s: the kernel needs CONFIG_SECCOMP_FILTER (Linux 4.14)",
				 strerror(-code))
		    : 0;
}
#endif
