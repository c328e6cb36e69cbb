/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/argument.h"
#include "datapath/flow/layout.h"

#define POOL_PORT_MIN 1024u /* below are the ports of the system's own servers (RFC 6056) */

bool argument_wrong(struct reason *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	return false;
}

static bool no_memory(struct reason *why)
{
	why->no_memory = true;
	return false;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A leading "-" or "." would make a name an option or a hidden file somewhere. */
static bool is_name(const char *text)
{
	if (!is_letter_or_digit(*text) && *text != '_')
		return false;
	for (const char *p = text; *p; p++)
		if (!is_letter_or_digit(*p) && !strchr("_.-", *p))
			return false;
	return strlen(text) < CONFIG_NAME;
}

bool argument_name(void *field, const char *text, struct reason *why)
{
	if (!is_name(text))
		return argument_wrong(
			why,
			"expected a name of 1 to %d letters, digits, \"_\", \"-\" and "
			"\".\" that begins with a letter, a digit or \"_\"",
			CONFIG_NAME - 1);
	strcpy(field, text);
	return true;
}

/* What the kernel takes as a name (dev_valid_name), without bytes that would need quotes. */
static bool is_dev(const char *text)
{
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0 || *text == '\0')
		return false;
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("/:\"\\#%", *p))
			return false;
	return strlen(text) < CONFIG_DEV;
}

bool argument_dev(void *field, const char *text, struct reason *why)
{
	if (!is_dev(text))
		return argument_wrong(why,
				      "expected the name of an interface such as eth0, 1 to %d "
				      "characters",
				      CONFIG_DEV - 1);
	strcpy(field, text);
	return true;
}

bool argument_description(void *field, const char *text, struct reason *why)
{
	if (strlen(text) >= CONFIG_TEXT)
		return argument_wrong(why, "expected a text of at most %d bytes", CONFIG_TEXT - 1);
	strcpy(field, text);
	return true;
}

bool argument_number(uint32_t *value, const char *text, uint32_t min, uint32_t max,
		     struct reason *why)
{
	uint64_t n = 0;
	const char *p = text;

	while (*p >= '0' && *p <= '9' && n <= max)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == text || *p || n < min || n > max || (*text == '0' && p - text > 1))
		return argument_wrong(why, "expected a number from %u to %u", min, max);
	*value = (uint32_t)n;
	return true;
}

static bool read_uint16(void *field, const char *text, uint32_t min, uint32_t max,
			struct reason *why)
{
	uint32_t value;

	if (!argument_number(&value, text, min, max, why))
		return false;
	*(uint16_t *)field = (uint16_t)value;
	return true;
}

bool argument_vlan(void *field, const char *text, struct reason *why)
{
	return read_uint16(field, text, 1, 4094, why);
}

bool argument_rule(void *field, const char *text, struct reason *why)
{
	return read_uint16(field, text, 1, 65535, why);
}

bool argument_port(void *field, const char *text, struct reason *why)
{
	return read_uint16(field, text, 1, 65535, why);
}

bool argument_on_off(void *field, const char *text, struct reason *why)
{
	bool on = strcmp(text, "on") == 0;

	if (!on && strcmp(text, "off") != 0)
		return argument_wrong(why, "expected on or off");
	*(bool *)field = on;
	return true;
}

bool argument_offload(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < OFFLOAD_MODE_COUNT; i++)
		if (strcmp(text, offload_mode_name(i)) == 0) {
			*(enum offload_mode *)field = i;
			return true;
		}
	return argument_wrong(why, "expected auto, tc, xdp or off");
}

bool argument_io(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < IO_MODE_COUNT; i++)
		if (strcmp(text, io_mode_name(i)) == 0) {
			*(enum io_mode *)field = i;
			return true;
		}
	return argument_wrong(why, "expected packet or xdp");
}

bool argument_realm(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < REALM_COUNT; i++)
		if (strcmp(text, realm_name(i)) == 0) {
			*(enum realm *)field = i;
			return true;
		}
	return argument_wrong(why, "expected private, vsphere or internet");
}

bool argument_mapping(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < MAPPING_TYPE_COUNT; i++)
		if (strcmp(text, mapping_type_name(i)) == 0) {
			*(enum mapping_type *)field = i;
			return true;
		}
	return argument_wrong(why, "expected eim or edm");
}

bool argument_filtering(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < FILTERING_TYPE_COUNT; i++)
		if (strcmp(text, filtering_type_name(i)) == 0) {
			*(enum filtering_type *)field = i;
			return true;
		}
	return argument_wrong(why, "expected eif, adf or edf");
}

bool argument_quota(void *field, const char *text, struct reason *why)
{
	return argument_number(field, text, 1, FLOW_CAPACITY_MAX, why);
}

/* RFC 8512 also has "arbitrary", which RFC 4787 (REQ-2) advises against. */
bool argument_allocation(void *field, const char *text, struct reason *why)
{
	(void)field;
	return strcmp(text, "paired") == 0 ? true : argument_wrong(why, "expected paired");
}

bool argument_balance(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < BALANCE_COUNT; i++)
		if (strcmp(text, balance_name(i)) == 0) {
			*(enum balance *)field = i;
			return true;
		}
	return argument_wrong(why, "expected round-robin, least-connections or "
				   "source-hash");
}

bool argument_transport(void *field, const char *text, struct reason *why)
{
	uint8_t *protocol = field;

	if (strcmp(text, "tcp") == 0)
		*protocol = IPPROTO_TCP;
	else if (strcmp(text, "udp") == 0)
		*protocol = IPPROTO_UDP;
	else
		return argument_wrong(why, "expected tcp or udp");
	return true;
}

bool argument_protocol(void *field, const char *text, struct reason *why)
{
	uint8_t *protocol = field;

	if (strcmp(text, "any") == 0)
		*protocol = 0;
	else if (strcmp(text, "icmp") == 0)
		*protocol = IPPROTO_ICMP;
	else if (!argument_transport(field, text, why))
		return argument_wrong(why, "expected tcp, udp, icmp or any");
	return true;
}

/* Networks of which no host may have an address: RFC 1122, 3.2.1.3; RFC 1812, 5.3.7. */
static const struct {
	uint32_t first; /* host order */
	uint8_t len;
	const char *text;
} martians[] = {
	{0x00000000, 8, "0.0.0.0/8 means this network"},
	{0x7f000000, 8, "127.0.0.0/8 is loopback"},
	{0xe0000000, 4, "224.0.0.0/4 is multicast"},
	{0xf0000000, 4, "240.0.0.0/4 is reserved"},
};

/* Return: why no host can have an address of @prefix, or NULL. */
static const char *martian(struct prefix prefix)
{
	for (unsigned i = 0; i < sizeof(martians) / sizeof(martians[0]); i++) {
		struct prefix wrong = {htonl(martians[i].first), martians[i].len};

		if (prefix.len >= wrong.len && prefix_covers(wrong, prefix.addr))
			return martians[i].text;
	}
	/* Wider than each, and all of it in the last two. */
	if (prefix.len == 3 && ntohl(prefix.addr) == 0xe0000000)
		return "224.0.0.0/3 is multicast and reserved";
	return NULL;
}

static bool check_host(be32 addr, struct reason *why)
{
	const char *wrong = martian((struct prefix){addr, 32});

	return wrong ? argument_wrong(why, "%s, expected the address of a host", wrong) : true;
}

bool argument_addr(void *field, const char *text, struct reason *why)
{
	be32 addr;

	if (!addr_parse(text, &addr))
		return argument_wrong(why, "expected an IPv4 address such as 192.0.2.1");
	if (!check_host(addr, why))
		return false;
	*(be32 *)field = addr;
	return true;
}

/* "A.B.C.D/LEN" with or without host bits. Return: false if it is not of that form. */
static bool split_prefix(const char *text, be32 *addr, uint8_t *len)
{
	char host[ADDR_TEXT_BYTES];
	const char *slash = strchr(text, '/');
	struct reason unused;
	uint32_t value;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (!addr_parse(host, addr) || !argument_number(&value, slash + 1, 0, 32, &unused))
		return false;
	*len = (uint8_t)value;
	return true;
}

static bool read_prefix(struct prefix *prefix, const char *text, struct reason *why)
{
	struct prefix value;
	const char *wrong;

	if (!prefix_parse(text, &value)) {
		char buf[PREFIX_TEXT_BYTES];

		if (!split_prefix(text, &value.addr, &value.len))
			return argument_wrong(why, "expected a network such as 192.0.2.0/24");
		value.addr &= prefix_mask(value.len);
		return argument_wrong(why, "it has host bits, expected %s",
				      prefix_text(value, buf));
	}
	wrong = martian(value);
	if (wrong)
		return argument_wrong(why, "%s, expected a network of hosts", wrong);
	*prefix = value;
	return true;
}

bool argument_prefix(void *field, const char *text, struct reason *why)
{
	struct prefix everything = {0};

	if (strcmp(text, "any") == 0 || strcmp(text, "all") == 0 ||
	    strcmp(text, "0.0.0.0/0") == 0) {
		*(struct prefix *)field = everything;
		return true;
	}
	return read_prefix(field, text, why);
}

bool argument_destination(void *field, const char *text, struct reason *why)
{
	struct prefix everything = {0};

	if (strcmp(text, "default") == 0 || strcmp(text, "0.0.0.0/0") == 0) {
		*(struct prefix *)field = everything;
		return true;
	}
	return read_prefix(field, text, why);
}

bool argument_interface(void *item, const char *text, struct reason *why)
{
	struct config_address *address = item;
	be32 addr;
	uint8_t len;

	if (!split_prefix(text, &addr, &len) || len == 0)
		return argument_wrong(why, "expected an address with the length of its network, "
					   "such as 192.0.2.1/24");
	if (!check_host(addr, why))
		return false;
	if (len <= 30 && (addr & ~prefix_mask(len)) == 0)
		return argument_wrong(why, "it is the address of the network itself, expected one "
					   "of its hosts");
	if (len <= 30 && (addr | prefix_mask(len)) == 0xffffffffu)
		return argument_wrong(why, "it is the network's broadcast address, expected one "
					   "of its hosts");
	address->addr = addr;
	address->prefix_len = len;
	return true;
}

bool argument_ports(void *item, const char *text, struct reason *why)
{
	struct config_pool *pool = item;
	char first_text[6];
	const char *dash = strchr(text, '-');
	uint32_t first, last;

	if (dash && (size_t)(dash - text) < sizeof(first_text)) {
		memcpy(first_text, text, (size_t)(dash - text));
		first_text[dash - text] = '\0';
		if (argument_number(&first, first_text, POOL_PORT_MIN, 65535, why) &&
		    argument_number(&last, dash + 1, first, 65535, why)) {
			pool->port_first = (uint16_t)first;
			pool->port_last = (uint16_t)last;
			return true;
		}
	}
	return argument_wrong(why, "expected LO-HI with %u <= LO <= HI <= 65535", POOL_PORT_MIN);
}

/* One address of a list. */
static bool add_external(struct config_pool *pool, const char *text, size_t bytes,
			 struct reason *why)
{
	char one[ADDR_TEXT_BYTES];
	be32 addr;

	if (bytes >= sizeof(one))
		return argument_wrong(why, "expected IPv4 addresses, separated by commas only");
	memcpy(one, text, bytes);
	one[bytes] = '\0';
	if (!addr_parse(one, &addr))
		return argument_wrong(why, "expected IPv4 addresses, separated by commas only");
	if (!check_host(addr, why))
		return false;
	for (size_t i = 0; i < pool->n_external; i++)
		if (pool->external[i] == addr)
			return argument_wrong(why, "%s is in it twice", one);
	if (pool->n_external == CONFIG_POOL_ADDRESSES_MAX)
		return argument_wrong(why, "expected at most %d addresses",
				      CONFIG_POOL_ADDRESSES_MAX);
	pool->external[pool->n_external++] = addr;
	return true;
}

bool argument_external(void *item, const char *text, struct reason *why)
{
	struct config_pool *pool = item;
	size_t n = 1;
	be32 *external;

	for (const char *p = text; *p; p++)
		n += *p == ',';
	external = malloc(n * sizeof(*external));
	if (!external)
		return no_memory(why);
	pool->external = external;
	for (const char *p = text;; p++) {
		size_t bytes = strcspn(p, ",");

		if (!add_external(pool, p, bytes, why))
			return false;
		p += bytes;
		if (*p == '\0')
			return true;
	}
}

bool argument_endpoint(be32 *addr, uint16_t *port, const char *text)
{
	char host[ADDR_TEXT_BYTES];
	const char *colon = strchr(text, ':');
	struct reason unused;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	return addr_parse(host, addr) && argument_port(port, colon + 1, &unused);
}

bool argument_backend(void *item, const char *text, struct reason *why)
{
	struct config_service *service = item;
	struct config_backend *backends, backend;

	if (!argument_endpoint(&backend.addr, &backend.port, text))
		return argument_wrong(why, "expected ADDRESS:PORT such as 192.0.2.1:443");
	if (!check_host(backend.addr, why))
		return false;
	for (size_t i = 0; i < service->n_backends; i++)
		if (service->backends[i].addr == backend.addr &&
		    service->backends[i].port == backend.port)
			return argument_wrong(why, "this backend is given twice");
	if (service->n_backends == CONFIG_BACKENDS_MAX)
		return argument_wrong(why, "expected at most %d backends", CONFIG_BACKENDS_MAX);
	backends = realloc(service->backends, (service->n_backends + 1) * sizeof(*backends));
	if (!backends)
		return no_memory(why);
	backends[service->n_backends++] = backend;
	service->backends = backends;
	return true;
}
