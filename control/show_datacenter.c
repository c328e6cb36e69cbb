/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/show.h"

void show_datacenters(const struct config *config, json_t *items)
{
	for (size_t i = 0; i < config->n_datacenters; i++) {
		const struct config_datacenter *d = &config->datacenters[i];
		json_t *item =
			json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)d->id, "service-name",
				  d->service_name, "name", d->name, "description", d->description);
		char text[ADDR_TEXT_BYTES];

		if (d->gateway)
			json_object_set_new(item, "gateway",
					    json_string(addr_text(d->gateway, text)));
		json_array_append_new(items, item);
	}
}

void show_servers(const struct config *config, json_t *items)
{
	for (size_t i = 0; i < config->n_servers; i++) {
		const struct config_server *s = &config->servers[i];

		json_array_append_new(items, json_pack("{s:s, s:s*}", "name", s->name, "portgroup",
						       *s->portgroup ? s->portgroup : NULL));
	}
}

void show_vrack_blocks(const struct config *config, json_t *items)
{
	for (size_t i = 0; i < config->n_vrack_blocks; i++) {
		char text[PREFIX_TEXT_BYTES];

		json_array_append_new(
			items, json_pack("{s:s}", "network",
					 prefix_text(config->vrack_blocks[i].network, text)));
	}
}
