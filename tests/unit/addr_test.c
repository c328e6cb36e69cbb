/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "datapath/base/addr.h"

static void test_addr_text(void **state)
{
	static const char *const texts[] = {"0.0.0.0",	    "1.2.3.4",	     "10.0.0.1",
					    "99.100.101.9", "192.168.255.0", "255.255.255.255",
					    "127.0.0.1",    "200.10.20.30"};
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char buf[ADDR_TEXT_BYTES];
		be32 addr;

		assert_true(addr_parse(texts[i], &addr));
		assert_int_equal(addr, inet_addr(texts[i]));
		assert_ptr_equal(addr_text(addr, buf), buf);
		assert_string_equal(buf, texts[i]);
	}
}

static void test_addr_refused(void **state)
{
	static const char *const texts[] = {"",
					    "1",
					    "1.2.3",
					    "1.2.3.4.5",
					    "1.2.3.",
					    ".1.2.3.4",
					    "1..2.3",
					    "256.0.0.1",
					    "1.2.3.04",
					    "00.0.0.0",
					    "1.2.3.4 ",
					    " 1.2.3.4",
					    "+1.2.3.4",
					    "-1.2.3.4",
					    "0x1.2.3.4",
					    "1.2.3.4/32",
					    "1,2,3,4",
					    "1.2.3.a",
					    "1.2.3.99999",
					    "::1",
					    "1.2.3.4294967296"};
	be32 addr = 7;
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(addr_parse(texts[i], &addr));
	assert_int_equal(addr, 7); /* never touched */
}

static void test_prefix_text(void **state)
{
	static const char *const texts[] = {"0.0.0.0/0", "10.0.0.0/8", "192.168.4.0/22",
					    "10.1.2.3/32", "255.255.255.254/31"};
	char buf[PREFIX_TEXT_BYTES];
	struct prefix prefix;
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(prefix_parse(texts[i], &prefix));
		assert_string_equal(prefix_text(prefix, buf), texts[i]);
	}
	assert_true(prefix_parse("10.1.2.3", &prefix));
	assert_int_equal(prefix.len, 32);
	assert_string_equal(prefix_text(prefix, buf), "10.1.2.3/32");
}

static void test_prefix_refused(void **state)
{
	static const char *const texts[] = {"",
					    "/",
					    "/8",
					    "10.0.0.0/",
					    "10.0.0.0/33",
					    "10.0.0.1/31",
					    "10.0.0.0/08",
					    "10/8",
					    "0.0.0.1/0",
					    "10.0.0.0/8 ",
					    "10.0.0.0//8",
					    "10.0.0.0/-1",
					    "128.0.0.0/0",
					    "10.0.0.0/8/8"};
	struct prefix prefix = {7, 7};
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(prefix_parse(texts[i], &prefix));
	assert_int_equal(prefix.addr, 7);
	assert_int_equal(prefix.len, 7);
}

static void test_prefix_covers(void **state)
{
	(void)state;

	assert_int_equal(prefix_mask(0), 0);
	assert_int_equal(prefix_mask(1), htonl(0x80000000));
	assert_int_equal(prefix_mask(24), htonl(0xffffff00));
	assert_int_equal(prefix_mask(32), 0xffffffff);
	for (uint8_t len = 0; len <= 32; len++) {
		uint32_t host = 0xc0a80a05; /* 192.168.10.5 */
		struct prefix prefix = {htonl(host) & prefix_mask(len), len};

		assert_true(prefix_covers(prefix, htonl(host)));
		if (len) /* the last bit of the prefix differs: outside */
			assert_false(prefix_covers(prefix, htonl(host ^ 1u << (32 - len))));
		if (len < 32) /* the first bit behind it: inside */
			assert_true(prefix_covers(prefix, htonl(host ^ 1u << (31 - len))));
	}
}

static void test_mac(void **state)
{
	static const char *const wrong[] = {"",
					    "02:00:00:12:34",
					    "02:00:00:12:34:5",
					    "02:00:00:12:34:567",
					    "02:00:00:12:34:56:",
					    "2:0:0:12:34:56",
					    "02-00-00-12-34-56",
					    "0g:00:00:12:34:56",
					    " 02:00:00:12:34:56"};
	char buf[MAC_TEXT_BYTES];
	struct mac mac, same;
	(void)state;

	assert_true(mac_parse("02:00:5e:aB:Cd:9f", &mac));
	assert_string_equal(mac_text(mac, buf), "02:00:5e:ab:cd:9f");
	assert_true(mac_parse(buf, &same));
	assert_true(mac_equal(&mac, &same));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(mac_parse(wrong[i], &same));
	assert_true(mac_equal(&mac, &same));
	same.b[5] ^= 1;
	assert_false(mac_equal(&mac, &same));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr_text),     cmocka_unit_test(test_addr_refused),
		cmocka_unit_test(test_prefix_text),   cmocka_unit_test(test_prefix_refused),
		cmocka_unit_test(test_prefix_covers), cmocka_unit_test(test_mac),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
