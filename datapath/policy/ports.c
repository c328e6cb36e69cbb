/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's bit in used[] is set from ports_take() until its hold-down is over. Held ports wait
 * in a ring per set: a port can be in it once, so 65536 places always suffice. Pages of
 * ports that were never used are never touched.
 */
#include "datapath/policy/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SET_PORTS    65536u
#define SET_WORDS    (SET_PORTS / 64)
#define SETS	     3u
#define RANDOM_TRIES 8u
#define REST_BATCH   4096u /* ports freed per set and call */

struct held {
	uint32_t until_tick;
	uint16_t port;
};

struct port_set {
	uint64_t used[SET_WORDS];
	uint64_t blocked[SET_WORDS];
	uint32_t held_first, held_count; /* in held[] */
	struct held held[SET_PORTS];
};

struct port_space {
	be32 addr;
	struct port_set set[SETS];
};

struct ports {
	struct port_space *space[PORTS_SPACES_MAX]; /* sorted by address value as stored */
	unsigned spaces;
	uint32_t held;	    /* ports that rest, in all sets */
	uint32_t rest_tick; /* while any does: none may be free before */
};

int ports_create(struct ports **ports)
{
	*ports = calloc(1, sizeof(**ports));
	return *ports ? 0 : -ENOMEM;
}

void ports_destroy(struct ports *ports)
{
	if (!ports)
		return;
	for (unsigned i = 0; i < ports->spaces; i++)
		munmap(ports->space[i], sizeof(struct port_space));
	free(ports);
}

/* Index of the first space whose address is not below @addr. */
static unsigned position(const struct ports *ports, be32 addr)
{
	unsigned low = 0, high = ports->spaces;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (ports->space[middle]->addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct port_set *find_set(const struct ports *ports, be32 addr, uint8_t proto)
{
	unsigned at = position(ports, addr);
	unsigned set = proto == IPPROTO_TCP ? 0 : proto == IPPROTO_UDP ? 1 : 2;

	if (at == ports->spaces || ports->space[at]->addr != addr)
		return NULL;
	return &ports->space[at]->set[set];
}

int ports_add(struct ports *ports, be32 addr)
{
	unsigned at = position(ports, addr);
	struct port_space *space;

	if (at < ports->spaces && ports->space[at]->addr == addr)
		return 0;
	if (ports->spaces == PORTS_SPACES_MAX)
		return -ENOSPC;
	space = mmap(NULL, sizeof(*space), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (space == MAP_FAILED)
		return -ENOMEM;
	space->addr = addr;
	for (unsigned i = ports->spaces; i > at; i--)
		ports->space[i] = ports->space[i - 1];
	ports->space[at] = space;
	ports->spaces++;
	return 0;
}

static bool bit(const uint64_t *words, unsigned port)
{
	return words[port / 64] >> port % 64 & 1;
}

static void set_bit(uint64_t *words, unsigned port)
{
	words[port / 64] |= 1ull << port % 64;
}

void ports_unblock_all(struct ports *ports)
{
	for (unsigned i = 0; i < ports->spaces; i++)
		for (unsigned set = 0; set < SETS; set++)
			for (unsigned word = 0; word < SET_WORDS; word++)
				if (ports->space[i]->set[set].blocked[word])
					ports->space[i]->set[set].blocked[word] = 0;
}

void ports_block(struct ports *ports, be32 addr, uint8_t proto, uint16_t port)
{
	for (unsigned i = 0; i < ports->spaces; i++) {
		if (addr && ports->space[i]->addr != addr)
			continue;
		set_bit(find_set(ports, ports->space[i]->addr, proto)->blocked, port);
	}
}

bool ports_blocked(const struct ports *ports, be32 addr, uint8_t proto, uint16_t port)
{
	const struct port_set *set = find_set(ports, addr, proto);

	return set && bit(set->blocked, port);
}

/* The first free port from @from to @to, 65536 if there is none. A word at a time. */
static unsigned scan(const struct port_set *set, unsigned from, unsigned to)
{
	for (unsigned port = from; port <= to;) {
		uint64_t free = ~(set->used[port / 64] | set->blocked[port / 64]) >> port % 64;

		if (free) {
			port += (unsigned)__builtin_ctzll(free);
			return port <= to ? port : SET_PORTS;
		}
		port = (port / 64 + 1) * 64;
	}
	return SET_PORTS;
}

uint16_t ports_take(struct ports *ports, be32 addr, uint8_t proto, uint16_t first, uint16_t last,
		    struct random *random)
{
	struct port_set *set = find_set(ports, addr, proto);
	unsigned port = 0;

	if (!set || first > last)
		return 0;
	/* independent draws keep the choice uniform while the set is not nearly full (RFC 6056) */
	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		port = first + random_below(random, (uint32_t)(last - first) + 1);
		if (!bit(set->used, port) && !bit(set->blocked, port))
			goto found;
	}
	{
		unsigned start = port;

		port = scan(set, start, last);
		if (port == SET_PORTS && start > first)
			port = scan(set, first, start - 1);
	}
	if (port == SET_PORTS)
		return 0;
found:
	set_bit(set->used, port);
	return (uint16_t)port;
}

uint16_t ports_take_of(struct ports *ports, be32 addr, uint8_t proto, uint16_t first, uint16_t last,
		       struct random *random, unsigned number, unsigned of)
{
	struct port_set *set = find_set(ports, addr, proto);

	for (unsigned i = 0; set && first <= last && i < RANDOM_TRIES; i++) {
		unsigned port = first + random_below(random, (uint32_t)(last - first) + 1);

		port = port / of * of + number;
		if (port < first || port > last || bit(set->used, port) || bit(set->blocked, port))
			continue;
		set_bit(set->used, port);
		return (uint16_t)port;
	}
	return ports_take(ports, addr, proto, first, last, random);
}

bool ports_take_this(struct ports *ports, be32 addr, uint8_t proto, uint16_t port)
{
	struct port_set *set = find_set(ports, addr, proto);

	if (!set || bit(set->used, port))
		return false;
	set_bit(set->used, port);
	return true;
}

void ports_release(struct ports *ports, be32 addr, uint8_t proto, uint16_t port,
		   uint32_t until_tick, uint32_t now_tick)
{
	struct port_set *set = find_set(ports, addr, proto);

	if (!set)
		return;
	if (until_tick == now_tick || set->held_count == SET_PORTS) {
		set->used[port / 64] &= ~(1ull << port % 64);
		return;
	}
	set->held[(set->held_first + set->held_count) % SET_PORTS] =
		(struct held){.until_tick = until_tick, .port = port};
	set->held_count++;
	if (!ports->held++ || (int32_t)(until_tick - ports->rest_tick) < 0)
		ports->rest_tick = until_tick;
}

static void rest_set(struct ports *ports, struct port_set *set, uint32_t now_tick)
{
	for (unsigned n = 0; set->held_count; n++) {
		struct held held = set->held[set->held_first];

		if (n == REST_BATCH || (int32_t)(held.until_tick - now_tick) > 0) {
			if ((int32_t)(held.until_tick - ports->rest_tick) < 0)
				ports->rest_tick = held.until_tick;
			break;
		}
		set->used[held.port / 64] &= ~(1ull << held.port % 64);
		set->held_first = (set->held_first + 1) % SET_PORTS;
		set->held_count--;
		ports->held--;
	}
}

void ports_rest(struct ports *ports, uint32_t now_tick)
{
	/* the sets of many addresses are not looked at for nothing: they are far apart in memory */
	if (!ports->held || (int32_t)(ports->rest_tick - now_tick) > 0)
		return;
	ports->rest_tick = now_tick + INT32_MAX;
	for (unsigned i = 0; i < ports->spaces * SETS; i++)
		rest_set(ports, &ports->space[i / SETS]->set[i % SETS], now_tick);
}
