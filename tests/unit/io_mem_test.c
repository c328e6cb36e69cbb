/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io_mem_test - the in-memory port: queues, bounds, counting, refused sends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/io/mem.h"

struct fixture {
	struct port_counters counted;
	uint64_t dropped[DROP_COUNT];
	struct io_port *port;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	*state = &f;
	return mem_port_create((struct io_counters){.port = &f.counted, .dropped = f.dropped},
			       &f.port);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->port->ops->close(f->port);
	return 0;
}

static void send_text(struct io_port *port, const char *head, const char *tail)
{
	struct io_send send = {
		.head = (const uint8_t *)head,
		.tail = (const uint8_t *)tail,
		.head_len = (uint32_t)strlen(head),
		.tail_len = tail ? (uint32_t)strlen(tail) : 0,
	};

	port->ops->tx(port, &send);
}

static void test_receive(void **state)
{
	struct fixture *f = *state;
	struct io_offload offload = {.flags = IO_NEEDS_CSUM, .gso_size = 1448};
	struct io_frame frames[4];

	assert_true(mem_port_push(f->port, "abc", 3, &offload, true));
	assert_true(mem_port_push_cut(f->port, "de", 2, 9000));
	assert_false(mem_port_push_cut(f->port, "de", 2, 1));
	assert_int_equal(mem_port_waiting(f->port), 2);
	assert_int_equal(f->port->ops->rx(f->port, frames, 1), 1);
	assert_int_equal(frames[0].len, 3);
	assert_int_equal(frames[0].wire_len, 3);
	assert_memory_equal(frames[0].data, "abc", 3);
	assert_int_equal(frames[0].offload.gso_size, 1448);
	assert_true(frames[0].vlan);
	assert_int_equal(mem_port_waiting(f->port), 1);
	f->port->ops->rx_release(f->port);
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 1);
	assert_int_equal(frames[0].len, 2);
	assert_int_equal(frames[0].wire_len, 9000);
	assert_int_equal(frames[0].offload.gso_size, 0);
	assert_false(frames[0].vlan);
	f->port->ops->rx_release(f->port);
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 0);
	assert_int_equal(f->port->ops->fd(f->port), -1);
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

static void test_receive_bounds(void **state)
{
	struct fixture *f = *state;
	static uint8_t big[IO_FRAME_BYTES + 1];
	struct io_frame frames[IO_BURST + 1];

	assert_false(mem_port_push(f->port, big, IO_FRAME_BYTES + 1, NULL, false));
	assert_true(mem_port_push(f->port, big, IO_FRAME_BYTES, NULL, false));
	for (unsigned i = 1; i < MEM_PORT_FRAMES; i++)
		assert_true(mem_port_push(f->port, &i, sizeof(i), NULL, false));
	assert_false(mem_port_push(f->port, "x", 1, NULL, false));
	/* More are never lent at once than a burst, and they come in order, round the queue. */
	assert_int_equal(f->port->ops->rx(f->port, frames, IO_BURST + 1), IO_BURST);
	f->port->ops->rx_release(f->port);
	assert_true(mem_port_push(f->port, "x", 1, NULL, false));
	for (unsigned i = IO_BURST; i < MEM_PORT_FRAMES; i++) {
		assert_int_equal(f->port->ops->rx(f->port, frames, 1), 1);
		assert_memory_equal(frames[0].data, &i, sizeof(i));
		f->port->ops->rx_release(f->port);
	}
	assert_int_equal(f->port->ops->rx(f->port, frames, 1), 1);
	assert_memory_equal(frames[0].data, "x", 1);
}

static void test_send(void **state)
{
	struct fixture *f = *state;
	struct io_offload offload;
	char text[8] = "";

	send_text(f->port, "head", "tail");
	send_text(f->port, "one", NULL);
	/* Nothing leaves before the flush. */
	assert_int_equal(mem_port_sent(f->port), 0);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(mem_port_sent(f->port), 2);
	assert_int_equal(mem_port_pop(f->port, text, sizeof(text), &offload), 8);
	assert_memory_equal(text, "headtail", 8);
	assert_int_equal(mem_port_pop(f->port, text, 2, NULL), 3);
	assert_memory_equal(text, "onad", 4);
	assert_int_equal(mem_port_pop(f->port, text, sizeof(text), NULL), 0);
	assert_int_equal(f->counted.sent_packets, 2);
	assert_int_equal(f->counted.sent_bytes, 11);
}

static void test_send_segments(void **state)
{
	struct fixture *f = *state;
	static const uint8_t big[54 + 3000];
	struct io_send send = {
		.head = big,
		.head_len = sizeof(big),
		.offload = {.gso_type = IO_GSO_TCPV4, .gso_size = 1448, .hdr_len = 54},
	};
	struct io_offload offload;

	f->port->ops->tx(f->port, &send);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 3);
	assert_int_equal(f->counted.sent_bytes, 3 * 54 + 3000);
	assert_int_equal(mem_port_pop(f->port, NULL, 0, &offload), sizeof(big));
	assert_int_equal(offload.gso_size, 1448);
}

static void test_send_flushes_itself(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < MEM_PORT_FRAMES + 10; i++)
		send_text(f->port, "x", NULL);
	assert_true(mem_port_sent(f->port) > 0);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(mem_port_sent(f->port), MEM_PORT_FRAMES);
	assert_int_equal(f->counted.sent_packets, MEM_PORT_FRAMES);
	assert_int_equal(f->dropped[DROP_TX_FULL], 10);
}

static void test_refuse(void **state)
{
	struct fixture *f = *state;
	static const uint8_t big[IO_FRAME_BYTES];
	struct io_send too_long = {
		.head = big, .head_len = sizeof(big), .tail = big, .tail_len = 1};
	char text[4];

	mem_port_refuse(f->port, ENOBUFS, 2);
	send_text(f->port, "a", NULL);
	send_text(f->port, "b", NULL);
	send_text(f->port, "c", NULL);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_FULL], 2);
	assert_int_equal(mem_port_pop(f->port, text, sizeof(text), NULL), 1);
	assert_memory_equal(text, "c", 1);
	mem_port_refuse(f->port, ENETDOWN, UINT32_MAX);
	send_text(f->port, "d", NULL);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	mem_port_refuse(f->port, 0, 0);
	f->port->ops->tx(f->port, &too_long);
	send_text(f->port, "e", NULL);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 2);
	assert_int_equal(mem_port_sent(f->port), 1);
	assert_int_equal(f->counted.sent_packets, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_flushes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuse, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
