/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/explain/tracing.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/checksum.h"
#include "datapath/proto/packet.h"

#define FRAME_BYTES (ETHERNET_BYTES + IP_BYTES_MIN + sizeof(struct tcp_header))

struct trace_step *trace_add(struct trace *trace, const char *topic, enum trace_outcome outcome,
			     const char *format, ...)
{
	/* The last place is for what finds no room. */
	struct trace_step *step = &trace->steps[trace->n_steps];
	va_list arguments;

	*step = (struct trace_step){.topic = topic, .outcome = outcome};
	va_start(arguments, format);
	(void)vsnprintf(step->text, sizeof(step->text), format, arguments);
	va_end(arguments);
	if (trace->n_steps < TRACE_STEPS_MAX)
		trace->n_steps++;
	return step;
}

void tracing_of_name(struct trace_step *step, enum trace_statement statement, const char *name)
{
	step->statement = statement;
	(void)snprintf(step->name, sizeof(step->name), "%s", name);
}

static void of_addr(struct trace_step *step, enum trace_statement statement, be32 addr)
{
	step->statement = statement;
	step->addr = addr;
}

static void of_rule(struct trace_step *step, const struct snapshot_rule *rule)
{
	step->statement = TRACE_OF_NAT;
	step->number = rule->number;
}

static void of_route(struct trace_step *step, const struct snapshot_route *route)
{
	step->statement = route->via ? TRACE_OF_ROUTE : TRACE_OF_NETWORK;
	step->prefix = (struct prefix){route->addr, route->prefix_len};
	step->addr = route->addr;
}

void tracing_drop(struct tracing *t, enum drop_reason reason)
{
	t->trace->verdict = TRACE_DROPPED;
	t->trace->reason = reason;
}

static const char *port_name(const struct snapshot *s, uint8_t port)
{
	const struct snapshot_port *p = snapshot_port(s, port);

	return p ? p->name : "?";
}

int trace_arrival(const struct snapshot *s, be32 src, be32 dst)
{
	const struct snapshot_route *back = snapshot_route(s, src);
	const struct snapshot_address *own = snapshot_address(s, dst);

	if (back && back->prefix_len)
		return back->port;
	if (own)
		return own->port;
	if (back)
		return back->port;
	for (uint32_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].realm != REALM_VSPHERE)
			return s->ports[i].index;
	return s->n_ports ? s->ports[0].index : -1;
}

/* A frame such as a sender would begin with: a SYN, a datagram, an echo request. */
static uint32_t build(const struct trace_question *q, uint8_t frame[FRAME_BYTES])
{
	struct ip_header ip = {
		.version_ihl = 0x45, .ttl = 64, .proto = q->proto, .src = q->src, .dst = q->dst};
	uint8_t *l4 = frame + ETHERNET_BYTES + sizeof(ip);
	const be16 type = ETHERTYPE_IP_BE;
	size_t bytes = 0;

	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 12);
	memcpy(frame + 12, &type, sizeof(type));
	if (q->proto == IPPROTO_TCP) {
		struct tcp_header tcp = {
			.sport = q->sport, .dport = q->dport, .offset = 0x50, .flags = TCP_SYN};
		uint64_t sum = checksum_pseudo(q->src, q->dst, q->proto, sizeof(tcp));

		tcp.check = (uint16_t)~checksum_fold(checksum_add(sum, &tcp, sizeof(tcp)));
		bytes = sizeof(tcp);
		memcpy(l4, &tcp, bytes);
	} else if (q->proto == IPPROTO_UDP) {
		const struct udp_header udp = {
			.sport = q->sport, .dport = q->dport, .len = htons(sizeof(udp))};

		bytes = sizeof(udp);
		memcpy(l4, &udp, bytes);
	} else if (q->proto == IPPROTO_ICMP) {
		bool reply = !q->sport && q->dport;
		struct icmp_header icmp = {.type = reply ? ICMP_ECHO_REPLY : ICMP_ECHO_REQUEST,
					   .id = reply ? q->dport : q->sport};

		icmp.check = (uint16_t)~checksum_fold(checksum_add(0, &icmp, sizeof(icmp)));
		bytes = sizeof(icmp);
		memcpy(l4, &icmp, bytes);
	}
	ip.total_len = htons((uint16_t)(sizeof(ip) + bytes));
	ip.check = (uint16_t)~checksum_fold(checksum_add(0, &ip, sizeof(ip)));
	memcpy(frame + ETHERNET_BYTES, &ip, sizeof(ip));
	return (uint32_t)(ETHERNET_BYTES + sizeof(ip) + bytes);
}

/* Return: whether it goes on. */
static bool look_at_headers(struct tracing *t, const struct trace_question *q)
{
	uint8_t frame[FRAME_BYTES] __attribute__((aligned(8)));
	struct packet p = {.data = frame, .port = q->port};
	enum drop_reason reason;

	p.len = build(q, frame);
	reason = packet_parse(&p);
	if (!reason && p.kind == PACKET_OTHER && !snapshot_address(t->s, q->dst))
		reason = p.reason;
	if (reason) {
		trace_add(t->trace, "packet", TRACE_STOPS, "%s", drop_text(reason));
		tracing_drop(t, reason);
		return false;
	}
	if (p.kind != PACKET_TRANSPORT) {
		trace_add(t->trace, "packet", TRACE_STOPS,
			  "nothing the gateway translates: left to the system's own stack");
		t->trace->verdict = TRACE_KERNEL;
		return false;
	}
	t->tuple = p.tuple;
	t->proto = p.proto;
	return true;
}

/* Out on a portgroup, to a next hop. @via: 0: to @mac of a session */
static void leave(struct tracing *t, uint8_t port, be32 via, const struct mac *mac)
{
	struct trace_link link = {.ifindex = 0};
	char addr[ADDR_TEXT_BYTES], text[MAC_TEXT_BYTES];
	struct mac found = {{0}};

	t->trace->port = port;
	t->world->link(t->world->context, port, &link);
	if (!link.ifindex || !link.up) {
		tracing_of_name(trace_add(t->trace, "link", TRACE_STOPS, "portgroup %s is %s",
					  port_name(t->s, port), link.ifindex ? "down" : "absent"),
				TRACE_OF_PORTGROUP, port_name(t->s, port));
		tracing_drop(t, DROP_PORT_DOWN);
		return;
	}
	tracing_of_name(
		trace_add(t->trace, "link", TRACE_PASSES,
			  "leaves on portgroup %s, which is up; IP packets of more than %" PRIu32
			  " bytes are fragmented or answered by ICMP \"fragmentation needed\"",
			  port_name(t->s, port), link.mtu),
		TRACE_OF_PORTGROUP, port_name(t->s, port));
	t->trace->verdict = TRACE_FORWARDED;
	if (mac) {
		trace_add(t->trace, "neighbour", TRACE_PASSES, "next hop %s, as in the session",
			  mac_text(*mac, text));
		return;
	}
	addr_text(via, addr);
	switch (t->world->neighbour(t->world->context, port, via, &found)) {
	case TRACE_NEIGHBOUR_KNOWN:
		trace_add(t->trace, "neighbour", TRACE_PASSES, "next hop %s has MAC %s", addr,
			  mac_text(found, text));
		return;
	case TRACE_NEIGHBOUR_UNKNOWN:
		trace_add(
			t->trace, "neighbour", TRACE_NOTE,
			"next hop %s is not known yet: it is asked for, the packet waits up to 3 s",
			addr);
		return;
	case TRACE_NEIGHBOUR_FAILED:
		trace_add(t->trace, "neighbour", TRACE_STOPS,
			  "next hop %s does not answer ARP: is it up, and on this portgroup?",
			  addr);
		tracing_drop(t, DROP_NEIGH_FAILED);
		return;
	}
}

static uint32_t timeout_tick(const struct snapshot *s, const struct flow *flow)
{
	uint64_t ns = s->header->timer_s[policy_timer(flow)] * 1000000000ull;

	return (uint32_t)((ns + (1u << FLOW_TICK_SHIFT) - 1) >> FLOW_TICK_SHIFT);
}

/* Return: whether it belongs to a session; then all is said. */
static bool look_for_session(struct tracing *t)
{
	const struct flow_table *table = t->world->table;
	struct trace *trace = t->trace;
	struct flow *flow = &trace->flow;
	uint32_t ref = FLOW_NONE, idle;
	unsigned side;

	if (table)
		ref = flow_find(table, &t->tuple, t->proto, t->port,
				flow_hash(table, &t->tuple, t->proto, t->port));
	if (ref == FLOW_NONE || !flow_copy(table, FLOW_REF_INDEX(ref), flow)) {
		trace_add(trace, "session", TRACE_NOTE, "it belongs to none: a new one is judged");
		return false;
	}
	idle = t->world->now_tick - flow->seen_tick;
	if ((int32_t)idle > 0 && idle >= timeout_tick(t->s, flow)) {
		trace_add(trace, "session", TRACE_NOTE,
			  "session %" PRIu32 " has just run out: a new one is judged",
			  FLOW_REF_INDEX(ref));
		return false;
	}
	side = FLOW_REF_SIDE(ref);
	trace->has_flow = true;
	trace->record = FLOW_REF_INDEX(ref);
	trace->src = flow->tuple[1 - side].dst;
	trace->dst = flow->tuple[1 - side].src;
	trace->sport = flow->tuple[1 - side].dport;
	trace->dport = flow->tuple[1 - side].sport;
	trace_add(trace, "session", TRACE_PASSES,
		  "it belongs to session %" PRIu32 ", as a packet of its %s", trace->record,
		  side ? "answering side" : "beginning side");
	leave(t, flow->port[1 - side], 0, &flow->mac[1 - side]);
	return true;
}

/* The source checks of every new session, in words. Return: as admit_source(). */
static enum drop_reason look_at_source(struct tracing *t)
{
	enum drop_reason reason = admit_source(t->s, t->tuple.src, t->port);
	const struct snapshot_route *back = snapshot_route(t->s, t->tuple.src);
	const struct snapshot_port *in = snapshot_port(t->s, t->port);
	const char *name = port_name(t->s, t->port);
	struct trace_step *step;
	bool checked;

	if (reason == DROP_SPOOFED || reason == DROP_MARTIAN) {
		trace_add(t->trace, "source", TRACE_STOPS, "%s: %s", t->src, drop_text(reason));
		return reason;
	}
	if (reason == DROP_REVERSE_PATH) {
		step = back ? trace_add(t->trace, "reverse-path", TRACE_STOPS,
					"%s belongs behind portgroup %s, not %s (reverse-path off "
					"would let it pass)",
					t->src, port_name(t->s, back->port), name)
			    : trace_add(t->trace, "reverse-path", TRACE_STOPS,
					"%s: portgroup %s is of realm vsphere, where a source must "
					"be in a network that is known",
					t->src, name);
		tracing_of_name(step, TRACE_OF_PORTGROUP, name);
		return reason;
	}
	checked = in && in->flags & SNAPSHOT_REVERSE_PATH;
	step = trace_add(t->trace, "reverse-path", TRACE_PASSES,
			 checked ? "%s may come from portgroup %s"
				 : "whether %s may come from portgroup %s is not checked",
			 t->src, name);
	tracing_of_name(step, TRACE_OF_PORTGROUP, name);
	if (reason == DROP_NOT_ALLOWED) {
		trace_add(t->trace, "allow", TRACE_STOPS,
			  "no allow entry has %s; to let it in: allow add %s", t->src, t->src);
		return reason;
	}
	of_addr(trace_add(t->trace, "allow", TRACE_PASSES, "%s may use the gateway", t->src),
		TRACE_OF_ALLOW, t->tuple.src);
	return DROP_NONE;
}

/* Where answers go. Return: whether there is a way. */
static bool look_at_return(struct tracing *t)
{
	const struct snapshot_port *in = snapshot_port(t->s, t->port);
	const struct snapshot_route *back;
	struct trace_step *step;

	if (in && in->flags & SNAPSHOT_LAST_HOP) {
		tracing_of_name(
			trace_add(
				t->trace, "return", TRACE_PASSES,
				"answers go to the neighbour that the packet came from (last-hop)"),
			TRACE_OF_PORTGROUP, in->name);
		return true;
	}
	back = snapshot_route(t->s, t->tuple.src);
	if (!back || back->port != t->port) {
		step = trace_add(
			t->trace, "return", TRACE_STOPS,
			"last-hop is off on portgroup %s, and no route leads back to %s there",
			in ? in->name : "?", t->src);
		tracing_of_name(step, TRACE_OF_PORTGROUP, in ? in->name : "");
		tracing_drop(t, DROP_NO_ROUTE);
		return false;
	}
	of_route(trace_add(t->trace, "return", TRACE_PASSES, "a route leads back to %s", t->src),
		 back);
	return true;
}

static bool look_at_room(struct tracing *t)
{
	const struct flow_table *table = t->world->table;

	if (table)
		return true;
	trace_add(t->trace, "session", TRACE_STOPS,
		  "there is no flow table: pgw-datapath is being started");
	t->trace->verdict = TRACE_KERNEL;
	return false;
}

/* To a destination of @dst, by @rule. */
static void look_at_way(struct tracing *t, const struct snapshot_rule *rule, be32 dst,
			bool to_service)
{
	const struct snapshot_pool *pool = NULL;
	const struct snapshot_route *route;
	enum drop_reason reason;
	char text[ADDR_TEXT_BYTES];

	addr_text(dst, text);
	if (!rule) {
		trace_add(t->trace, "rule", TRACE_STOPS,
			  "no nat rule has source %s and destination %s", t->src, text);
		tracing_drop(t, DROP_NO_RULE);
		return;
	}
	if (rule->pool != SNAPSHOT_PASS)
		pool = snapshot_pool(t->s, rule->pool);
	of_rule(trace_add(t->trace, "rule", TRACE_PASSES, "nat rule %u: %s%s", rule->number,
			  pool ? "source translated by pool " : "passes untranslated",
			  pool ? pool->name : ""),
		rule);
	route = snapshot_route(t->s, dst);
	reason = admit_route(route, dst);
	if (!reason && !pool && !to_service && route->port == t->port)
		reason = DROP_LOOP;
	if (reason) {
		struct trace_step *step =
			trace_add(t->trace, "route", TRACE_STOPS,
				  reason == DROP_NO_ROUTE ? "no network or route leads to %s"
				  : reason == DROP_LOOP
					  ? "%s lies behind the portgroup that it came from: its "
					    "sender should not have sent it here"
					  : "%s is the network or broadcast address of its network",
				  text);

		if (route)
			of_route(step, route);
		tracing_drop(t, reason);
		return;
	}
	of_route(trace_add(t->trace, "route", TRACE_PASSES, "%s is %s portgroup %s", text,
			   route->via ? "reached by a router on" : "connected on",
			   port_name(t->s, route->port)),
		 route);
	if (!look_at_return(t) || !look_at_room(t))
		return;
	t->trace->src = t->tuple.src;
	t->trace->sport = t->tuple.sport;
	if (pool) {
		t->trace->sport = 0;
		if (!tracing_pool(t, pool, route->port))
			return;
	} else if (!tracing_limits(t, t->tuple.src, t->port, NULL, false)) {
		return;
	}
	leave(t, route->port, route->via ? route->via : dst, NULL);
}

static void look_at_service(struct tracing *t, const struct snapshot_service *service)
{
	static const char *const answers[] = {[DOWN_SILENCE] = "the client hears nothing",
					      [DOWN_RESET] = "the client is refused at once",
					      [DOWN_ICMP] = "the client gets host unreachable"};
	const struct snapshot_backend *backend = NULL;
	char addr[ADDR_TEXT_BYTES];
	uint32_t up = 0;

	for (uint32_t i = 0; i < service->backends; i++) {
		const struct snapshot_backend *b = &t->s->backends[service->first_backend + i];

		up += b->up;
		if (b->up && !backend)
			backend = b;
	}
	if (!backend) {
		tracing_of_name(trace_add(t->trace, "backend", TRACE_STOPS,
					  "none of the %" PRIu32
					  " backends of service %s is up: %s",
					  service->backends, service->name,
					  answers[service->down % DOWN_COUNT]),
				TRACE_OF_SERVICE, service->name);
		tracing_drop(t, DROP_NO_BACKEND);
		return;
	}
	tracing_of_name(trace_add(t->trace, "backend", TRACE_PASSES,
				  up > 1 ? "%" PRIu32 " of %" PRIu32
					   " backends are up, one of them is "
					   "chosen; followed here: %s:%u"
					 : "%" PRIu32 " of %" PRIu32 " backends is up: %s:%u",
				  up, service->backends, addr_text(backend->addr, addr),
				  ntohs(backend->port)),
			TRACE_OF_SERVICE, service->name);
	t->trace->dst = backend->addr;
	t->trace->dport = backend->port;
	look_at_way(t, snapshot_rule(t->s, t->tuple.src, backend->addr, t->proto), backend->addr,
		    true);
}

/* To an address and port of a pool: a mapping decides. */
static void look_at_external(struct tracing *t, const struct snapshot_pool *pool)
{
	static const char *const filtering[] = {"eif", "adf", "edf"};
	const struct snapshot_rule *rule = NULL;
	struct trace_mapping mapping;
	enum drop_reason reason;
	char addr[ADDR_TEXT_BYTES];
	bool passes;

	tracing_of_name(trace_add(t->trace, "address", TRACE_NOTE,
				  "%s and this port are the pool %s's: a mapping decides", t->dst,
				  pool->name),
			TRACE_OF_POOL, pool->name);
	if (!trace_mapping_external(t->world, t->tuple.dst, t->tuple.dport, t->proto, t->tuple.src,
				    &mapping)) {
		trace_add(t->trace, "mapping", TRACE_STOPS,
			  "no session has a mapping with this port");
		tracing_drop(t, DROP_NO_MAPPING);
		return;
	}
	trace_add(t->trace, "mapping", TRACE_PASSES, "it is the mapping of %s:%u",
		  addr_text(mapping.internal, addr), ntohs(mapping.internal_port));
	reason = admit_external(t->s, &t->tuple, t->proto, t->port, mapping.internal, mapping.port,
				&rule);
	if (reason) {
		trace_add(t->trace, "source", TRACE_STOPS, "%s: %s", t->src, drop_text(reason));
		tracing_drop(t, reason);
		return;
	}
	if (rule) /* its own external address is the remote that filtering sees */
		trace_mapping_external(t->world, t->tuple.dst, t->tuple.dport, t->proto,
				       tracing_paired(t, snapshot_pool(t->s, rule->pool)),
				       &mapping);
	passes = pool->filtering_type == FILTERING_EIF ||
		 (pool->filtering_type == FILTERING_ADF && mapping.permitted);
	tracing_of_name(trace_add(t->trace, "filtering", passes ? TRACE_PASSES : TRACE_STOPS,
				  "filtering-type %s of pool %s %s %s",
				  filtering[pool->filtering_type], pool->name,
				  passes ? "admits" : "refuses", t->src),
			TRACE_OF_POOL, pool->name);
	if (!passes) {
		tracing_drop(t, DROP_FILTERED);
		return;
	}
	t->trace->dst = mapping.internal;
	t->trace->dport = mapping.internal_port;
	if (!look_at_return(t))
		return;
	t->trace->src = t->tuple.src;
	t->trace->sport = t->tuple.sport;
	if (rule) {
		of_rule(trace_add(t->trace, "rule", TRACE_PASSES,
				  "an inside host: by nat rule %u it goes out and comes in again",
				  rule->number),
			rule);
		t->trace->sport = 0;
		if (!tracing_pool(t, snapshot_pool(t->s, rule->pool), mapping.port))
			return;
	} else if (!tracing_limits(t, mapping.internal, mapping.port, NULL, false)) {
		return;
	}
	leave(t, mapping.port, 0, &mapping.mac);
}

static void look_at_first(struct tracing *t)
{
	struct admit admit = admit_first(t->s, &t->tuple, t->proto, t->port);
	const struct snapshot_address *own = snapshot_address(t->s, t->tuple.dst);
	enum drop_reason reason;

	if (admit.kind == ADMIT_EXTERNAL) {
		look_at_external(t, admit.pool);
		return;
	}
	if (admit.kind == ADMIT_KERNEL) {
		of_addr(trace_add(t->trace, "address", TRACE_STOPS,
				  "%s is the gateway's own, and no service or pool has this port: "
				  "the system's own stack answers, if anything listens there",
				  t->dst),
			own->kind == ADDRESS_VMAC ? TRACE_OF_VMAC : TRACE_OF_ADDRESS, t->tuple.dst);
		t->trace->verdict = TRACE_KERNEL;
		return;
	}
	admit.service = t->proto == IPPROTO_ICMP
				? NULL
				: snapshot_service(t->s, t->tuple.dst, t->proto, t->tuple.dport);
	if (admit.service)
		tracing_of_name(trace_add(t->trace, "service", TRACE_PASSES,
					  "service %s has this address and port",
					  admit.service->name),
				TRACE_OF_SERVICE, admit.service->name);
	else
		trace_add(t->trace, "service", TRACE_NOTE,
			  "no service has this address and port: the destination stays");
	reason = look_at_source(t);
	if (reason) {
		tracing_drop(t, reason);
		return;
	}
	if (admit.service) {
		look_at_service(t, admit.service);
		return;
	}
	look_at_way(t, admit.rule, t->tuple.dst, false);
}

void trace_packet(struct trace *trace, const struct trace_world *world,
		  const struct trace_question *question)
{
	struct tracing t = {
		.trace = trace, .world = world, .s = world->snapshot, .port = question->port};
	const struct snapshot_port *in = snapshot_port(t.s, question->port);
	struct trace_link link = {.ifindex = 0};

	*trace = (struct trace){.verdict = TRACE_KERNEL,
				.src = question->src,
				.dst = question->dst,
				.sport = question->sport,
				.dport = question->dport};
	addr_text(question->src, t.src);
	addr_text(question->dst, t.dst);
	world->link(world->context, question->port, &link);
	tracing_of_name(trace_add(trace, "portgroup", TRACE_NOTE, "it arrives on portgroup %s%s",
				  in ? in->name : "?",
				  !link.ifindex ? ", which is absent: nothing arrives there now"
				  : link.up	? ""
						: ", which is down: nothing arrives there now"),
			TRACE_OF_PORTGROUP, in ? in->name : "");
	if (look_at_headers(&t, question) && !look_for_session(&t))
		look_at_first(&t);
}
