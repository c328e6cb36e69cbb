/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_control_test - what pgwd may hand over, and what the datapath refuses.
 *
 * The worker is a fake. Parts that need root (packet sockets, another user) are left out with a
 * message without it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/flow/table.h"
#include "datapath/io/packet.h"
#include "datapath/process/channel.h"
#include "datapath/process/control.h"
#include "tests/unit/fake_worker.h"

#define CAPACITY  1024u
#define SIZE_SEAL (F_SEAL_SHRINK | F_SEAL_GROW)
#define NOBODY	  65534

struct fixture {
	struct sockaddr_un address;
	socklen_t address_bytes;
	int listen;
	int channel; /* pgwd's end; -1 = not connected */
	struct control *control;
	struct worker *worker;
	uint64_t now_ns;
	struct channel_message answer;
	int fds[CHANNEL_FDS_MAX]; /* that came with it */
};

static int connect_to(const struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&f->address, f->address_bytes)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int setup(void **state)
{
	static struct fixture f;
	struct control_error error;

	f = (struct fixture){.address.sun_family = AF_UNIX, .channel = -1, .now_ns = 1000000000};
	/* An abstract address that the kernel chooses. */
	f.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	f.address_bytes = sizeof(f.address);
	if (bind(f.listen, (struct sockaddr *)&f.address, sizeof(sa_family_t)) ||
	    getsockname(f.listen, (struct sockaddr *)&f.address, &f.address_bytes) ||
	    listen(f.listen, 4) || control_create(&f.control, f.listen, &error))
		return -1;
	f.worker = control_worker(f.control);
	control_time(f.control, f.now_ns);
	f.channel = connect_to(&f);
	control_accept(f.control);
	*state = &f;
	return f.channel < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_destroy(f->control);
	close(f->listen);
	if (f->channel >= 0)
		close(f->channel);
	return 0;
}

/* ask() - send a question, let it be served, take the answer. Return: as channel_receive(). */
static int ask(struct fixture *f, struct channel_message message, const int *fds, unsigned n)
{
	int got;

	message.sequence = 77;
	assert_int_equal(channel_send(f->channel, &message, fds, n), 0);
	control_channel(f->control, f->now_ns);
	got = channel_receive(f->channel, &f->answer, f->fds);
	if (got == 1)
		assert_int_equal(f->answer.sequence, 77);
	return got;
}

static void expect_ok(struct fixture *f, struct channel_message message, int fd, uint64_t value)
{
	assert_int_equal(ask(f, message, &fd, fd >= 0), 1);
	if (f->answer.type == CHANNEL_ERROR)
		print_error("%s\n", f->answer.u.text);
	assert_int_equal(f->answer.type, CHANNEL_OK);
	assert_int_equal(f->answer.u.ok.value, value);
}

static void expect_error(struct fixture *f, struct channel_message message, const int *fds,
			 unsigned n, const char *text)
{
	assert_int_equal(ask(f, message, fds, n), 1);
	assert_int_equal(f->answer.type, CHANNEL_ERROR);
	if (!strstr(f->answer.u.text, text))
		print_error("\"%s\" lacks \"%s\"\n", f->answer.u.text, text);
	assert_non_null(strstr(f->answer.u.text, text));
}

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int memfd(const void *content, size_t bytes, size_t size, int seals)
{
	int fd = memfd_create("pgw-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (bytes)
		assert_int_equal(pwrite(fd, content, bytes, 0), bytes);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int table_memfd(int seals)
{
	static const uint8_t key[32] = {1};
	size_t bytes = flow_table_bytes(CAPACITY);
	int fd = memfd(NULL, 0, bytes, 0);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(memory != MAP_FAILED);
	flow_table_format(memory, CAPACITY, key, 1);
	munmap(memory, bytes);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static struct channel_message table_message(void)
{
	struct channel_message message = {.type = CHANNEL_TABLE};

	message.u.table.bytes = flow_table_bytes(CAPACITY);
	message.u.table.counters_bytes = sizeof(struct counters_page);
	return message;
}

static void hand_over_table(struct fixture *f, int counters)
{
	int fds[2] = {table_memfd(SIZE_SEAL), counters};

	f->worker->attach_result = 5;
	assert_int_equal(ask(f, table_message(), fds, 2), 1);
	assert_int_equal(f->answer.type, CHANNEL_OK);
	assert_int_equal(f->answer.u.ok.value, 5);
	close(fds[0]);
}

static int snapshot_memfd(uint64_t revision, int seals)
{
	const struct snapshot_header header = {
		.magic = SNAPSHOT_MAGIC,
		.version = SNAPSHOT_VERSION,
		.bytes = sizeof(header),
		.revision = revision,
	};

	return memfd(&header, sizeof(header), sizeof(header), seals);
}

static const struct channel_message hello = {.type = CHANNEL_HELLO};
static const struct channel_message snapshot = {.type = CHANNEL_SNAPSHOT};

static void test_create_refuses(void **state)
{
	struct fixture *f = *state;
	struct control_error error;
	struct control *control;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int not_listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_int_equal(control_create(&control, udp, &error), -ENOTSOCK);
	assert_int_equal(control_create(&control, not_listening, &error), -ENOTSOCK);
	assert_int_equal(control_create(&control, f->channel, &error), -ENOTSOCK);
	assert_non_null(strstr(error.text, "is started by pgwd"));
	close(udp);
	close(not_listening);
}

static void test_hello_when_new(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, hello, NULL, 0), 1);
	assert_int_equal(f->answer.type, CHANNEL_HELLO);
	assert_int_equal(f->answer.fds, 0);
	assert_int_equal(f->answer.u.hello.layout_version, FLOW_LAYOUT_VERSION);
	assert_int_equal(f->answer.u.hello.snapshot_version, SNAPSHOT_VERSION);
	assert_int_equal(f->answer.u.hello.running, 0);
	assert_int_equal(f->answer.u.hello.ports, 0);
	assert_int_equal(f->answer.u.hello.events, 0);
}

/* pgwd is started again: it gets back what it had handed over. */
static void test_hello_when_running(void **state)
{
	struct fixture *f = *state;
	int counters = memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL);
	int block = snapshot_memfd(9, SIZE_SEAL | F_SEAL_WRITE);
	struct flow_header header;

	hand_over_table(f, counters);
	expect_ok(f, snapshot, block, 9);
	assert_int_equal(f->worker->revision, 9);
	close(counters);
	close(block);
	close(f->channel);
	control_channel(f->control, f->now_ns);
	f->channel = connect_to(f);
	control_accept(f->control);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	assert_int_equal(f->answer.u.hello.running, 1);
	assert_int_equal(f->answer.u.hello.capacity, CAPACITY);
	assert_int_equal(f->answer.u.hello.revision, 9);
	assert_int_equal(f->answer.fds, 3);
	assert_int_equal(pread(f->fds[0], &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(header.magic, FLOW_TABLE_MAGIC);
	assert_int_equal(pread(f->fds[1], &header, 8, 0), 8);
	assert_int_equal(header.magic, COUNTERS_MAGIC);
	assert_int_equal(pread(f->fds[2], &header, 8, 0), 8);
	assert_int_equal(header.magic, SNAPSHOT_MAGIC);
	for (unsigned i = 0; i < 3; i++)
		close(f->fds[i]);
}

/* The worker counts into the shared page from the moment it is there. */
static void test_counters_are_shared(void **state)
{
	struct fixture *f = *state;
	struct counters_page before = {
		.magic = COUNTERS_MAGIC, .version = COUNTERS_VERSION, .bytes = sizeof(before)};
	struct counters_page *page;
	int counters;

	before.worker.flows = 3;
	before.worker.flows_created = 100;
	counters = memfd(&before, sizeof(before), sizeof(before), SIZE_SEAL);
	hand_over_table(f, counters);
	page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, counters, 0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(page->worker.flows, 0);	   /* a gauge of the dead predecessor */
	assert_int_equal(page->worker.flows_created, 100); /* a total goes on */
	f->worker->options.counters->flows_created++;
	control_count_wakeup(f->control);
	assert_int_equal(page->worker.flows_created, 101);
	assert_int_equal(page->worker.wakeups, 1);
	munmap(page, sizeof(*page));
	close(counters);
}

static void test_table_refused(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = table_message();
	const struct counters_page other = {.magic = COUNTERS_MAGIC, .version = 99};
	int table = table_memfd(SIZE_SEAL), loose = table_memfd(0);
	int counters = memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL);
	int loose_counters = memfd(NULL, 0, sizeof(struct counters_page), 0);
	int other_counters = memfd(&other, sizeof(other), sizeof(other), SIZE_SEAL);
	int empty = memfd(NULL, 0, flow_table_bytes(CAPACITY), SIZE_SEAL);
	unsigned before = open_descriptors();

	expect_error(f, message, (int[]){f->listen, counters}, 2, "no memfd");
	expect_error(f, message, (int[]){loose, counters}, 2, "flow table: the memfd is not seal");
	expect_error(f, message, (int[]){empty, counters}, 2, "flow table: ");
	expect_error(f, message, (int[]){table, loose_counters}, 2, "counters page: the memfd is");
	expect_error(f, message, (int[]){table, other_counters}, 2, "page: of another version");
	expect_error(f, message, (int[]){table, f->listen}, 2, "counters page: the descriptor");
	message.u.table.bytes += 4096;
	expect_error(f, message, (int[]){table, counters}, 2, "smaller than the message says");
	message.u.table.bytes = 0;
	expect_error(f, message, (int[]){table, counters}, 2, "wrong size");
	message.u.table.bytes = UINT64_MAX;
	expect_error(f, message, (int[]){table, counters}, 2, "wrong size");
	message = table_message();
	message.u.table.counters_bytes--;
	expect_error(f, message, (int[]){table, counters}, 2, "counters page: wrong size");
	message = table_message();
	f->worker->attach_result = -EINVAL;
	expect_error(f, message, (int[]){table, counters}, 2, "does not fit");
	assert_int_equal(open_descriptors(), before);
	/* After all that, a good one is taken; but no second one. */
	hand_over_table(f, counters);
	expect_error(f, message, (int[]){table, counters}, 2, "there is one already");
	close(table);
	close(loose);
	close(counters);
	close(loose_counters);
	close(other_counters);
	close(empty);
}

static void test_snapshot_refused(void **state)
{
	struct fixture *f = *state;
	const int all = SIZE_SEAL | F_SEAL_WRITE;
	const struct snapshot_header wrong = {.magic = 1};
	int fds[] = {
		snapshot_memfd(2, SIZE_SEAL),
		snapshot_memfd(2, F_SEAL_WRITE | F_SEAL_GROW),
		memfd(&wrong, sizeof(wrong), sizeof(wrong), all),
		memfd(&wrong, 8, 8, all),
		memfd(NULL, 0, (size_t)SNAPSHOT_BYTES_MAX + 1, all),
	};
	static const char *const texts[] = {"not sealed", "not sealed", "snapshot: it is not",
					    "wrong size", "wrong size"};
	int good = snapshot_memfd(1, all);
	unsigned before;

	expect_ok(f, snapshot, good, 1);
	before = open_descriptors();
	for (unsigned i = 0; i < 5; i++)
		expect_error(f, snapshot, &fds[i], 1, texts[i]);
	expect_error(f, snapshot, &f->listen, 1, "wrong size");
	/* The former one stays in force. */
	assert_int_equal(f->worker->revision, 1);
	assert_int_equal(open_descriptors(), before);
	expect_ok(f, snapshot, good, 1);
	assert_int_equal(open_descriptors(), before);
	close(good);
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
}

static void test_flow_end(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = {.type = CHANNEL_FLOW_END};
	int counters = memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL);

	expect_error(f, message, NULL, 0, "no such record");
	hand_over_table(f, counters);
	close(counters);
	message.u.flow.record = CAPACITY;
	expect_error(f, message, NULL, 0, "no such record");
	message.u.flow.record = CAPACITY - 1;
	message.u.flow.word = 42;
	expect_ok(f, message, -1, 1);
	assert_int_equal(f->worker->ended_record, CAPACITY - 1);
	message.u.flow.word = 43;
	expect_ok(f, message, -1, 0);
}

static void test_events(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = {.type = CHANNEL_EVENTS};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0 /* ROUTE */);
	struct control_fds fds;

	expect_error(f, message, &f->listen, 1, "no usable rtnetlink socket");
	assert_true(control_fds(f->control, &fds));
	assert_int_equal(fds.events, -1);
	expect_ok(f, message, fd, 0);
	assert_true(control_fds(f->control, &fds));
	assert_true(fds.events >= 0);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	assert_int_equal(f->answer.u.hello.events, 1);
	control_events(f->control, f->now_ns);
	close(fd);
}

static void test_ports(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = {.type = CHANNEL_PORT};
	const struct channel_message gone = {.type = CHANNEL_PORT_GONE, .u.port.index = 3};
	int counters = memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL);
	int block = snapshot_memfd(1, SIZE_SEAL | F_SEAL_WRITE);
	struct packet_error error;
	struct packet_ring ring;
	struct control_fds fds;
	int fd;

	message.u.port.index = 3;
	message.u.port.ifindex = 1;
	message.u.port.mtu = 1500;
	message.u.port.up = 1;
	expect_error(f, message, &f->listen, 1, "port: not a packet socket");
	message.u.port.index = SNAPSHOT_PORTS_MAX;
	expect_error(f, message, &f->listen, 1, "port: index");
	expect_error(f, gone, NULL, 0, "port: there is none");
	fd = packet_socket_open(1, &ring, &error);
	if (fd == -EPERM) {
		fprintf(stderr, "LEFT OUT: ports need CAP_NET_RAW\n");
		goto out;
	}
	assert_true(fd >= 0);
	message.u.port.index = 3;
	message.u.port.ring_frame_bytes = ring.frame_bytes;
	message.u.port.ring_block_bytes = ring.block_bytes;
	message.u.port.ring_blocks = ring.blocks + 1;
	expect_error(f, message, &fd, 1, "port: not a packet socket with that ring");
	message.u.port.ring_blocks = ring.blocks;
	message.u.port.mtu = 67;
	expect_error(f, message, &fd, 1, "port: index, ifindex or MTU out of range");
	message.u.port.mtu = 1500;
	expect_ok(f, message, fd, 0);
	assert_int_equal(f->worker->last_port.mtu, 1500);
	assert_true(f->worker->last_port.up);
	assert_ptr_equal(f->worker->ports[3]->counters.port, &f->worker->options.counters->port[3]);
	/* It is looked at only when there is something to forward by. */
	assert_true(control_fds(f->control, &fds));
	assert_int_equal(fds.n_ports, 0);
	assert_false(control_fds(f->control, &fds));
	hand_over_table(f, counters);
	expect_ok(f, snapshot, block, 1);
	assert_true(control_fds(f->control, &fds));
	assert_int_equal(fds.n_ports, 1);
	assert_int_equal(fds.ports[0].index, 3);
	assert_int_equal(fds.ports[0].fd, f->worker->ports[3]->ops->fd(f->worker->ports[3]));
	control_port_error(fds.ports[0].fd);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	assert_int_equal(f->answer.u.hello.ports, 1u << 3);
	for (unsigned i = 0; i < 3; i++)
		close(f->fds[i]);
	expect_ok(f, gone, -1, 0);
	assert_int_equal(f->worker->ports_gone, 1);
	assert_true(control_fds(f->control, &fds));
	assert_int_equal(fds.n_ports, 0);
	close(fd);
out:
	close(counters);
	close(block);
}

static void test_violations_end_the_connection(void **state)
{
	struct fixture *f = *state;
	static const uint16_t no_questions[] = {CHANNEL_OK, CHANNEL_ERROR, CHANNEL_RESOLVE,
						CHANNEL_SWEPT};
	unsigned before = open_descriptors();

	for (unsigned i = 0; i < 8; i++) {
		struct channel_message message = {.type = CHANNEL_HELLO};
		int two[2] = {f->listen, f->listen};
		unsigned n = 0;

		if (i < 4)
			message.type = no_questions[i];
		else if (i < 6)
			n = i - 3; /* HELLO with descriptors */
		else
			message.type = CHANNEL_TABLE, n = i - 6; /* TABLE without both */
		assert_int_equal(ask(f, message, two, n), 0);
		close(f->channel);
		f->channel = connect_to(f);
		control_accept(f->control);
	}
	assert_int_equal(send(f->channel, "x", 1, 0), 1);
	control_channel(f->control, f->now_ns);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 0);
	close(f->channel);
	f->channel = connect_to(f);
	control_accept(f->control);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
}

static void test_new_connection_replaces(void **state)
{
	struct fixture *f = *state;
	int old = f->channel;
	struct control_fds fds;

	control_fds(f->control, &fds);
	f->channel = connect_to(f);
	control_accept(f->control);
	assert_true(control_fds(f->control, &fds));
	assert_int_equal(channel_receive(old, &f->answer, f->fds), 0);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	close(old);
	/* Nobody there to be accepted. */
	control_accept(f->control);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
}

static void test_other_users_are_refused(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	if (geteuid()) {
		fprintf(stderr, "LEFT OUT: to be another user needs root\n");
		return;
	}
	pid = fork();
	if (!pid) {
		struct channel_message message;
		int fds[CHANNEL_FDS_MAX], fd;

		if (setuid(NOBODY))
			_exit(2);
		fd = connect_to(f);
		while (channel_receive(fd, &message, fds) == -EAGAIN)
			sched_yield();
		/* 0: closed without an answer */
		_exit(channel_receive(fd, &message, fds) != 0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		control_accept(f->control);
	assert_int_equal(status, 0);
	/* And has not pushed out the real one. */
	assert_int_equal(ask(f, hello, NULL, 0), 1);
}

static void test_resolve(void **state)
{
	struct fixture *f = *state;
	const struct worker_options *options = &f->worker->options;

	options->resolve(options->context, 7, 0x0100000a);
	options->resolve(options->context, 7, 0x0100000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.type, CHANNEL_RESOLVE);
	assert_int_equal(f->answer.sequence, 0);
	assert_int_equal(f->answer.u.resolve.ifindex, 7);
	assert_int_equal(f->answer.u.resolve.addr, 0x0100000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), -EAGAIN);
	control_time(f->control, f->now_ns + 1000000000);
	options->resolve(options->context, 7, 0x0100000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	/* pgwd is away: nothing happens, and the request is not counted as sent. */
	close(f->channel);
	control_channel(f->control, f->now_ns);
	options->resolve(options->context, 7, 0x0200000a);
	f->channel = connect_to(f);
	control_accept(f->control);
	options->resolve(options->context, 7, 0x0200000a);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
}

static void test_ping(void **state)
{
	struct fixture *f = *state;
	const struct channel_message ping = {.type = CHANNEL_PING, .sequence = 5};

	assert_int_equal(channel_send(f->channel, &ping, NULL, 0), 0);
	control_channel(f->control, f->now_ns);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.type, CHANNEL_ALIVE);
	assert_int_equal(f->answer.sequence, 0);
}

static void test_swept(void **state)
{
	struct fixture *f = *state;
	struct worker_status status = {.swept = true, .swept_revision = 4, .swept_ended = 10};
	struct control_fds fds;
	unsigned drained = 0;

	control_report(f->control, &status);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.type, CHANNEL_SWEPT);
	assert_int_equal(f->answer.u.swept.revision, 4);
	assert_int_equal(f->answer.u.swept.ended, 10);
	status.swept = false;
	control_report(f->control, &status);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), -EAGAIN);

	/* No room: it is said later, once, with all flows that were ended meanwhile. */
	status.swept = true;
	control_fds(f->control, &fds);
	for (unsigned i = 0; i < 10000 && !fds.channel_write; i++) {
		control_report(f->control, &status);
		control_fds(f->control, &fds);
	}
	assert_true(fds.channel_write);
	status.swept_revision = 5;
	control_report(f->control, &status);
	while (channel_receive(f->channel, &f->answer, f->fds) == 1)
		drained++;
	assert_true(drained > 0);
	control_channel(f->control, f->now_ns);
	assert_int_equal(channel_receive(f->channel, &f->answer, f->fds), 1);
	assert_int_equal(f->answer.u.swept.revision, 5);
	assert_int_equal(f->answer.u.swept.ended, 20);
	assert_true(control_fds(f->control, &fds));
	assert_false(fds.channel_write);
}

/* Whoever asks without reading the answers is disconnected, not waited for. */
static void test_answers_are_not_read(void **state)
{
	struct fixture *f = *state;
	struct control_fds fds;

	control_fds(f->control, &fds);
	for (unsigned i = 0; i < 100000 && fds.channel >= 0; i++) {
		channel_send(f->channel, &hello, NULL, 0);
		control_channel(f->control, f->now_ns);
		control_fds(f->control, &fds);
	}
	assert_int_equal(fds.channel, -1);
}

static void test_quit(void **state)
{
	struct fixture *f = *state;

	assert_false(control_quit(f->control));
	expect_ok(f, (struct channel_message){.type = CHANNEL_QUIT}, -1, 0);
	assert_true(control_quit(f->control));
}

/* Messages of random content with random descriptors: no leak, no end but of the connection. */
static void test_random_messages(void **state)
{
	struct fixture *f = *state;
	int candidates[4] = {f->listen, table_memfd(SIZE_SEAL),
			     memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL),
			     snapshot_memfd(1, SIZE_SEAL | F_SEAL_WRITE)};
	uint32_t seed = 7;

	for (unsigned i = 0; i < 20000; i++) {
		struct channel_message message = table_message();
		int fds[CHANNEL_FDS_MAX], kept = open_descriptors() < 40;
		unsigned n;

		seed = seed * 1664525 + 1013904223;
		message.type = (uint16_t)(1 + (seed >> 8) % (CHANNEL_TYPE_COUNT - 1));
		if (message.type == CHANNEL_QUIT)
			continue;
		n = (seed >> 16) % 4;
		for (unsigned k = 0; k < n; k++)
			fds[k] = candidates[(seed >> (18 + 2 * k)) % 4];
		if (seed & 0x80000000)
			((uint8_t *)&message.u)[(seed >> 4) % CHANNEL_TEXT] ^= (uint8_t)seed;
		assert_true(kept);
		if (channel_send(f->channel, &message, fds, n))
			continue;
		control_channel(f->control, f->now_ns);
		if (channel_receive(f->channel, &f->answer, f->fds) == 1) {
			for (unsigned k = 0; k < CHANNEL_FDS_MAX; k++) {
				if (f->fds[k] >= 0)
					close(f->fds[k]);
			}
			continue;
		}
		close(f->channel);
		f->channel = connect_to(f);
		control_accept(f->control);
	}
	for (unsigned i = 1; i < 4; i++)
		close(candidates[i]);
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	for (unsigned i = 0; i < f->answer.fds; i++)
		close(f->fds[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_refuses),
		TEST(test_hello_when_new),
		TEST(test_hello_when_running),
		TEST(test_counters_are_shared),
		TEST(test_table_refused),
		TEST(test_snapshot_refused),
		TEST(test_flow_end),
		TEST(test_events),
		TEST(test_ports),
		TEST(test_violations_end_the_connection),
		TEST(test_new_connection_replaces),
		TEST(test_other_users_are_refused),
		TEST(test_resolve),
		TEST(test_ping),
		TEST(test_swept),
		TEST(test_answers_are_not_read),
		TEST(test_quit),
		TEST(test_random_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
