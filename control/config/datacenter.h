/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datacenter - the private gateway in the configuration.
 *
 * A datacenter's gateway is enabled where its statement names the gateway's address. Then its
 * services stand at that address, or each at its private-address, and remember the Internet
 * address to which they go back; otherwise they stand at their Internet addresses. The check keeps
 * it that way: no service of an enabled gateway is in realm internet, none of a disabled one
 * elsewhere. So moving the access is a change of the configuration like any other, one revision.
 */
#ifndef PGW_CONFIG_DATACENTER_H
#define PGW_CONFIG_DATACENTER_H

#include "control/config/argument.h"

bool argument_datacenter(void *field, const char *text, struct reason *why); /* uint32_t */
bool argument_host_names(void *field, const char *text, struct reason *why); /* host_names */

/* The place of a private gateway. */
struct gateway_place {
	be32 addr;
	uint8_t prefix_len;
	char portgroup[CONFIG_NAME];
};

/* gateway_place_equal() - the same address, network and portgroup? */
bool gateway_place_equal(const struct gateway_place *a, const struct gateway_place *b);

/* gateway_place_of() - where the gateway of @datacenter is. Return: false: it is disabled. */
bool gateway_place_of(const struct config *config, const struct config_datacenter *datacenter,
		      struct gateway_place *place);

/**
 * gateway_add_address() - add the address statement of a gateway that is to come
 * Nothing happens where there is one for that very address, network and portgroup.
 * Return: 0, -EINVAL with @error set (the address is on another network or portgroup), -ENOMEM.
 */
int gateway_add_address(struct config *config, uint32_t datacenter,
			const struct gateway_place *place, struct config_error *error);

/* gateway_del_address() - remove the address statement that enabling has made. One that the
 * operator wrote stays. */
void gateway_del_address(struct config *config, uint32_t datacenter, be32 addr);

/**
 * gateway_move() - move the access of @datacenter to @to, whose address statement is there
 * @to: NULL: to the Internet
 * Return: 0, or -EINVAL with @error set: a service has no address there.
 */
int gateway_move(struct config *config, uint32_t datacenter, const struct gateway_place *to,
		 struct config_error *error);

/**
 * gateway_hand_over() - make the gateway of @from and the services that it has moved those of @to
 * Return: 0, or -EINVAL with @error set: @to does not exist or has an enabled gateway.
 */
int gateway_hand_over(struct config *config, uint32_t from, uint32_t to,
		      struct config_error *error);

#endif
