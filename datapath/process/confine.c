/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine - capabilities, no_new_privs and the seccomp filter of pgw-datapath.
 *
 * The process keeps nothing but the descriptors that it is handed. It can open no file and
 * make no socket, start no program, map nothing executable and signal nobody but itself.
 * Each permitted call stands beside its use. The filter is loaded for all threads at once; after
 * that none is made any more.
 *
 * Builds with sanitizers permit what their run-time needs besides, and stay dumpable, because
 * the leak checker attaches to the process at its end.
 */
#include "datapath/process/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void confine_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &ignore, NULL);
}

static int __attribute__((format(printf, 3, 4)))
fail(struct confine_error *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -err;
}

/*
 * empty_bounding_set() - so that no execve() could give capabilities back
 * Without CAP_SETPCAP the set cannot be changed. That is no loss of safety, because
 * no_new_privs forbids the same; it happens to a process that had no capability at its start.
 */
static int empty_bounding_set(struct confine_error *error)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (!prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) || errno == EPERM)
			continue;
		return fail(error, errno, "capability %lu cannot be dropped: %s", cap,
			    strerror(errno));
	}
	return 0;
}

static int drop_capabilities(struct confine_error *error)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	int err = empty_bounding_set(error);

	if (err)
		return err;
	/* Absent before Linux 4.3, where there is no ambient set to clear. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, data) || syscall(SYS_capget, &header, data))
		return fail(error, errno, "capabilities cannot be dropped: %s", strerror(errno));
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return fail(error, EPERM, "capabilities remain after they were dropped");
	}
	return 0;
}

int confine_privileges(int keep_fd, struct confine_error *error)
{
	int err = drop_capabilities(error);

	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(error, errno, "no_new_privs cannot be set: %s", strerror(errno));
#ifndef PGW_SANITIZE
	/* No core file and no ptrace by the same user: packets are other people's secrets. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return fail(error, errno, "the process cannot be made undumpable: %s",
			    strerror(errno));
#endif
	/* Whatever else the parent left open is not ours to use. Before Linux 5.9 there is no
	 * such call, and pgwd opens everything close-on-exec anyway. */
	syscall(SYS_close_range, (unsigned)keep_fd + 1, ~0u, 0);
	return 0;
}

struct permitted {
	int call;
	unsigned n_args;
	struct scmp_arg_cmp args[2];
};

#define CALL(name)                                                                                 \
	{                                                                                          \
		SCMP_SYS(name), 0,                                                                 \
		{                                                                                  \
			{                                                                          \
				0                                                                  \
			}                                                                          \
		}                                                                                  \
	}
#define CALL_IF(name, ...)                                                                         \
	{                                                                                          \
		SCMP_SYS(name), 1,                                                                 \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define CALL_IF_BOTH(name, ...)                                                                    \
	{                                                                                          \
		SCMP_SYS(name), 2,                                                                 \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ARG_IS(arg, value)                                                                         \
	{                                                                                          \
		(arg), SCMP_CMP_EQ, (scmp_datum_t)(value), 0                                       \
	}
#define ARG_LACKS(arg, bits)                                                                       \
	{                                                                                          \
		(arg), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(bits), 0                                 \
	}

static const struct permitted permitted[] = {
	/* loop.c: wait for frames, messages and the next timer; poll is what ppoll may become */
	CALL(ppoll),
	CALL(poll),
	CALL(clock_gettime), /* only where the vDSO cannot answer */
	CALL(sched_yield),   /* forward.c: to the kernel's receiving */
	/* io/packet.c: send; frames larger than a slot; count what the ring lost; take over a ring
	 * of a predecessor */
	CALL(sendmmsg),
	CALL(recvmmsg),
	CALL_IF_BOTH(getsockopt, ARG_IS(1, SOL_PACKET), ARG_IS(2, PACKET_STATISTICS)),
	CALL_IF_BOTH(getsockopt, ARG_IS(1, SOL_PACKET), ARG_IS(2, PACKET_VERSION)),
	CALL_IF_BOTH(getsockopt, ARG_IS(1, SOL_PACKET), ARG_IS(2, PACKET_VNET_HDR)),
	CALL(getsockname),
	/* io/xdp.c: where the rings lie; what they lost. It sends and wakes by the calls below. */
	CALL_IF_BOTH(getsockopt, ARG_IS(1, SOL_XDP), ARG_IS(2, XDP_MMAP_OFFSETS)),
	CALL_IF_BOTH(getsockopt, ARG_IS(1, SOL_XDP), ARG_IS(2, XDP_STATISTICS)),
	/* channel.c, events.c: messages of pgwd and of rtnetlink; dump requests */
	CALL(recvmsg),
	CALL(sendmsg),
	CALL(sendto),
	/* control.c: a new pgwd; what the descriptors that it sends really are */
	CALL(accept4),
	CALL_IF(getsockopt, ARG_IS(1, SOL_SOCKET)),
	CALL(fstat),
	CALL_IF(newfstatat, ARG_IS(3, AT_EMPTY_PATH)), /* how glibc says fstat */
	CALL_IF(fcntl, ARG_IS(1, F_GET_SEALS)),
	CALL(close),
	/* control.c: table, counters and snapshot; malloc() and free(); never executable */
	CALL_IF(mmap, ARG_LACKS(2, PROT_EXEC)),
	CALL_IF(mprotect, ARG_LACKS(2, PROT_EXEC)),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(brk),
	/* worker: ports, identifiers, keys */
	CALL(getrandom),
	/* messages for the operator, an end by exit() or by abort() */
	CALL_IF(write, ARG_IS(0, STDERR_FILENO)),
	CALL_IF(writev, ARG_IS(0, STDERR_FILENO)),
	CALL(exit_group),
	CALL(exit),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(restart_syscall), /* ppoll() after SIGSTOP and SIGCONT */
	CALL(getpid),
	CALL(gettid),
	CALL(futex), /* team.c, control.c: locks; the end of a thread; stdio's and abort()'s locks
		      */
#ifdef PGW_SANITIZE
	/* symbolizer, stack bounds, allocator and leak checker of the sanitizers' run-time */
	CALL(openat),
	CALL(open),
	CALL(readlink),
	CALL(read),
	CALL(lseek),
	CALL(stat),
	CALL(lstat),
	CALL(getdents64),
	CALL(getdents),
	CALL(sigaltstack),
	CALL(rt_sigaction),
	CALL(sched_getaffinity),
	CALL(prctl),
	CALL(prlimit64),
	CALL(getrlimit),
	CALL(clone),
	CALL(ptrace),
	CALL(wait4),
	CALL(getppid),
	CALL(process_vm_readv),
	CALL(arch_prctl),
	CALL(set_robust_list),
	CALL(uname),
	CALL(dup),
	CALL(pipe2),
	CALL(ioctl),
	CALL(tgkill),
	CALL(kill),
	CALL(newfstatat),
	CALL(write),
	CALL(fcntl),
#endif
};

static int permit(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(permitted) / sizeof(permitted[0]); i++) {
		const struct permitted *p = &permitted[i];
		/* Newer libseccomp knows calls that this architecture may lack. */
		int err =
			seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, p->call, p->n_args, p->args);

		if (err && err != -EDOM && err != -EEXIST)
			return err;
	}
#ifdef PGW_SANITIZE
	return 0;
#else
	/* abort() raises its signal in itself, and nobody else's. */
	const struct scmp_arg_cmp own_pid = ARG_IS(0, getpid());

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own_pid);
#endif
}

int confine_syscalls(struct confine_error *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	if (!filter)
		return fail(error, ENOMEM, "seccomp: out of memory");
	err = permit(filter);
	/* Most calls are sendmmsg and ppoll: a tree finds them in few steps. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
#ifndef PGW_SANITIZE /* whose leak check makes a process of its own */
	if (!err && setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}))
		err = -errno;
#endif
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	if (err)
		return fail(error, -err,
			    "seccomp: %s: the kernel needs CONFIG_SECCOMP_FILTER (Linux 4.14)",
			    strerror(-err));
	return 0;
}
