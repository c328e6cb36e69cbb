/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offloading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/keeper.h"
#include "control/offload/offload.h"
#include "control/paging.h"
#include "datapath/base/counters.h"
#include "datapath/flow/table.h"

static_assert(CONFIG_PORTGROUPS_MAX == OFFLOAD_PORTS && COUNTERS_PORTS >= OFFLOAD_PORTS,
	      "the same indexes");

/* Says why there is none, once: nothing is tried again before the next start. */
static void refuse(struct gateway *gateway, const char *why)
{
	if (!gateway->offload_refused)
		ctl_log(TOLD_OFFLOAD, LOG_WARNING,
			"offload: %s; the gateway forwards every packet itself until it is started "
			"again",
			why);
	gateway->offload_refused = true;
}

static bool wants(struct gateway *gateway, const struct config *config)
{
	bool wanted = false;

	for (size_t i = 0; i < config->n_portgroups; i++)
		wanted |= config->portgroups[i].offload != OFFLOAD_OFF;
	if (wanted && !offload_built())
		refuse(gateway, "this pgwd was built without it (clang, bpftool and libbpf-dev "
				"were not there)");
	return wanted && !gateway->offload_refused;
}

int offloading_table(struct gateway *gateway, const struct config *config, struct region *table,
		     struct ctl_error *error)
{
	if (wants(gateway, config)) {
		if (!region_table_map(table, config->flow_capacity, error))
			return 0;
		refuse(gateway, error->text);
	}
	paging_want(gateway, flow_table_bytes(config->flow_capacity));
	return region_table(table, config->flow_capacity, error);
}

bool offloading_convert(struct gateway *gateway, const struct config *config)
{
	struct ctl_error error;
	struct region map;

	if (gateway->table.fd < 0 || gateway->table.map || !wants(gateway, config))
		return false;
	/* a map is made first: if it cannot be had, nothing is ended */
	if (region_table_map(&map, 64, &error)) {
		refuse(gateway, error.text);
		return false;
	}
	region_drop(&map);
	datapath_quit(&gateway->datapath);
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		gateway->ports[i].told = false;
	if (region_copy_map(&map, &gateway->table, &error)) {
		refuse(gateway, error.text);
		return true;
	}
	region_drop(&gateway->table);
	gateway->table = map;
	keeper_put(KEEPER_TABLE, map.fd);
	ctl_log(TOLD_OFFLOAD, LOG_INFO, "the flow table is a BPF map now");
	return true;
}

/* The links of the portgroups, in the order of the configuration. Return: how many. */
static size_t read_links(struct gateway *gateway, const struct config *config,
			 struct kernel_link links[CONFIG_PORTGROUPS_MAX],
			 uint32_t ifindexes[CONFIG_PORTGROUPS_MAX])
{
	for (size_t i = 0; i < config->n_portgroups; i++) {
		struct kernel_error why;

		if (kernel_portgroup(gateway->kernel, &config->portgroups[i], &links[i], &why))
			memset(&links[i], 0, sizeof(links[i]));
		ifindexes[i] = links[i].ifindex;
	}
	return config->n_portgroups;
}

void offloading_adopt(struct gateway *gateway, const struct config *config)
{
	uint32_t ifindexes[CONFIG_PORTGROUPS_MAX], ifindex_of[OFFLOAD_PORTS];
	struct kernel_link links[CONFIG_PORTGROUPS_MAX];
	size_t n = read_links(gateway, config, links, ifindexes);
	struct ctl_error error;
	int fd;

	if (offload_find(ifindexes, n, &fd, ifindex_of))
		return;
	if (region_adopt(&gateway->table, fd, "flow table", flow_table_bytes(FLOW_CAPACITY_MAX),
			 &error)) {
		close(fd);
		return;
	}
	if (flow_table_check(gateway->table.memory, gateway->table.bytes)) {
		region_drop(&gateway->table);
		return;
	}
	/* flows name portgroups by index; those of portgroups that are gone are swept */
	for (unsigned index = 0; index < OFFLOAD_PORTS; index++)
		for (size_t i = 0; i < n; i++)
			if (ifindexes[i] && ifindexes[i] == ifindex_of[index])
				snprintf(gateway->names.portgroup[index], CONFIG_NAME, "%s",
					 config->portgroups[i].name);
	ctl_log(TOLD_TABLE, LOG_NOTICE,
		"took the flow table back from the tc program that still forwards");
}

static bool open_program(struct gateway *gateway, const uint32_t *ifindexes, size_t n)
{
	struct offload_error error;

	if (!gateway->table.map)
		return false;
	if (!offload_open(&gateway->offload, gateway->table.fd, ifindexes, n,
			  gateway->receiving.receiver, &error))
		return true;
	refuse(gateway, error.text);
	return false;
}

/* A failure of portgroup @index is said once. */
static void say(struct gateway *gateway, const struct config_portgroup *portgroup, unsigned index,
		const char *what, const struct offload_error *error)
{
	uint32_t bit = 1u << index;
	bool asked = portgroup->offload == OFFLOAD_TC || portgroup->offload == OFFLOAD_XDP;

	if (!(gateway->offload_said & bit))
		ctl_log(TOLD_OFFLOAD, asked ? LOG_WARNING : LOG_NOTICE, "portgroup %s: %s: %s",
			portgroup->name, what, error->text);
	gateway->offload_said |= bit;
}

/* XDP may not see the tag of a frame that belongs to a VLAN link on the same interface. */
static const struct config_portgroup *vlan_beside(const struct config *config,
						  const struct config_portgroup *portgroup)
{
	for (size_t i = 0; i < config->n_portgroups; i++)
		if (config->portgroups[i].vlan && !portgroup->vlan &&
		    !strcmp(config->portgroups[i].dev, portgroup->dev))
			return &config->portgroups[i];
	return NULL;
}

/* Return: whether all is as wanted: the XDP program is there, or not to be there. */
static bool attach_xdp(struct gateway *gateway, const struct config *config,
		       const struct config_portgroup *portgroup, unsigned index,
		       const struct kernel_link *link)
{
	const struct config_portgroup *vlan = vlan_beside(config, portgroup);
	struct offload_error error;

	if (portgroup->offload == OFFLOAD_XDP && vlan) {
		snprintf(error.text, sizeof(error.text),
			 "portgroup %s is a VLAN of the same interface, whose frames XDP cannot "
			 "tell from others",
			 vlan->name);
	} else if (!vlan &&
		   (portgroup->offload == OFFLOAD_XDP ||
		    (portgroup->offload == OFFLOAD_AUTO && offload_xdp_chosen(link->ifindex)))) {
		if (!offload_attach_xdp(gateway->offload, index, &error))
			return true;
	} else {
		offload_detach_xdp(gateway->offload, index);
		return true;
	}
	offload_detach_xdp(gateway->offload, index);
	say(gateway, portgroup, index, "no XDP program, a tc program alone", &error);
	return false;
}

/* Whether flows that arrive there are forwarded by the kernel. Where packets come by AF_XDP that is
 * by XDP or not at all: the tc program would see none of them. */
static bool wants_program(const struct config_portgroup *portgroup, const struct kernel_link *link)
{
	if (portgroup->offload == OFFLOAD_OFF || !link->ifindex)
		return false;
	return portgroup->io != IO_XDP || portgroup->offload == OFFLOAD_XDP ||
	       offload_xdp_chosen(link->ifindex);
}

static void attach(struct gateway *gateway, const struct config *config,
		   const struct config_portgroup *portgroup, unsigned index,
		   const struct kernel_link *link)
{
	enum offload_state before = offload_state(gateway->offload, index), now;
	struct offload_error error;
	const char *lost = offload_lost(gateway->offload, index);
	bool stays = gateway->ports[index].link.ifindex == link->ifindex;
	char what[KERNEL_CHANGE_BYTES];

	if (!wants_program(portgroup, link)) {
		offload_detach(gateway->offload, index);
		gateway->offload_said &= ~(1u << index);
		return;
	}
	snprintf(what, sizeof(what), "%s attached to %s", lost ? lost : "program", link->name);
	if (lost && stays && !reconcile_may(gateway, what))
		return;
	if (offload_attach(gateway->offload, index, link->ifindex, &error)) {
		say(gateway, portgroup, index, "no offload", &error);
		return;
	}
	if (attach_xdp(gateway, config, portgroup, index, link))
		gateway->offload_said &= ~(1u << index);
	offload_port(gateway->offload, index, link);
	now = offload_state(gateway->offload, index);
	if (lost && stays && !offload_lost(gateway->offload, index))
		reconcile_mended(gateway, what);
	if (now != before)
		ctl_log(TOLD_OFFLOAD, LOG_INFO,
			"portgroup %s: established flows are forwarded by %s", portgroup->name,
			now == OFFLOAD_STATE_XDP ? "an XDP program" : "a tc program");
}

void offloading_follow(struct gateway *gateway, const struct config *config,
		       const struct places *places)
{
	static const struct kernel_link absent;
	uint32_t ifindexes[CONFIG_PORTGROUPS_MAX], configured = 0;
	struct kernel_link links[CONFIG_PORTGROUPS_MAX];
	size_t n = read_links(gateway, config, links, ifindexes);

	if (!gateway->offload &&
	    (!wants(gateway, config) || !open_program(gateway, ifindexes, n))) {
		if (!gateway->offload_cleaned)
			offload_remove(ifindexes, n);
		gateway->offload_cleaned = true;
		return;
	}
	offload_settings(gateway->offload, config->timer_s, config->mss_clamp);
	for (size_t i = 0; i < n; i++) {
		offload_port(gateway->offload, places->portgroup[i], &links[i]);
		configured |= 1u << places->portgroup[i];
	}
	for (size_t i = 0; i < n; i++)
		attach(gateway, config, &config->portgroups[i], places->portgroup[i], &links[i]);
	for (unsigned i = 0; i < OFFLOAD_PORTS; i++) {
		if (configured & 1u << i)
			continue;
		offload_detach(gateway->offload, i);
		offload_port(gateway->offload, i, &absent);
	}
}

void offloading_links(struct gateway *gateway)
{
	uint32_t ifindexes[CONFIG_PORTGROUPS_MAX];
	struct kernel_link links[CONFIG_PORTGROUPS_MAX];
	struct places places;
	struct ctl_error error;
	size_t n;

	if (!gateway->offload || names_place(&gateway->names, &gateway->forwarded, &places, &error))
		return;
	n = read_links(gateway, &gateway->forwarded, links, ifindexes);
	for (size_t i = 0; i < n; i++)
		offload_port(gateway->offload, places.portgroup[i], &links[i]);
}

/* What the program has counted goes with it: added to the datapath's, so that the totals of a
 * portgroup go on. The datapath, which counts there otherwise, has ended. */
static void keep_counts(struct gateway *gateway)
{
	struct counters_page *page = MAP_FAILED;

	if (gateway->counters.fd >= 0)
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED,
			    gateway->counters.fd, 0);
	if (page == MAP_FAILED)
		return;
	for (unsigned i = 0; i < OFFLOAD_PORTS; i++) {
		struct port_counters *port = &page->worker[0].port[i];
		struct offload_counters program;

		offload_count(gateway->offload, i, &program);
		port->rcvd_packets += program.rcvd_packets;
		port->rcvd_bytes += program.rcvd_bytes;
		port->sent_packets += program.sent_packets;
		port->sent_bytes += program.sent_bytes;
	}
	munmap(page, sizeof(*page));
}

void offloading_end(struct gateway *gateway)
{
	for (unsigned i = 0; gateway->offload && i < OFFLOAD_PORTS; i++)
		offload_detach(gateway->offload, i);
	if (gateway->offload)
		keep_counts(gateway);
	offload_close(gateway->offload);
	gateway->offload = NULL;
}

const char *offloading_state(const struct gateway *gateway, unsigned index)
{
	static const char *const names[] = {
		[OFFLOAD_STATE_OFF] = "off",
		[OFFLOAD_STATE_TC] = "tc",
		[OFFLOAD_STATE_XDP] = "xdp",
	};

	return names[offload_state(gateway->offload, index)];
}
