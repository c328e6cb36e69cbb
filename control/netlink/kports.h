/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kports - which local ports the kernel may choose by itself, beside those of the pools.
 *
 * Connections of the gateway itself (health checks, DNS, an operator's ssh) may leave from an
 * address that a pool shares. Their ports must be outside the pools: otherwise the answers
 * would be suppressed, or two connections would meet on one tuple. The reasons for the rule
 * are in docs/decisions/0003-kernel-ports.md.
 */
#ifndef PGW_NETLINK_KPORTS_H
#define PGW_NETLINK_KPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/model.h"

#define KPORTS_ENOUGH	1024u /* unreserved ports with which the kernel's range stays as it is */
#define KPORTS_GAP_MIN	256u  /* a gap between the pools that is worth moving to */
#define KPORTS_MOVE_MAX 4096u /* ports of a gap that are used, counted from its end */
#define KPORTS_CARVED	1024u /* taken from the largest of pools that leave no gap: its last ones */

struct kports_set { /* one bit per port */
	uint64_t bits[65536 / 64];
};

void kports_add(struct kports_set *set, unsigned first, unsigned last);
bool kports_has(const struct kports_set *set, unsigned port);

/* kports_parse() - "1,5-9" as the kernel prints it. Return: true if it was well formed. */
bool kports_parse(struct kports_set *set, const char *text);

/* kports_print() - a malloc'ed text, or NULL without memory */
char *kports_print(const struct kports_set *set);

struct kports_range {
	uint16_t first, last; /* inclusive */
};

struct kports_plan {
	struct kports_set reserved; /* ip_local_reserved_ports */
	struct kports_range range;  /* ip_local_port_range */
	bool carved;		    /* range is taken from the pools */
};

/**
 * kports_plan() - what the two parameters should be for a configuration
 * @reserved: ports that were reserved before us
 * @range: the range that was set before us
 * @lowest: ip_unprivileged_port_start: the kernel refuses a range that begins below it
 */
void kports_plan(struct kports_plan *plan, const struct config *config,
		 const struct kports_set *reserved, struct kports_range range, unsigned lowest);

/**
 * kports_split() - a pool's ports without those that were carved for the kernel
 * @parts: room for two
 * Return: number of parts, 0..2.
 */
size_t kports_split(const struct kports_plan *plan, struct kports_range pool,
		    struct kports_range parts[2]);

#endif
