/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * veth - a port of the AF_PACKET backend on a real socket, for the tests of datapath/io/packet.
 *
 *   [port under test] left ---- veth ---- right [peer: a plain AF_PACKET socket]
 *
 * in a network namespace of the test's own.
 */
#ifndef PGW_TESTS_VETH_H
#define PGW_TESTS_VETH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "datapath/io/packet.h"

#define SKIPPED	   77
#define WAIT_MS	   5000
#define HEAD_BYTES 54u /* Ethernet, IPv4, TCP */

extern const uint8_t left_mac[6], right_mac[6];

struct veth {
	struct port_counters counted;
	uint64_t dropped[DROP_COUNT];
	struct io_counters counters;
	struct packet_ring ring;
	struct io_port *port;
	uint32_t slots;
	int peer;
};

/* veth_possible() - enter a namespace of our own. Return: false, and a message that @test is
 * skipped, if that is not permitted. */
bool veth_possible(const char *test);
int veth_namespace(void **state); /* of the group: make the two ends */
int veth_setup(void **state);	  /* of each test: open the port and the peer */
int veth_teardown(void **state);
void veth_run(const char *command); /* end the program if it fails */

/* veth_frame() - an Ethernet frame with an IPv4 and a TCP header; @number stands in the payload. */
void veth_frame(uint8_t *frame, const uint8_t *dst, uint32_t len, uint32_t number);
uint32_t veth_number(const struct io_frame *frame);

void veth_peer_send(struct veth *f, const struct io_offload *offload, const void *frame,
		    size_t len);
void veth_peer_send_numbered(struct veth *f, uint32_t first, uint32_t count);
/* veth_peer_receive() - Return: bytes with the offload in front of them, -1 after WAIT_MS. */
ssize_t veth_peer_receive(struct veth *f, void *buffer, size_t size);
void veth_peer_expect(struct veth *f, uint32_t number);

/* veth_receive() - wait until there are frames. Return: how many were lent, 0 after WAIT_MS. */
unsigned veth_receive(struct io_port *port, struct io_frame *frames, unsigned max);
void veth_expect_numbered(struct io_port *port, uint32_t first, uint32_t count);
void veth_queue_numbered(struct veth *f, uint8_t (*frames)[100], uint32_t count);

#endif
