/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the table, as the sets need them: built to be loaded, and put into words to be
 * compared with what is loaded.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "control/netlink/suppress.h"

/* Who gets the rules; nothing more after an error. */
struct taker {
	suppress_take_rule take;
	void *context;
	int err;
};

/* A rule under construction: expressions are appended until one cannot be allocated. */
struct rule {
	struct nftnl_rule *nft;
	bool failed;
};

static struct nftnl_expr *expression(struct rule *rule, const char *name)
{
	struct nftnl_expr *expr = rule->failed ? NULL : nftnl_expr_alloc(name);

	if (expr)
		nftnl_rule_add_expr(rule->nft, expr);
	else
		rule->failed = true;
	return expr;
}

static void load_payload(struct rule *rule, uint32_t base, uint32_t offset, uint32_t bytes,
			 uint32_t reg)
{
	struct nftnl_expr *expr = expression(rule, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, bytes);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void load_daddr(struct rule *rule, uint32_t reg)
{
	load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg);
}

static void load_dport(struct rule *rule, uint32_t reg)
{
	load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
}

static void load_protocol(struct rule *rule, uint32_t reg)
{
	struct nftnl_expr *expr = expression(rule, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
}

static void compare(struct rule *rule, uint32_t op, uint16_t value)
{
	struct nftnl_expr *expr = expression(rule, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_CMP_DATA, htons(value));
}

static void mask(struct rule *rule, uint16_t value)
{
	struct nftnl_expr *expr = expression(rule, "bitwise");
	uint16_t and_be = htons(value), xor_be = 0;

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, sizeof(and_be));
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, &and_be, sizeof(and_be));
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, &xor_be, sizeof(xor_be));
}

static void look_up(struct rule *rule, const char *set, uint32_t flags)
{
	struct nftnl_expr *expr = expression(rule, "lookup");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, flags); /* the kernel tells of a 0, too */
}

static void verdict(struct rule *rule, uint32_t value)
{
	struct nftnl_expr *expr;

	if (value == NF_DROP)
		(void)expression(rule, "counter");
	expr = expression(rule, "immediate");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, value);
}

static struct rule rule_begin(void)
{
	struct rule rule = {.nft = nftnl_rule_alloc()};

	rule.failed = !rule.nft;
	if (rule.nft) {
		nftnl_rule_set_str(rule.nft, NFTNL_RULE_TABLE, SUPPRESS_TABLE);
		nftnl_rule_set_str(rule.nft, NFTNL_RULE_CHAIN, SUPPRESS_CHAIN);
		nftnl_rule_set_u32(rule.nft, NFTNL_RULE_FAMILY, NFPROTO_IPV4);
	}
	return rule;
}

static void rule_end(struct taker *taker, struct rule *rule)
{
	if (rule->failed && !taker->err)
		taker->err = -ENOMEM;
	if (!taker->err)
		taker->err = taker->take(taker->context, rule->nft);
	if (rule->nft)
		nftnl_rule_free(rule->nft);
}

/* give_tuple_rule() - ip daddr . meta l4proto . th dport @SET VERDICT */
static void give_tuple_rule(struct taker *taker, const char *set, uint32_t value)
{
	struct rule rule = rule_begin();

	/* A concatenation is laid out in consecutive 32-bit registers; REG_1 is the first four. */
	load_daddr(&rule, NFT_REG_1);
	load_protocol(&rule, NFT_REG32_01);
	load_dport(&rule, NFT_REG32_02);
	look_up(&rule, set, 0);
	verdict(&rule, value);
	rule_end(taker, &rule);
}

static void give_fixed_rules(const struct suppress *suppress, struct taker *taker)
{
	struct rule rule = rule_begin();

	load_daddr(&rule, NFT_REG_1);
	look_up(&rule, "addresses", NFT_LOOKUP_F_INV);
	verdict(&rule, NF_ACCEPT);
	rule_end(taker, &rule);

	rule = rule_begin();
	load_payload(&rule, NFT_PAYLOAD_NETWORK_HEADER, 6, 2, NFT_REG_1);
	mask(&rule, 0x1fff);
	compare(&rule, NFT_CMP_NEQ, 0);
	verdict(&rule, NF_DROP);
	rule_end(taker, &rule);

	if (suppress_has(suppress, "services"))
		give_tuple_rule(taker, "services", NF_DROP);
	if (suppress_has(suppress, "listening")) {
		rule = rule_begin();
		load_protocol(&rule, NFT_REG_1);
		load_dport(&rule, NFT_REG32_01);
		look_up(&rule, "listening", 0);
		verdict(&rule, NF_ACCEPT);
		rule_end(taker, &rule);
	}
	if (suppress_has(suppress, "listening_at"))
		give_tuple_rule(taker, "listening_at", NF_ACCEPT);
}

static void give_pool_rule(struct taker *taker, const struct suppress_set *set)
{
	struct rule rule = rule_begin();

	load_daddr(&rule, NFT_REG_1);
	load_protocol(&rule, NFT_REG32_01);
	look_up(&rule, set->name, 0);
	load_dport(&rule, NFT_REG_1);
	compare(&rule, NFT_CMP_GTE, set->pool.first);
	compare(&rule, NFT_CMP_LTE, set->pool.last);
	verdict(&rule, NF_DROP);
	rule_end(taker, &rule);
}

int suppress_rules(const struct suppress *suppress, suppress_take_rule take, void *context)
{
	struct taker taker = {.take = take, .context = context};

	give_fixed_rules(suppress, &taker);
	for (size_t i = 0; i < suppress->n; i++)
		if (suppress->sets[i].pool.last)
			give_pool_rule(&taker, &suppress->sets[i]);
	return taker.err;
}

struct text {
	char *bytes;
	size_t used;
};

static int on_expression(struct nftnl_expr *expr, void *arg)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	struct text *text = arg;
	size_t room = SUPPRESS_RULE_BYTES - text->used;
	int length = snprintf(text->bytes + text->used, room, "%s ", name ? name : "?");

	if (length < 0 || (size_t)length >= room)
		return -E2BIG;
	text->used += (size_t)length;
	room -= (size_t)length;
	if (name && !strcmp(name, "counter")) /* what it has counted is no difference */
		return 0;
	length = nftnl_expr_snprintf(text->bytes + text->used, room, expr, NFTNL_OUTPUT_DEFAULT, 0);
	if (length < 0 || (size_t)length >= room)
		return -E2BIG;
	text->used += (size_t)length;
	return 0;
}

int suppress_rule_text(struct nftnl_rule *rule, char bytes[SUPPRESS_RULE_BYTES])
{
	struct text text = {.bytes = bytes};

	bytes[0] = '\0';
	return nftnl_expr_foreach(rule, on_expression, &text);
}
