/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_events_test - links and neighbours of the kernel reach the worker, whatever is lost
 * on the way; messages that no kernel would send do no harm.
 *
 * In a network namespace of its own; exits with 77 (skipped) without root. recvmsg() is
 * replaced, so that absurd messages can seem to come from the kernel.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/process/events.h"
#include "tests/unit/fake_worker.h"

#define SKIPPED 77
#define WAIT_MS 5000
#define MAC	"02:00:00:00:00:99"

struct fixture {
	struct worker *worker;
	struct worker_counters counters;
	struct events *events;
	uint32_t left;
};

/* Bytes that the next recvmsg() yields, as if from the kernel (or from @forged_pid). */
static const uint8_t *forged;
static size_t forged_bytes;
static uint32_t forged_pid;
static bool forging; /* nothing comes from the kernel */

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (forging && !forged) {
		errno = EAGAIN;
		return -1;
	}
	if (!forged)
		return syscall(SYS_recvmsg, fd, msg, flags);
	*(struct sockaddr_nl *)msg->msg_name =
		(struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = forged_pid};
	msg->msg_namelen = sizeof(struct sockaddr_nl);
	msg->msg_flags = forged_bytes > msg->msg_iov[0].iov_len ? MSG_TRUNC : 0;
	if (forged_bytes > msg->msg_iov[0].iov_len)
		forged_bytes = msg->msg_iov[0].iov_len;
	memcpy(msg->msg_iov[0].iov_base, forged, forged_bytes);
	forged = NULL;
	return (ssize_t)forged_bytes;
}

static void run(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

static int rtnetlink(int receive_bytes)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK,
					    .nl_groups = RTMGRP_LINK | RTMGRP_NEIGH};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	assert_true(fd >= 0);
	if (receive_bytes)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
					    sizeof(receive_bytes)),
				 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int setup(void **state)
{
	static struct fixture f;
	struct worker_options options = {.counters = &f.counters};

	memset(&f, 0, sizeof(f));
	run("ip link add left type veth peer name right && ip link set left up && "
	    "ip link set right up && ip addr add 10.9.0.1/24 dev left");
	f.left = if_nametoindex("left");
	*state = &f;
	return worker_create(&f.worker, &options) || events_create(&f.events, f.worker);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forged = NULL;
	events_destroy(f->events);
	worker_destroy(f->worker);
	run("ip link del left");
	return 0;
}

/* settle() - read until @done, or nothing has come for WAIT_MS. */
static bool settle(struct fixture *f, bool (*done)(const struct fixture *f))
{
	struct pollfd polled = {.fd = events_fd(f->events), .events = POLLIN};

	while (!done(f)) {
		if (poll(&polled, 1, WAIT_MS) != 1)
			return false;
		events_read(f->events, 1);
	}
	return true;
}

static const struct fake_neighbour *neighbour(const struct fixture *f, const char *addr)
{
	return fake_neighbour(f->worker, f->left, inet_addr(addr));
}

static bool has_state(const struct fixture *f, const char *addr, uint16_t state)
{
	const struct fake_neighbour *n = neighbour(f, addr);

	return n && n->state == state;
}

static bool first_is_permanent(const struct fixture *f)
{
	return has_state(f, "10.9.0.9", NUD_PERMANENT);
}

static bool first_is_gone(const struct fixture *f)
{
	return has_state(f, "10.9.0.9", NUD_NONE);
}

static bool second_is_permanent(const struct fixture *f)
{
	return has_state(f, "10.9.0.10", NUD_PERMANENT);
}

static bool second_has_failed(const struct fixture *f)
{
	return has_state(f, "10.9.0.10", NUD_FAILED);
}

static const struct worker_link *left(const struct fixture *f)
{
	return &f->worker->links[f->left];
}

static bool left_is_down(const struct fixture *f)
{
	return left(f)->ifindex && !left(f)->up;
}

static bool left_is_up(const struct fixture *f)
{
	return left(f)->up;
}

static bool left_is_up_with_1400(const struct fixture *f)
{
	return left(f)->up && left(f)->mtu == 1400;
}

static void test_refuses(void **state)
{
	struct fixture *f = *state;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int uevent = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);

	assert_int_equal(events_fd(f->events), -1);
	assert_int_equal(events_use(f->events, udp), -EINVAL);
	assert_int_equal(events_use(f->events, uevent), -EINVAL);
	assert_int_equal(events_use(f->events, -1), -EINVAL);
	assert_int_equal(events_fd(f->events), -1);
	events_refresh(f->events);
	events_read(f->events, 1);
	close(udp);
	close(uevent);
}

static void test_dump_and_follow(void **state)
{
	struct fixture *f = *state;

	run("ip neigh add 10.9.0.9 lladdr " MAC " dev left nud permanent");
	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	assert_true(settle(f, first_is_permanent));
	assert_true(left_is_up(f));
	assert_int_equal(left(f)->mtu, 1500);
	assert_true(neighbour(f, "10.9.0.9")->has_mac);
	assert_memory_equal(neighbour(f, "10.9.0.9")->mac.b, "\x02\0\0\0\0\x99", 6);

	run("ip neigh add 10.9.0.10 lladdr " MAC " dev left nud permanent");
	assert_true(settle(f, second_is_permanent));
	run("ip neigh del 10.9.0.9 dev left");
	assert_true(settle(f, first_is_gone));
	run("ip neigh change 10.9.0.10 dev left nud failed");
	assert_true(settle(f, second_has_failed));
	assert_false(neighbour(f, "10.9.0.10")->has_mac);

	run("ip link set left mtu 1400");
	assert_true(settle(f, left_is_up_with_1400));
	run("ip link set left down");
	assert_true(settle(f, left_is_down));
	run("ip link set left up");
	assert_true(settle(f, left_is_up_with_1400));
	/* Its other end goes: no carrier. */
	run("ip link set right down");
	assert_true(settle(f, left_is_down));
}

static void test_deleted_link_is_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	run("ip link add extra type veth peer name extra2 && ip link set extra up && "
	    "ip link set extra2 up");
	f->left = if_nametoindex("extra");
	assert_true(settle(f, left_is_up));
	run("ip link del extra");
	assert_true(settle(f, left_is_down));
}

/* The socket overflows and loses, among others, the deletion of a neighbour. */
static void test_overflow(void **state)
{
	struct fixture *f = *state;

	run("ip neigh add 10.9.0.9 lladdr " MAC " dev left nud permanent");
	assert_int_equal(events_use(f->events, rtnetlink(4096)), 0);
	assert_true(settle(f, first_is_permanent));
	run("for i in $(seq 20 150); do "
	    "echo neigh add 10.9.0.$i lladdr " MAC " dev left nud permanent; done | ip -batch -");
	run("ip neigh del 10.9.0.9 dev left");
	run("ip neigh add 10.9.0.10 lladdr " MAC " dev left nud permanent");
	assert_true(settle(f, first_is_gone));
	assert_true(settle(f, second_is_permanent));
	for (unsigned i = 20; i <= 150; i++) {
		char addr[20];

		snprintf(addr, sizeof(addr), "10.9.0.%u", i);
		assert_true(has_state(f, addr, NUD_PERMANENT));
	}
}

/* A new socket replaces the old: what vanished in between is noticed. */
static void test_new_socket(void **state)
{
	struct fixture *f = *state;

	run("ip neigh add 10.9.0.9 lladdr " MAC " dev left nud permanent");
	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	assert_true(settle(f, first_is_permanent));
	run("ip neigh del 10.9.0.9 dev left");
	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	assert_true(settle(f, first_is_gone));
}

/* What a port added later must be told of comes again. */
static void test_refresh(void **state)
{
	struct fixture *f = *state;

	run("ip neigh add 10.9.0.9 lladdr " MAC " dev left nud permanent");
	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	events_refresh(f->events);
	events_refresh(f->events);
	assert_true(settle(f, first_is_permanent));
	for (unsigned i = 0; i < 3; i++) {
		f->worker->n_neighbours = 0;
		events_refresh(f->events);
		assert_true(settle(f, first_is_permanent));
	}
}

struct forged_neighbour {
	struct nlmsghdr header;
	struct ndmsg body;
	struct nlattr dst_head;
	be32 dst;
	struct nlattr mac_head;
	uint8_t mac[8];
};

static struct forged_neighbour forged_neighbour(const struct fixture *f)
{
	struct forged_neighbour m = {
		.header = {.nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWNEIGH},
		.body = {.ndm_family = AF_INET,
			 .ndm_ifindex = (int)f->left,
			 .ndm_state = NUD_REACHABLE},
		.dst_head = {.nla_len = 8, .nla_type = NDA_DST},
		.dst = inet_addr("10.9.0.77"),
		.mac_head = {.nla_len = 10, .nla_type = NDA_LLADDR},
		.mac = {2, 2, 2, 2, 2, 2},
	};

	return m;
}

static void deliver(struct fixture *f, const void *bytes, size_t n)
{
	forged = bytes;
	forged_bytes = n;
	forging = true;
	events_read(f->events, 1);
	forging = false;
}

static void test_forged(void **state)
{
	struct fixture *f = *state;
	struct forged_neighbour good = forged_neighbour(f), bad;
	unsigned calls;

	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	deliver(f, &good, sizeof(good));
	assert_true(has_state(f, "10.9.0.77", NUD_REACHABLE));
	/* From another process, however privileged. */
	bad = good;
	bad.dst = inet_addr("10.9.0.78");
	forged_pid = 1;
	deliver(f, &bad, sizeof(bad));
	forged_pid = 0;
	assert_null(neighbour(f, "10.9.0.78"));
	/* Every cut. */
	calls = f->worker->neighbour_calls;
	for (size_t n = 0; n < offsetof(struct forged_neighbour, mac) + 6; n++) {
		bad = good;
		bad.dst = inet_addr("10.9.0.79");
		bad.header.nlmsg_len = (uint32_t)n;
		deliver(f, &bad, n);
		bad.header.nlmsg_len = sizeof(bad);
		deliver(f, &bad, n);
	}
	bad = good;
	bad.body.ndm_family = AF_INET6;
	deliver(f, &bad, sizeof(bad));
	bad = good;
	bad.body.ndm_ifindex = -5;
	deliver(f, &bad, sizeof(bad));
	bad = good;
	bad.body.ndm_flags = NTF_PROXY;
	deliver(f, &bad, sizeof(bad));
	bad = good;
	bad.dst_head.nla_len = 9;
	deliver(f, &bad, sizeof(bad));
	bad = good;
	bad.mac_head.nla_len = 11;
	deliver(f, &bad, sizeof(bad));
	bad = good;
	bad.mac_head.nla_len = UINT16_MAX;
	deliver(f, &bad, sizeof(bad));
	assert_int_equal(f->worker->neighbour_calls, calls);
}

/* Random changes of a message of any kind: nothing but AddressSanitizer can complain. */
static void test_mutated(void **state)
{
	struct fixture *f = *state;
	static const uint16_t types[] = {RTM_NEWLINK, RTM_DELLINK, RTM_NEWNEIGH, RTM_DELNEIGH,
					 NLMSG_ERROR, NLMSG_DONE,  RTM_NEWADDR};
	uint32_t seed = 1;

	assert_int_equal(events_use(f->events, rtnetlink(0)), 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct forged_neighbour two[2] = {forged_neighbour(f), forged_neighbour(f)};
		uint8_t *bytes = (uint8_t *)two;

		two[0].header.nlmsg_type = types[i % 7];
		for (unsigned n = 0; n < 4; n++) {
			seed = seed * 1664525 + 1013904223;
			bytes[(seed >> 8) % sizeof(two)] = (uint8_t)(seed >> 24);
		}
		deliver(f, two, sizeof(two));
	}
	/* It still works. */
	run("ip neigh add 10.9.0.9 lladdr " MAC " dev left nud permanent");
	events_refresh(f->events);
	assert_true(settle(f, first_is_permanent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_and_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deleted_link_is_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refresh, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mutated, setup, teardown),
	};

	if (geteuid() || unshare(CLONE_NEWNET)) {
		fprintf(stderr, "SKIPPED: process_events_test needs root and network namespaces\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
