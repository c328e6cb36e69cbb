/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * print - the model as statements.
 *
 * One blank between words and only what differs from the default: no printed line is then longer
 * than the shortest line that could have made the item, so it is within the parser's limit.
 */
#include <assert.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/config/tunnel.h"
#include "control/config/metrics.h"
#include "control/config/session_log.h"

static void print_name(struct config_text *text, const void *item)
{
	config_text_add(text, "%s", (const char *)item); /* name is the first member */
}
static_assert(offsetof(struct config_portgroup, name) == 0, "print_name");
static_assert(offsetof(struct config_pool, name) == 0, "print_name");
static_assert(offsetof(struct config_service, name) == 0, "print_name");
static_assert(offsetof(struct config_server, name) == 0, "print_name");
static_assert(offsetof(struct config_tunnel_gateway, name) == 0, "print_name");
static_assert(offsetof(struct config_tunnel_key, name) == 0, "print_name");

static void print_portgroup(struct config_text *text, const void *item)
{
	const struct config_portgroup *portgroup = item;

	config_text_add(text, "%s dev %s", portgroup->name, portgroup->dev);
	if (portgroup->vlan)
		config_text_add(text, " vlan %u", portgroup->vlan);
	config_text_add(text, " realm %s", realm_name(portgroup->realm));
	if (!portgroup->last_hop)
		config_text_add(text, " last-hop off");
	if (!portgroup->reverse_path)
		config_text_add(text, " reverse-path off");
	if (portgroup->offload != CONFIG_OFFLOAD_NORMAL)
		config_text_add(text, " offload %s", offload_mode_name(portgroup->offload));
	if (portgroup->io != IO_PACKET)
		config_text_add(text, " io %s", io_mode_name(portgroup->io));
}

static void print_address(struct config_text *text, const void *item)
{
	const struct config_address *address = item;
	char buf[ADDR_TEXT_BYTES];

	config_text_add(text, "%s/%u portgroup %s", addr_text(address->addr, buf),
			address->prefix_len, address->portgroup);
	if (address->datacenter)
		config_text_add(text, " datacenter %u", address->datacenter);
}

static void print_address_key(struct config_text *text, const void *item)
{
	struct config_address address = *(const struct config_address *)item;

	address.datacenter = 0;
	print_address(text, &address);
}

static void print_route_key(struct config_text *text, const void *item)
{
	const struct config_route *route = item;
	char buf[PREFIX_TEXT_BYTES];

	config_text_add(text, "%s", route->to.len ? prefix_text(route->to, buf) : "default");
}

static void print_route(struct config_text *text, const void *item)
{
	const struct config_route *route = item;
	char buf[ADDR_TEXT_BYTES];

	print_route_key(text, item);
	config_text_add(text, " via %s", addr_text(route->via, buf));
}

static void print_pool(struct config_text *text, const void *item)
{
	const struct config_pool *pool = item;

	config_text_add(text, "%s external-ip-address ", pool->name);
	for (size_t i = 0; i < pool->n_external; i++) {
		char buf[ADDR_TEXT_BYTES];

		config_text_add(text, "%s%s", i ? "," : "", addr_text(pool->external[i], buf));
	}
	if (pool->port_first != 1024 || pool->port_last != 65535)
		config_text_add(text, " ports %u-%u", pool->port_first, pool->port_last);
	if (pool->mapping != MAPPING_EIM)
		config_text_add(text, " mapping-type %s", mapping_type_name(pool->mapping));
	if (pool->filtering != FILTERING_EDF)
		config_text_add(text, " filtering-type %s", filtering_type_name(pool->filtering));
	if (pool->port_quota)
		config_text_add(text, " port-quota %u", pool->port_quota);
}

static void print_nat_key(struct config_text *text, const void *item)
{
	const struct config_nat *nat = item;

	config_text_add(text, "%u", nat->number);
}

static void print_nat(struct config_text *text, const void *item)
{
	const struct config_nat *nat = item;
	char from[PREFIX_TEXT_BYTES], to[PREFIX_TEXT_BYTES];

	config_text_add(text, "%u from %s to %s", nat->number, prefix_text(nat->from, from),
			prefix_text(nat->to, to));
	if (nat->protocol)
		config_text_add(text, " protocol %s", protocol_name(nat->protocol));
	if (nat->pass)
		config_text_add(text, " nat-pass-through");
	else
		config_text_add(text, " pool %s", nat->pool);
}

static void print_seconds(struct config_text *text, const char *name, uint32_t ms)
{
	unsigned digits = 3, fraction = ms % 1000;

	config_text_add(text, " %s %u", name, ms / 1000);
	if (fraction == 0)
		return;
	for (; fraction % 10 == 0; fraction /= 10)
		digits--;
	config_text_add(text, ".%0*u", (int)digits, fraction);
}

static void print_check(struct config_text *text, const struct config_check *check)
{
	config_text_add(text, " check %s", check_kind_name(check->kind));
	if (strcmp(check->path, CHECK_PATH) != 0)
		config_text_add(text, " path %s", check->path);
	if (check->interval_ms != CHECK_INTERVAL_MS)
		print_seconds(text, "interval", check->interval_ms);
	if (check->timeout_ms != CHECK_TIMEOUT_MS)
		print_seconds(text, "timeout", check->timeout_ms);
	if (check->rise != CHECK_RISE)
		config_text_add(text, " rise %u", check->rise);
	if (check->fall != CHECK_FALL)
		config_text_add(text, " fall %u", check->fall);
}

static void print_service(struct config_text *text, const void *item)
{
	const struct config_service *service = item;
	char buf[ADDR_TEXT_BYTES];

	config_text_add(text, "%s address %s protocol %s port %u", service->name,
			addr_text(service->addr, buf), protocol_name(service->protocol),
			service->port);
	for (size_t i = 0; i < service->n_sni; i++)
		config_text_add(text, "%s%s", i ? "," : " sni ", service->sni[i]);
	if (service->proxy)
		config_text_add(text, " proxy-protocol v2");
	for (size_t i = 0; i < service->n_backends; i++)
		config_text_add(text, " backend %s:%u", addr_text(service->backends[i].addr, buf),
				service->backends[i].port);
	if (service->balance != BALANCE_ROUND_ROBIN)
		config_text_add(text, " balance %s", balance_name(service->balance));
	if (service->check.kind != CHECK_NONE)
		print_check(text, &service->check);
	if (service->dead != DEAD_KEEP)
		config_text_add(text, " dead %s", dead_backend_name(service->dead));
	if (service->down != DOWN_SILENCE)
		config_text_add(text, " down %s", down_answer_name(service->down));
	if (service->datacenter)
		config_text_add(text, " datacenter %u", service->datacenter);
	if (service->internet_address)
		config_text_add(text, " internet-address %s",
				addr_text(service->internet_address, buf));
	if (service->private_address)
		config_text_add(text, " private-address %s",
				addr_text(service->private_address, buf));
	if (*service->host_names)
		config_text_add(text, " host-name %s", service->host_names);
}

static void print_datacenter_key(struct config_text *text, const void *item)
{
	const struct config_datacenter *datacenter = item;

	config_text_add(text, "%u", datacenter->id);
}

static void print_datacenter(struct config_text *text, const void *item)
{
	const struct config_datacenter *datacenter = item;
	char buf[ADDR_TEXT_BYTES];

	print_datacenter_key(text, item);
	config_text_add(text, " service-name %s name %s", datacenter->service_name,
			datacenter->name);
	if (datacenter->gateway)
		config_text_add(text, " gateway %s", addr_text(datacenter->gateway, buf));
	if (*datacenter->description) {
		config_text_add(text, " description ");
		config_text_quote(text, datacenter->description);
	}
}

static void print_server(struct config_text *text, const void *item)
{
	const struct config_server *server = item;

	config_text_add(text, "%s", server->name);
	if (*server->portgroup)
		config_text_add(text, " portgroup %s", server->portgroup);
}

static void print_vrack_block(struct config_text *text, const void *item)
{
	const struct config_vrack_block *block = item;
	char buf[PREFIX_TEXT_BYTES];

	config_text_add(text, "%s", prefix_text(block->network, buf));
}

static void print_ntp_key(struct config_text *text, const void *item)
{
	const struct config_ntp *ntp = item;
	char buf[ADDR_TEXT_BYTES];

	config_text_add(text, "%s", addr_text(ntp->addr, buf));
}

static void print_ntp(struct config_text *text, const void *item)
{
	const struct config_ntp *ntp = item;

	print_ntp_key(text, item);
	for (size_t i = 0; i < ntp->n_servers; i++)
		config_text_add(text, " server %s", ntp->servers[i]);
}

static void print_allow_key(struct config_text *text, const void *item)
{
	const struct config_allow *allow = item;
	char buf[PREFIX_TEXT_BYTES];

	config_text_add(text, "%s", prefix_text(allow->network, buf));
}

static void print_allow(struct config_text *text, const void *item)
{
	const struct config_allow *allow = item;

	print_allow_key(text, item);
	if (allow->description[0]) {
		config_text_add(text, " description ");
		config_text_quote(text, allow->description);
	}
}

static void print_vmac_key(struct config_text *text, const void *item)
{
	const struct config_vmac *vmac = item;
	char mac[MAC_TEXT_BYTES], addr[ADDR_TEXT_BYTES];

	config_text_add(text, "%s", mac_text(vmac->mac, mac));
	if (vmac->addr)
		config_text_add(text, " address %s", addr_text(vmac->addr, addr));
}

static void print_vmac(struct config_text *text, const void *item)
{
	const struct config_vmac *vmac = item;

	print_vmac_key(text, item);
	config_text_add(text, " portgroup %s type %s name %s", vmac->portgroup,
			vmac_type_name(vmac->type), vmac->name);
}

static void print_api_key(struct config_text *text, const void *item)
{
	config_text_add(text, "%s", ((const struct config_api *)item)->listen);
}

static void print_api(struct config_text *text, const void *item)
{
	const struct config_api *api = item;

	config_text_add(text, "%s scheme %s", api->listen, api->tls ? "https" : "http");
	if (*api->certificate)
		config_text_add(text, " certificate %s key %s", api->certificate, api->key);
	if (*api->host_name)
		config_text_add(text, " host-name %s", api->host_name);
}

static const struct {
	void (*item)(struct config_text *text, const void *item);
	void (*key)(struct config_text *text, const void *item);
} printers[KIND_COUNT] = {
	[KIND_PORTGROUP] = {print_portgroup, print_name},
	[KIND_ADDRESS] = {print_address, print_address_key},
	[KIND_ROUTE] = {print_route, print_route_key},
	[KIND_POOL] = {print_pool, print_name},
	[KIND_NAT] = {print_nat, print_nat_key},
	[KIND_SERVICE] = {print_service, print_name},
	[KIND_ALLOW] = {print_allow, print_allow_key},
	[KIND_VMAC] = {print_vmac, print_vmac_key},
	[KIND_DATACENTER] = {print_datacenter, print_datacenter_key},
	[KIND_SERVER] = {print_server, print_name},
	[KIND_VRACK_BLOCK] = {print_vrack_block, print_vrack_block},
	[KIND_API] = {print_api, print_api_key},
	[KIND_NTP] = {print_ntp, print_ntp_key},
	[KIND_TUNNEL_GATEWAY] = {tunnel_gateway_print, print_name},
	[KIND_TUNNEL_KEY] = {tunnel_key_print, print_name},
};
static_assert(sizeof(printers) / sizeof(printers[0]) == KIND_COUNT, "one per kind");

void kind_print(enum config_kind kind, struct config_text *text, const void *item)
{
	printers[kind].item(text, item);
}

void kind_print_key(enum config_kind kind, struct config_text *text, const void *item)
{
	printers[kind].key(text, item);
}

void setting_print(struct config_text *text, const struct config *config,
		   enum config_setting setting)
{
	uint32_t value = setting_get(config, setting);

	config_text_add(text, "set %s%s ", (unsigned)setting < TIMER_COUNT ? "timer " : "",
			settings[setting].name);
	if (value == settings[setting].normal)
		config_text_add(text, "default");
	else if (setting_word(setting, value))
		config_text_add(text, "%s", setting_word(setting, value));
	else
		config_text_add(text, "%u", value);
}

char *config_print(const struct config *config)
{
	struct config_text text = {0};
	size_t before = 0; /* bytes before the current group */

	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		for (size_t i = 0; i < kind_count(config, kind); i++) {
			config_text_add(&text, "%s%s add ", i == 0 && before ? "\n" : "",
					kinds[kind].name);
			kind_print(kind, &text, kind_item(config, kind, i));
			config_text_add(&text, "\n");
		}
		before = text.n;
	}
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		if (setting_get(config, i) == settings[i].normal)
			continue;
		if (before && before == text.n)
			config_text_add(&text, "\n");
		setting_print(&text, config, i);
		config_text_add(&text, "\n");
	}
	if (config->session_log.kind != SESSION_LOG_OFF) {
		if (before && before == text.n)
			config_text_add(&text, "\n");
		session_log_print(&text, &config->session_log);
		config_text_add(&text, "\n");
	}
	if (config->metrics.port) {
		if (before && before == text.n)
			config_text_add(&text, "\n");
		config_text_add(&text, "set " METRICS_NAME " ");
		metrics_value(&text, &config->metrics);
		config_text_add(&text, "\n");
	}
	return config_text_take(&text);
}
