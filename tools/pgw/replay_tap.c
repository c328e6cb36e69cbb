/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_tap - the port that the worker sees: a capture, with what a kernel and a network card
 * do before the datapath has a frame. It learns neighbours, leaves out what the captured
 * gateway itself has sent, and turns frames for another station to us if that is wanted.
 */
#include <errno.h>
#include <stdlib.h>

#include "datapath/proto/packet.h"
#include "tools/pgw/replay.h"

struct tap {
	struct io_port io;
	struct io_port *pcap;
	struct replay *replay;
	uint8_t index;
};

static struct tap *tap_of(struct io_port *port)
{
	return (struct tap *)port;
}

static unsigned tap_rx(struct io_port *io, struct io_frame *frames, unsigned max)
{
	struct tap *tap = tap_of(io);
	struct replay_port *port = &tap->replay->port[tap->index];
	struct ethernet_header *ethernet = NULL;

	if (!tap->pcap->ops->rx(tap->pcap, frames, max < 1 ? 0 : 1))
		return 0;
	port->rcvd_frames++;
	if (frames[0].len >= ETHERNET_BYTES)
		ethernet = (struct ethernet_header *)frames[0].data;
	if (!ethernet)
		return 1; /* the worker counts why it cannot be used */
	if (mac_equal(&ethernet->src, &port->mac)) {
		port->own_packets++;
		tap->pcap->ops->rx_release(tap->pcap);
		return 0;
	}
	replay_learn_frame(tap->replay, tap->index, &frames[0]);
	if (tap->replay->options.any_mac && !(ethernet->dst.b[0] & 1) &&
	    !mac_equal(&ethernet->dst, &port->mac)) {
		ethernet->dst = port->mac;
		port->aimed_frames++;
	}
	return 1;
}

static void tap_rx_release(struct io_port *io)
{
	struct io_port *pcap = tap_of(io)->pcap;

	pcap->ops->rx_release(pcap);
}

static void tap_tx(struct io_port *io, const struct io_send *send)
{
	struct io_port *pcap = tap_of(io)->pcap;

	pcap->ops->tx(pcap, send);
}

static void tap_tx_flush(struct io_port *io)
{
	struct io_port *pcap = tap_of(io)->pcap;

	pcap->ops->tx_flush(pcap);
}

static int tap_fd(const struct io_port *io)
{
	(void)io;
	return -1;
}

static uint64_t tap_lost(struct io_port *io)
{
	(void)io;
	return 0;
}

static void tap_close(struct io_port *io)
{
	struct tap *tap = tap_of(io);

	tap->replay->port[tap->index].tap = NULL;
	tap->pcap->ops->close(tap->pcap);
	free(tap);
}

static const struct io_ops tap_ops = {
	.name = "replay",
	.rx = tap_rx,
	.rx_release = tap_rx_release,
	.tx = tap_tx,
	.tx_flush = tap_tx_flush,
	.fd = tap_fd,
	.lost = tap_lost,
	.close = tap_close,
};

int replay_tap_open(struct replay *replay, uint8_t index, struct io_port *pcap)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return -ENOMEM;
	*tap = (struct tap){.io = {.ops = &tap_ops, .counters = pcap->counters},
			    .pcap = pcap,
			    .replay = replay,
			    .index = index};
	replay->port[index].tap = &tap->io;
	return 0;
}

struct io_port *replay_tap_pcap(const struct replay_port *port)
{
	return port->tap ? tap_of(port->tap)->pcap : NULL;
}
