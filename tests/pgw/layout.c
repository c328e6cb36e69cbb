/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout - prints where the members of the shared structures lie, as JSON, so that tables.py
 * makes flow tables and snapshots by the headers that pgw was built with.
 */
#include <stddef.h>
#include <stdio.h>

#include "datapath/base/counters.h"
#include "datapath/flow/table.h"
#include "datapath/policy/snapshot.h"

static const char *separator = "";

static void number(const char *name, unsigned long long value)
{
	printf("%s\n\"%s\": %llu", separator, name, value);
	separator = ",";
}

static void place(const char *type, const char *member, size_t offset, size_t bytes)
{
	printf("%s\n\"%s.%s\": [%zu, %zu]", separator, type, member, offset, bytes);
	separator = ",";
}

#define NUMBER(name) number(#name, name)
#define SIZE(type)   number("sizeof " #type, sizeof(struct type))
#define PLACE(type, member)                                                                        \
	place(#type, #member, offsetof(struct type, member), sizeof(((struct type *)0)->member))

static void flow_layout(void)
{
	SIZE(flow);
	NUMBER(FLOW_TABLE_MAGIC);
	NUMBER(FLOW_LAYOUT_VERSION);
	NUMBER(FLOW_SNAT);
	NUMBER(FLOW_DNAT);
	NUMBER(FLOW_INBOUND);
	NUMBER(FLOW_EIM);
	NUMBER(FLOW_REPLIED);
	NUMBER(FLOW_HAIRPIN);
	NUMBER(FLOW_TICK_SHIFT);
	number("FLOW_ACTIVE", FLOW_ACTIVE);
	number("TCP_STATE_COUNT", TCP_STATE_COUNT);
	PLACE(flow_tuple, src);
	PLACE(flow_tuple, dst);
	PLACE(flow_tuple, sport);
	PLACE(flow_tuple, dport);
	PLACE(flow, tuple[0]);
	PLACE(flow, tuple[1]);
	PLACE(flow, port[0]);
	PLACE(flow, port[1]);
	PLACE(flow, proto);
	PLACE(flow, flags);
	PLACE(flow, mac[0]);
	PLACE(flow, mac[1]);
	PLACE(flow, created_s);
	PLACE(flow, rule);
	PLACE(flow, pool);
	PLACE(flow, tcp_state);
	PLACE(flow, word);
	PLACE(flow, packets[0]);
	PLACE(flow, packets[1]);
	PLACE(flow, bytes[0]);
	PLACE(flow, bytes[1]);
	PLACE(flow, seen_tick);
	SIZE(flow_header);
	PLACE(flow_header, magic);
	PLACE(flow_header, layout_version);
	PLACE(flow_header, element_bytes);
	PLACE(flow_header, capacity);
	PLACE(flow_header, buckets);
	PLACE(flow_header, index_first);
	PLACE(flow_header, record_first);
	PLACE(flow_header, record_high);
}

static void snapshot_layout(void)
{
	NUMBER(SNAPSHOT_MAGIC);
	NUMBER(SNAPSHOT_VERSION);
	NUMBER(SNAPSHOT_PASS);
	number("SECTION_PORT", SECTION_PORT);
	number("SECTION_SERVICE", SECTION_SERVICE);
	number("SECTION_BACKEND", SECTION_BACKEND);
	number("SECTION_POOL", SECTION_POOL);
	number("SECTION_POOL_ADDRESS", SECTION_POOL_ADDRESS);
	SIZE(snapshot_header);
	PLACE(snapshot_header, magic);
	PLACE(snapshot_header, version);
	PLACE(snapshot_header, bytes);
	PLACE(snapshot_header, revision);
	PLACE(snapshot_header, timer_s);
	PLACE(snapshot_header, connection_limit);
	PLACE(snapshot_header, mapping_limit);
	PLACE(snapshot_header, section);
	number("TIMER_UDP", TIMER_UDP);
	number("TIMER_TCP_IDLE", TIMER_TCP_IDLE);
	number("TIMER_TCP_TRANS_OPEN", TIMER_TCP_TRANS_OPEN);
	number("TIMER_TCP_TRANS_CLOSE", TIMER_TCP_TRANS_CLOSE);
	number("TIMER_ICMP", TIMER_ICMP);
	SIZE(snapshot_port);
	PLACE(snapshot_port, name);
	PLACE(snapshot_port, ifindex);
	PLACE(snapshot_port, index);
	SIZE(snapshot_service);
	PLACE(snapshot_service, name);
	PLACE(snapshot_service, addr);
	PLACE(snapshot_service, port);
	PLACE(snapshot_service, proto);
	PLACE(snapshot_service, first_backend);
	PLACE(snapshot_service, backends);
	SIZE(snapshot_backend);
	PLACE(snapshot_backend, addr);
	PLACE(snapshot_backend, port);
	SIZE(snapshot_pool);
	PLACE(snapshot_pool, name);
	PLACE(snapshot_pool, first_address);
	PLACE(snapshot_pool, addresses);
	PLACE(snapshot_pool, port_first);
	PLACE(snapshot_pool, port_last);
	PLACE(snapshot_pool, index);
	PLACE(snapshot_pool, port_quota);
}

int main(void)
{
	putchar('{');
	flow_layout();
	snapshot_layout();
	puts("\n}");
	return 0;
}
