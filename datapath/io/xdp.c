/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp - the unprivileged half of the AF_XDP backend: receive from a ring, send by one.
 *
 * Frames. The memory is cut into slots. Each of the first @rx_frames, which are XDP_RX_FRAMES, or 0
 * where the packet port receives all, is in one of four places:
 * the fill ring (the kernel may write into it), the receive ring (it has), lent to the caller, or
 * on its way in the kernel. Each of the others is free, in the send ring, or in the completion ring
 * (sent). Rings have a producer and a consumer, each moved by one side alone; those of ours are
 * kept in @at as well.
 *
 * Sending. Without zero copy the kernel sends within our call, at most some 32 frames of it, and
 * says EAGAIN if there are more, or if the device is full: the call is repeated while it makes
 * progress, and SEND_VAIN times without. What is left stays in the ring, in order, and goes with
 * the next flush, or when the loop waits (poll() sends, too). A frame for which there is no free
 * slot then is dropped as tx-full. A socket that only sends is not waited for, and always copies:
 * what is left is taken back and dropped, as tx-full, or tx-error if the link is down.
 *
 * Order. What goes by @beside waits until what is in the ring has been handed to the kernel, and
 * the other way round. If the kernel does not take it all, what would overtake it is dropped as
 * tx-full. Changing the way with every frame still costs less than sending all by @beside.
 *
 * Bound or not. pgwd binds the socket after we have its rings, and its interface may go down or
 * away. Nothing goes by the ring unless it is bound to an interface that is up: an empty send asks,
 * once between two flushes. With its interface gone, the socket is of no use any more.
 *
 * Checksums. A frame of a sender on the same host may come with no more than the pseudo-header's
 * sum in place of its checksum, and nothing else tells. Where the field is that very sum, the frame
 * is passed on as one whose checksum is still to be filled in; sending fills it in. Of one whole
 * checksum in 65,536 the same is believed, and the same comes out.
 *
 * What is read from a ring is checked against the memory's bounds.
 */
#include "datapath/io/xdp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/checksum.h"
#include "datapath/io/segments.h"
#include "datapath/io/xdp_ring.h"

#define SEND_BATCH 64u /* queued before they are handed over */
#define SEND_VAIN  16u
#define TCP_CHECK  16u /* where the checksum is in its header */
#define UDP_CHECK  6u

static_assert((XDP_RX_FRAMES & (XDP_RX_FRAMES - 1)) == 0, "rings are masked");
static_assert((XDP_TX_FRAMES & (XDP_TX_FRAMES - 1)) == 0, "rings are masked");

struct xdp_port {
	struct io_port io;
	struct io_port *beside;
	int fd;
	uint32_t frame_bytes;
	uint32_t rx_frames;
	uint8_t *memory;
	struct xdp_ring receive, fill, send, completion;
	uint64_t lent[IO_BURST]; /* addresses in the memory */
	uint32_t n_lent;
	bool beside_first; /* the other one's turn: bursts from the ring were full */
	bool beside_queued;
	bool bound;	  /* the ring sends */
	bool asked;	  /* whether it is bound, since the last flush */
	uint32_t queued;  /* in the send ring, and not yet shown to the kernel */
	uint32_t lost_at; /* before it, all in the send ring have been sent or lost */
	uint32_t n_lost;  /* slots of those lost, which are not free yet */
	uint32_t n_free;
	uint32_t free[XDP_TX_FRAMES]; /* numbers of slots */
	uint64_t lost;		      /* as told before */
};

static struct xdp_port *xdp_port(struct io_port *port)
{
	return (struct xdp_port *)port;
}

static size_t memory_bytes(uint32_t rx_frames, uint32_t frame_bytes)
{
	return (size_t)(rx_frames + XDP_TX_FRAMES) * frame_bytes;
}

/* --- receiving --- */

/* find_partial() - see "Checksums". The program takes nothing but plain IPv4 off the interface. */
static void find_partial(struct io_frame *frame)
{
	enum { ETHERNET = 14, IP = 20, L4 = ETHERNET + IP };
	const uint8_t *ip = frame->data + ETHERNET;
	uint16_t ip_bytes, check, offset;
	be32 src, dst;

	if (frame->len < L4 || frame->data[12] != 0x08 || frame->data[13] || ip[0] != 0x45)
		return;
	if (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_UDP)
		return;
	offset = ip[9] == IPPROTO_TCP ? TCP_CHECK : UDP_CHECK;
	ip_bytes = (uint16_t)(ip[2] << 8 | ip[3]);
	if (ip_bytes < IP + offset + sizeof(check) || frame->len < (uint32_t)ETHERNET + ip_bytes)
		return;
	memcpy(&check, ip + IP + offset, sizeof(check));
	if (!check)
		return;
	memcpy(&src, ip + 12, sizeof(src));
	memcpy(&dst, ip + 16, sizeof(dst));
	if (check != checksum_fold(checksum_pseudo(src, dst, ip[9], ip_bytes - IP)))
		return;
	frame->offload.flags = IO_NEEDS_CSUM;
	frame->offload.csum_start = L4;
	frame->offload.csum_offset = offset;
}

static void read_frame(struct xdp_port *p, const struct xdp_desc *desc, struct io_frame *frame)
{
	uint64_t at = desc->addr % p->frame_bytes;

	*frame = (struct io_frame){.data = p->memory, .wire_len = 1};
	/* nothing but our own slots, and nothing beyond them */
	if (desc->addr >= (uint64_t)p->rx_frames * p->frame_bytes ||
	    desc->len > p->frame_bytes - at)
		return;
	frame->data = p->memory + desc->addr;
	frame->len = desc->len;
	frame->wire_len = desc->len;
	frame->headroom = at >= IO_HEADROOM;
	find_partial(frame);
}

static void xdp_rx_release(struct io_port *port)
{
	struct xdp_port *p = xdp_port(port);
	struct msghdr nothing = {0};

	p->beside->ops->rx_release(p->beside);
	if (!p->n_lent)
		return;
	for (uint32_t i = 0; i < p->n_lent; i++)
		*xdp_ring_address(&p->fill, p->fill.at++) =
			p->lent[i] - p->lent[i] % p->frame_bytes;
	xdp_ring_store(p->fill.producer, p->fill.at);
	p->n_lent = 0;
	/* a driver that had no slot left has stopped asking */
	if (xdp_ring_load(p->fill.flags) & XDP_RING_NEED_WAKEUP)
		(void)recvmsg(p->fd, &nothing, MSG_DONTWAIT);
}

static unsigned receive(struct xdp_port *p, struct io_frame *frames, unsigned max)
{
	uint32_t ready = xdp_ring_load(p->receive.producer) - p->receive.at;
	unsigned n = ready < max ? ready : max;

	for (unsigned i = 0; i < n; i++) {
		const struct xdp_desc desc = *xdp_ring_descriptor(&p->receive, p->receive.at + i);

		read_frame(p, &desc, &frames[i]);
		__builtin_prefetch(frames[i].data);
		/* one that is not ours is not given back */
		if (frames[i].data != p->memory)
			p->lent[p->n_lent++] = desc.addr;
	}
	p->receive.at += n;
	if (n)
		xdp_ring_store(p->receive.consumer, p->receive.at);
	return n;
}

static unsigned xdp_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct xdp_port *p = xdp_port(port);
	unsigned n = 0;

	xdp_rx_release(port);
	if (max > IO_BURST)
		max = IO_BURST;
	if (p->beside_first)
		n = p->beside->ops->rx(p->beside, frames, max);
	n += receive(p, frames + n, max - n);
	/* neither way keeps the other waiting under a flood */
	if (!p->beside_first && n < max)
		n += p->beside->ops->rx(p->beside, frames + n, max - n);
	else
		p->beside_first = !p->beside_first && n == max;
	return n;
}

static unsigned beside_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct io_port *beside = xdp_port(port)->beside;

	return beside->ops->rx(beside, frames, max);
}

static void beside_rx_release(struct io_port *port)
{
	struct io_port *beside = xdp_port(port)->beside;

	beside->ops->rx_release(beside);
}

/* --- sending --- */

/* ask_bound() - whether the ring can send now; what was left in it goes. */
static bool ask_bound(struct xdp_port *p)
{
	int err = 0;

	if (!p->asked && sendto(p->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0)
		err = errno;
	p->bound = !p->asked && err != ENXIO && err != ENETDOWN;
	p->asked = true;
	return p->bound;
}

static void free_all(struct xdp_port *p)
{
	for (p->n_free = 0; p->n_free < XDP_TX_FRAMES; p->n_free++)
		p->free[p->n_free] = p->rx_frames + XDP_TX_FRAMES - 1 - p->n_free;
	p->n_lost = 0;
}

static void reclaim(struct xdp_port *p)
{
	uint32_t end = xdp_ring_load(p->completion.producer);

	for (; p->completion.at != end && p->n_free < XDP_TX_FRAMES; p->completion.at++) {
		uint64_t slot =
			*xdp_ring_address(&p->completion, p->completion.at) / p->frame_bytes;

		if (slot >= p->rx_frames && slot < p->rx_frames + XDP_TX_FRAMES)
			p->free[p->n_free++] = (uint32_t)slot;
	}
	xdp_ring_store(p->completion.consumer, p->completion.at);
	/* nothing is under way: what was lost is free as well */
	if (p->n_lost && p->n_free + p->n_lost >= XDP_TX_FRAMES &&
	    xdp_ring_load(p->send.consumer) == p->send.at)
		free_all(p);
}

/* A frame that was counted as sent has been thrown away. */
static void count_lost(struct xdp_port *p, uint32_t at, enum drop_reason reason)
{
	p->io.counters.port->sent_packets--;
	p->io.counters.port->sent_bytes -= xdp_ring_descriptor(&p->send, at)->len;
	p->io.counters.dropped[reason]++;
}

/* The oldest frame in the ring that may still be sent. */
static uint32_t oldest(const struct xdp_port *p)
{
	uint32_t at = xdp_ring_load(p->send.consumer);

	return (int32_t)(p->lost_at - at) > 0 ? p->lost_at : at;
}

static bool in_ring(const struct xdp_port *p)
{
	return oldest(p) != p->send.at;
}

/* lose_ring() - what is in the ring is not to be sent any more: the kernel skips such descriptors,
 * and reports no completion. It looks at the ring in our calls only, for it copies. */
static void lose_ring(struct xdp_port *p, enum drop_reason reason)
{
	for (uint32_t at = oldest(p); at != p->send.at; at++) {
		count_lost(p, at, reason);
		*xdp_ring_descriptor(&p->send, at) =
			(struct xdp_desc){.addr = UINT64_MAX, .len = UINT32_MAX};
		p->n_lost++;
	}
	p->lost_at = p->send.at;
	p->queued = 0;
}

/* drain() - have the kernel send what is in the ring, as far as it will. */
static void drain(struct xdp_port *p)
{
	uint32_t before = xdp_ring_load(p->send.consumer), after, limit = SEND_VAIN;

	/* a call may skip no more than one of those lost, without showing it */
	if (p->n_lost)
		limit += p->send.at - before;
	for (uint32_t vain = 0; vain < limit && before != p->send.at;) {
		int err = sendto(p->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;

		after = xdp_ring_load(p->send.consumer);
		vain = after == before ? vain + 1 : 0;
		if (err == EBUSY && after != before)
			count_lost(p, after - 1, DROP_TX_FULL);
		if (err == ENXIO || err == ENETDOWN)
			p->bound = false;
		before = after;
		if (!err && p->n_lost)
			continue;
		/* without an error it has all, or its driver goes on by itself */
		if (!err || (err != EAGAIN && err != EBUSY && err != ENOBUFS && err != EINTR))
			break;
	}
}

static void flush_own(struct xdp_port *p)
{
	if (p->queued) {
		xdp_ring_store(p->send.producer, p->send.at);
		p->queued = 0;
	}
	drain(p);
	if (!p->rx_frames && in_ring(p))
		lose_ring(p, p->bound ? DROP_TX_FULL : DROP_TX_ERROR);
	reclaim(p);
}

static void xdp_tx_flush(struct io_port *port)
{
	struct xdp_port *p = xdp_port(port);

	if (p->queued)
		flush_own(p);
	if (p->beside_queued)
		p->beside->ops->tx_flush(p->beside);
	p->beside_queued = false;
	p->asked = false;
}

static void send_beside(struct xdp_port *p, const struct io_send *send)
{
	if (p->bound && in_ring(p))
		flush_own(p);
	if (p->bound && in_ring(p)) {
		p->io.counters.dropped[DROP_TX_FULL]++;
		return;
	}
	p->beside->ops->tx(p->beside, send);
	p->beside_queued = true;
}

/* complete() - fill in the checksum of a whole frame. */
static void complete(uint8_t *frame, uint32_t len, const struct io_offload *offload)
{
	uint32_t at = (uint32_t)offload->csum_start + offload->csum_offset;
	uint16_t check;

	if (at + sizeof(check) > len)
		return; /* there is no such field: nobody could fill it in */
	check = (uint16_t)~checksum_fold(
		checksum_add(0, frame + offload->csum_start, len - offload->csum_start));
	/* 0 in UDP says that there is none; TCP, at another offset, knows no such thing */
	if (!check && offload->csum_offset == UDP_CHECK)
		check = 0xffff;
	memcpy(frame + at, &check, sizeof(check));
}

static void xdp_tx(struct io_port *port, const struct io_send *send)
{
	struct xdp_port *p = xdp_port(port);
	uint32_t len = send->head_len + send->tail_len;
	uint8_t *frame;
	uint32_t slot;

	if (send->offload.gso_type != IO_GSO_NONE || len > p->frame_bytes ||
	    !(p->bound || ask_bound(p))) {
		send_beside(p, send);
		return;
	}
	if (p->beside_queued)
		xdp_tx_flush(port);
	if (!p->n_free)
		flush_own(p);
	if (!p->n_free) {
		p->io.counters.dropped[DROP_TX_FULL]++;
		return;
	}
	slot = p->free[--p->n_free];
	frame = p->memory + (size_t)slot * p->frame_bytes;
	memcpy(frame, send->head, send->head_len);
	if (send->tail_len)
		memcpy(frame + send->head_len, send->tail, send->tail_len);
	if (send->offload.flags & IO_NEEDS_CSUM)
		complete(frame, len, &send->offload);
	*xdp_ring_descriptor(&p->send, p->send.at++) =
		(struct xdp_desc){.addr = (uint64_t)slot * p->frame_bytes, .len = len};
	p->io.counters.port->sent_packets++;
	p->io.counters.port->sent_bytes += len;
	if (++p->queued == SEND_BATCH)
		flush_own(p);
}

/* --- the port --- */

static int xdp_fd(const struct io_port *port)
{
	return ((const struct xdp_port *)port)->fd;
}

static uint64_t xdp_lost(struct io_port *port)
{
	struct xdp_port *p = xdp_port(port);
	struct xdp_statistics stats = {0};
	socklen_t bytes = sizeof(stats);
	uint64_t lost = p->beside->ops->lost(p->beside), before = p->lost;

	if (getsockopt(p->fd, SOL_XDP, XDP_STATISTICS, &stats, &bytes))
		return lost;
	p->lost = stats.rx_dropped + stats.rx_ring_full;
	return lost + p->lost - before;
}

static void unmap_rings(struct xdp_port *p)
{
	struct xdp_ring *rings[] = {&p->receive, &p->fill, &p->send, &p->completion};

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (rings[i]->map)
			munmap(rings[i]->map, rings[i]->map_bytes);
}

static int beside_fd(const struct io_port *port)
{
	const struct io_port *beside = ((const struct xdp_port *)port)->beside;

	return beside->ops->fd(beside);
}

static uint64_t beside_lost(struct io_port *port)
{
	struct io_port *beside = xdp_port(port)->beside;

	return beside->ops->lost(beside);
}

static void xdp_close(struct io_port *port)
{
	struct xdp_port *p = xdp_port(port);

	if (p->bound && in_ring(p))
		flush_own(p);
	p->beside->ops->close(p->beside);
	unmap_rings(p);
	munmap(p->memory, memory_bytes(p->rx_frames, p->frame_bytes));
	close(p->fd);
	free(p);
}

static const struct io_ops xdp_ops = {
	.name = "xdp",
	.rx = xdp_rx,
	.rx_release = xdp_rx_release,
	.tx = xdp_tx,
	.tx_flush = xdp_tx_flush,
	.fd = xdp_fd,
	.lost = xdp_lost,
	.close = xdp_close,
};

static const struct io_ops send_ops = {
	.name = "packet-xdp",
	.rx = beside_rx,
	.rx_release = beside_rx_release,
	.tx = xdp_tx,
	.tx_flush = xdp_tx_flush,
	.fd = beside_fd,
	.lost = beside_lost,
	.close = xdp_close,
};

static int map_rings(struct xdp_port *p, int fd)
{
	struct xdp_mmap_offsets offsets;
	socklen_t bytes = sizeof(offsets);
	int err;

	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes))
		return -errno;
	if (bytes != sizeof(offsets))
		return -EINVAL; /* of a kernel before 5.4 */
	err = xdp_ring_map(&p->send, fd, XDP_PGOFF_TX_RING, &offsets.tx, XDP_TX_FRAMES,
			   sizeof(struct xdp_desc));
	if (!err)
		err = xdp_ring_map(&p->completion, fd, XDP_UMEM_PGOFF_COMPLETION_RING, &offsets.cr,
				   XDP_TX_FRAMES, sizeof(uint64_t));
	if (!err && p->rx_frames)
		err = xdp_ring_map(&p->receive, fd, XDP_PGOFF_RX_RING, &offsets.rx, XDP_RX_FRAMES,
				   sizeof(struct xdp_desc));
	if (!err && p->rx_frames)
		err = xdp_ring_map(&p->fill, fd, XDP_UMEM_PGOFF_FILL_RING, &offsets.fr,
				   XDP_RX_FRAMES, sizeof(uint64_t));
	return err;
}

static bool is_xdp_socket(int fd)
{
	int domain = 0;
	socklen_t bytes = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) && domain == AF_XDP;
}

static bool is_memory(int fd, size_t bytes)
{
	struct stat stat;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK && !fstat(fd, &stat) &&
	       stat.st_size == (off_t)bytes;
}

/* All slots to where they begin. */
static void give_slots(struct xdp_port *p)
{
	for (uint32_t i = 0; i < p->rx_frames; i++)
		*xdp_ring_address(&p->fill, p->fill.at++) = (uint64_t)i * p->frame_bytes;
	if (p->rx_frames)
		xdp_ring_store(p->fill.producer, p->fill.at);
	free_all(p);
}

int xdp_port_attach(const struct xdp_socket *xdp, struct io_port *beside,
		    struct io_counters counters, struct io_port **port)
{
	uint32_t rx_frames = xdp_socket_rx_frames(xdp);
	size_t bytes = memory_bytes(rx_frames, xdp->frame_bytes);
	struct xdp_port *p;
	int err;

	if ((xdp->frame_bytes != XDP_FRAME_BYTES_MIN && xdp->frame_bytes != XDP_FRAME_BYTES_MAX) ||
	    !is_xdp_socket(xdp->fd) || !is_memory(xdp->memory_fd, bytes))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->frame_bytes = xdp->frame_bytes;
	p->rx_frames = rx_frames;
	err = map_rings(p, xdp->fd);
	if (err)
		goto out_rings;
	p->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, xdp->memory_fd, 0);
	if (p->memory == MAP_FAILED) {
		err = -errno;
		goto out_rings;
	}
	p->io.ops = rx_frames ? &xdp_ops : &send_ops;
	p->io.counters = counters;
	p->beside = beside;
	p->fd = xdp->fd;
	give_slots(p);
	*port = &p->io;
	return 0;

out_rings:
	unmap_rings(p);
	free(p);
	return err;
}
