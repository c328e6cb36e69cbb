/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asks - which requests to resolve a neighbour go to pgwd, so that a flood of packets to
 * addresses that do not exist cannot become a flood of messages.
 */
#ifndef PGW_PROCESS_ASKS_H
#define PGW_PROCESS_ASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"

#define ASKS_RECENT   256u	 /* requests remembered; a power of two */
#define ASKS_AGAIN_NS 200000000u /* the same one is not repeated within this time */
#define ASKS_PER_S    1000u	 /* new ones, on average */
#define ASKS_AT_ONCE  256u	 /* new ones, in a burst */

struct asks {
	struct ask {
		uint32_t ifindex;
		be32 addr;
		uint64_t at_ns;
	} recent[ASKS_RECENT];
	uint64_t credit_ns; /* the bucket's level, in time that it took to fill */
	uint64_t filled_ns; /* when it was last filled */
};

/* asks_admit() - Return: true if the request may be sent now; it then counts as sent. */
bool asks_admit(struct asks *asks, uint32_t ifindex, be32 addr, uint64_t now_ns);

/* asks_forget() - that one was not sent after all, or was answered. */
void asks_forget(struct asks *asks, uint32_t ifindex, be32 addr);

#endif
