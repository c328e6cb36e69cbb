/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fragment cache and its waiting room against a model that looks at everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/frag/frag.h"
#include "tests/unit/model.h"

#define OPERATIONS 1000000u
#define KEYS	   4096u /* more than there are entries */
#define ROOM	   FRAG_WAIT_MAX

static uint64_t seed = 2463534242u;

static uint32_t draw(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % bound;
}

/* One datagram in the model: when it was first seen, and which fragments wait, in order. */
struct datagram {
	struct frag *entry; /* NULL: not in the cache */
	uint64_t born_ns;
	uint32_t waiting[FRAG_WAIT_ENTRY];
	unsigned n_waiting;
};

struct model {
	struct frags frags;
	struct hold hold;
	struct datagram datagram[KEYS];
	unsigned entries, waiting;
	uint32_t serial; /* of the next fragment that waits: its content */
	uint64_t now_ns;
};

/* Keys that differ in one field each, so that none may be left out of a comparison. */
static struct packet packet_of(uint32_t key)
{
	struct packet p = {
		.ip_id = (uint16_t)(key & 3), .proto = key & 4 ? 6 : 17, .port = key >> 3 & 3};

	p.tuple.src = 100 + (key >> 5 & 7);
	p.tuple.dst = 200 + (key >> 8);
	return p;
}

static struct datagram *oldest_of(struct model *m)
{
	struct datagram *oldest = NULL;

	for (unsigned i = 0; i < KEYS; i++)
		if (m->datagram[i].entry && (!oldest || m->datagram[i].born_ns < oldest->born_ns))
			oldest = &m->datagram[i];
	return oldest;
}

static void get(struct model *m, uint32_t key)
{
	struct datagram *d = &m->datagram[key];
	struct packet p = packet_of(key);
	struct frag *frag = frag_get(&m->frags, &p, m->now_ns);

	if (d->entry) {
		assert_ptr_equal(frag, d->entry);
		assert_int_equal(frag->born_ns, d->born_ns);
		return;
	}
	if (m->entries == FRAG_ENTRIES) {
		assert_null(frag);
		return;
	}
	assert_non_null(frag);
	assert_int_equal(frag->state, FRAG_WAITING);
	assert_int_equal(frag->queue.length, 0);
	assert_true(frag->src == p.tuple.src && frag->dst == p.tuple.dst && frag->id == p.ip_id &&
		    frag->proto == p.proto && frag->port == p.port);
	*d = (struct datagram){.entry = frag, .born_ns = m->now_ns};
	m->now_ns++; /* ages differ */
	m->entries++;
}

static void take(struct model *m, struct datagram *d)
{
	struct hold_slot *slot = hold_take(&m->hold, &d->entry->queue);

	if (!d->n_waiting) {
		assert_null(slot);
		return;
	}
	assert_non_null(slot);
	assert_int_equal(slot->len, sizeof(uint32_t));
	assert_memory_equal(slot->data, &d->waiting[0], sizeof(uint32_t));
	hold_free(&m->hold, slot);
	memmove(&d->waiting[0], &d->waiting[1], --d->n_waiting * sizeof(d->waiting[0]));
	m->waiting--;
}

static void put(struct model *m, struct datagram *d)
{
	const struct io_offload none = {0};
	uint16_t slot;

	if (!d->entry || d->n_waiting == FRAG_WAIT_ENTRY)
		return;
	slot = hold_put(&m->hold, &d->entry->queue, (const uint8_t *)&m->serial, sizeof(m->serial),
			&none);
	if (m->waiting == ROOM) {
		assert_int_equal(slot, HOLD_NONE);
		return;
	}
	assert_int_not_equal(slot, HOLD_NONE);
	d->waiting[d->n_waiting++] = m->serial++;
	m->waiting++;
}

static void forget(struct model *m, struct datagram *d)
{
	if (!d->entry)
		return;
	while (d->n_waiting)
		take(m, d);
	frag_remove(&m->frags, d->entry);
	d->entry = NULL;
	m->entries--;
}

static void test_model(void **state)
{
	unsigned long operations = model_operations(OPERATIONS);
	const uint32_t key[2] = {0x12345678, 0x9abcdef1};
	static struct model m;

	(void)state;
	m.now_ns = 1;
	assert_int_equal(frags_init(&m.frags, key), 0);
	assert_int_equal(hold_init(&m.hold, ROOM), 0);
	for (unsigned long i = 0; i < operations; i++) {
		/* now and then in few keys, so that their queues fill too */
		uint32_t n = draw(i / 50000 % 2 ? 16 : KEYS);
		struct datagram *d = &m.datagram[n];

		switch (draw(8)) {
		default:
			get(&m, n);
			break;
		case 0:
			if (draw(4) == 0)
				forget(&m, d);
			break;
		case 1:
			if (d->entry)
				take(&m, d);
			break;
		case 2:
		case 3:
			put(&m, d);
			break;
		}
		if (i % 500)
			continue;
		d = oldest_of(&m); /* as time takes them */
		assert_ptr_equal(frag_oldest(&m.frags), d ? d->entry : NULL);
		if (d && draw(2))
			forget(&m, d);
	}
	for (struct datagram *d; (d = oldest_of(&m));) {
		assert_ptr_equal(frag_oldest(&m.frags), d->entry);
		forget(&m, d);
	}
	assert_null(frag_oldest(&m.frags));
	assert_int_equal(m.waiting, 0);
	frags_fini(&m.frags);
	hold_fini(&m.hold);
}

/* Full is full: nobody is put out for a newcomer, and what becomes free is used again. */
static void test_full(void **state)
{
	const uint32_t key[2] = {1, 2};
	struct frags frags;
	struct packet p;

	(void)state;
	assert_int_equal(frags_init(&frags, key), 0);
	for (uint32_t i = 0; i < FRAG_ENTRIES; i++) {
		p = packet_of(i);
		assert_non_null(frag_get(&frags, &p, i));
	}
	p = packet_of(FRAG_ENTRIES);
	assert_null(frag_get(&frags, &p, 1));
	assert_int_equal(frag_oldest(&frags)->born_ns, 0);
	frag_remove(&frags, frag_oldest(&frags));
	assert_int_equal(frag_oldest(&frags)->born_ns, 1);
	assert_non_null(frag_get(&frags, &p, 5000));
	p = packet_of(0);
	assert_null(frag_get(&frags, &p, 1));
	frags_fini(&frags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
