/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arp_fuzz - ARP from anybody on a portgroup, heard by the guard of our addresses.
 *
 * The input is a list of steps, each a byte of choices and a message: it passes some time, changes
 * the links, or is heard. What must hold: no crash, what is read is what was on the wire,
 * nothing but probes and announcements of our own addresses with our own MAC is ever sent, and
 * however hostile the input, not more than the times of RFC 5227 let out.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/arp/guard.h"

#define ADDRESSES 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct guard *guard;
	int64_t now_ms;
	struct guard_address addresses[ADDRESSES];
	unsigned sent;
	uint32_t random;
};

static void sent(void *context, uint32_t ifindex, const struct arp_message *message)
{
	struct world *w = context;
	bool known = false;

	for (unsigned i = 0; i < ADDRESSES; i++) {
		const struct guard_address *a = &w->addresses[i];

		known |= a->addr == message->target && a->ifindex == ifindex &&
			 mac_equal(&a->mac, &message->sender_mac) && a->up &&
			 (!message->sender || (message->sender == a->addr && a->used));
	}
	assert(known && message->operation == ARP_REQUEST);
	w->sent++;
}

static void changed(void *context, const struct guard_change *change)
{
	struct world *w = context;
	bool known = false;

	for (unsigned i = 0; i < ADDRESSES; i++)
		known |= w->addresses[i].addr == change->addr;
	assert(known);
}

static uint32_t random_number(void *context)
{
	struct world *w = context;

	return w->random = w->random * 1664525u + 1013904223u;
}

static void hear(struct world *w, uint32_t ifindex, const uint8_t *bytes, size_t n)
{
	uint8_t again[ARP_MESSAGE_BYTES];
	struct arp_message message;

	if (!arp_message_read(&message, bytes, n))
		return;
	arp_message_write(again, &message);
	assert(!memcmp(again, bytes, sizeof(again)));
	guard_heard(w->guard, ifindex, &message, w->now_ms);
}

static void pass(struct world *w, int64_t ms)
{
	int64_t end_ms = w->now_ms + ms;
	unsigned before = w->sent;

	while (guard_due_ms(w->guard) <= end_ms) {
		if (guard_due_ms(w->guard) > w->now_ms)
			w->now_ms = guard_due_ms(w->guard);
		guard_work(w->guard, w->now_ms);
	}
	w->now_ms = end_ms;
	/* One address: a probe a second, and an announcement in two, at the very most. */
	assert(w->sent - before <= ADDRESSES * (4 + (unsigned)(ms / 1000) * 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.now_ms = 1, .random = 7};
	const struct guard_options options = {
		.send = sent, .changed = changed, .random = random_number, .context = &w};
	enum guard_mode mode = GUARD_ANNOUNCE;

	if (guard_open(&w.guard, &options))
		abort();
	for (unsigned i = 0; i < ADDRESSES; i++)
		w.addresses[i] = (struct guard_address){.addr = 0x0100000au + (i << 24),
							.ifindex = 2 + (i & 1),
							.mac = {{2, 0, 0, 0, 0, (uint8_t)(i & 1)}},
							.up = true,
							.used = i < 3};
	while (size) {
		unsigned choice = *data++;
		size_t n = --size < ARP_MESSAGE_BYTES ? size : ARP_MESSAGE_BYTES;

		if (choice & 1) {
			hear(&w, 2 + (choice >> 1 & 1), data, n);
			data += n;
			size -= n;
		} else if (choice & 2) {
			struct guard_address *a = &w.addresses[choice >> 4 & 3];

			a->up ^= choice >> 2 & 1;
			a->used ^= choice >> 3 & 1;
			mode = choice >> 6 < GUARD_MODE_COUNT ? choice >> 6 : mode;
			if (guard_follow(w.guard, mode, w.addresses, ADDRESSES, w.now_ms))
				abort();
		} else {
			pass(&w, (int64_t)(choice >> 2) * 257);
		}
	}
	guard_close(w.guard);
	return 0;
}
