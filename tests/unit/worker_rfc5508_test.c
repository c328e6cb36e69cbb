/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP: RFC 5508, RFC 4884, RFC 1812 4.3. worker_icmp_test.c has the plain cases. */
#include "tests/unit/talk.h"

/* I1: one identifier outside for all destinations; another host's, or another identifier, differs.
 */
static void test_identifiers(void **state)
{
	struct harness *h = talk_open(harness_config, 64);
	struct probe out = {.src = CLIENT, .sport = 77, .dst = VC, .proto = IPPROTO_ICMP}, back;
	uint16_t first, other;

	(void)state;
	harness_send(h, VRACK, &out);
	first = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	out.dst = ESX;
	harness_send(h, VRACK, &out);
	assert_int_equal(harness_expect(h, VSPHERE, &(struct probe){.dst = ESX}, NULL), first);
	out.src = OTHER;
	harness_send(h, VRACK, &out);
	other = harness_expect(h, VSPHERE, &(struct probe){.dst = ESX}, NULL);
	assert_int_not_equal(other, first);
	out.src = CLIENT;
	out.sport = 78;
	harness_send(h, VRACK, &out);
	assert_int_not_equal(harness_expect(h, VSPHERE, &(struct probe){.dst = ESX}, NULL), first);
	back = (struct probe){.src = ESX, .dst = GW, .dport = other, .proto = IPPROTO_ICMP};
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.src = ESX, .dst = OTHER, .dport = 77}, NULL);
	harness_close(h);
}

/* One flow each of UDP, TCP and echo; what its packets look like on both sides, both ways. */
struct scene {
	struct harness *h;
	uint8_t proto;
	/* [0] as the sender sees it, [1] as its receiver does */
	struct frame request[2], reply[2], error, result;
};

static struct scene *open_scene(uint8_t proto)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct probe out = {.src = CLIENT,
			    .sport = 5000,
			    .dst = VC,
			    .dport = 7,
			    .proto = proto,
			    .tcp_flags = TCP_SYN,
			    .seq = 1000,
			    .payload = 40};
	struct probe back = {.src = VC,
			     .sport = 7,
			     .dst = GW,
			     .proto = proto,
			     .tcp_flags = TCP_SYN | TCP_ACK,
			     .seq = 2000,
			     .ack = 1041,
			     .payload = 40};
	struct packet p;

	assert_non_null(s);
	s->h = talk_open(harness_config, 64);
	s->proto = proto;
	if (proto == IPPROTO_ICMP)
		out.dport = back.sport = 0;
	harness_build(VRACK, &out, &s->request[0]);
	harness_send_frame(s->h, VRACK, &s->request[0]);
	assert_true(harness_take(s->h, VSPHERE, &s->request[1], &p));
	back.dport = ntohs(p.tuple.sport);
	harness_build(VSPHERE, &back, &s->reply[0]);
	harness_send_frame(s->h, VSPHERE, &s->reply[0]);
	assert_true(harness_take(s->h, VRACK, &s->reply[1], &p));
	return s;
}

static void close_scene(struct scene *s)
{
	harness_close(s->h);
	free(s);
}

/* @quote, from its transport header on, must be what its sender had sent: @sent. */
static void expect_quote(const uint8_t *quote, const uint8_t *sent, uint32_t bytes)
{
	assert_memory_equal(quote + 12, sent + 12, 8); /* addresses */
	assert_int_equal(checksum_fold(checksum_add(0, quote, 20)), 0xffff);
	assert_memory_equal(quote + 20, sent + 20, bytes - 20);
}

/* I3: quotes of 8 bytes and of more, about either direction, of UDP, TCP and echo: type and code
 * are kept, addresses and ports are those that the receiver knows. */
static void test_quotes(void **state)
{
	const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};
	const uint32_t sizes[] = {28, 36, 40, 60};
	const uint8_t kinds[][2] = {{3, 0},  {3, 1},  {3, 3},  {3, 4},
				    {3, 13}, {11, 0}, {11, 1}, {12, 0}};

	(void)state;
	for (unsigned i = 0; i < 3 * 4 * 8; i++) {
		struct scene *s = open_scene(protos[i % 3]);
		const uint8_t *kind = kinds[i / 12];
		const struct ip_header *outer = (const struct ip_header *)(s->result.data + 14);
		uint32_t bytes = sizes[i / 3 % 4];
		struct packet p;

		/* the server, about the request */
		talk_error(&s->error, VSPHERE, VC, GW, kind[0], kind[1], &s->request[1], bytes);
		harness_send_frame(s->h, VSPHERE, &s->error);
		assert_true(harness_take(s->h, VRACK, &s->result, &p));
		assert_int_equal(outer->src, ip(VC));
		assert_int_equal(outer->dst, ip(CLIENT));
		assert_memory_equal(s->result.data + 34, kind, 2);
		expect_quote(s->result.data + 42, s->request[0].data + 14, bytes);
		/* the client, about the reply: the server must not learn its address */
		talk_error(&s->error, VRACK, CLIENT, VC, kind[0], kind[1], &s->reply[1], bytes);
		harness_send_frame(s->h, VRACK, &s->error);
		assert_true(harness_take(s->h, VSPHERE, &s->result, &p));
		assert_int_equal(outer->src, ip(GW));
		assert_int_equal(outer->dst, ip(VC));
		assert_memory_equal(s->result.data + 34, kind, 2);
		expect_quote(s->result.data + 42, s->reply[0].data + 14, bytes);
		/* nor that of a router on the way to the client */
		talk_error(&s->error, VRACK, "192.168.50.1", VC, kind[0], kind[1], &s->reply[1],
			   bytes);
		harness_send_frame(s->h, VRACK, &s->error);
		assert_true(harness_take(s->h, VSPHERE, &s->result, &p));
		assert_int_equal(outer->src, ip(GW));
		harness_expect_nothing(s->h);
		assert_int_equal(s->h->counters.flows, 1);
		close_scene(s);
	}
}

/* I3: an error on the side that the quoted packet came from makes no sense, and does not pass. */
static void test_wrong_direction(void **state)
{
	struct scene *s = open_scene(IPPROTO_UDP);

	(void)state;
	talk_error(&s->error, VRACK, CLIENT, VC, 3, 3, &s->request[0],
		   40); /* about its own request */
	harness_send_frame(s->h, VRACK, &s->error);
	talk_error(&s->error, VSPHERE, VC, "10.10.0.99", 3, 3, &s->reply[0], 40);
	harness_send_frame(s->h, VSPHERE, &s->error);
	harness_expect_nothing(s->h);
	harness_expect_drop(s->h, DROP_ICMP_NO_FLOW, 2);
	close_scene(s);
}

/* I3: a port or sequence number that is not the flow's is a forgery. */
static void test_forged(void **state)
{
	struct scene *s = open_scene(IPPROTO_TCP);
	const uint32_t far[] = {0x40000000, 0x80000000, 0xc0000000};
	uint16_t port;
	uint32_t seq;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		memcpy(&seq, s->request[1].data + 34 + 4, 4);
		seq = htonl(ntohl(seq) + far[i]);
		memcpy(s->request[1].data + 34 + 4, &seq, 4);
		talk_error(&s->error, VSPHERE, VC, "10.10.0.99", 3, 1, &s->request[1], 40);
		harness_send_frame(s->h, VSPHERE, &s->error);
	}
	harness_expect_nothing(s->h);
	harness_expect_drop(s->h, DROP_ICMP_NO_FLOW, 3);
	close_scene(s);
	s = open_scene(IPPROTO_TCP);
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(&port, s->request[1].data + 34, 2);
		port = htons((uint16_t)(ntohs(port) + 1));
		memcpy(s->request[1].data + 34, &port, 2);
		talk_error(&s->error, VSPHERE, VC, "10.10.0.99", 3, 1, &s->request[1], 40);
		harness_send_frame(s->h, VSPHERE, &s->error);
	}
	harness_expect_nothing(s->h);
	harness_expect_drop(s->h, DROP_ICMP_NO_FLOW, 1000);
	close_scene(s);
}

/* I2: options in the quoted header are skipped, a wrong quoted transport checksum does not matter,
 * and extensions (RFC 4884) pass as they are. */
static void test_odd_quotes(void **state)
{
	struct scene *s = open_scene(IPPROTO_UDP);
	uint8_t quote[160] = {0}, *extension = quote + 128;
	struct frame about = {0};
	struct ip_header *h = (struct ip_header *)quote;
	struct packet p;

	(void)state;
	memcpy(quote, s->request[1].data + 14, 20);
	h->version_ihl = 0x47; /* eight bytes of options */
	memset(quote + 20, 1, 8);
	memcpy(quote + 28, s->request[1].data + 34, 40);
	quote[28 + 6] ^= 0x55; /* UDP checksum */
	h->check = 0;
	h->check = (uint16_t)~checksum_fold(checksum_add(0, h, 28));
	for (unsigned i = 0; i < 32; i++)
		extension[i] = (uint8_t)(0x20 + i);
	memcpy(about.data + 14, quote, sizeof(quote));
	talk_error(&s->error, VSPHERE, VC, GW, 11, 0, &about, sizeof(quote));
	harness_send_frame(s->h, VSPHERE, &s->error);
	assert_true(harness_take(s->h, VRACK, &s->result, &p));
	assert_memory_equal(s->result.data + 42 + 12, s->request[0].data + 14 + 12, 8);
	assert_memory_equal(s->result.data + 42 + 20, quote + 20, 8);
	assert_memory_equal(s->result.data + 42 + 28, s->request[0].data + 34, 4); /* ports */
	assert_memory_equal(s->result.data + 42 + 128, extension, 32);
	close_scene(s);
}

/* I2: a wrong ICMP checksum is not repaired by translation: the echo's receiver still sees it. */
static void test_wrong_checksum(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct probe out = {
		.src = CLIENT, .sport = 77, .dst = VC, .proto = IPPROTO_ICMP, .payload = 8};

	(void)state;
	assert_non_null(frame);
	harness_build(VRACK, &out, frame);
	frame->data[36] ^= 0x10;
	harness_send_frame(h, VRACK, frame);
	frame->len = mem_port_pop(h->io[VSPHERE], frame->data, sizeof(frame->data), NULL);
	assert_int_equal(frame->len, 34 + 16);
	assert_int_not_equal(checksum_fold(checksum_add(0, frame->data + 34, 16)), 0xffff);
	free(frame);
	harness_close(h);
}

/* I5: nothing left: 3/1 to the client, at most icmp-rate a second, and no flow is ended for it. */
static void exhausted(const char *config, uint32_t capacity, enum drop_reason reason)
{
	struct harness *h = talk_open(config, capacity);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct probe back;
	uint16_t external[64];
	struct packet p;

	assert_non_null(frame);
	for (uint16_t i = 0; i < 64; i++)
		external[i] = talk_udp(h, CLIENT, (uint16_t)(5000 + i), VC, 7);
	for (uint16_t i = 0; i < 50; i++) {
		struct probe out = datagram(OTHER, (uint16_t)(6000 + i), VC, 7);

		harness_send(h, VRACK, &out);
	}
	harness_expect_drop(h, reason, 50);
	assert_int_equal(mem_port_sent(h->io[VRACK]), 20);
	assert_int_equal(h->counters.icmp_limited, 30);
	assert_true(harness_take(h, VRACK, frame, &p));
	assert_int_equal(frame->data[34], ICMP_UNREACHABLE);
	assert_int_equal(frame->data[35], ICMP_UNREACHABLE_HOST);
	assert_int_equal(packet_ip(&p)->dst, ip(OTHER));
	talk_discard(h, VRACK);
	for (unsigned i = 0; i < 64; i++) {
		back = datagram(VC, 7, GW, external[i]);
		assert_true(talk_passes(h, VSPHERE, &back));
	}
	assert_int_equal(h->counters.flows_ended + h->counters.flows_expired, 0);
	free(frame);
	harness_close(h);
}

static void test_exhausted(void **state)
{
	(void)state;
	exhausted(talk_config(NULL, "set icmp-rate 20"), 64, DROP_FLOWS_FULL);
	exhausted(talk_config("16384-65535", "20000-20063\nset icmp-rate 20"), 1024,
		  DROP_PORTS_EXHAUSTED);
}

/* I6: what is never answered, though its TTL is spent and its flow may be made */
static void test_never_answered(void **state)
{
	static const struct mac broadcast = {{255, 255, 255, 255, 255, 255}},
				multicast = {{1, 0, 94, 0, 0, 1}};
	static const char *const bad_sources[] = {"0.0.0.0",	     "127.0.0.1", "224.0.0.5",
						  "255.255.255.255", "240.0.0.1", "172.16.0.255",
						  "172.16.0.0",	     VIP,	  GW};
	static const char *const bad_targets[] = {"255.255.255.255", "224.0.0.5", "10.10.0.255",
						  "10.10.0.0"};
	struct harness *h =
		talk_open(talk_config("allow add 172.16.0.0/24\n", "allow add 0.0.0.0/0\n"), 64);
	struct frame *frame = calloc(2, sizeof(*frame)), *error = frame + 1;
	struct probe out = datagram(CLIENT, 5000, VC, 7);
	struct packet p;

	(void)state;
	assert_non_null(frame);
	out.ttl = 1;
	harness_send(h, VRACK, &out);
	assert_int_equal(talk_discard(h, VRACK), 1); /* this one is */
	for (unsigned i = 0; i < 2; i++) {	     /* broadcast and multicast of the link */
		harness_build(VRACK, &out, frame);
		memcpy(frame->data, i ? &multicast : &broadcast, 6);
		harness_send_frame(h, VRACK, frame);
	}
	for (unsigned i = 0; i < sizeof(bad_targets) / sizeof(bad_targets[0]); i++) {
		struct probe to = out;

		to.dst = bad_targets[i];
		harness_send(h, VRACK, &to);
	}
	for (unsigned i = 0; i < sizeof(bad_sources) / sizeof(bad_sources[0]); i++) {
		struct probe from = out;

		from.src = bad_sources[i];
		harness_send(h, VRACK, &from);
	}
	out.ttl = 64; /* an error about a live flow's answer, and the rest of a live datagram */
	out.fragment = IP_MF;
	harness_send(h, VRACK, &out);
	out = datagram(VC, 7, GW, harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, &p));
	harness_send(h, VSPHERE, &out);
	assert_true(harness_take(h, VRACK, frame, &p));
	talk_error(error, VRACK, CLIENT, VC, 3, 3, frame, 40);
	((struct ip_header *)(error->data + 14))->ttl = 1;
	((struct ip_header *)(error->data + 14))->check = 0;
	((struct ip_header *)(error->data + 14))->check =
		(uint16_t)~checksum_fold(checksum_add(0, error->data + 14, 20));
	harness_send_frame(h, VRACK, error);
	harness_expect_drop(h, DROP_TTL, 2);
	out = datagram(CLIENT, 5000, VC, 7);
	out.later = true;
	out.ttl = 1;
	out.fragment = 40 / 8;
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_TTL, 3);
	harness_expect_nothing(h);
	assert_int_equal(h->counters.icmp_sent, 1);
	free(frame);
	harness_close(h);
}

/* I6: at most 576 bytes, and never a longer answer than the question, but for the 56 bytes that an
 * error has at least. I7: from the address of the side on which the packet came. */
static void test_size(void **state)
{
	struct harness *h = talk_open(harness_config, 64);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;

	(void)state;
	assert_non_null(frame);
	for (uint16_t payload = 0; payload <= 1472; payload++) {
		struct probe out = datagram(CLIENT, 5000, VC, 7);
		unsigned asked = 28u + payload, least = asked < 56 ? 56 : asked;

		out.payload = payload;
		out.ttl = 1;
		harness_send(h, VRACK, &out);
		h->now_ns += SECOND / 100;
		assert_true(harness_take(h, VRACK, frame, &p));
		assert_int_equal(frame->data[34], ICMP_TIME_EXCEEDED);
		assert_int_equal(packet_ip(&p)->src, ip(VIP));
		assert_int_equal(p.ip_len, least < 576 ? least : 576);
	}
	free(frame);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_wrong_direction),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_odd_quotes),
		cmocka_unit_test(test_wrong_checksum),
		cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_never_answered),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
