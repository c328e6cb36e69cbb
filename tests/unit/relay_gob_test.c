/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/gob.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* As the description of the protocol has it. */
static const uint8_t definition[] = {
	0x2b, 0xff, 0x81, 0x03, 0x01, 0x01, 0x09, 0x75, 0x64, 0x70, 0x50, 0x61, 0x63, 0x6b, 0x65,
	0x74, 0x01, 0xff, 0x82, 0x00, 0x01, 0x02, 0x01, 0x03, 0x53, 0x72, 0x63, 0x01, 0x0c, 0x00,
	0x01, 0x07, 0x50, 0x61, 0x79, 0x6c, 0x6f, 0x61, 0x64, 0x01, 0x0a, 0x00, 0x00, 0x00};
static const uint8_t hello[] = "\x1a\xff\x82\x01\x0e"
			       "127.0.0.1:5353\x01\x05hello";

static struct {
	unsigned n;
	char source[GOB_SOURCE_MAX + 1];
	uint8_t payload[GOB_PAYLOAD_MAX];
	size_t payload_bytes;
} taken;

static void take(void *context, const struct gob_datagram *datagram)
{
	(void)context;
	taken.n++;
	memcpy(taken.source, datagram->source.data, datagram->source.size);
	taken.source[datagram->source.size] = '\0';
	memcpy(taken.payload, datagram->payload.data, datagram->payload.size);
	taken.payload_bytes = datagram->payload.size;
}

static int forget(void **state)
{
	(void)state;
	memset(&taken, 0, sizeof(taken));
	return 0;
}

static void definition_and_value_are_those_described(void **state)
{
	struct gob_datagram datagram = {SSH_TEXT("127.0.0.1:5353"), SSH_TEXT("hello")};
	uint8_t bytes[64];
	struct ssh_writer writer = {.data = bytes, .capacity = sizeof(bytes)};

	(void)state;
	assert_int_equal(gob_definition().size, sizeof(definition));
	assert_memory_equal(gob_definition().data, definition, sizeof(definition));
	gob_write(&writer, &datagram);
	assert_int_equal(writer.size, sizeof(hello));
	assert_memory_equal(bytes, hello, sizeof(hello));
}

static void any_cut_gives_the_same(void **state)
{
	uint8_t all[sizeof(definition) + 2 * sizeof(hello)];

	(void)state;
	memcpy(all, definition, sizeof(definition));
	memcpy(all + sizeof(definition), hello, sizeof(hello));
	memcpy(all + sizeof(definition) + sizeof(hello), hello, sizeof(hello));
	for (size_t cut = 0; cut <= sizeof(all); cut++) {
		struct gob_reader reader = {0};

		taken.n = 0;
		assert_int_equal(gob_read(&reader, all, cut, take, NULL), 0);
		assert_int_equal(gob_read(&reader, all + cut, sizeof(all) - cut, take, NULL), 0);
		assert_int_equal(taken.n, 2);
		assert_string_equal(taken.source, "127.0.0.1:5353");
		assert_int_equal(taken.payload_bytes, 5);
		gob_reader_free(&reader);
	}
}

static void every_size_comes_back(void **state)
{
	static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 9000, GOB_PAYLOAD_MAX};
	static uint8_t payload[GOB_PAYLOAD_MAX], bytes[GOB_VALUE_MAX];
	struct gob_reader reader = {.defined = true};

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct gob_datagram datagram = {SSH_TEXT("1.2.3.4:5"), {payload, sizes[i]}};
		struct ssh_writer writer = {.data = bytes, .capacity = sizeof(bytes)};

		gob_write(&writer, &datagram);
		assert_false(writer.full);
		assert_int_equal(gob_read(&reader, bytes, writer.size, take, NULL), 0);
		assert_int_equal(taken.n, i + 1);
		assert_int_equal(taken.payload_bytes, sizes[i]);
		assert_memory_equal(taken.payload, payload, sizes[i]);
	}
	gob_reader_free(&reader);
}

static void what_is_wrong_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} wrong[] = {
		{"\x00", 1},		 /* an empty message */
		{"\xfd\xff\xff\xff", 4}, /* longer than a datagram can be */
		{"\xf0\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 17},
		{"\x04\xff\x84\x00\x00", 5},	 /* a type that was not defined */
		{"\x04\xff\x82\x03\x00", 5},	 /* a field that is not there */
		{"\x05\xff\x82\x01\x7f\x61", 6}, /* a text that is longer than its message */
		{"\x04\xff\x82\x00\x00", 5},	 /* bytes after the end */
		{"\x2b\xff\x81", 3},
	};
	uint8_t other[sizeof(definition)];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]) - 1; i++) {
		struct gob_reader reader = {.defined = true};

		assert_int_equal(
			gob_read(&reader, (const uint8_t *)wrong[i].bytes, wrong[i].n, take, NULL),
			-EPROTO);
		gob_reader_free(&reader);
	}
	for (size_t i = 1; i < sizeof(definition); i++) { /* another type */
		struct gob_reader reader = {0};

		memcpy(other, definition, sizeof(other));
		other[i] ^= 0x10;
		assert_int_equal(gob_read(&reader, other, sizeof(other), take, NULL), -EPROTO);
		gob_reader_free(&reader);
	}
	assert_int_equal(taken.n, 0);
}

static void a_value_before_its_type_is_refused(void **state)
{
	struct gob_reader reader = {0};

	(void)state;
	assert_int_equal(gob_read(&reader, hello, sizeof(hello), take, NULL), -EPROTO);
	gob_reader_free(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(definition_and_value_are_those_described, forget),
		cmocka_unit_test_setup(any_cut_gives_the_same, forget),
		cmocka_unit_test_setup(every_size_comes_back, forget),
		cmocka_unit_test_setup(what_is_wrong_is_refused, forget),
		cmocka_unit_test_setup(a_value_before_its_type_is_refused, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
