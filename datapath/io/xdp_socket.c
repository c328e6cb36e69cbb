/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp_socket - the privileged half of the AF_XDP backend: open, size and bind.
 *
 * The memory of the frames is a memfd, so that the datapath can map it as well. The kernel pins its
 * pages when it is told of them; the mapping by which it was told is not needed afterwards.
 */
#include "datapath/io/xdp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel puts a frame behind so many bytes of its slot (XDP_PACKET_HEADROOM, linux/bpf.h). */
#define SLOT_HEADROOM	  256u
#define LINK_BYTES	  18u /* Ethernet with a VLAN tag */
#define SEND_BUFFER_BYTES (16 << 20)

static int __attribute__((format(printf, 3, 4)))
fail(struct xdp_error *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -err;
}

uint32_t xdp_frame_bytes(uint32_t mtu)
{
	for (uint32_t bytes = XDP_FRAME_BYTES_MIN; bytes <= XDP_FRAME_BYTES_MAX; bytes *= 2)
		if (mtu <= bytes - SLOT_HEADROOM - LINK_BYTES)
			return bytes;
	return 0;
}

/* Tells the kernel of the frames. */
static int register_memory(struct xdp_socket *xdp, struct xdp_error *error)
{
	size_t bytes = (size_t)(xdp_socket_rx_frames(xdp) + XDP_TX_FRAMES) * xdp->frame_bytes;
	struct xdp_umem_reg umem = {.len = bytes, .chunk_size = xdp->frame_bytes};
	void *memory = MAP_FAILED;
	int err;

	xdp->memory_fd = memfd_create("pgw-xdp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (xdp->memory_fd >= 0 && !ftruncate(xdp->memory_fd, (off_t)bytes) &&
	    !fcntl(xdp->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, xdp->memory_fd, 0);
	if (memory == MAP_FAILED)
		return fail(error, errno, "AF_XDP: no %zu bytes of shared memory: %s", bytes,
			    strerror(errno));
	umem.addr = (uint64_t)(uintptr_t)memory;
	err = setsockopt(xdp->fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) ? errno : 0;
	munmap(memory, bytes);
	if (!err)
		return 0;
	return fail(error, err, "AF_XDP: %zu MiB cannot be locked in memory: %s%s", bytes >> 20,
		    strerror(err),
		    err == ENOBUFS ? ": raise LimitMEMLOCK= of the service (ulimit -l)" : "");
}

/* The kernel binds no socket without a fill ring, also if that is to receive nothing. */
static int size_rings(const struct xdp_socket *xdp, struct xdp_error *error)
{
	static const struct {
		int option, slots;
	} rings[] = {
		{XDP_TX_RING, XDP_TX_FRAMES},
		{XDP_UMEM_COMPLETION_RING, XDP_TX_FRAMES},
		{XDP_UMEM_FILL_RING, XDP_RX_FRAMES},
		{XDP_RX_RING, XDP_RX_FRAMES},
	};
	const size_t n = sizeof(rings) / sizeof(rings[0]) - (xdp->sends_only ? 1 : 0);
	int bytes = SEND_BUFFER_BYTES;

	for (size_t i = 0; i < n; i++)
		if (setsockopt(xdp->fd, SOL_XDP, rings[i].option, &rings[i].slots,
			       sizeof(rings[i].slots)))
			return fail(error, errno, "AF_XDP: rings: %s", strerror(errno));
	/* A smaller buffer only means that sends meet EAGAIN earlier. */
	if (setsockopt(xdp->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(xdp->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

int xdp_socket_open(struct xdp_socket *xdp, uint32_t frame_bytes, bool sends_only,
		    struct xdp_error *error)
{
	int err;

	*xdp = (struct xdp_socket){
		.fd = -1, .memory_fd = -1, .frame_bytes = frame_bytes, .sends_only = sends_only};
	xdp->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xdp->fd < 0 && errno == EPERM)
		return fail(error, EPERM,
			    "AF_XDP is not permitted: start pgwd as root or with CAP_NET_RAW");
	if (xdp->fd < 0)
		return fail(error, errno, "AF_XDP: %s: the kernel needs CONFIG_XDP_SOCKETS",
			    strerror(errno));
	err = register_memory(xdp, error);
	if (!err)
		err = size_rings(xdp, error);
	if (err)
		xdp_socket_close(xdp);
	return err;
}

int xdp_socket_bind(const struct xdp_socket *xdp, uint32_t ifindex, bool *zero_copy,
		    struct xdp_error *error)
{
	const struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		/* one that only sends leaves the driver and its queues as they are */
		.sxdp_flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (xdp->sends_only ? XDP_COPY : 0)),
		.sxdp_ifindex = ifindex,
	};
	struct xdp_options options = {0};
	socklen_t bytes = sizeof(options);

	if (bind(xdp->fd, (const struct sockaddr *)&address, sizeof(address)))
		return fail(error, errno, "AF_XDP: the interface takes no such socket: %s",
			    errno == EBUSY ? "it has one of somebody else" : strerror(errno));
	*zero_copy = !getsockopt(xdp->fd, SOL_XDP, XDP_OPTIONS, &options, &bytes) &&
		     options.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

void xdp_socket_close(struct xdp_socket *xdp)
{
	if (xdp->fd >= 0)
		close(xdp->fd);
	if (xdp->memory_fd >= 0)
		close(xdp->memory_fd);
	xdp->fd = xdp->memory_fd = -1;
}
