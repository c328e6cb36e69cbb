/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading: the table is replaced in one nfnetlink batch, which is one datagram: the kernel commits
 * all of it or nothing. "add, delete, add" makes the delete succeed whether or not there was a
 * table.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "control/netlink/suppress.h"

#define MESSAGE_MAX   (48 * 1024) /* one message; a chunk of elements takes 28 each */
#define CHUNK	      1000	  /* set elements of one message */
#define RECEIVE_BYTES (64 * 1024)
#define SEND_MARGIN   (1 << 20) /* the kernel accounts a datagram with its bookkeeping */

/* Data types as nft numbers them, six bits each in a concatenation: for "nft list" only. */
enum nft_type { TYPE_ADDR = 7, TYPE_PROTO = 12, TYPE_SERVICE = 13 };
#define CONCAT(a, b) ((uint32_t)(a) << 6 | (uint32_t)(b))

struct batch {
	char *bytes;
	size_t used, room;
	uint32_t sequence;
	bool failed; /* without memory: everything after it is left out */
};

/* message() - room for a message, with its header. NULL without memory. */
static struct nlmsghdr *message(struct batch *batch, uint16_t type, uint16_t flags)
{
	if (batch->room - batch->used < MESSAGE_MAX) {
		char *grown = realloc(batch->bytes, batch->room * 2 + MESSAGE_MAX);

		if (!grown) {
			batch->failed = true;
			return NULL;
		}
		batch->bytes = grown;
		batch->room = batch->room * 2 + MESSAGE_MAX;
	}
	return nftnl_nlmsg_build_hdr(batch->bytes + batch->used, type, NFPROTO_IPV4, flags,
				     batch->sequence++);
}

static void message_end(struct batch *batch, const struct nlmsghdr *header)
{
	batch->used += MNL_ALIGN(header->nlmsg_len);
}

static void put_table(struct batch *batch, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *header = message(batch, type, flags);

	if (!header)
		return;
	mnl_attr_put_strz(header, NFTA_TABLE_NAME, SUPPRESS_TABLE);
	message_end(batch, header);
}

static void put_chain(struct batch *batch)
{
	struct nlmsghdr *header = message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (header && chain) {
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, SUPPRESS_TABLE);
		nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, SUPPRESS_CHAIN);
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, SUPPRESS_CHAIN_TYPE);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, SUPPRESS_PRIORITY);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
		nftnl_chain_nlmsg_build_payload(header, chain);
		message_end(batch, header);
	} else {
		batch->failed = true;
	}
	if (chain) /* which libnftnl does not ask */
		nftnl_chain_free(chain);
}

static uint32_t key_type(const struct suppress_set *set)
{
	if (set->pool.last)
		return CONCAT(TYPE_ADDR, TYPE_PROTO);
	switch (set->key_bytes) {
	case 4:
		return TYPE_ADDR;
	case 8:
		return CONCAT(TYPE_PROTO, TYPE_SERVICE);
	default:
		return CONCAT(CONCAT(TYPE_ADDR, TYPE_PROTO), TYPE_SERVICE);
	}
}

static struct nftnl_set *alloc_set(const struct suppress_set *set)
{
	struct nftnl_set *nft = nftnl_set_alloc();

	if (!nft)
		return NULL;
	nftnl_set_set_str(nft, NFTNL_SET_TABLE, SUPPRESS_TABLE);
	nftnl_set_set_str(nft, NFTNL_SET_NAME, set->name);
	nftnl_set_set_u32(nft, NFTNL_SET_FAMILY, NFPROTO_IPV4);
	return nft;
}

static void put_set(struct batch *batch, const struct suppress_set *set, uint32_t id)
{
	struct nlmsghdr *header = message(batch, NFT_MSG_NEWSET, NLM_F_CREATE);
	struct nftnl_set *nft = alloc_set(set);

	if (header && nft) {
		nftnl_set_set_u32(nft, NFTNL_SET_ID, id);
		nftnl_set_set_u32(nft, NFTNL_SET_KEY_TYPE, key_type(set));
		nftnl_set_set_u32(nft, NFTNL_SET_KEY_LEN, (uint32_t)set->key_bytes);
		/* Of a known size the kernel takes a simpler table, which is faster to look up. */
		if (set->n)
			nftnl_set_set_u32(nft, NFTNL_SET_DESC_SIZE, (uint32_t)set->n);
		nftnl_set_nlmsg_build_payload(header, nft);
		message_end(batch, header);
	} else {
		batch->failed = true;
	}
	if (nft)
		nftnl_set_free(nft);
}

static void put_elements(struct batch *batch, const struct suppress_set *set, size_t first,
			 size_t n)
{
	struct nlmsghdr *header = message(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	struct nftnl_set *nft = alloc_set(set);

	if (!header || !nft)
		goto fail;
	for (size_t i = first; i < first + n; i++) {
		struct nftnl_set_elem *element = nftnl_set_elem_alloc();

		if (!element)
			goto fail;
		if (nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, set->keys[i],
				       (uint32_t)set->key_bytes) < 0) {
			nftnl_set_elem_free(element);
			goto fail;
		}
		nftnl_set_elem_add(nft, element);
	}
	nftnl_set_elems_nlmsg_build_payload(header, nft);
	message_end(batch, header);
	nftnl_set_free(nft);
	return;
fail:
	if (nft)
		nftnl_set_free(nft);
	batch->failed = true;
}

/* put_rule() - of suppress_rules() */
static int put_rule(void *context, struct nftnl_rule *rule)
{
	struct batch *batch = context;
	struct nlmsghdr *header =
		message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);

	if (!header)
		return -ENOMEM;
	nftnl_rule_nlmsg_build_payload(header, rule);
	message_end(batch, header);
	return 0;
}

/* build_batch() - the whole transaction. Return: sequence number whose answer ends it. */
static uint32_t build_batch(struct batch *batch, const struct suppress *suppress)
{
	struct nlmsghdr *header = message(batch, 0, 0);
	uint32_t last;

	if (header)
		message_end(batch, nftnl_batch_begin((char *)header, batch->sequence++));
	put_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_table(batch, NFT_MSG_DELTABLE, NLM_F_ACK);
	last = batch->sequence - 1;
	if (suppress->n) {
		put_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
		put_chain(batch);
		for (size_t i = 0; i < suppress->n; i++)
			put_set(batch, &suppress->sets[i], (uint32_t)i + 1);
		for (size_t i = 0; i < suppress->n; i++) {
			const struct suppress_set *set = &suppress->sets[i];

			for (size_t k = 0; k < set->n; k += CHUNK)
				put_elements(batch, set, k,
					     set->n - k < CHUNK ? set->n - k : CHUNK);
		}
		if (suppress_rules(suppress, put_rule, batch))
			batch->failed = true;
		last = batch->sequence - 1;
	}
	header = message(batch, 0, 0);
	if (header)
		message_end(batch, nftnl_batch_end((char *)header, batch->sequence++));
	return last;
}

/* collect() - the answers to a batch: the first refusal, or the acknowledgement of @last.
 * All of them are queued when the send returns, so there is nothing to wait for. */
static int collect(int fd, uint32_t last)
{
	char *buffer = malloc(RECEIVE_BYTES);
	bool done = false;
	int err = 0;

	if (!buffer)
		return -ENOMEM;
	for (;;) {
		ssize_t got = netlink_receive(fd, buffer, RECEIVE_BYTES, MSG_DONTWAIT);
		const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
		int left = (int)got;

		if (got < 0) {
			if (got != -EAGAIN && !err)
				err = (int)got;
			break;
		}
		for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
			const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);

			if (header->nlmsg_type != NLMSG_ERROR ||
			    mnl_nlmsg_get_payload_len(header) < sizeof(*answer))
				continue;
			if (answer->error && !err)
				err = answer->error;
			else if (!answer->error && header->nlmsg_seq == last)
				done = true;
		}
	}
	free(buffer);
	return err ? err : done ? 0 : -EPROTO;
}

int suppress_load(const struct suppress *suppress, struct kernel_error *error)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct batch batch = {.sequence = 1};
	uint32_t last = build_batch(&batch, suppress);
	int on = 1, room, fd, err = 0;

	if (batch.failed) {
		free(batch.bytes);
		return suppress_fail(error, -ENOMEM, "build");
	}
	fd = suppress_socket();
	if (fd < 0) {
		free(batch.bytes);
		return suppress_fail(error, fd, "reach");
	}
	/* Refusals would echo the message; with 10,000 elements that overruns the socket. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	room = (int)batch.used + SEND_MARGIN;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (sendto(fd, batch.bytes, batch.used, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		err = -errno;
	else
		err = collect(fd, last);
	close(fd);
	free(batch.bytes);
	return err ? suppress_fail(error, err, suppress->n ? "load" : "remove") : 0;
}
