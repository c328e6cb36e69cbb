/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From ring to output: JSON lines, times, failed writes, and events that nobody should believe. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/log/reader.h"

#define CAPACITY 1024u
#define SECOND	 1000000000ull

struct fixture {
	struct log_settings settings;
	struct event_ring writer;
	struct reader reader;
	void *memory;
	char text[1 << 20]; /* what was written */
	size_t bytes;
	unsigned writes;
	int result; /* of the next writes */
};

static const struct reader_clock clock_now = {.monotonic_ns = 5000 * SECOND,
					      .realtime_ns = 1700000000 * SECOND};

static int collect(void *context, const void *bytes, size_t n)
{
	struct fixture *f = context;

	assert_true(f->bytes + n < sizeof(f->text));
	if (!f->result) {
		memcpy(f->text + f->bytes, bytes, n);
		f->bytes += n;
	}
	f->writes++;
	return f->result;
}

static struct fixture *open_fixture(enum session_log_kind kind, bool destinations)
{
	struct fixture *f = calloc(1, sizeof(*f));
	size_t bytes = event_ring_bytes(CAPACITY);

	assert_non_null(f);
	f->memory = aligned_alloc(64, bytes);
	assert_non_null(f->memory);
	memset(f->memory, 0, bytes);
	event_ring_format(f->memory, CAPACITY);
	event_ring_writer(&f->writer, f->memory, bytes);
	f->settings = (struct log_settings){
		.version = LOG_SETTINGS_VERSION, .kind = kind, .destinations = destinations};
	strcpy(f->settings.portgroup[0].name, "vrack");
	strcpy(f->settings.portgroup[1].name, "vsphere");
	strcpy(f->settings.pool[2], "default");
	assert_null(reader_open(&f->reader, &f->settings, f->memory, bytes, collect, f));
	return f;
}

static void close_fixture(struct fixture *f)
{
	free(f->memory);
	free(f);
}

static struct event session(enum event_type type)
{
	return (struct event){
		.time_ns = 4998 * SECOND + 500000000,
		.type = (uint8_t)type,
		.proto = IPPROTO_TCP,
		.port = {0, 1},
		.rule = 10,
		.pool = 2,
		.src = htonl(0xc0a8320a),
		.post_src = htonl(0x0a0a0002),
		.dst = htonl(0xac100001),
		.post_dst = htonl(0x0a0a000a),
		.sport = htons(40001),
		.post_sport = htons(61419),
		.dport = htons(443),
		.post_dport = htons(8443),
		.packets = 12,
		.bytes = 3456,
	};
}

static void expect(struct fixture *f, const struct event *event, const char *expected)
{
	f->bytes = 0;
	assert_true(event_ring_put(&f->writer, event));
	assert_int_equal(reader_work(&f->reader, &clock_now), 1);
	f->text[f->bytes] = '\0';
	assert_string_equal(f->text, expected);
}

#define TIME "{\"time\":\"2023-11-14T22:13:18.500Z\","
#define SRC                                                                                        \
	"\"protocol\":\"tcp\",\"internal-portgroup\":\"vrack\","                                   \
	"\"internal-src-address\":\"192.168.50.10\",\"internal-src-port\":40001,"                  \
	"\"external-src-address\":\"10.10.0.2\",\"external-src-port\":61419,"
#define DST                                                                                        \
	"\"external-portgroup\":\"vsphere\",\"internal-dst-address\":\"172.16.0.1\","              \
	"\"internal-dst-port\":443,\"external-dst-address\":\"10.10.0.10\","                       \
	"\"external-dst-port\":8443,"
#define POLICY "\"rule\":10,\"pool\":\"default\"}\n"

static void test_lines(void **state)
{
	struct fixture *f = open_fixture(SESSION_LOG_FILE, false);
	struct event event = session(EVENT_SESSION_CREATE);

	(void)state;
	expect(f, &event, TIME "\"event\":\"session-create\"," SRC POLICY);
	event.type = EVENT_SESSION_DELETE;
	expect(f, &event,
	       TIME "\"event\":\"session-delete\"," SRC "\"packets\":12,\"bytes\":3456," POLICY);
	event.type = EVENT_BIB_CREATE;
	expect(f, &event, TIME "\"event\":\"mapping-create\"," SRC POLICY);
	event.type = EVENT_BIB_DELETE;
	event.rule = 0;
	event.pool = 3; /* its pool's name is not known */
	expect(f, &event, TIME "\"event\":\"mapping-delete\"," SRC "\"pool\":\"#3\"}\n");
	event = (struct event){.time_ns = event.time_ns,
			       .type = EVENT_REFUSED,
			       .cause = EVENT_CAUSE_CLIENT_PORTS,
			       .proto = IPPROTO_UDP,
			       .port = {0, 0},
			       .src = htonl(0xc0a8320a),
			       .limit = 20,
			       .count = 7,
			       .pool = EVENT_NO_POOL};
	expect(f, &event,
	       TIME "\"event\":\"refused\",\"protocol\":\"udp\",\"cause\":\"port-quota\","
		    "\"internal-portgroup\":\"vrack\",\"internal-src-address\":\"192.168.50.10\","
		    "\"limit\":20,\"count\":7}\n");
	event.type = EVENT_THRESHOLD;
	event.cause = EVENT_CAUSE_PORTS;
	event.pool = 2;
	expect(f, &event,
	       TIME "\"event\":\"threshold\",\"protocol\":\"udp\",\"of\":\"pool\",\"mark\":20,"
		    "\"pool\":\"default\"}\n");
	close_fixture(f);
	f = open_fixture(SESSION_LOG_FILE, true);
	event = session(EVENT_SESSION_CREATE);
	expect(f, &event, TIME "\"event\":\"session-create\"," SRC DST POLICY);
	close_fixture(f);
}

/* Times that cannot be are brought to the nearest that can. */
static void test_times(void **state)
{
	struct fixture *f = open_fixture(SESSION_LOG_FILE, false);
	static const struct {
		uint64_t time_ns;
		const char *text;
	} cases[] = {
		{5000 * SECOND, "22:13:20.000Z"},
		{UINT64_MAX, "22:13:20.000Z"},
		{4999999000000, "22:13:19.999Z"},
		{0, "21:13:20.000Z"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = session(EVENT_SESSION_CREATE);

		event.time_ns = cases[i].time_ns;
		f->bytes = 0;
		event_ring_put(&f->writer, &event);
		reader_work(&f->reader, &clock_now);
		f->text[f->bytes] = '\0';
		assert_non_null(strstr(f->text, cases[i].text));
	}
	close_fixture(f);
}

static void test_failed_writes(void **state)
{
	static const enum session_log_kind kinds_of_log[] = {SESSION_LOG_FILE, SESSION_LOG_IPFIX};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct fixture *f = open_fixture(kinds_of_log[k], true);
		struct event event = session(EVENT_SESSION_CREATE);

		f->result = -ENOSPC;
		for (unsigned i = 0; i < 600; i++)
			assert_true(event_ring_put(&f->writer, &event));
		while (reader_work(&f->reader, &clock_now))
			;
		assert_int_equal(f->reader.trouble, -ENOSPC);
		assert_int_equal(f->writer.header->failed, 600);
		f->result = 0;
		for (unsigned i = 0; i < 600; i++)
			assert_true(event_ring_put(&f->writer, &event));
		while (reader_work(&f->reader, &clock_now))
			;
		assert_int_equal(f->reader.trouble, 0);
		assert_int_equal(f->writer.header->failed, 600);
		assert_int_equal(f->writer.header->exported, 600);
		/* the collector sees how many are missing */
		if (k == 1)
			assert_int_equal(f->reader.ipfix.sequence, 1200);
		close_fixture(f);
	}
}

static void test_unsound_events(void **state)
{
	static const struct event unsound[] = {
		{.type = 0},
		{.type = EVENT_TYPE_COUNT},
		{.type = 255},
		{.type = EVENT_REFUSED},
		{.type = EVENT_REFUSED, .cause = EVENT_CAUSE_COUNT},
		{.type = EVENT_SESSION_CREATE, .cause = EVENT_CAUSE_PORTS},
		{.type = EVENT_THRESHOLD, .cause = EVENT_CAUSE_MAPPINGS},
	};
	struct fixture *f = open_fixture(SESSION_LOG_FILE, true);
	unsigned n = sizeof(unsound) / sizeof(unsound[0]);

	(void)state;
	for (unsigned i = 0; i < n; i++)
		event_ring_put(&f->writer, &unsound[i]);
	assert_int_equal(reader_work(&f->reader, &clock_now), n);
	assert_int_equal(f->writes, 0);
	assert_int_equal(f->writer.header->failed, n);
	close_fixture(f);
}

static void test_settings(void **state)
{
	struct log_settings s = {.version = LOG_SETTINGS_VERSION, .kind = SESSION_LOG_FILE};

	(void)state;
	assert_null(reader_settings_are_sound(&s));
	memset(s.path, 'x', sizeof(s.path));
	assert_non_null(reader_settings_are_sound(&s));
	s.path[0] = '\0';
	memset(s.pool[NAMES_POOLS_MAX - 1], 'x', CONFIG_NAME);
	assert_non_null(reader_settings_are_sound(&s));
	s.pool[NAMES_POOLS_MAX - 1][0] = '\0';
	memset(s.portgroup[0].name, 'x', CONFIG_NAME);
	assert_non_null(reader_settings_are_sound(&s));
	s.portgroup[0].name[0] = '\0';
	s.kind = SESSION_LOG_OFF;
	assert_non_null(reader_settings_are_sound(&s));
	s.kind = SESSION_LOG_IPFIX;
	s.version++;
	assert_non_null(reader_settings_are_sound(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	      cmocka_unit_test(test_times),
		cmocka_unit_test(test_failed_writes), cmocka_unit_test(test_unsound_events),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
