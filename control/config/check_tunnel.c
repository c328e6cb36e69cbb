/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_tunnel - secure gateways: their addresses are the gateway's own, and free. */
#include <netinet/in.h>
#include <string.h>

#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/kind.h"
#include "control/config/tunnel.h"

static int check_listen(const struct check *check, const struct config_tunnel_gateway *gateway)
{
	const struct config *config = check->config;
	char text[ADDR_TEXT_BYTES];
	uint16_t port;
	be32 addr;

	tunnel_gateway_listens(gateway, &addr, &port);
	if (!addr)
		return error_set(check->error, gateway->line, 0,
				 "tunnel-gateway \"%s\": %s is a name, expected \"listen ADDRESS\" "
				 "beside it, with the address of the gateway to which it leads",
				 gateway->name, gateway->host);
	if (!kind_address(config, addr))
		return error_set(check->error, gateway->line, 0,
				 "tunnel-gateway \"%s\": %s is of no address statement, expected "
				 "\"listen ADDRESS\" with one that is",
				 gateway->name, addr_text(addr, text));
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];

		if (service->addr == addr && service->port == port &&
		    service->protocol == IPPROTO_TCP)
			return error_set(check->error, gateway->line, 0,
					 "tunnel-gateway \"%s\": %s:%u is that of service \"%s\", "
					 "expected another port",
					 gateway->name, addr_text(addr, text), port, service->name);
	}
	return 0;
}

/* Two may arrive at one address and port: what they say or show tells them apart, but not before
 * the certificate was shown. */
static int check_shared(const struct check *check, const struct config_tunnel_gateway *gateway)
{
	uint16_t port, other_port;
	be32 addr, other_addr;

	tunnel_gateway_listens(gateway, &addr, &port);
	for (const struct config_tunnel_gateway *other = check->config->tunnel_gateways;
	     other != gateway; other++) {
		tunnel_gateway_listens(other, &other_addr, &other_port);
		if (addr == other_addr && port == other_port &&
		    (strcmp(gateway->certificate, other->certificate) != 0 ||
		     strcmp(gateway->private_key, other->private_key) != 0))
			return error_set(check->error, gateway->line, 0,
					 "tunnel-gateway \"%s\": it shares address and port with "
					 "\"%s\", expected the same certificate and key",
					 gateway->name, other->name);
	}
	return 0;
}

static int check_gateway(const struct check *check, const struct config_tunnel_gateway *gateway)
{
	char text[ADDR_TEXT_BYTES];
	int wrong;

	if (!kind_address(check->config, gateway->inside))
		return error_set(check->error, gateway->line, 0,
				 "tunnel-gateway \"%s\": inside %s is of no address statement, "
				 "expected one of the gateway's addresses",
				 gateway->name, addr_text(gateway->inside, text));
	if (!*gateway->certificate != !*gateway->private_key)
		return error_set(check->error, gateway->line, 0,
				 "tunnel-gateway \"%s\": expected certificate and key, or "
				 "neither",
				 gateway->name);
	if (gateway->balance == BALANCE_SOURCE_HASH)
		return error_set(check->error, gateway->line, 0,
				 "tunnel-gateway \"%s\": expected balance round-robin or "
				 "least-connections",
				 gateway->name);
	wrong = check_listen(check, gateway);
	return wrong ? wrong : check_shared(check, gateway);
}

int check_tunnels(struct check *check)
{
	const struct config *config = check->config;
	int wrong = 0;

	for (size_t i = 0; i < config->n_tunnel_gateways && !wrong; i++)
		wrong = check_gateway(check, &config->tunnel_gateways[i]);
	for (size_t i = 0; i < config->n_tunnel_keys && !wrong; i++) {
		const struct config_tunnel_key *key = &config->tunnel_keys[i];

		if (!kind_tunnel_gateway(config, key->gateway))
			wrong = error_set(check->error, key->line, 0,
					  "tunnel-key \"%s\": tunnel-gateway \"%s\" does not "
					  "exist, expected one of a tunnel-gateway statement",
					  key->name, key->gateway);
	}
	return wrong;
}
