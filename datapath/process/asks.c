/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asks - a direct-mapped memory of recent requests and a token bucket.
 *
 * Two requests that meet in one place push each other out: then both are repeated more often
 * than they need be, within what the bucket admits. A zeroed struct is ready for use.
 */
#include "datapath/process/asks.h"

#include <assert.h>

#define NS_PER_S   1000000000u
#define NS_PER_ASK (NS_PER_S / ASKS_PER_S)
#define FULL_NS	   ((uint64_t)NS_PER_ASK * ASKS_AT_ONCE)

static_assert((ASKS_RECENT & (ASKS_RECENT - 1)) == 0, "a power of two");

static struct ask *place_of(struct asks *asks, uint32_t ifindex, be32 addr)
{
	uint32_t mixed = (addr ^ ifindex * 0x9e3779b1u) * 0x85ebca6bu;

	return &asks->recent[mixed >> 16 & (ASKS_RECENT - 1)];
}

static bool take_token(struct asks *asks, uint64_t now_ns)
{
	/* Several threads ask, and one may have read the clock before the last one did. */
	if (now_ns < asks->filled_ns)
		now_ns = asks->filled_ns;
	/* The first call finds time since 0, that is a full bucket. */
	asks->credit_ns += now_ns - asks->filled_ns;
	asks->filled_ns = now_ns;
	if (asks->credit_ns > FULL_NS)
		asks->credit_ns = FULL_NS;
	if (asks->credit_ns < NS_PER_ASK)
		return false;
	asks->credit_ns -= NS_PER_ASK;
	return true;
}

bool asks_admit(struct asks *asks, uint32_t ifindex, be32 addr, uint64_t now_ns)
{
	struct ask *ask = place_of(asks, ifindex, addr);

	if (ask->ifindex == ifindex && ask->addr == addr && now_ns < ask->at_ns + ASKS_AGAIN_NS)
		return false;
	if (!take_token(asks, now_ns))
		return false;
	*ask = (struct ask){.ifindex = ifindex, .addr = addr, .at_ns = now_ns};
	return true;
}

void asks_forget(struct asks *asks, uint32_t ifindex, be32 addr)
{
	struct ask *ask = place_of(asks, ifindex, addr);

	if (ask->ifindex == ifindex && ask->addr == addr)
		*ask = (struct ask){0};
}
