/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/relaying_block.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/allowed.h"
#include "control/config/derive.h"
#include "control/tunnels.h"
#include "datapath/relay/handover.h"

bool relaying_block_needed(const struct config *config)
{
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].n_sni)
			return true;
	return tunnels_needed(config);
}

/* Whether everybody may use a service that has names, as it stands on the Internet. */
static bool is_open(const struct config *config)
{
	struct derived derived;
	bool open = false;

	if (config->access_policy != ACCESS_OPEN || derive(&derived, config))
		return false;
	for (size_t i = 0; i < config->n_services && !open; i++) {
		const struct snapshot_route *network =
			derived_connected(&derived, config->services[i].addr);

		open = config->services[i].n_sni && network &&
		       config->portgroups[network->port].realm == REALM_INTERNET;
	}
	derived_free(&derived);
	return open;
}

static void add_range(json_t *ranges, int64_t first, int64_t last)
{
	json_array_append_new(ranges, json_pack("[I, I]", (json_int_t)first, (json_int_t)last));
}

/*
 * Whose connections go on. The datapath has judged each packet, with the same list; but what it
 * ends when a network is taken off the list has to end here as well. Networks nest or are apart,
 * the wider first: those that are in none before are the ranges.
 */
static json_t *allow_ranges(const struct config *config)
{
	json_t *ranges = json_array();
	int64_t reached = -1;
	size_t n;
	struct allowed *list;

	if (is_open(config)) {
		add_range(ranges, 0, UINT32_MAX);
		return ranges;
	}
	list = allowed_networks(config, &n);
	for (size_t i = 0; i < n; i++) {
		struct prefix network = list[i].network;
		int64_t first = ntohl(network.addr);
		int64_t last = ntohl(network.addr | ~prefix_mask(network.len));

		if (last <= reached)
			continue;
		add_range(ranges, first, last);
		reached = last;
	}
	free(list);
	return ranges;
}

static const struct inside_socket *socket_of(const struct inside *inside,
					     const struct config_service *service)
{
	for (size_t i = 0; i < inside->n; i++)
		if (inside->list[i].fd >= 0 && inside->list[i].place.addr == service->addr &&
		    inside->list[i].place.port == service->port && service->protocol == IPPROTO_TCP)
			return &inside->list[i];
	return NULL;
}

static json_t *listeners(const struct inside *inside, int *fds, unsigned *n_fds)
{
	json_t *list = json_array();

	*n_fds = 0;
	for (size_t i = 0; i < inside->n && *n_fds < HANDOVER_FDS_MAX - 1; i++) {
		char key[INSIDE_KEY];

		if (inside->list[i].fd < 0)
			continue;
		inside_key(inside, &inside->list[i], key);
		fds[(*n_fds)++] = inside->list[i].fd;
		json_array_append_new(list, json_pack("{s:s, s:i}", "key", key, "fd", (int)*n_fds));
	}
	return list;
}

static json_t *backends(const struct config_service *service, const uint8_t *up)
{
	json_t *list = json_array();
	char addr[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < service->n_backends; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:b}", "address",
						      addr_text(service->backends[i].addr, addr),
						      "port", (int)service->backends[i].port, "up",
						      !up || up[i]));
	return list;
}

static json_t *service_item(const struct config_service *service, const char *key,
			    const uint8_t *up)
{
	json_t *names = json_array();
	char addr[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < service->n_sni; i++)
		json_array_append_new(names, json_string(service->sni[i]));
	return json_pack("{s:s, s:s, s:s, s:i, s:o, s:i, s:i, s:b, s:o}", "name", service->name,
			 "listener", key, "address", addr_text(service->addr, addr), "port",
			 (int)service->port, "sni", names, "balance", (int)service->balance, "dead",
			 (int)service->dead, "proxy", service->proxy, "backends",
			 backends(service, up));
}

static json_t *names_part(const struct config *config, const struct inside *inside,
			  const uint8_t *up)
{
	json_t *services = json_array();
	size_t backend = 0;

	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];
		const struct inside_socket *socket = socket_of(inside, service);
		char key[INSIDE_KEY];

		if (socket) {
			inside_key(inside, socket, key);
			json_array_append_new(services,
					      service_item(service, key, up ? up + backend : NULL));
		}
		backend += service->n_backends;
	}
	return json_pack("{s:I, s:o}", "idle-ms",
			 (json_int_t)config->timer_s[TIMER_TCP_IDLE] * 1000, "services", services);
}

json_t *relaying_block(const struct config *config, const struct inside *inside, const uint8_t *up,
		       uint64_t revision, int *fds, unsigned *n_fds)
{
	return json_pack("{s:I, s:o, s:o, s:o}", "revision", (json_int_t)revision, "allow",
			 allow_ranges(config), "listeners", listeners(inside, fds, n_fds), "names",
			 names_part(config, inside, up));
}
