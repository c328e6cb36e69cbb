/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp - AF_XDP: frames that an XDP program (offload/receive.h) takes off the interface before the
 * kernel makes socket buffers of them, and frames sent by a ring.
 *
 * It stands beside a packet port, to which all else goes: what the program leaves to the kernel is
 * received there, and super-packets and frames longer than a slot are sent there.
 *
 * One that only sends (@sends_only) has no program and no receive ring: the packet port receives
 * all, and what it may send as well is sent by the ring, for half of the price. It lets the
 * kernel's offloads of the interface and its peer alone.
 *
 * In two halves, as packet.h. xdp_socket_open() and xdp_socket_bind() are pgwd's. Between them
 * pgw-datapath maps the rings (xdp_port_attach()): of a bound socket older kernels map none, and
 * nobody knows which slots a predecessor had. So a successor needs a new socket, and what arrives
 * meanwhile goes by the packet port.
 */
#ifndef PGW_IO_XDP_H
#define PGW_IO_XDP_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/io/io.h"

/* Powers of two. Frames of both lie in one memory, those that are received first. */
#define XDP_RX_FRAMES 2048u
#define XDP_TX_FRAMES 1024u

#define XDP_FRAME_BYTES_MIN 2048u
#define XDP_FRAME_BYTES_MAX 4096u /* the kernel's limit: a page */

struct xdp_socket {
	int fd;
	int memory_fd;	      /* sealed memfd of the frames */
	uint32_t frame_bytes; /* of one */
	bool sends_only;      /* and the memory holds the frames of the send ring alone */
};

struct xdp_error {
	char text[256]; /* what failed, and what to do about it */
};

/* xdp_frame_bytes() - of an interface with this MTU. Return: 0: its frames are too long for one. */
uint32_t xdp_frame_bytes(uint32_t mtu);

/**
 * xdp_socket_open() - make a socket with its rings and its memory; it is bound to nothing yet
 * @frame_bytes: XDP_FRAME_BYTES_MIN or _MAX
 * @sends_only: it is not to receive
 * Return: 0, or -errno with @error set.
 */
int xdp_socket_open(struct xdp_socket *xdp, uint32_t frame_bytes, bool sends_only,
		    struct xdp_error *error);

/* xdp_socket_rx_frames() - how many of its frames, the first ones, are received */
static inline uint32_t xdp_socket_rx_frames(const struct xdp_socket *xdp)
{
	return xdp->sends_only ? 0 : XDP_RX_FRAMES;
}

/**
 * xdp_socket_bind() - to the first receive queue of an interface, without copying if it offers that
 * @zero_copy: set to whether it does
 * Return: 0, or -errno with @error set: -EBUSY: it has another such socket (the kernel needs a
 * moment to forget one that was closed).
 */
int xdp_socket_bind(const struct xdp_socket *xdp, uint32_t ifindex, bool *zero_copy,
		    struct xdp_error *error);
void xdp_socket_close(struct xdp_socket *xdp);

/**
 * xdp_port_attach() - make a port of a socket that is not bound yet
 * @xdp: checked; its fd is owned by the port on success, all else stays the caller's
 * @beside: of the same interface; owned by the port on success
 * Needs no privilege. Until the socket is bound, and when its interface has gone, @beside sends
 * all. Return: 0, -EINVAL (not such a socket or memory), -ENOMEM, other -errno.
 */
int xdp_port_attach(const struct xdp_socket *xdp, struct io_port *beside,
		    struct io_counters counters, struct io_port **port);

#endif
