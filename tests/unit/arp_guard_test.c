/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address conflict detection (RFC 5227) on a clock of the test's own: when probes, announcements
 * and defences leave, what is taken for a conflict, and how often an address is tried.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/arp/guard.h"

#define SENT_MAX 4096

struct sent {
	int64_t ms;
	uint32_t ifindex;
	struct arp_message message;
};

struct world {
	struct guard *guard;
	int64_t now_ms;
	uint32_t random; /* what random() gives */
	bool vary;	 /* it gives another number each time */
	struct sent sent[SENT_MAX];
	unsigned n_sent;
	struct guard_change changes[64];
	unsigned n_changes;
};

static const struct mac own = {{2, 0, 0, 0, 0, 1}}, other = {{2, 0, 0, 0, 0, 9}};

static void send_message(void *context, uint32_t ifindex, const struct arp_message *message)
{
	struct world *w = context;

	assert_true(w->n_sent < SENT_MAX);
	w->sent[w->n_sent++] = (struct sent){w->now_ms, ifindex, *message};
}

static void changed(void *context, const struct guard_change *change)
{
	struct world *w = context;

	assert_true(w->n_changes < 64);
	w->changes[w->n_changes++] = *change;
}

static uint32_t random_number(void *context)
{
	struct world *w = context;

	if (w->vary)
		w->random = w->random * 1103515245u + 12345u;
	return w->vary ? w->random >> 8 : w->random;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct guard_options options = {
		.send = send_message, .changed = changed, .random = random_number, .context = w};

	assert_non_null(w);
	assert_int_equal(guard_open(&w->guard, &options), 0);
	w->now_ms = 1000000;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	guard_close(w->guard);
	free(w);
	return 0;
}

static be32 ip(const char *text)
{
	be32 addr;

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	return addr;
}

static struct guard_address address(const char *addr)
{
	return (struct guard_address){
		.addr = ip(addr), .ifindex = 3, .mac = own, .up = true, .used = true};
}

static void follow(struct world *w, enum guard_mode mode, const struct guard_address *address)
{
	assert_int_equal(guard_follow(w->guard, mode, address, address ? 1 : 0, w->now_ms), 0);
}

/* run() - let @ms pass, working only when the guard says that something is due */
static void run(struct world *w, int64_t ms)
{
	int64_t end_ms = w->now_ms + ms;

	while (guard_due_ms(w->guard) <= end_ms) {
		if (guard_due_ms(w->guard) > w->now_ms)
			w->now_ms = guard_due_ms(w->guard);
		guard_work(w->guard, w->now_ms);
	}
	w->now_ms = end_ms;
}

static bool is_probe(const struct sent *sent)
{
	return sent->message.operation == ARP_REQUEST && !sent->message.sender;
}

static bool is_announcement(const struct sent *sent)
{
	return sent->message.operation == ARP_REQUEST && sent->message.sender &&
	       sent->message.sender == sent->message.target;
}

static unsigned count(const struct world *w, bool (*is)(const struct sent *), int64_t times_ms[])
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_sent; i++)
		if (is(&w->sent[i])) {
			if (times_ms)
				times_ms[n] = w->sent[i].ms;
			n++;
		}
	return n;
}

static enum guard_state state_of(const struct world *w, const char *addr)
{
	struct guard_status status;

	assert_true(guard_status(w->guard, ip(addr), 3, &status));
	return status.state;
}

/* hear() - somebody with @mac says that @sender is his */
static void hear(struct world *w, enum arp_operation operation, const struct mac *mac,
		 const char *sender, const char *target)
{
	const struct arp_message message = {.operation = operation,
					    .sender_mac = *mac,
					    .sender = ip(sender),
					    .target = ip(target)};

	guard_heard(w->guard, 3, &message, w->now_ms);
}

static void claim(struct world *w)
{
	hear(w, ARP_REPLY, &other, "10.0.0.1", "0.0.0.0");
}

/* RFC 5227 2.1.1: 3 probes, the first within 1 s, 1 to 2 s between two; 2.3: 2 announcements 2 s
 * apart, 2 s after the last probe at the earliest. */
static void test_probe_times(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");
	int64_t start_ms, probe_ms[SENT_MAX], announced_ms[SENT_MAX];
	bool spread = false;

	w->vary = true;
	a.used = false;
	for (unsigned round = 0; round < 50; round++) {
		follow(w, GUARD_PROBE, NULL);
		w->n_sent = w->n_changes = 0;
		a.used = false;
		start_ms = w->now_ms;
		assert_true(guard_withholds(w->guard, GUARD_PROBE, a.addr, 3));
		follow(w, GUARD_PROBE, &a);
		run(w, 20000);
		assert_int_equal(count(w, is_probe, probe_ms), 3);
		assert_int_equal(w->n_sent, 3);
		assert_in_range(probe_ms[0] - start_ms, 0, 1000);
		assert_in_range(probe_ms[1] - probe_ms[0], 1000, 2000);
		assert_in_range(probe_ms[2] - probe_ms[1], 1000, 2000);
		spread |= probe_ms[0] - start_ms > 500 && probe_ms[1] - probe_ms[0] > 1500;
		/* nobody has it: it may be used, and then it is announced */
		assert_int_equal(w->n_changes, 1);
		assert_int_equal(w->changes[0].kind, GUARD_CHANGE_FREE);
		assert_false(guard_withholds(w->guard, GUARD_PROBE, a.addr, 3));
		a.used = true;
		follow(w, GUARD_PROBE, &a);
		start_ms = w->now_ms;
		run(w, 20000);
		assert_int_equal(count(w, is_announcement, announced_ms), 2);
		assert_int_equal(announced_ms[0], start_ms);
		assert_int_equal(announced_ms[1] - announced_ms[0], 2000);
		assert_int_equal(w->n_sent, 5);
		assert_int_equal(guard_due_ms(w->guard), INT64_MAX);
	}
	assert_true(spread);
}

/* The wait after the last probe belongs to it: an answer just before its end still counts. */
static void test_late_answer(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");

	a.used = false;
	follow(w, GUARD_PROBE, &a);
	run(w, 0 + 1000 + 1000 + 1999); /* random() gives 0 */
	assert_int_equal(count(w, is_probe, NULL), 3);
	assert_true(guard_withholds(w->guard, GUARD_PROBE, a.addr, 3));
	claim(w);
	run(w, 1);
	assert_true(guard_withholds(w->guard, GUARD_PROBE, a.addr, 3));
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_CONFLICT);
	assert_int_equal(w->n_changes, 1);
	assert_int_equal(w->changes[0].kind, GUARD_CHANGE_CONFLICT);
	assert_memory_equal(&w->changes[0].other, &other, sizeof(other));
}

/* Used at once, and announced at once; probed while it is used. */
static void test_announce_mode(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");
	int64_t announced_ms[SENT_MAX], start_ms = w->now_ms;

	assert_false(guard_withholds(w->guard, GUARD_ANNOUNCE, a.addr, 3));
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 0);
	assert_int_equal(count(w, is_announcement, announced_ms), 1);
	assert_int_equal(announced_ms[0], start_ms);
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_PROBING);
	run(w, 20000);
	assert_int_equal(count(w, is_announcement, announced_ms), 2);
	assert_int_equal(announced_ms[1], start_ms + 2000);
	assert_int_equal(count(w, is_probe, NULL), 3);
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_UNIQUE);
	assert_int_equal(w->n_changes, 0);
}

/* Told nothing new, it says nothing; a link that comes back has new neighbours. */
static void test_link(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");

	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	w->n_sent = 0;
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	assert_int_equal(w->n_sent, 0);
	a.up = false;
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	claim(w); /* nothing is heard on a link that is down */
	assert_int_equal(w->n_sent, 0);
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_WAITING);
	a.up = true;
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	assert_int_equal(count(w, is_announcement, NULL), 2);
	assert_int_equal(count(w, is_probe, NULL), 3);
	/* somebody took it away, and it was put back */
	w->n_sent = 0;
	a.used = false;
	follow(w, GUARD_ANNOUNCE, &a);
	a.used = true;
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	assert_int_equal(count(w, is_announcement, NULL), 2);
	assert_int_equal(w->n_changes, 0);
}

/* RFC 5227 2.4 (c): one defence in 10 s, however often somebody claims the address. */
static void test_defence(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");
	int64_t times_ms[SENT_MAX];
	unsigned n, defences = 0;

	w->vary = true;
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	w->n_sent = 0;
	for (unsigned i = 0; i < 400; i++) { /* 40 s */
		claim(w);
		run(w, 100);
	}
	n = count(w, is_announcement, times_ms);
	for (unsigned i = 1; i < n; i++)
		assert_true(times_ms[i] - times_ms[i - 1] >= 10000);
	defences = n;
	assert_in_range(defences, 3, 5);
	assert_int_equal(w->n_changes, 1);
	assert_int_equal(w->changes[0].kind, GUARD_CHANGE_CONFLICT);
	assert_true(w->changes[0].used);
	/* it ends: probed, told, and neighbours learn it again */
	w->n_sent = 0;
	run(w, 70000);
	assert_int_equal(w->n_changes, 2);
	assert_int_equal(w->changes[1].kind, GUARD_CHANGE_RESOLVED);
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_UNIQUE);
	assert_int_equal(count(w, is_announcement, NULL), 2);
}

/* RFC 5227 2.1.1: after 10 conflicts one try in 60 s, and each before that begins within 1 s. */
static void test_rate_limit(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");
	int64_t begin_ms[64], last_ms = w->now_ms;
	unsigned tries = 0;

	w->vary = true;
	a.used = false;
	follow(w, GUARD_PROBE, &a);
	while (tries < 14) {
		unsigned before = w->n_sent;

		while (w->n_sent == before) {
			assert_true(guard_due_ms(w->guard) != INT64_MAX);
			run(w, guard_due_ms(w->guard) > w->now_ms
				       ? guard_due_ms(w->guard) - w->now_ms
				       : 0);
		}
		begin_ms[tries++] = w->now_ms;
		claim(w); /* whoever has it answers each first probe at once */
	}
	for (unsigned i = 0; i < tries; i++) {
		if (i < 10)
			assert_in_range(begin_ms[i] - last_ms, 0, 1000);
		else
			assert_int_equal(begin_ms[i] - last_ms, 60000);
		last_ms = begin_ms[i];
	}
	assert_int_equal(w->n_changes, 1); /* told once */
	assert_true(guard_withholds(w->guard, GUARD_PROBE, a.addr, 3));
	/* the other gives it up: it is taken over with the next try */
	run(w, 70000);
	assert_int_equal(w->n_changes, 3);
	assert_int_equal(w->changes[1].kind, GUARD_CHANGE_RESOLVED);
	assert_int_equal(w->changes[2].kind, GUARD_CHANGE_FREE);
	assert_false(guard_withholds(w->guard, GUARD_PROBE, a.addr, 3));
}

/* Two that probe for it at the same time both leave it; but who asks for a used one is answered by
 * the kernel, and that is no conflict. */
static void test_probe_of_another(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");

	a.used = false;
	follow(w, GUARD_PROBE, &a);
	run(w, 500);
	hear(w, ARP_REQUEST, &other, "0.0.0.0", "10.0.0.1");
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_CONFLICT);
	follow(w, GUARD_PROBE, NULL);
	w->n_changes = 0;
	a.used = true;
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 500);
	hear(w, ARP_REQUEST, &other, "0.0.0.0", "10.0.0.1");
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_PROBING);
	assert_int_equal(w->n_changes, 0);
}

/* What is no conflict: our own messages, questions, other addresses, other links. */
static void test_no_conflict(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");
	const struct arp_message elsewhere = {
		.operation = ARP_REPLY, .sender_mac = other, .sender = ip("10.0.0.1")};

	follow(w, GUARD_ANNOUNCE, &a);
	hear(w, ARP_REQUEST, &own, "10.0.0.1", "10.0.0.1");
	hear(w, ARP_REQUEST, &other, "10.0.0.7", "10.0.0.1");
	hear(w, ARP_REPLY, &other, "10.0.0.7", "10.0.0.1");
	hear(w, ARP_REPLY, &other, "10.0.0.2", "10.0.0.7");
	hear(w, ARP_REPLY, &other, "0.0.0.0", "10.0.0.1");
	guard_heard(w->guard, 4, &elsewhere, w->now_ms);
	run(w, 20000);
	assert_int_equal(w->n_changes, 0);
	assert_int_equal(state_of(w, "10.0.0.1"), GUARD_UNIQUE);
	assert_int_equal(count(w, is_announcement, NULL), 2);
}

/* Off: neighbours are told, nothing is asked, heard or defended. */
static void test_off(void **state)
{
	struct world *w = *state;
	struct guard_address a = address("10.0.0.1");
	be32 list[4];

	follow(w, GUARD_OFF, &a);
	run(w, 20000);
	assert_int_equal(count(w, is_announcement, NULL), 2);
	assert_int_equal(w->n_sent, 2);
	claim(w);
	run(w, 20000);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(w->n_changes, 0);
	assert_int_equal(guard_addresses(w->guard, list, 4), 0);
	/* switched on: it begins */
	follow(w, GUARD_ANNOUNCE, &a);
	run(w, 20000);
	assert_int_equal(count(w, is_probe, NULL), 3);
	assert_int_equal(guard_addresses(w->guard, list, 4), 1);
	assert_int_equal(list[0], a.addr);
}

/* Thousands of addresses do not leave in one go, and all of them do leave. */
static void test_burst(void **state)
{
	enum { N = 1000 };
	struct world *w = *state;
	struct guard_address *list = calloc(N, sizeof(*list));
	unsigned in_a_row = 0;

	assert_non_null(list);
	for (unsigned i = 0; i < N; i++) {
		list[i] = address("10.0.0.1");
		list[i].addr = htonl(0x0a000000u + (N - i) * 7);
	}
	assert_int_equal(guard_follow(w->guard, GUARD_OFF, list, N, w->now_ms), 0);
	for (unsigned i = 0; i < 1000 && guard_due_ms(w->guard) != INT64_MAX; i++) {
		unsigned before = w->n_sent;

		run(w, guard_due_ms(w->guard) > w->now_ms ? guard_due_ms(w->guard) - w->now_ms : 0);
		if (w->n_sent - before > in_a_row)
			in_a_row = w->n_sent - before;
	}
	assert_int_equal(w->n_sent, 2 * N);
	assert_in_range(in_a_row, 1, GUARD_BURST);
	for (unsigned i = 0; i < N; i++) {
		struct guard_status status;

		assert_true(guard_status(w->guard, list[i].addr, 3, &status));
		assert_false(guard_status(w->guard, list[i].addr + htonl(1), 3, &status));
	}
	free(list);
}

/* Bytes of a message, from both sides, at every length, and what is no such message. */
static void test_message(void **state)
{
	const struct arp_message message = {.operation = ARP_REPLY,
					    .sender_mac = own,
					    .target_mac = other,
					    .sender = ip("10.0.0.1"),
					    .target = ip("10.0.0.2")};
	static const uint8_t wire[ARP_MESSAGE_BYTES] = {0,  1, 8, 0, 6, 4, 0, 2, 2, 0, 0,  0, 0, 1,
							10, 0, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 2};
	uint8_t bytes[ARP_MESSAGE_BYTES];
	struct arp_message read = {.operation = 0};

	(void)state;
	arp_message_write(bytes, &message);
	assert_memory_equal(bytes, wire, sizeof(wire));
	assert_true(arp_message_read(&read, bytes, sizeof(bytes)));
	assert_int_equal(read.operation, ARP_REPLY);
	assert_memory_equal(&read.sender_mac, &own, sizeof(own));
	assert_memory_equal(&read.target_mac, &other, sizeof(other));
	assert_int_equal(read.sender, message.sender);
	assert_int_equal(read.target, message.target);
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_false(arp_message_read(&read, bytes, n));
	for (unsigned i = 0; i < 8; i++) { /* each byte that must be as it is */
		memcpy(bytes, wire, sizeof(wire));
		bytes[i] ^= 0x40;
		assert_false(arp_message_read(&read, bytes, sizeof(bytes)));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_probe_times),
		TEST(test_late_answer),
		TEST(test_announce_mode),
		TEST(test_link),
		TEST(test_defence),
		TEST(test_rate_limit),
		TEST(test_probe_of_another),
		TEST(test_no_conflict),
		TEST(test_off),
		TEST(test_burst),
		TEST(test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
