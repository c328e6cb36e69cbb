/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet - the unprivileged half of the packet backend: receive from the ring, send.
 *
 * Ring. Slots are used in order, round and round, by the kernel (which fills) and by us (who
 * give back). Each belongs to one of both, as its status word says: TP_STATUS_KERNEL or
 * TP_STATUS_USER. Invariant: the slots from @first on, @lent many, are lent to the caller;
 * the slot after them is where the kernel's next frame appears. Blocks hold whole slots; the
 * rest of a block is unused.
 *
 * Taking over. When a process dies its successor maps the same ring, and knows neither where
 * the kernel will write next nor what the predecessor had done with the filled slots. It looks
 * for the first filled slot after an empty one, which is the oldest frame, as soon as the kernel
 * says that there is one: to look through all slots in vain at every rx() would take longer than
 * to forward a burst. If all are full, the oldest is where the time stamps go
 * back. A frame that the predecessor had sent but not given back is sent twice. Should we ever
 * wait at another slot than the kernel fills next (the clock was set back while the ring was
 * full), the slot stays empty: after LOOK_AGAIN vain looks the place is searched again.
 *
 * Whatever is read from the ring is checked against the slot's bounds: the mapping's size was
 * checked by the kernel, the slot size came over a socket.
 *
 * Limits: IO_BURST frames lent, SEND_QUEUE frames queued.
 */
#include "datapath/io/packet.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/base/addr.h"
#include "datapath/io/packet_large.h"
#include "datapath/io/segments.h"

#define SEND_QUEUE 256u
#define LOOK_AGAIN 16384u
/* Bounds for a geometry that came over a socket. */
#define RING_BYTES_MAX (1u << 30)

static_assert(sizeof(struct io_offload) == sizeof(struct virtio_net_hdr), "same layout");
static_assert(offsetof(struct io_offload, gso_type) == offsetof(struct virtio_net_hdr, gso_type) &&
		      offsetof(struct io_offload, hdr_len) ==
			      offsetof(struct virtio_net_hdr, hdr_len) &&
		      offsetof(struct io_offload, gso_size) ==
			      offsetof(struct virtio_net_hdr, gso_size) &&
		      offsetof(struct io_offload, csum_start) ==
			      offsetof(struct virtio_net_hdr, csum_start) &&
		      offsetof(struct io_offload, csum_offset) ==
			      offsetof(struct virtio_net_hdr, csum_offset),
	      "same layout");
static_assert(IO_NEEDS_CSUM == VIRTIO_NET_HDR_F_NEEDS_CSUM, "same values");
static_assert(IO_GSO_TCPV4 == VIRTIO_NET_HDR_GSO_TCPV4 && IO_GSO_UDP == VIRTIO_NET_HDR_GSO_UDP &&
		      IO_GSO_ECN == VIRTIO_NET_HDR_GSO_ECN,
	      "same values");

struct packet_port {
	struct io_port io;
	int fd;
	bool found;    /* @first is where the kernel goes on */
	uint32_t vain; /* looks at an empty slot since the last frame */
	uint8_t *map;
	struct packet_ring ring;
	uint32_t block_slots;
	uint32_t slots;
	uint32_t first; /* oldest slot that is lent, or the next to be filled */
	uint32_t lent;
	uint64_t missed; /* large frames that the kernel had no room for, or not any more */
	struct packet_large *large;
	uint32_t queued;
	struct mmsghdr messages[SEND_QUEUE];
	struct iovec pieces[SEND_QUEUE][3]; /* vnet header, head, tail */
	struct io_offload offloads[SEND_QUEUE];
	struct io_segments segments[SEND_QUEUE];
};

static struct packet_port *packet_port(struct io_port *port)
{
	return (struct packet_port *)port;
}

static struct tpacket2_hdr *slot_at(const struct packet_port *p, uint32_t slot)
{
	size_t block = slot / p->block_slots;
	size_t within = slot % p->block_slots;
	uint8_t *at = p->map + block * p->ring.block_bytes + within * p->ring.frame_bytes;

	/* Aligned: blocks are whole pages, slots are multiples of TPACKET_ALIGNMENT. */
	return (struct tpacket2_hdr *)(void *)at;
}

static bool slot_filled(const struct tpacket2_hdr *slot)
{
	return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void slot_give_back(struct tpacket2_hdr *slot)
{
	__atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static uint32_t slot_after(const struct packet_port *p, uint32_t slot)
{
	return slot + 1 == p->slots ? 0 : slot + 1;
}

static uint64_t slot_time(const struct tpacket2_hdr *slot)
{
	return (uint64_t)slot->tp_sec << 32 | slot->tp_nsec;
}

/* find_first() - see "Taking over". Return: true once @first is known. */
static bool find_first(struct packet_port *p)
{
	struct pollfd polled = {.fd = p->fd, .events = POLLIN};
	const struct tpacket2_hdr *before = slot_at(p, p->slots - 1);
	bool filled_before, empty_seen;
	uint32_t oldest = 0;

	if (poll(&polled, 1, 0) != 1 || !(polled.revents & POLLIN))
		return false;
	filled_before = slot_filled(before);
	empty_seen = !filled_before;
	for (uint32_t i = 0; i < p->slots; i++) {
		const struct tpacket2_hdr *slot = slot_at(p, i);
		bool filled = slot_filled(slot);

		if (filled && !filled_before) {
			p->first = i;
			p->found = true;
			return true;
		}
		if (filled && filled_before && slot_time(slot) < slot_time(before))
			oldest = i;
		empty_seen |= !filled;
		filled_before = filled;
		before = slot;
	}
	if (empty_seen)
		return false;
	p->first = oldest;
	p->found = true;
	return true;
}

/*
 * of_unknown_vlan() - whether a frame that the kernel marked as another station's is so for
 * its VLAN only. The kernel takes the tag off such a frame, so nothing else tells it from an
 * untagged one that is addressed to us.
 */
static bool of_unknown_vlan(const struct packet_port *p, const uint8_t *frame, uint32_t len)
{
	struct sockaddr_ll own = {0};
	socklen_t bytes = sizeof(own);

	if (len < sizeof(struct mac))
		return false;
	if (frame[0] & 1)
		return true;
	/* Asked each time, for it may change. Frames to other stations are rare. */
	return !getsockname(p->fd, (struct sockaddr *)&own, &bytes) && own.sll_halen == 6 &&
	       !memcmp(own.sll_addr, frame, sizeof(struct mac));
}

/* read_slot() - Return: false if the frame is one of our own host's making. */
static bool read_slot(const struct packet_port *p, const struct tpacket2_hdr *slot,
		      struct io_frame *frame)
{
	const uint8_t *base = (const uint8_t *)slot;
	struct sockaddr_ll from;
	uint32_t at = slot->tp_mac;
	uint32_t len = slot->tp_snaplen;

	memcpy(&from, base + TPACKET_ALIGN(sizeof(*slot)), sizeof(from));
	if (from.sll_pkttype == PACKET_OUTGOING)
		return false;
	if (at < TPACKET2_HDRLEN + sizeof(frame->offload) || at > p->ring.frame_bytes ||
	    len > p->ring.frame_bytes - at) {
		*frame = (struct io_frame){.data = (uint8_t *)slot, .wire_len = 1};
		return true;
	}
	frame->data = (uint8_t *)slot + at;
	frame->len = len;
	frame->wire_len = slot->tp_len < len ? len : slot->tp_len;
	memcpy(&frame->offload, frame->data - sizeof(frame->offload), sizeof(frame->offload));
	frame->offload.flags &= IO_NEEDS_CSUM;
	frame->headroom = true;
	frame->vlan = (slot->tp_status & TP_STATUS_VLAN_VALID) && (slot->tp_vlan_tci & 0x0fff);
	/* What a macvlan of this host takes is marked as ours, unless it is of an unknown VLAN. */
	frame->other = from.sll_pkttype == PACKET_OTHERHOST;
	if (frame->other && !frame->vlan)
		frame->vlan = of_unknown_vlan(p, frame->data, len);
	return true;
}

/*
 * fetch_large() - have the whole of those among @frames that their slots do not hold.
 * Return: how many frames there are now.
 */
static unsigned fetch_large(struct packet_port *p, struct io_frame *frames, unsigned n)
{
	struct io_frame *large[IO_BURST];
	unsigned wanted = 0, missing, kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (frames[i].len < frames[i].wire_len && frames[i].len)
			large[wanted++] = &frames[i];
	missing = packet_large_fetch(p->large, p->fd, large, wanted);
	p->missed += missing;
	if (!missing)
		return n;
	for (unsigned i = 0; i < n; i++)
		if (frames[i].data)
			frames[kept++] = frames[i];
	return kept;
}

static void packet_rx_release(struct io_port *port)
{
	struct packet_port *p = packet_port(port);

	for (; p->lent; p->lent--) {
		slot_give_back(slot_at(p, p->first));
		p->first = slot_after(p, p->first);
	}
}

static unsigned packet_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct packet_port *p = packet_port(port);
	unsigned n = 0, large = 0;
	uint32_t at;

	packet_rx_release(port);
	if (!p->found && !find_first(p))
		return 0;
	if (max > IO_BURST)
		max = IO_BURST;
	at = p->first;
	/* What is skipped is counted as lent too, so this ends after one round at the latest. */
	while (n < max && p->lent < p->slots) {
		struct tpacket2_hdr *slot = slot_at(p, at);

		if (!slot_filled(slot))
			break;
		at = slot_after(p, at);
		__builtin_prefetch(slot_at(p, at));
		p->lent++;
		if (slot->tp_len > slot->tp_snaplen && !(slot->tp_status & TP_STATUS_COPY)) {
			p->missed++;
			continue;
		}
		if (read_slot(p, slot, &frames[n])) {
			__builtin_prefetch(frames[n].data);
			large += frames[n].len < frames[n].wire_len;
			n++;
		}
	}
	if (p->lent) {
		p->vain = 0;
	} else if (++p->vain % LOOK_AGAIN == 0) {
		p->found = false;
		packet_large_forget(p->large, p->fd);
	}
	if (large)
		n = fetch_large(p, frames, n);
	if (!n)
		packet_rx_release(port);
	return n;
}

/* give_up() - count message @k of the queue as dropped for what sendmmsg() said. */
static void give_up(struct packet_port *p, int err)
{
	bool full = err == ENOBUFS || err == EAGAIN || err == ENOMEM;

	p->io.counters.dropped[full ? DROP_TX_FULL : DROP_TX_ERROR]++;
}

static void packet_tx_flush(struct io_port *port)
{
	struct packet_port *p = packet_port(port);
	uint32_t next = 0;

	while (next < p->queued) {
		int sent = sendmmsg(p->fd, p->messages + next, p->queued - next, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			/* The first message failed; those behind it may still fit. */
			give_up(p, sent ? errno : EIO);
			next++;
			continue;
		}
		for (uint32_t end = next + (uint32_t)sent; next < end; next++) {
			p->io.counters.port->sent_packets += p->segments[next].packets;
			p->io.counters.port->sent_bytes += p->segments[next].bytes;
		}
	}
	p->queued = 0;
}

static void packet_tx(struct io_port *port, const struct io_send *send)
{
	struct packet_port *p = packet_port(port);
	uint32_t i = p->queued++;

	p->segments[i] = io_segments(&send->offload, send->head_len + send->tail_len);
	/* the vnet header goes right before the frame where it lies, if there is room: one piece
	 * less for the kernel to gather */
	if (send->headroom && !send->tail_len) {
		uint8_t *start = (uint8_t *)(uintptr_t)send->head - sizeof(send->offload);

		memcpy(start, &send->offload, sizeof(send->offload));
		p->pieces[i][0] = (struct iovec){.iov_base = start,
						 .iov_len = sizeof(send->offload) + send->head_len};
		p->messages[i].msg_hdr.msg_iovlen = 1;
	} else {
		p->offloads[i] = send->offload;
		p->pieces[i][0] = (struct iovec){.iov_base = &p->offloads[i],
						 .iov_len = sizeof(p->offloads[i])};
		p->pieces[i][1] = (struct iovec){.iov_base = (void *)(uintptr_t)send->head,
						 .iov_len = send->head_len};
		p->pieces[i][2] = (struct iovec){.iov_base = (void *)(uintptr_t)send->tail,
						 .iov_len = send->tail_len};
		p->messages[i].msg_hdr.msg_iovlen = send->tail_len ? 3 : 2;
	}
	if (p->queued == SEND_QUEUE)
		packet_tx_flush(port);
}

static int packet_fd(const struct io_port *port)
{
	return ((const struct packet_port *)port)->fd;
}

static uint64_t packet_lost(struct io_port *port)
{
	struct packet_port *p = packet_port(port);
	struct tpacket_stats stats = {0};
	socklen_t bytes = sizeof(stats);
	uint64_t missed = p->missed;

	p->missed = 0;
	/* The kernel sets its count to 0 with each call. */
	if (getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes))
		return missed;
	return missed + stats.tp_drops;
}

static void packet_close(struct io_port *port)
{
	struct packet_port *p = packet_port(port);

	/* What is lent belongs to the next owner of the ring, if there is one: give it back. */
	packet_rx_release(port);
	munmap(p->map, (size_t)p->ring.block_bytes * p->ring.blocks);
	packet_large_free(p->large);
	close(p->fd);
	free(p);
}

static const struct io_ops packet_ops = {
	.name = "packet",
	.rx = packet_rx,
	.rx_release = packet_rx_release,
	.tx = packet_tx,
	.tx_flush = packet_tx_flush,
	.fd = packet_fd,
	.lost = packet_lost,
	.close = packet_close,
};

static bool option_is(int fd, int level, int option, int wanted)
{
	int value = 0;
	socklen_t bytes = sizeof(value);

	return !getsockopt(fd, level, option, &value, &bytes) && value == wanted;
}

static bool ring_is_sane(const struct packet_ring *ring)
{
	return ring->frame_bytes >= TPACKET2_HDRLEN + sizeof(struct io_offload) &&
	       ring->frame_bytes % TPACKET_ALIGNMENT == 0 &&
	       ring->block_bytes >= ring->frame_bytes && ring->block_bytes % 4096 == 0 &&
	       ring->block_bytes <= RING_BYTES_MAX && ring->blocks &&
	       ring->blocks <= RING_BYTES_MAX / ring->block_bytes;
}

static bool is_packet_socket(int fd)
{
	return option_is(fd, SOL_SOCKET, SO_DOMAIN, AF_PACKET) &&
	       option_is(fd, SOL_SOCKET, SO_TYPE, SOCK_RAW) &&
	       option_is(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2) &&
	       option_is(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
}

int packet_port_attach(int fd, const struct packet_ring *ring, struct io_counters counters,
		       struct io_port **port)
{
	struct packet_port *p;
	int err;

	if (!ring_is_sane(ring) || !is_packet_socket(fd))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->large = packet_large_new();
	if (!p->large) {
		free(p);
		return -ENOMEM;
	}
	/* The kernel refuses every size but that of the ring that was set. */
	p->map = mmap(NULL, (size_t)ring->block_bytes * ring->blocks, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (p->map == MAP_FAILED) {
		err = -errno;
		packet_large_free(p->large);
		free(p);
		return err;
	}
	p->io.ops = &packet_ops;
	p->io.counters = counters;
	p->fd = fd;
	p->ring = *ring;
	p->block_slots = ring->block_bytes / ring->frame_bytes;
	p->slots = p->block_slots * ring->blocks;
	for (uint32_t i = 0; i < SEND_QUEUE; i++) {
		p->pieces[i][0] = (struct iovec){.iov_base = &p->offloads[i],
						 .iov_len = sizeof(p->offloads[i])};
		p->messages[i].msg_hdr.msg_iov = p->pieces[i];
	}
	*port = &p->io;
	return 0;
}
