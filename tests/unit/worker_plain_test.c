/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker_plain_test - the short way of plain packets against the complete way.
 *
 * Two gateways that differ in nothing but options.complete are told the same: random and damaged
 * frames of live flows, bursts of them, answers, ends, the clock. After every burst all that they
 * sent, all that they counted and their whole flow tables must be the same, byte for byte.
 */
#include "tests/unit/talk.h"

#define CAPACITY 64u
#define ROUNDS	 40000u
#define BURST	 8u
#define FLOWS	 4u
#define DNS	 "172.16.0.7"
#define SERVICE	 "service add dns2 address " DNS " protocol udp port 53 backend 10.10.0.10:53\n"
#define VMAC	 "vmac add 02:00:00:12:34:56 address " DNS " portgroup vrack type ovh name x\n"

struct pair {
	struct harness *h[2]; /* short way, complete way */
	struct connection tcp[FLOWS];
	uint16_t udp_external[FLOWS];
	uint64_t seed;
	uint64_t sent;
	struct frame frame, out[2];
};

static uint32_t pick(struct pair *pair, uint32_t n)
{
	pair->seed = pair->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(pair->seed >> 33) % n;
}

/* Both are opened with the same random numbers, so their tables and ports are the same. */
static struct pair *pair_open(const char *config)
{
	static const struct mac vmac = {{0x02, 0x00, 0x00, 0x12, 0x34, 0x56}};
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	pair->seed = 20;
	for (unsigned i = 0; i < 2; i++) {
		pair->h[i] = talk_open(config, CAPACITY);
		pair->h[i]->worker->options.complete = i;
		pair->h[i]->vmac = &vmac;
	}
	return pair;
}

static void pair_close(struct pair *pair)
{
	for (unsigned i = 0; i < 2; i++)
		harness_close(pair->h[i]);
	free(pair);
}

static void assert_same(struct pair *pair)
{
	struct harness *a = pair->h[0], *b = pair->h[1];

	for (unsigned port = 0; port < 2; port++) {
		while (mem_port_sent(a->io[port]) || mem_port_sent(b->io[port])) {
			for (unsigned i = 0; i < 2; i++) {
				memset(&pair->out[i].offload, 0, sizeof(pair->out[i].offload));
				pair->out[i].len = mem_port_pop(
					pair->h[i]->io[port], pair->out[i].data,
					sizeof(pair->out[i].data), &pair->out[i].offload);
			}
			assert_int_equal(pair->out[0].len, pair->out[1].len);
			assert_memory_equal(pair->out[0].data, pair->out[1].data, pair->out[0].len);
			assert_memory_equal(&pair->out[0].offload, &pair->out[1].offload,
					    sizeof(pair->out[0].offload));
			pair->sent++;
		}
	}
	assert_int_equal(a->table_bytes, b->table_bytes);
	assert_memory_equal(a->table, b->table, a->table_bytes);
	assert_memory_equal(&a->counters, &b->counters, offsetof(struct worker_counters, rule));
	assert_int_equal(a->asked, b->asked);
}

/* push() - the frame for both, to be received with the next run. */
static void push(struct pair *pair, uint8_t port)
{
	for (unsigned i = 0; i < 2; i++)
		assert_true(mem_port_push(pair->h[i]->io[port], pair->frame.data, pair->frame.len,
					  &pair->frame.offload, false));
}

static void run(struct pair *pair)
{
	for (unsigned i = 0; i < 2; i++)
		harness_run(pair->h[i]);
	assert_same(pair);
}

static void advance(struct pair *pair, uint64_t ns)
{
	for (unsigned i = 0; i < 2; i++)
		harness_advance(pair->h[i], ns);
	assert_same(pair);
}

/* Of the datagram flows every other one is one of a service. */
static const char *target(unsigned i)
{
	return i % 2 ? DNS : VC;
}

/* begin() - connection @i and datagram flow @i, in both gateways. */
static void begin(struct pair *pair, unsigned i)
{
	uint16_t port = (uint16_t)(5000 + pick(pair, 20000));
	struct probe question = datagram(CLIENT, (uint16_t)(4000 + i), target(i), 53);

	for (unsigned k = 0; k < 2; k++) {
		struct connection c = {
			.h = pair->h[k], .port = port, .to = 443, .seq = {1000 + i, 90000 + i}};

		talk_connect(&c);
		pair->tcp[i] = c;
		harness_send(pair->h[k], VRACK, &question);
		pair->udp_external[i] =
			harness_expect(pair->h[k], VSPHERE, &(struct probe){.dst = VC}, NULL);
	}
	assert_same(pair);
}

static void random_segment(struct pair *pair, struct probe *p, uint8_t *port)
{
	static const uint8_t odd[] = {0,    TCP_SYN, TCP_FIN | TCP_ACK, TCP_RST, 0x10 | 0x20,
				      0x18, 0xff};
	struct connection *c = &pair->tcp[pick(pair, FLOWS)];
	unsigned side = pick(pair, 2);
	uint8_t flags = TCP_ACK | (pick(pair, 2) ? 8 : 0);

	if (!pick(pair, 12))
		flags = odd[pick(pair, sizeof(odd))];
	*p = talk_segment(c, side, flags, (uint16_t)pick(pair, 1500));
	p->window = (uint16_t)pick(pair, 65536);
	if (!pick(pair, 3))
		c->seq[side] += p->payload; /* the next one follows */
	if (!pick(pair, 4))
		p->seq += pick(pair, 200000) - 100000;
	if (!pick(pair, 4))
		p->ack += pick(pair, 200000) - 100000;
	if (!pick(pair, 8))
		p->gso_size = (uint16_t)(1 + pick(pair, 1600));
	*port = side ? VSPHERE : VRACK;
}

static void random_datagram(struct pair *pair, struct probe *p, uint8_t *port)
{
	unsigned i = pick(pair, FLOWS);

	*port = (uint8_t)pick(pair, 2);
	*p = *port == VRACK ? datagram(CLIENT, (uint16_t)(4000 + i), target(i), 53)
			    : datagram(VC, 53, GW, pair->udp_external[i]);
	p->payload = (uint16_t)pick(pair, 1600);
	p->no_checksum = !pick(pair, 4);
	if (!pick(pair, 16)) /* of no flow, or a new one */
		p->sport = (uint16_t)pick(pair, 3);
}

/* Whatever else can be wrong with a frame: bytes of its headers, its length, its marks. */
static void damage(struct pair *pair, struct frame *frame)
{
	if (!pick(pair, 2) && frame->len >= 54)
		frame->data[pick(pair, 54)] = (uint8_t)pick(pair, 256);
	if (!pick(pair, 6) && frame->len < 3000) {
		uint32_t more = pick(pair, 40);

		memset(frame->data + frame->len, 0xa5, more);
		frame->len += more;
	}
	if (!pick(pair, 12))
		frame->len = pick(pair, frame->len + 1);
	if (!pick(pair, 16))
		frame->offload.gso_type = (uint8_t)pick(pair, 256);
}

/* Make the header's checksum right again, so that the field that was changed is what is judged. */
static void mend(struct frame *frame)
{
	struct ip_header *header = (struct ip_header *)(frame->data + ETHERNET_BYTES);

	if (frame->len < 34)
		return;
	header->check = 0;
	header->check = (uint16_t)~checksum_fold(checksum_add(0, header, 20));
}

static void random_frame(struct pair *pair)
{
	static const struct mac elsewhere = {{2, 0, 0, 0, 9, 9}};
	struct probe p;
	uint8_t port;

	if (pick(pair, 2))
		random_segment(pair, &p, &port);
	else
		random_datagram(pair, &p, &port);
	if (!pick(pair, 3))
		p.fragment = IP_DF;
	else if (!pick(pair, 10))
		p.fragment = (uint16_t)(pick(pair, 2) ? IP_MF : pick(pair, 0x10000));
	if (!pick(pair, 20))
		p.from_mac = &elsewhere;
	p.partial = !p.no_checksum && !pick(pair, 3);
	p.id = (uint16_t)pick(pair, 65536);
	p.ttl = (uint8_t)(pick(pair, 8) ? 64 : 1 + pick(pair, 3));
	harness_build(port, &p, &pair->frame);
	if (!pick(pair, 4)) {
		damage(pair, &pair->frame);
		if (pick(pair, 2))
			mend(&pair->frame);
	}
	push(pair, port);
}

static bool alive(const struct pair *pair, unsigned i)
{
	const struct flow *flow = talk_flow(&pair->tcp[i]);

	return flow && flow->tcp_state == TCP_ESTABLISHED;
}

static void random_rounds(const char *config)
{
	struct pair *pair = pair_open(config);

	for (unsigned i = 0; i < FLOWS; i++)
		begin(pair, i);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned n = 1 + pick(pair, BURST); n; n--)
			random_frame(pair);
		run(pair);
		if (!pick(pair, 50))
			advance(pair, pick(pair, 100) ? pick(pair, SECOND) : 200 * SECOND);
		if (!pick(pair, 200))
			for (unsigned k = 0; k < 2; k++)
				harness_neighbour(pair->h[k], VSPHERE, VC, &server_mac,
						  i % 2 ? NUD_STALE : NUD_REACHABLE);
		if (i % 64)
			continue;
		/* else the table fills up, and nothing is established any more */
		for (unsigned k = 0; k < FLOWS; k++) {
			if (alive(pair, k))
				continue;
			advance(pair, 10000 * SECOND);
			for (unsigned f = 0; f < FLOWS; f++)
				begin(pair, f);
			break;
		}
	}
	/* most were forwarded, so this was about what it seems to be */
	assert_true(pair->sent > ROUNDS);
	pair_close(pair);
}

static void test_random(void **state)
{
	(void)state;
	random_rounds(talk_config(NULL, SERVICE));
}

/* A service for which a MAC of its own speaks. */
static void test_random_vmac(void **state)
{
	(void)state;
	random_rounds(talk_config(NULL, SERVICE VMAC));
}

static bool parsed(const struct harness *h)
{
	bool any = false;

	for (unsigned m = 0; m < h->members; m++)
		any |= h->member[m]->packets[0].data != NULL;
	return any;
}

/* Which packets take the short way: else the comparison would be of one way with itself. */
static void test_taken(void **state)
{
	struct pair *pair = pair_open(harness_config);
	struct probe p;

	(void)state;
	begin(pair, 0);
	p = talk_segment(&pair->tcp[0], 0, TCP_ACK, 100);
	harness_build(VRACK, &p, &pair->frame);
	push(pair, VRACK);
	for (unsigned m = 0; m < pair->h[0]->members; m++)
		memset(pair->h[0]->member[m]->packets, 0, sizeof(pair->h[0]->worker->packets));
	run(pair);
	assert_false(parsed(pair->h[0])); /* nobody parsed it */
	p.tcp_flags |= TCP_FIN;
	harness_build(VRACK, &p, &pair->frame);
	push(pair, VRACK);
	run(pair);
	assert_true(parsed(pair->h[0]));
	pair_close(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_vmac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
