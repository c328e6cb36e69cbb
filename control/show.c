/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/show.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/config/kind.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/offload/offload.h"
#include "control/offloading.h"
#include "control/session.h"
#include "datapath/base/counters.h"
#include "datapath/flow/layout.h"

static json_t *text_of_addr(be32 addr)
{
	char text[ADDR_TEXT_BYTES];

	return json_string(addr_text(addr, text));
}

static json_t *text_of_prefix(struct prefix prefix)
{
	char text[PREFIX_TEXT_BYTES];

	return json_string(prefix_text(prefix, text));
}

static json_t *text_of_mac(struct mac mac)
{
	char text[MAC_TEXT_BYTES];

	return json_string(mac_text(mac, text));
}

/* The datapath's index of a configured portgroup. */
static unsigned index_of(const struct gateway *gateway, const char *portgroup)
{
	unsigned index = 0;

	while (index < CONFIG_PORTGROUPS_MAX &&
	       strcmp(gateway->names.portgroup[index], portgroup) != 0)
		index++;
	return index;
}

static int show_portgroups(struct gateway *gateway, json_t *items, struct ctl_error *error)
{
	for (size_t i = 0; i < gateway->config.n_portgroups; i++) {
		const struct config_portgroup *p = &gateway->config.portgroups[i];
		struct kernel_error why;
		struct kernel_link link;
		json_t *item;
		int code = kernel_portgroup(gateway->kernel, p, &link, &why);

		if (code)
			return fault(error, code, "%s: %s", p->name, why.text);
		item = json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:I, s:I}", "name", p->name, "dev",
				 p->dev, "vlan", (int)p->vlan, "realm", realm_name(p->realm),
				 "last-hop", (int)p->last_hop, "reverse-path", (int)p->reverse_path,
				 "ifindex", (json_int_t)link.ifindex, "mtu", (json_int_t)link.mtu);
		json_object_set_new(item, "mac",
				    link.ifindex ? text_of_mac(link.mac) : json_null());
		json_object_set_new(item, "offload", json_string(offload_mode_name(p->offload)));
		json_object_set_new(
			item, "offload-state",
			json_string(offloading_state(gateway, index_of(gateway, p->name))));
		json_object_set_new(item, "io", json_string(io_mode_name(p->io)));
		json_object_set_new(item, "io-state",
				    json_string(receiving_way_name(
					    receiving_way(gateway, index_of(gateway, p->name)))));
		json_object_set_new(item, "state",
				    json_string(!link.ifindex ? "absent"
						: link.up     ? "up"
							      : "down"));
		json_array_append_new(items, item);
	}
	return 0;
}

static bool has_address(const struct ifaddrs *list, const char *name, be32 addr)
{
	size_t length = strlen(name);

	for (; list; list = list->ifa_next) {
		struct sockaddr_in in;

		if (!list->ifa_addr || list->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&in, list->ifa_addr, sizeof(in));
		/* A label may follow the name after a colon. */
		if (in.sin_addr.s_addr == addr && !strncmp(list->ifa_name, name, length) &&
		    (!list->ifa_name[length] || list->ifa_name[length] == ':'))
			return true;
	}
	return false;
}

static void show_routes(const struct gateway *gateway, json_t *items)
{
	for (size_t i = 0; i < gateway->config.n_routes; i++) {
		const struct config_route *r = &gateway->config.routes[i];
		const struct config_address *network = kind_network(&gateway->config, r->via);

		json_array_append_new(items,
				      json_pack("{s:o, s:o, s:s?}", "to", text_of_prefix(r->to),
						"via", text_of_addr(r->via), "portgroup",
						network ? network->portgroup : NULL));
	}
}

static void show_pools(const struct gateway *gateway, json_t *items)
{
	for (size_t i = 0; i < gateway->config.n_pools; i++) {
		const struct config_pool *p = &gateway->config.pools[i];
		json_t *addresses = json_array(), *item;
		char ports[16];

		for (size_t j = 0; j < p->n_external; j++)
			json_array_append_new(addresses, text_of_addr(p->external[j]));
		snprintf(ports, sizeof(ports), "%u-%u", p->port_first, p->port_last);
		item = json_pack("{s:s, s:o, s:s, s:s, s:s}", "name", p->name,
				 "external-ip-address", addresses, "ports", ports, "mapping-type",
				 mapping_type_name(p->mapping), "filtering-type",
				 filtering_type_name(p->filtering));
		if (p->port_quota)
			json_object_set_new(item, "port-quota", json_integer(p->port_quota));
		json_array_append_new(items, item);
	}
}

/* Each value is one aligned word that the datapath writes: read once, never half. */
static uint64_t load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static json_t *count(const uint64_t *value)
{
	return json_integer((json_int_t)load(value));
}

/* total() - of all workers, @value being the first one's. */
static json_t *total(const struct counters_page *page, const uint64_t *value)
{
	return json_integer((json_int_t)counters_total(page, value));
}

/* What a rule has done: the datapath counts what has ended, @live is what has not. */
static void add_rule_figures(json_t *item, const struct rule_counters *ended,
			     const struct session_traffic *live)
{
	json_object_set_new(item, "flows", json_integer((json_int_t)live->flows));
	json_object_set_new(item, "flows-created", count(&ended->flows_created));
	json_object_set_new(item, "flows-refused", count(&ended->flows_refused));
	json_object_set_new(
		item, "packets",
		json_integer((json_int_t)load(&ended->packets) + (json_int_t)live->packets));
	json_object_set_new(
		item, "bytes",
		json_integer((json_int_t)load(&ended->bytes) + (json_int_t)live->bytes));
}

static int show_nats(const struct gateway *gateway, bool statistics, json_t *items,
		     struct ctl_error *error)
{
	const struct counters_page *page = gateway->counters.memory;
	struct session_traffic *live = NULL;
	int code = statistics ? session_rule_traffic(gateway, &live, error) : 0;

	if (code)
		return code;
	for (size_t i = 0; i < gateway->config.n_nats; i++) {
		const struct config_nat *n = &gateway->config.nats[i];
		json_t *item = json_pack("{s:i, s:o, s:o, s:s}", "number", (int)n->number, "from",
					 text_of_prefix(n->from), "to", text_of_prefix(n->to),
					 "protocol", protocol_name(n->protocol));

		if (n->pass)
			json_object_set_new(item, "nat-pass-through", json_true());
		else
			json_object_set_new(item, "pool", json_string(n->pool));
		if (live)
			add_rule_figures(item, &page->worker->rule[n->number], &live[n->number]);
		json_array_append_new(items, item);
	}
	free(live);
	return 0;
}

static void show_allows(const struct gateway *gateway, json_t *items)
{
	for (size_t i = 0; i < gateway->config.n_allows; i++) {
		const struct config_allow *a = &gateway->config.allows[i];

		json_array_append_new(items,
				      json_pack("{s:o, s:s}", "network", text_of_prefix(a->network),
						"description", a->description));
	}
}

/* As the kernel has it: an address is present on any interface with the MAC. */
static int show_vmacs(const struct gateway *gateway, json_t *items, struct ctl_error *error)
{
	struct ifaddrs *list;

	if (getifaddrs(&list))
		return fault(error, -errno, "cannot list the kernel's addresses: %s",
			     strerror(errno));
	for (size_t i = 0; i < gateway->config.n_vmacs; i++) {
		const struct config_vmac *v = &gateway->config.vmacs[i];
		char mac[MAC_TEXT_BYTES], addr[ADDR_TEXT_BYTES];
		const char *name = NULL;

		for (const struct ifaddrs *at = list; at && !name; at = at->ifa_next) {
			struct sockaddr_ll link;

			if (!at->ifa_addr || at->ifa_addr->sa_family != AF_PACKET)
				continue;
			memcpy(&link, at->ifa_addr, sizeof(link));
			if (link.sll_halen == sizeof(v->mac.b) &&
			    !memcmp(link.sll_addr, v->mac.b, sizeof(v->mac.b)))
				name = at->ifa_name;
		}
		json_array_append_new(
			items, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s}", "mac",
					 mac_text(v->mac, mac), "address", addr_text(v->addr, addr),
					 "portgroup", v->portgroup, "type", vmac_type_name(v->type),
					 "name", v->name, "interface", name, "state",
					 name && has_address(list, name, v->addr) ? "present"
										  : "missing"));
	}
	freeifaddrs(list);
	return 0;
}

int show_object(void *context, const char *object, bool statistics, struct request_result *result)
{
	struct gateway *gateway = context;
	json_t *items = json_array();
	int code = 0;

	if (!strcmp(object, "portgroup"))
		code = show_portgroups(gateway, items, &result->error);
	else if (!strcmp(object, "address"))
		code = show_addresses(gateway, items, &result->error);
	else if (!strcmp(object, "route"))
		show_routes(gateway, items);
	else if (!strcmp(object, "pool"))
		show_pools(gateway, items);
	else if (!strcmp(object, "nat"))
		code = show_nats(gateway, statistics, items, &result->error);
	else if (!strcmp(object, "service"))
		show_services(gateway, items);
	else if (!strcmp(object, "datacenter"))
		show_datacenters(&gateway->config, items);
	else if (!strcmp(object, "ntp"))
		show_ntps(gateway, items);
	else if (!strcmp(object, "relay"))
		show_connections(gateway, items);
	else if (!strcmp(object, "tunnel-gateway"))
		tunnels_show_gateways(gateway, items);
	else if (!strcmp(object, "tunnel-key"))
		tunnels_show_keys(&gateway->config, items);
	else if (!strcmp(object, "server"))
		show_servers(&gateway->config, items);
	else if (!strcmp(object, "api"))
		serving_show(gateway, items);
	else if (!strcmp(object, "vrack-block"))
		show_vrack_blocks(&gateway->config, items);
	else if (!strcmp(object, "vmac"))
		code = show_vmacs(gateway, items, &result->error);
	else
		show_allows(gateway, items);
	json_object_set_new(result->answer, "items", items);
	return code;
}

static const char *neighbour_state(uint16_t state)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} names[] = {
		{NUD_PERMANENT, "permanent"}, {NUD_REACHABLE, "reachable"},   {NUD_NOARP, "noarp"},
		{NUD_STALE, "stale"},	      {NUD_DELAY, "delay"},	      {NUD_PROBE, "probe"},
		{NUD_FAILED, "failed"},	      {NUD_INCOMPLETE, "incomplete"},
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (state & names[i].bit)
			return names[i].name;
	return "none";
}

static const char *portgroup_of_link(const struct gateway *gateway, uint32_t ifindex)
{
	for (unsigned i = 0; ifindex && i < CONFIG_PORTGROUPS_MAX; i++)
		if (gateway->ports[i].link.ifindex == ifindex)
			return gateway->names.portgroup[i];
	return NULL;
}

int show_neighbours(void *context, struct request_result *result)
{
	const uint16_t has_mac = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
	struct gateway *gateway = context;
	struct kernel_neighbour *list = NULL;
	json_t *items;
	size_t n = 0;
	int code = kernel_neighbours(gateway->kernel, &list, &n);

	if (code)
		return fault(&result->error, code, "cannot list the kernel's neighbours: %s",
			     strerror(-code));
	items = json_array();
	for (size_t i = 0; i < n; i++) {
		const char *portgroup = portgroup_of_link(gateway, list[i].ifindex);

		if (!portgroup)
			continue;
		json_array_append_new(
			items,
			json_pack("{s:o, s:s, s:o, s:s}", "address", text_of_addr(list[i].addr),
				  "portgroup", portgroup, "mac",
				  list[i].state & has_mac ? text_of_mac(list[i].mac) : json_null(),
				  "state", neighbour_state(list[i].state)));
	}
	free(list);
	json_object_set_new(result->answer, "items", items);
	return 0;
}

static json_t *sum(const struct counters_page *page, const uint64_t *value, uint64_t offloaded)
{
	return json_integer((json_int_t)counters_total(page, value) + (json_int_t)offloaded);
}

/* @o: what never came to the datapath; received and sent include it. */
static json_t *port_stats(const char *name, const struct counters_page *page,
			  const struct port_counters *p, const struct offload_counters *o)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "name", name,
			 "rcvd-packets", sum(page, &p->rcvd_packets, o->rcvd_packets), "rcvd-bytes",
			 sum(page, &p->rcvd_bytes, o->rcvd_bytes), "sent-packets",
			 sum(page, &p->sent_packets, o->sent_packets), "sent-bytes",
			 sum(page, &p->sent_bytes, o->sent_bytes), "offload-packets",
			 (json_int_t)o->rcvd_packets, "offload-bytes", (json_int_t)o->rcvd_bytes,
			 "dropped-packets", total(page, &p->dropped_packets), "dropped-bytes",
			 total(page, &p->dropped_bytes), "kernel-packets",
			 total(page, &p->kernel_packets), "ring-lost-packets",
			 total(page, &p->ring_lost_packets));
}

static json_t *drop_stats(const struct counters_page *page, bool all, json_int_t *packets_in_all)
{
	json_t *list = json_array();

	*packets_in_all = 0;
	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		json_t *packets = total(page, &page->worker->dropped[i]);

		*packets_in_all += json_integer_value(packets);
		if (!all && !json_integer_value(packets)) {
			json_decref(packets);
			continue;
		}
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:s}", "reason",
						drop_name((enum drop_reason)i), "packets", packets,
						"text", drop_text((enum drop_reason)i)));
	}
	return list;
}

/* pause_stats() - of those lengths that occurred, shortest first */
static json_t *pause_stats(const struct counters_page *page)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < COUNTERS_PAUSES; i++)
		if (counters_total(page, &page->worker->pauses[i]))
			json_array_append_new(
				list, json_pack("{s:I, s:o}", "from-ns",
						(json_int_t)1 << (COUNTERS_PAUSE_SHIFT + i),
						"count", total(page, &page->worker->pauses[i])));
	return list;
}

static json_t *gateway_stats(const struct gateway *gateway, const struct counters_page *page)
{
	const struct flow_header *header = gateway->table.memory;
	json_t *stats = json_pack("{s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "revision",
				  (json_int_t)gateway->revision, "uptime",
				  (json_int_t)((gateway_now_ms() - gateway->started_ms) / 1000),
				  "flows", total(page, &page->worker->flows), "flow-capacity",
				  (json_int_t)header->capacity, "flows-created",
				  total(page, &page->worker->flows_created), "flows-expired",
				  total(page, &page->worker->flows_expired), "flows-ended",
				  total(page, &page->worker->flows_ended), "mappings",
				  total(page, &page->worker->mappings), "mappings-created",
				  total(page, &page->worker->mappings_created));

	json_object_set_new(stats, "fragments-waiting",
			    total(page, &page->worker->fragments_waiting));
	json_object_set_new(stats, "neighbours-waiting", total(page, &page->worker->neigh_waiting));
	json_object_set_new(stats, "icmp-sent", total(page, &page->worker->icmp_sent));
	json_object_set_new(stats, "icmp-limited", total(page, &page->worker->icmp_limited));
	json_object_set_new(stats, "wakeups", total(page, &page->worker->wakeups));
	json_object_set_new(stats, "bursts", total(page, &page->worker->bursts));
	json_object_set_new(
		stats, "longest-pause-ns",
		json_integer((json_int_t)counters_most(page, &page->worker->longest_pause_ns)));
	json_object_set_new(stats, "pauses", pause_stats(page));
	json_object_set_new(stats, "log-written", total(page, &page->worker->log_written));
	json_object_set_new(stats, "log-lost", total(page, &page->worker->log_lost));
	json_object_set_new(stats, "log-pending",
			    json_integer((json_int_t)logger_pending(&gateway->log)));
	json_object_set_new(stats, "log-failed",
			    json_integer((json_int_t)logger_failed(&gateway->log)));
	if (gateway->log.process.pid)
		json_object_set_new(stats, "log-pid", json_integer(gateway->log.process.pid));
	json_object_set_new(stats, "datapath-pid", json_integer(gateway->datapath.pid));
	return stats;
}

/* worker_stats() - of those that count at present, each by itself. */
static json_t *worker_stats(const struct counters_page *page)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < counters_blocks(page) && i < page->workers; i++) {
		const struct worker_counters *w = &page->worker[i];
		uint64_t rcvd = 0, sent = 0, dropped = 0;

		for (unsigned port = 0; port < COUNTERS_PORTS; port++) {
			rcvd += load(&w->port[port].rcvd_packets);
			sent += load(&w->port[port].sent_packets);
		}
		for (unsigned reason = DROP_NONE + 1; reason < DROP_COUNT; reason++)
			dropped += load(&w->dropped[reason]);
		json_array_append_new(
			list, json_pack("{s:i, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "worker",
					(int)i, "rcvd-packets", (json_int_t)rcvd, "sent-packets",
					(json_int_t)sent, "dropped-packets", (json_int_t)dropped,
					"handed-over-packets", count(&w->handed_over),
					"flows-created", count(&w->flows_created), "wakeups",
					count(&w->wakeups), "bursts", count(&w->bursts),
					"longest-pause-ns", count(&w->longest_pause_ns)));
	}
	return list;
}

int show_stats(void *context, bool all, struct request_result *result)
{
	struct gateway *gateway = context;
	const struct counters_page *page = gateway->counters.memory;
	json_t *portgroups = json_array(), *drops, *stats, *pending;
	json_t *relay = show_relay_figures(gateway);
	json_int_t dropped;

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX && i < COUNTERS_PORTS; i++) {
		struct offload_counters offloaded;

		if (!*gateway->names.portgroup[i])
			continue;
		offload_count(gateway->offload, i, &offloaded);
		json_array_append_new(portgroups, port_stats(gateway->names.portgroup[i], page,
							     &page->worker->port[i], &offloaded));
	}
	drops = drop_stats(page, all, &dropped);
	stats = gateway_stats(gateway, page);
	json_object_set_new(stats, "workers", json_integer(gateway->datapath.workers));
	json_object_set_new(stats, "dropped-packets", json_integer(dropped));
	json_object_set_new(stats, "saved", json_boolean(history_saved(gateway, NULL)));
	if (*gateway->state_trouble)
		json_object_set_new(stats, "history-trouble", json_string(gateway->state_trouble));
	pending = history_pending_json(gateway);
	if (pending)
		json_object_set_new(stats, "pending", pending);
	json_object_set_new(result->answer, "portgroups", portgroups);
	json_object_set_new(result->answer, "drops", drops);
	json_object_set_new(result->answer, "workers", worker_stats(page));
	if (gateway->timeserver.pid)
		json_object_set_new(stats, "ntp-pid", json_integer(gateway->timeserver.pid));
	json_object_set_new(result->answer, "gateway", stats);
	if (relay)
		json_object_set_new(result->answer, "relay", relay);
	return 0;
}
