/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/damage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/flow/tcp.h"

#define CLIENT "192.168.50.10"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"
#define VIP    "172.16.0.1"

#define STRAY	   0x40000000u /* beyond any window */
#define NO_BIT	   UINT32_MAX
#define FIRST_PORT 1024u
#define TOLD	   20u /* failures that are printed */

/* How both ends began: numbers, and windows of which @window << @scale bytes are on offer. */
struct geometry {
	uint32_t seq[2];
	uint16_t window[2];
	uint8_t scale[2];
};

/* A segment of side @side; data begins where the last ended, or where the window does. */
struct step {
	uint8_t side, flags;
	uint16_t payload;
	bool last_of_window; /* as if all before it had been lost on the way here */
	uint16_t pause_s;    /* before it */
	uint8_t state;	     /* after it */
};

#define CLIENT_SENDS 0
#define SERVER_SENDS 1

#define OPENING                                                                                    \
	{CLIENT_SENDS, TCP_SYN, 0, false, 0, TCP_SYN_SENT},                                        \
		{SERVER_SENDS, TCP_SYN | TCP_ACK, 0, false, 0, TCP_SYN_BOTH},                      \
		{CLIENT_SENDS, TCP_ACK, 0, false, 0, TCP_ESTABLISHED},                             \
		{CLIENT_SENDS, TCP_ACK, 300, false, 0, TCP_ESTABLISHED},                           \
		{SERVER_SENDS, TCP_ACK, 0, false, 0, TCP_ESTABLISHED},                             \
		{SERVER_SENDS, TCP_ACK, 1000, false, 0, TCP_ESTABLISHED},                          \
		{CLIENT_SENDS, TCP_ACK, 0, false, 0, TCP_ESTABLISHED},                             \
		{SERVER_SENDS, TCP_ACK, 1000, true, 0, TCP_ESTABLISHED},                           \
		{CLIENT_SENDS, TCP_ACK, 0, false, 0, TCP_ESTABLISHED},                             \
		{CLIENT_SENDS, TCP_ACK, 1000, true, 0, TCP_ESTABLISHED},                           \
		{SERVER_SENDS, TCP_ACK, 0, false, 0, TCP_ESTABLISHED},                             \
		{CLIENT_SENDS, TCP_ACK, 10, false, 2000, TCP_ESTABLISHED},                         \
	{                                                                                          \
		SERVER_SENDS, TCP_ACK, 10, false, 0, TCP_ESTABLISHED                               \
	}

static const struct step closed_by_both[] = {
	OPENING,
	{CLIENT_SENDS, TCP_FIN | TCP_ACK, 20, false, 0, TCP_FIN_0},
	{SERVER_SENDS, TCP_ACK, 500, false, 0, TCP_FIN_0},
	{CLIENT_SENDS, TCP_ACK, 0, false, 0, TCP_FIN_0},
	{SERVER_SENDS, TCP_ACK, 500, false, 2000, TCP_FIN_0},
	{CLIENT_SENDS, TCP_ACK, 0, false, 0, TCP_FIN_0},
	{SERVER_SENDS, TCP_FIN | TCP_ACK, 0, false, 0, TCP_CLOSED},
	{CLIENT_SENDS, TCP_ACK, 0, false, 0, TCP_CLOSED},
};

static const struct step reset[] = {
	OPENING,
	{SERVER_SENDS, TCP_RST | TCP_ACK, 0, false, 0, TCP_RESET},
};

static const struct step refused[] = {
	{CLIENT_SENDS, TCP_SYN, 0, false, 0, TCP_SYN_SENT},
	{SERVER_SENDS, TCP_RST | TCP_ACK, 0, false, 0, TCP_RESET},
};

#define TIGHTEST 2 /* powers of two: a bit turned leads to the very end of what was offered */
static const struct geometry geometries[] = {
	{{0xffffff00u, 0x7fffff00u}, {65535, 65535}, {0, 0}},
	{{0x00001000u, 0xfffffffeu}, {502, 510}, {7, 7}},
	{{0x12345678u, 0x89abcdefu}, {512, 1024}, {7, 7}},
	{{0xfffe0000u, 0x00000000u}, {2048, 4096}, {10, 9}},
};

struct conversation {
	const struct damage *way;
	struct harness *h;
	const struct geometry *geometry;
	uint16_t port, external;
	uint32_t next[2], acked[2]; /* what each side sends next, and has had acknowledged */
	uint32_t damages, failures;
	struct frame frame, damaged, out;
};

static uint32_t offered(const struct conversation *c, unsigned side)
{
	return (uint32_t)c->geometry->window[side] << c->geometry->scale[side];
}

static struct probe probe_of(struct conversation *c, const struct step *s)
{
	const struct geometry *g = c->geometry;
	bool syn = s->flags & TCP_SYN;
	struct probe p = {.src = CLIENT,
			  .sport = c->port,
			  .dst = VIP,
			  .dport = 443,
			  .proto = IPPROTO_TCP,
			  .tcp_flags = s->flags,
			  .payload = s->payload,
			  .seq = c->next[s->side],
			  .ack = s->flags & TCP_ACK ? c->next[1 - s->side] : 0,
			  .window = syn ? 65535 : g->window[s->side]};

	if (s->side == SERVER_SENDS) {
		p.src = VC;
		p.sport = 443;
		p.dst = GW;
		p.dport = c->external;
	}
	if (s->last_of_window)
		p.seq = c->acked[s->side] + offered(c, 1 - s->side) - s->payload;
	if (syn && g->scale[s->side]) {
		const uint8_t options[] = {2, 4, 5, 180, 1, 3, 3, g->scale[s->side]};

		memcpy(p.options, options, sizeof(options));
		p.option_bytes = sizeof(options);
	}
	return p;
}

static struct flow *flow_of(const struct conversation *c)
{
	const struct flow_tuple tuple = {ip(CLIENT), ip(VIP), htons(c->port), htons(443)};
	const struct flow_table *table = &c->h->worker->table;
	uint32_t ref = flow_find(table, &tuple, IPPROTO_TCP, VRACK,
				 flow_hash(table, &tuple, IPPROTO_TCP, VRACK));

	return ref == FLOW_NONE ? NULL : worker_flow(c->h->worker, FLOW_REF_INDEX(ref));
}

/* Return: whether it passed, and nothing else came out. */
static bool passes(struct conversation *c, unsigned side, const struct frame *frame)
{
	bool passed =
		c->way->arrives(c->way, side == CLIENT_SENDS ? VRACK : VSPHERE, frame, &c->out);
	be16 sport;

	if (passed && side == CLIENT_SENDS) {
		memcpy(&sport, c->out.data + ETHERNET_BYTES + IP_BYTES_MIN, sizeof(sport));
		c->external = ntohs(sport);
	}
	return passed && !mem_port_sent(c->h->io[VRACK]) && !mem_port_sent(c->h->io[VSPHERE]);
}

/* The frame with a bit turned; it may pass or not, but nothing that it caused is waited for. */
static void damage(struct conversation *c, unsigned side, uint32_t bit)
{
	c->damaged.len = c->frame.len;
	c->damaged.offload = c->frame.offload;
	memcpy(c->damaged.data, c->frame.data, c->frame.len);
	c->damaged.data[ETHERNET_BYTES + bit / 8] ^= (uint8_t)(1u << bit % 8);
	c->way->arrives(c->way, side == CLIENT_SENDS ? VRACK : VSPHERE, &c->damaged, &c->out);
	while (mem_port_pop(c->h->io[VRACK], c->out.data, sizeof(c->out.data), NULL) ||
	       mem_port_pop(c->h->io[VSPHERE], c->out.data, sizeof(c->out.data), NULL))
		;
}

/* A segment far beyond what was offered must not pass. */
static bool refuses_strays(struct conversation *c)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct step stray = {.side = (uint8_t)side, .flags = TCP_ACK, .payload = 1};
		struct probe p = probe_of(c, &stray);

		p.seq += STRAY;
		harness_build(side ? VSPHERE : VRACK, &p, &c->frame);
		if (passes(c, side, &c->frame))
			return false;
	}
	return true;
}

static uint32_t header_bits(const struct conversation *c)
{
	return (uint32_t)(IP_BYTES_MIN +
			  (c->frame.data[ETHERNET_BYTES + IP_BYTES_MIN + 12] >> 4) * 4) *
	       8;
}

/* The right segment of a step, with its damaged copy before or after it if @bit is one.
 * Return: what is wrong, or NULL. @bits: set to how many there are */
static const char *say(struct conversation *c, const struct step *s, uint32_t bit, bool after,
		       uint32_t *bits)
{
	struct probe p = probe_of(c, s);
	const struct flow *flow;
	bool passed;

	if (s->pause_s && !c->way->real_clock)
		harness_advance(c->h, s->pause_s * SECOND);
	harness_build(s->side ? VSPHERE : VRACK, &p, &c->frame);
	*bits = header_bits(c);
	if (bit < *bits && !after)
		damage(c, s->side, bit);
	passed = passes(c, s->side, &c->frame);
	if (bit < *bits && after)
		damage(c, s->side, bit);
	if (s->flags & TCP_ACK)
		c->acked[1 - s->side] = c->next[1 - s->side];
	c->next[s->side] = p.seq + p.payload + !!(s->flags & (TCP_SYN | TCP_FIN));
	if (!passed)
		return "a right segment was refused";
	flow = flow_of(c);
	if (!flow)
		return "the session is gone";
	/* a SYN-ACK without its SYN acknowledges, too: the client's acknowledgement is foregone */
	if (flow->tcp_state == TCP_ESTABLISHED && s->state == TCP_SYN_BOTH && after)
		return NULL;
	if (c->way->no_checksums && s->state != TCP_CLOSED)
		return NULL;
	return flow->tcp_state == s->state ? NULL : "the session's state is wrong";
}

static void end_all(struct harness *h)
{
	const struct flow_filter all = {.conditions = 0};
	struct worker_status status;

	worker_end_flows(h->worker, &all, UINT64_MAX, 1, h->now_ns);
	do
		harness_work(h, &status);
	while (!status.ended);
}

/* One connection from its SYN on, in which the bit @bit of the step @at is turned. */
static const char *converse(struct conversation *c, const struct step *steps, unsigned n,
			    unsigned at, uint32_t bit, bool after, uint32_t *bits_at)
{
	const struct geometry *g = c->geometry;
	const char *wrong = NULL;
	uint32_t bits;

	c->port++;
	c->external = 0;
	memcpy(c->next, g->seq, sizeof(c->next));
	memcpy(c->acked, g->seq, sizeof(c->acked));
	for (unsigned i = 0; i < n && !wrong; i++) {
		wrong = say(c, &steps[i], i == at ? bit : NO_BIT, after, &bits);
		if (i == at)
			*bits_at = bits;
		if (!wrong && steps[i].state == TCP_ESTABLISHED && i + 1 < n &&
		    steps[i + 1].state != TCP_ESTABLISHED && !refuses_strays(c))
			wrong = "a stray segment passed";
	}
	if (!wrong && c->h->worker->table.used != 1)
		wrong = "there are sessions of nobody";
	if (c->way->real_clock)
		end_all(c->h);
	else
		harness_advance(c->h, 8000 * SECOND); /* all of it expires */
	assert_int_equal(c->h->worker->table.used, 0);
	return wrong;
}

static void every_bit(struct conversation *c, const struct step *steps, unsigned n, unsigned at,
		      bool after)
{
	uint32_t bits = 1;

	for (uint32_t bit = 0; bit < bits; bit++) {
		const char *wrong = converse(c, steps, n, at, bit, after, &bits);

		c->damages++;
		if (!wrong)
			continue;
		if (c->failures++ < TOLD)
			print_message("segment %u, bit %u of its byte %u turned %s it: %s\n", at,
				      bit % 8, bit / 8, after ? "after" : "before", wrong);
	}
}

static void live(const struct damage *way, const struct step *steps, unsigned n)
{
	struct conversation *c = calloc(1, sizeof(*c));
	uint32_t bits;

	assert_non_null(c);
	c->way = way;
	c->h = way->h;
	for (unsigned g = 0; g < sizeof(geometries) / sizeof(geometries[0]); g++) {
		if (way->tightest && g != TIGHTEST)
			continue;
		c->geometry = &geometries[g];
		c->port = FIRST_PORT;
		assert_null(converse(c, steps, n, n, 0, false, &bits)); /* undamaged */
		for (unsigned at = 0; at < n; at++) {
			every_bit(c, steps, n, at, false);
			every_bit(c, steps, n, at, true);
		}
	}
	print_message("%u damaged segments, %u connections that did not live\n", c->damages,
		      c->failures);
	assert_int_equal(c->failures, 0);
	free(c);
}

void damage_closed_by_both(const struct damage *way)
{
	live(way, closed_by_both, sizeof(closed_by_both) / sizeof(closed_by_both[0]));
}

void damage_reset(const struct damage *way)
{
	live(way, reset, sizeof(reset) / sizeof(reset[0]));
}

void damage_refused(const struct damage *way)
{
	live(way, refused, sizeof(refused) / sizeof(refused[0]));
}
