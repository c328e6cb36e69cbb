/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/filter.h"

#include <netinet/in.h>
#include <string.h>

#include "datapath/flow/tcp.h"

static const char *const words[] = {
	[FILTER_ADDRESS + INTERNAL_SRC] = "internal-src-address",
	[FILTER_ADDRESS + INTERNAL_DST] = "internal-dst-address",
	[FILTER_ADDRESS + EXTERNAL_SRC] = "external-src-address",
	[FILTER_ADDRESS + EXTERNAL_DST] = "external-dst-address",
	[FILTER_PORT + INTERNAL_SRC] = "internal-src-port",
	[FILTER_PORT + INTERNAL_DST] = "internal-dst-port",
	[FILTER_PORT + EXTERNAL_SRC] = "external-src-port",
	[FILTER_PORT + EXTERNAL_DST] = "external-dst-port",
	[FILTER_SRC] = "src",
	[FILTER_DST] = "dst",
	[FILTER_SPORT] = "sport",
	[FILTER_DPORT] = "dport",
	[FILTER_PROTOCOL] = "protocol",
	[FILTER_STATE] = "state",
	[FILTER_ID] = "id",
	[FILTER_PORTGROUP] = "portgroup",
	[FILTER_POOL] = "pool",
	[FILTER_SERVICE] = "service",
};
static_assert(sizeof(words) / sizeof(words[0]) == FILTER_CONDITIONS, "one name each");

const char *filter_name(enum flow_condition condition)
{
	return words[condition];
}

enum flow_condition filter_condition(const char *word)
{
	unsigned i = 0;

	while (i < FILTER_CONDITIONS && strcmp(words[i], word) != 0)
		i++;
	return (enum flow_condition)i;
}

/* Each reads @text. Return: NULL, or what was expected. */
static const char *read_network(struct prefix *prefix, const char *text)
{
	return prefix_parse(text, prefix)
		       ? NULL
		       : "expected an address or a network without host bits, such as 10.1.0.0/16";
}

/* A decimal number up to @max. Return: the first byte behind it, NULL if there is none. */
static const char *read_digits(uint64_t *number, const char *text, uint64_t max)
{
	uint64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > (max - (uint64_t)(*at - '0')) / 10)
			return NULL;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	*number = value;
	return at == text ? NULL : at;
}

static const char *read_range(struct flow_range *range, const char *text)
{
	uint64_t first = 0, last;
	const char *at = read_digits(&first, text, 65535);

	last = first;
	if (at && *at == '-')
		at = read_digits(&last, at + 1, 65535);
	if (!at || *at || first > last)
		return "expected a port or a range of ports, such as 1024-2047";
	*range = (struct flow_range){(uint16_t)first, (uint16_t)last};
	return NULL;
}

const char *filter_number(uint64_t *number, const char *text)
{
	const char *at = read_digits(number, text, INT64_MAX);

	return at && *at == '\0' ? NULL : "expected a number";
}

static const char *read_id(struct flow_filter *filter, const char *text)
{
	uint64_t id = 0;
	const char *expected = filter_number(&id, text);

	filter->record = FLOW_ID_RECORD(id);
	filter->generation = FLOW_ID_GENERATION(id);
	/* one that is too great is no flow's: no generation has as many bits */
	if (FLOW_ID_GENERATION(id) != id >> 24)
		filter->generation = UINT32_MAX;
	return expected;
}

static const char *read_protocol(struct flow_filter *filter, const char *text)
{
	static const struct {
		const char *name;
		uint8_t protocol;
	} names[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, text) == 0) {
			filter->protocol = names[i].protocol;
			return NULL;
		}
	}
	return "expected tcp, udp or icmp";
}

static const char *read_state(struct flow_filter *filter, const char *text)
{
	filter->state = FILTER_STATES;
	if (strcmp(text, "replied") == 0)
		filter->state = FILTER_REPLIED;
	if (strcmp(text, "unreplied") == 0)
		filter->state = FILTER_UNREPLIED;
	for (unsigned i = TCP_NONE + 1; i < TCP_STATE_COUNT; i++)
		if (strcmp(text, tcp_state_name(i)) == 0)
			filter->state = (uint8_t)i;
	return filter->state < FILTER_STATES
		       ? NULL
		       : "expected syn-sent, syn-both, established, fin-initiator, "
			 "fin-responder, closed, reset, replied or unreplied";
}

static const char *read_value(struct flow_filter *filter, enum flow_condition condition,
			      const char *value)
{
	if (condition < FILTER_PORT)
		return read_network(&filter->address[condition - FILTER_ADDRESS], value);
	if (condition < FILTER_SRC)
		return read_range(&filter->port[condition - FILTER_PORT], value);
	switch (condition) {
	case FILTER_SRC:
		return read_network(&filter->src, value);
	case FILTER_DST:
		return read_network(&filter->dst, value);
	case FILTER_SPORT:
		return read_range(&filter->sport, value);
	case FILTER_DPORT:
		return read_range(&filter->dport, value);
	case FILTER_PROTOCOL:
		return read_protocol(filter, value);
	case FILTER_STATE:
		return read_state(filter, value);
	case FILTER_ID:
		return read_id(filter, value);
	default:
		return NULL; /* whether it exists is known later */
	}
}

const char *filter_set(struct flow_filter *filter, struct filter_text *text,
		       enum flow_condition condition, const char *value)
{
	const char *expected = read_value(filter, condition, value);

	if (expected)
		return expected;
	filter->conditions |= 1u << condition;
	text->value[condition] = value;
	return NULL;
}

/* Each looks up one name. Return: whether the snapshot has it. */
static bool resolve_portgroup(struct flow_filter *filter, const char *name,
			      const struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->n_ports; i++) {
		if (strcmp(snapshot->ports[i].name, name) == 0) {
			filter->portgroup = snapshot->ports[i].index;
			return true;
		}
	}
	return false;
}

static bool resolve_pool(struct flow_filter *filter, const char *name,
			 const struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->n_pools; i++) {
		if (strcmp(snapshot->pools[i].name, name) == 0) {
			filter->pool = snapshot->pools[i].index;
			return true;
		}
	}
	return false;
}

static bool resolve_service(struct flow_filter *filter, const char *name,
			    const struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->n_services; i++) {
		if (strcmp(snapshot->services[i].name, name) == 0) {
			filter->service_address = snapshot->services[i].addr;
			filter->service_port = snapshot->services[i].port;
			filter->service_protocol = snapshot->services[i].proto;
			return true;
		}
	}
	return false;
}

enum flow_condition filter_resolve(struct flow_filter *filter, const struct filter_text *text,
				   const struct snapshot *snapshot)
{
	static const struct {
		enum flow_condition condition;
		bool (*resolve)(struct flow_filter *filter, const char *name,
				const struct snapshot *snapshot);
	} named[] = {{FILTER_PORTGROUP, resolve_portgroup},
		     {FILTER_POOL, resolve_pool},
		     {FILTER_SERVICE, resolve_service}};

	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const char *name = text->value[named[i].condition];

		if (name && !named[i].resolve(filter, name, snapshot))
			return named[i].condition;
	}
	return FILTER_CONDITIONS;
}
