/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "control/config/check.h"
#include "control/config/error.h"

#define LISTENER_EXPECTED "expected ADDRESS:PORT such as 0.0.0.0:443, or the path of a UNIX socket"

bool argument_listener(void *item, const char *text, struct reason *why)
{
	struct config_api *api = item;
	char address[ADDR_TEXT_BYTES];
	uint8_t first;

	if (*text == '/') {
		if (!argument_path(api->listen, text, why))
			return false;
		if (strlen(text) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return argument_wrong(why, "expected a path of at most 107 bytes");
		return true;
	}
	if (!argument_endpoint(&api->addr, &api->port, text))
		return argument_wrong(why, LISTENER_EXPECTED);
	first = (uint8_t)(ntohl(api->addr) >> 24);
	if (first >= 224 || (first == 0 && api->addr))
		return argument_wrong(why, "expected an address of this host, or 0.0.0.0 for all");
	snprintf(api->listen, sizeof(api->listen), "%s:%u", addr_text(api->addr, address),
		 api->port);
	return true;
}

bool argument_scheme(void *field, const char *text, struct reason *why)
{
	bool *tls = field;

	*tls = strcmp(text, "https") == 0;
	if (!*tls && strcmp(text, "http") != 0)
		return argument_wrong(why, "expected https or http");
	return true;
}

bool argument_host(void *field, const char *text, struct reason *why)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	size_t bytes = strlen(text);

	if (!bytes || bytes >= CONFIG_TEXT || text[strspn(text, letters)] || *text == '.' ||
	    *text == '-' || strstr(text, ".."))
		return argument_wrong(why,
				      "expected a host name such as gateway.example.net of at most "
				      "127 characters");
	memcpy(field, text, bytes + 1);
	return true;
}

/* What a service or a pool takes never reaches a server of this host. */
static int check_taken(const struct check *check, const struct config_api *api)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];

		if (service->protocol == IPPROTO_TCP && service->port == api->port &&
		    service->addr == api->addr)
			return error_set(check->error, api->line, 0,
					 "api %s: that is the address and port of service \"%s\", "
					 "expected another one",
					 api->listen, service->name);
	}
	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (api->port < pool->port_first || api->port > pool->port_last)
			continue;
		for (size_t j = 0; j < pool->n_external; j++)
			if (pool->external[j] == api->addr)
				return error_set(check->error, api->line, 0,
						 "api %s: that is among the ports of pool \"%s\", "
						 "expected another port",
						 api->listen, pool->name);
	}
	if (config->metrics.port == api->port && (config->metrics.addr == api->addr || !api->addr))
		return error_set(check->error, api->line, 0,
				 "api %s: metrics are served there, expected another port",
				 api->listen);
	return 0;
}

static int check_api(const struct check *check, const struct config_api *api)
{
	bool local = !api->port || ntohl(api->addr) >> 24 == 127;

	if (!*api->certificate != !*api->key)
		return error_set(check->error, api->line, 0,
				 "api %s: expected certificate and key, or neither of them",
				 api->listen);
	if (!api->tls && (*api->certificate || *api->host_name))
		return error_set(check->error, api->line, 0,
				 "api %s: a certificate and its host name need scheme https",
				 api->listen);
	/* Without TLS whoever is on the way reads what comes back, and may take over what is sent.
	 */
	if (!api->tls && !local)
		return error_set(check->error, api->line, 0,
				 "api %s: expected scheme https, or an address of 127.0.0.0/8 or a "
				 "UNIX socket",
				 api->listen);
	return api->port ? check_taken(check, api) : 0;
}

int check_apis(const struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->n_apis; i++) {
		const struct config_api *api = &config->apis[i];
		int wrong = check_api(check, api);

		for (size_t k = 0; !wrong && api->port && k < config->n_apis; k++)
			if (k != i && config->apis[k].port == api->port && !config->apis[k].addr)
				wrong = error_set(check->error, api->line, 0,
						  "api %s: %s takes this port at all addresses",
						  api->listen, config->apis[k].listen);
		if (wrong)
			return wrong;
	}
	return 0;
}
