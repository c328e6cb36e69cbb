/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"

void config_init(struct config *config)
{
	*config = (struct config){0};
	for (unsigned i = 0; i < SETTING_COUNT; i++)
		*setting_value(config, i) = settings[i].normal;
}

void config_free(struct config *config)
{
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		for (size_t i = 0; i < kind_count(config, kind); i++)
			kinds[kind].release(kind_item(config, kind, i));
		free(kind_items(config, kind));
	}
	config_init(config);
}

static int copy_kind(struct config *to, const struct config *from, enum config_kind kind)
{
	size_t n = kind_count(from, kind), bytes = kinds[kind].item_bytes;
	char *items;

	if (n == 0)
		return 0;
	items = malloc(n * bytes);
	if (!items)
		return -ENOMEM;
	kind_set_items(to, kind, items);
	for (size_t i = 0; i < n; i++) {
		memcpy(items + i * bytes, kind_item(from, kind, i), bytes);
		if (kinds[kind].clone(items + i * bytes))
			return -ENOMEM; /* the count leaves out the item that is not a copy */
		kind_set_count(to, kind, i + 1);
	}
	return 0;
}

int config_copy(struct config *to, const struct config *from)
{
	config_init(to);
	for (unsigned i = 0; i < SETTING_COUNT; i++)
		*setting_value(to, i) = setting_get(from, i);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		int error = copy_kind(to, from, kind);

		if (error) {
			config_free(to);
			return error;
		}
	}
	return 0;
}

static const char *const realm_names[] = {
	[REALM_PRIVATE] = "private",
	[REALM_VSPHERE] = "vsphere",
	[REALM_INTERNET] = "internet",
};
static_assert(sizeof(realm_names) / sizeof(realm_names[0]) == REALM_COUNT, "one per realm");

const char *realm_name(enum realm realm)
{
	return (unsigned)realm < REALM_COUNT ? realm_names[realm] : NULL;
}

static const char *const mapping_type_names[] = {[MAPPING_EIM] = "eim", [MAPPING_EDM] = "edm"};
static_assert(sizeof(mapping_type_names) / sizeof(mapping_type_names[0]) == MAPPING_TYPE_COUNT,
	      "one per mapping type");

const char *mapping_type_name(enum mapping_type type)
{
	return (unsigned)type < MAPPING_TYPE_COUNT ? mapping_type_names[type] : NULL;
}

static const char *const filtering_type_names[] = {
	[FILTERING_EIF] = "eif",
	[FILTERING_ADF] = "adf",
	[FILTERING_EDF] = "edf",
};
static_assert(sizeof(filtering_type_names) / sizeof(filtering_type_names[0]) ==
		      FILTERING_TYPE_COUNT,
	      "one per filtering type");

const char *filtering_type_name(enum filtering_type type)
{
	return (unsigned)type < FILTERING_TYPE_COUNT ? filtering_type_names[type] : NULL;
}

static const char *const balance_names[] = {
	[BALANCE_ROUND_ROBIN] = "round-robin",
	[BALANCE_SOURCE_HASH] = "source-hash",
};
static_assert(sizeof(balance_names) / sizeof(balance_names[0]) == BALANCE_COUNT, "one per balance");

const char *balance_name(enum balance balance)
{
	return (unsigned)balance < BALANCE_COUNT ? balance_names[balance] : NULL;
}

const char *timer_name(enum timer timer)
{
	return (unsigned)timer < TIMER_COUNT ? settings[timer].name : NULL;
}

const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case 0:
		return "any";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	default:
		return NULL;
	}
}
