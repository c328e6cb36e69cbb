/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/names.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "control/fault.h"

#define NAME_NONE SIZE_MAX

static size_t find(const char (*list)[CONFIG_NAME], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return i;
	return NAME_NONE;
}

static size_t find_or_add(char (*list)[CONFIG_NAME], size_t n, const char *name)
{
	size_t i = find((const char(*)[CONFIG_NAME])list, n, name);

	if (i == NAME_NONE) {
		i = find((const char(*)[CONFIG_NAME])list, n, "");
		if (i != NAME_NONE)
			memcpy(list[i], name, strlen(name) + 1);
	}
	return i;
}

void names_read(struct names *names, const struct snapshot *snapshot)
{
	memset(names, 0, sizeof(*names));
	for (uint32_t i = 0; i < snapshot->n_ports; i++) {
		const struct snapshot_port *port = &snapshot->ports[i];

		if (port->index < CONFIG_PORTGROUPS_MAX)
			memcpy(names->portgroup[port->index], port->name, CONFIG_NAME - 1);
	}
	for (uint32_t i = 0; i < snapshot->n_pools; i++) {
		const struct snapshot_pool *pool = &snapshot->pools[i];

		if (pool->index < NAMES_POOLS_MAX)
			memcpy(names->pool[pool->index], pool->name, CONFIG_NAME - 1);
	}
	for (uint32_t i = 0; i < snapshot->n_vmacs; i++) {
		const struct snapshot_vmac *vmac = &snapshot->vmacs[i];

		if (vmac->index >= 1 && vmac->index <= NAMES_VMACS_MAX)
			mac_text(vmac->mac, names->vmac[vmac->index - 1]);
	}
}

int names_place(struct names *names, const struct config *config, struct places *places,
		struct ctl_error *error)
{
	for (size_t i = 0; i < config->n_portgroups; i++) {
		size_t at = find_or_add(names->portgroup, CONFIG_PORTGROUPS_MAX,
					config->portgroups[i].name);

		if (at == NAME_NONE)
			return fault(error, -ENOSPC,
				     "no place for portgroup %s beside the %u that run: remove "
				     "the old ones first, then add the new ones in a second change",
				     config->portgroups[i].name, CONFIG_PORTGROUPS_MAX);
		places->portgroup[i] = (uint8_t)at;
	}
	for (size_t i = 0; i < config->n_pools; i++) {
		size_t at = find_or_add(names->pool, NAMES_POOLS_MAX, config->pools[i].name);

		if (at == NAME_NONE)
			return fault(error, -ENOSPC,
				     "no place for pool %s: at most %u are possible",
				     config->pools[i].name, CONFIG_POOLS_MAX);
		places->pool[i] = (uint16_t)at;
	}
	for (size_t i = 0; i < config->n_vmacs; i++) {
		char mac[MAC_TEXT_BYTES];
		size_t at = find_or_add(names->vmac, NAMES_VMACS_MAX,
					mac_text(config->vmacs[i].mac, mac));

		if (at == NAME_NONE)
			return fault(error, -ENOSPC,
				     "no place for virtual MAC %s: at most %d are possible", mac,
				     CONFIG_VMACS_MAX);
		places->vmac[i] = (uint8_t)(at + 1);
	}
	return 0;
}

static bool has_portgroup(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_portgroups; i++)
		if (!strcmp(config->portgroups[i].name, name))
			return true;
	return false;
}

static bool has_pool(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_pools; i++)
		if (!strcmp(config->pools[i].name, name))
			return true;
	return false;
}

static bool has_vmac(const struct config *config, const char *name)
{
	char mac[MAC_TEXT_BYTES];

	for (size_t i = 0; i < config->n_vmacs; i++)
		if (!strcmp(mac_text(config->vmacs[i].mac, mac), name))
			return true;
	return false;
}

void names_keep(struct names *names, const struct config *config)
{
	for (size_t i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (!has_portgroup(config, names->portgroup[i]))
			names->portgroup[i][0] = '\0';
	for (size_t i = 0; i < NAMES_POOLS_MAX; i++)
		if (!has_pool(config, names->pool[i]))
			names->pool[i][0] = '\0';
	for (size_t i = 0; i < NAMES_VMACS_MAX; i++)
		if (!has_vmac(config, names->vmac[i]))
			names->vmac[i][0] = '\0';
}
