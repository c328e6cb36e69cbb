/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The segments of the client that is not there, and what it makes of those that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "control/config/model.h"
#include "control/task/checkport.h"
#include "control/task/connect.h"

static const struct connect_end client = {{{2, 0, 0, 0, 0, 1}}, 0x0a00000a, 40000};
static const struct connect_end service = {{{2, 0, 0, 0, 0, 2}}, 0x0b00000a, 443};

static void segments_are_sound(void **state)
{
	const struct connect_segment segment = {
		.flags = TCP_SYN, .seq = 1234567, .data = "data", .bytes = 4};
	uint8_t frame[CONNECT_FRAME_BYTES + 4];
	struct packet packet;

	(void)state;
	assert_int_equal(connect_write(frame, &client, &service, &segment), sizeof(frame));
	assert_true(connect_read(&packet, frame, sizeof(frame)));
	assert_int_equal(packet.tuple.src, client.addr);
	assert_int_equal(packet.tuple.dport, htons(443));
	assert_int_equal(packet.tcp.seq, 1234567);
	assert_memory_equal(packet_ethernet(&packet)->dst.b, service.mac.b, 6);
	assert_memory_equal(frame + CONNECT_FRAME_BYTES, "data", 4);
}

/* What is made of a segment of @from's, of which @bytes have come. */
static enum connect_answer judge_of(const struct connect_end *from, uint8_t flags, uint32_t ack,
				    size_t bytes)
{
	const struct connect_segment segment = {.flags = flags, .seq = 99, .ack = ack};
	uint8_t frame[CONNECT_FRAME_BYTES];
	uint32_t peer_seq = 0;
	enum connect_answer answer;
	struct packet packet;

	connect_write(frame, from, &client, &segment);
	if (!connect_read(&packet, frame, bytes))
		return CONNECT_NOTHING;
	answer = connect_judge(&packet, &service, &client, 1000, &peer_seq);
	if (answer == CONNECT_ACCEPTED)
		assert_int_equal(peer_seq, 99);
	return answer;
}

static enum connect_answer judge(uint8_t flags, uint32_t ack, size_t bytes)
{
	return judge_of(&service, flags, ack, bytes);
}

static void answers(void **state)
{
	uint8_t huge[2000] = {0};
	struct connect_end other = service;
	struct packet packet;

	(void)state;
	assert_int_equal(judge(TCP_SYN | TCP_ACK, 1001, CONNECT_FRAME_BYTES), CONNECT_ACCEPTED);
	assert_int_equal(judge(TCP_RST | TCP_ACK, 1001, CONNECT_FRAME_BYTES), CONNECT_REFUSED);
	assert_int_equal(judge(TCP_RST, 1001, CONNECT_FRAME_BYTES), CONNECT_NOTHING);
	assert_int_equal(judge(TCP_SYN | TCP_ACK, 1000, CONNECT_FRAME_BYTES), CONNECT_NOTHING);
	assert_int_equal(judge(TCP_ACK, 1001, CONNECT_FRAME_BYTES), CONNECT_NOTHING);
	assert_int_equal(judge(TCP_SYN, 0, CONNECT_FRAME_BYTES), CONNECT_NOTHING);
	for (size_t bytes = 0; bytes < CONNECT_FRAME_BYTES; bytes++)
		assert_int_equal(judge(TCP_SYN | TCP_ACK, 1001, bytes), CONNECT_NOTHING);
	other.port++;
	assert_int_equal(judge_of(&other, TCP_SYN | TCP_ACK, 1001, CONNECT_FRAME_BYTES),
			 CONNECT_NOTHING);
	assert_false(connect_read(&packet, huge, sizeof(huge)));
}

static enum connect_answer judge_tls(uint8_t flags, uint32_t seq, const char *data, uint16_t bytes)
{
	const struct connect_segment segment = {
		.flags = flags, .seq = seq, .ack = 1500, .data = data, .bytes = bytes};
	uint8_t frame[CONNECT_FRAME_BYTES + 100];
	struct packet packet;

	assert_true(
		connect_read(&packet, frame, connect_write(frame, &service, &client, &segment)));
	return connect_judge_tls(&packet, &service, &client, 100);
}

/* Behind a name, what the backend says counts, and not what pgw-relay says for it. */
static void answers_to_a_hello(void **state)
{
	static const char hello[] = "\x16\x03\x03\x00\x7a";
	static const char handshake_failure[] = "\x15\x03\x03\x00\x02\x02\x28";
	static const char of_relay[][8] = {
		"\x15\x03\x03\x00\x02\x02\x32",
		"\x15\x03\x03\x00\x02\x02\x50",
		"\x15\x03\x03\x00\x02\x02\x70",
	};

	(void)state;
	assert_int_equal(judge_tls(TCP_ACK, 100, NULL, 0), CONNECT_NOTHING);
	assert_int_equal(judge_tls(TCP_ACK, 100, hello, 5), CONNECT_ACCEPTED);
	assert_int_equal(judge_tls(TCP_ACK | TCP_FIN, 100, hello, 5), CONNECT_ACCEPTED);
	assert_int_equal(judge_tls(TCP_ACK, 101, hello, 5), CONNECT_NOTHING);
	assert_int_equal(judge_tls(TCP_ACK, 100, handshake_failure, 7), CONNECT_ACCEPTED);
	for (size_t i = 0; i < sizeof(of_relay) / sizeof(of_relay[0]); i++)
		assert_int_equal(judge_tls(TCP_ACK, 100, of_relay[i], 7), CONNECT_REFUSED);
	assert_int_equal(judge_tls(TCP_ACK | TCP_FIN, 100, NULL, 0), CONNECT_REFUSED);
	assert_int_equal(judge_tls(TCP_RST, 100, NULL, 0), CONNECT_REFUSED);
	assert_int_equal(judge_tls(TCP_SYN | TCP_ACK, 100, NULL, 0), CONNECT_NOTHING);
}

static void hello_has_the_name(void **state)
{
	static const char name[] = "nsx.pcc-192-0-2-1.example.com";
	uint8_t hello[CONNECT_DATA_BYTES];
	size_t bytes = connect_hello(hello, name);

	(void)state;
	assert_true(bytes > 100);
	assert_int_equal(hello[0], 0x16);
	assert_int_equal(bytes, 5u + (hello[3] << 8 | hello[4]));
	assert_non_null(memmem(hello, bytes, name, strlen(name)));
}

static void expect_source(const char *more, const struct gateway_place *place, const char *expected)
{
	static const char base[] = "portgroup add inet dev eth0 realm internet\n"
				   "portgroup add vrack dev eth1 realm private\n"
				   "address add 203.0.113.2/30 portgroup inet\n"
				   "address add 172.16.0.1/24 portgroup vrack\n"
				   "address add 172.16.0.254/24 portgroup vrack\n";
	char text[1024], found[ADDR_TEXT_BYTES];
	struct config_error error;
	struct config config;
	be32 source;

	snprintf(text, sizeof(text), "%s%s", base, more);
	config_init(&config);
	if (config_parse(&config, text, strlen(text), &error) || config_check(&config, &error))
		fail_msg("%s", error.text);
	if (!checkport_source(&config, place, &source)) {
		assert_null(expected);
	} else {
		assert_non_null(expected);
		assert_string_equal(addr_text(source, found), expected);
	}
	config_free(&config);
}

/* Neither an edge of a network nor the gateway itself. */
static void sources(void **state)
{
	struct gateway_place place = {
		.addr = htonl(0xac100001), .prefix_len = 24, .portgroup = "vrack"};

	(void)state;
	expect_source("", &place, "172.16.0.253");
	place.prefix_len = 32; /* nobody else is in it */
	expect_source("", &place, NULL);
	expect_source("allow add 192.168.50.0/24\n", &place, "192.168.50.255");
	expect_source("", NULL, NULL);
	expect_source("set access-policy open\n", NULL, "198.18.0.1");
	expect_source("allow add 203.0.113.0/30\n", NULL, "203.0.113.1");
	expect_source("allow add 203.0.113.2/32\n", NULL, NULL);
	expect_source("allow add 203.0.113.2/32\nallow add 203.0.114.7/32\n", NULL, "203.0.114.7");
	expect_source("allow add any\n", NULL, NULL); /* only 256 are tried: all of class E */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_sound),
		cmocka_unit_test(answers),
		cmocka_unit_test(answers_to_a_hello),
		cmocka_unit_test(hello_has_the_name),
		cmocka_unit_test(sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
