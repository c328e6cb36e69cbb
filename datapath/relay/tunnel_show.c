/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_show - what pgwd asks for: {"tunnels": […], "endpoints": […], "stages": […], "counters"}.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "datapath/relay/tunnel.h"

const char *tunnel_peer_text(const struct sockaddr_in *peer, char text[TUNNEL_PEER_BYTES])
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &peer->sin_addr, address, sizeof(address));
	snprintf(text, TUNNEL_PEER_BYTES, "%s:%u", address, ntohs(peer->sin_port));
	return text;
}

static void set_traffic(json_t *object, const struct tunnel_traffic *traffic)
{
	json_object_set_new(object, "bytes-in", json_integer((json_int_t)traffic->bytes_in));
	json_object_set_new(object, "bytes-out", json_integer((json_int_t)traffic->bytes_out));
	json_object_set_new(object, "connections-total",
			    json_integer((json_int_t)traffic->connections));
	json_object_set_new(object, "connections-failed",
			    json_integer((json_int_t)traffic->failed));
}

static json_t *show_offers(const struct tunnel_link *link)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < link->n_offers; i++) {
		const struct endpoint_offer *offer = link->offers[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:i, s:s, s:i}", "protocol",
						offer->endpoint->udp ? "udp" : "tcp", "port",
						(int)offer->endpoint->port, "target", offer->target,
						"connections", (int)offer->connections));
	}
	return array;
}

static json_t *show_link(const struct tunnel_link *link)
{
	char peer[TUNNEL_PEER_BYTES];
	json_t *object = json_pack(
		"{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:o}", "id", (json_int_t)link->id,
		"stage", link->stage->settings->name, "kind", link->chisel ? "chisel" : "openssh",
		"connector", link->name, "version", link->version, "remote-address",
		tunnel_peer_text(&link->peer, peer), "since-s", (json_int_t)link->since_s,
		"connections", (int)link->n_streams, "endpoints", show_offers(link));

	if (!object)
		return NULL;
	json_object_set_new(object, "transport",
			    json_string(!link->chisel	 ? "ssh"
					: link->wire.tls ? "https"
							 : "http"));
	set_traffic(object, &link->traffic);
	if (link->error[0])
		json_object_set_new(object, "last-error", json_string(link->error));
	return object;
}

static json_t *show_endpoint(const struct endpoint *endpoint)
{
	char inside[INET_ADDRSTRLEN];
	json_int_t connections = 0;
	json_t *object;

	for (unsigned i = 0; i < endpoint->n_offers; i++)
		connections += endpoint->offers[i]->connections;
	inet_ntop(AF_INET, &endpoint->stage->settings->inside, inside, sizeof(inside));
	object = json_pack("{s:s, s:s, s:i, s:s, s:i, s:I, s:I, s:s}", "stage",
			   endpoint->stage->settings->name, "protocol",
			   endpoint->udp ? "udp" : "tcp", "port", (int)endpoint->port, "address",
			   inside, "tunnels", (int)endpoint->n_offers, "connections", connections,
			   "clients-refused", (json_int_t)endpoint->refused, "state",
			   endpoint->state == ENDPOINT_OPEN ? "open" : "opening");
	if (!object)
		return NULL;
	json_object_set_new(object, "since-s", json_integer((json_int_t)endpoint->since_s));
	if (endpoint->udp)
		json_object_set_new(object, "datagrams-dropped",
				    json_integer((json_int_t)endpoint_datagrams_dropped(endpoint)));
	set_traffic(object, &endpoint->traffic);
	return object;
}

static json_t *show_stage(const struct tunnel_stage *stage)
{
	const struct tunnel_link *link;
	json_int_t connections = 0;
	json_t *object;

	LIST_FOREACH(link, &stage->links, of_stage)
	connections += link->n_streams;
	object = json_pack("{s:s, s:i, s:i, s:I, s:I}", "name", stage->settings->name, "tunnels",
			   (int)stage->n_links, "endpoints", (int)stage->n_endpoints, "connections",
			   connections, "clients-refused", (json_int_t)stage->refused);
	if (object)
		set_traffic(object, &stage->traffic);
	return object;
}

static const struct {
	const char *name, *text;
} refusals[] = {
#define REFUSAL(symbol, name, text) {name, text},
#include "datapath/relay/refusal.def"
#undef REFUSAL
};
static_assert(sizeof(refusals) / sizeof(refusals[0]) == REFUSAL_COUNT, "a name each");

static json_t *show_counters(const struct tunnel_part *part)
{
	const struct tunnel_counters *counters = &part->counters;
	json_t *refused = json_array();

	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		json_array_append_new(refused,
				      json_pack("{s:s, s:I, s:s}", "reason", refusals[i].name,
						"connections", (json_int_t)counters->refused[i],
						"text", refusals[i].text));
	return json_pack("{s:I, s:I, s:o, s:i, s:i, s:i, s:I}", "accepted",
			 (json_int_t)counters->accepted, "logins", (json_int_t)counters->logins,
			 "refused", refused, "pending", (int)part->n_pending, "tunnels",
			 (int)part->n_links, "connections", (int)part->n_streams, "waiting-bytes",
			 (json_int_t)part->waiting_bytes);
}

/* show_stages() - @detail: tell of tunnels, and of all endpoints; else what metrics need */
static json_t *show_stages(const struct tunnel_part *part, bool detail)
{
	json_t *tunnels = json_array(), *endpoints = json_array(), *stages = json_array();
	size_t most = detail ? SIZE_MAX : TUNNEL_FIGURES_MAX;

	for (unsigned i = 0; i < part->n_stages; i++) {
		const struct tunnel_stage *stage = part->stages[i];
		const struct tunnel_link *link;
		const struct endpoint *endpoint;

		LIST_FOREACH(link, &stage->links, of_stage)
		if (detail)
			json_array_append_new(tunnels, show_link(link));
		LIST_FOREACH(endpoint, &stage->endpoints, of_stage)
		if (json_array_size(endpoints) < most)
			json_array_append_new(endpoints, show_endpoint(endpoint));
		json_array_append_new(stages, show_stage(stage));
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "tunnels", tunnels, "endpoints", endpoints,
			 "stages", stages, "counters", show_counters(part));
}

json_t *tunnel_show(void *context, const json_t *question)
{
	const char *what = json_string_value(json_object_get(question, "what"));

	if (what && !strcmp(what, "tunnel"))
		return show_stages(context, true);
	if (what && !strcmp(what, "figures"))
		return show_stages(context, false);
	return show_counters(context);
}
