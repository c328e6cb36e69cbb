/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_datacenter - datacenters, their private gateways and their services; servers.
 *
 * What datacenter.h says of where services stand is held here, so that no file and no command can
 * make a gateway half enabled.
 */
#include <string.h>

#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/kind.h"

static enum realm realm_at(const struct check *check, const struct snapshot_route *network)
{
	return network ? check->config->portgroups[network->port].realm : REALM_COUNT;
}

static int check_gateway(const struct check *check, const struct config_datacenter *datacenter)
{
	const struct config *config = check->config;
	const struct config_address *address = kind_address(config, datacenter->gateway);
	const struct config_portgroup *portgroup =
		address ? kind_portgroup(config, address->portgroup) : NULL;
	char text[ADDR_TEXT_BYTES];

	addr_text(datacenter->gateway, text);
	if (!portgroup || portgroup->realm != REALM_PRIVATE)
		return error_set(check->error, datacenter->line, 0,
				 "datacenter %u: gateway %s is %s, expected the address of an "
				 "address statement in realm private",
				 datacenter->id, text,
				 portgroup ? "in another realm" : "of no address statement");
	for (const struct config_datacenter *other = config->datacenters; other != datacenter;
	     other++)
		if (other->gateway == datacenter->gateway)
			return error_set(check->error, datacenter->line, 0,
					 "datacenter %u: gateway %s is that of datacenter %u "
					 "already, expected another",
					 datacenter->id, text, other->id);
	return 0;
}

/* Where it goes when the gateway is disabled must be there, or disabling would fail. */
static int check_way_back(const struct check *check, const struct config_service *service)
{
	const struct snapshot_route *network =
		derived_connected(&check->derived, service->internet_address);
	char text[ADDR_TEXT_BYTES];

	if (realm_at(check, network) == REALM_INTERNET &&
	    !check_edge(network, service->internet_address))
		return 0;
	return error_set(check->error, service->line, 0,
			 "service \"%s\": internet-address %s is not that of a host in a network "
			 "of realm internet",
			 service->name, addr_text(service->internet_address, text));
}

static int check_service(const struct check *check, const struct config_service *service)
{
	const struct config_datacenter *datacenter =
		kind_datacenter(check->config, service->datacenter);
	enum realm realm = realm_at(check, derived_connected(&check->derived, service->addr));
	enum realm expected;
	char text[ADDR_TEXT_BYTES];

	if (!service->datacenter) {
		if (service->internet_address || service->private_address)
			return error_set(check->error, service->line, 0,
					 "service \"%s\": \"%s\" does nothing without a "
					 "datacenter, expected \"datacenter ID\" beside it",
					 service->name,
					 service->internet_address ? "internet-address"
								   : "private-address");
		return 0;
	}
	if (!datacenter)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": datacenter %u does not exist, expected one of a "
				 "datacenter statement",
				 service->name, service->datacenter);
	expected = datacenter->gateway ? REALM_PRIVATE : REALM_INTERNET;
	if (realm != expected)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": the private gateway of datacenter %u is %s, so "
				 "%s must be in realm %s",
				 service->name, datacenter->id,
				 datacenter->gateway ? "enabled" : "disabled",
				 addr_text(service->addr, text), realm_name(expected));
	if (!service->internet_address)
		return 0;
	if (!datacenter->gateway)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": \"internet-address\" is for an enabled gateway, "
				 "that of datacenter %u is disabled: \"address\" is the one",
				 service->name, datacenter->id);
	return check_way_back(check, service);
}

static int check_servers(const struct check *check)
{
	for (size_t i = 0; i < check->config->n_servers; i++) {
		const struct config_server *server = &check->config->servers[i];

		if (*server->portgroup && !kind_portgroup(check->config, server->portgroup))
			return error_set(check->error, server->line, 0,
					 "server \"%s\": portgroup \"%s\" does not exist, expected "
					 "one of a portgroup statement",
					 server->name, server->portgroup);
	}
	return 0;
}

static int check_address(const struct check *check, const struct config_address *address)
{
	char text[ADDR_TEXT_BYTES];

	if (!address->datacenter || kind_datacenter(check->config, address->datacenter))
		return 0;
	return error_set(check->error, address->line, 0,
			 "address %s/%u: datacenter %u does not exist, expected one of a "
			 "datacenter statement",
			 addr_text(address->addr, text), address->prefix_len, address->datacenter);
}

int check_datacenters(struct check *check)
{
	const struct config *config = check->config;
	int wrong = 0;

	for (size_t i = 0; i < config->n_datacenters && !wrong; i++)
		if (config->datacenters[i].gateway)
			wrong = check_gateway(check, &config->datacenters[i]);
	for (size_t i = 0; i < config->n_addresses && !wrong; i++)
		wrong = check_address(check, &config->addresses[i]);
	for (size_t i = 0; i < config->n_services && !wrong; i++)
		wrong = check_service(check, &config->services[i]);
	return wrong ? wrong : check_servers(check);
}
