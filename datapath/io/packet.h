/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet - AF_PACKET: a TPACKET_V2 receive ring, sends by sendmmsg, vnet headers both ways.
 *
 * In two halves. packet_socket_open() and packet_sockets_open() need CAP_NET_RAW and are called by
 * pgwd; the descriptor goes to pgw-datapath, which has no privileges and builds its port with
 * packet_port_attach().
 */
#ifndef PGW_IO_PACKET_H
#define PGW_IO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/io/io.h"

/* How the receive ring is cut, as the kernel was told. */
struct packet_ring {
	uint32_t frame_bytes; /* of one slot */
	uint32_t block_bytes; /* of one piece of kernel memory; holds block / frame slots */
	uint32_t blocks;
};

struct packet_error {
	char text[256]; /* what failed, and what to do about it */
};

/**
 * packet_socket_open() - open, size and bind the socket of one interface
 * @ifindex: of the interface, must exist; it may be down
 * @ring: set to the geometry, which goes to packet_port_attach() with the descriptor
 * @error: set when it fails
 * The socket receives IPv4 frames (EtherType 0x0800) and not what is sent by this host.
 * Return: descriptor (close-on-exec), or -errno.
 */
int packet_socket_open(uint32_t ifindex, struct packet_ring *ring, struct packet_error *error);

/* By what the kernel gives an interface's frames to one of several sockets; both directions of most
 * flows then come to one worker (worker_home()). Later fragments go by source and identification,
 * ICMP by its identifier. */
enum packet_spread {
	PACKET_BY_SOURCE, /* towards clients: source address and port */
	PACKET_BY_PORT,	  /* towards vSphere: the destination port, by its remainder */
};

/* One of several sockets of an interface, and its own ring. */
struct packet_socket {
	int fd;
	struct packet_ring ring;
};

/**
 * packet_sockets_open() - @n sockets of one interface, each frame to one of them
 * @sockets: set on success; where @shared is, they receive in this order, else the first does
 * alone, and the others only send
 * @shared: whether all are to receive; cleared where the kernel does not spread what an interface
 * receives that is down at present (before Linux 6.13)
 * Each is as of packet_socket_open(), with its share of the ring's memory. One is exactly that.
 * Return: 0 or -errno.
 */
int packet_sockets_open(uint32_t ifindex, enum packet_spread spread, unsigned n,
			struct packet_socket *sockets, bool *shared, struct packet_error *error);

/* packet_fanout_join() - @fd is one more socket of @group; -1: the first one, which sets it.
 * Return: 0 or -errno. */
int packet_fanout_join(int fd, enum packet_spread spread, int *group);

/**
 * packet_port_attach() - make a port of a socket of packet_socket_open()
 * @fd: owned by the port on success, by the caller otherwise
 * @ring: checked against the socket: a wrong one is refused
 * Needs no privilege. Also takes over a socket whose former owner died in the middle of it.
 * Return: 0, -EINVAL (not such a socket, or not this geometry), -ENOMEM, other -errno.
 */
int packet_port_attach(int fd, const struct packet_ring *ring, struct io_counters counters,
		       struct io_port **port);

#endif
