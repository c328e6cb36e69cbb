/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chisel - what a Cloud Connector asks for: the configuration of the protocol chisel-v3, JSON in
 * the first global request.
 *
 * Only reverse remotes are taken: the gateway listens and opens channels, the connector dials.
 */
#ifndef PGW_RELAY_CHISEL_H
#define PGW_RELAY_CHISEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_wire.h"

#define CHISEL_PROTOCOL	     "chisel-v3" /* of the WebSocket */
#define CHISEL_BANNER	     "SSH-chisel-v3-server"
#define CHISEL_CLIENT_BANNER "SSH-chisel-v3-client"
#define CHISEL_CHANNEL	     "chisel"
#define CHISEL_CONFIG_MAX    65536u /* bytes of JSON */
#define CHISEL_REMOTES_MAX   256u
#define CHISEL_TARGET_BYTES  272 /* "host:port/udp", NUL */
#define CHISEL_HOST_BYTES    256
#define CHISEL_ERROR_TEXT    160

struct chisel_remote {
	char listen_host[CHISEL_HOST_BYTES]; /* LocalHost: where the gateway is asked to listen */
	uint16_t port;			     /* LocalPort */
	bool udp;
	char target[CHISEL_TARGET_BYTES]; /* what a channel's extra data is */
};

struct chisel_config {
	char version[32];
	unsigned n;
	struct chisel_remote *remotes;
};

/*
 * chisel_config_read() - read a request's payload
 * @error: CHISEL_ERROR_TEXT bytes; what the connector is told.
 * Return: 0, -EPROTO, -ENOMEM.
 */
int chisel_config_read(struct chisel_config *config, struct ssh_text json, char *error);
void chisel_config_free(struct chisel_config *config);

#endif
