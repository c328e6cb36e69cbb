/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/log/ipfix.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#define HEADER_BYTES	 16u
#define SET_HEADER_BYTES 4u
#define SET_TEMPLATE	 2u
#define FIELDS_MAX	 18u

/* natEvent (230), by IANA's registry */
enum nat_event {
	NAT_EVENT_SESSION_CREATE = 4,
	NAT_EVENT_SESSION_DELETE = 5,
	NAT_EVENT_BIB_CREATE = 8,
	NAT_EVENT_BIB_DELETE = 9,
	NAT_EVENT_PORTS_EXHAUSTED = 12,
	NAT_EVENT_QUOTA = 13,
	NAT_EVENT_THRESHOLD = 18,
};

/* natQuotaExceededEvent (466) and natThresholdEvent (467) */
enum { QUOTA_SESSIONS = 1, QUOTA_BIB = 2, QUOTA_USER = 3 };
enum { THRESHOLD_POOL = 1, THRESHOLD_MAPPINGS = 3 };

/* Where a field's value comes from. */
enum source {
	FROM_TIME,
	FROM_NAT_EVENT,
	FROM_PROTO,
	FROM_SRC,
	FROM_POST_SRC,
	FROM_DST,
	FROM_POST_DST,
	FROM_SPORT,
	FROM_POST_SPORT,
	FROM_DPORT,
	FROM_POST_DPORT,
	FROM_INSIDE_IFINDEX,
	FROM_OUTSIDE_IFINDEX,
	FROM_POOL,
	FROM_PACKETS,
	FROM_BYTES,
	FROM_QUOTA,
	FROM_THRESHOLD,
	FROM_LIMIT,
};

struct field {
	uint16_t element, bytes;
	uint8_t source;
};

struct layout {
	uint16_t id;
	uint16_t fields;
	struct field field[FIELDS_MAX];
};

/* clang-format off */
#define TIME		{323, 8, FROM_TIME} /* observationTimeMilliseconds */
#define NAT_EVENT	{230, 1, FROM_NAT_EVENT}
#define PROTO		{4, 1, FROM_PROTO} /* protocolIdentifier */
#define SRC		{8, 4, FROM_SRC} /* sourceIPv4Address */
#define POST_SRC	{225, 4, FROM_POST_SRC} /* postNATSourceIPv4Address */
#define DST		{12, 4, FROM_DST} /* destinationIPv4Address */
#define POST_DST	{226, 4, FROM_POST_DST} /* postNATDestinationIPv4Address */
#define SPORT		{7, 2, FROM_SPORT} /* sourceTransportPort */
#define POST_SPORT	{227, 2, FROM_POST_SPORT} /* postNAPTSourceTransportPort */
#define DPORT		{11, 2, FROM_DPORT} /* destinationTransportPort */
#define POST_DPORT	{228, 2, FROM_POST_DPORT} /* postNAPTDestinationTransportPort */
#define INSIDE		{10, 4, FROM_INSIDE_IFINDEX} /* ingressInterface */
#define OUTSIDE		{14, 4, FROM_OUTSIDE_IFINDEX} /* egressInterface */
#define POOL		{283, 4, FROM_POOL} /* natPoolId */
#define PACKETS		{86, 8, FROM_PACKETS} /* packetTotalCount */
#define OCTETS		{85, 8, FROM_BYTES} /* octetTotalCount */
#define QUOTA		{466, 4, FROM_QUOTA} /* natQuotaExceededEvent */
#define THRESHOLD	{467, 4, FROM_THRESHOLD} /* natThresholdEvent */
#define MAX_SESSIONS	{471, 4, FROM_LIMIT} /* maxSessionEntries */
#define MAX_BIB		{472, 4, FROM_LIMIT} /* maxBIBEntries */
#define MAX_USER	{473, 4, FROM_LIMIT} /* maxEntriesPerUser */
#define POOL_MARK	{476, 4, FROM_LIMIT} /* addressPoolHighThreshold */
#define MAPPING_MARK	{478, 4, FROM_LIMIT} /* addressPortMappingHighThreshold */

#define BINDING		TIME, NAT_EVENT, PROTO, SRC, POST_SRC, SPORT, POST_SPORT, INSIDE, POOL
#define DESTINATION	DST, POST_DST, DPORT, POST_DPORT, OUTSIDE

enum { /* templates, by their place below */
	SESSION_CREATE, SESSION_DELETE, SESSION_CREATE_TO, SESSION_DELETE_TO, BIB, PORTS, SESSIONS_QUOTA,
	BIB_QUOTA, USER_QUOTA, POOL_THRESHOLD, TABLE_THRESHOLD, TEMPLATES
};

static const struct layout layouts[] = {
	[SESSION_CREATE] = {256, 9, {BINDING}},
	[SESSION_DELETE] = {257, 11, {BINDING, PACKETS, OCTETS}},
	[SESSION_CREATE_TO] = {258, 14, {BINDING, DESTINATION}},
	[SESSION_DELETE_TO] = {259, 16, {BINDING, DESTINATION, PACKETS, OCTETS}},
	[BIB] = {260, 9, {BINDING}},
	[PORTS] = {261, 6, {TIME, NAT_EVENT, POST_SRC, PROTO, SRC, POOL}},
	[SESSIONS_QUOTA] = {262, 4, {TIME, NAT_EVENT, QUOTA, MAX_SESSIONS}},
	[BIB_QUOTA] = {263, 4, {TIME, NAT_EVENT, QUOTA, MAX_BIB}},
	[USER_QUOTA] = {264, 6, {TIME, NAT_EVENT, QUOTA, MAX_USER, SRC, INSIDE}},
	[POOL_THRESHOLD] = {265, 6, {TIME, NAT_EVENT, THRESHOLD, POOL, POOL_MARK, PROTO}},
	[TABLE_THRESHOLD] = {266, 4, {TIME, NAT_EVENT, THRESHOLD, MAPPING_MARK}},
};
/* clang-format on */
static_assert(sizeof(layouts) / sizeof(layouts[0]) == TEMPLATES, "one each");

/* An event as it goes out: its template and the values that it does not have itself. */
struct outgoing {
	const struct event *event;
	const struct layout *layout;
	uint64_t time_ms;
	uint8_t nat_event;
	uint32_t quota, threshold;
};

void ipfix_init(struct ipfix *ipfix, const struct log_settings *settings)
{
	memset(ipfix, 0, sizeof(*ipfix));
	ipfix->settings = settings;
}

static void put(struct ipfix *ipfix, uint64_t value, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0;)
		ipfix->message[ipfix->used++] = (uint8_t)(value >> 8 * i);
}

static void put_at(struct ipfix *ipfix, size_t at, uint64_t value, unsigned bytes)
{
	size_t used = ipfix->used;

	ipfix->used = at;
	put(ipfix, value, bytes);
	ipfix->used = used;
}

static void close_set(struct ipfix *ipfix)
{
	if (ipfix->set_at)
		put_at(ipfix, ipfix->set_at + 2, ipfix->used - ipfix->set_at, 2);
	ipfix->set_at = 0;
}

static void open_set(struct ipfix *ipfix, uint16_t id)
{
	close_set(ipfix);
	ipfix->set_at = ipfix->used;
	ipfix->set_id = id;
	put(ipfix, id, 2);
	put(ipfix, 0, 2); /* its length: close_set() */
}

/* A collector learns only the templates that this configuration uses. */
static bool is_used(const struct ipfix *ipfix, unsigned layout)
{
	switch (layout) {
	case SESSION_CREATE:
	case SESSION_DELETE:
		return !ipfix->settings->destinations;
	case SESSION_CREATE_TO:
	case SESSION_DELETE_TO:
		return ipfix->settings->destinations;
	default:
		return true;
	}
}

static void put_templates(struct ipfix *ipfix)
{
	open_set(ipfix, SET_TEMPLATE);
	for (unsigned i = 0; i < TEMPLATES; i++) {
		const struct layout *t = &layouts[i];

		if (!is_used(ipfix, i))
			continue;
		put(ipfix, t->id, 2);
		put(ipfix, t->fields, 2);
		for (unsigned n = 0; n < t->fields; n++) {
			put(ipfix, t->field[n].element, 2);
			put(ipfix, t->field[n].bytes, 2);
		}
	}
	close_set(ipfix);
}

static void begin(struct ipfix *ipfix, uint64_t now_ms)
{
	memset(ipfix->message, 0, HEADER_BYTES); /* filled in at the end */
	ipfix->used = HEADER_BYTES;
	ipfix->set_at = 0;
	ipfix->records = 0;
	if (ipfix->templates_sent && now_ms - ipfix->templates_ms < IPFIX_TEMPLATES_MS)
		return;
	ipfix->templates_sent = true;
	ipfix->templates_ms = now_ms;
	put_templates(ipfix);
}

static void choose_refused(struct outgoing *out)
{
	unsigned layout = USER_QUOTA;

	out->nat_event = NAT_EVENT_QUOTA;
	out->quota = QUOTA_USER;
	switch (out->event->cause) {
	case EVENT_CAUSE_PORTS:
		out->nat_event = NAT_EVENT_PORTS_EXHAUSTED;
		layout = PORTS;
		break;
	case EVENT_CAUSE_SESSIONS:
		out->quota = QUOTA_SESSIONS;
		layout = SESSIONS_QUOTA;
		break;
	case EVENT_CAUSE_MAPPINGS:
		out->quota = QUOTA_BIB;
		layout = BIB_QUOTA;
		break;
	default:
		break;
	}
	out->layout = &layouts[layout];
}

static void choose(struct outgoing *out, bool destinations)
{
	const struct event *event = out->event;

	switch (event->type) {
	case EVENT_SESSION_CREATE:
		out->nat_event = NAT_EVENT_SESSION_CREATE;
		out->layout = &layouts[destinations ? SESSION_CREATE_TO : SESSION_CREATE];
		break;
	case EVENT_SESSION_DELETE:
		out->nat_event = NAT_EVENT_SESSION_DELETE;
		out->layout = &layouts[destinations ? SESSION_DELETE_TO : SESSION_DELETE];
		break;
	case EVENT_REFUSED:
		choose_refused(out);
		break;
	case EVENT_THRESHOLD:
		out->nat_event = NAT_EVENT_THRESHOLD;
		out->threshold =
			event->cause == EVENT_CAUSE_PORTS ? THRESHOLD_POOL : THRESHOLD_MAPPINGS;
		out->layout = &layouts[event->cause == EVENT_CAUSE_PORTS ? POOL_THRESHOLD
									 : TABLE_THRESHOLD];
		break;
	default:
		out->nat_event = event->type == EVENT_BIB_CREATE ? NAT_EVENT_BIB_CREATE
								 : NAT_EVENT_BIB_DELETE;
		out->layout = &layouts[BIB];
	}
}

static uint32_t ifindex_of(const struct ipfix *ipfix, uint8_t port)
{
	return port < CONFIG_PORTGROUPS_MAX ? ipfix->settings->portgroup[port].ifindex : 0;
}

static uint64_t value_of(const struct ipfix *ipfix, const struct outgoing *out, uint8_t source)
{
	const struct event *event = out->event;

	switch ((enum source)source) {
	case FROM_TIME:
		return out->time_ms;
	case FROM_NAT_EVENT:
		return out->nat_event;
	case FROM_PROTO:
		return event->proto;
	case FROM_SRC:
		return ntohl(event->src);
	case FROM_POST_SRC:
		return ntohl(event->post_src);
	case FROM_DST:
		return ntohl(event->dst);
	case FROM_POST_DST:
		return ntohl(event->post_dst);
	case FROM_SPORT:
		return ntohs(event->sport);
	case FROM_POST_SPORT:
		return ntohs(event->post_sport);
	case FROM_DPORT:
		return ntohs(event->dport);
	case FROM_POST_DPORT:
		return ntohs(event->post_dport);
	case FROM_INSIDE_IFINDEX:
		return ifindex_of(ipfix, event->port[0]);
	case FROM_OUTSIDE_IFINDEX:
		return ifindex_of(ipfix, event->port[1]);
	case FROM_POOL:
		return event->pool == EVENT_NO_POOL ? 0 : event->pool + 1u;
	case FROM_PACKETS:
		return event->packets;
	case FROM_BYTES:
		return event->bytes;
	case FROM_QUOTA:
		return out->quota;
	case FROM_THRESHOLD:
		return out->threshold;
	case FROM_LIMIT:
		return event->limit;
	}
	return 0;
}

static size_t record_bytes(const struct layout *layout)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < layout->fields; i++)
		bytes += layout->field[i].bytes;
	return bytes;
}

bool ipfix_add(struct ipfix *ipfix, const struct event *event, uint64_t time_ms, uint64_t now_ms)
{
	struct outgoing out = {.event = event, .time_ms = time_ms};
	size_t needed;

	choose(&out, ipfix->settings->destinations);
	if (!ipfix->used)
		begin(ipfix, now_ms);
	needed = record_bytes(out.layout);
	if (!ipfix->set_at || ipfix->set_id != out.layout->id)
		needed += SET_HEADER_BYTES;
	if (needed > sizeof(ipfix->message) - ipfix->used)
		return false;
	if (!ipfix->set_at || ipfix->set_id != out.layout->id)
		open_set(ipfix, out.layout->id);
	for (unsigned i = 0; i < out.layout->fields; i++)
		put(ipfix, value_of(ipfix, &out, out.layout->field[i].source),
		    out.layout->field[i].bytes);
	ipfix->records++;
	return true;
}

size_t ipfix_finish(struct ipfix *ipfix, uint64_t now_ms)
{
	size_t bytes = ipfix->used;

	if (!ipfix->records)
		return 0;
	close_set(ipfix);
	put_at(ipfix, 0, 10, 2); /* version */
	put_at(ipfix, 2, bytes, 2);
	put_at(ipfix, 4, now_ms / 1000, 4);
	put_at(ipfix, 8, ipfix->sequence, 4);
	put_at(ipfix, 12, IPFIX_DOMAIN, 4);
	/* also for what could not be sent: the gap tells the collector how much is missing */
	ipfix->sequence += ipfix->records;
	ipfix->used = 0;
	return bytes;
}
