/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/gateway.h"
#include "control/show.h"

static json_t *text_of_addr(be32 addr)
{
	char text[ADDR_TEXT_BYTES];

	return json_string(addr_text(addr, text));
}

/* As events have it: UTC, with milliseconds. */
static json_t *text_of_time(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[40];
	size_t used;

	gmtime_r(&seconds, &parts);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%03dZ", (int)(ms % 1000));
	return json_string(text);
}

static json_t *seconds(uint32_t ms)
{
	return ms % 1000 ? json_real((double)ms / 1000) : json_integer(ms / 1000);
}

static json_t *show_backend(const struct gateway *gateway, const struct config_service *service,
			    size_t n)
{
	const struct config_backend *backend = &service->backends[n];
	struct health_status status = checking_status(gateway, service->name, n);
	json_t *item = json_pack("{s:o, s:i, s:s}", "address", text_of_addr(backend->addr), "port",
				 (int)backend->port, "state", health_state_name(status.state));

	if (status.since_ms)
		json_object_set_new(item, "since", text_of_time(status.since_ms));
	if (*status.error)
		json_object_set_new(item, "last-error", json_string(status.error));
	return item;
}

static void show_check(const struct config_service *service, json_t *item)
{
	const struct config_check *check = &service->check;

	if (check->kind == CHECK_NONE)
		return;
	json_object_set_new(item, "check", json_string(check_kind_name(check->kind)));
	if (check->kind == CHECK_HTTP)
		json_object_set_new(item, "path", json_string(check->path));
	json_object_set_new(item, "interval", seconds(check->interval_ms));
	json_object_set_new(item, "timeout", seconds(check->timeout_ms));
	json_object_set_new(item, "rise", json_integer(check->rise));
	json_object_set_new(item, "fall", json_integer(check->fall));
	json_object_set_new(item, "dead", json_string(dead_backend_name(service->dead)));
	json_object_set_new(item, "down", json_string(down_answer_name(service->down)));
}

static json_t *list_of_names(const char *names)
{
	json_t *list = json_array();

	while (*names) {
		size_t n = strcspn(names, ",");

		json_array_append_new(list, json_stringn(names, n));
		names += n + (names[n] == ',');
	}
	return list;
}

/* What the service has to do with a private gateway. */
static void show_place(const struct config_service *service, json_t *item)
{
	if (service->datacenter)
		json_object_set_new(item, "datacenter", json_integer(service->datacenter));
	if (service->internet_address)
		json_object_set_new(item, "internet-address",
				    text_of_addr(service->internet_address));
	if (service->private_address)
		json_object_set_new(item, "private-address",
				    text_of_addr(service->private_address));
	if (*service->host_names)
		json_object_set_new(item, "host-names", list_of_names(service->host_names));
}

/* What TLS clients must ask for to get there. */
static void show_names(const struct config_service *service, json_t *item)
{
	json_t *list;

	if (service->proxy)
		json_object_set_new(item, "proxy-protocol", json_string("v2"));
	if (!service->n_sni)
		return;
	list = json_array();
	for (size_t i = 0; i < service->n_sni; i++)
		json_array_append_new(list, json_string(service->sni[i]));
	json_object_set_new(item, "sni", list);
}

void show_services(const struct gateway *gateway, json_t *items)
{
	for (size_t i = 0; i < gateway->config.n_services; i++) {
		const struct config_service *s = &gateway->config.services[i];
		json_t *backends = json_array(), *item;

		for (size_t j = 0; j < s->n_backends; j++)
			json_array_append_new(backends, show_backend(gateway, s, j));
		item = json_pack("{s:s, s:o, s:s, s:i, s:s, s:o}", "name", s->name, "address",
				 text_of_addr(s->addr), "protocol", protocol_name(s->protocol),
				 "port", (int)s->port, "balance", balance_name(s->balance),
				 "backends", backends);
		show_check(s, item);
		show_place(s, item);
		show_names(s, item);
		json_array_append_new(items, item);
	}
}
