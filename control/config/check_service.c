/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_service - services and their backends.
 *
 * A service address belongs to a client realm, private or internet. In realm vsphere it would
 * publish vSphere to itself: hosts there reach a service by its client-side address, which the
 * gateway turns around (hairpin), and an address in their own network would survive the switch of
 * access from one realm to the other unnoticed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/kind.h"

/* Destinations that some nat rule covers: disjoint, sorted, host order. */
struct coverage {
	struct {
		uint32_t first, last;
	} * ranges;
	size_t n;
};

static int compare_coverage(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b; /* first is the first member */

	return (*x > *y) - (*x < *y);
}

static int cover(struct coverage *coverage, const struct config *config, uint8_t protocol)
{
	size_t n = 0, kept = 0;

	coverage->ranges = calloc(config->n_nats + 1, sizeof(*coverage->ranges));
	if (!coverage->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_nats; i++) {
		const struct config_nat *nat = &config->nats[i];

		if (nat->protocol && nat->protocol != protocol)
			continue;
		coverage->ranges[n].first = ntohl(nat->to.addr);
		coverage->ranges[n++].last = ntohl(nat->to.addr | ~prefix_mask(nat->to.len));
	}
	if (n)
		qsort(coverage->ranges, n, sizeof(*coverage->ranges), compare_coverage);
	/* Prefixes nest or are apart: what begins inside the one before also ends there. */
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || coverage->ranges[i].first > coverage->ranges[kept - 1].last)
			coverage->ranges[kept++] = coverage->ranges[i];
		else if (coverage->ranges[i].last > coverage->ranges[kept - 1].last)
			coverage->ranges[kept - 1].last = coverage->ranges[i].last;
	coverage->n = kept;
	return 0;
}

static bool covered(const struct coverage *coverage, be32 addr)
{
	uint32_t wanted = ntohl(addr);
	size_t low = 0, high = coverage->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (wanted < coverage->ranges[middle].first)
			high = middle;
		else if (wanted > coverage->ranges[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static int check_place(const struct check *check, const struct config_service *service)
{
	const struct snapshot_route *network = derived_connected(&check->derived, service->addr);
	const char *edge = network ? check_edge(network, service->addr) : NULL;
	char buf[ADDR_TEXT_BYTES];

	addr_text(service->addr, buf);
	if (!network)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": %s is not in the network of any address "
				 "statement, expected an address of a portgroup",
				 service->name, buf);
	if (edge)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": %s is the %s address of its network, expected "
				 "that of a host",
				 service->name, buf, edge);
	if (check->config->portgroups[network->port].realm == REALM_VSPHERE)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": %s is on portgroup \"%s\" of realm vsphere, "
				 "expected an address in realm private or internet",
				 service->name, buf, check->config->portgroups[network->port].name);
	return 0;
}

/* Say which rule is missing: with a number that is free and a network that fits. */
static int no_rule(const struct check *check, const struct config_service *service,
		   const struct config_backend *backend, const struct snapshot_route *route)
{
	const struct config *config = check->config;
	unsigned last = config->n_nats ? config->nats[config->n_nats - 1].number : 0;
	unsigned number = last <= 65525 ? last + 10 - last % 10 : 65535;
	struct prefix to = {backend->addr, 32};
	char addr[ADDR_TEXT_BYTES], network[PREFIX_TEXT_BYTES];

	if (route->via == 0)
		to = (struct prefix){route->addr, route->prefix_len};
	return error_set(check->error, service->line, 0,
			 "service \"%s\": no nat rule covers backend %s:%u, expected for example "
			 "\"nat add %u from any to %s pool %s\"",
			 service->name, addr_text(backend->addr, addr), backend->port, number,
			 prefix_text(to, network),
			 config->n_pools ? config->pools[0].name : "NAME");
}

static int check_backend(const struct check *check, const struct config_service *service,
			 const struct config_backend *backend, const struct coverage *coverage)
{
	const struct snapshot_route *route = derived_route(&check->derived, backend->addr);
	const char *edge = route && route->via == 0 ? check_edge(route, backend->addr) : NULL;
	char buf[ADDR_TEXT_BYTES];

	if (!route)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": no network or route leads to backend %s, "
				 "expected an address or a route statement for it",
				 service->name, addr_text(backend->addr, buf));
	if (derived_own(&check->derived, backend->addr))
		return error_set(check->error, service->line, 0,
				 "service \"%s\": backend %s is the gateway's own address, "
				 "expected that of a server",
				 service->name, addr_text(backend->addr, buf));
	if (edge)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": backend %s is the %s address of its network, "
				 "expected that of a server",
				 service->name, addr_text(backend->addr, buf), edge);
	/* pgw-relay connects from an address of the gateway's own, without a rule. */
	if (coverage && !covered(coverage, backend->addr))
		return no_rule(check, service, backend, route);
	return 0;
}

/* The first option that says something about checks, NULL if there is none. */
static const char *option_of_checks(const struct config_service *service)
{
	const struct config_check *check = &service->check;

	if (check->interval_ms != CHECK_INTERVAL_MS)
		return "interval";
	if (check->timeout_ms != CHECK_TIMEOUT_MS)
		return "timeout";
	if (check->rise != CHECK_RISE)
		return "rise";
	if (check->fall != CHECK_FALL)
		return "fall";
	if (strcmp(check->path, CHECK_PATH) != 0)
		return "path";
	if (service->dead != DEAD_KEEP)
		return "dead";
	return service->down != DOWN_SILENCE ? "down" : NULL;
}

/* Without a check no backend is ever down: whoever says what shall happen then forgot it. */
static int check_options(const struct check *check, const struct config_service *service)
{
	const char *option = option_of_checks(service);

	if (service->check.kind == CHECK_NONE && option)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": \"%s\" does nothing without a check, expected "
				 "\"check tcp\", tls, http or icmp beside it",
				 service->name, option);
	if (service->check.kind != CHECK_HTTP && strcmp(service->check.path, CHECK_PATH) != 0)
		return error_set(check->error, service->line, 0,
				 "service \"%s\": \"path\" is for \"check http\", expected that "
				 "or no path",
				 service->name);
	return 0;
}

static int check_each(const struct check *check, const struct coverage *tcp,
		      const struct coverage *udp, const struct inside_place *places,
		      size_t n_places)
{
	for (size_t i = 0; i < check->config->n_services; i++) {
		const struct config_service *service = &check->config->services[i];
		const struct coverage *coverage = service->protocol == IPPROTO_TCP ? tcp : udp;
		int wrong = check_place(check, service);

		if (!wrong)
			wrong = check_options(check, service);
		for (size_t j = 0; !wrong && j < service->n_backends; j++)
			wrong = check_backend(check, service, &service->backends[j],
					      inside_relayed(service, places, n_places) ? NULL
											: coverage);
		if (wrong)
			return wrong;
	}
	return 0;
}

static int check_backends(const struct check *check)
{
	struct coverage tcp = {0}, udp = {0};
	struct inside_place *places = NULL;
	size_t n_places = 0;
	int result;

	if (cover(&tcp, check->config, IPPROTO_TCP) || cover(&udp, check->config, IPPROTO_UDP) ||
	    inside_places(check->config, &places, &n_places))
		result = error_memory(check->error);
	else
		result = check_each(check, &tcp, &udp, places, n_places);
	if (!result)
		result = check_inside(check, places, n_places);
	free(places);
	free(tcp.ranges);
	free(udp.ranges);
	return result;
}

static int compare_places(const void *a, const void *b)
{
	const struct config_service *x = *(const struct config_service *const *)a;
	const struct config_service *y = *(const struct config_service *const *)b;

	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	return x->protocol != y->protocol ? x->protocol - y->protocol : x->port - y->port;
}

static int check_duplicates(const struct check *check)
{
	const struct config_service **sorted;
	size_t n = check->config->n_services;
	int result = 0;

	if (n == 0)
		return 0;
	sorted = calloc(n, sizeof(*sorted));
	if (!sorted)
		return error_memory(check->error);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &check->config->services[i];
	qsort(sorted, n, sizeof(*sorted), compare_places);
	for (size_t i = 1; i < n && !result; i++) {
		/* Against each of the same place: where names tell them apart there are few. */
		for (size_t j = i; j > 0 && !result; j--) {
			if (compare_places(&sorted[j - 1], &sorted[i]) != 0)
				break;
			result = check_same_place(check, sorted[j - 1], sorted[i]);
		}
	}
	free(sorted);
	return result;
}

/* The last range that begins at or before @port of @addr, or NULL. Ranges do not overlap. */
static const struct check_range *range_before(const struct check_range *ranges, size_t n,
					      uint32_t addr, uint16_t port)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct check_range *range = &ranges[middle];

		if (range->addr < addr || (range->addr == addr && range->first <= port))
			low = middle + 1;
		else
			high = middle;
	}
	return low && ranges[low - 1].addr == addr ? &ranges[low - 1] : NULL;
}

/* A pool must never hand out the port at which a service listens. */
static int check_collisions(const struct check *check)
{
	struct check_range *ranges;
	size_t n;
	int result = 0;

	if (check_ranges(check->config, &ranges, &n))
		return error_memory(check->error);
	for (size_t i = 0; i < check->config->n_services && !result; i++) {
		const struct config_service *service = &check->config->services[i];
		const struct check_range *range =
			range_before(ranges, n, ntohl(service->addr), service->port);
		char buf[ADDR_TEXT_BYTES];

		if (range && range->last >= service->port)
			result = error_set(check->error, service->line, 0,
					   "service \"%s\": port %u of %s belongs to pool \"%s\" "
					   "(ports %u-%u), expected a port outside or another pool "
					   "range",
					   service->name, service->port,
					   addr_text(service->addr, buf), range->pool->name,
					   range->first, range->last);
	}
	free(ranges);
	return result;
}

int check_services(struct check *check)
{
	int wrong = check_duplicates(check);

	if (!wrong)
		wrong = check_collisions(check);
	return wrong ? wrong : check_backends(check);
}
