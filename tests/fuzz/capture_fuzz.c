/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture_fuzz - bytes as a capture file: whatever they are, the port lends frames that lie in
 * its memory, and ends.
 *
 * The first byte chooses what stands before the rest, because libpcap is not instrumented and a
 * fuzzer would not guess its file headers: nothing, a pcap header, a pcapng section with one
 * interface, or a pcap header and sound record headers around pieces of the rest.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/io/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t pcap_head[24] = {0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
				      0,    0,	  0,	0,    0, 0, 4, 0, 1, 0, 0, 0};
static const uint8_t pcapng_head[48] = {
	0x0a, 0x0d, 0x0d, 0x0a, 28,  0,	  0,   0,   0x4d, 0x3c, 0x2b, 0x1a, 1, 0,
	0,    0,    255,  255,	255, 255, 255, 255, 255,  255,	28,   0,    0, 0, /* section */
	1,    0,    0,	  0,	20,  0,	  0,   0,   1,	  0,	0,    0,    0, 0,
	4,    0,    20,	  0,	0,   0, /* interface */
};

#define FILE_BYTES_MAX 65536u

/* make_file() - Return: bytes of the file made of an input of @size bytes in @file. */
static size_t make_file(uint8_t file[FILE_BYTES_MAX], const uint8_t *data, size_t size)
{
	unsigned form = data[0] % 4;
	const uint8_t *head = form == 2 ? pcapng_head : pcap_head;
	size_t at = form == 2 ? sizeof(pcapng_head) : form ? sizeof(pcap_head) : 0;

	memcpy(file, head, at);
	data++;
	size--;
	if (form != 3) {
		if (size > FILE_BYTES_MAX - at)
			size = FILE_BYTES_MAX - at;
		memcpy(file + at, data, size);
		return at + size;
	}
	while (size > 8 && at + 16 + 255 < FILE_BYTES_MAX) {
		uint32_t len = data[8] < size - 8 ? data[8] : (uint32_t)(size - 8);
		const uint32_t lengths[2] = {len, len + data[0]};

		memcpy(file + at, data, 8); /* the time */
		memcpy(file + at + 8, lengths, sizeof(lengths));
		memcpy(file + at + 16, data + 8, len);
		at += 16 + len;
		data += 8 + len;
		size -= 8 + len;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_BYTES_MAX];
	struct port_counters counted = {0};
	uint64_t dropped[DROP_COUNT] = {0}, time_ns;
	struct io_counters counters = {.port = &counted, .dropped = dropped};
	struct pcap_port_error error;
	struct io_frame frame;
	struct io_port *port;
	char *written = NULL;
	size_t written_bytes, frames = 0;
	FILE *in, *out;

	if (!size)
		return 0;
	in = fmemopen(file, make_file(file, data, size), "rb");
	out = open_memstream(&written, &written_bytes);
	assert(in && out);
	if (pcap_port_create(in, out, counters, &port, &error)) {
		assert(memchr(error.text, 0, sizeof(error.text)) && error.text[0]);
		free(written);
		return 0;
	}
	while (pcap_port_next(port, &time_ns)) {
		struct io_send send;

		pcap_port_clock(port, time_ns);
		assert(port->ops->rx(port, &frame, 1) == 1);
		assert(frame.len <= IO_FRAME_BYTES && frame.len <= frame.wire_len);
		memset(frame.data, 0x55, frame.len);
		send = (struct io_send){.head = frame.data, .head_len = frame.len};
		port->ops->tx(port, &send);
		port->ops->tx_flush(port);
		port->ops->rx_release(port);
		frames++;
	}
	assert(counted.sent_packets == frames);
	pcap_port_problem(port);
	port->ops->close(port);
	free(written);
	return 0;
}
