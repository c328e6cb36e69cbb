/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ClientHellos, cut at every position, spread over records of
 * every size, damaged in every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/relay/hello.h"

static uint8_t scratch[HELLO_BYTES_MAX];

struct bytes {
	uint8_t at[100000];
	size_t n;
};

static void put(struct bytes *bytes, unsigned width, size_t value)
{
	while (width--)
		bytes->at[bytes->n++] = (uint8_t)(value >> 8 * width);
}

static void put_text(struct bytes *bytes, const char *text)
{
	memcpy(bytes->at + bytes->n, text, strlen(text));
	bytes->n += strlen(text);
}

/* Sets the length that stands @width bytes before @from. */
static void close_length(struct bytes *bytes, unsigned width, size_t from)
{
	size_t n = bytes->n - from;

	for (unsigned i = 0; i < width; i++)
		bytes->at[from - 1 - i] = (uint8_t)(n >> 8 * i);
}

/* A message: @name NULL: without the extension; @padding: bytes of another one in front of it. */
static void make_message(struct bytes *message, const char *name, size_t padding, bool encrypted)
{
	size_t body, extensions, extension, list;

	message->n = 0;
	put(message, 1, 1);
	put(message, 3, 0);
	body = message->n;
	put(message, 2, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		put(message, 1, i);
	put(message, 1, 0);
	put(message, 2, 4);
	put(message, 4, 0x13011302);
	put(message, 2, 0x0100);
	put(message, 2, 0);
	extensions = message->n;
	if (padding) {
		put(message, 2, 21);
		put(message, 2, padding);
		memset(message->at + message->n, 0, padding);
		message->n += padding;
	}
	if (encrypted) {
		put(message, 2, 0xfe0d);
		put(message, 2, 3);
		put(message, 3, 0);
	}
	if (name) {
		put(message, 2, 0);
		put(message, 2, 0);
		extension = message->n;
		put(message, 2, 0);
		list = message->n;
		put(message, 1, 0);
		put(message, 2, strlen(name));
		put_text(message, name);
		close_length(message, 2, list);
		close_length(message, 2, extension);
	}
	close_length(message, 2, extensions);
	close_length(message, 3, body);
}

/* Records of at most @size bytes each. */
static void make_records(struct bytes *records, const struct bytes *message, size_t size)
{
	records->n = 0;
	for (size_t at = 0; at < message->n;) {
		size_t n = message->n - at < size ? message->n - at : size;

		put(records, 1, 22);
		put(records, 2, 0x0301);
		put(records, 2, n);
		memcpy(records->at + records->n, message->at + at, n);
		records->n += n;
		at += n;
	}
}

static enum hello_result read_all(const struct bytes *records, struct hello *hello)
{
	return hello_read(records->at, records->n, scratch, hello);
}

static struct bytes message, records;

static void every_cut_asks_for_more(void **state)
{
	static const size_t sizes[] = {16384, 100, 50, 7, 5, 4, 3};
	struct hello hello;

	(void)state;
	make_message(&message, "PCC-1.Example.net", 0, false);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		make_records(&records, &message, sizes[s]);
		for (size_t n = 0; n < records.n; n++) {
			/* at the very end of its memory, where the sanitizer sees a byte too far */
			uint8_t *cut = malloc(n ? n : 1);

			memcpy(cut, records.at, n);
			assert_int_equal(hello_read(cut, n, scratch, &hello), HELLO_MORE);
			assert_true(hello.need > n && hello.need <= records.n);
			free(cut);
		}
		assert_int_equal(read_all(&records, &hello), HELLO_NAMED);
		assert_string_equal(hello.name, "pcc-1.example.net");
		assert_false(hello.encrypted);
		/* what follows is not looked at */
		put_text(&records, "and more");
		assert_int_equal(read_all(&records, &hello), HELLO_NAMED);
	}
}

/* Asked only for what is needed, the number of looks is bounded by that of the records. */
static void need_bounds_the_looks(void **state)
{
	struct hello hello = {.need = 0};
	unsigned looks = 0;
	size_t n = 0;

	(void)state;
	make_message(&message, "a.b", 20000, false);
	make_records(&records, &message, 512);
	while (n < records.n) {
		n++;
		if (n < hello.need)
			continue;
		looks++;
		if (hello_read(records.at, n, scratch, &hello) != HELLO_MORE)
			break;
	}
	assert_int_equal(n, records.n);
	assert_true(looks <= 2 * (records.n / 512 + 2));
}

static void large_ones_and_their_bound(void **state)
{
	struct hello hello;

	(void)state;
	make_message(&message, "big.example.net", 40000, true);
	make_records(&records, &message, 16384);
	assert_int_equal(read_all(&records, &hello), HELLO_NAMED);
	assert_string_equal(hello.name, "big.example.net");
	assert_true(hello.encrypted);
	make_message(&message, "big.example.net", 65000, false);
	make_records(&records, &message, 16384);
	assert_int_equal(read_all(&records, &hello), HELLO_NAMED);
	/* a length that will never come is refused at once */
	message.at[1] = 1;
	make_records(&records, &message, 16384);
	assert_int_equal(hello_read(records.at, 16389, scratch, &hello), HELLO_LONG);
	/* too many records, however short */
	make_message(&message, "a.b", 0, false);
	make_records(&records, &message, 1);
	assert_true(message.n < HELLO_RECORDS_MAX);
	assert_int_equal(read_all(&records, &hello), HELLO_NAMED);
	make_message(&message, "a.b", 200, false);
	make_records(&records, &message, 1);
	assert_int_equal(read_all(&records, &hello), HELLO_LONG);
}

static void without_a_name(void **state)
{
	struct hello hello;

	(void)state;
	make_message(&message, NULL, 0, false);
	make_records(&records, &message, 16384);
	assert_int_equal(read_all(&records, &hello), HELLO_UNNAMED);
	/* and without any extension, as TLS 1.0 has it */
	message.n -= 2;
	message.at[3] = (uint8_t)(message.n - 4);
	make_records(&records, &message, 16384);
	assert_int_equal(read_all(&records, &hello), HELLO_UNNAMED);
}

static void names_and_no_names(void **state)
{
	static const struct {
		const char *name, *read; /* NULL: bad */
	} names[] = {
		{"a", "a"},
		{"a.b.", "a.b"},
		{"A_1-z.EXAMPLE", "a_1-z.example"},
		{"", NULL},
		{".", NULL},
		{"a b", NULL},
		{"a/../../etc", NULL},
		{"\xc3\xa4.de", NULL},
		{"a\nb", NULL},
		{"*.example.net", NULL},
	};
	char longest[300];
	struct hello hello;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		make_message(&message, names[i].name, 0, false);
		make_records(&records, &message, 16384);
		assert_int_equal(read_all(&records, &hello),
				 names[i].read ? HELLO_NAMED : HELLO_BAD);
		if (names[i].read)
			assert_string_equal(hello.name, names[i].read);
	}
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	make_message(&message, longest, 0, false);
	make_records(&records, &message, 16384);
	assert_int_equal(read_all(&records, &hello), HELLO_NAMED);
	longest[255] = 'x';
	longest[256] = '\0';
	make_message(&message, longest, 0, false);
	make_records(&records, &message, 16384);
	assert_int_equal(read_all(&records, &hello), HELLO_BAD);
}

static void nonsense(void **state)
{
	static const char *const others[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\r\n",
					     "\x80\x2e\x01\x03\x01"};
	struct hello hello;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
			hello_read((const uint8_t *)others[i], strlen(others[i]), scratch, &hello),
			HELLO_NOT_TLS);
	/* an empty record; another message; a record too long; an alert in the middle */
	assert_int_equal(hello_read((const uint8_t *)"\x16\x03\x01\0\0", 5, scratch, &hello),
			 HELLO_BAD);
	assert_int_equal(hello_read((const uint8_t *)"\x16\x03\x01\0\1\2", 6, scratch, &hello),
			 HELLO_BAD);
	assert_int_equal(hello_read((const uint8_t *)"\x16\x03\x01\x40\x01", 5, scratch, &hello),
			 HELLO_BAD);
	make_message(&message, "a.b", 0, false);
	make_records(&records, &message, 20);
	records.at[25] = 21;
	assert_int_equal(read_all(&records, &hello), HELLO_BAD);
}

/* Whatever a byte is changed to: an answer, and never a byte too far (the sanitizer looks). */
static void every_byte_damaged(void **state)
{
	static const uint8_t values[] = {0, 1, 2, 127, 128, 255};
	unsigned named = 0;

	(void)state;
	make_message(&message, "pcc-1.example.net", 10, true);
	make_records(&records, &message, 60);
	for (size_t i = 0; i < records.n; i++)
		for (size_t v = 0; v < sizeof(values); v++) {
			uint8_t *copy = malloc(records.n);
			struct hello hello;

			memcpy(copy, records.at, records.n);
			copy[i] = values[v];
			named += hello_read(copy, records.n, scratch, &hello) == HELLO_NAMED;
			assert_non_null(memchr(hello.name, 0, sizeof(hello.name)));
			free(copy);
		}
	assert_true(named > 0 && named < records.n * sizeof(values));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_asks_for_more),
		cmocka_unit_test(need_bounds_the_looks),
		cmocka_unit_test(large_ones_and_their_bound),
		cmocka_unit_test(without_a_name),
		cmocka_unit_test(names_and_no_names),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(every_byte_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
