/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/tunnel.h"

#include <stdlib.h>
#include <string.h>

/* "HOST", "HOST:PORT" */
bool argument_tunnel_address(void *gateway, const char *text, struct reason *why)
{
	struct config_tunnel_gateway *item = gateway;
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	uint16_t port = TUNNEL_PORT_NORMAL;

	if (n == 0 || n >= sizeof(item->host))
		return argument_wrong(why,
				      "expected a host name or address, and :PORT if it is not "
				      "443");
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-",
			    text[i]))
			return argument_wrong(why, "expected a host name or address, such as "
						   "gateway.example.com:443");
	if (colon && !argument_port(&port, colon + 1, why))
		return false;
	memcpy(item->host, text, n);
	item->host[n] = '\0';
	item->port = port;
	return true;
}

bool argument_tunnel_listen(void *gateway, const char *text, struct reason *why)
{
	struct config_tunnel_gateway *item = gateway;

	if (argument_endpoint(&item->listen, &item->listen_port, text))
		return true;
	item->listen_port = 0; /* that of the address */
	if (addr_parse(text, &item->listen))
		return true;
	return argument_wrong(why, "expected an address of the gateway, such as 192.0.2.1:443");
}

bool argument_tunnel_from(void *gateway, const char *text, struct reason *why)
{
	struct config_tunnel_gateway *item = gateway;
	char one[PREFIX_TEXT_BYTES + 4];

	while (item->n_from < CONFIG_TUNNEL_FROM_MAX) {
		size_t n = strcspn(text, ",");

		if (n >= sizeof(one))
			return argument_wrong(why, "expected networks such as 192.0.2.0/24, "
						   "separated by commas");
		memcpy(one, text, n);
		one[n] = '\0';
		if (!argument_prefix(&item->from[item->n_from], one, why))
			return false;
		item->n_from++;
		if (!text[n])
			return true;
		text += n + 1;
	}
	return argument_wrong(why, "expected at most %d networks", CONFIG_TUNNEL_FROM_MAX);
}

bool argument_tunnel_file(void *field, const char *text, struct reason *why)
{
	if (text[0] != '/' || strlen(text) >= CONFIG_TEXT)
		return argument_wrong(why,
				      "expected the path of a PEM file, from the root, of at "
				      "most %d bytes",
				      CONFIG_TEXT - 1);
	strcpy(field, text);
	return true;
}

static bool is_base64(const char *text, size_t n)
{
	size_t end = n;

	while (end && text[end - 1] == '=')
		end--;
	for (size_t i = 0; i < end; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
			    text[i]))
			return false;
	return n && n % 4 == 0 && n - end <= 2;
}

/* As in a .pub file: "TYPE BASE64 COMMENT", or the base64 alone. It is kept alone. */
bool argument_tunnel_key(void *field, const char *text, struct reason *why)
{
	const char *blob = text, *space = strchr(text, ' ');
	size_t n;

	if (space && strncmp(text, "AAAA", 4) != 0)
		blob = space + 1;
	n = strcspn(blob, " ");
	if (strncmp(blob, "AAAA", 4) != 0 || !is_base64(blob, n) || n >= CONFIG_SSH_KEY)
		return argument_wrong(why, "expected a public key as in a file of ssh-keygen: "
					   "ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa");
	memcpy(field, blob, n);
	((char *)field)[n] = '\0';
	return true;
}

void tunnel_gateway_listens(const struct config_tunnel_gateway *gateway, be32 *addr, uint16_t *port)
{
	*addr = gateway->listen;
	*port = gateway->listen_port ? gateway->listen_port : gateway->port;
	if (!*addr && !addr_parse(gateway->host, addr))
		*addr = 0;
}

int tunnel_gateway_compare(const void *a, const void *b)
{
	const struct config_tunnel_gateway *x = a, *y = b;

	return strcmp(x->name, y->name);
}

bool tunnel_gateway_equal(const void *a, const void *b)
{
	const struct config_tunnel_gateway *x = a, *y = b;

	if (strcmp(x->name, y->name) != 0 || strcmp(x->host, y->host) != 0 || x->port != y->port ||
	    x->listen != y->listen || x->listen_port != y->listen_port || x->inside != y->inside ||
	    x->balance != y->balance || x->n_from != y->n_from ||
	    strcmp(x->certificate, y->certificate) != 0 ||
	    strcmp(x->private_key, y->private_key) != 0)
		return false;
	for (size_t i = 0; i < x->n_from; i++)
		if (x->from[i].addr != y->from[i].addr || x->from[i].len != y->from[i].len)
			return false;
	return true;
}

int tunnel_key_compare(const void *a, const void *b)
{
	const struct config_tunnel_key *x = a, *y = b;

	return strcmp(x->name, y->name);
}

bool tunnel_key_equal(const void *a, const void *b)
{
	const struct config_tunnel_key *x = a, *y = b;

	return strcmp(x->name, y->name) == 0 && strcmp(x->gateway, y->gateway) == 0 &&
	       strcmp(x->key, y->key) == 0;
}

void tunnel_gateway_print(struct config_text *text, const void *item)
{
	const struct config_tunnel_gateway *gateway = item;
	char buf[PREFIX_TEXT_BYTES];

	config_text_add(text, "%s address %s:%u inside %s from ", gateway->name, gateway->host,
			gateway->port, addr_text(gateway->inside, buf));
	for (size_t i = 0; i < gateway->n_from; i++)
		config_text_add(text, "%s%s", i ? "," : "", prefix_text(gateway->from[i], buf));
	if (gateway->listen)
		config_text_add(text, " listen %s", addr_text(gateway->listen, buf));
	if (gateway->listen_port)
		config_text_add(text, ":%u", gateway->listen_port);
	if (gateway->balance != BALANCE_ROUND_ROBIN)
		config_text_add(text, " balance %s", balance_name(gateway->balance));
	if (*gateway->certificate) {
		config_text_add(text, " certificate ");
		config_text_quote(text, gateway->certificate);
		config_text_add(text, " key ");
		config_text_quote(text, gateway->private_key);
	}
}

void tunnel_key_print(struct config_text *text, const void *item)
{
	const struct config_tunnel_key *key = item;

	config_text_add(text, "%s gateway %s key %s", key->name, key->gateway, key->key);
}
