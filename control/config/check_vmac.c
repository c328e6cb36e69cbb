/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual MACs. An address of one may be a service's or a pool's: these are then reached by that
 * MAC. It may not be an interface address, which the interface's own MAC speaks for. That no
 * interface has the MAC already shows only in the kernel, see netlink/plan_vmac.c.
 */
#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/kind.h"
#include "control/config/vmac.h"

#include <stdlib.h>
#include <string.h>

static bool is_interface_address(const struct config *config, be32 addr)
{
	const struct config_address wanted = {.addr = addr};

	return config->n_addresses && bsearch(&wanted, config->addresses, config->n_addresses,
					      sizeof(wanted), kinds[KIND_ADDRESS].compare);
}

static int check_address(const struct check *check, const struct config_vmac *vmac,
			 const struct config_portgroup *portgroup)
{
	const struct config *config = check->config;
	const struct snapshot_route *network = derived_connected(&check->derived, vmac->addr);
	char mac[MAC_TEXT_BYTES], other[MAC_TEXT_BYTES], addr[ADDR_TEXT_BYTES];
	char block[PREFIX_TEXT_BYTES];
	const char *edge;

	mac_text(vmac->mac, mac);
	addr_text(vmac->addr, addr);
	if (!network || network->port != portgroup - config->portgroups)
		return error_set(check->error, vmac->line, 0,
				 "vmac %s: %s is not in the network of any address statement of "
				 "portgroup \"%s\", expected an address there",
				 mac, addr, vmac->portgroup);
	for (size_t i = 0; i < config->n_vrack_blocks; i++)
		if (prefix_covers(config->vrack_blocks[i].network, vmac->addr))
			return error_set(check->error, vmac->line, 0,
					 "vmac %s: %s lies in block %s, which was moved into the "
					 "vRack, expected an address outside of it",
					 mac, addr,
					 prefix_text(config->vrack_blocks[i].network, block));
	edge = check_edge(network, vmac->addr);
	if (edge)
		return error_set(
			check->error, vmac->line, 0,
			"vmac %s: %s is the %s address of its network, expected one that a "
			"host may have",
			mac, addr, edge);
	if (is_interface_address(config, vmac->addr))
		return error_set(check->error, vmac->line, 0,
				 "vmac %s: %s is the address of an address statement, expected one "
				 "of its own or that of a service",
				 mac, addr);
	for (size_t i = 0; &config->vmacs[i] != vmac; i++)
		if (config->vmacs[i].addr == vmac->addr)
			return error_set(check->error, vmac->line, 0,
					 "vmac %s: %s has the virtual MAC %s already, expected "
					 "another address",
					 mac, addr, mac_text(config->vmacs[i].mac, other));
	return 0;
}

/* @first: of the same MAC */
static int check_vmac(const struct check *check, const struct config_vmac *vmac,
		      const struct config_vmac *first)
{
	const struct config_portgroup *portgroup = kind_portgroup(check->config, vmac->portgroup);
	char mac[MAC_TEXT_BYTES];

	mac_text(vmac->mac, mac);
	if (!portgroup)
		return error_set(check->error, vmac->line, 0,
				 "vmac %s: portgroup \"%s\" does not exist, expected one of a "
				 "portgroup statement",
				 mac, vmac->portgroup);
	if (!vmac_in_range(&vmac->mac, vmac->type))
		return error_set(check->error, vmac->line, 0, "vmac %s: for type %s expected %s",
				 mac, vmac_type_name(vmac->type), vmac_range(vmac->type));
	if (strcmp(vmac->portgroup, first->portgroup) != 0 || vmac->type != first->type)
		return error_set(check->error, vmac->line > first->line ? vmac->line : first->line,
				 0,
				 "vmac %s: its addresses differ in portgroup or type, expected "
				 "portgroup %s type %s",
				 mac, first->portgroup, vmac_type_name(first->type));
	return check_address(check, vmac, portgroup);
}

int check_vmacs(struct check *check)
{
	const struct config *config = check->config;
	unsigned macs = 0;

	for (size_t i = 0, next; i < config->n_vmacs; i = next, macs++) {
		next = vmac_next(config, i);
		if (macs == config->vmac_quota)
			return error_set(
				check->error, config->vmacs[i].line, 0,
				"too many virtual MACs: the quota is %u; \"set vmac-quota\" "
				"raises it up to %d",
				config->vmac_quota, CONFIG_VMACS_MAX);
		for (size_t j = i; j < next; j++) {
			int wrong = check_vmac(check, &config->vmacs[j], &config->vmacs[i]);

			if (wrong)
				return wrong;
		}
	}
	return 0;
}
