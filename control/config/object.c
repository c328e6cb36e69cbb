/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object - the keywords of each object. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "control/config/api.h"
#include "control/config/datacenter.h"
#include "control/config/statement.h"
#include "control/config/tunnel.h"
#include "control/config/vmac.h"

#define PORTGROUP(member)      offsetof(struct config_portgroup, member)
#define ADDRESS(member)	       offsetof(struct config_address, member)
#define ROUTE(member)	       offsetof(struct config_route, member)
#define POOL(member)	       offsetof(struct config_pool, member)
#define NAT(member)	       offsetof(struct config_nat, member)
#define SERVICE(member)	       offsetof(struct config_service, member)
#define VMAC(member)	       offsetof(struct config_vmac, member)
#define ALLOW(member)	       offsetof(struct config_allow, member)
#define DATACENTER(member)     offsetof(struct config_datacenter, member)
#define SERVER(member)	       offsetof(struct config_server, member)
#define BLOCK(member)	       offsetof(struct config_vrack_block, member)
#define API(member)	       offsetof(struct config_api, member)
#define NTP(member)	       offsetof(struct config_ntp, member)
#define TUNNEL_GATEWAY(member) offsetof(struct config_tunnel_gateway, member)
#define TUNNEL_KEY(member)     offsetof(struct config_tunnel_key, member)

static void portgroup_normal(void *item)
{
	struct config_portgroup *portgroup = item;

	portgroup->last_hop = true;
	portgroup->reverse_path = true;
	portgroup->offload = CONFIG_OFFLOAD_NORMAL;
}

/* Whose private gateway it is of need not be said again to remove it. */
static bool address_same(const void *found, const void *wanted)
{
	struct config_address asked = *(const struct config_address *)wanted;

	asked.datacenter = ((const struct config_address *)found)->datacenter;
	return kinds[KIND_ADDRESS].equal(found, &asked);
}

static bool route_same(const void *found, const void *wanted)
{
	const struct config_route *there = found, *asked = wanted;

	return asked->via == 0 || asked->via == there->via;
}

static void pool_normal(void *item)
{
	struct config_pool *pool = item;

	pool->port_first = 1024;
	pool->port_last = 65535;
	pool->mapping = MAPPING_EIM;
	pool->filtering = FILTERING_EDF;
}

static bool nat_pass(void *field, const char *text, struct reason *why)
{
	(void)text;
	(void)why;
	*(bool *)field = true;
	return true;
}

static void service_normal(void *item)
{
	struct config_service *service = item;

	service->check.interval_ms = CHECK_INTERVAL_MS;
	service->check.timeout_ms = CHECK_TIMEOUT_MS;
	service->check.rise = CHECK_RISE;
	service->check.fall = CHECK_FALL;
	strcpy(service->check.path, CHECK_PATH);
}

static const struct keyword no_keywords[] = {{0}};

static const struct keyword portgroup_add[] = {
	{"dev", "IFACE", argument_dev, PORTGROUP(dev), KEYWORD_REQUIRED},
	{"vlan", "ID", argument_vlan, PORTGROUP(vlan), 0},
	{"realm", "REALM", argument_realm, PORTGROUP(realm), KEYWORD_REQUIRED},
	{"last-hop", "on|off", argument_on_off, PORTGROUP(last_hop), 0},
	{"reverse-path", "on|off", argument_on_off, PORTGROUP(reverse_path), 0},
	{"offload", "auto|tc|xdp|off", argument_offload, PORTGROUP(offload), 0},
	{"io", "packet|xdp", argument_io, PORTGROUP(io), 0},
	{0},
};

static const struct keyword address_add[] = {
	{"portgroup", "NAME", argument_name, ADDRESS(portgroup), KEYWORD_REQUIRED},
	{"datacenter", "ID", argument_datacenter, ADDRESS(datacenter), 0},
	{0},
};

static const struct keyword address_del[] = {
	{"portgroup", "NAME", argument_name, ADDRESS(portgroup), KEYWORD_REQUIRED},
	{0},
};

static const struct keyword route_add[] = {
	{"via", "ADDRESS", argument_addr, ROUTE(via), KEYWORD_REQUIRED},
	{0},
};

static const struct keyword route_del[] = {
	{"via", "ADDRESS", argument_addr, ROUTE(via), 0},
	{0},
};

static const struct keyword pool_add[] = {
	{"external-ip-address", "ADDRESS[,ADDRESS...]", argument_external, 0, KEYWORD_REQUIRED},
	{"ports", "LO-HI", argument_ports, 0, 0},
	{"mapping-type", "eim|edm", argument_mapping, POOL(mapping), 0},
	{"filtering-type", "eif|adf|edf", argument_filtering, POOL(filtering), 0},
	{"port-quota", "N", argument_quota, POOL(port_quota), 0},
	{"address-allocation-type", "paired", argument_allocation, 0, 0},
	{0},
};

static const struct keyword nat_add[] = {
	{"from", "NETWORK", argument_prefix, NAT(from), KEYWORD_REQUIRED},
	{"to", "NETWORK", argument_prefix, NAT(to), KEYWORD_REQUIRED},
	{"protocol", "tcp|udp|icmp|any", argument_protocol, NAT(protocol), 0},
	{"pool", "NAME", argument_name, NAT(pool), KEYWORD_CHOICE},
	{"nat-pass-through", NULL, nat_pass, NAT(pass), KEYWORD_CHOICE},
	{0},
};

static const struct keyword service_add[] = {
	{"address", "ADDRESS", argument_addr, SERVICE(addr), KEYWORD_REQUIRED},
	{"protocol", "tcp|udp", argument_transport, SERVICE(protocol), KEYWORD_REQUIRED},
	{"port", "PORT", argument_port, SERVICE(port), KEYWORD_REQUIRED},
	{"backend", "ADDRESS:PORT", argument_backend, 0, KEYWORD_REQUIRED | KEYWORD_REPEATED},
	{"sni", "NAME[,NAME...]", argument_sni, 0, 0},
	{"proxy-protocol", "v2", argument_proxy, 0, 0},
	{"balance", "round-robin|least-connections|source-hash", argument_balance, SERVICE(balance),
	 0},
	{"check", "tcp|tls|http|icmp", argument_check, SERVICE(check.kind), 0},
	{"path", "/PATH", argument_path, SERVICE(check.path), 0},
	{"interval", "SECONDS", argument_interval, SERVICE(check.interval_ms), 0},
	{"timeout", "SECONDS", argument_timeout, SERVICE(check.timeout_ms), 0},
	{"rise", "N", argument_times, SERVICE(check.rise), 0},
	{"fall", "N", argument_times, SERVICE(check.fall), 0},
	{"dead", "keep|reset|move", argument_dead, SERVICE(dead), 0},
	{"down", "silence|reset|icmp", argument_down, SERVICE(down), 0},
	{"datacenter", "ID", argument_datacenter, SERVICE(datacenter), 0},
	{"internet-address", "ADDRESS", argument_addr, SERVICE(internet_address), 0},
	{"private-address", "ADDRESS", argument_addr, SERVICE(private_address), 0},
	{"host-name", "NAME[,NAME...]", argument_host_names, SERVICE(host_names), 0},
	{0},
};

static const struct keyword allow_add[] = {
	{"description", "TEXT", argument_description, ALLOW(description), 0},
	{0},
};

static const struct keyword ntp_add[] = {
	{"server", "SERVER", argument_server, 0, KEYWORD_REQUIRED | KEYWORD_REPEATED},
	{0},
};

static const struct keyword vmac_add[] = {
	{"address", "ADDRESS", argument_addr, VMAC(addr), KEYWORD_REQUIRED},
	{"portgroup", "NAME", argument_name, VMAC(portgroup), KEYWORD_REQUIRED},
	{"type", "vmware|ovh", argument_vmac_type, VMAC(type), KEYWORD_REQUIRED},
	{"name", "NAME", argument_name, VMAC(name), KEYWORD_REQUIRED},
	{0},
};

static const struct keyword vmac_del[] = {
	{"address", "ADDRESS", argument_addr, VMAC(addr), 0},
	{0},
};

static const struct keyword datacenter_add[] = {
	{"service-name", "NAME", argument_name, DATACENTER(service_name), KEYWORD_REQUIRED},
	{"name", "NAME", argument_name, DATACENTER(name), KEYWORD_REQUIRED},
	{"gateway", "ADDRESS", argument_addr, DATACENTER(gateway), 0},
	{"description", "TEXT", argument_description, DATACENTER(description), 0},
	{0},
};

static const struct keyword server_add[] = {
	{"portgroup", "NAME", argument_name, SERVER(portgroup), 0},
	{0},
};

static const struct keyword api_add[] = {
	{"scheme", "https|http", argument_scheme, API(tls), KEYWORD_REQUIRED},
	{"certificate", "FILE", argument_path, API(certificate), 0},
	{"key", "FILE", argument_path, API(key), 0},
	{"host-name", "NAME", argument_host, API(host_name), 0},
	{0},
};

static const struct keyword tunnel_gateway_add[] = {
	{"address", "HOST[:PORT]", argument_tunnel_address, 0, KEYWORD_REQUIRED},
	{"inside", "ADDRESS", argument_addr, TUNNEL_GATEWAY(inside), KEYWORD_REQUIRED},
	{"from", "NETWORK[,NETWORK...]", argument_tunnel_from, 0, KEYWORD_REQUIRED},
	{"listen", "ADDRESS[:PORT]", argument_tunnel_listen, 0, 0},
	{"balance", "round-robin|least-connections", argument_balance, TUNNEL_GATEWAY(balance), 0},
	{"certificate", "FILE", argument_tunnel_file, TUNNEL_GATEWAY(certificate), 0},
	{"key", "FILE", argument_tunnel_file, TUNNEL_GATEWAY(private_key), 0},
	{0},
};

static const struct keyword tunnel_key_add[] = {
	{"gateway", "NAME", argument_name, TUNNEL_KEY(gateway), KEYWORD_REQUIRED},
	{"key", "KEY", argument_tunnel_key, TUNNEL_KEY(key), KEYWORD_REQUIRED},
	{0},
};

/* key, its reader and field; defaults; what del must match; keywords of add and del */
const struct object objects[KIND_COUNT] = {
	[KIND_PORTGROUP] = {"NAME", argument_name, PORTGROUP(name), portgroup_normal, NULL,
			    portgroup_add, no_keywords, NULL, NULL, NULL},
	[KIND_ADDRESS] = {"ADDRESS/LENGTH", argument_interface, 0, NULL, address_same, address_add,
			  address_del, NULL, NULL, NULL},
	[KIND_ROUTE] = {"NETWORK", argument_destination, ROUTE(to), NULL, route_same, route_add,
			route_del, NULL, NULL, NULL},
	[KIND_POOL] = {"NAME", argument_name, POOL(name), pool_normal, NULL, pool_add, no_keywords,
		       NULL, NULL, NULL},
	[KIND_NAT] = {"NUMBER", argument_rule, NAT(number), NULL, NULL, nat_add, no_keywords, NULL,
		      NULL, NULL},
	[KIND_SERVICE] = {"NAME", argument_name, SERVICE(name), service_normal, NULL, service_add,
			  no_keywords, NULL, NULL, NULL},
	[KIND_ALLOW] = {"NETWORK", argument_prefix, ALLOW(network), NULL, NULL, allow_add,
			no_keywords, NULL, NULL, NULL},
	[KIND_VMAC] = {"MAC", argument_mac, VMAC(mac), NULL, vmac_same_mac, vmac_add, vmac_del,
		       vmac_choose, vmac_del_all, argument_new_mac},
	[KIND_DATACENTER] = {"ID", argument_datacenter, DATACENTER(id), NULL, NULL, datacenter_add,
			     no_keywords, NULL, NULL, NULL},
	[KIND_SERVER] = {"NAME", argument_name, SERVER(name), NULL, NULL, server_add, no_keywords,
			 NULL, NULL, NULL},
	[KIND_VRACK_BLOCK] = {"NETWORK", argument_prefix, BLOCK(network), NULL, NULL, no_keywords,
			      no_keywords, NULL, NULL, NULL},
	[KIND_API] = {"LISTENER", argument_listener, 0, NULL, NULL, api_add, no_keywords, NULL,
		      NULL, NULL},
	[KIND_NTP] = {"ADDRESS", argument_addr, NTP(addr), NULL, NULL, ntp_add, no_keywords, NULL,
		      NULL, NULL},
	[KIND_TUNNEL_GATEWAY] = {"NAME", argument_name, TUNNEL_GATEWAY(name), NULL, NULL,
				 tunnel_gateway_add, no_keywords, NULL, NULL, NULL},
	[KIND_TUNNEL_KEY] = {"NAME", argument_name, TUNNEL_KEY(name), NULL, NULL, tunnel_key_add,
			     no_keywords, NULL, NULL, NULL},
};
static_assert(sizeof(objects) / sizeof(objects[0]) == KIND_COUNT, "one per kind");
