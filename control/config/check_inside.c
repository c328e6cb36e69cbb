/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_inside - services that are told apart by TLS names, and NTP. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/inside.h"

static unsigned later(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

int check_same_place(const struct check *check, const struct config_service *a,
		     const struct config_service *b)
{
	char buf[ADDR_TEXT_BYTES];

	if (!a->n_sni && !b->n_sni)
		return error_set(check->error, later(a->line, b->line), 0,
				 "services \"%s\" and \"%s\" are both at %s %s port %u, expected "
				 "different ones, or names to tell them apart by (sni)",
				 a->name, b->name, addr_text(a->addr, buf),
				 protocol_name(a->protocol), a->port);
	for (size_t i = 0, j = 0; i < a->n_sni && j < b->n_sni;) {
		int order = strcmp(a->sni[i], b->sni[j]);

		if (!order)
			return error_set(check->error, later(a->line, b->line), 0,
					 "services \"%s\" and \"%s\" both have the name %.120s at "
					 "%s port %u, expected it once",
					 a->name, b->name, a->sni[i], addr_text(a->addr, buf),
					 a->port);
		*(order < 0 ? &i : &j) += 1;
	}
	return 0;
}

static int check_names(const struct check *check, const struct config_service *service,
		       bool relayed)
{
	if (service->n_sni && service->protocol != IPPROTO_TCP)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": \"sni\" is for protocol tcp, expected that",
				 service->name);
	if (service->proxy && !relayed)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": \"proxy-protocol\" is for services with names, "
				 "expected \"sni\" beside it",
				 service->name);
	if (relayed && service->down != DOWN_SILENCE)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": \"down\" does nothing where names tell services "
				 "apart (a client gets an alert), expected none",
				 service->name);
	return 0;
}

static int check_ntps(const struct check *check)
{
	const struct config *config = check->config;
	char buf[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < config->n_ntps; i++) {
		const struct config_ntp *ntp = &config->ntps[i];

		if (!derived_own(&check->derived, ntp->addr))
			return error_set(check->error, ntp->line, 0,
					 "ntp: %s is no address of the gateway, expected that of "
					 "an address statement or of a service",
					 addr_text(ntp->addr, buf));
		for (size_t s = 0; s < config->n_services; s++)
			if (config->services[s].addr == ntp->addr &&
			    config->services[s].protocol == IPPROTO_UDP &&
			    config->services[s].port == INSIDE_NTP_PORT)
				return error_set(check->error,
						 later(ntp->line, config->services[s].line), 0,
						 "ntp: service \"%s\" is at %s udp port %u, "
						 "expected one of both",
						 config->services[s].name,
						 addr_text(ntp->addr, buf), INSIDE_NTP_PORT);
	}
	return 0;
}

/* What the gateway takes for itself must not be somebody else's. */
static int check_network(const struct check *check)
{
	const struct config *config = check->config;
	struct prefix own;
	char buf[ADDR_TEXT_BYTES];

	if (config->n_portgroups == CONFIG_PORTGROUPS_MAX)
		return error_set(check->error, 0, 0,
				 "sni and ntp need a portgroup of the gateway's own: expected at "
				 "most %d others",
				 CONFIG_PORTGROUPS_MAX - 1);
	prefix_parse(INSIDE_NETWORK_TEXT, &own);
	for (size_t i = 0; i < config->n_portgroups; i++)
		if (!strcmp(config->portgroups[i].name, INSIDE_PORTGROUP) ||
		    !strcmp(config->portgroups[i].dev, INSIDE_DEV) ||
		    !strcmp(config->portgroups[i].dev, INSIDE_DEV_HOST))
			return error_set(check->error, config->portgroups[i].line, 0,
					 "portgroup \"%s\": name and dev are the gateway's own "
					 "where there is sni or ntp, expected others",
					 config->portgroups[i].name);
	for (size_t i = 0; i < config->n_addresses; i++) {
		const struct config_address *address = &config->addresses[i];
		struct prefix prefix = {address->addr & prefix_mask(address->prefix_len),
					address->prefix_len};

		if (prefix_covers(prefix, own.addr) || prefix_covers(own, address->addr))
			return error_set(check->error, address->line, 0,
					 "address %s/%u: " INSIDE_NETWORK_TEXT
					 " is the gateway's own where there is sni or ntp, "
					 "expected another network",
					 addr_text(address->addr, buf), address->prefix_len);
	}
	return 0;
}

int check_inside(const struct check *check, const struct inside_place *places, size_t n)
{
	size_t names = 0;
	int wrong = 0;

	for (size_t i = 0; i < n; i++)
		names += places[i].protocol == IPPROTO_TCP;
	if (names > CONFIG_SNI_PLACES_MAX)
		return error_set(check->error, 0, 0,
				 "names tell services apart at %zu addresses and ports, expected "
				 "at most %d",
				 names, CONFIG_SNI_PLACES_MAX);
	for (size_t i = 0; i < check->config->n_services && !wrong; i++)
		wrong = check_names(check, &check->config->services[i],
				    inside_relayed(&check->config->services[i], places, n));
	if (!wrong)
		wrong = check_ntps(check);
	return !wrong && n ? check_network(check) : wrong;
}
