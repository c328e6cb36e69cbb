/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mappings, pools, payloads, identifications: RFC 4787, RFC 6864, RFC 6888, RFC 7857. */
#include "tests/unit/talk.h"

#define TWO_ADDRESSES "10.10.0.2,10.10.0.3"

/* U2: every mapping of a host has one external address, and both addresses are used. */
static void test_paired(void **state)
{
	struct harness *h = talk_open(talk_config("10.10.0.2 ports", TWO_ADDRESSES " ports"), 4096);
	const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};
	unsigned second = 0;

	(void)state;
	for (unsigned host = 1; host <= 64; host++) {
		char from[16];
		be32 external = 0;

		snprintf(from, sizeof(from), "192.168.50.%u", host);
		for (uint16_t i = 0; i < 30; i++) {
			struct probe out = {.src = from,
					    .sport = (uint16_t)(5000 + i),
					    .dst = i % 2 ? VC : ESX,
					    .proto = protos[i % 3],
					    .tcp_flags = TCP_SYN,
					    .payload = 0};
			struct packet p;

			out.dport = out.proto == IPPROTO_ICMP ? 0 : 7;
			harness_send(h, VRACK, &out);
			harness_expect(h, VSPHERE, &(struct probe){.dst = out.dst}, &p);
			if (i == 0)
				external = p.tuple.src;
			assert_int_equal(p.tuple.src, external);
		}
		assert_true(external == ip("10.10.0.2") || external == ip("10.10.0.3"));
		second += external == ip("10.10.0.3");
	}
	assert_in_range(second, 12, 52); /* of 64; a fair coin leaves this range once in 10^6 */
	harness_close(h);
}

/* U2: when a host's address has no ports left the packet is dropped, although another address
 * has some, and the drop is counted. */
static void test_paired_exhausted(void **state)
{
	struct harness *h = talk_open(
		talk_config("10.10.0.2 ports 16384-65535", TWO_ADDRESSES " ports 20000-20003"), 64);
	struct probe out = datagram(CLIENT, 5010, VC, 7), back;
	uint16_t external[4];
	struct packet p;
	be32 address = 0;
	unsigned others = 0;

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		struct probe one = datagram(CLIENT, (uint16_t)(5000 + i), VC, 7);

		harness_send(h, VRACK, &one);
		external[i] = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, &p);
		address = p.tuple.src;
	}
	assert_false(talk_passes(h, VRACK, &out));
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 1);
	/* hosts that fall to the other address are served */
	for (unsigned host = 20; host < 40; host++) {
		char from[16];

		snprintf(from, sizeof(from), "192.168.50.%u", host);
		out.src = from;
		others += talk_passes(h, VRACK, &out);
	}
	assert_int_equal(others, 4);
	/* C3: and every mapping that was there still is */
	for (uint16_t i = 0; i < 4; i++) {
		back = datagram(VC, 7, address == ip(GW) ? GW : "10.10.0.3", external[i]);
		assert_true(talk_passes(h, VSPHERE, &back));
	}
	harness_close(h);
}

/* U3: two hosts, same port, same destination: two external ports, and never one for two; the
 * fifth is refused rather than doubled, towards another destination too. */
static void test_no_overloading(void **state)
{
	struct harness *h = talk_open(talk_config("16384-65535", "20000-20003"), 64);
	unsigned seen = 0;

	(void)state;
	for (unsigned host = 1; host <= 4; host++) {
		char from[16];

		snprintf(from, sizeof(from), "192.168.50.%u", host);
		seen |= 1u << (talk_udp(h, from, 5000, VC, 7) - 20000);
	}
	assert_int_equal(seen, 15);
	for (unsigned i = 0; i < 2; i++) {
		struct probe out = datagram("192.168.50.5", 5000, i ? ESX : VC, 7);

		assert_false(talk_passes(h, VRACK, &out));
	}
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 2);
	harness_close(h);
}

/* U3: ports from 1024 on stay there whatever the client's; with the default range too */
static void test_port_class(void **state)
{
	struct harness *h = talk_open(talk_config(" ports 16384-65535", ""), 8192);

	(void)state;
	for (uint16_t i = 1; i < 4000; i++)
		assert_in_range(talk_udp(h, CLIENT, i, VC, 7), 1024, 65535);
	harness_close(h);
}

static void put_payload(struct frame *frame, uint8_t proto, const void *payload, uint32_t bytes)
{
	uint32_t header = proto == IPPROTO_TCP ? 20 : 8, at = proto == IPPROTO_TCP ? 16 : 6;
	const struct ip_header *h = (const struct ip_header *)(frame->data + 14);
	uint8_t *l4 = frame->data + 34;
	uint16_t check = 0;

	memcpy(l4 + header, payload, bytes);
	memcpy(l4 + at, &check, 2);
	check = (uint16_t)~checksum_fold(checksum_add(
		checksum_pseudo(h->src, h->dst, proto, header + bytes), l4, header + bytes));
	memcpy(l4 + at, &check, 2);
}

/* U10: what an application-level gateway would touch comes out byte for byte, both ways. */
static void test_no_alg(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
		const char *text;
	} talks[] = {
		{IPPROTO_TCP, 21, "PORT 192,168,50,10,19,136\r\n"},
		{IPPROTO_TCP, 21, "EPRT |1|192.168.50.10|5000|\r\n"},
		{IPPROTO_TCP, 21, "227 Entering Passive Mode (192,168,50,10,19,136)\r\n"},
		{IPPROTO_UDP, 5060,
		 "REGISTER sip:10.10.0.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.50.10:5000\r\n"
		 "Contact: <sip:a@192.168.50.10:5000>\r\nContent-Length: 0\r\n\r\n"},
		{IPPROTO_TCP, 554,
		 "SETUP rtsp://v RTSP/1.0\r\nTransport: RTP/AVP;client_port=5000-5001\r\n\r\n"},
		{IPPROTO_TCP, 1723, "\x00\x9c\x00\x01\x1a\x2b\x3c\x4d call 192.168.50.10"},
		{IPPROTO_TCP, 1720, "\x08\x02\x00\x01\x05\xc0\xa8\x32\x0a\x13\x88"},
		{IPPROTO_UDP, 69, "\x00\x01file\x00octet"},
		{IPPROTO_TCP, 6667,
		 "PRIVMSG a :\x01"
		 "DCC SEND f 3232248330 5000\x01\r\n"},
		{IPPROTO_UDP, 53,
		 "\x12\x34\x81\x80\x00\x01\x00\x01 192.168.50.10 \xc0\xa8\x32\x0a"},
		{IPPROTO_UDP, 137, "NETBIOS \xc0\xa8\x32\x0a\x00\x89"},
	};
	struct frame *frame = calloc(2, sizeof(*frame)), *result = frame + 1;
	struct packet p;

	(void)state;
	assert_non_null(frame);
	for (unsigned i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		struct harness *h = harness_open(harness_config, 64);
		struct connection c = {.h = h, .port = 5000, .to = talks[i].port, .seq = {7, 9}};
		uint32_t bytes = (uint32_t)strlen(talks[i].text) + 4, header;
		struct probe out;
		uint8_t payload[256];

		memset(payload, 0xc0, sizeof(payload));
		memcpy(payload, talks[i].text, strlen(talks[i].text));
		header = talks[i].proto == IPPROTO_TCP ? 54 : 42;
		if (talks[i].proto == IPPROTO_TCP)
			talk_connect(&c);
		else
			c.external = talk_udp(h, CLIENT, 5000, VC, talks[i].port);
		for (unsigned side = 0; side < 2; side++) {
			out = talk_segment(&c, side, TCP_ACK, (uint16_t)bytes);
			out.proto = talks[i].proto;
			harness_build(side ? VSPHERE : VRACK, &out, frame);
			put_payload(frame, talks[i].proto, payload, bytes);
			harness_send_frame(h, side ? VSPHERE : VRACK, frame);
			assert_true(harness_take(h, side ? VRACK : VSPHERE, result, &p));
			assert_int_equal(result->len, header + bytes);
			assert_memory_equal(result->data + header, payload, bytes);
			c.seq[side] += bytes;
		}
		assert_int_equal(h->counters.flows, 1); /* nor is a second flow expected */
		harness_close(h);
	}
	free(frame);
}

/* U12: no ICMP message, from whichever side, takes a mapping away. */
static void test_icmp_removes_nothing(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	struct frame *frame = calloc(3, sizeof(*frame)), *seen[2] = {frame, frame + 1},
		     *error = frame + 2;
	struct probe out = datagram(CLIENT, 5000, VC, 7), back;
	const uint8_t types[] = {ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_PARAMETER, 4, 5};
	struct packet p;

	(void)state;
	assert_non_null(frame);
	harness_send(h, VRACK, &out);
	assert_true(harness_take(h, VSPHERE, seen[0], &p)); /* as VC sees it */
	back = datagram(VC, 7, GW, ntohs(p.tuple.sport));
	harness_send(h, VSPHERE, &back);
	assert_true(harness_take(h, VRACK, seen[1], &p)); /* as CLIENT sees it */
	for (unsigned type = 0; type < sizeof(types); type++)
		for (unsigned code = 0; code < 16; code++)
			for (unsigned inside = 0; inside < 2; inside++) {
				talk_error(error, inside ? VRACK : VSPHERE, inside ? CLIENT : VC,
					   inside ? VC : GW, types[type], (uint8_t)code,
					   seen[inside], inside ? 28 : 60);
				harness_send_frame(h, inside ? VRACK : VSPHERE, error);
				talk_discard(h, inside ? VSPHERE : VRACK);
			}
	assert_int_equal(h->counters.flows, 1);
	assert_int_equal(h->counters.mappings, 1);
	assert_true(talk_passes(h, VSPHERE, &back));
	assert_int_equal(talk_udp(h, CLIENT, 5000, VC, 7), back.dport);
	free(frame);
	harness_close(h);
}

/* U15: identifications as if all came from one host; DF is kept as it is. */
static void test_identification(void **state)
{
	static uint8_t seen[65536];
	struct harness *h = talk_open(harness_config, 2048);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;

	(void)state;
	assert_non_null(frame);
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < 60000; i++) {
		char from[16];
		struct probe out;

		snprintf(from, sizeof(from), "192.168.50.%u", 1 + i % 200);
		out = datagram(from, 5000, VC, 7);
		out.id = (uint16_t)(i / 200); /* each host counts for itself */
		harness_send(h, VRACK, &out);
		assert_true(harness_take(h, VSPHERE, frame, &p));
		assert_false(p.dont_fragment);
		assert_int_equal(seen[p.ip_id]++, 0);
	}
	for (unsigned inbound = 0; inbound < 2; inbound++) {
		struct probe atomic = datagram(CLIENT, 6000, VC, 7);

		if (inbound)
			atomic = datagram(VC, 7, GW, ntohs(p.tuple.sport));
		atomic.fragment = IP_DF;
		harness_send(h, inbound ? VSPHERE : VRACK, &atomic);
		assert_true(harness_take(h, inbound ? VRACK : VSPHERE, frame, &p));
		assert_true(p.dont_fragment);
	}
	free(frame);
	harness_close(h);
}

/* U9: to one's own mapping, and to a mapping that is gone: at most one answer each, no loop. */
static void test_hairpin_never_loops(void **state)
{
	struct harness *h = talk_open(talk_config("65535\n", "65535 filtering-type eif\n"), 64);
	uint16_t own = talk_udp(h, CLIENT, 5000, VC, 7);
	struct probe out = datagram(CLIENT, 5000, GW, own);

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		harness_send(h, VRACK, &out);
		assert_in_range(talk_discard(h, VRACK) + talk_discard(h, VSPHERE), 0, 1);
	}
	assert_in_range(h->counters.flows, 1, 2);
	out.dport = own == 20000 ? 20001 : 20000;
	harness_send(h, VRACK, &out);
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_NO_MAPPING, 1);
	harness_close(h);
}

/* C4: the default range is 1024-65535, evenly used, and the last ports do not tell the next. */
static void test_unpredictable(void **state)
{
	struct harness *h = talk_open(talk_config(" ports 16384-65535", ""), 16384);
	unsigned bucket[63] = {0}, guessed = 0, n = 10000;
	uint16_t port, last[2] = {0, 0};
	double chi = 0, expected = n / 63.0;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		port = talk_udp(h, CLIENT, (uint16_t)(1000 + i), VC, 7);
		bucket[(port - 1024) / 1024]++;
		/* next, previous, the same step again, the same, the client's own */
		guessed += port == (uint16_t)(last[0] + 1);
		guessed += port == (uint16_t)(last[0] - 1);
		guessed += port == (uint16_t)(last[0] + (last[0] - last[1]));
		guessed += port == last[0];
		guessed += port == 1000 + i;
		last[1] = last[0];
		last[0] = port;
	}
	for (unsigned i = 0; i < 63; i++)
		chi += (bucket[i] - expected) * (bucket[i] - expected) / expected;
	assert_true(chi < 112);		/* 62 degrees of freedom: once in 10^4 above that */
	assert_in_range(guessed, 0, 6); /* 5 guesses at 1 in 64512: 0.8 expected */
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paired),	       cmocka_unit_test(test_paired_exhausted),
		cmocka_unit_test(test_no_overloading), cmocka_unit_test(test_port_class),
		cmocka_unit_test(test_no_alg),	       cmocka_unit_test(test_icmp_removes_nothing),
		cmocka_unit_test(test_identification), cmocka_unit_test(test_hairpin_never_loops),
		cmocka_unit_test(test_unpredictable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
