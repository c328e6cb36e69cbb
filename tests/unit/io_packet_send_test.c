/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_packet_send_test - how the AF_PACKET backend sends: its queue, and what becomes of frames that
 * the kernel does not take.
 *
 * sendmmsg() is replaced, so that it can fail as an interface may. Needs root; exits with 77
 * (skipped) without.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/veth.h"

/* What the next calls of sendmmsg() do: 0 = pass on; else the first message fails so. */
static int send_errors[8];
static unsigned send_calls;
static int send_at_most; /* messages a call takes; 0 = all */

int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	unsigned call = send_calls++;

	if (call < 8 && send_errors[call]) {
		errno = send_errors[call];
		return -1;
	}
	if (send_at_most && n > (unsigned)send_at_most)
		n = (unsigned)send_at_most;
	return (int)syscall(SYS_sendmmsg, fd, messages, n, flags);
}

static int setup(void **state)
{
	memset(send_errors, 0, sizeof(send_errors));
	send_calls = 0;
	send_at_most = 0;
	return veth_setup(state);
}

static void test_send_queue(void **state)
{
	struct veth *f = *state;
	static uint8_t frames[600][100];

	send_at_most = 100; /* as the kernel may take only a part */
	veth_queue_numbered(f, frames, 600);
	assert_int_equal(f->counted.sent_packets, 512);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 600);
	for (uint32_t i = 0; i < 600; i++)
		veth_peer_expect(f, i);
	assert_int_equal(f->dropped[DROP_TX_FULL] + f->dropped[DROP_TX_ERROR], 0);
}

static void test_send_errors(void **state)
{
	struct veth *f = *state;
	static const int errors[8] = {ENOBUFS, 0, EAGAIN, EINTR, ENETDOWN, 0};
	uint8_t frames[8][100];

	/* 0 full; 1 and 2 go; 3 full; EINTR loses nothing; 4 error; 5 to 7 go. */
	memcpy(send_errors, errors, sizeof(errors));
	send_at_most = 2;
	veth_queue_numbered(f, frames, 8);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_FULL], 2);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	assert_int_equal(f->counted.sent_packets, 5);
	veth_peer_expect(f, 1);
	veth_peer_expect(f, 2);
	veth_peer_expect(f, 5);
	veth_peer_expect(f, 6);
	veth_peer_expect(f, 7);
	/* Nothing is left behind. */
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 5);
}

static void test_too_long_for_the_link(void **state)
{
	struct veth *f = *state;
	static uint8_t big[20000];
	uint8_t frame[100];
	struct io_send sends[] = {
		{.head = big, .head_len = sizeof(big)},
		{.head = frame, .head_len = sizeof(frame)},
	};

	veth_frame(big, right_mac, sizeof(big), 1);
	veth_frame(frame, right_mac, sizeof(frame), 2);
	f->port->ops->tx(f->port, &sends[0]);
	f->port->ops->tx(f->port, &sends[1]);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	veth_peer_expect(f, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_send_queue, setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_send_errors, setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_too_long_for_the_link, setup, veth_teardown),
	};

	if (!veth_possible("io_packet_send_test"))
		return SKIPPED;
	return cmocka_run_group_tests(tests, veth_namespace, NULL);
}
