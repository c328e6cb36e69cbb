/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io_pcap_test - capture files in and out: formats, times, tags, damage. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/io/pcap.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define ETHERNET 1u
#define COOKED	 113u

struct fixture {
	struct port_counters counted;
	uint64_t dropped[DROP_COUNT];
	struct io_counters counters;
	struct pcap_port_error error;
	/* a capture under construction */
	uint8_t file[1 << 18];
	size_t bytes;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->counters = (struct io_counters){.port = &f->counted, .dropped = f->dropped};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void put(struct fixture *f, const void *data, size_t bytes)
{
	assert_true(f->bytes + bytes <= sizeof(f->file));
	memcpy(f->file + f->bytes, data, bytes);
	f->bytes += bytes;
}

static void put32(struct fixture *f, uint32_t value)
{
	put(f, &value, sizeof(value));
}

static void pcap_head(struct fixture *f, uint32_t magic, uint32_t link)
{
	const uint16_t version[] = {2, 4};

	put32(f, magic);
	put(f, version, sizeof(version));
	put32(f, 0);
	put32(f, 0);
	put32(f, 262144);
	put32(f, link);
}

static void pcap_frame(struct fixture *f, uint32_t s, uint32_t fraction, const char *data,
		       uint32_t wire_len)
{
	put32(f, s);
	put32(f, fraction);
	put32(f, (uint32_t)strlen(data));
	put32(f, wire_len);
	put(f, data, strlen(data));
}

/* A pcapng file: section header, one interface with nanosecond times, then enhanced packets. */
static void pcapng_head(struct fixture *f)
{
	const uint8_t interface[] = {1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0,  0, 4, 0,
				     9, 0, 1, 0, 9,  0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0};
	const uint16_t version[] = {1, 0};

	put32(f, 0x0a0d0d0a);
	put32(f, 28);
	put32(f, 0x1a2b3c4d);
	put(f, version, sizeof(version));
	put32(f, UINT32_MAX);
	put32(f, UINT32_MAX);
	put32(f, 28);
	put(f, interface, sizeof(interface));
}

static void pcapng_frame(struct fixture *f, uint64_t time_ns, const char *data)
{
	uint32_t len = (uint32_t)strlen(data);
	uint32_t padded = (len + 3) & ~3u;

	put32(f, 6);
	put32(f, 32 + padded);
	put32(f, 0);
	put32(f, (uint32_t)(time_ns >> 32));
	put32(f, (uint32_t)time_ns);
	put32(f, len);
	put32(f, len);
	put(f, data, len);
	put(f, "\0\0\0", padded - len);
	put32(f, 32 + padded);
}

static struct io_port *port_of(struct fixture *f, FILE *out)
{
	struct io_port *port = NULL;
	FILE *in = fmemopen(f->file, f->bytes, "rb");

	assert_non_null(in);
	assert_int_equal(pcap_port_create(in, out, f->counters, &port, &f->error), 0);
	return port;
}

static void test_times(void **state)
{
	struct fixture *f = *state;
	struct io_frame frames[4];
	struct io_port *port;
	uint64_t time_ns;

	pcap_head(f, MAGIC_US, ETHERNET);
	pcap_frame(f, 100, 5, "first frame, whole", 18);
	pcap_frame(f, 101, 999999, "second frame, cut at the end", 1500);
	port = port_of(f, NULL);
	assert_true(pcap_port_next(port, &time_ns));
	assert_int_equal(time_ns, 100000005000);
	pcap_port_clock(port, time_ns - 1);
	assert_int_equal(port->ops->rx(port, frames, 4), 0);
	pcap_port_clock(port, time_ns);
	assert_int_equal(port->ops->rx(port, frames, 4), 1);
	assert_int_equal(frames[0].len, 18);
	assert_int_equal(frames[0].wire_len, 18);
	assert_memory_equal(frames[0].data, "first", 5);
	assert_int_equal(frames[0].offload.flags, 0);
	assert_int_equal(frames[0].offload.gso_size, 0);
	memset(frames[0].data, 'x', frames[0].len); /* lent frames may be changed */
	port->ops->rx_release(port);
	assert_int_equal(port->ops->rx(port, frames, 4), 0);
	assert_true(pcap_port_next(port, &time_ns));
	assert_int_equal(time_ns, 101999999000);
	pcap_port_clock(port, UINT64_MAX);
	assert_int_equal(port->ops->rx(port, frames, 4), 1);
	assert_int_equal(frames[0].len, 28);
	assert_int_equal(frames[0].wire_len, 1500);
	port->ops->rx_release(port);
	assert_false(pcap_port_next(port, &time_ns));
	assert_null(pcap_port_problem(port));
	port->ops->close(port);
}

static void test_nanoseconds(void **state)
{
	struct fixture *f = *state;
	struct io_port *port;
	uint64_t time_ns;

	pcap_head(f, MAGIC_NS, ETHERNET);
	pcap_frame(f, 1700000000, 123456789, "frame of fourteen", 17);
	port = port_of(f, NULL);
	assert_true(pcap_port_next(port, &time_ns));
	assert_int_equal(time_ns, 1700000000123456789);
	port->ops->close(port);
}

static void test_pcapng(void **state)
{
	struct fixture *f = *state;
	struct io_frame frames[1];
	struct io_port *port;
	uint64_t time_ns;

	pcapng_head(f);
	pcapng_frame(f, 1700000000123456789, "frame in pcapng");
	port = port_of(f, NULL);
	assert_true(pcap_port_next(port, &time_ns));
	assert_int_equal(time_ns, 1700000000123456789);
	pcap_port_clock(port, time_ns);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_int_equal(frames[0].len, 15);
	assert_memory_equal(frames[0].data, "frame in pcapng", 15);
	port->ops->close(port);
}

static void test_vlan_tags(void **state)
{
	struct fixture *f = *state;
	struct io_frame frames[1];
	struct io_port *port;
	static const struct {
		char bytes[19];
		bool vlan;
		uint32_t len;
	} cases[] = {
		{"DDDDDDSSSSSS\x81\x01\x30\x05\x08\x45", false, 18}, /* another EtherType */
		{"DDDDDDSSSSSS\x81\x10\x30\x05\x08\x45", false, 18},
		{"DDDDDDSSSSSS\x81", false, 13}, /* cut within the tag */
	};
	static const uint8_t tagged[] = "DDDDDDSSSSSS\x81\x00\x30\x05\x08\x00payload";
	static const uint8_t priority[] = "DDDDDDSSSSSS\x81\x00\xe0\x00\x08\x00payload";
	const uint8_t *both[] = {tagged, priority};

	pcap_head(f, MAGIC_US, ETHERNET);
	for (unsigned i = 0; i < 3; i++)
		pcap_frame(f, i, 0, cases[i].bytes, cases[i].len);
	for (unsigned i = 0; i < 2; i++) {
		put32(f, 10);
		put32(f, 0);
		put32(f, sizeof(tagged) - 1);
		put32(f, sizeof(tagged) - 1);
		put(f, both[i], sizeof(tagged) - 1);
	}
	port = port_of(f, NULL);
	pcap_port_clock(port, UINT64_MAX);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(port->ops->rx(port, frames, 1), 1);
		assert_int_equal(frames[0].len, cases[i].len);
		assert_int_equal(frames[0].vlan, cases[i].vlan);
	}
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_true(frames[0].vlan);
	assert_int_equal(frames[0].len, sizeof(tagged) - 1 - 4);
	assert_memory_equal(frames[0].data, "DDDDDDSSSSSS\x08\x00payload", frames[0].len);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_false(frames[0].vlan);
	assert_int_equal(frames[0].wire_len, sizeof(tagged) - 1 - 4);
	assert_memory_equal(frames[0].data, "DDDDDDSSSSSS\x08\x00payload", frames[0].len);
	port->ops->close(port);
}

static void test_absurd_lengths(void **state)
{
	struct fixture *f = *state;
	static char big[IO_FRAME_BYTES + 100];
	struct io_frame frames[1];
	struct io_port *port;

	memset(big, 'b', sizeof(big) - 1);
	pcap_head(f, MAGIC_US, ETHERNET);
	pcap_frame(f, 0, 0, big, 3); /* claims to be shorter than it is, and is too long */
	pcap_frame(f, UINT32_MAX, UINT32_MAX, "", 0); /* empty, at an absurd time */
	port = port_of(f, NULL);
	pcap_port_clock(port, UINT64_MAX);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_int_equal(frames[0].len, IO_FRAME_BYTES);
	assert_int_equal(frames[0].wire_len, sizeof(big) - 1);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_int_equal(frames[0].len, 0);
	port->ops->close(port);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	struct io_frame frames[1];
	struct io_port *port;
	uint64_t time_ns;

	pcap_head(f, MAGIC_US, ETHERNET);
	pcap_frame(f, 1, 0, "whole", 5);
	pcap_frame(f, 2, 0, "torn off", 8);
	f->bytes -= 3;
	port = port_of(f, NULL);
	pcap_port_clock(port, UINT64_MAX);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_null(pcap_port_problem(port));
	assert_int_equal(port->ops->rx(port, frames, 1), 0);
	assert_non_null(strstr(pcap_port_problem(port), "damaged"));
	assert_false(pcap_port_next(port, &time_ns));
	port->ops->close(port);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct io_port *port;

	put(f, "This is no capture, but a text of some length.", 46);
	assert_int_equal(pcap_port_create(fmemopen(f->file, f->bytes, "rb"), NULL, f->counters,
					  &port, &f->error),
			 -EINVAL);
	assert_non_null(strstr(f->error.text, "not a capture file in pcap or pcapng format"));
	f->bytes = 0;
	pcap_head(f, MAGIC_US, COOKED);
	assert_int_equal(pcap_port_create(fmemopen(f->file, f->bytes, "rb"), NULL, f->counters,
					  &port, &f->error),
			 -EINVAL);
	assert_non_null(strstr(f->error.text, "LINUX_SLL, expected Ethernet"));
	assert_int_equal(pcap_port_open("/nonexistent/a.pcap", NULL, f->counters, &port, &f->error),
			 -ENOENT);
	assert_non_null(strstr(f->error.text, "/nonexistent/a.pcap: cannot be read"));
	assert_int_equal(pcap_port_open(NULL, "/nonexistent/b.pcap", f->counters, &port, &f->error),
			 -ENOENT);
	assert_non_null(strstr(f->error.text, "/nonexistent/b.pcap: cannot be written"));
	assert_int_equal(pcap_port_open("/dev/null", NULL, f->counters, &port, &f->error), -EINVAL);
	assert_non_null(strstr(f->error.text, "/dev/null: "));
}

static void test_written_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct io_send sends[] = {
		{.head = (const uint8_t *)"head of the frame,",
		 .head_len = 18,
		 .tail = (const uint8_t *)" and tail",
		 .tail_len = 9},
		{.head = (const uint8_t *)"in one piece", .head_len = 12},
		{.head = f->file, .head_len = IO_FRAME_BYTES + 1}, /* longer than any frame */
	};
	char path[] = "/tmp/pgw-pcap-test-XXXXXX";
	int fd = mkstemp(path);
	struct io_frame frames[1];
	struct io_port *port;
	uint64_t time_ns;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pcap_port_open(NULL, path, f->counters, &port, &f->error), 0);
	assert_false(pcap_port_next(port, &time_ns));
	for (unsigned i = 0; i < 3; i++) {
		pcap_port_clock(port, 1700000000000000001 + i);
		port->ops->tx(port, &sends[i]);
		port->ops->tx_flush(port);
	}
	assert_null(pcap_port_problem(port));
	port->ops->close(port);
	assert_int_equal(f->counted.sent_packets, 2);
	assert_int_equal(f->counted.sent_bytes, 39);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);

	assert_int_equal(pcap_port_open(path, NULL, f->counters, &port, &f->error), 0);
	pcap_port_clock(port, UINT64_MAX);
	assert_true(pcap_port_next(port, &time_ns));
	assert_int_equal(time_ns, 1700000000000000001);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_int_equal(frames[0].len, 27);
	assert_memory_equal(frames[0].data, "head of the frame, and tail", 27);
	assert_int_equal(port->ops->rx(port, frames, 1), 1);
	assert_memory_equal(frames[0].data, "in one piece", 12);
	assert_false(pcap_port_next(port, &time_ns));
	port->ops->close(port);
	unlink(path);
}

static void test_disk_full(void **state)
{
	struct fixture *f = *state;
	struct io_send send = {.head = f->file, .head_len = 60000};
	struct io_port *port;

	assert_int_equal(pcap_port_open(NULL, "/dev/full", f->counters, &port, &f->error), 0);
	port->ops->tx(port, &send);
	port->ops->tx_flush(port);
	assert_non_null(strstr(pcap_port_problem(port), "cannot be written"));
	port->ops->close(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nanoseconds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pcapng, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vlan_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absurd_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_written_is_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
