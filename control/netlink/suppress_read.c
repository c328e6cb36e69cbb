/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading back what is loaded. Each call has a socket of its own, so a call that fails leaves no
 * answer behind for the next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "control/netlink/suppress.h"

#define RECEIVE_BYTES (64 * 1024)

int suppress_fail(struct kernel_error *error, int code, const char *what)
{
	const char *hint = "";

	if (code == -EPERM)
		hint = ": the capability CAP_NET_ADMIN is missing: start as root";
	else if (code == -EOPNOTSUPP || code == -EPROTONOSUPPORT)
		hint = ": this kernel has no nf_tables: load the module nf_tables";
	return kernel_fail(error, code, "cannot %s the nft table ip " SUPPRESS_TABLE ": %s%s", what,
			   strerror(-code), hint);
}

int suppress_socket(void)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* ask() - send one request and hand each answer to @each */
static int ask(int fd, const struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	char *buffer;
	int more = MNL_CB_OK, err = 0;

	if (sendto(fd, request, request->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	buffer = malloc(RECEIVE_BYTES);
	if (!buffer)
		return -ENOMEM;
	while (more > MNL_CB_STOP && !err) {
		ssize_t got = netlink_receive(fd, buffer, RECEIVE_BYTES, 0);

		if (got < 0) {
			err = (int)got;
			break;
		}
		more = mnl_cb_run(buffer, (size_t)got, request->nlmsg_seq, 0, each, arg);
		if (more < 0)
			err = -errno;
	}
	free(buffer);
	return err;
}

struct reader {
	struct suppress *suppress;
	struct suppress_set *set;	    /* whose elements are being read */
	bool foreign;			    /* something in our table is not as we make it */
	char (*rules)[SUPPRESS_RULE_BYTES]; /* as they should be */
	size_t n_rules, at;		    /* the next to be met */
};

/* on_flags() - one that is dormant holds nothing back */
static int on_flags(const struct nlattr *attr, void *arg)
{
	struct reader *reader = arg;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS &&
	    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0 && mnl_attr_get_u32(attr))
		reader->foreign = true;
	return MNL_CB_OK;
}

static int on_table(const struct nlmsghdr *header, void *arg)
{
	return mnl_attr_parse(header, sizeof(struct nfgenmsg), on_flags, arg);
}

static int on_set(const struct nlmsghdr *header, void *arg)
{
	struct reader *reader = arg;
	struct nftnl_set *nft = nftnl_set_alloc();
	const char *table, *name;

	if (!nft) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	if (nftnl_set_nlmsg_parse(header, nft) == 0) {
		table = nftnl_set_get_str(nft, NFTNL_SET_TABLE);
		name = nftnl_set_get_str(nft, NFTNL_SET_NAME);
		if (table && name && !strcmp(table, SUPPRESS_TABLE) &&
		    (nftnl_set_get_u32(nft, NFTNL_SET_FLAGS) ||
		     !suppress_add_set(reader->suppress, name)))
			reader->foreign = true;
	}
	nftnl_set_free(nft);
	return MNL_CB_OK;
}

static int on_elements(const struct nlmsghdr *header, void *arg)
{
	struct reader *reader = arg;
	struct nftnl_set *nft = nftnl_set_alloc();
	struct nftnl_set_elems_iter *iter = NULL;
	struct nftnl_set_elem *element;
	int err = 0;

	if (!nft || nftnl_set_elems_nlmsg_parse(header, nft) < 0)
		goto fail;
	iter = nftnl_set_elems_iter_create(nft);
	if (!iter)
		goto fail;
	while (!err && (element = nftnl_set_elems_iter_next(iter))) {
		uint32_t bytes = 0;
		const void *key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &bytes);

		if (key && bytes == reader->set->key_bytes)
			err = suppress_add_key(reader->set, key, bytes);
		else
			reader->foreign = true;
	}
	nftnl_set_elems_iter_destroy(iter);
	nftnl_set_free(nft);
	if (!err)
		return MNL_CB_OK;
	errno = -err;
	return MNL_CB_ERROR;
fail:
	if (nft) /* which libnftnl does not ask */
		nftnl_set_free(nft);
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static bool is_our_chain(const struct nftnl_chain *chain)
{
	const char *name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
	const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

	return name && type && !strcmp(name, SUPPRESS_CHAIN) &&
	       !strcmp(type, SUPPRESS_CHAIN_TYPE) &&
	       nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) == NF_INET_PRE_ROUTING &&
	       nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO) == SUPPRESS_PRIORITY &&
	       nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_ACCEPT;
}

/* on_chain() - of any table */
static int on_chain(const struct nlmsghdr *header, void *arg)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct reader *reader = arg;
	const char *table;

	if (!chain) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	if (nftnl_chain_nlmsg_parse(header, chain) == 0) {
		table = nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE);
		if (table && !strcmp(table, SUPPRESS_TABLE) && !is_our_chain(chain))
			reader->foreign = true;
	}
	nftnl_chain_free(chain);
	return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *header, void *arg)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct reader *reader = arg;
	char text[SUPPRESS_RULE_BYTES];

	if (!rule || nftnl_rule_nlmsg_parse(header, rule)) {
		if (rule)
			nftnl_rule_free(rule);
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	reader->suppress->rules++;
	if (reader->at == reader->n_rules || suppress_rule_text(rule, text) ||
	    strcmp(text, reader->rules[reader->at++]) != 0)
		reader->foreign = true;
	nftnl_rule_free(rule);
	return MNL_CB_OK;
}

/* expect_rule() - of suppress_rules() */
static int expect_rule(void *context, struct nftnl_rule *rule)
{
	struct reader *reader = context;
	char(*grown)[SUPPRESS_RULE_BYTES] =
		netlink_grow(reader->rules, reader->n_rules, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	reader->rules = grown;
	return suppress_rule_text(rule, grown[reader->n_rules++]);
}

/* read_rules() - and the chains; the sets have been read */
static int read_rules(int fd, struct reader *reader, uint32_t sequence)
{
	char request[MNL_NLMSG_HDRLEN + 512] __attribute__((aligned(MNL_ALIGNTO)));
	struct nlmsghdr *header;
	int err = suppress_rules(reader->suppress, expect_rule, reader);

	if (err)
		return err;
	header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETCHAIN, NFPROTO_IPV4, NLM_F_DUMP,
				       sequence++);
	err = ask(fd, header, on_chain, reader);
	if (err)
		return err;
	header =
		nftnl_nlmsg_build_hdr(request, NFT_MSG_GETRULE, NFPROTO_IPV4, NLM_F_DUMP, sequence);
	mnl_attr_put_strz(header, NFTA_RULE_TABLE, SUPPRESS_TABLE);
	mnl_attr_put_strz(header, NFTA_RULE_CHAIN, SUPPRESS_CHAIN);
	err = ask(fd, header, on_rule, reader);
	return err == -ENOENT ? 0 : err; /* the chain has been taken away */
}

static int read_table(int fd, struct reader *reader)
{
	char request[MNL_NLMSG_HDRLEN + 512] __attribute__((aligned(MNL_ALIGNTO)));
	struct nlmsghdr *header;
	uint32_t sequence = 1;
	int err;

	header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETTABLE, NFPROTO_IPV4, NLM_F_ACK,
				       sequence++);
	mnl_attr_put_strz(header, NFTA_TABLE_NAME, SUPPRESS_TABLE);
	err = ask(fd, header, on_table, reader);
	if (err)
		return err == -ENOENT ? 0 : err;
	header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETSET, NFPROTO_IPV4, NLM_F_DUMP,
				       sequence++);
	mnl_attr_put_strz(header, NFTA_SET_TABLE, SUPPRESS_TABLE);
	err = ask(fd, header, on_set, reader);
	if (!reader->suppress->n) /* a table, but not as we make it */
		reader->foreign = true;
	for (size_t i = 0; i < reader->suppress->n && !err; i++) {
		reader->set = &reader->suppress->sets[i];
		header = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETSETELEM, NFPROTO_IPV4,
					       NLM_F_DUMP, sequence++);
		mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, SUPPRESS_TABLE);
		mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, reader->set->name);
		err = ask(fd, header, on_elements, reader);
	}
	if (err)
		return err;
	suppress_sort(reader->suppress);
	return read_rules(fd, reader, sequence);
}

int suppress_read(struct suppress *suppress, struct kernel_error *error)
{
	struct reader reader = {.suppress = suppress};
	int fd = suppress_socket(), err;

	*suppress = (struct suppress){0};
	if (fd < 0)
		return suppress_fail(error, fd, "reach");
	err = read_table(fd, &reader);
	close(fd);
	free(reader.rules);
	if (err) {
		suppress_free(suppress);
		return suppress_fail(error, err, "read");
	}
	if (reader.foreign)
		suppress->rules = SIZE_MAX; /* equal to nothing that we build */
	return 0;
}
