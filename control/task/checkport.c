/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/checkport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/derive.h"
#include "control/config/kind.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/netlink/pair.h"
#include "control/task/change.h"
#include "control/task/connect.h"

#define SOURCES_TRIED 256u	  /* of each network */
#define ANYBODY	      0xc6120001u /* 198.18.0.1: of the benchmarking network (RFC 2544) */

struct checkport {
	struct connect *connect; /* NULL: there is nothing to ask, and .text says why */
	char text[128];
	be32 source;
};

int checkport_add(struct gateway *gateway, struct config *wanted, bool private,
		  struct ctl_error *error)
{
	const struct config_portgroup *there = kind_portgroup(wanted, CHECKPORT_NAME);
	struct kernel_error why;
	int code;

	if (there && strcmp(there->dev, CHECKPORT_DEV) != 0)
		return fault(error, -EEXIST,
			     "portgroup \"" CHECKPORT_NAME "\" has the name that a check needs: "
			     "rename it");
	if (!if_nametoindex(CHECKPORT_DEV) || !if_nametoindex(CHECKPORT_PEER)) {
		code = pair_add(gateway->kernel, CHECKPORT_DEV, CHECKPORT_PEER, &why);
		if (code)
			return fault(error, code, "%s", why.text);
	}
	if (there)
		return 0;
	/* The client's address may be one that belongs elsewhere, so its way back is not judged. */
	return change_statement(wanted, error,
				"portgroup add " CHECKPORT_NAME " dev " CHECKPORT_DEV
				" realm %s reverse-path off offload off",
				realm_name(private ? REALM_PRIVATE : REALM_INTERNET));
}

int checkport_del(struct config *wanted, struct ctl_error *error)
{
	const struct config_portgroup *there = kind_portgroup(wanted, CHECKPORT_NAME);

	if (!there || strcmp(there->dev, CHECKPORT_DEV) != 0)
		return 0;
	return change_statement(wanted, error, "portgroup del " CHECKPORT_NAME);
}

void checkport_remove(struct gateway *gateway)
{
	int code;

	/* What an interrupted task has left is that task's, as long as the portgroup is there. */
	if (kind_portgroup(&gateway->config, CHECKPORT_NAME))
		return;
	code = pair_del(gateway->kernel, CHECKPORT_DEV);
	if (code)
		ctl_log(TOLD_TASK, LOG_WARNING, "cannot remove %s: %s", CHECKPORT_DEV,
			strerror(-code));
}

/* An address of @network that no host is known to be excluded from: not the gateway's, no edge. */
static bool free_host(const struct derived *derived, struct prefix network, be32 *source)
{
	uint32_t last = ntohl(network.addr | ~prefix_mask(network.len));
	uint32_t first = ntohl(network.addr), tried = 0;

	/* From the end: what is assigned begins at the other one. */
	for (uint32_t at = last; tried < SOURCES_TRIED; at--, tried++) {
		be32 addr = htonl(at);
		const struct snapshot_route *route = derived_route(derived, addr);
		uint32_t host = route && !route->via && route->prefix_len <= 30
					? at & (UINT32_MAX >> route->prefix_len)
					: 1;
		bool edge = route && !route->via && route->prefix_len <= 30 &&
			    (host == 0 || host == UINT32_MAX >> route->prefix_len);

		if (!edge && !derived_own(derived, addr) && at >> 24 && at >> 24 != 127 &&
		    at >> 24 < 224) {
			*source = addr;
			return true;
		}
		if (at == first)
			break;
	}
	return false;
}

bool checkport_source(const struct config *config, const struct gateway_place *place, be32 *source)
{
	struct derived derived;
	bool found = false;

	if (derive(&derived, config))
		return false;
	if (place) {
		be32 mask = prefix_mask(place->prefix_len);

		found = free_host(&derived, (struct prefix){place->addr & mask, place->prefix_len},
				  source);
	} else if (config->access_policy == ACCESS_OPEN) {
		*source = htonl(ANYBODY);
		found = true;
	}
	for (size_t i = 0; i < config->n_allows && !found; i++)
		found = free_host(&derived, config->allows[i].network, source);
	derived_free(&derived);
	return found;
}

/* Behind names, a client has to say one: the first, or one that the pattern covers. */
static struct connect_target target_of(const struct config_service *service)
{
	struct connect_target target = {.addr = service->addr, .port = service->port};
	const char *name = service->n_sni ? service->sni[0] : "";
	bool any = *name == '*';

	snprintf(target.name, sizeof(target.name), "%s%.*s", any ? "check" : "", CONFIG_SNI - 6,
		 any ? name + 1 : name);
	return target;
}

static unsigned find_targets(const struct config *config, uint32_t datacenter,
			     struct connect_target *targets)
{
	unsigned n = 0;

	for (size_t i = 0; i < config->n_services && n < CONNECT_TARGETS_MAX; i++) {
		const struct config_service *service = &config->services[i];

		if (service->datacenter == datacenter && service->protocol == IPPROTO_TCP)
			targets[n++] = target_of(service);
	}
	return n;
}

int checkport_open(struct checkport **out, const struct gateway *gateway, uint32_t datacenter,
		   const struct gateway_place *place, int64_t now_ms, struct ctl_error *error)
{
	struct checkport *checkport = calloc(1, sizeof(*checkport));
	struct connect_target targets[CONNECT_TARGETS_MAX];
	unsigned n = find_targets(&gateway->config, datacenter, targets);
	uint32_t ifindex;
	struct mac mac;
	int code = 0;

	*out = NULL;
	if (!checkport)
		return fault(error, -ENOMEM, "out of memory");
	if (!n) {
		snprintf(checkport->text, sizeof(checkport->text), "no TCP service to ask");
	} else if (!checkport_source(&gateway->config, place, &checkport->source)) {
		snprintf(checkport->text, sizeof(checkport->text), "nobody may ask");
	} else {
		code = pair_end(CHECKPORT_DEV, &ifindex, &mac);
		if (code)
			fault(error, code, "%s: %s", CHECKPORT_DEV, strerror(-code));
		else
			code = connect_open(&checkport->connect, CHECKPORT_PEER, mac,
					    checkport->source, targets, n, now_ms, error);
	}
	if (code)
		checkport_close(checkport);
	else
		*out = checkport;
	return code;
}

int checkport_work(struct checkport *checkport, int64_t now_ms, char *text, size_t bytes,
		   struct ctl_error *error)
{
	struct connect_target which;
	char target[ADDR_TEXT_BYTES], source[ADDR_TEXT_BYTES];
	int code;

	if (!checkport->connect) {
		snprintf(text, bytes, "%s", checkport->text);
		return 0;
	}
	code = connect_work(checkport->connect, now_ms, &which, error);
	if (!code)
		snprintf(text, bytes, "%s:%u answers a connection from %s%s%.100s",
			 addr_text(which.addr, target), which.port,
			 addr_text(checkport->source, source), *which.name ? " for " : "",
			 which.name);
	return code;
}

void checkport_close(struct checkport *checkport)
{
	if (!checkport)
		return;
	connect_close(checkport->connect);
	free(checkport);
}
