/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suppress - the nft table "ip pgw": it keeps from the kernel's stack what the datapath owns, so
 * that the stack never answers it. Tables of others decide as before: an accept in one base
 * chain ends only that chain.
 *
 *	set addresses     addr                 service and pool addresses
 *	set services      addr . proto . port  service tuples
 *	set listening     proto . port         ports of our own sockets on all addresses
 *	set listening_at  addr . proto . port  the same on one address
 *	set pool_LO_HI    addr . proto         pool addresses of which the ports LO-HI are ours
 *
 *	chain prerouting, filter, priority raw:
 *	  ip daddr != @addresses accept
 *	  ip frag-off & 0x1fff != 0 drop                       later fragments show no ports
 *	  ip daddr . meta l4proto . th dport @services drop
 *	  meta l4proto . th dport @listening accept
 *	  ip daddr . meta l4proto . th dport @listening_at accept
 *	  ip daddr . meta l4proto @pool_LO_HI th dport LO-HI drop    one per such set
 *
 * A rule whose set is empty is left out, except the first: each takes time from every packet.
 * The sets hold all there is to know, so what is loaded can be read back, compared and, when a
 * later step fails, loaded again. Chain and rules that are not those which the sets stand for make
 * the table equal to none.
 */
#ifndef PGW_NETLINK_SUPPRESS_H
#define PGW_NETLINK_SUPPRESS_H

#include "control/netlink/kports.h"
#include "control/netlink/netlink.h"

#define SUPPRESS_TABLE	     "pgw"
#define SUPPRESS_CHAIN	     "prerouting"
#define SUPPRESS_NAME	     32
#define SUPPRESS_KEY	     12 /* the longest: three fields, each padded to four bytes */
#define SUPPRESS_CHAIN_TYPE  "filter"
#define SUPPRESS_PRIORITY    (-300) /* raw: before connection tracking */
#define SUPPRESS_FIXED_RULES 2
#define SUPPRESS_RULE_BYTES  1024 /* of one in words */

struct suppress_set {
	char name[SUPPRESS_NAME];
	size_t key_bytes;	       /* 4, 8 or 12 */
	uint8_t (*keys)[SUPPRESS_KEY]; /* sorted, unique */
	size_t n;
	struct kports_range pool; /* of pool_LO_HI */
};

struct suppress {		   /* no set at all: no table */
	struct suppress_set *sets; /* sorted by name */
	size_t n;
	size_t rules; /* in the chain */
};

/**
 * suppress_build() - what a configuration wants
 * @listening: sockets of the gateway; only those that would meet a pool are used
 * Return: 0 or -ENOMEM.
 */
int suppress_build(struct suppress *suppress, const struct config *config,
		   const struct kports_plan *ports, const struct snapshot_reserved *listening,
		   size_t n_listening);
/* suppress_has() - whether the set of this name holds anything */
bool suppress_has(const struct suppress *suppress, const char *name);
/* suppress_keep() - add what @loaded has beyond @suppress, and say in *more whether it has such.
 * Return: 0 or -ENOMEM. */
int suppress_keep(struct suppress *suppress, const struct suppress *loaded, bool *more);
bool suppress_equal(const struct suppress *a, const struct suppress *b);
void suppress_free(struct suppress *suppress);

/* suppress_add_set(), suppress_add_key(), suppress_sort() - for building and reading */
struct suppress_set *suppress_add_set(struct suppress *suppress, const char *name);
int suppress_add_key(struct suppress_set *set, const uint8_t *key, size_t bytes);
void suppress_sort(struct suppress *suppress);

/* suppress_rules() - hand the rules that the sets stand for to @take, in their order; each is freed
 * afterwards. Return: 0, -ENOMEM, or what @take has returned, which ends it. */
struct nftnl_rule;
typedef int (*suppress_take_rule)(void *context, struct nftnl_rule *rule);
int suppress_rules(const struct suppress *suppress, suppress_take_rule take, void *context);
/* suppress_rule_text() - in words; of two that do the same they are the same.
 * Return: 0, or -E2BIG: too long to be ours. */
int suppress_rule_text(struct nftnl_rule *rule, char text[SUPPRESS_RULE_BYTES]);

/* suppress_socket() - a netlink socket to nf_tables. Return: descriptor or -errno. */
int suppress_socket(void);

/* suppress_fail() - a message about the table. Return: @code. */
int suppress_fail(struct kernel_error *error, int code, const char *what);

/* suppress_read() - what is loaded. Return: 0 or -errno with @error set. */
int suppress_read(struct suppress *suppress, struct kernel_error *error);

/* suppress_load() - replace the table in one transaction; an empty one goes.
 * Return: 0 or -errno with @error set. */
int suppress_load(const struct suppress *suppress, struct kernel_error *error);

#endif
