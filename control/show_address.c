/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/fault.h"
#include "control/gateway.h"
#include "control/show.h"

/* What an address is for, where no address statement has it. */
static const char *use_of(const struct config *config, const struct kernel_owned *owned)
{
	if (owned->vmac)
		return "vmac";
	if (!owned->implied)
		return "interface";
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].addr == owned->addr)
			return "service";
	return "pool";
}

static const char *state_of(const struct kernel_owned *owned, const char *guarded)
{
	if (guarded && !strcmp(guarded, "conflict"))
		return "conflict";
	if (owned->present)
		return "present";
	return guarded && !strcmp(guarded, "probing") ? "probing" : "missing";
}

static json_t *show_address(const struct gateway *gateway, const struct kernel_owned *owned)
{
	struct mac other = {{0}};
	const char *guarded = guarding_state(gateway, owned->addr, owned->link.ifindex, &other);
	char text[ADDR_TEXT_BYTES], whole[PREFIX_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	const char *state = state_of(owned, guarded);
	json_t *item;

	snprintf(whole, sizeof(whole), "%s/%u", addr_text(owned->addr, text),
		 (unsigned)(owned->prefix_len & 0x3f));
	item = json_pack("{s:s, s:s, s:s, s:s}", "address", whole, "portgroup", owned->portgroup,
			 "use", use_of(&gateway->config, owned), "state", state);
	for (size_t i = 0; !owned->implied && i < gateway->config.n_addresses; i++)
		if (gateway->config.addresses[i].addr == owned->addr &&
		    gateway->config.addresses[i].datacenter)
			json_object_set_new(item, "datacenter",
					    json_integer(gateway->config.addresses[i].datacenter));
	if (*owned->link.name)
		json_object_set_new(item, "interface", json_string(owned->link.name));
	if (guarded)
		json_object_set_new(item, "detection", json_string(guarded));
	if (!strcmp(state, "conflict"))
		json_object_set_new(item, "conflict-mac", json_string(mac_text(other, mac)));
	return item;
}

int show_addresses(struct gateway *gateway, json_t *items, struct ctl_error *error)
{
	struct kernel_owned *owned;
	struct kernel_error why;
	size_t n;
	int code = kernel_owned(gateway->kernel, &gateway->config, &owned, &n, &why);

	if (code)
		return fault(error, code, "%s", why.text);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, show_address(gateway, &owned[i]));
	free(owned);
	return 0;
}
