/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"

static int compare_places(const void *a, const void *b)
{
	const struct inside_place *x = a, *y = b;

	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	return x->protocol != y->protocol ? x->protocol - y->protocol : x->port - y->port;
}

int inside_places(const struct config *config, struct inside_place **list, size_t *n)
{
	size_t kept = 0;

	*n = 0;
	*list = calloc(config->n_services + config->n_ntps + 1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];

		if (service->n_sni)
			(*list)[(*n)++] = (struct inside_place){service->addr, service->protocol,
								service->port, 0};
	}
	for (size_t i = 0; i < config->n_ntps; i++)
		(*list)[(*n)++] = (struct inside_place){config->ntps[i].addr, IPPROTO_UDP,
							INSIDE_NTP_PORT, 0};
	qsort(*list, *n, sizeof(**list), compare_places);
	for (size_t i = 0; i < *n; i++)
		if (!kept || compare_places(&(*list)[kept - 1], &(*list)[i]))
			(*list)[kept++] = (*list)[i];
	*n = kept;
	return 0;
}

bool inside_relayed(const struct config_service *service, const struct inside_place *list, size_t n)
{
	const struct inside_place key = {service->addr, service->protocol, service->port, 0};

	return n && bsearch(&key, list, n, sizeof(key), compare_places);
}

/* Puts @item (of @kind) into @config, which has room for it, at its place. */
static void insert(struct config *config, enum config_kind kind, const void *item)
{
	size_t n = kind_count(config, kind), bytes = kinds[kind].item_bytes, at = n;
	char *items = kind_items(config, kind);

	while (at && kinds[kind].compare(item, items + (at - 1) * bytes) < 0)
		at--;
	memmove(items + (at + 1) * bytes, items + at * bytes, (n - at) * bytes);
	memcpy(items + at * bytes, item, bytes);
	kind_set_count(config, kind, n + 1);
}

/* Room for @more items. */
static int make_room(struct config *config, enum config_kind kind, size_t more)
{
	void *grown = realloc(kind_items(config, kind),
			      (kind_count(config, kind) + more) * kinds[kind].item_bytes);

	if (!grown)
		return -ENOMEM;
	kind_set_items(config, kind, grown);
	return 0;
}

static void remove_relayed(struct config *config, const struct inside_place *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->n_services; i++) {
		struct config_service *service = &config->services[i];

		if (inside_relayed(service, list, n))
			kinds[KIND_SERVICE].release(service);
		else
			config->services[kept++] = *service;
	}
	config->n_services = kept;
}

static int add_service(struct config *config, const struct inside_place *place)
{
	struct config_service service = {
		.addr = place->addr, .protocol = place->protocol, .port = place->port};
	char addr[ADDR_TEXT_BYTES];

	service.backends = calloc(1, sizeof(*service.backends));
	if (!service.backends)
		return -ENOMEM;
	service.n_backends = 1;
	service.backends[0].addr = inet_addr(INSIDE_HOST_TEXT);
	service.backends[0].port = place->inside ? place->inside : 1;
	/* No statement can have this name: it has a colon. */
	snprintf(service.name, sizeof(service.name), "%s:%u", addr_text(place->addr, addr),
		 place->port);
	insert(config, KIND_SERVICE, &service);
	return 0;
}

/* It is offloaded if any other portgroup is. */
static enum offload_mode offload_of(const struct config *config)
{
	for (size_t i = 0; i < config->n_portgroups; i++)
		if (config->portgroups[i].offload != OFFLOAD_OFF)
			return OFFLOAD_AUTO;
	return OFFLOAD_OFF;
}

static void add_network(struct config *config)
{
	struct config_portgroup portgroup = {.name = INSIDE_PORTGROUP,
					     .dev = INSIDE_DEV,
					     .realm = REALM_VSPHERE,
					     .offload = offload_of(config)};
	struct config_address address = {.addr = inet_addr(INSIDE_ADDRESS_TEXT),
					 .prefix_len = INSIDE_PREFIX_LENGTH,
					 .portgroup = INSIDE_PORTGROUP};
	/* Before all others: the sockets see who their clients are. */
	struct config_nat nat = {
		.number = 0, .to = {.addr = inet_addr(INSIDE_HOST_TEXT), .len = 32}, .pass = true};

	insert(config, KIND_PORTGROUP, &portgroup);
	insert(config, KIND_ADDRESS, &address);
	insert(config, KIND_NAT, &nat);
}

int inside_expand(struct config *to, const struct config *config, const struct inside_place *list,
		  size_t n)
{
	int code = config_copy(to, config);

	if (code || !n)
		return code;
	remove_relayed(to, list, n);
	code = make_room(to, KIND_SERVICE, n);
	if (!code)
		code = make_room(to, KIND_PORTGROUP, 1);
	if (!code)
		code = make_room(to, KIND_ADDRESS, 1);
	if (!code)
		code = make_room(to, KIND_NAT, 1);
	for (size_t i = 0; !code && i < n; i++)
		code = add_service(to, &list[i]);
	if (code)
		config_free(to);
	else
		add_network(to);
	return code;
}

uint8_t *inside_up(const struct config *expanded, const struct config *config, const uint8_t *up,
		   size_t *n)
{
	size_t from = 0, at = 0;
	uint8_t *result;

	*n = 0;
	for (size_t i = 0; i < expanded->n_services; i++)
		*n += expanded->services[i].n_backends;
	result = malloc(*n + 1);
	if (!result)
		return NULL;
	memset(result, 1, *n + 1);
	/* Both are in the order of their names; what only one of them has is passed over. */
	for (size_t i = 0, j = 0; up && i < expanded->n_services; i++) {
		const struct config_service *service = &expanded->services[i];

		while (j < config->n_services &&
		       strcmp(config->services[j].name, service->name) < 0)
			from += config->services[j++].n_backends;
		if (j < config->n_services && !strcmp(config->services[j].name, service->name))
			memcpy(result + at, up + from, service->n_backends);
		at += service->n_backends;
	}
	return result;
}
