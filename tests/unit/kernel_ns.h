/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ns - network namespaces for the tests of control/netlink.
 *
 *	[A] a1 ───── g1 [G] g2 ───── b1 [B]
 *	192.168.77.2        G is where the code under test runs
 *
 * The namespaces have no names: they end with the process.
 */
#ifndef PGW_TESTS_KERNEL_NS_H
#define PGW_TESTS_KERNEL_NS_H

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "control/netlink/kernel.h"
#include "control/netlink/private.h"

#define TEST_WAIT_MS 5000 /* bound of each wait for a condition */

struct net {
	int g, a, b; /* namespace descriptors, inherited by the commands of sh() */
	int original;
	char state_dir[64];
	struct kernel *kernel;
};

__attribute__((format(printf, 1, 2))) static inline void sh(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("command failed: %s", command);
}

/* output() - what a command prints, malloc'ed */
static inline char *output(const char *command)
{
	enum { CHUNK = 65536 };
	FILE *pipe = popen(command, "r");
	size_t used = 0, got = 1;
	char *text = NULL;

	assert_non_null(pipe);
	while (got) {
		text = realloc(text, used + CHUNK + 1);
		assert_non_null(text);
		got = fread(text + used, 1, CHUNK, pipe);
		used += got;
	}
	text[used] = '\0';
	(void)pclose(pipe);
	return text;
}

static inline bool prints(const char *command, const char *part)
{
	char *text = output(command);
	bool found = strstr(text, part) != NULL;

	free(text);
	return found;
}

static inline long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* wait_prints() - repeat a command until it prints @part */
static inline bool wait_prints(const char *command, const char *part)
{
	long end = now_ms() + TEST_WAIT_MS;

	while (!prints(command, part))
		if (now_ms() > end)
			return false;
	return true;
}

static inline void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static inline int new_namespace(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY);
	assert_true(fd >= 0);
	sh("ip link set lo up");
	return fd;
}

/* snapshot() - all that a gateway may touch, as text. Addresses are sorted: one that was taken away
 * and put back comes last. */
static inline char *snapshot(void)
{
	return output("ip -o link; ip -4 -o addr | sort; ip -4 route show table all; "
		      "nft -s list ruleset; "
		      "sysctl -a -r '^net.ipv4.(conf|ip_forward|ip_local|ip_unpriv)' 2>/dev/null");
}

/* text_fd() - an anonymous file with this text, for commands to read as /proc/self/fd/N */
static inline int text_fd(const char *text)
{
	int fd = memfd_create("text", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static inline void assert_snapshot(const char *before)
{
	char *now = snapshot(), command[96];
	int old_fd, new_fd;

	if (strcmp(before, now)) {
		old_fd = text_fd(before);
		new_fd = text_fd(now);
		(void)snprintf(command, sizeof(command),
			       "diff /proc/self/fd/%d /proc/self/fd/%d >&2", old_fd, new_fd);
		(void)!system(command);
		close(old_fd);
		close(new_fd);
		free(now);
		fail_msg("the system is not as it was before");
	}
	free(now);
}

static inline int net_setup(void **state)
{
	struct net *net = calloc(1, sizeof(*net));
	struct kernel_error error = {0};

	assert_non_null(net);
	net->original = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	net->a = new_namespace();
	net->b = new_namespace();
	net->g = new_namespace();
	sh("ip link add g1 type veth peer name a1 netns /proc/self/fd/%d", net->a);
	sh("ip link add g2 type veth peer name b1 netns /proc/self/fd/%d", net->b);
	sh("ip link set g1 up && ip link set g2 up");
	enter(net->a);
	sh("ip addr add 172.16.0.254/24 dev a1 && ip link set a1 up");
	sh("ip route add default via 172.16.0.1");
	enter(net->b);
	sh("ip addr add 10.10.0.10/24 dev b1 && ip link set b1 up");
	sh("ip route add default via 10.10.0.2");
	enter(net->g);
	/* The kernel settles the state of links a little later. */
	assert_true(wait_prints("ip -o link show g1", "state UP"));
	assert_true(wait_prints("ip -o link show g2", "state UP"));
	(void)snprintf(net->state_dir, sizeof(net->state_dir), "/tmp/pgw-kernel-test.XXXXXX");
	assert_non_null(mkdtemp(net->state_dir));
	if (kernel_open(&net->kernel, net->state_dir, &error))
		fail_msg("%s", error.text);
	*state = net;
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int net_teardown(void **state)
{
	struct net *net = *state;

	kernel_close(net->kernel);
	enter(net->original);
	close(net->a);
	close(net->b);
	close(net->g);
	close(net->original);
	(void)nftw(net->state_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(net);
	return 0;
}

/* restart() - what a SIGKILL and a new start look like to the kernel: nothing is removed */
static inline void restart(struct net *net)
{
	struct kernel_error error = {0};

	kernel_close(net->kernel);
	if (kernel_open(&net->kernel, net->state_dir, &error))
		fail_msg("%s", error.text);
}

/* apply(), drop() - must succeed */
static inline void apply(struct net *net, const struct config *config)
{
	struct kernel_error error = {0};

	if (kernel_apply(net->kernel, config, &error))
		fail_msg("apply: %s", error.text);
}

static inline void drop(struct net *net)
{
	struct kernel_error error = {0};

	if (kernel_remove(net->kernel, &error))
		fail_msg("remove: %s", error.text);
}

static inline bool file_exists(const struct net *net, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", net->state_dir, name);
	return access(path, F_OK) == 0;
}

static inline be32 ip(const char *text)
{
	be32 addr = 0;

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	return addr;
}

#define PORTGROUP(n, d)                                                                            \
	{                                                                                          \
		.name = (n), .dev = (d), .last_hop = true, .reverse_path = true                    \
	}

/* needs_root() - 77 tells the runner that nothing was tested */
static inline void needs_root(const char *test)
{
	if (geteuid() == 0)
		return;
	fprintf(stderr, "SKIP: %s needs root for network namespaces: nothing was tested\n", test);
	exit(77);
}

#endif
