/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel - secure gateways in the configuration: where connectors dial in, and who may use what
 * they offer. Tokens are no configuration: state/tunnel.h.
 */
#ifndef PGW_CONFIG_TUNNEL_H
#define PGW_CONFIG_TUNNEL_H

#include "control/config/argument.h"
#include "control/config/text.h"

#define TUNNEL_PORT_NORMAL 443

/* These store into several members, so they take the whole item. */
bool argument_tunnel_address(void *gateway, const char *text, struct reason *why); /* HOST[:PORT] */
bool argument_tunnel_listen(void *gateway, const char *text, struct reason *why);
bool argument_tunnel_from(void *gateway, const char *text, struct reason *why);
bool argument_tunnel_file(void *field, const char *text, struct reason *why); /* [CONFIG_TEXT] */
bool argument_tunnel_key(void *field, const char *text, struct reason *why);  /* [CONFIG_SSH_KEY] */

int tunnel_gateway_compare(const void *a, const void *b);
bool tunnel_gateway_equal(const void *a, const void *b);
int tunnel_key_compare(const void *a, const void *b);
bool tunnel_key_equal(const void *a, const void *b);
void tunnel_gateway_print(struct config_text *text, const void *item);
void tunnel_key_print(struct config_text *text, const void *item);

/* tunnel_gateway_listens() - the address and port where connectors arrive; 0: it does not say */
void tunnel_gateway_listens(const struct config_tunnel_gateway *gateway, be32 *addr,
			    uint16_t *port);

#endif
