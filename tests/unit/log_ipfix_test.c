/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPFIX messages byte by byte, when templates are sent, sequence numbers, and what is left out. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/log/ipfix.h"

#define NOW_MS	     1700000000123ull
#define EVENT_MS     1700000000100ull
#define HEADER	     16u
#define FIRST_RECORD 4u /* behind the header of its set */

static struct log_settings settings(bool destinations)
{
	struct log_settings s = {.version = LOG_SETTINGS_VERSION,
				 .kind = SESSION_LOG_IPFIX,
				 .destinations = destinations};

	s.portgroup[3].ifindex = 7;
	s.portgroup[5].ifindex = 9;
	return s;
}

static struct event session(enum event_type type)
{
	return (struct event){
		.type = (uint8_t)type,
		.proto = IPPROTO_TCP,
		.port = {3, 5},
		.rule = 10,
		.pool = 4,
		.src = htonl(0xc0a8320a),
		.post_src = htonl(0x0a0a0002),
		.dst = htonl(0xac100001),
		.post_dst = htonl(0x0a0a000a),
		.sport = htons(40001),
		.post_sport = htons(61419),
		.dport = htons(443),
		.post_dport = htons(8443),
		.packets = 0x0102,
		.bytes = 0x0304050607,
	};
}

static unsigned number(const uint8_t *at, unsigned bytes)
{
	unsigned value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

/* The first message without templates of one event, behind its message header. */
static size_t encode(struct ipfix *ipfix, const struct event *event, const uint8_t **set)
{
	ipfix->templates_sent = true;
	ipfix->templates_ms = NOW_MS;
	assert_true(ipfix_add(ipfix, event, EVENT_MS, NOW_MS));
	*set = ipfix->message + HEADER;
	return ipfix_finish(ipfix, NOW_MS) - HEADER;
}

static void assert_set(const uint8_t *set, size_t bytes, const uint8_t *expected, size_t n)
{
	assert_int_equal(bytes, n);
	assert_memory_equal(set, expected, n);
}

#define TIME_BYTES 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x64
#define BINDING_BYTES                                                                              \
	0x06, 0xc0, 0xa8, 0x32, 0x0a, 0x0a, 0x0a, 0x00, 0x02, 0x9c, 0x41, 0xef, 0xeb, 0, 0, 0, 7,  \
		0, 0, 0, 5

static void test_session(void **state)
{
	static const uint8_t create[] = {1, 0, 0, 38, TIME_BYTES, 4, BINDING_BYTES};
	static const uint8_t end[] = {1, 1, 0, 54, TIME_BYTES, 5, BINDING_BYTES, 0, 0, 0, 0, 0, 0,
				      1, 2, 0, 0, 0, 3, 4, 5, 6, 7};
	struct log_settings s = settings(false);
	struct event event = session(EVENT_SESSION_CREATE);
	struct ipfix ipfix;
	const uint8_t *set;
	size_t bytes;

	(void)state;
	ipfix_init(&ipfix, &s);
	bytes = encode(&ipfix, &event, &set);
	assert_set(set, bytes, create, sizeof(create) - 4);
	event.type = EVENT_SESSION_DELETE;
	bytes = encode(&ipfix, &event, &set);
	assert_set(set, bytes, end, sizeof(end) - 4);
}
