/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy - the PROXY protocol's version 2 header, which tells a backend who its client is. */
#ifndef PGW_RELAY_PROXY_H
#define PGW_RELAY_PROXY_H

#include "datapath/base/addr.h"

#define PROXY_BYTES 28 /* of a header for TCP over IPv4 */

/* proxy_header() - as the client sees the connection; ports in host order */
void proxy_header(uint8_t header[PROXY_BYTES], be32 client, uint16_t client_port, be32 service,
		  uint16_t service_port);

#endif
