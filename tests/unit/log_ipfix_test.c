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
	static const uint8_t create[] = {1, 0, 0, 34, TIME_BYTES, 4, BINDING_BYTES};
	static const uint8_t end[] = {
		1, 1, 0, 50, TIME_BYTES, 5, BINDING_BYTES, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0,
		0, 3, 4, 5,  6,		 7};
	struct log_settings s = settings(false);
	struct event event = session(EVENT_SESSION_CREATE);
	struct ipfix ipfix;
	const uint8_t *set;
	size_t bytes;

	(void)state;
	ipfix_init(&ipfix, &s);
	bytes = encode(&ipfix, &event, &set);
	assert_set(set, bytes, create, sizeof(create));
	event.type = EVENT_SESSION_DELETE;
	bytes = encode(&ipfix, &event, &set);
	assert_set(set, bytes, end, sizeof(end));
}

static void test_destinations(void **state)
{
	static const uint8_t create[] = {
		1,  2, 0,  50,	     TIME_BYTES, 4,	    BINDING_BYTES, 0xac, 16, 0, 1, 10,
		10, 0, 10, 443 >> 8, 443 & 255,	 8443 >> 8, 8443 & 255,	   0,	 0,  0, 9};
	struct log_settings s = settings(true);
	struct event event = session(EVENT_SESSION_CREATE);
	struct ipfix ipfix;
	const uint8_t *set;
	size_t bytes;

	(void)state;
	ipfix_init(&ipfix, &s);
	bytes = encode(&ipfix, &event, &set);
	assert_set(set, bytes, create, sizeof(create));
}

static void test_binding(void **state)
{
	static const uint8_t create[] = {1, 4, 0, 34, TIME_BYTES, 8, BINDING_BYTES};
	struct log_settings s = settings(true);
	struct event event = session(EVENT_BIB_CREATE);
	struct ipfix ipfix;
	const uint8_t *set;
	size_t bytes;

	(void)state;
	ipfix_init(&ipfix, &s);
	bytes = encode(&ipfix, &event, &set);
	assert_set(set, bytes, create, sizeof(create));
	event.type = EVENT_BIB_DELETE;
	encode(&ipfix, &event, &set);
	assert_int_equal(set[FIRST_RECORD + 8], 9);
}

/* Every refusal and mark: template, natEvent, what kind of quota or mark, the limit. */
static void test_refused_and_marks(void **state)
{
	static const struct {
		uint8_t type, cause;
		uint16_t template;
		uint8_t nat_event;
		uint8_t kind; /* natQuotaExceededEvent or natThresholdEvent; 0: no such field */
		uint16_t limit_at; /* in the record */
	} cases[] = {
		{EVENT_REFUSED, EVENT_CAUSE_PORTS, 261, 12, 0, 0},
		{EVENT_REFUSED, EVENT_CAUSE_SESSIONS, 262, 13, 1, 13},
		{EVENT_REFUSED, EVENT_CAUSE_MAPPINGS, 263, 13, 2, 13},
		{EVENT_REFUSED, EVENT_CAUSE_CLIENT_SESSIONS, 264, 13, 3, 13},
		{EVENT_REFUSED, EVENT_CAUSE_CLIENT_MAPPINGS, 264, 13, 3, 13},
		{EVENT_REFUSED, EVENT_CAUSE_CLIENT_RATE, 264, 13, 3, 13},
		{EVENT_REFUSED, EVENT_CAUSE_CLIENT_PORTS, 264, 13, 3, 13},
		{EVENT_THRESHOLD, EVENT_CAUSE_PORTS, 265, 18, 1, 17},
		{EVENT_THRESHOLD, EVENT_CAUSE_SESSIONS, 266, 18, 3, 13},
	};
	struct log_settings s = settings(false);

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = session(cases[i].type);
		const uint8_t *set, *record;
		struct ipfix ipfix;

		event.cause = cases[i].cause;
		event.limit = 0x01020304;
		ipfix_init(&ipfix, &s);
		encode(&ipfix, &event, &set);
		record = set + FIRST_RECORD;
		assert_int_equal(number(set, 2), cases[i].template);
		assert_int_equal(record[8], cases[i].nat_event);
		if (cases[i].kind)
			assert_int_equal(number(record + 9, 4), cases[i].kind);
		if (cases[i].limit_at)
			assert_int_equal(number(record + cases[i].limit_at, 4), 0x01020304);
	}
}

static void test_header(void **state)
{
	static const uint8_t header[HEADER] = {0, 10, 0, 50, 0x65, 0x53, 0xf1, 0x00,
					       0, 0,  0, 1,  0,	   0,	 0,    1};
	struct log_settings s = settings(false);
	struct event event = session(EVENT_BIB_CREATE);
	struct ipfix ipfix;
	const uint8_t *set;

	(void)state;
	ipfix_init(&ipfix, &s);
	assert_int_equal(ipfix_finish(&ipfix, NOW_MS), 0); /* nothing to say */
	encode(&ipfix, &event, &set);
	assert_int_equal(encode(&ipfix, &event, &set), 34);
	assert_memory_equal(ipfix.message, header, HEADER); /* one record was sent before */
}

/* The elements of the template with this number in a message; 0 if it is not there. */
static unsigned find_template(const struct ipfix *ipfix, unsigned id, uint16_t elements[32])
{
	const uint8_t *set = ipfix->message + HEADER, *at = set + 4;

	if (number(set, 2) != 2)
		return 0;
	while (at < set + number(set + 2, 2)) {
		unsigned fields = number(at + 2, 2);

		for (unsigned i = 0; i < fields; i++)
			elements[i] = (uint16_t)number(at + 4 + 4 * i, 2);
		if (number(at, 2) == id)
			return fields;
		at += 4 + 4 * fields;
	}
	return 0;
}

static void test_templates(void **state)
{
	static const uint16_t wanted[] = {323, 230, 4, 8, 225, 7, 227, 10, 283};
	static const uint8_t first[] = {0, 2, 1, 20, 1, 0, 0, 9, 1, 67, 0, 8, 0, 230, 0, 1};
	struct event event = session(EVENT_SESSION_CREATE);
	uint16_t elements[32];
	struct ipfix ipfix;

	(void)state;
	for (unsigned destinations = 0; destinations < 2; destinations++) {
		struct log_settings s = settings(destinations);
		unsigned base = destinations ? 258 : 256;

		ipfix_init(&ipfix, &s);
		assert_true(ipfix_add(&ipfix, &event, EVENT_MS, NOW_MS));
		ipfix_finish(&ipfix, NOW_MS);
		if (!destinations)
			assert_memory_equal(ipfix.message + HEADER, first, sizeof(first));
		assert_int_equal(find_template(&ipfix, base, elements), destinations ? 14 : 9);
		assert_memory_equal(elements, wanted, sizeof(wanted));
		assert_int_equal(find_template(&ipfix, base + 1, elements), destinations ? 16 : 11);
		/* a template that may carry destinations is not even there */
		assert_int_equal(find_template(&ipfix, destinations ? 256 : 258, elements), 0);
		for (unsigned id = 260; id <= 266; id++)
			assert_true(find_template(&ipfix, id, elements));
	}
}

/* Templates come again, not with every message. */
static void test_again(void **state)
{
	struct log_settings s = settings(false);
	struct event event = session(EVENT_SESSION_CREATE);
	uint16_t elements[32];
	struct ipfix ipfix;

	(void)state;
	ipfix_init(&ipfix, &s);
	for (uint64_t ms = 0; ms <= 2 * IPFIX_TEMPLATES_MS; ms += IPFIX_TEMPLATES_MS / 2) {
		bool due = ms % IPFIX_TEMPLATES_MS == 0;

		assert_true(ipfix_add(&ipfix, &event, EVENT_MS, NOW_MS + ms));
		ipfix_finish(&ipfix, NOW_MS + ms);
		assert_int_equal(find_template(&ipfix, 256, elements), due ? 9 : 0);
	}
}

/* A message takes as many records as fit, of as many kinds; its sets add up to its length. */
static void test_room(void **state)
{
	struct log_settings s = settings(true);
	uint32_t added = 0;
	struct ipfix ipfix;

	(void)state;
	ipfix_init(&ipfix, &s);
	for (unsigned i = 0; i < 1000; i++) {
		struct event event = session(1 + i / 3 % 4);
		size_t bytes, at = HEADER;

		if (ipfix_add(&ipfix, &event, EVENT_MS, NOW_MS)) {
			added++;
			continue;
		}
		bytes = ipfix_finish(&ipfix, NOW_MS);
		assert_in_range(bytes, IPFIX_MESSAGE_BYTES - 80, IPFIX_MESSAGE_BYTES);
		while (at < bytes)
			at += number(ipfix.message + at + 2, 2);
		assert_int_equal(at, bytes);
		assert_int_equal(ipfix.sequence, added);
		assert_true(ipfix_add(&ipfix, &event, EVENT_MS, NOW_MS));
		added++;
	}
	assert_true(ipfix.sequence > 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session), cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_binding), cmocka_unit_test(test_refused_and_marks),
		cmocka_unit_test(test_header),	cmocka_unit_test(test_templates),
		cmocka_unit_test(test_again),	cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
