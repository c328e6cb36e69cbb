/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/session_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/flow/tcp.h"
#include "tools/pgw/message.h"

/* Each reads @text. Return: NULL, or what was expected. */
static const char *read_network(struct session_network *network, const char *text)
{
	network->set = true;
	return prefix_parse(text, &network->prefix)
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

static const char *read_range(struct session_range *range, const char *text)
{
	uint64_t first = 0, last;
	const char *at = read_digits(&first, text, 65535);

	last = first;
	if (at && *at == '-')
		at = read_digits(&last, at + 1, 65535);
	if (!at || *at || first > last)
		return "expected a port or a range of ports, such as 1024-2047";
	*range = (struct session_range){true, (uint16_t)first, (uint16_t)last};
	return NULL;
}

static const char *read_number(uint64_t *number, bool *set, const char *text)
{
	const char *at = read_digits(number, text, INT64_MAX);

	*set = true;
	return at && *at == '\0' ? NULL : "expected a number";
}

static const char *read_protocol(struct session_filter *filter, const char *text)
{
	static const struct {
		const char *name;
		uint8_t protocol;
	} names[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, text) == 0) {
			filter->protocol_name = text;
			filter->protocol = names[i].protocol;
			return NULL;
		}
	}
	return "expected tcp, udp or icmp";
}

static const char *read_state(struct session_filter *filter, const char *text)
{
	filter->state = text;
	if (strcmp(text, "replied") == 0 || strcmp(text, "unreplied") == 0)
		return NULL;
	for (unsigned i = TCP_NONE + 1; i < TCP_STATE_COUNT; i++)
		if (strcmp(text, tcp_state_name(i)) == 0)
			return NULL;
	return "expected syn-sent, syn-both, established, fin-initiator, fin-responder, closed, "
	       "reset, replied or unreplied";
}

enum word {
	WORD_ADDRESS, /* one for each end */
	WORD_PORT = WORD_ADDRESS + SESSION_ENDS,
	WORD_SRC = WORD_PORT + SESSION_ENDS,
	WORD_DST,
	WORD_SPORT,
	WORD_DPORT,
	WORD_PROTOCOL,
	WORD_STATE,
	WORD_ID,
	WORD_PORTGROUP,
	WORD_POOL,
	WORD_SERVICE,
	WORD_LIMIT,
	WORD_COUNT, /* from here on without a value */
	WORD_ALL,
	WORDS
};

static const char *const words[] = {
	[WORD_ADDRESS + INTERNAL_SRC] = "internal-src-address",
	[WORD_ADDRESS + INTERNAL_DST] = "internal-dst-address",
	[WORD_ADDRESS + EXTERNAL_SRC] = "external-src-address",
	[WORD_ADDRESS + EXTERNAL_DST] = "external-dst-address",
	[WORD_PORT + INTERNAL_SRC] = "internal-src-port",
	[WORD_PORT + INTERNAL_DST] = "internal-dst-port",
	[WORD_PORT + EXTERNAL_SRC] = "external-src-port",
	[WORD_PORT + EXTERNAL_DST] = "external-dst-port",
	[WORD_SRC] = "src",
	[WORD_DST] = "dst",
	[WORD_SPORT] = "sport",
	[WORD_DPORT] = "dport",
	[WORD_PROTOCOL] = "protocol",
	[WORD_STATE] = "state",
	[WORD_ID] = "id",
	[WORD_PORTGROUP] = "portgroup",
	[WORD_POOL] = "pool",
	[WORD_SERVICE] = "service",
	[WORD_LIMIT] = "limit",
	[WORD_COUNT] = "count",
	[WORD_ALL] = "all",
};
static_assert(sizeof(words) / sizeof(words[0]) == WORDS, "one name each");

static const char *read_name(const char **name, const char *text)
{
	*name = text;
	return NULL; /* whether it exists is known later */
}

static const char *read_value(struct session_filter *filter, enum word word, const char *text)
{
	if (word < WORD_PORT)
		return read_network(&filter->address[word - WORD_ADDRESS], text);
	if (word < WORD_SRC)
		return read_range(&filter->port[word - WORD_PORT], text);
	switch (word) {
	case WORD_SRC:
		return read_network(&filter->src, text);
	case WORD_DST:
		return read_network(&filter->dst, text);
	case WORD_SPORT:
		return read_range(&filter->sport, text);
	case WORD_DPORT:
		return read_range(&filter->dport, text);
	case WORD_PROTOCOL:
		return read_protocol(filter, text);
	case WORD_STATE:
		return read_state(filter, text);
	case WORD_ID:
		return read_number(&filter->id, &filter->id_set, text);
	case WORD_PORTGROUP:
		return read_name(&filter->portgroup_name, text);
	case WORD_POOL:
		return read_name(&filter->pool_name, text);
	case WORD_SERVICE:
		return read_name(&filter->service_name, text);
	default:
		return read_number(&filter->limit, &filter->limit_set, text);
	}
}

int session_filter_parse(struct session_filter *filter, const struct pgw_call *call)
{
	uint32_t seen = 0;

	*filter = (struct session_filter){.conditions = 0};
	for (int at = 0; at < call->argc; at++) {
		const char *text = call->argv[at], *expected;
		unsigned word = 0;

		while (word < WORDS && strcmp(words[word], text) != 0)
			word++;
		if (word == WORDS)
			return message_wrong(text, "expected a field of sessions such as src, try "
						   "\"pgw session help\"");
		if (seen >> word & 1)
			return message_duplicate(text, word < WORD_COUNT && at + 1 < call->argc
							       ? call->argv[at + 1]
							       : text);
		seen |= 1u << word;
		if (word != WORD_COUNT && word != WORD_LIMIT)
			filter->conditions++;
		filter->count |= word == WORD_COUNT;
		filter->all |= word == WORD_ALL;
		if (word >= WORD_COUNT)
			continue;
		if (++at == call->argc)
			return message_error("argument \"%s\" is required after \"%s\"",
					     word < WORD_PORT ? "PREFIX" : "value", text);
		expected = read_value(filter, word, call->argv[at]);
		if (expected)
			return message_wrong(call->argv[at], "%s", expected);
	}
	return EXIT_DONE;
}

static int unknown_name(const char *kind, const char *name)
{
	return message_wrong(name, "no %s has this name, try \"pgw %s show\"", kind, kind);
}

int session_filter_resolve(struct session_filter *filter, const struct session_table *table)
{
	const struct snapshot *snapshot = &table->snapshot;

	if (filter->portgroup_name) {
		unsigned i = 0;

		while (i < COUNTERS_PORTS && (!table->portgroups[i] ||
					      strcmp(table->portgroups[i], filter->portgroup_name)))
			i++;
		if (i == COUNTERS_PORTS)
			return unknown_name("portgroup", filter->portgroup_name);
		filter->portgroup = (uint8_t)i;
	}
	if (filter->pool_name) {
		uint32_t i = 0;

		while (i < snapshot->n_pools && strcmp(snapshot->pools[i].name, filter->pool_name))
			i++;
		if (i == snapshot->n_pools)
			return unknown_name("pool", filter->pool_name);
		filter->pool = snapshot->pools[i].index;
	}
	if (filter->service_name) {
		uint32_t i = 0;

		while (i < snapshot->n_services &&
		       strcmp(snapshot->services[i].name, filter->service_name))
			i++;
		if (i == snapshot->n_services)
			return unknown_name("service", filter->service_name);
		filter->service = &snapshot->services[i];
	}
	return EXIT_DONE;
}

static bool in_network(const struct session_network *network, be32 addr)
{
	return !network->set || prefix_covers(network->prefix, addr);
}

static bool in_range(const struct session_range *range, be16 port)
{
	return !range->set || (ntohs(port) >= range->first && ntohs(port) <= range->last);
}

static bool ends_match(const struct session_filter *filter, const struct session *session)
{
	for (unsigned end = 0; end < SESSION_ENDS; end++)
		if (!in_network(&filter->address[end], session->address[end]) ||
		    !in_range(&filter->port[end], session->port[end]))
			return false;
	return (in_network(&filter->src, session->address[INTERNAL_SRC]) ||
		in_network(&filter->src, session->address[EXTERNAL_SRC])) &&
	       (in_network(&filter->dst, session->address[INTERNAL_DST]) ||
		in_network(&filter->dst, session->address[EXTERNAL_DST])) &&
	       (in_range(&filter->sport, session->port[INTERNAL_SRC]) ||
		in_range(&filter->sport, session->port[EXTERNAL_SRC])) &&
	       (in_range(&filter->dport, session->port[INTERNAL_DST]) ||
		in_range(&filter->dport, session->port[EXTERNAL_DST]));
}

bool session_filter_matches(const struct session_filter *filter, const struct session *session)
{
	const struct flow *flow = &session->flow;

	if (filter->id_set && filter->id != session_id(session))
		return false;
	if (filter->protocol_name && flow->proto != filter->protocol)
		return false;
	if (filter->portgroup_name && flow->port[0] != filter->portgroup &&
	    flow->port[1] != filter->portgroup)
		return false;
	if (filter->pool_name && flow->pool != filter->pool)
		return false;
	if (filter->service_name && session->service != filter->service)
		return false;
	if (filter->state && strcmp(filter->state, session_state(session)) != 0)
		return false;
	return ends_match(filter, session);
}
