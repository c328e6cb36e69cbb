/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fragments in every order, bounded waiting, and the ones that are attacks. RFC 4787 REQ-14,
 * RFC 1858, RFC 3128, RFC 6864. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"

/* Fragment @n of 4 of a UDP datagram of 4000 bytes (8 header, 3992 payload), 1000 bytes each. */
static struct probe piece(unsigned n, uint16_t id)
{
	struct probe p = {.src = CLIENT,
			  .sport = 5000,
			  .dst = VC,
			  .dport = 7,
			  .proto = IPPROTO_UDP,
			  .id = id,
			  .payload = n == 0 ? 992 : 1000,
			  .later = n > 0};

	p.fragment = (uint16_t)(n * 125 | (n < 3 ? IP_MF : 0));
	return p;
}

static void expect_all(struct harness *h, unsigned count)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	unsigned seen = 0;
	uint16_t id = 0;
	struct packet p;

	assert_non_null(frame);
	for (unsigned i = 0; i < count; i++) {
		assert_true(harness_take(h, VSPHERE, frame, &p));
		assert_int_equal(p.tuple.src, ip(GW));
		assert_int_equal(p.ttl, 63);
		if (i == 0)
			id = p.ip_id;
		assert_int_equal(p.ip_id, id); /* one datagram, one new identification */
		seen |= 1u << p.fragment_offset / 1000;
	}
	assert_int_equal(seen, (1u << count) - 1);
	harness_expect_nothing(h);
	free(frame);
}

static void test_every_order(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 24; order++) {
		struct harness *h = harness_open(harness_config, 1024);
		unsigned left[4] = {0, 1, 2, 3}, rest = order;

		for (unsigned n = 4; n > 0; n--) {
			unsigned pick = rest % n;
			struct probe p = piece(left[pick], 77);

			rest /= n;
			memmove(&left[pick], &left[pick + 1], (n - pick - 1) * sizeof(left[0]));
			harness_send(h, VRACK, &p);
		}
		expect_all(h, 4);
		assert_int_equal(h->counters.fragments_waiting, 0);
		assert_int_equal(h->counters.flows, 1);
		harness_close(h);
	}
}

/* Two hosts that use the same identification towards one server do not meet (RFC 6864). */
static void test_identification(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe a = piece(0, 5), b = piece(0, 5);
	struct packet first, second;

	(void)state;
	b.src = "192.168.50.11";
	harness_send(h, VRACK, &a);
	harness_send(h, VRACK, &b);
	harness_expect(h, VSPHERE, &(struct probe){.src = GW}, &first);
	harness_expect(h, VSPHERE, &(struct probe){.src = GW}, &second);
	assert_int_not_equal(first.ip_id, second.ip_id);
	harness_close(h);
}

static void test_timeout(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe late = piece(1, 9), first = piece(0, 9);

	(void)state;
	harness_send(h, VRACK, &late);
	assert_int_equal(h->counters.fragments_waiting, 1);
	harness_advance(h, 2 * SECOND + SECOND / 10);
	assert_int_equal(h->counters.fragments_waiting, 0);
	harness_expect_drop(h, DROP_FRAG_TIMEOUT, 1);
	harness_send(h, VRACK, &first); /* not joined to what is gone */
	harness_expect(h, VSPHERE, &(struct probe){.src = GW}, NULL);
	harness_expect_nothing(h);
	harness_close(h);
}

static void test_denied(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);

	(void)state;
	for (unsigned n = 4; n-- > 0;) {
		struct probe p = piece(n, 3);

		p.src = "192.168.99.1";
		harness_send(h, VRACK, &p);
	}
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_NOT_ALLOWED, 4); /* each counted under the first one's reason */
	harness_close(h);
}

/* Bounded, and whole packets do not notice. */
static void test_flood(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe whole = {
		.src = CLIENT, .sport = 1, .dst = VC, .dport = 7, .proto = IPPROTO_UDP};

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		struct probe p = piece(1 + i % 3, (uint16_t)i);

		p.payload = 8;
		p.fragment |= IP_MF;
		p.src = i & 0x10000 ? "192.168.50.77" : "192.168.50.78";
		harness_send(h, VRACK, &p);
	}
	assert_int_equal(h->counters.fragments_waiting, FRAG_WAIT_MAX); /* each worker's bound */
	harness_expect_drop(h, DROP_FRAG_FULL, 100000 - h->members * FRAG_WAIT_MAX);
	harness_send(h, VRACK, &whole);
	harness_expect(h, VSPHERE, &(struct probe){.src = GW}, NULL);
	harness_advance(h, 3 * SECOND);
	assert_int_equal(h->counters.fragments_waiting, 0);
	for (unsigned n = 4; n-- > 0;) { /* and honest fragments pass again */
		struct probe p = piece(n, 3);

		harness_send(h, VRACK, &p);
	}
	expect_all(h, 4);
	harness_close(h);
}

static void test_bad(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe p = piece(1, 1);

	(void)state;
	p.proto = IPPROTO_TCP;
	p.fragment = 1; /* would overwrite the flags of the first */
	harness_send(h, VRACK, &p);
	harness_expect_drop(h, DROP_FRAG_TINY, 1);
	p = piece(0, 1); /* too short for the UDP header */
	p.later = true;
	p.payload = 0;
	p.fragment = IP_MF;
	harness_send(h, VRACK, &p);
	harness_expect_drop(h, DROP_FRAG_BAD, 1);
	p = piece(1, 1); /* beyond 65535 */
	p.fragment = 0x1fff;
	p.payload = 1000;
	harness_send(h, VRACK, &p);
	harness_expect_drop(h, DROP_FRAG_BAD, 2);
	p = piece(1, 1); /* not a multiple of 8, and more to come */
	p.payload = 999;
	harness_send(h, VRACK, &p);
	harness_expect_drop(h, DROP_FRAG_BAD, 3);
	p = (struct probe){.src = CLIENT,
			   .dst = VC,
			   .proto = IPPROTO_TCP,
			   .later = true,
			   .payload = 16,
			   .fragment = IP_MF}; /* first fragment without a whole TCP header */
	harness_send(h, VRACK, &p);
	harness_expect_drop(h, DROP_FRAG_TINY, 2);
	harness_expect_nothing(h);
	harness_close(h);
}

/* Answers come back in fragments too. */
static void test_return(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe out = {
		.src = CLIENT, .sport = 5000, .dst = VC, .dport = 7, .proto = IPPROTO_UDP};
	uint16_t external;

	(void)state;
	harness_send(h, VRACK, &out);
	external = harness_expect(h, VSPHERE, &(struct probe){.src = GW}, NULL);
	for (unsigned n = 4; n-- > 0;) {
		struct probe p = piece(n, 44);

		p.src = VC;
		p.sport = 7;
		p.dst = GW;
		p.dport = external;
		harness_send(h, VSPHERE, &p);
	}
	for (unsigned n = 0; n < 4; n++)
		harness_expect(h, VRACK, &(struct probe){.src = VC, .dst = CLIENT}, NULL);
	harness_expect_nothing(h);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order), cmocka_unit_test(test_identification),
		cmocka_unit_test(test_timeout),	    cmocka_unit_test(test_denied),
		cmocka_unit_test(test_flood),	    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
