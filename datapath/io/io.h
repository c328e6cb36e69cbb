/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io - how frames come in and go out. One const struct of operations per backend:
 * packet (AF_PACKET ring), pcap (a capture file), mem (tests).
 *
 * A received frame is lent: it may be changed in place and sent from where it lies, and it
 * goes back with rx_release(), before which everything queued from it must have been flushed.
 */
#ifndef PGW_IO_IO_H
#define PGW_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/counters.h"

/* The largest frame any backend carries: a 64 KB super-packet and its Ethernet header. */
#define IO_FRAME_BYTES (65535u + 14u)
#define IO_BURST       64u

/* As struct virtio_net_hdr (Linux uapi), host byte order: offloads that a frame still needs. */
struct io_offload {
	uint8_t flags;	  /* IO_NEEDS_CSUM */
	uint8_t gso_type; /* IO_GSO_* */
	uint16_t hdr_len;
	uint16_t gso_size;    /* L4 payload bytes of each segment */
	uint16_t csum_start;  /* from the start of the frame */
	uint16_t csum_offset; /* from csum_start */
} __attribute__((packed));
#define IO_NEEDS_CSUM 1
#define IO_GSO_NONE   0
#define IO_GSO_TCPV4  1
#define IO_GSO_UDP    3
#define IO_GSO_UDP_L4 5
#define IO_GSO_ECN    0x80

#define IO_HEADROOM sizeof(struct io_offload)

struct io_frame {
	uint8_t *data;	   /* Ethernet header first */
	uint32_t len;	   /* bytes at data */
	uint32_t wire_len; /* bytes on the wire; more than len if the slot was too small */
	struct io_offload offload;
	bool vlan;     /* it carried an 802.1Q tag with a VLAN ID other than 0 */
	bool headroom; /* the IO_HEADROOM bytes before data are lent too */
	bool other; /* no interface of this host takes it, neither the port's nor a virtual MAC's */
};

/* A frame to send, in two pieces (tail may be empty). Bytes are borrowed until tx_flush(). */
struct io_send {
	const uint8_t *head, *tail;
	uint32_t head_len, tail_len;
	struct io_offload offload;
	bool headroom; /* the IO_HEADROOM bytes before head may be overwritten */
};

struct io_port; /* each backend's own */

struct io_ops {
	const char *name;
	/* rx() - lend up to @max frames. Return: how many; 0 when there is none now. */
	unsigned (*rx)(struct io_port *port, struct io_frame *frames, unsigned max);
	/* rx_release() - give back all frames lent by the last rx(). */
	void (*rx_release)(struct io_port *port);
	/* tx() - queue one frame; flushes by itself when its queue is full. Never fails: what
	 * the interface does not take is counted by tx_flush() under a drop reason. */
	void (*tx)(struct io_port *port, const struct io_send *send);
	/* tx_flush() - hand all queued frames to the interface, in order. */
	void (*tx_flush)(struct io_port *port);
	/* fd() - a descriptor that polls readable when rx() has frames; -1 if there is none. */
	int (*fd)(const struct io_port *port);
	/* lost() - frames lost by the interface since the last call (receive ring full). */
	uint64_t (*lost)(struct io_port *port);
	void (*close)(struct io_port *port); /* frees the port */
};

/* What a backend counts into; owned by the worker. */
struct io_counters {
	struct port_counters *port;
	uint64_t *dropped; /* indexed by enum drop_reason */
};

/* Every backend's struct begins with this. */
struct io_port {
	const struct io_ops *ops;
	struct io_counters counters;
};

#endif
