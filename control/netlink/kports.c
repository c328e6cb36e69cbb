/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/netlink/kports.h"

#define PORT_MAX	65535u
#define UNPRIVILEGED	1024u
#define ITEM_TEXT_BYTES 12 /* "65535-65535," */

void kports_add(struct kports_set *set, unsigned first, unsigned last)
{
	for (unsigned port = first; port <= last && port <= PORT_MAX; port++)
		set->bits[port / 64] |= 1ull << (port % 64);
}

bool kports_has(const struct kports_set *set, unsigned port)
{
	return port <= PORT_MAX && (set->bits[port / 64] >> (port % 64) & 1);
}

bool kports_parse(struct kports_set *set, const char *text)
{
	memset(set, 0, sizeof(*set));
	while (*text) {
		unsigned long first, last;
		char *end;

		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (last > PORT_MAX || first > last || (*end && *end != ','))
			return false;
		kports_add(set, (unsigned)first, (unsigned)last);
		text = *end ? end + 1 : end;
	}
	return true;
}

/* run_end() - the last port of the run of equal bits that begins at @first */
static unsigned run_end(const struct kports_set *set, unsigned first)
{
	bool in = kports_has(set, first);
	unsigned last = first;

	while (last < PORT_MAX && kports_has(set, last + 1) == in)
		last++;
	return last;
}

char *kports_print(const struct kports_set *set)
{
	size_t runs = 0, used = 0, room;
	char *text;

	for (unsigned p = 0; p <= PORT_MAX; p = run_end(set, p) + 1)
		runs += kports_has(set, p);
	room = runs * ITEM_TEXT_BYTES + 1;
	text = malloc(room);
	if (!text)
		return NULL;
	text[0] = '\0';
	for (unsigned p = 0; p <= PORT_MAX; p = run_end(set, p) + 1) {
		unsigned last = run_end(set, p);

		if (!kports_has(set, p))
			continue;
		used += (size_t)snprintf(text + used, room - used, used ? ",%u" : "%u", p);
		if (last > p)
			used += (size_t)snprintf(text + used, room - used, "-%u", last);
	}
	return text;
}

static unsigned count_free(const struct kports_set *set, struct kports_range range)
{
	unsigned n = 0;

	for (unsigned port = range.first; port <= range.last; port++)
		n += !kports_has(set, port);
	return n;
}

/* largest_gap() - the longest run of free ports from @lowest on; of equal ones the last.
 * Return: its length, 0 if there is none. */
static unsigned largest_gap(const struct kports_set *set, unsigned lowest, struct kports_range *gap)
{
	unsigned best = 0;

	for (unsigned p = lowest; p <= PORT_MAX; p = run_end(set, p) + 1) {
		unsigned last = run_end(set, p);

		if (!kports_has(set, p) && last - p + 1 >= best) {
			best = last - p + 1;
			*gap = (struct kports_range){(uint16_t)p, (uint16_t)last};
		}
	}
	return best;
}

/* carve() - the last ports of the largest pool, which misses them least */
static struct kports_range carve(const struct config *config, unsigned lowest)
{
	unsigned most = 0, last = PORT_MAX, first;

	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];
		unsigned ports = pool->port_last - pool->port_first + 1u;

		if (ports >= most) {
			most = ports;
			last = pool->port_last;
		}
	}
	first = last >= lowest + KPORTS_CARVED - 1 ? last - KPORTS_CARVED + 1 : lowest;
	return (struct kports_range){(uint16_t)first, (uint16_t)(last > first ? last : first)};
}

static void reserve_services(struct kports_plan *plan, const struct config *config)
{
	/* Only inside the range: elsewhere the kernel chooses nothing, and the list stays short. */
	for (size_t i = 0; i < config->n_services; i++) {
		unsigned port = config->services[i].port;

		if (port >= plan->range.first && port <= plan->range.last)
			kports_add(&plan->reserved, port, port);
	}
}

void kports_plan(struct kports_plan *plan, const struct config *config,
		 const struct kports_set *reserved, struct kports_range range, unsigned lowest)
{
	unsigned before = count_free(reserved, range), length;
	struct kports_range gap = {0};

	if (lowest < UNPRIVILEGED)
		lowest = UNPRIVILEGED;
	plan->reserved = *reserved;
	plan->range = range;
	plan->carved = false;
	for (size_t i = 0; i < config->n_pools; i++)
		kports_add(&plan->reserved, config->pools[i].port_first,
			   config->pools[i].port_last);
	if (count_free(&plan->reserved, range) >=
	    (before < KPORTS_ENOUGH ? before : KPORTS_ENOUGH)) {
		reserve_services(plan, config);
		return;
	}
	length = largest_gap(&plan->reserved, lowest, &gap);
	if (length >= KPORTS_GAP_MIN) {
		/* The end of the gap: servers like 8080 or 9443 tend to be at its beginning. */
		if (length > KPORTS_MOVE_MAX)
			gap.first = (uint16_t)(gap.last - KPORTS_MOVE_MAX + 1);
	} else {
		plan->carved = true;
		gap = carve(config, lowest);
		for (unsigned p = gap.first; p <= gap.last; p++)
			if (!kports_has(reserved, p))
				plan->reserved.bits[p / 64] &= ~(1ull << (p % 64));
	}
	/* The kernel spreads connect() and bind() over even and odd ports; it warns of a range
	 * whose ends are both even or both odd. */
	if (!((gap.first ^ gap.last) & 1))
		gap.first++;
	plan->range = gap;
	reserve_services(plan, config);
}

size_t kports_split(const struct kports_plan *plan, struct kports_range pool,
		    struct kports_range parts[2])
{
	size_t n = 0;

	if (!plan->carved || pool.last < plan->range.first || pool.first > plan->range.last) {
		parts[0] = pool;
		return 1;
	}
	if (pool.first < plan->range.first)
		parts[n++] = (struct kports_range){pool.first, (uint16_t)(plan->range.first - 1)};
	if (pool.last > plan->range.last)
		parts[n++] = (struct kports_range){(uint16_t)(plan->range.last + 1), pool.last};
	return n;
}
