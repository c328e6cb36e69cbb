/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MAX_MS (1000ll * 604800) /* the largest tcp-idle-timeout, and more */

static const char *text_of(const json_t *object, const char *key, size_t limit)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text && strlen(text) < limit ? text : NULL;
}

/* Return: false unless @key is a number from @first to @last. */
static bool number_of(const json_t *object, const char *key, json_int_t first, json_int_t last,
		      json_int_t *value)
{
	const json_t *number = json_object_get(object, key);

	*value = json_integer_value(number);
	return json_is_integer(number) && *value >= first && *value <= last;
}

static bool read_place(const json_t *object, be32 *addr, uint16_t *port)
{
	const char *text = text_of(object, "address", ADDR_TEXT_BYTES);
	json_int_t number;

	if (!text || !addr_parse(text, addr) || !number_of(object, "port", 1, 65535, &number))
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool read_backends(struct service *service, const json_t *list)
{
	size_t n = json_array_size(list);

	if (!n || n > SERVICES_BACKENDS_MAX)
		return false;
	service->backends = calloc(n, sizeof(*service->backends));
	if (!service->backends)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		struct service_backend *backend = &service->backends[i];
		const json_t *up = json_object_get(item, "up");

		if (!read_place(item, &backend->addr, &backend->port) || !json_is_boolean(up))
			return false;
		backend->up = json_is_true(up);
		service->n_backends++;
	}
	return true;
}

static struct service_listener *find_listener(const struct services *services, const char *key)
{
	for (size_t i = 0; i < services->n_listeners; i++)
		if (!strcmp(services->listeners[i].key, key))
			return &services->listeners[i];
	return NULL;
}

/* Its names, or that it is the listener's default. */
static bool read_names(struct services *services, uint32_t index, const json_t *sni)
{
	const struct service *service = &services->list[index];
	struct service_listener *listener = find_listener(services, service->listener);
	size_t n = json_array_size(sni);

	if (!json_is_array(sni) || n > SERVICES_NAMES_MAX)
		return false;
	if (!n && listener->service_default != SERVICES_NONE)
		return false;
	if (!n)
		listener->service_default = index;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(sni, i));
		struct service_name *name = &services->names[services->n_names];

		if (!text || !*text || strlen(text) >= SERVICES_NAME)
			return false;
		snprintf(name->name, sizeof(name->name), "%s", text);
		name->service = index;
		name->listener = (uint32_t)(listener - services->listeners);
		services->n_names++;
	}
	return true;
}

static bool read_service(struct services *services, const json_t *item,
			 const struct relay_stage *stage)
{
	struct service *service = &services->list[services->n];
	const char *name = text_of(item, "name", SNAPSHOT_NAME);
	const char *key = text_of(item, "listener", SOCKETS_KEY);
	json_int_t balance, dead;

	if (!name || !key || services_find(services, name) ||
	    !read_place(item, &service->addr, &service->port) ||
	    !number_of(item, "balance", 0, BALANCE_COUNT - 1, &balance) ||
	    !number_of(item, "dead", 0, DEAD_COUNT - 1, &dead) ||
	    !json_is_boolean(json_object_get(item, "proxy")))
		return false;
	snprintf(service->name, sizeof(service->name), "%s", name);
	snprintf(service->listener, sizeof(service->listener), "%s", key);
	service->balance = (enum balance)balance;
	service->dead = (enum dead_backend)dead;
	service->proxy = json_is_true(json_object_get(item, "proxy"));
	services->n++; /* from here on services_free() frees what it has */
	if (!find_listener(services, key)) {
		struct service_listener *listener = &services->listeners[services->n_listeners];

		snprintf(listener->key, sizeof(listener->key), "%s", key);
		listener->fd = relay_stage_socket(stage, key);
		listener->service_default = SERVICES_NONE;
		if (listener->fd < 0)
			return false;
		services->n_listeners++;
	}
	return read_backends(service, json_object_get(item, "backends")) &&
	       read_names(services, (uint32_t)(services->n - 1), json_object_get(item, "sni"));
}

static int compare_names(const void *a, const void *b)
{
	const struct service_name *x = a, *y = b;

	if (x->listener != y->listener)
		return x->listener < y->listener ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Sorts the names and tells each listener where its own are. False: one is there twice. */
static bool sort_names(struct services *services)
{
	if (services->n_names)
		qsort(services->names, services->n_names, sizeof(*services->names), compare_names);
	for (size_t i = 0; i < services->n_names; i++) {
		struct service_listener *listener =
			&services->listeners[services->names[i].listener];

		if (i && !compare_names(&services->names[i - 1], &services->names[i]))
			return false;
		if (!listener->n++)
			listener->first = i;
	}
	return true;
}

static size_t count_names(const json_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		n += json_array_size(json_object_get(json_array_get(list, i), "sni"));
	return n;
}

int services_read(struct services *services, const json_t *wanted, const struct relay_stage *stage,
		  struct relay_error *error)
{
	const json_t *list = json_object_get(wanted, "services");
	size_t n = json_array_size(list), names = count_names(list);
	json_int_t idle_ms;

	*services = (struct services){0};
	if (!wanted)
		return 0;
	if (!json_is_array(list) || n > SERVICES_MAX ||
	    names > (size_t)SERVICES_MAX * SERVICES_NAMES_MAX ||
	    !number_of(wanted, "idle-ms", 1, IDLE_MAX_MS, &idle_ms))
		return relay_fail(error, -EINVAL,
				  "names: at most %u services and an idle-ms were expected",
				  SERVICES_MAX);
	services->idle_ms = (uint64_t)idle_ms;
	services->list = calloc(n + 1, sizeof(*services->list));
	services->listeners = calloc(n + 1, sizeof(*services->listeners));
	services->names = calloc(names + 1, sizeof(*services->names));
	if (!services->list || !services->listeners || !services->names) {
		services_free(services);
		return relay_fail(error, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		if (read_service(services, json_array_get(list, i), stage))
			continue;
		services_free(services);
		return relay_fail(error, -EINVAL,
				  "names: service %zu is not as it was expected, or out of memory",
				  i);
	}
	if (sort_names(services))
		return 0;
	services_free(services);
	return relay_fail(error, -EINVAL, "names: a name is there twice");
}

void services_free(struct services *services)
{
	for (size_t i = 0; i < services->n; i++)
		free(services->list[i].backends);
	free(services->list);
	free(services->listeners);
	free(services->names);
	*services = (struct services){0};
}

void services_adopt(struct services *services, const struct services *before)
{
	for (size_t i = 0; i < services->n; i++) {
		struct service *service = &services->list[i];
		const struct service *old = services_find(before, service->name);

		if (!old)
			continue;
		service->turn = old->turn;
		service->connections = old->connections;
		service->received_bytes = old->received_bytes;
		service->sent_bytes = old->sent_bytes;
	}
}

struct service *services_find(const struct services *services, const char *name)
{
	for (size_t i = 0; i < services->n; i++)
		if (!strcmp(services->list[i].name, name))
			return &services->list[i];
	return NULL;
}

struct service_backend *services_backend(const struct service *service, be32 addr, uint16_t port)
{
	for (unsigned i = 0; i < service->n_backends; i++)
		if (service->backends[i].addr == addr && service->backends[i].port == port)
			return &service->backends[i];
	return NULL;
}

const struct service_listener *services_listener(const struct services *services, const char *key,
						 size_t hint)
{
	if (hint < services->n_listeners && !strcmp(services->listeners[hint].key, key))
		return &services->listeners[hint];
	return find_listener(services, key);
}

static struct service *find_name(const struct services *services,
				 const struct service_listener *listener, const char *name)
{
	size_t low = listener->first, high = listener->first + listener->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, services->names[middle].name);

		if (!order)
			return &services->list[services->names[middle].service];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct service *services_route(const struct services *services,
			       const struct service_listener *listener, const char *name)
{
	struct service *found = *name ? find_name(services, listener, name) : NULL;
	char wildcard[SERVICES_NAME + 1];

	for (const char *dot = strchr(name, '.'); dot && !found; dot = strchr(dot + 1, '.')) {
		snprintf(wildcard, sizeof(wildcard), "*%s", dot);
		found = find_name(services, listener, wildcard);
	}
	if (!found && listener->service_default != SERVICES_NONE)
		found = &services->list[listener->service_default];
	return found;
}

static bool may_take(const struct service *service, unsigned i, uint64_t tried)
{
	return service->backends[i].up && !(tried >> i & 1);
}

/* The @wanted-th of those that may be taken, of @n. */
static unsigned nth(const struct service *service, uint64_t tried, unsigned wanted)
{
	unsigned i = 0;

	for (;; i++)
		if (may_take(service, i, tried) && !wanted--)
			return i;
}

struct service_backend *services_pick(struct service *service, be32 client, uint64_t tried)
{
	unsigned n = 0, best = service->n_backends;

	for (unsigned i = 0; i < service->n_backends; i++)
		n += may_take(service, i, tried);
	if (!n)
		return NULL;
	switch (service->balance) {
	case BALANCE_SOURCE_HASH:
		/* Fibonacci hashing: clients of one subnet spread well */
		best = nth(service, tried, (client * 2654435769u >> 8) % n);
		break;
	case BALANCE_LEAST_CONNECTIONS:
		for (unsigned i = 0; i < service->n_backends; i++)
			if (may_take(service, i, tried) &&
			    (best == service->n_backends ||
			     service->backends[i].active < service->backends[best].active))
				best = i;
		break;
	default:
		best = nth(service, tried, service->turn++ % n);
		break;
	}
	return &service->backends[best];
}
