/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker_crew_test - several workers, each run by a thread of its own, under churn.
 *
 * Each thread gives its worker random frames of the same few hosts and looks at what it sends: so
 * the packets of each flow, of both directions, arrive at any worker. Datagrams, connections that
 * begin and end, ICMP errors about what was seen, fragments in any order of which each piece comes
 * in elsewhere; meanwhile time passes, and configurations come that end flows.
 *
 * A model says what must come out: the external port of a host's port stays the same while it is
 * used, and what is sent to an external port arrives at whom it was given to. A datagram's length
 * says which of the model's pairs it belongs to. While all stand still, the tables are looked at:
 * each flow has one owner, is found under both keys, and is counted once for its host. At the end,
 * when all flows have expired, nothing is left of them anywhere.
 *
 * Build with -fsanitize=thread to have the races found. Bound: ROUNDS.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/talk.h"

#define MEMBERS	 2u
#define CAPACITY 512u
#define HOSTS	 12u
#define PORTS	 6u
#define PAIRS	 (HOSTS * PORTS)
#define ROUNDS	 3000u
#define RELOADS	 12u
#define FRAMES	 8u  /* given in a round */
#define MAIL	 64u /* frames that another thread is to give to its worker */
#define UDP_S	 300u

struct pair {
	uint16_t external; /* host order; 0: none known */
	uint64_t used_ns;  /* last datagram that went out */
};

struct mail {
	uint8_t port;
	struct frame frame;
};

struct crew {
	struct harness *h;
	_Atomic uint64_t now_ns;
	_Atomic bool pause;
	_Atomic uint32_t rounds;
	pthread_mutex_t model_lock; /* of what follows */
	struct pair pairs[PAIRS];
	uint64_t outbound, inbound, errors, pieces;
};

struct part {
	struct crew *crew;
	unsigned number;
	uint64_t seed;
	pthread_t thread;
	pthread_mutex_t running; /* held but between rounds */
	pthread_mutex_t mail_lock;
	struct mail mail[MAIL];
	unsigned mails;
	struct frame frame, error;
};

static struct part parts[MEMBERS];

/* A thread cannot fail a test: it ends it. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static uint32_t draw(struct part *part, uint32_t n)
{
	part->seed = part->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(part->seed >> 33) % n;
}

static const char *host(unsigned pair, char text[16])
{
	snprintf(text, 16, "192.168.50.%u", 10 + pair / PORTS);
	return text;
}

static uint16_t sport(unsigned pair)
{
	return (uint16_t)(5000 + pair % PORTS);
}

static void give(struct part *part, uint8_t port, const struct frame *frame)
{
	mem_port_push(part->crew->h->apart_io[part->number][port], frame->data, frame->len,
		      &frame->offload, false);
}

/* To any worker: at once to the own one, later to another. */
static void give_any(struct part *part, uint8_t port, const struct frame *frame)
{
	struct part *to = &parts[draw(part, MEMBERS)];

	if (to == part) {
		give(part, port, frame);
		return;
	}
	pthread_mutex_lock(&to->mail_lock);
	if (to->mails < MAIL) {
		struct mail *mail = &to->mail[to->mails++];

		mail->port = port;
		mail->frame.len = frame->len;
		mail->frame.offload = frame->offload;
		memcpy(mail->frame.data, frame->data, frame->len);
	}
	pthread_mutex_unlock(&to->mail_lock);
}

static void give_mail(struct part *part)
{
	pthread_mutex_lock(&part->mail_lock);
	for (unsigned i = 0; i < part->mails; i++)
		give(part, part->mail[i].port, &part->mail[i].frame);
	part->mails = 0;
	pthread_mutex_unlock(&part->mail_lock);
}

static void give_outbound(struct part *part, unsigned pair)
{
	static const char *const to[] = {VC, ESX};
	char text[16];
	struct probe p = datagram(host(pair, text), sport(pair), to[draw(part, 2)], 7);

	p.payload = (uint16_t)(8 + pair);
	harness_build(VRACK, &p, &part->frame);
	give(part, VRACK, &part->frame);
}

/* An answer to whom the external port was given, or a stranger's (never admitted). */
static void give_inbound(struct part *part, unsigned pair)
{
	struct probe p;
	uint16_t external;

	pthread_mutex_lock(&part->crew->model_lock);
	external = part->crew->pairs[pair].external;
	pthread_mutex_unlock(&part->crew->model_lock);
	if (!external)
		return;
	p = datagram(draw(part, 2) ? VC : ESX, 7, GW, external);
	p.payload = (uint16_t)(8 + pair);
	harness_build(VSPHERE, &p, &part->frame);
	give(part, VSPHERE, &part->frame);
}

static void give_pieces(struct part *part, unsigned pair)
{
	unsigned order = draw(part, 6);
	uint16_t id = (uint16_t)draw(part, 65536);
	char text[16];

	for (unsigned i = 0; i < 3; i++) {
		static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
						     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
		unsigned n = orders[order][i];
		struct probe p = datagram(host(pair, text), sport(pair), VC, 7);

		p.later = n > 0;
		p.payload = n ? 40 : 32;
		p.id = id;
		p.fragment = (uint16_t)(n * 5 | (n < 2 ? IP_MF : 0));
		harness_build(VRACK, &p, &part->frame);
		give_any(part, VRACK, &part->frame);
	}
}

/* Connections that begin and end at random; to a service or through the pool. */
static void give_segment(struct part *part, unsigned pair)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN, TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST};
	char text[16];
	struct probe p = {.src = host(pair, text),
			  .sport = sport(pair),
			  .dst = draw(part, 2) ? VIP : VC,
			  .dport = 443,
			  .proto = IPPROTO_TCP,
			  .tcp_flags = flags[draw(part, 5)],
			  .seq = 1};

	harness_build(VRACK, &p, &part->frame);
	give(part, VRACK, &part->frame);
}

static void check_payload(const struct frame *frame, const struct packet *p)
{
	for (uint32_t i = p->l4 + 8, n = 0; i < frame->len; i++, n++)
		MUST(frame->data[i] == (uint8_t)(n * 7 + 1));
}

static void see_outbound(struct part *part, const struct packet *p)
{
	unsigned pair = p->ip_len - 20u - 8u - 8u;
	struct crew *crew = part->crew;
	uint64_t now_ns = atomic_load(&crew->now_ns);
	struct pair *model;

	MUST(pair < PAIRS && p->tuple.src == ip(GW));
	check_payload(&part->frame, p);
	pthread_mutex_lock(&crew->model_lock);
	model = &crew->pairs[pair];
	/* with what the clock may have gone on since the packet was forwarded */
	if (model->external && now_ns - model->used_ns < (UDP_S - 50) * SECOND)
		MUST(model->external == ntohs(p->tuple.sport));
	model->external = ntohs(p->tuple.sport);
	model->used_ns = now_ns;
	crew->outbound++;
	pthread_mutex_unlock(&crew->model_lock);
	if (draw(part, 8) == 0) {
		talk_error(&part->error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 3, &part->frame, 40);
		give_any(part, VSPHERE, &part->error);
	}
}

static void see_inbound(struct part *part, const struct packet *p)
{
	unsigned pair = p->ip_len - 20u - 8u - 8u;
	char text[16];

	MUST(pair < PAIRS);
	MUST(p->tuple.dst == ip(host(pair, text)) && ntohs(p->tuple.dport) == sport(pair));
	check_payload(&part->frame, p);
	pthread_mutex_lock(&part->crew->model_lock);
	part->crew->inbound++;
	pthread_mutex_unlock(&part->crew->model_lock);
}

static void look(struct part *part, uint8_t port)
{
	struct io_port *io = part->crew->h->apart_io[part->number][port];

	while ((part->frame.len = mem_port_pop(io, part->frame.data, sizeof(part->frame.data),
					       &part->frame.offload))) {
		struct packet p = {.data = part->frame.data,
				   .len = part->frame.len,
				   .offload = part->frame.offload};
		enum drop_reason reason = packet_parse(&p);

		MUST(!reason);
		if (packet_is_fragment(&p) || p.kind == PACKET_ICMP_ERROR) {
			MUST(p.kind != PACKET_ICMP_ERROR || packet_ip(&p)->dst == p.tuple.dst);
			pthread_mutex_lock(&part->crew->model_lock);
			part->crew->pieces += packet_is_fragment(&p);
			part->crew->errors += p.kind == PACKET_ICMP_ERROR;
			pthread_mutex_unlock(&part->crew->model_lock);
		} else if (p.proto == IPPROTO_UDP) {
			if (port == VSPHERE)
				see_outbound(part, &p);
			else
				see_inbound(part, &p);
		}
	}
}

static void round_of(struct part *part)
{
	struct harness *h = part->crew->h;
	struct worker *w = h->member[part->number];
	uint64_t now_ns = atomic_fetch_add(&part->crew->now_ns, SECOND / 20);
	struct worker_status status;

	give_mail(part);
	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned pair = draw(part, PAIRS);

		switch (draw(part, 8)) {
		case 0:
			give_pieces(part, pair);
			break;
		case 1:
			give_segment(part, pair);
			break;
		case 2:
		case 3:
		case 4:
			give_inbound(part, pair);
			break;
		default:
			give_outbound(part, pair);
		}
	}
	while (worker_receive(w, VRACK, now_ns) + worker_receive(w, VSPHERE, now_ns) +
	       worker_take_over(w, now_ns))
		;
	worker_work(w, now_ns, &status);
	look(part, VRACK);
	look(part, VSPHERE);
}

static void *run(void *argument)
{
	struct part *part = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		while (atomic_load(&part->crew->pause))
			sched_yield();
		pthread_mutex_lock(&part->running);
		round_of(part);
		pthread_mutex_unlock(&part->running);
		atomic_fetch_add(&part->crew->rounds, 1);
	}
	return NULL;
}

/* Whether the flow's @side leads a mapping. What claims to be in one must be in one that is led. */
static bool leads(const struct worker *lead, uint32_t i, unsigned side)
{
	const struct flow *flow = &lead->table.records[i];
	struct mapping m = mapping_of(&lead->mappings, FLOW_REF(i, side));
	uint32_t leader;

	if (!(flow->flags & (side ? FLOW_INBOUND : FLOW_EIM)))
		return false;
	leader = mapping_find_external(&lead->mappings, m.external, m.external_port, m.proto);
	assert_int_not_equal(leader, MAPPING_NONE);
	return leader == FLOW_REF(i, side);
}

/* All stand still: does everything agree? */
static void audit(struct crew *crew)
{
	struct worker *lead = crew->h->worker;
	uint32_t flows = 0, live = 0, of_clients = 0, closed = 0, leaders = 0;

	for (uint32_t i = 0; i < CAPACITY; i++) {
		const struct flow *flow = worker_flow(lead, i);
		uint8_t owner = atomic_load(&lead->owner[i]);

		if (FLOW_WORD_STATE(atomic_load(&flow->word)) != FLOW_ACTIVE) {
			assert_int_equal(owner, OWNER_NOBODY);
			continue;
		}
		flows++;
		assert_in_range(owner, 0, MEMBERS - 1);
		for (unsigned side = 0; side < 2; side++)
			assert_int_equal(flow_find(&crew->h->member[owner]->table,
						   &flow->tuple[side], flow->proto,
						   flow->port[side],
						   flow_hash(&lead->table, &flow->tuple[side],
							     flow->proto, flow->port[side])),
					 FLOW_REF(i, side));
		if (flow->tcp_state == TCP_CLOSED || flow->tcp_state == TCP_RESET)
			closed++;
		else
			live++;
		leaders += leads(lead, i, 0) + leads(lead, i, 1);
	}
	assert_int_equal(flows, lead->table.used);
	assert_int_equal(flows, crew->h->apart_counters[0]->flows);
	for (uint32_t i = 0; i < lead->clients.high; i++)
		of_clients += lead->clients.client[i].flows;
	assert_int_equal(of_clients, live);
	assert_int_equal(leaders, lead->mappings.used);
	for (unsigned m = 0; m < MEMBERS; m++)
		closed -= atomic_load(&crew->h->member[m]->closed);
	assert_int_equal(closed, 0);
}

static void pause_all(struct crew *crew)
{
	atomic_store(&crew->pause, true);
	for (unsigned m = 0; m < MEMBERS; m++)
		pthread_mutex_lock(&parts[m].running);
}

static void resume_all(struct crew *crew)
{
	for (unsigned m = 0; m < MEMBERS; m++)
		pthread_mutex_unlock(&parts[m].running);
	atomic_store(&crew->pause, false);
}

/* A configuration that refuses the upper half of the hosts, and the one that does not. */
static void reload(struct crew *crew, bool fewer)
{
	crew->h->now_ns = atomic_load(&crew->now_ns);
	harness_configure(crew->h, fewer ? talk_config("192.168.50.0/24", "192.168.50.0/28")
					 : harness_config);
	for (unsigned pair = 0; fewer && pair < PAIRS; pair++)
		if (10 + pair / PORTS > 15)
			crew->pairs[pair].external = 0;
}

/* Time passes until every flow has ended: nothing may be left of them. */
static void end_all(struct crew *crew)
{
	struct harness *h = crew->h;
	struct worker *lead = h->worker;
	unsigned taken;

	h->now_ns = atomic_load(&crew->now_ns);
	do {
		taken = 0;
		for (unsigned m = 0; m < MEMBERS; m++)
			taken += worker_take_over(h->member[m], h->now_ns);
	} while (taken);
	harness_advance(h, 8000 * SECOND);
	harness_advance(h, 8000 * SECOND);
	assert_int_equal(lead->table.used, 0);
	assert_int_equal(lead->mappings.used, 0);
	for (uint32_t i = 0; i < lead->clients.high; i++)
		assert_int_equal(lead->clients.client[i].flows + lead->clients.client[i].mappings,
				 0);
	for (unsigned m = 0; m < MEMBERS; m++) {
		assert_int_equal(h->member[m]->frags.waiting, 0);
		for (uint16_t i = 0; i < h->member[m]->neighbours.high; i++)
			assert_int_equal(neighbour_at(&h->member[m]->neighbours, i)->users, 0);
		for (uint32_t i = 0; i < lead->snapshot.n_backends; i++)
			assert_int_equal(h->member[m]->backends.flows[i], 0);
	}
}

static void test_churn(void **state)
{
	static struct crew crew;
	uint32_t handed = 0;

	(void)state;
	crew.h = harness_open_apart(harness_config, CAPACITY, MEMBERS);
	harness_neighbour(crew.h, VSPHERE, ESX, &server_mac, NUD_REACHABLE);
	atomic_store(&crew.now_ns, crew.h->now_ns);
	pthread_mutex_init(&crew.model_lock, NULL);
	for (unsigned m = 0; m < MEMBERS; m++) {
		parts[m].crew = &crew;
		parts[m].number = m;
		parts[m].seed = m + 1;
		pthread_mutex_init(&parts[m].running, NULL);
		pthread_mutex_init(&parts[m].mail_lock, NULL);
	}
	for (unsigned m = 0; m < MEMBERS; m++)
		assert_int_equal(pthread_create(&parts[m].thread, NULL, run, &parts[m]), 0);
	for (unsigned i = 1; i <= RELOADS; i++) {
		while (atomic_load(&crew.rounds) < i * ROUNDS * MEMBERS / (RELOADS + 1))
			sched_yield();
		pause_all(&crew);
		audit(&crew);
		reload(&crew, i % 2);
		audit(&crew);
		resume_all(&crew);
	}
	for (unsigned m = 0; m < MEMBERS; m++)
		pthread_join(parts[m].thread, NULL);
	audit(&crew);
	for (unsigned i = 0; i < MEMBERS * MEMBERS; i++)
		handed += crew.h->worker->crew->ring[i / MEMBERS][i % MEMBERS].next;
	print_message("out %lu, in %lu, errors %lu, pieces %lu, handed over %u\n",
		      (unsigned long)crew.outbound, (unsigned long)crew.inbound,
		      (unsigned long)crew.errors, (unsigned long)crew.pieces, handed);
	assert_true(crew.outbound && crew.inbound && crew.errors && crew.pieces && handed);
	end_all(&crew);
	harness_close(crew.h);
}

/* What one process left, another number of workers takes over. */
static void test_other_number(void **state)
{
	static const unsigned numbers[] = {1, 2, 3, 1, 8, 2};
	struct harness *h = talk_open(harness_config, 256);
	uint16_t external[40];

	(void)state;
	for (uint16_t i = 0; i < 40; i++)
		external[i] = talk_udp(h, CLIENT, (uint16_t)(5000 + i), i % 2 ? VC : ESX, 7);
	for (unsigned n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
		h->members = numbers[n];
		harness_restart(h);
		harness_neighbour(h, VSPHERE, ESX, &server_mac, NUD_REACHABLE);
		for (uint16_t i = 0; i < 40; i++) {
			const char *to = i % 2 ? VC : ESX;
			struct probe back = datagram(to, 7, GW, external[i]);

			assert_int_equal(talk_udp(h, CLIENT, (uint16_t)(5000 + i), to, 7),
					 external[i]);
			assert_true(talk_passes(h, VSPHERE, &back));
		}
		assert_int_equal(h->counters.flows, 40);
	}
	harness_advance(h, 400 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	assert_int_equal(h->counters.mappings, 0);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_other_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
