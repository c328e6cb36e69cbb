/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_start_test - the real pgw-datapath, driven as pgwd drives it, between real sockets.
 *
 *   [client, a packet socket] client -- left [pgw-datapath] right -- server [server, the same]
 *
 * The gateway's addresses exist in the configuration only, so that no kernel answers. Needs root
 * and the program beside the test's directory (../bin); exits with 77 (skipped) without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/config/model.h"
#include "datapath/flow/table.h"
#include "datapath/io/packet.h"
#include "datapath/process/channel.h"
#include "tests/unit/udp_frame.h"

#define SKIPPED	  77
#define WAIT_MS	  10000
#define CAPACITY  4096u
#define SIZE_SEAL (F_SEAL_SHRINK | F_SEAL_GROW)

static const struct mac left_mac = {{2, 0, 0, 0, 0, 1}}, right_mac = {{2, 0, 0, 0, 0, 2}};
static const struct mac client_mac = {{2, 0, 0, 0, 1, 1}}, server_mac = {{2, 0, 0, 0, 2, 2}};

static const char config_text[] =
	"portgroup add vrack dev left realm private\n"
	"portgroup add vsphere dev right realm vsphere\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"pool add default external-ip-address 10.10.0.2 ports 20000-65535\n"
	"nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
	"allow add 192.168.50.0/24\n";

struct fixture {
	int listen, channel;
	struct sockaddr_un address;
	socklen_t address_bytes;
	pid_t pid;
	int table, counters, snapshot;
	const struct counters_page *page;
	int client, server; /* packet sockets at the far ends */
	struct channel_message answer;
	int fds[CHANNEL_FDS_MAX];
	bool swept;
};

static char program[4096];

static void run(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

/* start() - as pgwd does: a listening socket as descriptor 3, and nothing else. */
static pid_t start(int listen_fd, int error_fd, const char *argument)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	/* dup2() to its own number would leave it close-on-exec. */
	if (listen_fd == CHANNEL_LISTEN_FD)
		listen_fd = dup(listen_fd);
	if (listen_fd >= 0 && dup2(listen_fd, CHANNEL_LISTEN_FD) < 0)
		_exit(126);
	if (listen_fd < 0)
		close(CHANNEL_LISTEN_FD);
	if (error_fd >= 0 && (dup2(error_fd, STDERR_FILENO) < 0 || dup2(error_fd, 1) < 0))
		_exit(126);
	execl(program, "pgw-datapath", argument, NULL);
	_exit(127);
}

static int peer_open(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int yes = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void connect_to(struct fixture *f)
{
	f->channel = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(f->channel, (struct sockaddr *)&f->address, f->address_bytes), 0);
}

/* receive() - the next message; unasked ones are noted */
static void receive(struct fixture *f)
{
	struct pollfd polled = {.fd = f->channel, .events = POLLIN};

	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	if (f->answer.type == CHANNEL_ERROR)
		print_error("%s\n", f->answer.u.text);
	f->swept |= f->answer.type == CHANNEL_SWEPT;
}

/* ask() - Return: type of the answer */
static unsigned ask(struct fixture *f, struct channel_message message, const int *fds, unsigned n)
{
	message.sequence = 5;
	assert_int_equal(channel_send(f->channel, &message, fds, n), 0);
	do
		receive(f);
	while (f->answer.sequence != 5);
	return f->answer.type;
}

static void hand_over_port(struct fixture *f, uint32_t index, const char *name, struct mac mac)
{
	struct channel_message message = {.type = CHANNEL_PORT};
	struct packet_error error;
	struct packet_ring ring;
	int fd = packet_socket_open(if_nametoindex(name), &ring, &error);

	assert_true(fd >= 0);
	message.u.port.index = index;
	message.u.port.ifindex = if_nametoindex(name);
	message.u.port.mtu = 1500;
	message.u.port.up = 1;
	message.u.port.mac = mac;
	message.u.port.ring_frame_bytes = ring.frame_bytes;
	message.u.port.ring_block_bytes = ring.block_bytes;
	message.u.port.ring_blocks = ring.blocks;
	assert_int_equal(ask(f, message, &fd, 1), CHANNEL_OK);
	close(fd);
}

static void hand_over_events(struct fixture *f)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK,
					    .nl_groups = RTMGRP_LINK | RTMGRP_NEIGH};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(ask(f, (struct channel_message){.type = CHANNEL_EVENTS}, &fd, 1),
			 CHANNEL_OK);
	close(fd);
}

static void hand_over_table(struct fixture *f)
{
	struct channel_message message = {.type = CHANNEL_TABLE};

	message.u.table.bytes = flow_table_bytes(CAPACITY);
	message.u.table.counters_bytes = sizeof(struct counters_page);
	assert_int_equal(ask(f, message, (int[]){f->table, f->counters}, 2), CHANNEL_OK);
}

static void hand_over_all(struct fixture *f)
{
	hand_over_events(f);
	hand_over_port(f, 0, "left", left_mac);
	hand_over_port(f, 1, "right", right_mac);
	assert_int_equal(
		ask(f, (struct channel_message){.type = CHANNEL_SNAPSHOT}, &f->snapshot, 1),
		CHANNEL_OK);
	hand_over_table(f);
}

static int memfd(size_t bytes)
{
	int fd = memfd_create("pgw-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void make_table(struct fixture *f)
{
	static const uint8_t key[32] = {9};
	size_t bytes = flow_table_bytes(CAPACITY);
	void *memory;

	f->table = memfd(bytes);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->table, 0);
	assert_true(memory != MAP_FAILED);
	flow_table_format(memory, CAPACITY, key, 1);
	munmap(memory, bytes);
	assert_int_equal(fcntl(f->table, F_ADD_SEALS, SIZE_SEAL), 0);
	f->counters = memfd(sizeof(struct counters_page));
	assert_int_equal(fcntl(f->counters, F_ADD_SEALS, SIZE_SEAL), 0);
	f->page = mmap(NULL, sizeof(*f->page), PROT_READ, MAP_SHARED, f->counters, 0);
	assert_true(f->page != MAP_FAILED);
}

static void make_snapshot(struct fixture *f)
{
	struct config_runtime runtime = {0};
	uint16_t pool_index[CONFIG_POOLS_MAX] = {0};
	struct config_error error;
	struct config config;
	size_t bytes;
	void *block;

	config_init(&config);
	if (config_parse(&config, config_text, strlen(config_text), &error) ||
	    config_check(&config, &error))
		fail_msg("configuration line %u: %s", error.line, error.text);
	runtime.pool_index = pool_index;
	for (unsigned i = 0; i < config.n_portgroups; i++) {
		bool left = !strcmp(config.portgroups[i].name, "vrack");

		runtime.portgroup[i].index = left ? 0 : 1;
		runtime.portgroup[i].ifindex = if_nametoindex(left ? "left" : "right");
	}
	block = config_compile(&config, &runtime, &bytes);
	assert_non_null(block);
	f->snapshot = memfd(bytes);
	assert_int_equal(pwrite(f->snapshot, block, bytes, 0), bytes);
	assert_int_equal(fcntl(f->snapshot, F_ADD_SEALS, SIZE_SEAL | F_SEAL_WRITE), 0);
	free(block);
	config_free(&config);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.address.sun_family = AF_UNIX, .address_bytes = sizeof(f.address)};
	f.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(f.listen, (struct sockaddr *)&f.address, sizeof(sa_family_t)) ||
	    getsockname(f.listen, (struct sockaddr *)&f.address, &f.address_bytes) ||
	    listen(f.listen, 1))
		return -1;
	make_table(&f);
	make_snapshot(&f);
	f.client = peer_open("client");
	f.server = peer_open("server");
	f.pid = start(f.listen, -1, NULL);
	connect_to(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	munmap((void *)(uintptr_t)f->page, sizeof(*f->page));
	close(f->client);
	close(f->server);
	close(f->table);
	close(f->counters);
	close(f->snapshot);
	close(f->channel);
	close(f->listen);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* come_round() - wait until each worker has looked at all that it has once more */
static void come_round(struct fixture *f)
{
	const struct channel_message ping = {.type = CHANNEL_PING};

	assert_int_equal(channel_send(f->channel, &ping, NULL, 0), 0);
	do
		receive(f);
	while (f->answer.type != CHANNEL_ALIVE);
}

/* wait_for() - counters are written a moment after the packet that they count has left. */
static void wait_for(struct fixture *f, const uint64_t *counter, uint64_t value)
{
	int64_t end_ms = now_ms() + WAIT_MS;

	while (__atomic_load_n(counter, __ATOMIC_RELAXED) != value && now_ms() < end_ms)
		come_round(f);
	assert_int_equal(*counter, value);
}

static uint16_t ask_server(struct fixture *f)
{
	uint8_t frame[UDP_BYTES];

	make_udp(frame, left_mac, client_mac,
		 (struct ends){"192.168.50.7", "10.10.0.10", 5555, 53});
	send_frame(f->client, frame);
	return expect_udp(f->server, (struct ends){"10.10.0.2", "10.10.0.10", 0, 53});
}

static void answer_client(struct fixture *f, uint16_t port)
{
	uint8_t frame[UDP_BYTES];

	make_udp(frame, right_mac, server_mac, (struct ends){"10.10.0.10", "10.10.0.2", 53, port});
	send_frame(f->server, frame);
	expect_udp(f->client, (struct ends){"10.10.0.10", "192.168.50.7", 53, 5555});
}

static void expect_exit(pid_t pid, int code)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void test_by_hand(void **state)
{
	static const struct {
		const char *argument, *says;
		int listen_fd, code;
	} cases[] = {
		{NULL, "is started by pgwd", -1, 1},
		{NULL, "is not pgwd's listening socket", STDIN_FILENO, 1},
		{"-V", "pgw-datapath " PGW_VERSION, -1, 0},
		{"-h", "usage: pgw-datapath", -1, 0},
		{"-x", "usage: pgw-datapath", -1, 2},
		{"-w", "usage: pgw-datapath", -1, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2048] = "";
		int ends[2];
		pid_t pid;

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid = start(cases[i].listen_fd, ends[1], cases[i].argument);
		close(ends[1]);
		expect_exit(pid, cases[i].code);
		assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
		assert_non_null(strstr(text, cases[i].says));
		close(ends[0]);
	}
}

static void test_status(void **state)
{
	struct fixture *f = *state;
	static const char *const expected[] = {
		"CapInh:\t0000000000000000\n",
		"CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n",
		"CapBnd:\t0000000000000000\n",
		"CapAmb:\t0000000000000000\n",
		"NoNewPrivs:\t1\n",
		"Seccomp:\t2\n",
	};
	char path[64], text[8192];
	ssize_t bytes;
	int fd;

	/* It answers only after it has confined itself. */
	assert_int_equal(ask(f, (struct channel_message){.type = CHANNEL_HELLO}, NULL, 0),
			 CHANNEL_HELLO);
	snprintf(path, sizeof(path), "/proc/%d/status", f->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(bytes > 0);
	text[bytes] = '\0';
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (!strstr(text, expected[i]))
			print_error("%s lacks %s", text, expected[i]);
		assert_non_null(strstr(text, expected[i]));
	}
}

static void test_forwards(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[UDP_BYTES];
	uint16_t port;

	hand_over_all(f);
	port = ask_server(f);
	assert_in_range(port, 20000, 65535);
	answer_client(f, port);
	assert_int_equal(f->page->magic, COUNTERS_MAGIC);
	assert_int_equal(f->page->worker[0].flows, 1);
	wait_for(f, &f->page->worker[0].port[0].rcvd_packets, 1);
	wait_for(f, &f->page->worker[0].port[0].sent_packets, 1);
	/* One that may not pass. */
	make_udp(frame, left_mac, client_mac, (struct ends){"192.168.51.7", "10.10.0.10", 1, 53});
	send_frame(f->client, frame);
	assert_int_equal(ask_server(f), port);
	wait_for(f, &f->page->worker[0].dropped[DROP_NOT_ALLOWED], 1);
	/* The sweep that the snapshot started was reported before this answer. */
	assert_int_equal(ask(f, (struct channel_message){.type = CHANNEL_QUIT}, NULL, 0),
			 CHANNEL_OK);
	assert_true(f->swept);
	expect_exit(f->pid, 0);
	f->pid = 0;
}

static void test_killed_and_started_again(void **state)
{
	struct fixture *f = *state;
	uint16_t port;

	hand_over_all(f);
	port = ask_server(f);
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	close(f->channel);
	f->pid = start(f->listen, -1, NULL);
	connect_to(f);
	hand_over_all(f);
	assert_int_equal(f->answer.u.ok.value, 1); /* one flow adopted */
	answer_client(f, port);
	assert_int_equal(ask_server(f), port);
}

static void test_pgwd_goes_and_returns(void **state)
{
	struct fixture *f = *state;
	uint16_t port;

	hand_over_all(f);
	port = ask_server(f);
	close(f->channel);
	answer_client(f, port);
	connect_to(f);
	assert_int_equal(ask(f, (struct channel_message){.type = CHANNEL_HELLO}, NULL, 0),
			 CHANNEL_HELLO);
	assert_int_equal(f->answer.u.hello.running, 1);
	assert_int_equal(f->answer.u.hello.ports, 3);
	assert_int_equal(f->answer.fds, 3);
	for (unsigned i = 0; i < 3; i++)
		close(f->fds[i]);
	assert_int_equal(ask_server(f), port);
}

static void test_link_down_and_up(void **state)
{
	struct fixture *f = *state;
	const uint64_t *down = &f->page->worker[0].dropped[DROP_PORT_DOWN];
	uint8_t frame[UDP_BYTES];
	char buffer[2048];
	int64_t end_ms;
	uint16_t port;

	hand_over_all(f);
	port = ask_server(f);
	run("ip link set right down");
	make_udp(frame, left_mac, client_mac,
		 (struct ends){"192.168.50.7", "10.10.0.10", 5555, 53});
	end_ms = now_ms() + WAIT_MS;
	while (!__atomic_load_n(down, __ATOMIC_RELAXED) && now_ms() < end_ms) {
		send_frame(f->client, frame);
		come_round(f);
	}
	assert_true(*down > 0);
	/* The kernel forgot its neighbours with the link. */
	run("ip link set right up && "
	    "ip neigh replace 10.10.0.10 lladdr 02:00:00:00:02:02 dev right nud permanent");
	end_ms = now_ms() + WAIT_MS;
	/* Going down left an error on this socket, too. */
	while (recv(f->server, buffer, sizeof(buffer), MSG_DONTWAIT) <= 0 && now_ms() < end_ms) {
		send_frame(f->client, frame);
		come_round(f);
	}
	assert_int_equal(ask_server(f), port);
}

/* With no traffic the process is not woken but by its timers, which are seconds apart. */
static void test_idle(void **state)
{
	struct fixture *f = *state;
	struct pollfd polled = {.fd = f->channel, .events = POLLIN};
	uint64_t wakeups;

	hand_over_all(f);
	ask_server(f);
	/* What it says unasked is over when nothing came for a while. */
	while (poll(&polled, 1, 500) == 1)
		assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	wakeups = f->page->worker[0].wakeups;
	assert_int_equal(poll(&polled, 1, 1000), 0);
	assert_in_range(f->page->worker[0].wakeups - wakeups, 0, 3);
}

static int make_namespace(void **state)
{
	(void)state;
	run("ip link add left address 02:00:00:00:00:01 type veth "
	    "peer name client address 02:00:00:00:01:01");
	run("ip link add right address 02:00:00:00:00:02 type veth "
	    "peer name server address 02:00:00:00:02:02");
	run("for i in left right client server; do "
	    "ip link set $i addrgenmode none && ip link set $i up || exit 1; done");
	run("ip neigh add 10.10.0.10 lladdr 02:00:00:00:02:02 dev right nud permanent");
	return 0;
}

/* find_program() - Return: true if there is a pgw-datapath where the build puts it. */
static bool find_program(void)
{
	ssize_t bytes = readlink("/proc/self/exe", program, sizeof(program) - 64);
	char *slash;

	if (bytes <= 0)
		return false;
	program[bytes] = '\0';
	slash = strrchr(program, '/');
	strcpy(slash, "/../bin/pgw-datapath");
	return !access(program, X_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		TEST(test_status),
		TEST(test_forwards),
		TEST(test_killed_and_started_again),
		TEST(test_pgwd_goes_and_returns),
		TEST(test_link_down_and_up),
		TEST(test_idle),
	};

	if (!find_program() || geteuid() || unshare(CLONE_NEWNET)) {
		fprintf(stderr,
			"SKIPPED: process_start_test needs root, network namespaces and %s\n",
			program);
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, make_namespace, NULL);
}
