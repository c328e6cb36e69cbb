/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kind - the objects of the configuration, treated alike.
 *
 * struct config holds one array per kind. What is the same for all of them (finding, inserting,
 * copying, comparing, printing) works on the descriptions here, so that each kind is described
 * once. Every array is sorted by compare() and holds no two items that compare equal.
 */
#ifndef PGW_CONFIG_KIND_H
#define PGW_CONFIG_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config/model.h"
#include "control/config/text.h"

/* In the order in which they are printed and added; removals go the other way. */
enum config_kind {
	KIND_PORTGROUP,
	KIND_ADDRESS,
	KIND_ROUTE,
	KIND_POOL,
	KIND_NAT,
	KIND_DATACENTER,
	KIND_SERVICE,
	KIND_ALLOW,
	KIND_VRACK_BLOCK,
	KIND_VMAC,
	KIND_SERVER,
	KIND_API,
	KIND_NTP,
	KIND_TUNNEL_GATEWAY,
	KIND_TUNNEL_KEY,
	KIND_COUNT
};

/* Items of the kinds for which model.h sets no limit. */
#define CONFIG_ADDRESSES_MAX 1024
#define CONFIG_ROUTES_MAX    1024

struct kind {
	const char *name;
	size_t item_bytes;
	size_t items_offset, count_offset; /* of the array and its length in struct config */
	size_t line_offset;		   /* of the line number in an item */
	size_t max;
	int (*compare)(const void *a, const void *b); /* by key */
	bool (*equal)(const void *a, const void *b);  /* in all but the line */
	int (*clone)(void *item);    /* replace arrays that it shares by copies; 0 or -ENOMEM */
	void (*release)(void *item); /* the arrays that it owns */
};
extern const struct kind kinds[KIND_COUNT];

/* Room for any item. */
union config_item {
	struct config_portgroup portgroup;
	struct config_address address;
	struct config_route route;
	struct config_pool pool;
	struct config_nat nat;
	struct config_service service;
	struct config_allow allow;
	struct config_vmac vmac;
	struct config_datacenter datacenter;
	struct config_server server;
	struct config_vrack_block vrack_block;
	struct config_api api;
	struct config_ntp ntp;
	struct config_tunnel_gateway tunnel_gateway;
	struct config_tunnel_key tunnel_key;
};

void *kind_items(const struct config *config, enum config_kind kind);
void kind_set_items(struct config *config, enum config_kind kind, void *items);
size_t kind_count(const struct config *config, enum config_kind kind);
void kind_set_count(struct config *config, enum config_kind kind, size_t n);
void *kind_item(const struct config *config, enum config_kind kind, size_t i);
unsigned kind_line(enum config_kind kind, const void *item);

/* By name; NULL if there is none. */
const struct config_portgroup *kind_portgroup(const struct config *config, const char *name);
const struct config_pool *kind_pool(const struct config *config, const char *name);
const struct config_datacenter *kind_datacenter(const struct config *config, uint32_t id);
const struct config_server *kind_server(const struct config *config, const char *name);
const struct config_tunnel_gateway *kind_tunnel_gateway(const struct config *config,
							const char *name);
const struct config_address *kind_address(const struct config *config, be32 addr);
/* The address statement whose network covers @addr; the longest prefix counts. */
const struct config_address *kind_network(const struct config *config, be32 addr);
const struct config_allow *kind_allow(const struct config *config, struct prefix network);

/* kind_print() - what follows "KIND add " in the statement that makes @item. */
void kind_print(enum config_kind kind, struct config_text *text, const void *item);
/* kind_print_key() - what follows "KIND del " in the statement that removes it. */
void kind_print_key(enum config_kind kind, struct config_text *text, const void *item);

/* The settings of the set object: the timers, then these. */
enum config_setting {
	SETTING_FLOW_CAPACITY = TIMER_COUNT,
	SETTING_ICMP_RATE,
	SETTING_CONNECTION_LIMITS,
	SETTING_MAPPING_LIMITS,
	SETTING_CREATION_RATE,
	SETTING_MSS_CLAMP,
	SETTING_DEAD_FLOW,
	SETTING_ACCESS_POLICY,
	SETTING_THRESHOLD,
	SETTING_DUPLICATE_DETECTION,
	SETTING_VMAC_QUOTA,
	SETTING_WORKERS,
	SETTING_COUNT
};
#define SETTING_WORDS_MAX 3
struct setting {
	const char *name;
	const char *unit;  /* what a number is, for messages; NULL: only words are taken */
	uint32_t min, max; /* of a number; min > max: none is taken */
	uint32_t normal;   /* default */
	size_t offset;	   /* of its uint32_t in struct config */
	struct {
		const char *text;
		uint32_t value;
	} word[SETTING_WORDS_MAX]; /* that stand for values; the rest is NULL */
};
extern const struct setting settings[SETTING_COUNT];

/* setting_word() - the word for @value, NULL if it is written as a number */
const char *setting_word(enum config_setting setting, uint32_t value);
bool setting_valid(enum config_setting setting, uint32_t value);

/* setting_expected() - what a value may be: "off or a number from 1 to 9" */
#define SETTING_EXPECTED_BYTES 80
const char *setting_expected(enum config_setting setting, char text[SETTING_EXPECTED_BYTES]);

/* setting_value() - where @config keeps a setting */
uint32_t *setting_value(struct config *config, enum config_setting setting);
uint32_t setting_get(const struct config *config, enum config_setting setting);

/* setting_print() - the statement that gives @setting its value in @config, without its end of line
 */
void setting_print(struct config_text *text, const struct config *config,
		   enum config_setting setting);

#endif
