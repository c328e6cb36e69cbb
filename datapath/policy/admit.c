/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/policy/admit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

const struct snapshot_pool *admit_external_pool(const struct snapshot *s, be32 addr, uint8_t proto,
						uint16_t l4_port)
{
	for (uint32_t i = 0; i < s->n_pools; i++) {
		const struct snapshot_pool *pool = &s->pools[i];

		if (proto != IPPROTO_ICMP &&
		    (l4_port < pool->port_first || l4_port > pool->port_last))
			continue;
		for (uint32_t a = 0; a < pool->addresses; a++)
			if (s->pool_addresses[pool->first_address + a] == addr)
				return pool;
	}
	return NULL;
}

/* Network and broadcast address of a network that we are connected to: nobody's own (RFC 1812
 * 4.2.3.1, 5.3.4; RFC 2644). */
static bool is_edge(const struct snapshot_route *route, be32 addr)
{
	uint32_t host;

	if (!route || route->via || route->prefix_len > 30)
		return false;
	host = ntohl(addr) & (UINT32_MAX >> route->prefix_len);
	return host == 0 || host == UINT32_MAX >> route->prefix_len;
}

enum drop_reason admit_route(const struct snapshot_route *route, be32 dst)
{
	if (!route)
		return DROP_NO_ROUTE;
	return is_edge(route, dst) ? DROP_MARTIAN : DROP_NONE;
}

/* Clients may come from networks that we have no route to (last hop). What is known to lie behind
 * another portgroup may not, and in the vSphere realm every network is known: a host there
 * must not pose as a client. */
static bool source_belongs(const struct snapshot_port *in, const struct snapshot_route *back,
			   uint8_t port)
{
	if (in->realm == REALM_VSPHERE)
		return back && back->port == port;
	return !back || back->prefix_len == 0 || back->port == port;
}

enum drop_reason admit_source(const struct snapshot *s, be32 src, uint8_t port)
{
	const struct snapshot_port *in = snapshot_port(s, port);
	const struct snapshot_route *back;

	if (snapshot_address(s, src))
		return DROP_SPOOFED;
	back = snapshot_route(s, src);
	if (is_edge(back, src))
		return DROP_MARTIAN;
	if (in && in->flags & SNAPSHOT_REVERSE_PATH && !source_belongs(in, back, port))
		return DROP_REVERSE_PATH;
	if (!snapshot_allowed(s, src))
		return DROP_NOT_ALLOWED;
	return DROP_NONE;
}

static bool in_realm(const struct snapshot *s, uint8_t port, enum realm realm)
{
	const struct snapshot_port *at = snapshot_port(s, port);

	return at && at->realm == (uint8_t)realm;
}

/* What moved into a private network is not reached from the Internet by its private address
 * either, by whoever gets a packet for it to our door. */
enum drop_reason admit_service(const struct snapshot *s, const struct snapshot_service *service,
			       uint8_t port, enum drop_reason reason)
{
	const struct snapshot_address *at;

	if (!in_realm(s, port, REALM_INTERNET))
		return reason;
	at = snapshot_address(s, service->addr);
	if (at && !in_realm(s, at->port, REALM_INTERNET))
		return DROP_REALM;
	return reason == DROP_NOT_ALLOWED && s->header->options & SNAPSHOT_ACCESS_OPEN ? DROP_NONE
										       : reason;
}

/* Traffic that is for no service of ours. */
static bool transit_closed(const struct snapshot *s, uint8_t port)
{
	return s->header->options & SNAPSHOT_PUBLISHED_ONLY && in_realm(s, port, REALM_INTERNET);
}

struct admit admit_first(const struct snapshot *s, const struct flow_tuple *tuple, uint8_t proto,
			 uint8_t port)
{
	struct admit admit = {.kind = ADMIT_DROP};
	bool query = proto != IPPROTO_ICMP || tuple->sport; /* not an echo reply */

	if (proto != IPPROTO_ICMP) {
		admit.service = snapshot_service(s, tuple->dst, proto, tuple->dport);
		if (admit.service) {
			admit.reason = admit_service(s, admit.service, port,
						     admit_source(s, tuple->src, port));
			if (!admit.reason)
				admit.kind = ADMIT_SERVICE;
			return admit;
		}
	}
	if (snapshot_address(s, tuple->dst)) {
		/* echo requests to us, and replies to requests of the kernel's own, are the
		 * kernel's */
		if (proto != IPPROTO_ICMP)
			admit.pool = admit_external_pool(s, tuple->dst, proto, ntohs(tuple->dport));
		admit.kind = admit.pool ? ADMIT_EXTERNAL : ADMIT_KERNEL;
		return admit;
	}
	if (!query) {
		admit.reason = DROP_NO_MAPPING;
		return admit;
	}
	admit.reason = admit_source(s, tuple->src, port);
	if (!admit.reason && transit_closed(s, port))
		admit.reason = DROP_REALM;
	if (admit.reason)
		return admit;
	admit.rule = snapshot_rule(s, tuple->src, tuple->dst, proto);
	if (!admit.rule)
		admit.reason = DROP_NO_RULE;
	else
		admit.kind = ADMIT_TRANSIT;
	return admit;
}

enum drop_reason admit_external(const struct snapshot *s, const struct flow_tuple *tuple,
				uint8_t proto, uint8_t port, be32 inside, uint8_t inside_port,
				const struct snapshot_rule **rule)
{
	enum drop_reason source = admit_source(s, tuple->src, port);

	*rule = NULL;
	/* who reaches a mapping from outside need not be on the allow list, but must not lie */
	if (source && source != DROP_NOT_ALLOWED)
		return source;
	/* the inside host itself, from elsewhere: it would be sent to answer itself ("land") */
	if (tuple->src == inside && port != inside_port)
		return DROP_REVERSE_PATH;
	/* one inside host to another by way of the outside (RFC 4787 REQ-9): inside is the
	 * mapping's portgroup, and whatever does not carry the external address */
	if (port != inside_port && snapshot_address(s, tuple->dst)->port == port)
		return DROP_NONE;
	if (!source)
		*rule = snapshot_rule(s, tuple->src, tuple->dst, proto);
	return *rule && (*rule)->pool != SNAPSHOT_PASS ? DROP_NONE : DROP_FILTERED;
}

enum timer policy_timer(const struct flow *f)
{
	static const uint8_t of_state[TCP_STATE_COUNT] = {
		[TCP_SYN_SENT] = TIMER_TCP_TRANS_OPEN, [TCP_SYN_BOTH] = TIMER_TCP_TRANS_OPEN,
		[TCP_ESTABLISHED] = TIMER_TCP_IDLE,    [TCP_FIN_0] = TIMER_TCP_IDLE,
		[TCP_FIN_1] = TIMER_TCP_IDLE,	       [TCP_CLOSED] = TIMER_TCP_TRANS_CLOSE,
		[TCP_RESET] = TIMER_TCP_TRANS_CLOSE,
	};

	/* a SYN that nobody inside asked for or has answered holds its place only for a while */
	if (f->tcp_state == TCP_SYN_SENT && f->flags & FLOW_INBOUND)
		return TIMER_TCP_IN_SYN;
	if (f->proto == IPPROTO_TCP)
		return of_state[f->tcp_state];
	return f->proto == IPPROTO_UDP ? TIMER_UDP : TIMER_ICMP;
}

static bool pool_has(const struct snapshot *s, uint16_t index, be32 addr, uint8_t proto,
		     be16 l4_port)
{
	const struct snapshot_pool *pool = snapshot_pool(s, index);

	if (!pool)
		return false;
	if (proto != IPPROTO_ICMP &&
	    (ntohs(l4_port) < pool->port_first || ntohs(l4_port) > pool->port_last))
		return false;
	for (uint32_t i = 0; i < pool->addresses; i++)
		if (s->pool_addresses[pool->first_address + i] == addr)
			return true;
	return false;
}

/* The rule that source translation of side 0 towards @dst rests on still is the same. */
static bool rule_holds(const struct snapshot *s, const struct flow *f, be32 dst)
{
	const struct snapshot_rule *rule = snapshot_rule(s, f->tuple[0].src, dst, f->proto);
	be16 l4_port = f->proto == IPPROTO_ICMP ? 0 : f->tuple[1].dport;

	if (!rule)
		return false;
	if (!(f->flags & FLOW_SNAT))
		return rule->pool == SNAPSHOT_PASS;
	return rule->pool == f->pool && pool_has(s, rule->pool, f->tuple[1].dst, f->proto, l4_port);
}

const struct snapshot_backend *policy_backend(const struct snapshot *s, const struct flow *f,
					      const struct snapshot_service **service)
{
	*service = snapshot_service(s, f->tuple[0].dst, f->proto, f->tuple[0].dport);
	if (!*service)
		return NULL;
	for (uint32_t i = 0; i < (*service)->backends; i++) {
		const struct snapshot_backend *backend =
			&s->backends[(*service)->first_backend + i];

		if (backend->addr == f->tuple[1].src && backend->port == f->tuple[1].sport)
			return backend;
	}
	return NULL;
}

static bool service_holds(const struct snapshot *s, const struct flow *f)
{
	const struct snapshot_service *service;
	const struct snapshot_backend *backend = policy_backend(s, f, &service);
	enum drop_reason source =
		snapshot_allowed(s, f->tuple[0].src) ? DROP_NONE : DROP_NOT_ALLOWED;

	return backend && !admit_service(s, service, f->port[0], source) &&
	       (backend->up || service->dead == DEAD_KEEP);
}

bool policy_admits(const struct snapshot *s, const struct flow *f)
{
	if (!snapshot_port(s, f->port[0]) || !snapshot_port(s, f->port[1]))
		return false;
	if (f->flags & FLOW_INBOUND && !(f->flags & FLOW_HAIRPIN))
		/* the inside host must still be allowed out by the pool that it is reached through
		 */
		return snapshot_allowed(s, f->tuple[1].src) &&
		       pool_has(s, f->pool, f->tuple[0].dst, f->proto, f->tuple[0].dport);
	if (f->flags & FLOW_DNAT)
		return service_holds(s, f) && rule_holds(s, f, f->tuple[1].src);
	return snapshot_allowed(s, f->tuple[0].src) && !transit_closed(s, f->port[0]) &&
	       rule_holds(s, f, f->tuple[0].dst);
}
