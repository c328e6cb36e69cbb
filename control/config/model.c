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
	to->session_log = from->session_log;
	to->metrics = from->metrics;
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

static const char *const offload_mode_names[] = {
	[OFFLOAD_OFF] = "off",
	[OFFLOAD_AUTO] = "auto",
	[OFFLOAD_TC] = "tc",
	[OFFLOAD_XDP] = "xdp",
};
static_assert(sizeof(offload_mode_names) / sizeof(offload_mode_names[0]) == OFFLOAD_MODE_COUNT,
	      "one per mode");

const char *offload_mode_name(enum offload_mode mode)
{
	return (unsigned)mode < OFFLOAD_MODE_COUNT ? offload_mode_names[mode] : NULL;
}

static const char *const io_mode_names[] = {[IO_PACKET] = "packet", [IO_XDP] = "xdp"};
static_assert(sizeof(io_mode_names) / sizeof(io_mode_names[0]) == IO_MODE_COUNT, "one per mode");

const char *io_mode_name(enum io_mode mode)
{
	return (unsigned)mode < IO_MODE_COUNT ? io_mode_names[mode] : NULL;
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
	[BALANCE_LEAST_CONNECTIONS] = "least-connections",
};
static_assert(sizeof(balance_names) / sizeof(balance_names[0]) == BALANCE_COUNT, "one per balance");

const char *balance_name(enum balance balance)
{
	return (unsigned)balance < BALANCE_COUNT ? balance_names[balance] : NULL;
}

static const char *const check_kind_names[] = {
	[CHECK_NONE] = NULL,   [CHECK_TCP] = "tcp",   [CHECK_TLS] = "tls",
	[CHECK_HTTP] = "http", [CHECK_ICMP] = "icmp",
};
static_assert(sizeof(check_kind_names) / sizeof(check_kind_names[0]) == CHECK_KIND_COUNT,
	      "one per kind of check");

const char *check_kind_name(enum check_kind kind)
{
	return (unsigned)kind < CHECK_KIND_COUNT ? check_kind_names[kind] : NULL;
}

static const char *const dead_backend_names[] = {
	[DEAD_KEEP] = "keep",
	[DEAD_RESET] = "reset",
	[DEAD_MOVE] = "move",
};
static_assert(sizeof(dead_backend_names) / sizeof(dead_backend_names[0]) == DEAD_COUNT,
	      "one per use");

const char *dead_backend_name(enum dead_backend dead)
{
	return (unsigned)dead < DEAD_COUNT ? dead_backend_names[dead] : NULL;
}

static const char *const down_answer_names[] = {
	[DOWN_SILENCE] = "silence",
	[DOWN_RESET] = "reset",
	[DOWN_ICMP] = "icmp",
};
static_assert(sizeof(down_answer_names) / sizeof(down_answer_names[0]) == DOWN_COUNT,
	      "one per answer");

const char *down_answer_name(enum down_answer down)
{
	return (unsigned)down < DOWN_COUNT ? down_answer_names[down] : NULL;
}

static const char *const vmac_type_names[] = {[VMAC_VMWARE] = "vmware", [VMAC_OVH] = "ovh"};
static_assert(sizeof(vmac_type_names) / sizeof(vmac_type_names[0]) == VMAC_TYPE_COUNT,
	      "one per type of virtual MAC");

const char *vmac_type_name(enum vmac_type type)
{
	return (unsigned)type < VMAC_TYPE_COUNT ? vmac_type_names[type] : NULL;
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
