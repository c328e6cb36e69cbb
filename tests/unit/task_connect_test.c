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
#include "datapath/proto/packet.h"

static const struct connect_end client = {{{2, 0, 0, 0, 0, 1}}, 0x0a00000a, 40000};
static const struct connect_end service = {{{2, 0, 0, 0, 0, 2}}, 0x0b00000a, 443};

static void segments_are_sound(void **state)
{
	uint8_t frame[CONNECT_FRAME_BYTES];
	struct packet packet = {.data = frame, .len = sizeof(frame)};

	(void)state;
	connect_segment(frame, &client, &service, TCP_SYN, 1234567, 0);
	assert_int_equal(packet_parse(&packet), DROP_NONE);
	assert_int_equal(packet.proto, IPPROTO_TCP);
	assert_int_equal(packet.tuple.src, client.addr);
	assert_int_equal(packet.tuple.dport, htons(443));
	assert_int_equal(packet.tcp.seq, 1234567);
	assert_memory_equal(packet_ethernet(&packet)->dst.b, service.mac.b, 6);
}

static enum connect_answer judge(uint8_t flags, uint32_t ack, size_t bytes)
{
	uint8_t frame[CONNECT_FRAME_BYTES];
	uint32_t peer_seq = 0;
	enum connect_answer answer;

	connect_segment(frame, &service, &client, flags, 99, ack);
	answer = connect_judge(frame, bytes, &service, &client, 1000, &peer_seq);
	if (answer == CONNECT_ACCEPTED)
		assert_int_equal(peer_seq, 99);
	return answer;
}

static void answers(void **state)
{
	uint8_t frame[CONNECT_FRAME_BYTES], huge[2000] = {0};
	struct connect_end other = service;
	uint32_t seq;

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
	connect_segment(frame, &other, &client, TCP_SYN | TCP_ACK, 99, 1001);
	assert_int_equal(connect_judge(frame, sizeof(frame), &service, &client, 1000, &seq),
			 CONNECT_NOTHING);
	assert_int_equal(connect_judge(huge, sizeof(huge), &service, &client, 1000, &seq),
			 CONNECT_NOTHING);
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
		cmocka_unit_test(sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
