/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/datacenter.h"

#include <errno.h>
#include <string.h>

#include "control/config/edit.h"
#include "control/config/error.h"

#define DATACENTER_ID_MAX 2147483647u /* what every client's language can hold */
#define HOST_NAME_MAX	  253	      /* RFC 1035, without the last dot */
#define HOST_LABEL_MAX	  63

bool argument_datacenter(void *field, const char *text, struct reason *why)
{
	return argument_number(field, text, 1, DATACENTER_ID_MAX, why);
}

static bool is_label_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* One name of @n bytes (RFC 1123, 2.1). */
static bool is_host_name(const char *text, size_t n)
{
	size_t label = 0;

	if (n == 0 || n > HOST_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool edge = label == 0 || i + 1 == n || text[i + 1] == '.';

		if (text[i] == '.') {
			if (label == 0 || i + 1 == n)
				return false;
			label = 0;
		} else if (is_label_letter(text[i]) || (text[i] == '-' && !edge)) {
			if (++label > HOST_LABEL_MAX)
				return false;
		} else {
			return false;
		}
	}
	return true;
}

bool argument_host_names(void *field, const char *text, struct reason *why)
{
	const char *name = text;

	for (;;) {
		size_t n = strcspn(name, ",");

		if (!is_host_name(name, n))
			return argument_wrong(why,
					      "expected host names such as "
					      "pcc-192-0-2-1.example.com, separated by commas");
		if (!name[n])
			break;
		name += n + 1;
	}
	if (strlen(text) >= CONFIG_HOST_NAMES)
		return argument_wrong(why, "expected at most %d bytes of names",
				      CONFIG_HOST_NAMES - 1);
	strcpy(field, text);
	return true;
}

bool gateway_place_equal(const struct gateway_place *a, const struct gateway_place *b)
{
	return a->addr == b->addr && a->prefix_len == b->prefix_len &&
	       strcmp(a->portgroup, b->portgroup) == 0;
}

bool gateway_place_of(const struct config *config, const struct config_datacenter *datacenter,
		      struct gateway_place *place)
{
	const struct config_address *address =
		datacenter->gateway ? kind_address(config, datacenter->gateway) : NULL;

	if (!address)
		return false;
	*place = (struct gateway_place){.addr = address->addr, .prefix_len = address->prefix_len};
	strcpy(place->portgroup, address->portgroup);
	return true;
}

int gateway_add_address(struct config *config, uint32_t datacenter,
			const struct gateway_place *place, struct config_error *error)
{
	const struct config_address *there = kind_address(config, place->addr);
	struct config_address address = {
		.addr = place->addr, .prefix_len = place->prefix_len, .datacenter = datacenter};
	char text[ADDR_TEXT_BYTES];
	struct edit edit;

	if (there && there->prefix_len == place->prefix_len &&
	    strcmp(there->portgroup, place->portgroup) == 0)
		return 0;
	if (there)
		return error_set(error, 0, 0,
				 "%s is an address of portgroup \"%s\" with length %u already, "
				 "expected another one",
				 addr_text(place->addr, text), there->portgroup, there->prefix_len);
	strcpy(address.portgroup, place->portgroup);
	edit_begin(&edit, config, EDIT_STATEMENT);
	return edit_insert(&edit, KIND_ADDRESS, &address) ? error_memory(error) : 0;
}

void gateway_del_address(struct config *config, uint32_t datacenter, be32 addr)
{
	struct edit edit;
	struct config_address *address;

	edit_begin(&edit, config, EDIT_STATEMENT);
	address = edit_find(&edit, KIND_ADDRESS, &(struct config_address){.addr = addr});
	if (address && address->datacenter == datacenter)
		edit_remove(&edit, KIND_ADDRESS, address);
}

static struct config_datacenter *find(struct config *config, uint32_t id)
{
	for (size_t i = 0; i < config->n_datacenters; i++)
		if (config->datacenters[i].id == id)
			return &config->datacenters[i];
	return NULL;
}

int gateway_move(struct config *config, uint32_t datacenter, const struct gateway_place *to,
		 struct config_error *error)
{
	struct config_datacenter *item = find(config, datacenter);
	bool enabled;

	if (!item)
		return error_set(error, 0, 0, "datacenter %u does not exist", datacenter);
	enabled = item->gateway;
	for (size_t i = 0; i < config->n_services; i++) {
		struct config_service *service = &config->services[i];

		if (service->datacenter != datacenter)
			continue;
		if (!enabled)
			service->internet_address = service->addr;
		if (to) {
			service->addr =
				service->private_address ? service->private_address : to->addr;
			continue;
		}
		if (!service->internet_address)
			return error_set(error, service->line, 0,
					 "service \"%s\" has no internet-address to go back to",
					 service->name);
		service->addr = service->internet_address;
		service->internet_address = 0;
	}
	item->gateway = to ? to->addr : 0;
	return 0;
}

int gateway_hand_over(struct config *config, uint32_t from, uint32_t to, struct config_error *error)
{
	struct config_datacenter *giver = find(config, from), *taker = find(config, to);

	if (!giver || !taker)
		return error_set(error, 0, 0, "datacenter %u does not exist", giver ? to : from);
	if (taker->gateway)
		return error_set(error, 0, 0,
				 "the private gateway of datacenter %u is enabled already", to);
	if (strcmp(giver->service_name, taker->service_name) != 0)
		return error_set(error, 0, 0,
				 "datacenter %u is one of service %s, expected one of %s", to,
				 taker->service_name, giver->service_name);
	for (size_t i = 0; i < config->n_services; i++) {
		struct config_service *service = &config->services[i];

		/* What the other one had on the Internet would have to move with it. */
		if (service->datacenter == to)
			return error_set(error, 0, 0,
					 "datacenter %u has services of its own (\"%s\"), expected "
					 "one without",
					 to, service->name);
		if (service->datacenter == from)
			service->datacenter = to;
	}
	for (size_t i = 0; i < config->n_addresses; i++)
		if (config->addresses[i].datacenter == from)
			config->addresses[i].datacenter = to;
	taker->gateway = giver->gateway;
	giver->gateway = 0;
	return 0;
}
