/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP: echo, errors about flows, errors of our own. RFC 5508, RFC 1812. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/checksum.h"
#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"
#define VIP    "172.16.0.1"

static void fix_icmp(struct frame *frame, uint32_t quote_bytes)
{
	struct ip_header *h = (struct ip_header *)(frame->data + 14);
	uint8_t *icmp = frame->data + 34;
	uint16_t zero = 0, check;

	frame->len = 34 + 8 + quote_bytes;
	h->total_len = htons((uint16_t)(frame->len - 14));
	h->check = 0;
	h->check = (uint16_t)~checksum_fold(checksum_add(0, h, 20));
	memcpy(icmp + 2, &zero, 2);
	check = (uint16_t)~checksum_fold(checksum_add(0, icmp, 8 + quote_bytes));
	memcpy(icmp + 2, &check, 2);
}

/* An ICMP error from @src to @dst that quotes @quote_bytes of the IP packet of @about. */
static void make_error(struct frame *frame, uint8_t port, const char *src, const char *dst,
		       uint8_t type, uint8_t code, uint16_t mtu, const struct frame *about,
		       uint32_t quote_bytes)
{
	struct probe outer = {.src = src, .dst = dst, .proto = IPPROTO_ICMP, .dport = 1};
	struct icmp_header icmp = {.type = type, .code = code, .sequence = htons(mtu)};

	harness_build(port, &outer, frame);
	memcpy(frame->data + 34, &icmp, sizeof(icmp));
	memcpy(frame->data + 42, about->data + 14, quote_bytes);
	fix_icmp(frame, quote_bytes);
}

static void take(struct harness *h, uint8_t port, struct frame *frame)
{
	struct packet p;

	assert_true(harness_take(h, port, frame, &p));
}

/* One flow out of CLIENT:5000 to VC:7, and what its first packet looked like on either side. */
struct scene {
	struct harness *h;
	struct frame inside, outside, error, result;
};

static struct scene *open_scene(uint8_t proto, const char *to, uint16_t port)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct probe out = {.src = CLIENT,
			    .sport = 5000,
			    .dst = to,
			    .dport = port,
			    .proto = proto,
			    .tcp_flags = TCP_SYN,
			    .seq = 1000,
			    .payload = proto == IPPROTO_TCP ? 0 : 100};

	assert_non_null(s);
	s->h = harness_open(harness_config, 1024);
	harness_build(VRACK, &out, &s->inside);
	harness_send_frame(s->h, VRACK, &s->inside);
	take(s->h, VSPHERE, &s->outside);
	return s;
}

static void close_scene(struct scene *s)
{
	harness_close(s->h);
	free(s);
}

static void test_echo(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe request = {
		.src = CLIENT, .sport = 77, .dst = VC, .proto = IPPROTO_ICMP, .payload = 56};
	struct probe reply;
	struct packet p;
	uint16_t id;

	(void)state;
	harness_send(h, VRACK, &request);
	id = harness_expect(h, VSPHERE, &(struct probe){.src = GW, .dst = VC, .ttl = 63}, NULL);
	assert_in_range(id, 16384, 65535);
	reply = (struct probe){
		.src = VC, .dst = GW, .dport = id, .proto = IPPROTO_ICMP, .payload = 56};
	harness_send(h, VSPHERE, &reply);
	harness_expect(h, VRACK, &(struct probe){.src = VC, .dst = CLIENT}, &p);
	assert_int_equal(ntohs(p.tuple.dport), 77);
	/* the same identifier from another host is another mapping; a request cannot come back in
	 */
	reply.sport = id;
	reply.dport = 0;
	harness_send(h, VSPHERE, &reply);
	harness_expect_nothing(h);
	harness_advance(h, 59 * SECOND);
	assert_int_equal(h->counters.flows, 1);
	harness_advance(h, 3 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	harness_close(h);
}

/* The error must reach the client as if it were about what the client itself had sent. */
static void expect_reverted(struct scene *s, const char *from, uint32_t quote_bytes)
{
	const struct ip_header *outer = (const struct ip_header *)(s->result.data + 14);
	uint8_t quoted[100], sent[100];
	uint32_t compare = quote_bytes < sizeof(sent) ? quote_bytes : (uint32_t)sizeof(sent);

	take(s->h, VRACK, &s->result); /* checks both checksums */
	assert_int_equal(outer->dst, ip(CLIENT));
	assert_int_equal(outer->src, ip(from));
	memcpy(quoted, s->result.data + 42, compare);
	memcpy(sent, s->inside.data + 14, compare);
	/* as sent, but for the hop that it had made: TTL, and with it the checksum */
	quoted[8] = sent[8] = 0;
	memset(quoted + 10, 0, 2);
	memset(sent + 10, 0, 2);
	memset(quoted + 4, 0, 2); /* identification is ours */
	memset(sent + 4, 0, 2);
	assert_memory_equal(quoted, sent, compare);
	assert_int_equal(checksum_fold(checksum_add(0, s->result.data + 42, 20)), 0xffff);
}

static void test_error_quotes(void **state)
{
	const uint32_t quotes[] = {28, 36, 40, 100};
	const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};

	(void)state;
	for (unsigned proto = 0; proto < 2; proto++) {
		for (unsigned i = 0; i < 4; i++) {
			struct scene *s = open_scene(protos[proto], VC, 7);
			uint32_t bytes = quotes[i];

			if (bytes > s->outside.len - 14)
				bytes = s->outside.len - 14;
			make_error(&s->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, 0, &s->outside,
				   bytes);
			harness_send_frame(s->h, VSPHERE, &s->error);
			expect_reverted(s, VC, bytes);
			assert_int_equal(s->result.data[34], ICMP_UNREACHABLE);
			assert_int_equal(s->result.data[35], 3);
			/* I4: it neither ends nor renews the flow */
			assert_int_equal(s->h->counters.flows, 1);
			close_scene(s);
		}
	}
}

static void test_error_from_router(void **state)
{
	struct scene *s = open_scene(IPPROTO_UDP, VC, 7);

	(void)state;
	make_error(&s->error, VSPHERE, "10.10.0.254", GW, ICMP_UNREACHABLE, 4, 1280, &s->outside,
		   60);
	harness_send_frame(s->h, VSPHERE, &s->error);
	expect_reverted(s, "10.10.0.254", 60);
	assert_int_equal(s->result.data[40] << 8 | s->result.data[41], 1280);
	close_scene(s);
}

/* Behind a service the backend and its routers stay hidden. */
static void test_error_through_service(void **state)
{
	struct scene *s = open_scene(IPPROTO_TCP, VIP, 443);

	(void)state;
	make_error(&s->error, VSPHERE, "10.10.0.254", GW, ICMP_UNREACHABLE, 1, 0, &s->outside, 40);
	harness_send_frame(s->h, VSPHERE, &s->error);
	expect_reverted(s, VIP, 40);
	close_scene(s);
}

static void test_error_refused(void **state)
{
	struct scene *s = open_scene(IPPROTO_UDP, VC, 7);
	uint8_t *quoted = s->error.data + 42;

	(void)state;
	make_error(&s->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, 0, &s->outside, 60);
	s->error.data[60] ^= 1; /* I2: bad ICMP checksum */
	harness_send_frame(s->h, VSPHERE, &s->error);
	harness_expect_drop(s->h, DROP_L4_CHECKSUM, 1);
	make_error(&s->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, 0, &s->outside, 60);
	quoted[10] ^= 1; /* bad quoted IP checksum */
	fix_icmp(&s->error, 60);
	harness_send_frame(s->h, VSPHERE, &s->error);
	harness_expect_drop(s->h, DROP_ICMP_QUOTE, 1);
	make_error(&s->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, 0, &s->outside,
		   27); /* too short */
	harness_send_frame(s->h, VSPHERE, &s->error);
	harness_expect_drop(s->h, DROP_ICMP_QUOTE, 2);
	/* GRE, IPIP and nonsense inside */
	for (unsigned proto = 0; proto < 256; proto++) {
		struct ip_header *h = (struct ip_header *)quoted;

		if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP)
			continue;
		make_error(&s->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, 0, &s->outside, 60);
		h->proto = (uint8_t)proto;
		h->check = 0;
		h->check = (uint16_t)~checksum_fold(checksum_add(0, h, 20));
		fix_icmp(&s->error, 60);
		harness_send_frame(s->h, VSPHERE, &s->error);
	}
	harness_expect_drop(s->h, DROP_ICMP_QUOTE, 2 + 253);
	/* about a packet that nobody sent; to an address that is not ours it is dropped */
	s->outside.data[14 + 21] ^= 1; /* source port */
	make_error(&s->error, VSPHERE, VC, "10.10.0.200", ICMP_UNREACHABLE, 3, 0, &s->outside, 60);
	harness_send_frame(s->h, VSPHERE, &s->error);
	harness_expect_drop(s->h, DROP_ICMP_NO_FLOW, 1);
	harness_expect_nothing(s->h);
	close_scene(s);
}

/* I3: an error must quote a sequence number that can be of the connection */
static void test_error_sequence(void **state)
{
	struct scene *s = open_scene(IPPROTO_TCP, VC, 7);
	uint32_t seq = htonl(0x40000000);

	(void)state;
	memcpy(s->outside.data + 34 + 4, &seq, 4);
	make_error(&s->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, 0, &s->outside, 40);
	harness_send_frame(s->h, VSPHERE, &s->error);
	harness_expect_nothing(s->h);
	harness_expect_drop(s->h, DROP_ICMP_NO_FLOW, 1);
	close_scene(s);
}

/* I6, I7: TTL, and what is never answered */
static void test_own_errors(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct frame *frame = calloc(1, sizeof(*frame)), *error = calloc(1, sizeof(*error));
	struct probe out = {.src = CLIENT,
			    .sport = 5000,
			    .dst = VC,
			    .dport = 7,
			    .proto = IPPROTO_UDP,
			    .payload = 1000,
			    .ttl = 1};
	struct packet p;

	(void)state;
	assert_non_null(frame);
	assert_non_null(error);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_TTL, 1);
	assert_true(harness_take(h, VRACK, frame, &p));
	assert_int_equal(p.ip_len, 576); /* the largest that it may be */
	assert_int_equal(frame->data[34], ICMP_TIME_EXCEEDED);
	assert_int_equal(packet_ip(&p)->src, ip(VIP));
	assert_int_equal(h->counters.flows_created, 0);
	/* never about an error */
	make_error(error, VRACK, CLIENT, VC, ICMP_UNREACHABLE, 3, 0, frame, 60);
	error->data[22] = 1; /* TTL */
	fix_icmp(error, 60);
	harness_send_frame(h, VRACK, error);
	free(error);
	/* nor about a later fragment */
	out.later = true;
	out.fragment = 100;
	harness_send(h, VRACK, &out);
	harness_advance(h, 3 * SECOND);
	harness_expect_nothing(h);
	free(frame);
	harness_close(h);
}

static void test_rate_limit(void **state)
{
	char config[2048];
	struct harness *h;
	struct probe out = {.src = CLIENT,
			    .sport = 5000,
			    .dst = VC,
			    .dport = 7,
			    .proto = IPPROTO_UDP,
			    .ttl = 1};

	(void)state;
	snprintf(config, sizeof(config), "%sset icmp-rate 10\n", harness_config);
	h = harness_open(config, 1024);
	for (unsigned i = 0; i < 100; i++)
		harness_send(h, VRACK, &out);
	assert_int_equal(mem_port_sent(h->io[VRACK]), 10);
	assert_int_equal(h->counters.icmp_limited, 90);
	harness_advance(h, SECOND / 2);
	for (unsigned i = 0; i < 100; i++)
		harness_send(h, VRACK, &out);
	assert_int_equal(mem_port_sent(h->io[VRACK]), 15);
	harness_close(h);
}

/* U13: larger than the next hop takes */
static void test_too_big(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct worker_link small = {.ifindex = 12, .mtu = 1280, .up = true, .mac = vsphere_mac};
	struct frame *frame = calloc(1, sizeof(*frame));
	struct probe out = {.src = CLIENT,
			    .sport = 5000,
			    .dst = VC,
			    .dport = 7,
			    .proto = IPPROTO_UDP,
			    .payload = 1400,
			    .fragment = IP_DF};
	uint32_t bytes = 0, pieces = 0;
	struct packet p;

	(void)state;
	assert_non_null(frame);
	worker_link(h->worker, &small);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_MTU_DF, 1);
	assert_true(harness_take(h, VRACK, frame, &p));
	assert_int_equal(frame->data[34], ICMP_UNREACHABLE);
	assert_int_equal(frame->data[35], ICMP_UNREACHABLE_NEED_FRAG);
	assert_int_equal(frame->data[40] << 8 | frame->data[41], 1280);
	for (unsigned partial = 0; partial < 2; partial++) {
		out.fragment = 0;
		out.payload = 4000;
		out.partial = partial;
		harness_send(h, VRACK, &out);
		for (pieces = bytes = 0; harness_take(h, VSPHERE, frame, &p); pieces++) {
			assert_in_range(p.ip_len, 21, 1280);
			assert_int_equal(p.fragment_offset, bytes); /* in order */
			assert_int_equal(p.tuple.src, ip(GW));
			bytes += p.ip_len - 20u;
			assert_int_equal(p.more_fragments, bytes < 4008);
		}
		assert_int_equal(bytes, 4008);
		assert_int_equal(pieces, 4);
	}
	/* a TCP super-packet without DF is cut finer, one with DF is answered */
	out = (struct probe){.src = CLIENT,
			     .sport = 5001,
			     .dst = VC,
			     .dport = 7,
			     .proto = IPPROTO_TCP,
			     .tcp_flags = TCP_SYN};
	harness_send(h, VRACK, &out);
	assert_true(harness_take(h, VSPHERE, frame, &p));
	out.tcp_flags = TCP_ACK;
	out.seq = 1;
	out.payload = 8000;
	out.gso_size = 1460;
	out.partial = true;
	harness_send(h, VRACK, &out);
	assert_true(harness_take(h, VSPHERE, frame, &p));
	assert_int_equal(frame->offload.gso_size, 1240);
	out.fragment = IP_DF;
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_MTU_DF, 2);
	free(frame);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_error_quotes),
		cmocka_unit_test(test_error_from_router),
		cmocka_unit_test(test_error_through_service),
		cmocka_unit_test(test_error_refused),
		cmocka_unit_test(test_error_sequence),
		cmocka_unit_test(test_own_errors),
		cmocka_unit_test(test_rate_limit),
		cmocka_unit_test(test_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
