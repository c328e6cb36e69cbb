/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums by difference against checksums made anew (RFC 1624), and cutting into fragments. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/base/checksum.h"
#include "datapath/rewrite/rewrite.h"

static uint64_t seed = 3;

static uint32_t draw(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 32);
}

/* RFC 1624 section 4: HC 0xDD2F, m 0x5555, m' 0x3285 */
static void test_vector(void **state)
{
	(void)state;
	assert_int_equal(checksum_update(0xdd2f, checksum_change16(0, 0x5555, 0x3285)), 0x0000);
}

static void test_sum(void **state)
{
	uint8_t data[64];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		unsigned bytes = draw() % sizeof(data);
		uint32_t simple = 0;

		for (unsigned b = 0; b < sizeof(data); b++)
			data[b] = (uint8_t)draw();
		for (unsigned b = 0; b < bytes; b++)
			simple += b % 2 ? data[b] : (uint32_t)data[b] << 8;
		while (simple >> 16)
			simple = (simple & 0xffff) + (simple >> 16);
		assert_int_equal(checksum_fold(checksum_add(0, data, bytes)),
				 htons((uint16_t)simple));
	}
}

static void put_checksums(uint8_t *frame, uint32_t len, uint8_t proto)
{
	struct ip_header *ip = (struct ip_header *)(frame + 14);
	uint32_t at = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;
	uint64_t pseudo =
		proto == IPPROTO_ICMP ? 0 : checksum_pseudo(ip->src, ip->dst, proto, len - 34);
	uint16_t check = 0;

	ip->check = 0;
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, 20));
	memcpy(frame + 34 + at, &check, 2);
	check = (uint16_t)~checksum_fold(checksum_add(pseudo, frame + 34, len - 34));
	if (proto == IPPROTO_UDP && check == 0)
		check = 0xffff;
	memcpy(frame + 34 + at, &check, 2);
}

static bool checksums_right(const uint8_t *frame, uint32_t len, uint8_t proto)
{
	const struct ip_header *ip = (const struct ip_header *)(frame + 14);
	uint64_t pseudo =
		proto == IPPROTO_ICMP ? 0 : checksum_pseudo(ip->src, ip->dst, proto, len - 34);

	return checksum_fold(checksum_add(0, ip, 20)) == 0xffff &&
	       checksum_fold(checksum_add(pseudo, frame + 34, len - 34)) == 0xffff;
}

/* There and back again, random bytes: right checksums after each step, the same bytes at the end.
 */
static void test_round_trip(void **state)
{
	const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t frame[14 + 20 + 48], before[sizeof(frame)];
		struct ip_header *ip = (struct ip_header *)(frame + 14);
		uint8_t proto = protos[i % 3];
		struct flow flow = {.proto = proto};
		struct packet p = {.data = frame,
				   .len = sizeof(frame),
				   .proto = proto,
				   .l4 = 34,
				   .ip_len = sizeof(frame) - 14};

		for (unsigned b = 0; b < sizeof(frame); b++)
			frame[b] = (uint8_t)(i % 5 ? draw() : 0);
		ip->version_ihl = 0x45;
		ip->ttl = 64;
		ip->proto = proto;
		ip->total_len = htons(p.ip_len);
		flow.tuple[0] = (struct flow_tuple){.src = ip->src, .dst = ip->dst};
		flow.tuple[1] = (struct flow_tuple){.src = i % 7 ? draw() : ip->dst, .dst = draw()};
		if (proto == IPPROTO_ICMP) {
			frame[34] = ICMP_ECHO_REQUEST;
			memcpy(&flow.tuple[0].sport, frame + 38, 2);
			flow.tuple[1].dport = (be16)draw();
		} else {
			memcpy(&flow.tuple[0].sport, frame + 34, 2);
			memcpy(&flow.tuple[0].dport, frame + 36, 2);
			flow.tuple[1].sport = (be16)draw();
			flow.tuple[1].dport = (be16)draw();
		}
		put_checksums(frame, sizeof(frame), proto);
		memcpy(before, frame, sizeof(frame));
		rewrite_deltas(&flow);
		rewrite_packet(&p, &flow, 0);
		assert_int_equal(ip->src, flow.tuple[1].dst);
		assert_int_equal(ip->dst, flow.tuple[1].src);
		assert_int_equal(ip->ttl, 63);
		assert_true(checksums_right(frame, sizeof(frame), proto));
		if (proto == IPPROTO_ICMP)
			continue;
		/* side 1's packet is this one turned round; turn it, translate, turn back */
		{
			be32 addr = ip->src;
			uint8_t ports[4];

			ip->src = ip->dst;
			ip->dst = addr;
			memcpy(ports, frame + 34, 4);
			memcpy(frame + 34, ports + 2, 2);
			memcpy(frame + 36, ports, 2);
		}
		rewrite_packet(&p, &flow, 1);
		assert_true(checksums_right(frame, sizeof(frame), proto));
		assert_int_equal(ip->dst, flow.tuple[0].src);
		assert_int_equal(ip->src, flow.tuple[0].dst);
		assert_memory_equal(frame + 34, before + 36, 2);
		assert_memory_equal(frame + 36, before + 34, 2);
	}
}

/* UDP: 0 stays 0, a computed 0 is sent as 0xffff */
static void test_udp_zero(void **state)
{
	unsigned made_zero = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		uint8_t frame[14 + 20 + 8] = {0};
		struct ip_header *ip = (struct ip_header *)(frame + 14);
		struct udp_header *udp = (struct udp_header *)(frame + 34);
		struct flow flow = {.proto = IPPROTO_UDP,
				    .tuple = {{.src = 1, .dst = 2, .sport = 3, .dport = 4},
					      {.src = 2, .dst = 1, .sport = 4, .dport = (be16)i}}};
		struct packet p = {
			.data = frame, .len = sizeof(frame), .proto = IPPROTO_UDP, .l4 = 34};

		ip->version_ihl = 0x45;
		ip->ttl = 64;
		ip->src = 1;
		ip->dst = 2;
		udp->sport = 3;
		udp->dport = 4;
		udp->len = htons(8);
		put_checksums(frame, sizeof(frame), IPPROTO_UDP);
		if (i >= 200000)
			udp->check = 0;
		rewrite_deltas(&flow);
		rewrite_packet(&p, &flow, 0);
		if (i >= 200000) {
			assert_int_equal(udp->check, 0);
		} else {
			assert_int_not_equal(udp->check, 0);
			made_zero += udp->check == 0xffff;
			assert_true(checksums_right(frame, sizeof(frame), IPPROTO_UDP));
		}
	}
	assert_true(made_zero > 0); /* the case did occur */
}

static void test_fragment(void **state)
{
	uint8_t frame[14 + 24 + 3000], whole[3000];
	struct ip_header *ip = (struct ip_header *)(frame + 14);
	struct rewrite_fragment piece;
	struct packet p = {.data = frame, .len = sizeof(frame), .l4 = 38, .ip_len = 24 + 3000};

	(void)state;
	for (unsigned i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)draw();
	ip->version_ihl = 0x46;
	memcpy(frame + 34, "\x44\x04\x00\x00",
	       4); /* a timestamp: not copied into later fragments */
	for (uint32_t mtu = 60; mtu < 3100; mtu += 61) {
		uint32_t done = 0, cut;

		while ((cut = rewrite_fragment(&piece, &p, mtu, done))) {
			struct ip_header *h = (struct ip_header *)(piece.head + 14);

			assert_true(ntohs(h->total_len) <= mtu);
			assert_int_equal(ntohs(h->total_len), 24 + cut);
			assert_int_equal((ntohs(h->fragment) & IP_OFFSET_MASK) * 8, done);
			assert_int_equal(!!(ntohs(h->fragment) & IP_MF), done + cut < 3000);
			assert_int_equal(checksum_fold(checksum_add(0, h, 24)), 0xffff);
			assert_int_equal(piece.head[34], done ? 1 : 0x44);
			memcpy(whole + done, piece.payload, cut);
			done += cut;
		}
		assert_int_equal(done, 3000);
		assert_memory_equal(whole, frame + 38, 3000);
	}
	assert_int_equal(rewrite_fragment(&piece, &p, 24, 0), 0);
	assert_int_equal(rewrite_fragment(&piece, &p, 31, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),	   cmocka_unit_test(test_sum),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_udp_zero),
		cmocka_unit_test(test_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
