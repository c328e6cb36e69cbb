/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When backends are checked and what follows from it: a clock of the test's own, and a prober that
 * answers as each test says. And how what a backend sends is judged.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/health/health.h"

#define BACKENDS 64

/* A world of backends 10.1.0.1 … by the last octet of their address. */
struct world {
	struct health *health;
	enum probe_result result[BACKENDS]; /* of a check; GOES_ON: it hangs */
	enum probe_result known;	    /* what stop() says */
	unsigned checks[BACKENDS];
	int64_t checked_ms[BACKENDS]; /* when it was last */
	int slot_of[BACKENDS];	      /* of the check that hangs, -1 */
	unsigned hanging, most_hanging;
	unsigned changes, troubles;
	enum health_state changed_to;
	char reason[80], trouble[160];
	uint32_t random;
	int64_t now_ms;
};

static unsigned number(be32 addr)
{
	return ntohl(addr) & 0xff;
}

static enum probe_result start(void *context, unsigned slot, const struct probe_spec *spec,
			       char reason[PROBE_REASON_BYTES])
{
	struct world *w = context;
	unsigned n = number(spec->addr);

	assert_int_equal(spec->source, htonl(0x0a0100fe));
	assert_int_equal(spec->ifindex, 42);
	assert_int_equal(w->slot_of[n], -1);
	w->checks[n]++;
	w->checked_ms[n] = w->now_ms;
	if (w->result[n] == PROBE_GOES_ON) {
		w->slot_of[n] = (int)slot;
		if (++w->hanging > w->most_hanging)
			w->most_hanging = w->hanging;
	}
	strcpy(reason, "the test says so");
	return w->result[n];
}

static enum probe_result stop(void *context, unsigned slot, char reason[PROBE_REASON_BYTES])
{
	struct world *w = context;

	for (unsigned n = 0; n < BACKENDS; n++) {
		if (w->slot_of[n] != (int)slot)
			continue;
		w->slot_of[n] = -1;
		w->hanging--;
		strcpy(reason, "known before");
		return w->known;
	}
	fail_msg("slot %u is not in use", slot);
	return PROBE_GOES_ON;
}

static void changed(void *context, const struct health_change *change)
{
	struct world *w = context;

	assert_string_equal(change->service, "s");
	w->changes++;
	w->changed_to = change->state;
	snprintf(w->reason, sizeof(w->reason), "%s", change->reason);
}

static void trouble(void *context, const char *text)
{
	struct world *w = context;

	w->troubles++;
	snprintf(w->trouble, sizeof(w->trouble), "%s", text);
}

static uint32_t ifindex(void *context, unsigned portgroup)
{
	(void)context;
	assert_int_equal(portgroup, 9);
	return 42;
}

static uint32_t next_random(void *context)
{
	struct world *w = context;

	return w->random = w->random * 1103515245 + 12345;
}

static int64_t wall_ms(void *context)
{
	return ((struct world *)context)->now_ms + 1000000;
}

static const struct health_prober prober = {.start = start, .stop = stop};

static struct world *open_world(unsigned probes)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct health_options options = {.prober = &prober,
					       .prober_context = w,
					       .probes = probes,
					       .changed = changed,
					       .trouble = trouble,
					       .ifindex = ifindex,
					       .random = next_random,
					       .wall_ms = wall_ms,
					       .context = w};

	assert_non_null(w);
	for (unsigned i = 0; i < BACKENDS; i++) {
		w->result[i] = PROBE_PASSED;
		w->slot_of[i] = -1;
	}
	w->now_ms = 5000;
	assert_int_equal(health_open(&w->health, &options), 0);
	return w;
}

static void close_world(struct world *w)
{
	health_close(w->health);
	assert_int_equal(w->hanging, 0);
	free(w);
}

/* Check backends 1 to @n of service "s" from now on. */
static void configure(struct world *w, unsigned n, const char *options,
		      const struct snapshot *running)
{
	static const uint8_t portgroups[] = {3, 9};
	struct health_plan *plan;
	struct config config;
	struct config_error error;
	char text[4096];
	size_t at;

	at = (size_t)snprintf(
		text, sizeof(text),
		"portgroup add a dev eth0 realm private\n"
		"portgroup add b dev eth1 realm vsphere\n"
		"address add 10.0.0.1/24 portgroup a\n"
		"address add 10.1.0.254/24 portgroup b\n"
		"nat add 1 from any to any nat-pass-through\n"
		"service add r address 10.0.0.1 protocol tcp port 1 backend 10.1.0.1:1\n"
		"service add s address 10.0.0.1 protocol tcp port 80 %s",
		options);
	for (unsigned i = 1; i <= n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " backend 10.1.0.%u:80", i);
	config_init(&config);
	assert_int_equal(config_parse(&config, text, strlen(text), &error), 0);
	assert_int_equal(config_check(&config, &error), 0);
	assert_int_equal(health_prepare(w->health, &config, portgroups, running, &plan), 0);
	config_free(&config);
	health_commit(w->health, plan, w->now_ms);
}

/* Let time pass, waking only when something is due. Return: how often that was. */
static unsigned run(struct world *w, int64_t ms)
{
	int64_t end_ms = w->now_ms + ms;
	unsigned wakeups = 0;

	while (health_due_ms(w->health) <= end_ms) {
		if (health_due_ms(w->health) > w->now_ms)
			w->now_ms = health_due_ms(w->health);
		health_work(w->health, w->now_ms);
		assert_true(++wakeups < 1000000);
	}
	w->now_ms = end_ms;
	return wakeups;
}

static bool is_up(const struct world *w, unsigned backend)
{
	size_t n;
	const uint8_t *up = health_up(w->health, &n);

	assert_true(backend < n); /* backend 0 is that of "r", which has no check */
	return up[backend];
}

static enum health_state state_of(const struct world *w, unsigned backend)
{
	return health_status(w->health, "s", backend - 1).state;
}

static void test_verdict(void **state)
{
	static const struct {
		const char *checks; /* + passed, - failed */
		unsigned rise, fall;
		enum health_state ends;
		unsigned changes;
	} cases[] = {
		{"", 2, 3, HEALTH_UNCHECKED, 0},
		{"+", 2, 3, HEALTH_UP, 1},
		{"--", 2, 3, HEALTH_UNCHECKED, 0},
		{"---", 2, 3, HEALTH_DOWN, 1},
		{"--+", 2, 3, HEALTH_UP, 1},
		{"+--+--", 2, 3, HEALTH_UP, 1}, /* never three in a row */
		{"+---", 2, 3, HEALTH_DOWN, 2},
		{"---+", 2, 3, HEALTH_DOWN, 1},
		{"---+-+", 2, 3, HEALTH_DOWN, 1},
		{"---++", 2, 3, HEALTH_UP, 2},
		{"+-+-", 1, 1, HEALTH_DOWN, 4},
		{"-", 1, 1, HEALTH_DOWN, 1},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict v = {0};
		unsigned changes = 0;

		for (const char *p = cases[i].checks; *p; p++)
			changes += verdict_take(&v, *p == '+', cases[i].rise, cases[i].fall);
		if (v.state != cases[i].ends || changes != cases[i].changes)
			fail_msg("\"%s\": state %u after %u changes", cases[i].checks, v.state,
				 changes);
	}
	for (unsigned i = 0; i <= 255; i++) { /* a long row must not wrap */
		struct verdict v = {.state = HEALTH_UP, .streak = (uint8_t)i};

		for (unsigned j = 0; j < 300; j++)
			verdict_take(&v, false, 100, 100);
		assert_int_equal(v.state, HEALTH_DOWN);
	}
}

static void test_falls_and_rises(void **state)
{
	struct world *w = open_world(4);

	(void)state;
	configure(w, 2, "check tcp interval 1 fall 3 rise 2", NULL);
	assert_true(is_up(w, 1)); /* before any check */
	assert_int_equal(state_of(w, 1), HEALTH_UNCHECKED);
	assert_true(health_due_ms(w->health) <= w->now_ms + 1000);
	run(w, 1000);
	assert_int_equal(w->checks[1], 1);
	assert_int_equal(w->checks[2], 1);
	assert_int_equal(state_of(w, 1), HEALTH_UP);
	assert_int_equal(w->changes, 0); /* it counted as up before */
	w->result[1] = PROBE_FAILED;
	run(w, 3000); /* interval times fall */
	assert_int_equal(w->changes, 1);
	assert_int_equal(w->changed_to, HEALTH_DOWN);
	assert_string_equal(w->reason, "the test says so");
	assert_false(is_up(w, 1));
	assert_true(is_up(w, 2) && is_up(w, 0));
	assert_string_equal(health_status(w->health, "s", 0).error, "the test says so");
	assert_int_equal(health_status(w->health, "s", 0).since_ms, w->checked_ms[1] + 1000000);
	w->result[1] = PROBE_PASSED;
	run(w, 1000);
	assert_false(is_up(w, 1));
	run(w, 1000);
	assert_true(is_up(w, 1));
	assert_int_equal(w->changes, 2);
	assert_int_equal(w->checks[2], 6); /* neither more nor less than one a second */
	assert_string_equal(health_status(w->health, "s", 0).error, "");
	assert_int_equal(health_status(w->health, "r", 0).state, HEALTH_UNCHECKED);
	assert_int_equal(health_status(w->health, "nobody", 0).state, HEALTH_UNCHECKED);
	close_world(w);
}

static void test_time_out(void **state)
{
	struct world *w = open_world(4);

	(void)state;
	w->result[1] = PROBE_GOES_ON;
	configure(w, 1, "check tcp interval 1 timeout 0.25 fall 2", NULL);
	run(w, 2250);
	assert_int_equal(state_of(w, 1), HEALTH_DOWN);
	assert_string_equal(w->reason, "no answer within 0.25 s");
	assert_int_equal(w->checks[1], 2);
	/* longer than the interval: the next begins when this one is over */
	configure(w, 1, "check tcp interval 1 timeout 4 fall 2", NULL);
	run(w, 20000);
	assert_in_range(w->checks[1], 6, 8);
	/* what only waits for the server to close has passed */
	w->known = PROBE_PASSED;
	run(w, 10000);
	assert_int_equal(state_of(w, 1), HEALTH_UP);
	close_world(w);
}

static void test_bounded(void **state)
{
	struct world *w = open_world(4);

	(void)state;
	for (unsigned i = 1; i < BACKENDS; i++)
		w->result[i] = PROBE_GOES_ON;
	configure(w, BACKENDS - 1, "check tcp interval 1 timeout 1", NULL);
	run(w, 60000);
	assert_int_equal(w->most_hanging, 4);
	for (unsigned i = 1; i < BACKENDS; i++) /* each has its turn */
		assert_in_range(w->checks[i], 3, 5);
	assert_in_range(w->troubles, 1, 2); /* told, and not over and over */
	assert_non_null(strstr(w->trouble, "at most 4 are made at once"));
	close_world(w);
}

static void test_own_trouble_says_nothing(void **state)
{
	struct world *w = open_world(4);

	(void)state;
	configure(w, 1, "check tcp interval 1", NULL);
	run(w, 1000);
	w->result[1] = PROBE_UNKNOWN;
	run(w, 20000);
	assert_int_equal(state_of(w, 1), HEALTH_UP);
	assert_int_equal(w->changes, 0);
	assert_int_equal(w->troubles, 1);
	assert_string_equal(health_status(w->health, "s", 0).error, "the test says so");
	close_world(w);
}

static void test_spread(void **state)
{
	struct world *w = open_world(256);
	unsigned late = 0;

	(void)state;
	configure(w, BACKENDS - 1, "check tcp interval 10", NULL);
	run(w, 5000);
	for (unsigned i = 1; i < BACKENDS; i++)
		late += w->checks[i] == 0;
	assert_in_range(late, 15, 48); /* about half in the first half of the interval */
	run(w, 5000);
	for (unsigned i = 1; i < BACKENDS; i++)
		assert_int_equal(w->checks[i], 1);
	close_world(w);
}

static void test_idle_without_checks(void **state)
{
	struct world *w = open_world(4);

	(void)state;
	assert_true(health_due_ms(w->health) == INT64_MAX);
	configure(w, 2, "", NULL);
	assert_true(health_due_ms(w->health) == INT64_MAX);
	assert_int_equal(run(w, 100000), 0);
	configure(w, 2, "check tcp", NULL);
	assert_true(health_due_ms(w->health) < INT64_MAX);
	configure(w, 2, "", NULL);
	assert_true(health_due_ms(w->health) == INT64_MAX);
	close_world(w);
}

static void test_reload_keeps_state(void **state)
{
	struct world *w = open_world(4);

	(void)state;
	w->result[1] = PROBE_FAILED;
	w->result[2] = PROBE_GOES_ON;
	configure(w, 2, "check tcp interval 1 timeout 10 fall 2", NULL);
	run(w, 2000);
	assert_int_equal(state_of(w, 1), HEALTH_DOWN);
	assert_int_equal(w->hanging, 1);
	/* other numbers, one backend more: neither the state nor the check under way is lost */
	configure(w, 3, "check tcp interval 2 timeout 10 fall 3", NULL);
	assert_int_equal(state_of(w, 1), HEALTH_DOWN);
	assert_false(is_up(w, 1));
	assert_true(is_up(w, 2) && is_up(w, 3));
	assert_int_equal(w->hanging, 1);
	health_finish(w->health, (unsigned)w->slot_of[2], PROBE_FAILED, "late", w->now_ms);
	w->slot_of[2] = -1;
	w->hanging--;
	assert_string_equal(health_status(w->health, "s", 1).error, "late");
	/* changes that come faster than the interval do not keep checks from being made */
	for (unsigned i = 0; i < 100; i++) {
		configure(w, 2 + i % 2, "check tcp interval 1 timeout 10 fall 3", NULL);
		run(w, 100);
	}
	assert_in_range(w->checks[1], 10, 13);
	/* another kind of check begins anew; a backend that goes takes its check with it */
	w->result[2] = PROBE_GOES_ON;
	run(w, 2000);
	configure(w, 1, "check tls", NULL);
	assert_int_equal(w->hanging, 0);
	assert_int_equal(state_of(w, 1), HEALTH_UNCHECKED);
	assert_true(is_up(w, 1));
	close_world(w);
}

static void test_taken_over(void **state)
{
	const struct snapshot_service service = {.name = "s",
						 .addr = htonl(0x0a000001),
						 .port = htons(80),
						 .proto = 6,
						 .backends = 2};
	const struct snapshot_backend backends[] = {
		{.addr = htonl(0x0a010002), .port = htons(80), .up = 0},
		{.addr = htonl(0x0a010001), .port = htons(80), .up = 1}};
	const struct snapshot running = {
		.services = &service, .n_services = 1, .backends = backends, .n_backends = 2};
	struct world *w = open_world(4);

	(void)state;
	configure(w, 3, "check tcp interval 1 rise 2", &running);
	assert_true(is_up(w, 1) && is_up(w, 3));
	assert_false(is_up(w, 2));
	assert_int_equal(state_of(w, 2), HEALTH_DOWN);
	run(w, 2000);
	assert_true(is_up(w, 2));
	close_world(w);
}

static void test_http_status(void **state)
{
	static const struct {
		const char *bytes;
		enum probe_result result;
	} cases[] = {
		{"", PROBE_GOES_ON},
		{"HTTP/1.1 20", PROBE_GOES_ON},
		{"HTTP/1.1 200 OK\r\n", PROBE_PASSED},
		{"HTTP/1.0 302", PROBE_PASSED},
		{"HTTP/1.1 100", PROBE_FAILED},
		{"HTTP/1.1 404", PROBE_FAILED},
		{"HTTP/1.1 503", PROBE_FAILED},
		{"HTTP/2.0 200", PROBE_FAILED},
		{"HTTP/1.1 2x0", PROBE_FAILED},
		{"SSH-2.0-OpenSSH", PROBE_FAILED},
		{"S", PROBE_FAILED},
		{"HTTP/1.1  200", PROBE_FAILED},
	};
	char reason[PROBE_REASON_BYTES];
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (probe_http_status(cases[i].bytes, strlen(cases[i].bytes), reason) !=
		    cases[i].result)
			fail_msg("\"%s\" is judged otherwise", cases[i].bytes);
	assert_int_equal(probe_http_status("HTTP/1.1 503 x", 14, reason), PROBE_FAILED);
	assert_string_equal(reason, "HTTP status 503");
}

static void test_echo_reply(void **state)
{
	struct probe probe = {.echo_id = 0x1234, .nonce = "0123456789abcde"};
	uint8_t bytes[64] = {0x46}; /* a header of 24 bytes */
	const size_t at = 24, whole = at + 8 + PROBE_NONCE_BYTES;
	(void)state;

	memcpy(bytes + at + 4, &probe.echo_id, 2);
	bytes[at + 7] = 1;
	memcpy(bytes + at + 8, probe.nonce, PROBE_NONCE_BYTES);
	assert_true(probe_icmp_is_reply(&probe, bytes, whole));
	assert_true(probe_icmp_is_reply(&probe, bytes, sizeof(bytes)));
	for (size_t n = 0; n < whole; n++)
		assert_false(probe_icmp_is_reply(&probe, bytes, n));
	for (size_t i = at; i < whole; i++) {
		if (i == at + 2 || i == at + 3) /* the checksum was the kernel's to look at */
			continue;
		bytes[i] ^= 1;
		assert_false(probe_icmp_is_reply(&probe, bytes, whole));
		bytes[i] ^= 1;
	}
	bytes[0] = 0x41;
	assert_false(probe_icmp_is_reply(&probe, bytes, whole));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_falls_and_rises),
		cmocka_unit_test(test_time_out),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_own_trouble_says_nothing),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_idle_without_checks),
		cmocka_unit_test(test_reload_keeps_state),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_http_status),
		cmocka_unit_test(test_echo_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
