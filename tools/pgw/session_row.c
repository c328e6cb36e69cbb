/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>

#include "control/config/model.h"
#include "tools/pgw/session.h"

enum {
	ID,
	PROTOCOL,
	STATE,
	INITIATOR,
	ADDRESS_PORT, /* two columns for each end: address and port, for JSON */
	JOINED = ADDRESS_PORT + 2 * FLOW_ENDS, /* one for each end: "address:port", for text */
	AGE = JOINED + FLOW_ENDS,
	IDLE,
	TIMEOUT,
	SENT_PACKETS,
	SENT_BYTES,
	RCVD_PACKETS,
	RCVD_BYTES,
	INTERNAL_PORTGROUP,
	EXTERNAL_PORTGROUP,
	NAT,
	HAIRPIN,
	MAPPING,
	RULE,
	POOL,
	SERVICE,
	INTERNAL_NEXT_HOP,
	EXTERNAL_NEXT_HOP,
	DATAPATH,
};

static const struct print_column columns[] = {
	[ID] = {"id", NULL, PRINT_NUMBER, 0, 0},
	[PROTOCOL] = {"protocol", "PROTO", PRINT_PLAIN, PRINT_BRIEF, 0},
	[STATE] = {"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	[INITIATOR] = {"initiator", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
#define END(end, name)                                                                             \
	[ADDRESS_PORT + 2 * (end)] = {name "-address", NULL, PRINT_ADDRESS, PRINT_JSON_ONLY, 0},   \
			    [ADDRESS_PORT + 2 * (end) + 1] = {name "-port", NULL, PRINT_NUMBER,    \
							      PRINT_JSON_ONLY, 0},                 \
			    [JOINED + (end)] = {name, NULL, PRINT_ADDRESS,                         \
						PRINT_TEXT_ONLY | PRINT_BRIEF, 0}
	END(INTERNAL_SRC, "internal-src"),
	END(INTERNAL_DST, "internal-dst"),
	END(EXTERNAL_SRC, "external-src"),
	END(EXTERNAL_DST, "external-dst"),
#undef END
	[AGE] = {"age-s", "AGE", PRINT_SECONDS, 0, 0},
	[IDLE] = {"idle-ms", "IDLE", PRINT_MILLISECONDS, 0, 0},
	[TIMEOUT] = {"timeout-s", "TIMEOUT", PRINT_SECONDS, 0, 0},
	[SENT_PACKETS] = {"sent-packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[SENT_BYTES] = {"sent-bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	[RCVD_PACKETS] = {"rcvd-packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[RCVD_BYTES] = {"rcvd-bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	[INTERNAL_PORTGROUP] = {"internal-portgroup", NULL, PRINT_NAME, PRINT_DETAIL, 0},
	[EXTERNAL_PORTGROUP] = {"external-portgroup", NULL, PRINT_NAME, PRINT_DETAIL, 0},
	[NAT] = {"nat", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[HAIRPIN] = {"hairpin", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[MAPPING] = {"mapping-type", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[RULE] = {"rule", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	[POOL] = {"pool", NULL, PRINT_NAME, PRINT_DETAIL, 0},
	[SERVICE] = {"service", NULL, PRINT_NAME, PRINT_DETAIL, 0},
	[INTERNAL_NEXT_HOP] = {"internal-next-hop", NULL, PRINT_MAC, PRINT_DETAIL, 0},
	[EXTERNAL_NEXT_HOP] = {"external-next-hop", NULL, PRINT_MAC, PRINT_DETAIL, 0},
	[DATAPATH] = {"datapath", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};

const struct print_table session_columns = PRINT_TABLE(columns);

static void print_word(struct printer *printer, unsigned column, const char *word)
{
	print_plain(printer, column, word, strlen(word));
}

static void print_ends(struct printer *printer, const struct session *session)
{
	for (unsigned end = 0; end < FLOW_ENDS; end++) {
		char text[ADDR_TEXT_BYTES + 1 + FORMAT_NUMBER_BYTES], *to;

		print_address(printer, ADDRESS_PORT + 2 * end, session->ends.address[end]);
		print_number(printer, ADDRESS_PORT + 2 * end + 1, ntohs(session->ends.port[end]));
		if (!print_wanted(printer, JOINED + end))
			continue;
		to = format_address(text, session->ends.address[end]);
		*to++ = ':';
		to = format_number(to, ntohs(session->ends.port[end]));
		print_plain(printer, JOINED + end, text, (size_t)(to - text));
	}
}

static void print_portgroup(struct printer *printer, unsigned column,
			    const struct session_table *table, uint8_t port)
{
	if (port < COUNTERS_PORTS && table->portgroups[port])
		print_text(printer, column, table->portgroups[port]);
}

static void print_mac(struct printer *printer, unsigned column, struct mac mac)
{
	static const char hex[] = "0123456789abcdef";
	static const struct mac unknown;
	char text[MAC_TEXT_BYTES], *to = text;

	if (!print_wanted(printer, column) || mac_equal(&mac, &unknown))
		return;
	for (unsigned i = 0; i < sizeof(mac.b); i++) {
		if (i > 0)
			*to++ = ':';
		*to++ = hex[mac.b[i] >> 4];
		*to++ = hex[mac.b[i] & 15];
	}
	print_plain(printer, column, text, (size_t)(to - text));
}

static void print_translation(struct printer *printer, const struct session_table *table,
			      const struct session *session)
{
	static const char *const names[] = {"none", "source", "destination", "both"};
	const struct flow *flow = &session->flow;
	const struct snapshot_pool *pool;

	static_assert((FLOW_SNAT | FLOW_DNAT) == 3, "names[] is indexed by these flags");
	print_word(printer, NAT, names[flow->flags & (FLOW_SNAT | FLOW_DNAT)]);
	print_bool(printer, HAIRPIN, flow->flags & FLOW_HAIRPIN);
	if (flow->flags & FLOW_SNAT)
		print_word(printer, MAPPING, flow->flags & FLOW_EIM ? "eim" : "edm");
	if (flow->rule)
		print_number(printer, RULE, flow->rule);
	if (flow->pool != SNAPSHOT_PASS && print_wanted(printer, POOL)) {
		pool = snapshot_pool(&table->snapshot, flow->pool);
		if (pool)
			print_text(printer, POOL, pool->name);
	}
	if (session->service)
		print_text(printer, SERVICE, session->service->name);
}

void session_row(struct printer *printer, const struct session_table *table,
		 const struct session *session)
{
	const struct flow *flow = &session->flow;
	unsigned inner = session->inner, outer = !session->inner;
	const char *protocol = protocol_name(flow->proto);
	uint64_t idle_ms = session_idle_ms(table, session);
	uint64_t timeout_ms = (uint64_t)session_timeout_s(table, session) * 1000;

	print_row(printer);
	print_number(printer, ID, session_id(session));
	if (protocol)
		print_word(printer, PROTOCOL, protocol);
	print_word(printer, STATE, session_state(session));
	print_word(printer, INITIATOR, inner == 0 ? "internal" : "external");
	print_ends(printer, session);
	print_number(printer, AGE, session_age_s(table, session));
	print_number(printer, IDLE, idle_ms);
	print_number(printer, TIMEOUT,
		     timeout_ms > idle_ms ? (timeout_ms - idle_ms + 999) / 1000 : 0);
	print_number(printer, SENT_PACKETS, flow->packets[inner]);
	print_number(printer, SENT_BYTES, flow->bytes[inner]);
	print_number(printer, RCVD_PACKETS, flow->packets[outer]);
	print_number(printer, RCVD_BYTES, flow->bytes[outer]);
	print_portgroup(printer, INTERNAL_PORTGROUP, table, flow->port[inner]);
	print_portgroup(printer, EXTERNAL_PORTGROUP, table, flow->port[outer]);
	print_translation(printer, table, session);
	print_mac(printer, INTERNAL_NEXT_HOP, flow->mac[inner]);
	print_mac(printer, EXTERNAL_NEXT_HOP, flow->mac[outer]);
	print_word(printer, DATAPATH, session_datapath(table, session));
	print_row_end(printer);
}
