/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_control_test - what pgwd may hand over, and what the datapath refuses.
 *
 * The worker is a fake. Parts that need root (packet sockets) are left out with a message without
 * it.
 */
#include "datapath/io/packet.h"
#include "datapath/io/xdp.h"
#include "datapath/process/forward.h"
#include "tests/unit/control_fixture.h"

static void test_create_refuses(void **state)
{
	struct fixture *f = *state;
	struct control_error error;
	struct control *control;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int not_listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_int_equal(control_create(&control, udp, 1, &error), -ENOTSOCK);
	assert_int_equal(control_create(&control, not_listening, 1, &error), -ENOTSOCK);
	assert_int_equal(control_create(&control, f->channel, 1, &error), -ENOTSOCK);
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
	static struct counters_page before = {.magic = COUNTERS_MAGIC,
					      .version = COUNTERS_VERSION,
					      .bytes = sizeof(before),
					      .blocks = 2};
	struct counters_page *page;
	int counters;

	before.worker[0].flows = 3;
	before.worker[0].flows_created = 100;
	before.worker[1].flows_created = 7; /* of a second worker that there was */
	before.worker[1].fragments_waiting = 1;
	counters = memfd(&before, sizeof(before), sizeof(before), SIZE_SEAL);
	hand_over_table(f, counters);
	page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, counters, 0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(page->worker[0].flows, 0);	      /* a gauge of the dead predecessor */
	assert_int_equal(page->worker[0].flows_created, 100); /* a total goes on */
	assert_int_equal(page->worker[1].fragments_waiting, 0);
	assert_int_equal(page->workers, 1);
	assert_int_equal(page->blocks, 2);
	f->worker->options.counters->flows_created++;
	assert_int_equal(page->worker[0].flows_created, 101);
	assert_int_equal(counters_total(page, &page->worker->flows_created), 108);
	munmap(page, sizeof(*page));
	close(counters);
}

static void test_table_refused(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = table_message();
	static const struct counters_page other = {.magic = COUNTERS_MAGIC, .version = 99};
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

static void test_flows_end(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = {.type = CHANNEL_FLOWS_END};
	int counters = memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL);
	int block = snapshot_memfd(1, SIZE_SEAL | F_SEAL_WRITE);

	expect_error(f, message, NULL, 0, "no flow table");
	hand_over_table(f, counters);
	close(counters);
	expect_error(f, message, NULL, 0, "no snapshot");
	expect_ok(f, snapshot, block, 1);
	close(block);
	message.u.flows.number = 7;
	message.u.flows.limit = 3;
	message.u.flows.filter.conditions = 1u << FILTER_PROTOCOL;
	message.u.flows.filter.protocol = 17;
	expect_ok(f, message, -1, 7);
	assert_int_equal(f->worker->filter_number, 7);
	assert_int_equal(f->worker->filter_limit, 3);
	assert_int_equal(f->worker->filter.protocol, 17);
	message.u.flows.number = 8;
	message.u.flows.filter.conditions = 1u << FILTER_CONDITIONS;
	expect_error(f, message, NULL, 0, "a condition that does not exist");
	message.u.flows.filter.conditions = 0;
	message.u.flows.filter.src.len = 33;
	expect_error(f, message, NULL, 0, "more than 32 bits");
	message.u.flows.filter.src.len = 0;
	message.u.flows.filter.address[EXTERNAL_DST].len = 33;
	expect_error(f, message, NULL, 0, "more than 32 bits");
	message.u.flows.filter.address[EXTERNAL_DST].len = 32;
	message.u.flows.filter.state = FILTER_STATES;
	expect_error(f, message, NULL, 0, "a state that does not exist");
	assert_int_equal(f->worker->filter_number, 7);
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
	struct forward forward = {.n_ports = 0};
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
	expect_error(f, message, &fd, 1, "port: index, ifindex, MTU or worker out of range");
	message.u.port.mtu = 1500;
	message.u.port.worker = 1;
	expect_error(f, message, &fd, 1, "port: index, ifindex, MTU or worker out of range");
	message.u.port.worker = 0;
	expect_ok(f, message, fd, 0);
	assert_int_equal(f->worker->last_port.mtu, 1500);
	assert_true(f->worker->last_port.up);
	assert_ptr_equal(f->worker->ports[3]->counters.port, &f->worker->options.counters->port[3]);
	/* It is looked at only when there is something to forward by. */
	assert_true(control_fds(f->control, &fds));
	control_ports(f->control, 0, &forward);
	assert_int_equal(forward.n_ports, 0);
	assert_false(control_fds(f->control, &fds));
	hand_over_table(f, counters);
	expect_ok(f, snapshot, block, 1);
	assert_true(control_fds(f->control, &fds));
	control_ports(f->control, 0, &forward);
	assert_int_equal(forward.n_ports, 1);
	assert_int_equal(forward.ports[0].index, 3);
	assert_int_equal(forward.ports[0].fd, f->worker->ports[3]->ops->fd(f->worker->ports[3]));
	assert_int_equal(ask(f, hello, NULL, 0), 1);
	assert_int_equal(f->answer.u.hello.ports, 1u << 3);
	for (unsigned i = 0; i < 3; i++)
		close(f->fds[i]);
	expect_ok(f, gone, -1, 0);
	assert_int_equal(f->worker->ports_gone, 1);
	assert_true(control_fds(f->control, &fds));
	control_ports(f->control, 0, &forward);
	assert_int_equal(forward.n_ports, 0);
	close(fd);
out:
	close(counters);
	close(block);
}

static void test_xdp_ports(void **state)
{
	struct fixture *f = *state;
	struct channel_message message = {.type = CHANNEL_PORT_XDP};
	const struct channel_message gone = {.type = CHANNEL_PORT_GONE, .u.port.index = 3};
	int counters = memfd(NULL, 0, sizeof(struct counters_page), SIZE_SEAL);
	int block = snapshot_memfd(1, SIZE_SEAL | F_SEAL_WRITE), fds[3];
	struct packet_error packet_error;
	struct xdp_error xdp_error;
	struct packet_ring ring;
	struct forward forward = {.n_ports = 0};
	struct control_fds polled;
	struct xdp_socket xdp;

	fds[0] = packet_socket_open(1, &ring, &packet_error);
	if (fds[0] == -EPERM) {
		fprintf(stderr, "LEFT OUT: ports need CAP_NET_RAW\n");
		goto out;
	}
	assert_true(fds[0] >= 0);
	assert_int_equal(xdp_socket_open(&xdp, XDP_FRAME_BYTES_MIN, false, &xdp_error), 0);
	message.u.port.index = 3;
	message.u.port.ifindex = 1;
	message.u.port.mtu = 1500;
	message.u.port.ring_frame_bytes = ring.frame_bytes;
	message.u.port.ring_block_bytes = ring.block_bytes;
	message.u.port.ring_blocks = ring.blocks;
	message.u.port.xdp_frame_bytes = XDP_FRAME_BYTES_MAX;
	fds[1] = xdp.fd;
	fds[2] = xdp.memory_fd;
	expect_error(f, message, fds, 3, "port: not an AF_XDP socket with those rings");
	message.u.port.xdp_frame_bytes = XDP_FRAME_BYTES_MIN;
	fds[1] = fds[0];
	expect_error(f, message, fds, 3, "port: not an AF_XDP socket");
	fds[1] = xdp.fd;
	assert_int_equal(ask(f, message, fds, 3), 1);
	assert_int_equal(f->answer.type, CHANNEL_OK);
	assert_string_equal(f->worker->ports[3]->ops->name, "xdp");
	/* both of its sockets are waited for */
	hand_over_table(f, counters);
	expect_ok(f, snapshot, block, 1);
	assert_true(control_fds(f->control, &polled));
	control_ports(f->control, 0, &forward);
	assert_int_equal(forward.n_ports, 1);
	assert_int_equal(forward.n_more, 1);
	assert_int_equal(forward.more[0], f->worker->ports[3]->ops->fd(f->worker->ports[3]));
	/* the packet socket alone takes its place */
	message.type = CHANNEL_PORT;
	expect_ok(f, message, fds[0], 0);
	assert_string_equal(f->worker->ports[3]->ops->name, "packet");
	assert_true(control_fds(f->control, &polled));
	control_ports(f->control, 0, &forward);
	assert_int_equal(forward.n_more, 0);
	expect_ok(f, gone, -1, 0);
	xdp_socket_close(&xdp);
	close(fds[0]);
out:
	close(counters);
	close(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_refuses),
		TEST(test_hello_when_new),
		TEST(test_hello_when_running),
		TEST(test_counters_are_shared),
		TEST(test_table_refused),
		TEST(test_snapshot_refused),
		TEST(test_flows_end),
		TEST(test_events),
		TEST(test_ports),
		TEST(test_xdp_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
