/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/proxy.h"

#include <string.h>

#define COMMAND_PROXY 0x21 /* version 2, PROXY */
#define FAMILY_TCP4   0x11

static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

void proxy_header(uint8_t header[PROXY_BYTES], be32 client, uint16_t client_port, be32 service,
		  uint16_t service_port)
{
	static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

	memcpy(header, signature, sizeof(signature));
	header[12] = COMMAND_PROXY;
	header[13] = FAMILY_TCP4;
	put_port(header + 14, PROXY_BYTES - 16);
	memcpy(header + 16, &client, sizeof(client));
	memcpy(header + 20, &service, sizeof(service));
	put_port(header + 24, client_port);
	put_port(header + 26, service_port);
}
