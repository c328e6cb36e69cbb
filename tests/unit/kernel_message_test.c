/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages that program links, addresses and routes, read back with another library than
 * the one that wrote them. This is where VLAN links are tested on kernels that have none.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "control/netlink/klink.h"
#include "control/netlink/kroute.h"

#define ATTRS_MAX 64

struct attrs {
	const struct nlattr *of[ATTRS_MAX];
	size_t n;
};

static int collect(const struct nlattr *attr, void *arg)
{
	struct attrs *attrs = arg;

	assert_true(mnl_attr_get_type(attr) < ATTRS_MAX);
	attrs->of[mnl_attr_get_type(attr)] = attr;
	attrs->n++;
	return MNL_CB_OK;
}

static struct attrs parse(const struct nlmsghdr *header, unsigned int skip)
{
	struct attrs attrs = {0};

	assert_true(mnl_attr_parse(header, skip, collect, &attrs) >= 0);
	return attrs;
}

static struct attrs nested(const struct nlattr *attr)
{
	struct attrs attrs = {0};

	assert_non_null(attr);
	assert_true(mnl_attr_parse_nested(attr, collect, &attrs) >= 0);
	return attrs;
}

static uint32_t u32(const struct nlattr *attr)
{
	assert_non_null(attr);
	assert_true(mnl_attr_validate(attr, MNL_TYPE_U32) >= 0);
	return mnl_attr_get_u32(attr);
}

static uint16_t u16(const struct nlattr *attr)
{
	assert_non_null(attr);
	assert_true(mnl_attr_validate(attr, MNL_TYPE_U16) >= 0);
	return mnl_attr_get_u16(attr);
}

static void vlan_link(void **state)
{
	struct nl_msg *msg = klink_vlan_message("eth1.4094", 7, 4094);
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct attrs top, linkinfo, data;

	(void)state;
	assert_int_equal(header->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(header->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL | NLM_F_REPLACE),
			 NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(info->ifi_family, AF_UNSPEC);
	assert_int_equal(info->ifi_index, 0);
	top = parse(header, sizeof(*info));
	assert_string_equal(mnl_attr_get_str(top.of[IFLA_IFNAME]), "eth1.4094");
	assert_int_equal(u32(top.of[IFLA_LINK]), 7);
	assert_int_equal(u32(top.of[IFLA_GROUP]), KERNEL_PROTOCOL);
	linkinfo = nested(top.of[IFLA_LINKINFO]);
	assert_memory_equal(mnl_attr_get_payload(linkinfo.of[IFLA_INFO_KIND]), "vlan", 4);
	data = nested(linkinfo.of[IFLA_INFO_DATA]);
	assert_int_equal(u16(data.of[IFLA_VLAN_ID]), 4094);
	assert_int_equal(u16(data.of[IFLA_VLAN_PROTOCOL]), htons(ETH_P_8021Q));
	assert_int_equal(data.n, 2);
	nlmsg_free(msg);
}

static void vlan_alias(void **state)
{
	struct nl_msg *msg = klink_alias_message(9, KLINK_MARK "vrack");
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct attrs top = parse(header, sizeof(*info));

	(void)state;
	assert_int_equal(info->ifi_index, 9);
	assert_int_equal(info->ifi_change, 0);
	assert_string_equal(mnl_attr_get_str(top.of[IFLA_IFALIAS]), "pgw:vrack");
	nlmsg_free(msg);
}

static void vlan_names(void **state)
{
	char name[CONFIG_DEV];

	(void)state;
	klink_vlan_name(name, "eth1", 7, 5);
	assert_string_equal(name, "eth1.5");
	klink_vlan_name(name, "enp0s31f60", 7, 4094);
	assert_string_equal(name, "enp0s31f60.4094"); /* 15 characters */
	klink_vlan_name(name, "enp0s31f600", 7, 4094);
	assert_string_equal(name, "pgw7.4094");
	klink_vlan_name(name, "abcdefghijklmno", 9999999, 4094);
	assert_string_equal(name, "pgw9999999.4094");
}

static void vlan_ownership(void **state)
{
	struct klink link = {.vlan = 5};

	(void)state;
	assert_false(klink_is_ours(&link));
	link.group = KERNEL_PROTOCOL;
	assert_true(klink_is_ours(&link));
	link.vlan = 0; /* whatever a plain interface is called, we have not made it */
	assert_false(klink_is_ours(&link));
	link = (struct klink){.vlan = 5, .alias = "pgw:vrack"};
	assert_true(klink_is_ours(&link));
	memcpy(link.alias, "pgwx", 4);
	assert_false(klink_is_ours(&link));
}

static void vlan_links_are_found_by_parent_and_id(void **state)
{
	static const struct klink links[] = {
		{.ifindex = 2, .name = "eth1"},
		{.ifindex = 3, .name = "eth2"},
		{.ifindex = 4, .name = "eth2.5", .parent = 3, .vlan = 5},
		{.ifindex = 5, .name = "any", .parent = 2, .vlan = 5},
	};
	struct config_portgroup portgroup = {.dev = "eth1", .vlan = 5};

	(void)state;
	assert_int_equal(klink_of(links, 4, &portgroup)->ifindex, 5);
	portgroup.vlan = 0;
	assert_int_equal(klink_of(links, 4, &portgroup)->ifindex, 2);
	portgroup.vlan = 6;
	assert_null(klink_of(links, 4, &portgroup));
}

static void address(void **state)
{
	be32 addr = htonl(0xac100001);
	struct nl_msg *msg = kaddress_message(3, addr, 24, true);
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
	struct attrs top = parse(header, sizeof(*info));

	(void)state;
	assert_int_equal(header->nlmsg_type, RTM_NEWADDR);
	assert_int_equal(info->ifa_family, AF_INET);
	assert_int_equal(info->ifa_prefixlen, 24);
	assert_int_equal(info->ifa_index, 3);
	assert_int_equal(u32(top.of[IFA_LOCAL]), addr);
	assert_int_equal(mnl_attr_get_payload_len(top.of[11]), 1); /* IFA_PROTO */
	assert_int_equal(mnl_attr_get_u8(top.of[11]), KERNEL_PROTOCOL);
	nlmsg_free(msg);

	msg = kaddress_message(3, addr, 32, false);
	header = nlmsg_hdr(msg);
	info = mnl_nlmsg_get_payload(header);
	assert_int_equal(header->nlmsg_type, RTM_DELADDR);
	assert_int_equal(info->ifa_prefixlen, 32);
	nlmsg_free(msg);
}

static void route(void **state)
{
	struct prefix to = {htonl(0xc0a80000), 16};
	be32 via = htonl(0xac1000fe);
	struct nl_msg *msg = kroute_message(to, via, 3, true, NLM_F_CREATE | NLM_F_REPLACE);
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct rtmsg *info = mnl_nlmsg_get_payload(header);
	struct attrs top = parse(header, sizeof(*info));

	(void)state;
	assert_int_equal(header->nlmsg_type, RTM_NEWROUTE);
	assert_int_equal(header->nlmsg_flags & (NLM_F_EXCL | NLM_F_REPLACE), NLM_F_REPLACE);
	assert_int_equal(info->rtm_family, AF_INET);
	assert_int_equal(info->rtm_dst_len, 16);
	assert_int_equal(info->rtm_table, RT_TABLE_MAIN);
	assert_int_equal(info->rtm_protocol, KERNEL_PROTOCOL);
	assert_int_equal(info->rtm_scope, RT_SCOPE_UNIVERSE);
	assert_int_equal(info->rtm_type, RTN_UNICAST);
	assert_int_equal(u32(top.of[RTA_DST]), to.addr);
	assert_int_equal(u32(top.of[RTA_GATEWAY]), via);
	assert_int_equal(u32(top.of[RTA_OIF]), 3);
	nlmsg_free(msg);

	msg = kroute_message((struct prefix){0, 0}, via, 0, false, 0);
	header = nlmsg_hdr(msg);
	info = mnl_nlmsg_get_payload(header);
	top = parse(header, sizeof(*info));
	assert_int_equal(header->nlmsg_type, RTM_DELROUTE);
	assert_int_equal(info->rtm_dst_len, 0);
	assert_int_equal(info->rtm_protocol, KERNEL_PROTOCOL); /* never another's route */
	assert_null(top.of[RTA_OIF]);
	nlmsg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vlan_link),
		cmocka_unit_test(vlan_alias),
		cmocka_unit_test(vlan_names),
		cmocka_unit_test(vlan_ownership),
		cmocka_unit_test(vlan_links_are_found_by_parent_and_id),
		cmocka_unit_test(address),
		cmocka_unit_test(route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
