/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed - the networks that may use the gateway. */
#ifndef PGW_CONFIG_ALLOWED_H
#define PGW_CONFIG_ALLOWED_H

#include "control/config/model.h"

/* An allow entry, or the network of a private gateway: that is always served, like the hosted
 * product's. */
struct allowed {
	struct prefix network;
	uint32_t entry; /* of the configuration's allow entries; of a gateway: their number */
};

/* allowed_networks() - all of them, each once: nested or apart, in the order of their first
 * addresses, the wider first. Return: malloc'ed; NULL without memory. */
struct allowed *allowed_networks(const struct config *config, size_t *n);

#endif
