/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show_inside - what serves clients behind the datapath: pgw-relay's connections, NTP. */
#include "control/gateway.h"
#include "control/show.h"

void show_ntps(const struct gateway *gateway, json_t *items)
{
	for (size_t i = 0; i < gateway->config.n_ntps; i++) {
		const struct config_ntp *ntp = &gateway->config.ntps[i];
		json_t *servers = json_array();
		char addr[ADDR_TEXT_BYTES];

		for (size_t s = 0; s < ntp->n_servers; s++)
			json_array_append_new(servers, json_string(ntp->servers[s]));
		json_array_append_new(
			items, json_pack("{s:s, s:o, s:s}", "address", addr_text(ntp->addr, addr),
					 "servers", servers, "state",
					 gateway->timeserver.pid ? "running" : "down"));
	}
}

void show_connections(struct gateway *gateway, json_t *items)
{
	json_t *shown = relaying_show(gateway, "connections");
	json_t *list = json_object_get(json_object_get(shown, "names"), "connections");

	if (json_is_array(list))
		json_array_extend(items, list);
	json_decref(shown);
}

json_t *show_relay_figures(struct gateway *gateway)
{
	json_t *shown = relaying_show(gateway, "counts");
	json_t *names = json_incref(json_object_get(shown, "names"));

	if (json_is_object(names))
		json_object_set(names, "tunnels", json_object_get(shown, "tunnel"));
	json_decref(shown);
	if (json_is_object(names)) {
		json_object_set_new(names, "pid", json_integer(gateway->relaying.pid));
		json_object_set_new(names, "restarts", json_integer(gateway->relaying.restarts));
		return names;
	}
	json_decref(names);
	return NULL;
}
