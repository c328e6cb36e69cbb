/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet_socket - the privileged half of the packet backend: open, size and bind.
 *
 * The socket is made with protocol 0, so that no frame of any interface reaches it before it
 * has its ring and its interface; bind() then names both the interface and EtherType IPv4.
 *
 * Geometry. A slot holds what a cable carries with an MTU of 1500 and the kernel's own header
 * before it; larger frames come through the socket's queue (packet_large.c). The slot size is an
 * odd number of cache lines: with a multiple of the page size the headers of all slots would
 * compete for the same few sets of the processor's caches. 496 slots make a block of 1 MiB but for
 * 1 KiB; a power of two wastes nothing of what the kernel's page allocator hands out, and where
 * memory has no such piece the kernel falls back to vmalloc. There are as many slots as the kernel
 * may fill while it keeps us from the processor: with fewer, what it received then is lost.
 *
 * PACKET_QDISC_BYPASS stays off: with it a busy device drops what the queueing discipline
 * would have held for a moment, and on devices without one (veth, macvlan) it gains nothing.
 */
#include "datapath/io/packet.h"
#include "datapath/io/packet_own.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING_FRAME_BYTES (64u * 33u)
#define RING_BLOCK_BYTES (1u << 20)
#define RING_BLOCKS	 16u
#define RING_BLOCKS_MIN	 1u

/* Frames that do not fit a slot are charged to the socket until they are read. */
#define RECEIVE_BUFFER_BYTES (8 << 20)

/* Puts the IP header on a 16-byte boundary: 52 (header, address) + 16, rounded up to 80, plus
 * the vnet header's 10 and these 6 are 96. */
#define RING_RESERVE 6

/* Sends are charged to the socket until the device has sent them; a burst of super-packets
 * must fit. */
#define SEND_BUFFER_BYTES (16 << 20)

static_assert(RING_FRAME_BYTES % TPACKET_ALIGNMENT == 0, "the kernel asks for it");
static_assert(RING_FRAME_BYTES >= 1500 + 14 + 96, "what most cables carry fits");

static int __attribute__((format(printf, 3, 4)))
fail(struct packet_error *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -err;
}

static int set_option(int fd, int option, const char *name, int value, struct packet_error *error)
{
	if (!setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)))
		return 0;
	return fail(error, errno, "packet socket: %s: %s: the kernel must be 4.20 or later", name,
		    strerror(errno));
}

static int set_ring(int fd, unsigned share, struct packet_ring *ring, struct packet_error *error)
{
	struct tpacket_req req = {
		.tp_block_size = RING_BLOCK_BYTES,
		.tp_frame_size = RING_FRAME_BYTES,
	};

	for (uint32_t blocks = RING_BLOCKS / share; blocks >= RING_BLOCKS_MIN; blocks /= 2) {
		req.tp_block_nr = blocks;
		req.tp_frame_nr = blocks * (RING_BLOCK_BYTES / RING_FRAME_BYTES);
		if (!setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req))) {
			*ring = (struct packet_ring){
				.frame_bytes = RING_FRAME_BYTES,
				.block_bytes = RING_BLOCK_BYTES,
				.blocks = blocks,
			};
			return 0;
		}
		if (errno != ENOMEM)
			return fail(error, errno, "packet socket: receive ring: %s",
				    strerror(errno));
	}
	return fail(error, ENOMEM,
		    "packet socket: no memory for a receive ring of %u MiB: give the machine more "
		    "memory or use fewer portgroups",
		    RING_BLOCKS_MIN);
}

/* set_buffer() - a smaller one only means that bursts are cut earlier, which is counted. */
static void set_buffer(int fd, int force, int ask, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, ask, &bytes, sizeof(bytes));
}

static int configure(int fd, unsigned share, struct packet_ring *ring, struct packet_error *error)
{
	int err;

	err = set_option(fd, PACKET_VERSION, "PACKET_VERSION", TPACKET_V2, error);
	if (!err)
		err = set_option(fd, PACKET_VNET_HDR, "PACKET_VNET_HDR", 1, error);
	if (!err)
		err = set_option(fd, PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING", 1, error);
	if (!err)
		err = set_option(fd, PACKET_RESERVE, "PACKET_RESERVE", RING_RESERVE, error);
	if (!err)
		err = set_option(fd, PACKET_COPY_THRESH, "PACKET_COPY_THRESH", 1, error);
	if (!err)
		err = set_ring(fd, share, ring, error);
	if (err)
		return err;
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES / (int)share);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES);
	return 0;
}

/* @protocol: what it receives; 0: nothing. @share: of how many sockets it is one */
static int open_socket(uint32_t ifindex, uint16_t protocol, unsigned share,
		       struct packet_ring *ring, struct packet_error *error)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)ifindex,
	};
	int err, fd;

	if (!ifindex || ifindex > INT32_MAX)
		return fail(error, EINVAL, "packet socket: %u is no interface index", ifindex);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && errno == EPERM)
		return fail(error, EPERM,
			    "packet socket: not permitted: start pgwd as root or with CAP_NET_RAW");
	if (fd < 0)
		return fail(error, errno, "packet socket: %s: the kernel needs CONFIG_PACKET",
			    strerror(errno));
	err = configure(fd, share, ring, error);
	if (err)
		goto out_close;
	packet_leave_own(fd); /* without BPF there is no tc program either: all of them come */
	/* A device that is down can be bound too; this socket then reports ENETDOWN once. */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		err = fail(error, errno, "packet socket: interface with index %u: %s", ifindex,
			   errno == ENODEV ? "it does not exist (any more)" : strerror(errno));
		goto out_close;
	}
	return fd;

out_close:
	close(fd);
	return err;
}

int packet_socket_open(uint32_t ifindex, struct packet_ring *ring, struct packet_error *error)
{
	return open_socket(ifindex, ETH_P_IP, 1, ring, error);
}

int packet_sockets_open(uint32_t ifindex, enum packet_spread spread, unsigned n,
			struct packet_socket *sockets, bool *shared, struct packet_error *error)
{
	int group = -1, err = 0;
	unsigned i;

	for (i = 0; i < n && !err; i++) {
		int fd = open_socket(ifindex, i && !*shared ? 0 : ETH_P_IP, n, &sockets[i].ring,
				     error);

		if (fd < 0) {
			err = fd;
			break;
		}
		sockets[i].fd = fd;
		if (n > 1 && *shared)
			err = packet_fanout_join(fd, spread, &group);
		if (err == -EINVAL && !i) {
			*shared = false;
			err = 0;
		}
		if (err)
			fail(error, -err,
			     "packet socket: cannot be one of %u of interface %u: PACKET_FANOUT: "
			     "%s",
			     n, ifindex, strerror(-err));
	}
	for (; err && i > 0; i--)
		close(sockets[i - 1].fd);
	return err;
}
