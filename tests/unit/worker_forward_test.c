/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a router must refuse, what it must trim, and what forged packets must not achieve: RFC 1812
 * 5.2.2 and 5.3.7, RFC 1858, RFC 2827, CVE-2021-3773; and that no sender of forged sources gets
 * more out of us than it puts in.
 */
#include "tests/unit/talk.h"

/* A good datagram, about to be spoiled. */
static void good(struct frame *frame)
{
	struct probe out = datagram(CLIENT, 5000, VC, 7);

	harness_build(VRACK, &out, frame);
}

static void fix_header(struct frame *frame)
{
	struct ip_header *h = (struct ip_header *)(frame->data + 14);

	h->check = 0;
	h->check = (uint16_t)~checksum_fold(checksum_add(0, h, (h->version_ihl & 15u) * 4u));
}

/* F1: each fault alone: silent, one drop, under its own reason. */
static void test_bad_headers(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct ip_header *ip_header = (struct ip_header *)(frame->data + 14);
	uint64_t total = 0;

	(void)state;
	assert_non_null(frame);
	for (uint32_t len = 0; len < 34; len++) { /* the header itself is cut */
		good(frame);
		frame->len = len;
		if (mem_port_push(h->io[VRACK], frame->data, frame->len, NULL, false))
			total++;
		harness_run(h);
	}
	harness_expect_drop(h, DROP_TRUNCATED, total);
	for (unsigned version = 0; version < 16; version++) {
		good(frame);
		ip_header->version_ihl = (uint8_t)(version << 4 | 5);
		fix_header(frame);
		if (version != 4)
			harness_send_frame(h, VRACK, frame);
	}
	harness_expect_drop(h, DROP_IP_VERSION, 15);
	for (unsigned words = 0; words < 5; words++) {
		good(frame);
		ip_header->version_ihl = (uint8_t)(0x40 | words);
		harness_send_frame(h, VRACK, frame);
	}
	harness_expect_drop(h, DROP_IP_HEADER, 5);
	for (unsigned i = 0; i < 4; i++) {
		const uint16_t lengths[] = {0, 19, 61, 65535};

		good(frame);
		ip_header->total_len = htons(lengths[i]);
		fix_header(frame);
		harness_send_frame(h, VRACK, frame);
	}
	harness_expect_drop(h, DROP_IP_LENGTH, 4);
	for (unsigned bit = 0; bit < 16; bit++) {
		good(frame);
		ip_header->check ^= (uint16_t)(1u << bit);
		harness_send_frame(h, VRACK, frame);
	}
	harness_expect_drop(h, DROP_IP_CHECKSUM, 16);
	harness_expect_nothing(h);
	assert_int_equal(h->counters.flows_created, 0);
	assert_int_equal(h->counters.port[VRACK].dropped_packets, total + 15 + 5 + 4 + 16);
	free(frame);
	harness_close(h);
}

/* F1: what stands behind the total length is not sent on. */
static void test_trailer(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	struct frame *frame = calloc(2, sizeof(*frame)), *result = frame + 1;
	struct probe out = datagram(CLIENT, 5000, VC, 7);
	struct packet p;

	(void)state;
	assert_non_null(frame);
	for (uint32_t trailer = 1; trailer <= 40; trailer++) {
		out.payload = 1;
		harness_build(VRACK, &out, frame);
		memset(frame->data + frame->len, 0xee, trailer);
		frame->len += trailer;
		harness_send_frame(h, VRACK, frame);
		assert_true(harness_take(h, VSPHERE, result, &p));
		assert_int_equal(result->len, 14 + 20 + 8 + 1);
	}
	free(frame);
	harness_close(h);
}

/* F2: martians, and source routes */
static void test_martians(void **state)
{
	static const char *const sources[] = {
		"0.0.0.0",    "0.255.0.1",	 "127.0.0.1",  "127.255.255.254",
		"224.0.0.1",  "239.255.255.255", "240.0.0.1",  "255.255.255.255",
		"172.16.0.0", "172.16.0.255",	 "10.10.0.255"};
	static const char *const targets[] = {"0.0.0.0",   "0.1.2.3",	  "127.0.0.1", "240.0.0.1",
					      "254.1.2.3", "10.10.0.255", "10.10.0.0"};
	static const uint8_t options[] = {7, 131, 137};
	struct harness *h =
		talk_open(talk_config("allow add 172.16.0.0/24\n",
				      "allow add 0.0.0.0/0\n"
				      "nat add 20 from 0.0.0.0/0 to 0.0.0.0/0 pool default\n"),
			  64);
	struct frame *frame = calloc(1, sizeof(*frame));
	uint64_t martians = 0;

	(void)state;
	assert_non_null(frame);
	for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct probe out = datagram(sources[i], 5000, VC, 7);

		harness_send(h, VRACK, &out);
		harness_expect_drop(h, DROP_MARTIAN, ++martians);
	}
	for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct probe out = datagram(CLIENT, 5000, targets[i], 7);

		harness_send(h, VRACK, &out);
		harness_expect_drop(h, DROP_MARTIAN, ++martians);
	}
	for (unsigned i = 0; i < 3; i++) {
		good(frame);
		memmove(frame->data + 42, frame->data + 34, frame->len - 34);
		frame->len += 8;
		memcpy(frame->data + 34, (const uint8_t[8]){options[i], 7, 4, 10, 10, 0, 10, 0}, 8);
		frame->data[14] = 0x47;
		((struct ip_header *)(frame->data + 14))->total_len =
			htons((uint16_t)(frame->len - 14));
		fix_header(frame);
		harness_send_frame(h, VRACK, frame);
	}
	harness_expect_drop(h, DROP_IP_OPTIONS, 3);
	harness_expect_nothing(h);
	assert_int_equal(h->asked, 0); /* nor is anybody asked for such an address */
	free(frame);
	harness_close(h);
}

/* F3: on by default; it can be switched off. */
static void test_reverse_path(void **state)
{
	struct harness *h = talk_open(harness_config, 64);
	struct probe out = datagram("10.10.0.77", 5000, VC, 7);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_REVERSE_PATH, 1);
	harness_expect_nothing(h);
	harness_close(h);
	h = talk_open(talk_config("realm private\n", "realm private reverse-path off\n"), 64);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_REVERSE_PATH, 0);
	harness_expect_drop(h, DROP_NOT_ALLOWED, 1); /* the allow list stands all the same */
	harness_close(h);
}

/* F4: no fragment may write over the ports or flags that were judged. */
static void test_tiny_fragments(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	uint64_t tiny = 0;

	(void)state;
	for (uint16_t bytes = 8; bytes < 20; bytes = (uint16_t)(bytes + 8)) {
		struct probe first = {.src = CLIENT,
				      .dst = VC,
				      .proto = IPPROTO_TCP,
				      .later = true,
				      .payload = bytes,
				      .fragment = IP_MF,
				      .id = bytes};

		harness_send(h, VRACK, &first);
		harness_expect_drop(h, DROP_FRAG_TINY, ++tiny);
	}
	for (unsigned more = 0; more < 2; more++) {
		struct probe second = {.src = CLIENT,
				       .dst = VC,
				       .proto = IPPROTO_TCP,
				       .later = true,
				       .payload = 40,
				       .fragment = (uint16_t)(1 | (more ? IP_MF : 0)),
				       .id = 99};

		harness_send(h, VRACK, &second);
		harness_expect_drop(h, DROP_FRAG_TINY, ++tiny);
	}
	harness_expect_nothing(h);
	assert_int_equal(h->counters.fragments_waiting, 0);
	harness_close(h);
}

/* F6: ports on which the gateway itself listens are no client's, whichever way ports are chosen. */
static void test_port_shadow(void **state)
{
	static const char *const pools[] = {"mapping-type eim",
					    "mapping-type edm filtering-type edf",
					    "mapping-type edm filtering-type eif"};
	struct snapshot_reserved reserved[] = {
		{.addr = 0, .port = htons(20001), .proto = IPPROTO_TCP},
		{.addr = 0, .port = htons(20002), .proto = IPPROTO_UDP},
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct harness *h;
		char pool[128], config[8192];

		snprintf(pool, sizeof(pool), "20000-20003 %s", pools[i]);
		snprintf(config, sizeof(config), "%s", talk_config("16384-65535", pool));
		h = talk_open(config, 1024);
		reserved[0].addr = ip(GW);
		h->reserved = reserved;
		h->n_reserved = 2;
		harness_configure(h, config);
		for (uint16_t n = 0; n < 200; n++) {
			struct probe out = {.src = CLIENT,
					    .sport = (uint16_t)(5000 + n / 2),
					    .dst = VC,
					    .dport = 7,
					    .proto = n % 2 ? IPPROTO_UDP : IPPROTO_TCP,
					    .tcp_flags = TCP_SYN};
			struct frame *frame = calloc(1, sizeof(*frame));
			struct packet p;

			assert_non_null(frame);
			harness_send(h, VRACK, &out);
			if (harness_take(h, VSPHERE, frame, &p))
				assert_int_not_equal(ntohs(p.tuple.sport), n % 2 ? 20002 : 20001);
			talk_discard(h, VRACK);
			free(frame);
		}
		assert_int_equal(h->counters.flows, 6); /* three ports of four, twice */
		harness_close(h);
	}
}

/* Land, and our own addresses as a source, from either side: dropped, no flow, no answer. */
static void test_own_address_as_source(void **state)
{
	static const char *const own[] = {VIP, GW};
	struct harness *h = talk_open(talk_config("65535\n", "65535 filtering-type eif\n"
							     "allow add 10.10.0.0/24\n"),
				      64);
	uint16_t external = talk_udp(h, CLIENT, 5000, VC, 7);
	uint64_t spoofed = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (uint8_t port = VRACK; port <= VSPHERE; port++) {
			struct probe land = {.src = VIP,
					     .sport = 443,
					     .dst = VIP,
					     .dport = 443,
					     .proto = IPPROTO_TCP,
					     .tcp_flags = TCP_SYN};
			struct probe out = datagram(own[i], 5000, VC, 7);
			struct probe in = datagram(own[i], external, GW, external);

			land.src = own[i];
			harness_send(h, port, &land);
			harness_expect_drop(h, DROP_SPOOFED, ++spoofed);
			harness_send(h, port, &out);
			harness_expect_drop(h, DROP_SPOOFED, ++spoofed);
			harness_send(h, port, &in); /* through a mapping that lets anybody in */
			harness_expect_drop(h, DROP_SPOOFED, ++spoofed);
		}
	}
	harness_expect_nothing(h);
	assert_int_equal(h->counters.flows, 1);
	harness_close(h);
}

/* Nor does a mapping let in who claims to be from behind the other portgroup. */
static void test_mapping_checks_source(void **state)
{
	struct harness *h = talk_open(talk_config("65535\n", "65535 filtering-type eif\n"), 64);
	struct probe in;

	(void)state;
	in = datagram("172.16.0.77", 9, GW, talk_udp(h, CLIENT, 5000, VC, 7));
	harness_send(h, VSPHERE, &in);
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_REVERSE_PATH, 1);
	harness_close(h);
}

/* Everything that an unauthenticated sender can make us answer, as fast as it can send: what we
 * send back is less than what it sent. Packets forwarded to the other side are not answers. */
struct bytes {
	uint64_t in, out;
};

static void ask(struct harness *h, const struct probe *probe, struct bytes *bytes)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	uint32_t len;

	assert_non_null(frame);
	/* on the wire no frame is shorter than 60 bytes */
	len = harness_build(VRACK, probe, frame);
	bytes->in += len < 60 ? 60 : len;
	harness_send_frame(h, VRACK, frame);
	while ((len = mem_port_pop(h->io[VRACK], frame->data, sizeof(frame->data), NULL)))
		bytes->out += len < 60 ? 60 : len;
	talk_discard(h, VSPHERE);
	free(frame);
}

static void test_no_amplifier(void **state)
{
	const struct probe questions[] = {
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_UDP, .ttl = 1},
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_UDP, .ttl = 1, .payload = 28},
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_UDP, .ttl = 1, .payload = 1400},
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_TCP, .tcp_flags = TCP_SYN, .ttl = 1},
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_TCP, .tcp_flags = TCP_ACK},
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_TCP, .tcp_flags = TCP_RST},
		{.src = CLIENT, .dst = VIP, .proto = IPPROTO_TCP, .tcp_flags = TCP_ACK | TCP_FIN},
		{.src = CLIENT, .dst = "10.20.0.1", .proto = IPPROTO_UDP}, /* no route */
		{.src = CLIENT,
		 .dst = VC,
		 .proto = IPPROTO_UDP,
		 .payload = 1400,
		 .fragment = IP_DF},
		{.src = CLIENT,
		 .dst = VC,
		 .proto = IPPROTO_UDP}, /* until table and ports are full */
		{.src = CLIENT, .dst = VC, .proto = IPPROTO_ICMP, .ttl = 1},
		{.src = "192.168.99.9", .dst = VC, .proto = IPPROTO_UDP},
		{.src = CLIENT, .dst = GW, .proto = IPPROTO_UDP},
		{.src = CLIENT, .dst = GW, .proto = IPPROTO_TCP, .tcp_flags = TCP_SYN},
	};
	struct worker_link small = {.ifindex = 12, .mtu = 1280, .up = true, .mac = vsphere_mac};

	(void)state;
	for (unsigned q = 0; q < sizeof(questions) / sizeof(questions[0]); q++) {
		struct harness *h =
			talk_open(talk_config(NULL, "nat add 20 from 0.0.0.0/0 to 10.20.0.0/16 "
						    "pool default\nset dead-flow rst"),
				  256);
		struct bytes bytes = {0, 0};
		bool small_question = questions[q].payload < 28;

		worker_link(h->worker, &small);
		for (unsigned i = 0; i < 20000; i++) { /* in one second */
			struct probe probe = questions[q];

			probe.sport = (uint16_t)(1024 + i);
			probe.dport =
				probe.proto == IPPROTO_ICMP ? 0 : (uint16_t)(20000 + i % 1000);
			h->now_ns += SECOND / 20000;
			ask(h, &probe, &bytes);
			/* never more than the headers of an error beyond what came, each single
			 * time */
			assert_true(bytes.out <= bytes.in + (small_question ? (i + 1) * 10ull : 0));
		}
		if (bytes.out > bytes.in)
			fail_msg("question %u: %lu bytes in, %lu out", q, (unsigned long)bytes.in,
				 (unsigned long)bytes.out);
		harness_close(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_martians),
		cmocka_unit_test(test_reverse_path),
		cmocka_unit_test(test_tiny_fragments),
		cmocka_unit_test(test_port_shadow),
		cmocka_unit_test(test_own_address_as_source),
		cmocka_unit_test(test_mapping_checks_source),
		cmocka_unit_test(test_no_amplifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
