/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/metrics/figures_relay.h"

#include <stdio.h>

#include "control/relaying.h"

#define COUNTER EXPOSITION_COUNTER
#define GAUGE	EXPOSITION_GAUGE

/* One family: a member of what is shown. */
struct figure {
	enum exposition_kind kind;
	const char *name, *help, *member;
};

static const struct figure names_figures[] = {
	{COUNTER, "relay_accepted_connections", "Connections to services with TLS names.",
	 "accepted"},
	{GAUGE, "relay_hellos_waiting", "Connections whose ClientHello is not whole yet.",
	 "hellos"},
	{GAUGE, "relay_active_connections", "Connections that are relayed by their TLS names.",
	 "active"},
	{GAUGE, "relay_connection_capacity", "Connections that can be relayed at once.",
	 "active-max"},
};

static const struct figure service_figures[] = {
	{COUNTER, "relay_service_connections", "Connections that were relayed to the service.",
	 "connections"},
	{GAUGE, "relay_service_active_connections", "Of them: those that live.", "active"},
	{COUNTER, "relay_service_received_bytes", "Bytes from clients of the service.",
	 "rcvd-bytes"},
	{COUNTER, "relay_service_sent_bytes", "Bytes to clients of the service.", "sent-bytes"},
};

static const struct figure part_figures[] = {
	{COUNTER, "tunnel_accepted_connections", "Connections to secure gateways' addresses.",
	 "accepted"},
	{COUNTER, "tunnel_logins", "Connectors that logged in.", "logins"},
	{GAUGE, "tunnel_pending_connections", "Connections that have not logged in yet.",
	 "pending"},
	{GAUGE, "tunnel_waiting_bytes", "Bytes that wait for clients that do not take them.",
	 "waiting-bytes"},
};

static const struct figure stage_figures[] = {
	{GAUGE, "tunnel_connectors", "Connectors that are logged in.", "tunnels"},
	{GAUGE, "tunnel_endpoints", "Ports that they offer.", "endpoints"},
	{GAUGE, "tunnel_active_connections", "Connections in the tunnels.", "connections"},
	{COUNTER, "tunnel_connections", "Connections that were given to connectors.",
	 "connections-total"},
	{COUNTER, "tunnel_failed_connections", "Of them: those that a connector did not take.",
	 "connections-failed"},
	{COUNTER, "tunnel_refused_clients", "Clients of endpoints from networks that may not.",
	 "clients-refused"},
	{COUNTER, "tunnel_received_bytes", "Bytes that came out of the tunnels.", "bytes-in"},
	{COUNTER, "tunnel_sent_bytes", "Bytes that went into the tunnels.", "bytes-out"},
};

static const struct figure endpoint_figures[] = {
	{GAUGE, "endpoint_connectors", "Connectors that offer the port.", "tunnels"},
	{GAUGE, "endpoint_active_connections", "Connections to the port.", "connections"},
	{COUNTER, "endpoint_connections", "Connections to the port that were given to connectors.",
	 "connections-total"},
	{COUNTER, "endpoint_failed_connections", "Clients of the port that no connector took.",
	 "connections-failed"},
	{COUNTER, "endpoint_refused_clients", "Clients of the port from networks that may not.",
	 "clients-refused"},
	{COUNTER, "endpoint_received_bytes", "Bytes that came out of the tunnels.", "bytes-in"},
	{COUNTER, "endpoint_sent_bytes", "Bytes that went into the tunnels.", "bytes-out"},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

typedef void (*sampler)(struct exposition *e, uint64_t value, const json_t *item);

static const char *text_of(const json_t *item, const char *member)
{
	const char *text = json_string_value(json_object_get(item, member));

	return text ? text : "";
}

static uint64_t number_of(const json_t *item, const char *member)
{
	return (uint64_t)json_integer_value(json_object_get(item, member));
}

static void sample_service(struct exposition *e, uint64_t value, const json_t *item)
{
	exposition_number(e, value, "service", text_of(item, "name"), LABELS_END);
}

static void sample_stage(struct exposition *e, uint64_t value, const json_t *item)
{
	exposition_number(e, value, "stage", text_of(item, "name"), LABELS_END);
}

static void sample_endpoint(struct exposition *e, uint64_t value, const json_t *item)
{
	char port[8];

	snprintf(port, sizeof(port), "%u", (unsigned)number_of(item, "port") & UINT16_MAX);
	exposition_number(e, value, "stage", text_of(item, "stage"), "protocol",
			  text_of(item, "protocol"), "port", port, LABELS_END);
}

static void sample_reason(struct exposition *e, uint64_t value, const json_t *item)
{
	exposition_number(e, value, "reason", text_of(item, "reason"), LABELS_END);
}

/* add_each() - families with a sample for each of @items */
static void add_each(struct exposition *e, const struct figure *figures, size_t n,
		     const json_t *items, sampler sample)
{
	for (size_t f = 0; f < n; f++) {
		exposition_family(e, figures[f].kind, figures[f].name, figures[f].help);
		for (size_t i = 0; i < json_array_size(items); i++) {
			const json_t *item = json_array_get(items, i);

			sample(e, number_of(item, figures[f].member), item);
		}
	}
}

/* add_all() - families of one sample, of an object that may be missing */
static void add_all(struct exposition *e, const struct figure *figures, size_t n,
		    const json_t *object)
{
	for (size_t f = 0; f < n; f++) {
		exposition_family(e, figures[f].kind, figures[f].name, figures[f].help);
		if (object)
			exposition_number(e, number_of(object, figures[f].member), LABELS_END);
	}
}

void figures_relay(struct exposition *e, struct gateway *gateway)
{
	static const struct figure ended = {
		COUNTER, "relay_ended_connections",
		"Connections that ended, by reason (pgw stats show relay says what each means).",
		"connections"};
	static const struct figure refused = {
		COUNTER, "tunnel_refused_connections",
		"Connections that were refused, by reason: token counts failed log-ins.",
		"connections"};
	json_t *shown = relaying_show(gateway, "figures");
	const json_t *names = json_object_get(shown, "names");
	const json_t *tunnel = json_object_get(shown, "tunnel");
	const json_t *counters = json_object_get(tunnel, "counters");

	add_all(e, names_figures, N(names_figures), names);
	add_each(e, &ended, 1, json_object_get(names, "ended"), sample_reason);
	add_each(e, service_figures, N(service_figures), json_object_get(names, "services"),
		 sample_service);
	add_all(e, part_figures, N(part_figures), counters);
	add_each(e, &refused, 1, json_object_get(counters, "refused"), sample_reason);
	add_each(e, stage_figures, N(stage_figures), json_object_get(tunnel, "stages"),
		 sample_stage);
	add_each(e, endpoint_figures, N(endpoint_figures), json_object_get(tunnel, "endpoints"),
		 sample_endpoint);
	json_decref(shown);
}
