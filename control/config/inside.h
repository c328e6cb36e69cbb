/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inside - what clients reach at the gateway itself, behind the datapath: services told apart by
 * TLS names (pgw-relay) and NTP (chronyd).
 *
 * Sockets of this host cannot serve such clients directly: the kernel has no way back to a client
 * of a foreign subnet, and knows neither the allow list nor the limits. So these addresses and
 * ports stay the datapath's, like those of any service, and it passes what is admitted on to a
 * portgroup of its own making: one end of a pair of links, at whose other end the sockets
 * listen. Answers come back through it and take the last hop. (docs/decisions has the reasons.)
 *
 * For the datapath that is an ordinary configuration: inside_expand() makes it, with a portgroup, a
 * rule that keeps the client's address, and one service for each address and port.
 */
#ifndef PGW_CONFIG_INSIDE_H
#define PGW_CONFIG_INSIDE_H

#include "control/config/model.h"

#define INSIDE_PORTGROUP     "pgw-inside"
#define INSIDE_DEV	     "pgwin0" /* the datapath's end */
#define INSIDE_DEV_HOST	     "pgwin1" /* the sockets' end */
#define INSIDE_NETWORK_TEXT  "169.254.112.0/30"
#define INSIDE_ADDRESS_TEXT  "169.254.112.1" /* the datapath's */
#define INSIDE_HOST_TEXT     "169.254.112.2" /* the sockets' */
#define INSIDE_PREFIX_LENGTH 30
#define INSIDE_NTP_PORT	     123
#define INSIDE_PORT_FIRST    10000 /* of sockets for TCP; where one is taken, the next */
#define INSIDE_PORT_NTP	     10123 /* chronyd is not root, so it needs a port above 1023 */

/* An address and port that clients know. */
struct inside_place {
	be32 addr;
	uint8_t protocol;
	uint16_t port;	 /* host order */
	uint16_t inside; /* where the sockets listen, host order; 0: not known yet */
};

/**
 * inside_places() - those of a configuration, in the order of address, protocol and port
 * @list: malloc'ed
 * Return: 0 or -ENOMEM.
 */
int inside_places(const struct config *config, struct inside_place **list, size_t *n);

/* inside_relayed() - whether @service is one of those that pgw-relay serves. */
bool inside_relayed(const struct config_service *service, const struct inside_place *list,
		    size_t n);

/**
 * inside_expand() - what the datapath is to be told of a checked configuration
 * @to: set; config_free() is due
 * @list: of inside_places(), with each .inside
 * Return: 0 or -ENOMEM.
 */
int inside_expand(struct config *to, const struct config *config, const struct inside_place *list,
		  size_t n);

/**
 * inside_up() - which backends of the expanded configuration are up
 * @up: of those of @config in its order, as health_plan_up(); NULL: all
 * Return: malloc'ed, in the order of @expanded; NULL without memory.
 */
uint8_t *inside_up(const struct config *expanded, const struct config *config, const uint8_t *up,
		   size_t *n);

#endif
