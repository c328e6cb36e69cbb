/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem - a port of two bounded queues in memory.
 *
 * Frames to be received are copied in by mem_port_push(); rx() lends these copies. Frames sent
 * are borrowed by tx() and copied by tx_flush(), as late as a real interface would read them,
 * so that a caller that gives a frame back too early is found out (AddressSanitizer sees the
 * copy, for released frames are freed).
 *
 * Limits: MEM_PORT_FRAMES each way, SEND_QUEUE between tx() and tx_flush().
 */
#include "datapath/io/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/io/segments.h"

#define SEND_QUEUE 256u

struct mem_frame {
	uint8_t *data;
	uint32_t len, wire_len;
	struct io_offload offload;
	bool vlan;
};

/* first..first + count - 1, modulo MEM_PORT_FRAMES, are in use and own their data. */
struct mem_queue {
	struct mem_frame frames[MEM_PORT_FRAMES];
	unsigned first, count;
};

struct mem_port {
	struct io_port io;
	struct mem_queue received, sent;
	unsigned lent; /* of received, from its first */
	struct io_send queue[SEND_QUEUE];
	unsigned queued;
	int refuse_error;
	uint32_t refuse_count;
};

static struct mem_port *mem_port(struct io_port *port)
{
	return (struct mem_port *)port;
}

static struct mem_frame *queue_at(struct mem_queue *q, unsigned i)
{
	return &q->frames[(q->first + i) % MEM_PORT_FRAMES];
}

/* queue_add() - Return: a frame with room for @len bytes, or NULL. */
static struct mem_frame *queue_add(struct mem_queue *q, uint32_t len)
{
	struct mem_frame *frame;

	if (q->count == MEM_PORT_FRAMES)
		return NULL;
	frame = queue_at(q, q->count);
	/* Its exact size, so that AddressSanitizer sees one byte too far. */
	frame->data = malloc(len ? len : 1);
	if (!frame->data)
		return NULL;
	frame->len = len;
	frame->wire_len = len;
	q->count++;
	return frame;
}

static void queue_drop_first(struct mem_queue *q)
{
	free(q->frames[q->first].data);
	q->frames[q->first].data = NULL;
	q->first = (q->first + 1) % MEM_PORT_FRAMES;
	q->count--;
}

static void mem_rx_release(struct io_port *port)
{
	struct mem_port *p = mem_port(port);

	for (; p->lent; p->lent--)
		queue_drop_first(&p->received);
}

static unsigned mem_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct mem_port *p = mem_port(port);

	mem_rx_release(port);
	if (max > IO_BURST)
		max = IO_BURST;
	while (p->lent < max && p->lent < p->received.count) {
		const struct mem_frame *from = queue_at(&p->received, p->lent);

		frames[p->lent++] = (struct io_frame){
			.data = from->data,
			.len = from->len,
			.wire_len = from->wire_len,
			.offload = from->offload,
			.vlan = from->vlan,
		};
	}
	return p->lent;
}

/* transmit() - Return: 0 or the error with which an interface would refuse. */
static int transmit(struct mem_port *p, const struct io_send *send)
{
	struct mem_frame *frame;

	if (p->refuse_error && p->refuse_count) {
		if (p->refuse_count != UINT32_MAX)
			p->refuse_count--;
		return p->refuse_error;
	}
	if ((uint64_t)send->head_len + send->tail_len > IO_FRAME_BYTES)
		return EMSGSIZE;
	frame = queue_add(&p->sent, send->head_len + send->tail_len);
	if (!frame)
		return ENOBUFS;
	if (send->head_len)
		memcpy(frame->data, send->head, send->head_len);
	if (send->tail_len)
		memcpy(frame->data + send->head_len, send->tail, send->tail_len);
	frame->offload = send->offload;
	return 0;
}

static void mem_tx_flush(struct io_port *port)
{
	struct mem_port *p = mem_port(port);

	for (unsigned i = 0; i < p->queued; i++) {
		const struct io_send *send = &p->queue[i];
		struct io_segments segments =
			io_segments(&send->offload, send->head_len + send->tail_len);
		int err = transmit(p, send);

		if (err) {
			bool full = err == ENOBUFS || err == EAGAIN;

			p->io.counters.dropped[full ? DROP_TX_FULL : DROP_TX_ERROR]++;
			continue;
		}
		p->io.counters.port->sent_packets += segments.packets;
		p->io.counters.port->sent_bytes += segments.bytes;
	}
	p->queued = 0;
}

static void mem_tx(struct io_port *port, const struct io_send *send)
{
	struct mem_port *p = mem_port(port);

	p->queue[p->queued++] = *send;
	if (p->queued == SEND_QUEUE)
		mem_tx_flush(port);
}

static int mem_fd(const struct io_port *port)
{
	(void)port;
	return -1;
}

static uint64_t mem_lost(struct io_port *port)
{
	(void)port;
	return 0;
}

static void mem_close(struct io_port *port)
{
	struct mem_port *p = mem_port(port);

	while (p->received.count)
		queue_drop_first(&p->received);
	while (p->sent.count)
		queue_drop_first(&p->sent);
	free(p);
}

static const struct io_ops mem_ops = {
	.name = "mem",
	.rx = mem_rx,
	.rx_release = mem_rx_release,
	.tx = mem_tx,
	.tx_flush = mem_tx_flush,
	.fd = mem_fd,
	.lost = mem_lost,
	.close = mem_close,
};

int mem_port_create(struct io_counters counters, struct io_port **port)
{
	struct mem_port *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->io.ops = &mem_ops;
	p->io.counters = counters;
	*port = &p->io;
	return 0;
}

bool mem_port_push(struct io_port *port, const void *frame, uint32_t len,
		   const struct io_offload *offload, bool vlan)
{
	struct mem_frame *to;

	if (len > IO_FRAME_BYTES)
		return false;
	to = queue_add(&mem_port(port)->received, len);
	if (!to)
		return false;
	if (len)
		memcpy(to->data, frame, len);
	to->offload = offload ? *offload : (struct io_offload){0};
	to->vlan = vlan;
	return true;
}

bool mem_port_push_cut(struct io_port *port, const void *frame, uint32_t len, uint32_t wire_len)
{
	struct mem_queue *q = &mem_port(port)->received;

	if (wire_len < len || !mem_port_push(port, frame, len, NULL, false))
		return false;
	queue_at(q, q->count - 1)->wire_len = wire_len;
	return true;
}

uint32_t mem_port_pop(struct io_port *port, void *buffer, uint32_t size, struct io_offload *offload)
{
	struct mem_queue *q = &mem_port(port)->sent;
	const struct mem_frame *frame = queue_at(q, 0);
	uint32_t len;

	if (!q->count)
		return 0;
	len = frame->len;
	if (len && size)
		memcpy(buffer, frame->data, len < size ? len : size);
	if (offload)
		*offload = frame->offload;
	queue_drop_first(q);
	return len;
}

unsigned mem_port_sent(const struct io_port *port)
{
	return ((const struct mem_port *)port)->sent.count;
}

unsigned mem_port_waiting(const struct io_port *port)
{
	const struct mem_port *p = (const struct mem_port *)port;

	return p->received.count - p->lent;
}

void mem_port_refuse(struct io_port *port, int error, uint32_t count)
{
	mem_port(port)->refuse_error = error;
	mem_port(port)->refuse_count = count;
}
