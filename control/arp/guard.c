/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/arp/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEVER	INT64_MAX
#define REST_MS 10 /* before what exceeds a burst */

/* Invariants: state WAITING: both times are NEVER; probe_ms is NEVER in UNIQUE; announce_ms is
 * NEVER while it is not used. */
struct entry {
	struct guard_address is;
	enum guard_state state;
	bool free;	   /* PROBE: may be used, and has been told so */
	unsigned probes;   /* sent of the present try */
	int64_t probe_ms;  /* the next probe, or the end of the wait after the last */
	unsigned announce; /* announcements that are still to be sent */
	int64_t announce_ms;
	int64_t defended_ms; /* of the last defence; NEVER: none yet */
	uint32_t conflicts;  /* in a row: tries that met an answer, defences */
	struct mac other;
};

struct guard {
	struct guard_options options;
	enum guard_mode mode;
	struct entry *entries; /* sorted by compare() */
	size_t n;
	int64_t due_ms;
};

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->is.addr != y->is.addr)
		return ntohl(x->is.addr) < ntohl(y->is.addr) ? -1 : 1;
	if (x->is.ifindex != y->is.ifindex)
		return x->is.ifindex < y->is.ifindex ? -1 : 1;
	return 0;
}

int guard_open(struct guard **guard, const struct guard_options *options)
{
	*guard = calloc(1, sizeof(**guard));
	if (!*guard)
		return -ENOMEM;
	(*guard)->options = *options;
	(*guard)->due_ms = NEVER;
	return 0;
}

void guard_close(struct guard *guard)
{
	if (!guard)
		return;
	free(guard->entries);
	free(guard);
}

static struct entry *find(const struct guard *guard, be32 addr, uint32_t ifindex)
{
	const struct entry key = {.is = {.addr = addr, .ifindex = ifindex}};

	return guard->n ? bsearch(&key, guard->entries, guard->n, sizeof(key), compare) : NULL;
}

static int64_t within(const struct guard *guard, int64_t least_ms, int64_t most_ms)
{
	uint32_t span_ms = (uint32_t)(most_ms - least_ms) + 1;

	return least_ms + guard->options.random(guard->options.context) % span_ms;
}

static void announce_from(struct entry *e, int64_t ms)
{
	if (!e->is.used)
		return;
	e->announce = GUARD_ANNOUNCEMENTS;
	e->announce_ms = ms;
}

/* The first probe of a try. */
static void probe_from(const struct guard *guard, struct entry *e, int64_t ms)
{
	e->probes = 0;
	e->probe_ms = guard->mode == GUARD_OFF ? NEVER : ms + within(guard, 0, GUARD_PROBE_WAIT_MS);
}

/* Its link is up (again), or it is new. */
static void begin(const struct guard *guard, struct entry *e, int64_t now_ms)
{
	e->announce = 0;
	e->probe_ms = e->announce_ms = NEVER;
	if (!e->is.up) {
		e->state = GUARD_WAITING;
		return;
	}
	e->state = guard->mode == GUARD_OFF ? GUARD_UNIQUE : GUARD_PROBING;
	e->conflicts = 0;
	probe_from(guard, e, now_ms);
	announce_from(e, now_ms);
}

static void tell(const struct guard *guard, const struct entry *e, enum guard_change_kind kind)
{
	const struct guard_change change = {.kind = kind,
					    .addr = e->is.addr,
					    .ifindex = e->is.ifindex,
					    .other = e->other,
					    .used = e->is.used};

	guard->options.changed(guard->options.context, &change);
}

/* What becomes of a known address as it is told anew. */
static void renew(const struct guard *guard, struct entry *e, const struct guard_address *is,
		  enum guard_mode before, int64_t now_ms)
{
	bool came_up = is->up && !e->is.up, came = is->used && !e->is.used;

	e->free |= e->is.used; /* one that was taken away by others comes back without a probe */
	e->is = *is;
	if (!is->up || came_up || before != guard->mode)
		begin(guard, e, now_ms);
	else if (came)
		announce_from(e, now_ms);
	if (!is->used) {
		e->announce = 0;
		e->announce_ms = NEVER;
	}
}

static void find_due(struct guard *guard)
{
	guard->due_ms = NEVER;
	for (size_t i = 0; i < guard->n; i++) {
		const struct entry *e = &guard->entries[i];

		if (e->probe_ms < guard->due_ms)
			guard->due_ms = e->probe_ms;
		if (e->announce_ms < guard->due_ms)
			guard->due_ms = e->announce_ms;
	}
}

int guard_follow(struct guard *guard, enum guard_mode mode, const struct guard_address *addresses,
		 size_t n, int64_t now_ms)
{
	struct entry *fresh = calloc(n ? n : 1, sizeof(*fresh));
	enum guard_mode before = guard->mode;

	if (!fresh)
		return -ENOMEM;
	guard->mode = mode;
	for (size_t i = 0; i < n; i++) {
		const struct guard_address *is = &addresses[i];
		const struct entry *known = find(guard, is->addr, is->ifindex);

		if (known && mac_equal(&known->is.mac, &is->mac)) {
			fresh[i] = *known;
			renew(guard, &fresh[i], is, before, now_ms);
		} else {
			fresh[i] = (struct entry){.is = *is, .defended_ms = NEVER};
			begin(guard, &fresh[i], now_ms);
		}
	}
	free(guard->entries);
	guard->entries = fresh;
	guard->n = n;
	if (n)
		qsort(fresh, n, sizeof(*fresh), compare);
	find_due(guard);
	return 0;
}

bool guard_withholds(const struct guard *guard, enum guard_mode mode, be32 addr, uint32_t ifindex)
{
	const struct entry *e = find(guard, addr, ifindex);

	return mode == GUARD_PROBE && !(e && (e->is.used || e->free));
}

bool guard_is_free(const struct guard *guard, be32 addr)
{
	for (size_t i = 0; i < guard->n; i++) {
		const struct entry *e = &guard->entries[i];

		if (e->is.addr == addr && e->free && !e->is.used)
			return true;
	}
	return false;
}

/* How long until the next try. Of an address in use it only shows whether the conflict has ended.
 */
static int64_t retry_ms(const struct guard *guard, const struct entry *e)
{
	if (e->is.used)
		return GUARD_DEFEND_MS;
	return e->conflicts < GUARD_CONFLICTS_MAX ? within(guard, 0, GUARD_PROBE_WAIT_MS)
						  : GUARD_RATE_LIMIT_MS;
}

/* Somebody else has it. */
static void conflict(struct guard *guard, struct entry *e, const struct mac *other, int64_t now_ms)
{
	bool new = e->state != GUARD_CONFLICT;
	bool trying = e->probe_ms != NEVER && e->probes;

	e->other = *other;
	if (e->is.used && (e->defended_ms == NEVER || now_ms - e->defended_ms >= GUARD_DEFEND_MS)) {
		e->defended_ms = now_ms;
		e->announce = 1;
		e->announce_ms = now_ms;
	}
	e->state = GUARD_CONFLICT;
	e->free &= e->is.used;
	/* A try ends with the first answer; what comes between two tries does not put off the next.
	 */
	if (new || trying) {
		e->conflicts++;
		e->probes = 0;
		e->probe_ms = now_ms + retry_ms(guard, e);
	}
	if (new)
		tell(guard, e, GUARD_CHANGE_CONFLICT);
	find_due(guard);
}

static bool is_our_mac(const struct guard *guard, const struct mac *mac)
{
	for (size_t i = 0; i < guard->n; i++)
		if (mac_equal(&guard->entries[i].is.mac, mac))
			return true;
	return false;
}

void guard_heard(struct guard *guard, uint32_t ifindex, const struct arp_message *message,
		 int64_t now_ms)
{
	struct entry *e;

	if (guard->mode == GUARD_OFF)
		return;
	e = find(guard, message->sender ? message->sender : message->target, ifindex);
	if (!e || e->state == GUARD_WAITING)
		return;
	/* A probe asks whether it may: while it is used, the kernel answers that it may not. */
	if (!message->sender && (message->operation != ARP_REQUEST || e->is.used))
		return;
	/* Our own, which a bridge or a macvlan has brought back. */
	if (is_our_mac(guard, &message->sender_mac))
		return;
	conflict(guard, e, &message->sender_mac, now_ms);
}

static void send_probe(const struct guard *guard, const struct entry *e)
{
	const struct arp_message message = {
		.operation = ARP_REQUEST, .sender_mac = e->is.mac, .target = e->is.addr};

	guard->options.send(guard->options.context, e->is.ifindex, &message);
}

static void send_announcement(const struct guard *guard, const struct entry *e)
{
	const struct arp_message message = {.operation = ARP_REQUEST,
					    .sender_mac = e->is.mac,
					    .sender = e->is.addr,
					    .target = e->is.addr};

	guard->options.send(guard->options.context, e->is.ifindex, &message);
}

/* Nobody has answered any probe. */
static void unique(struct guard *guard, struct entry *e, int64_t now_ms)
{
	bool was_conflict = e->state == GUARD_CONFLICT;

	e->state = GUARD_UNIQUE;
	e->probe_ms = NEVER;
	e->conflicts = 0;
	if (was_conflict) {
		/* Neighbours may still believe the other. */
		announce_from(e, now_ms);
		tell(guard, e, GUARD_CHANGE_RESOLVED);
	}
	if (!e->is.used && !e->free) {
		e->free = true;
		tell(guard, e, GUARD_CHANGE_FREE);
	}
}

/* Return: messages sent. */
static unsigned work(struct guard *guard, struct entry *e, int64_t now_ms)
{
	unsigned sent = 0;

	if (e->announce_ms <= now_ms) {
		send_announcement(guard, e);
		sent++;
		e->announce--;
		e->announce_ms = e->announce ? now_ms + GUARD_ANNOUNCE_MS : NEVER;
	}
	if (e->probe_ms > now_ms)
		return sent;
	if (e->probes == GUARD_PROBES) {
		unique(guard, e, now_ms);
		return sent;
	}
	send_probe(guard, e);
	e->probes++;
	e->probe_ms = now_ms + (e->probes < GUARD_PROBES
					? within(guard, GUARD_PROBE_MIN_MS, GUARD_PROBE_MAX_MS)
					: GUARD_ANNOUNCE_WAIT_MS);
	return sent + 1;
}

void guard_work(struct guard *guard, int64_t now_ms)
{
	unsigned sent = 0;

	if (guard->due_ms > now_ms)
		return;
	for (size_t i = 0; i < guard->n && sent < GUARD_BURST; i++)
		sent += work(guard, &guard->entries[i], now_ms);
	find_due(guard);
	if (sent >= GUARD_BURST && guard->due_ms <= now_ms)
		guard->due_ms = now_ms + REST_MS;
}

int64_t guard_due_ms(const struct guard *guard)
{
	return guard->due_ms;
}

bool guard_status(const struct guard *guard, be32 addr, uint32_t ifindex,
		  struct guard_status *status)
{
	const struct entry *e = find(guard, addr, ifindex);

	if (!e)
		return false;
	*status = (struct guard_status){.state = e->state,
					.used = e->is.used,
					.other = e->other,
					.conflicts = e->conflicts};
	return true;
}

size_t guard_addresses(const struct guard *guard, be32 *addresses, size_t max)
{
	size_t used = 0;

	for (size_t i = 0; guard->mode != GUARD_OFF && i < guard->n && used < max; i++)
		if (!used || addresses[used - 1] != guard->entries[i].is.addr)
			addresses[used++] = guard->entries[i].is.addr;
	return used;
}
