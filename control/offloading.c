/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offloading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/keeper.h"
#include "control/offload/offload.h"
#include "datapath/flow/table.h"

static_assert(CONFIG_PORTGROUPS_MAX == OFFLOAD_PORTS, "the same indexes");

/* Says why there is none, once: nothing is tried again before the next start. */
static void refuse(struct gateway *gateway, const char *why)
{
	if (!gateway->offload_refused)
		ctl_log(LOG_WARNING,
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
	ctl_log(LOG_INFO, "the flow table is a BPF map now");
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
	ctl_log(LOG_NOTICE, "took the flow table back from the tc program that still forwards");
}

static bool open_program(struct gateway *gateway, const uint32_t *ifindexes, size_t n)
{
	struct offload_error error;

	if (!gateway->table.map)
		return false;
	if (!offload_open(&gateway->offload, gateway->table.fd, ifindexes, n, &error))
		return true;
	refuse(gateway, error.text);
	return false;
}

static void attach(struct gateway *gateway, const struct config_portgroup *portgroup,
		   unsigned index, const struct kernel_link *link)
{
	uint32_t bit = 1u << index;
	struct offload_error error;
	bool before = offload_attached(gateway->offload, index);

	if (portgroup->offload == OFFLOAD_OFF || !link->ifindex) {
		offload_detach(gateway->offload, index);
		gateway->offload_said &= ~bit;
		return;
	}
	if (!offload_attach(gateway->offload, index, link->ifindex, &error)) {
		if (!before)
			ctl_log(LOG_INFO,
				"portgroup %s: established flows are forwarded by a tc program",
				portgroup->name);
		gateway->offload_said &= ~bit;
		return;
	}
	if (!(gateway->offload_said & bit))
		ctl_log(portgroup->offload == OFFLOAD_TC ? LOG_WARNING : LOG_NOTICE,
			"portgroup %s: no offload: %s", portgroup->name, error.text);
	gateway->offload_said |= bit;
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
	offload_timers(gateway->offload, config->timer_s[TIMER_TCP_IDLE],
		       config->timer_s[TIMER_UDP]);
	for (size_t i = 0; i < n; i++) {
		offload_port(gateway->offload, places->portgroup[i], &links[i]);
		configured |= 1u << places->portgroup[i];
	}
	for (size_t i = 0; i < n; i++)
		attach(gateway, &config->portgroups[i], places->portgroup[i], &links[i]);
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

	if (!gateway->offload || names_place(&gateway->names, &gateway->config, &places, &error))
		return;
	n = read_links(gateway, &gateway->config, links, ifindexes);
	for (size_t i = 0; i < n; i++)
		offload_port(gateway->offload, places.portgroup[i], &links[i]);
}

void offloading_end(struct gateway *gateway)
{
	for (unsigned i = 0; gateway->offload && i < OFFLOAD_PORTS; i++)
		offload_detach(gateway->offload, i);
	offload_close(gateway->offload);
	gateway->offload = NULL;
}

const char *offloading_state(const struct gateway *gateway, unsigned index)
{
	return offload_attached(gateway->offload, index) ? "tc" : "off";
}
