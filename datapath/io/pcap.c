/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcap - a port that receives from a capture file and sends into another.
 *
 * Reading looks one frame ahead, because replay must know whose frame is next before it sets
 * the clock. States of that frame: none (nothing read yet, or given back), ahead (read, its
 * time may not have come), lent. A capture that turns out to be damaged ends there: what was
 * before it is replayed, pcap_port_problem() says why it ended.
 *
 * A frame is changed where it lies, so it is copied out of libpcap's buffer. As the kernel
 * does, an 802.1Q tag is taken off; unless it has VLAN ID 0, the frame is marked as tagged.
 *
 * Limits: frames of IO_FRAME_BYTES, longer ones are cut and marked so; one is lent at a time;
 * SEND_QUEUE frames between tx() and tx_flush().
 */
#include "datapath/io/pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/io/segments.h"

#define SEND_QUEUE  256u
#define SNAP_BYTES  262144 /* what the file header promises as a maximum */
#define NS_PER_S    1000000000ull
#define MAC_BYTES   12 /* destination and source */
#define TAG_BYTES   4
#define TAGGED_HEAD 18

enum ahead {
	AHEAD_NONE, /* read_ahead() may read the next */
	AHEAD_READ, /* frame and its time are valid; rx() may lend it */
	AHEAD_LENT, /* the caller's until rx_release() */
};

struct pcap_port {
	struct io_port io;
	pcap_t *in;    /* NULL: none, or at its end */
	pcap_t *shape; /* what the output file's header is made of */
	pcap_dumper_t *out;
	uint64_t now_ns;
	enum ahead ahead;
	uint64_t ahead_ns;
	struct io_frame frame;
	struct io_send queue[SEND_QUEUE];
	unsigned queued;
	char problem[PCAP_ERRBUF_SIZE + 64]; /* "" = none */
	uint8_t data[IO_FRAME_BYTES];
	uint8_t piece[IO_FRAME_BYTES]; /* a frame to be written, in one piece */
};

static struct pcap_port *pcap_port(struct io_port *port)
{
	return (struct pcap_port *)port;
}

static int __attribute__((format(printf, 3, 4)))
fail(struct pcap_port_error *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -err;
}

/* take_tag_off() - as the kernel does before a socket sees the frame. */
static void take_tag_off(struct io_frame *frame)
{
	unsigned id;

	frame->vlan = false;
	if (frame->len < TAGGED_HEAD || frame->data[MAC_BYTES] != 0x81 ||
	    frame->data[MAC_BYTES + 1] != 0x00)
		return;
	id = (frame->data[MAC_BYTES + 2] & 0x0fu) << 8 | frame->data[MAC_BYTES + 3];
	frame->vlan = id != 0;
	memmove(frame->data + TAG_BYTES, frame->data, MAC_BYTES);
	frame->data += TAG_BYTES;
	frame->len -= TAG_BYTES;
	frame->wire_len -= TAG_BYTES;
}

static void end_of_input(struct pcap_port *p)
{
	pcap_close(p->in);
	p->in = NULL;
}

/* read_ahead() - Return: true if there is a frame ahead (or lent). */
static bool read_ahead(struct pcap_port *p)
{
	struct pcap_pkthdr *header;
	const uint8_t *data;
	uint32_t len;
	int got;

	if (p->ahead != AHEAD_NONE)
		return true;
	if (!p->in)
		return false;
	got = pcap_next_ex(p->in, &header, &data);
	if (got != 1) {
		if (got != PCAP_ERROR_BREAK && !p->problem[0])
			snprintf(p->problem, sizeof(p->problem), "the capture is damaged: %s",
				 pcap_geterr(p->in));
		end_of_input(p);
		return false;
	}
	len = header->caplen < IO_FRAME_BYTES ? header->caplen : IO_FRAME_BYTES;
	memcpy(p->data, data, len);
	p->frame = (struct io_frame){.data = p->data, .len = len, .wire_len = header->len};
	/* Nothing promises that a file's two lengths are in order. */
	if (p->frame.wire_len < header->caplen)
		p->frame.wire_len = header->caplen;
	take_tag_off(&p->frame);
	/* Opened with nanosecond precision: tv_usec holds nanoseconds. Both may be absurd. */
	p->ahead_ns = (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec;
	p->ahead = AHEAD_READ;
	return true;
}

static void pcap_rx_release(struct io_port *port)
{
	struct pcap_port *p = pcap_port(port);

	if (p->ahead == AHEAD_LENT)
		p->ahead = AHEAD_NONE;
}

static unsigned pcap_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct pcap_port *p = pcap_port(port);

	pcap_rx_release(port);
	if (!max || !read_ahead(p) || p->ahead_ns > p->now_ns)
		return 0;
	frames[0] = p->frame;
	p->ahead = AHEAD_LENT;
	return 1;
}

/* write_frame() - Return: false if the frame is longer than any may be. */
static bool write_frame(struct pcap_port *p, const struct io_send *send)
{
	uint64_t len = (uint64_t)send->head_len + send->tail_len;
	struct pcap_pkthdr header = {
		.ts.tv_sec = (time_t)(p->now_ns / NS_PER_S),
		.ts.tv_usec = (suseconds_t)(p->now_ns % NS_PER_S),
		.caplen = (uint32_t)len,
		.len = (uint32_t)len,
	};

	if (len > sizeof(p->piece))
		return false;
	if (!p->out)
		return true;
	if (send->head_len)
		memcpy(p->piece, send->head, send->head_len);
	if (send->tail_len)
		memcpy(p->piece + send->head_len, send->tail, send->tail_len);
	pcap_dump((uint8_t *)p->out, &header, p->piece);
	return true;
}

static void pcap_tx_flush(struct io_port *port)
{
	struct pcap_port *p = pcap_port(port);

	for (unsigned i = 0; i < p->queued; i++) {
		const struct io_send *send = &p->queue[i];
		struct io_segments segments;

		if (!write_frame(p, send)) {
			p->io.counters.dropped[DROP_TX_ERROR]++;
			continue;
		}
		segments = io_segments(&send->offload, send->head_len + send->tail_len);
		p->io.counters.port->sent_packets += segments.packets;
		p->io.counters.port->sent_bytes += segments.bytes;
	}
	p->queued = 0;
}

static void pcap_tx(struct io_port *port, const struct io_send *send)
{
	struct pcap_port *p = pcap_port(port);

	p->queue[p->queued++] = *send;
	if (p->queued == SEND_QUEUE)
		pcap_tx_flush(port);
}

static int pcap_no_fd(const struct io_port *port)
{
	(void)port;
	return -1;
}

static uint64_t pcap_lost(struct io_port *port)
{
	(void)port;
	return 0;
}

static void pcap_port_close(struct io_port *port)
{
	struct pcap_port *p = pcap_port(port);

	if (p->in)
		pcap_close(p->in);
	if (p->out)
		pcap_dump_close(p->out);
	if (p->shape)
		pcap_close(p->shape);
	free(p);
}

static const struct io_ops pcap_port_ops = {
	.name = "pcap",
	.rx = pcap_rx,
	.rx_release = pcap_rx_release,
	.tx = pcap_tx,
	.tx_flush = pcap_tx_flush,
	.fd = pcap_no_fd,
	.lost = pcap_lost,
	.close = pcap_port_close,
};

/* open_input() - takes @in over in every case. */
static int open_input(struct pcap_port *p, FILE *in, struct pcap_port_error *error)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int link;

	p->in = pcap_fopen_offline_with_tstamp_precision(in, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!p->in) {
		fclose(in);
		return fail(error, EINVAL, "not a capture file in pcap or pcapng format: %s", why);
	}
	link = pcap_datalink(p->in);
	if (link != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(link);

		return fail(error, EINVAL,
			    "the capture has link type %s, expected Ethernet: capture on one "
			    "interface, not on \"any\"",
			    name ? name : "unknown");
	}
	return 0;
}

/* open_output() - takes @out over in every case. */
static int open_output(struct pcap_port *p, FILE *out, struct pcap_port_error *error)
{
	p->shape = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAP_BYTES,
							PCAP_TSTAMP_PRECISION_NANO);
	if (!p->shape) {
		fclose(out);
		return fail(error, ENOMEM, "out of memory");
	}
	p->out = pcap_dump_fopen(p->shape, out);
	if (!p->out) {
		/* libpcap has closed the stream. */
		return fail(error, EIO, "cannot write the capture: %s", pcap_geterr(p->shape));
	}
	return 0;
}

int pcap_port_create(FILE *in, FILE *out, struct io_counters counters, struct io_port **port,
		     struct pcap_port_error *error)
{
	struct pcap_port *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p) {
		if (in)
			fclose(in);
		if (out)
			fclose(out);
		return fail(error, ENOMEM, "out of memory");
	}
	p->io.ops = &pcap_port_ops;
	p->io.counters = counters;
	if (in)
		err = open_input(p, in, error);
	if (out && err)
		fclose(out);
	else if (out)
		err = open_output(p, out, error);
	if (err) {
		pcap_port_close(&p->io);
		return err;
	}
	*port = &p->io;
	return 0;
}

int pcap_port_open(const char *in_path, const char *out_path, struct io_counters counters,
		   struct io_port **port, struct pcap_port_error *error)
{
	struct pcap_port_error why;
	FILE *in = NULL, *out = NULL;
	int err;

	if (in_path && !(in = fopen(in_path, "rbe")))
		return fail(error, errno, "%s: cannot be read: %s", in_path, strerror(errno));
	if (out_path && !(out = fopen(out_path, "wbe"))) {
		err = fail(error, errno, "%s: cannot be written: %s", out_path, strerror(errno));
		if (in)
			fclose(in);
		return err;
	}
	err = pcap_port_create(in, out, counters, port, &why);
	if (err)
		fail(error, -err, "%s: %.250s", in_path && err == -EINVAL ? in_path : out_path,
		     why.text);
	return err;
}

bool pcap_port_next(struct io_port *port, uint64_t *time_ns)
{
	struct pcap_port *p = pcap_port(port);

	pcap_rx_release(port);
	if (!read_ahead(p))
		return false;
	*time_ns = p->ahead_ns;
	return true;
}

void pcap_port_clock(struct io_port *port, uint64_t now_ns)
{
	pcap_port(port)->now_ns = now_ns;
}

const char *pcap_port_problem(struct io_port *port)
{
	struct pcap_port *p = pcap_port(port);

	if (p->out && (pcap_dump_flush(p->out) || ferror(pcap_dump_file(p->out))) && !p->problem[0])
		snprintf(p->problem, sizeof(p->problem),
			 "the output cannot be written: is the disk full?");
	return p->problem[0] ? p->problem : NULL;
}
