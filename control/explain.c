/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks explain/trace.h with the snapshot and the flow table that run and with links and neighbours
 * as the kernel has them, and names for each step the statement that it rests on, with its line in
 * the file if it came from there.
 */
#include "control/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/config/kind.h"
#include "control/explain/trace.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/offloading.h"

#define SOURCE_PORT 49152 /* where none is given: the first that clients choose from (RFC 6335) */

struct asking {
	struct gateway *gateway;
	struct kernel_neighbour *neighbours;
	size_t n_neighbours;
	struct kernel_link links[CONFIG_PORTGROUPS_MAX]; /* by index */
	struct kernel_link host; /* behind the datapath, where names and NTP are served */
	struct trace trace;
};

static void link_of(void *context, uint8_t port, struct trace_link *link)
{
	const struct asking *asking = context;
	const struct kernel_link *is = &asking->links[port % CONFIG_PORTGROUPS_MAX];

	*link = (struct trace_link){.ifindex = is->ifindex, .mtu = is->mtu, .up = is->up};
}

static enum trace_neighbour neighbour_of(void *context, uint8_t port, be32 addr, struct mac *mac)
{
	const uint16_t known = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
	const struct asking *asking = context;

	if (asking->host.ifindex && addr == inet_addr(INSIDE_HOST_TEXT)) {
		*mac = asking->host.mac;
		return TRACE_NEIGHBOUR_KNOWN;
	}
	for (size_t i = 0; i < asking->n_neighbours; i++) {
		const struct kernel_neighbour *n = &asking->neighbours[i];

		if (n->addr != addr ||
		    n->ifindex != asking->links[port % CONFIG_PORTGROUPS_MAX].ifindex)
			continue;
		*mac = n->mac;
		if (n->state & known)
			return TRACE_NEIGHBOUR_KNOWN;
		if (n->state & NUD_FAILED)
			return TRACE_NEIGHBOUR_FAILED;
	}
	return TRACE_NEIGHBOUR_UNKNOWN;
}

/* Return: 0, or -errno with @error set. */
static int look_at_kernel(struct asking *asking, struct ctl_error *error)
{
	const struct config_portgroup host = {.dev = INSIDE_DEV_HOST};
	struct gateway *gateway = asking->gateway;
	const struct config *config = &gateway->forwarded;
	struct kernel_error why;
	struct places places;
	int code = names_place(&gateway->names, config, &places, error);

	for (size_t i = 0; !code && i < config->n_portgroups; i++)
		if (kernel_portgroup(gateway->kernel, &config->portgroups[i],
				     &asking->links[places.portgroup[i]], &why))
			code = fault(error, -EIO, "%s", why.text);
	if (!code && kernel_portgroup(gateway->kernel, &host, &asking->host, &why))
		code = fault(error, -EIO, "%s", why.text);
	if (!code && kernel_neighbours(gateway->kernel, &asking->neighbours, &asking->n_neighbours))
		asking->n_neighbours = 0; /* unknown then, which is what is said */
	return code;
}

/* The most specific network of a kind that has @addr. */
static const void *find_network(const struct config *config, enum config_kind kind, be32 addr)
{
	const void *best = NULL;
	int best_len = -1;

	for (size_t i = 0; i < kind_count(config, kind); i++) {
		const void *item = kind_item(config, kind, i);
		struct prefix network;

		if (kind == KIND_ALLOW) {
			network = ((const struct config_allow *)item)->network;
		} else {
			const struct config_address *a = item;

			network.len = a->prefix_len;
			network.addr = a->addr & prefix_mask(a->prefix_len);
		}
		if (!prefix_covers(network, addr) || network.len <= best_len)
			continue;
		best = item;
		best_len = network.len;
	}
	return best;
}

static const void *find_key(const struct config *config, enum config_kind kind,
			    const struct trace_step *step)
{
	for (size_t i = 0; i < kind_count(config, kind); i++) {
		const union config_item *item = kind_item(config, kind, i);

		switch (kind) {
		case KIND_PORTGROUP:
		case KIND_POOL:
		case KIND_SERVICE: /* their name is their first member */
			if (!strcmp((const char *)item, step->name))
				return item;
			break;
		case KIND_ADDRESS:
			if (item->address.addr == step->addr)
				return item;
			break;
		case KIND_ROUTE:
			if (item->route.to.addr == step->prefix.addr &&
			    item->route.to.len == step->prefix.len)
				return item;
			break;
		case KIND_NAT:
			if (item->nat.number == step->number)
				return item;
			break;
		case KIND_VMAC:
			if (item->vmac.addr == step->addr)
				return item;
			break;
		default:
			return NULL;
		}
	}
	return NULL;
}

/* Return: the item, NULL if there is none; @kind: what it is. */
static const void *find_item(const struct config *config, const struct trace_step *step,
			     enum config_kind *kind)
{
	static const struct {
		enum config_kind kind;
		bool network;
	} of[] = {
		[TRACE_OF_PORTGROUP] = {KIND_PORTGROUP, false},
		[TRACE_OF_ADDRESS] = {KIND_ADDRESS, false},
		[TRACE_OF_NETWORK] = {KIND_ADDRESS, true},
		[TRACE_OF_ROUTE] = {KIND_ROUTE, false},
		[TRACE_OF_POOL] = {KIND_POOL, false},
		[TRACE_OF_NAT] = {KIND_NAT, false},
		[TRACE_OF_SERVICE] = {KIND_SERVICE, false},
		[TRACE_OF_ALLOW] = {KIND_ALLOW, true},
		[TRACE_OF_VMAC] = {KIND_VMAC, false},
	};

	if (step->statement == TRACE_OF_NONE || step->statement == TRACE_OF_SETTING)
		return NULL;
	*kind = of[step->statement].kind;
	return of[step->statement].network ? find_network(config, *kind, step->addr)
					   : find_key(config, *kind, step);
}

static void add_statement(json_t *item, const struct config *config, const struct trace_step *step)
{
	struct config_text text = {0};
	enum config_kind kind;
	const void *found = find_item(config, step, &kind);
	unsigned line = 0;
	char *words;

	if (found) {
		config_text_add(&text, "%s add ", kinds[kind].name);
		kind_print(kind, &text, found);
		line = kind_line(kind, found);
	} else if (step->statement == TRACE_OF_SETTING) {
		for (unsigned i = 0; i < SETTING_COUNT; i++)
			if (!strcmp(settings[i].name, step->name))
				setting_print(&text, config, i);
	} else {
		return;
	}
	words = config_text_take(&text);
	if (words)
		json_object_set_new(item, "statement", json_string(words));
	if (line)
		json_object_set_new(item, "line", json_integer(line));
	free(words);
}

static json_t *steps_of(const struct asking *asking)
{
	static const char *const outcomes[] = {"passes", "stops", "note"};
	json_t *list = json_array();

	for (unsigned i = 0; i < asking->trace.n_steps; i++) {
		const struct trace_step *step = &asking->trace.steps[i];
		json_t *item = json_pack("{s:s, s:s, s:s}", "step", step->topic, "outcome",
					 outcomes[step->outcome], "text", step->text);

		add_statement(item, &asking->gateway->config, step);
		json_array_append_new(list, item);
	}
	return list;
}

/* Several services stand at one address and port where the TLS name that a client asks for decides.
 */
static void add_service(struct asking *asking, const struct config_service *service)
{
	struct trace *trace = &asking->trace;

	if (service->n_sni && trace->n_steps + 2 < TRACE_STEPS_MAX) {
		struct trace_step *step = trace_add(
			trace, "name", TRACE_NOTE,
			"whoever asks for %s%s is relayed to a backend of service %s",
			service->sni[0], service->n_sni > 1 ? " or another of its TLS names" : "",
			service->name);

		step->statement = TRACE_OF_SERVICE;
		(void)snprintf(step->name, sizeof(step->name), "%s", service->name);
	}
	for (size_t i = 0; i < service->n_backends && trace->n_steps + 2 < TRACE_STEPS_MAX; i++) {
		struct health_status status = checking_status(asking->gateway, service->name, i);
		char addr[ADDR_TEXT_BYTES];

		trace_add(trace, "health", TRACE_NOTE, "backend %s:%u is %s%s%s",
			  addr_text(service->backends[i].addr, addr), service->backends[i].port,
			  health_state_name(status.state),
			  status.error && *status.error ? ": " : "",
			  status.error ? status.error : "");
	}
}

/* Health of the service's backends, and who forwards what follows: what the datapath does not know.
 */
static void add_notes(struct asking *asking, const struct trace_question *question)
{
	struct gateway *gateway = asking->gateway;
	struct trace *trace = &asking->trace;

	for (size_t i = 0; i < gateway->config.n_services; i++) {
		const struct config_service *s = &gateway->config.services[i];

		if (s->addr == question->dst && s->protocol == question->proto &&
		    s->port == ntohs(question->dport))
			add_service(asking, s);
	}
	if (trace->verdict != TRACE_FORWARDED || question->proto == IPPROTO_ICMP)
		return;
	trace_add(trace, "offload", TRACE_NOTE,
		  strcmp(offloading_state(gateway, question->port), "off")
			  ? "once the session is established, the kernel forwards it by itself (%s)"
			  : "each packet of the session is forwarded by pgw-datapath (offload %s)",
		  offloading_state(gateway, question->port));
}

static json_t *end_point(be32 addr, be16 port, uint8_t proto)
{
	char text[ADDR_TEXT_BYTES + 8];

	addr_text(addr, text);
	if (port && proto != IPPROTO_ICMP)
		snprintf(text + strlen(text), 8, ":%u", ntohs(port));
	return json_string(text);
}

static void fill(struct asking *asking, const struct trace_question *question, json_t *answer)
{
	static const char *const verdicts[] = {"forwarded", "kernel", "dropped"};
	const struct trace *trace = &asking->trace;

	json_object_set_new(answer, "verdict", json_string(verdicts[trace->verdict]));
	json_object_set_new(answer, "portgroup",
			    json_string(asking->gateway->names.portgroup[question->port]));
	json_object_set_new(answer, "protocol",
			    question->proto ? json_string(protocol_name(question->proto))
					    : json_null());
	json_object_set_new(answer, "from",
			    end_point(question->src, question->sport, question->proto));
	json_object_set_new(answer, "to",
			    end_point(question->dst, question->dport, question->proto));
	if (trace->verdict == TRACE_DROPPED) {
		json_object_set_new(answer, "reason", json_string(drop_name(trace->reason)));
		json_object_set_new(answer, "reason-text", json_string(drop_text(trace->reason)));
	}
	if (trace->verdict == TRACE_FORWARDED) {
		json_object_set_new(answer, "egress",
				    json_string(asking->gateway->names.portgroup[trace->port]));
		json_object_set_new(answer, "translated-from",
				    end_point(trace->src, trace->sport, question->proto));
		json_object_set_new(answer, "translated-to",
				    end_point(trace->dst, trace->dport, question->proto));
	}
	if (trace->has_flow)
		json_object_set_new(answer, "session", json_integer(trace->record));
	json_object_set_new(answer, "steps", steps_of(asking));
}

static int read_addr(const json_t *request, const char *member, be32 *addr,
		     struct request_result *result)
{
	const char *text = json_string_value(json_object_get(request, member));

	if (addr_parse(text, addr))
		return 0;
	return request_failed(result, -EINVAL,
			      "member \"%s\" is \"%.40s\", expected an IPv4 address", member, text);
}

static int read_port(const json_t *request, const char *member, json_int_t normal, be16 *port,
		     struct request_result *result)
{
	const json_t *value = json_object_get(request, member);
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : normal;

	if (number < 0 || number > UINT16_MAX)
		return request_failed(result, -EINVAL,
				      "member \"%s\" is %lld, expected a number from 0 to 65535",
				      member, (long long)number);
	*port = htons((uint16_t)number);
	return 0;
}

static int read_protocol(const json_t *request, uint8_t *proto, struct request_result *result)
{
	static const uint8_t known[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	const char *text = json_string_value(json_object_get(request, "protocol"));

	*proto = json_is_integer(json_object_get(request, "dst-port")) ? IPPROTO_TCP : IPPROTO_ICMP;
	if (!text)
		return 0;
	for (unsigned i = 0; i < sizeof(known); i++)
		if (!strcmp(text, protocol_name(known[i]))) {
			*proto = known[i];
			return 0;
		}
	return request_failed(result, -EINVAL,
			      "protocol \"%.40s\" is unknown, expected tcp, udp or icmp", text);
}

static int read_portgroup(struct gateway *gateway, const json_t *request,
			  const struct snapshot *snapshot, struct trace_question *question,
			  struct request_result *result)
{
	const char *name = json_string_value(json_object_get(request, "portgroup"));
	int found = name ? -1 : trace_arrival(snapshot, question->src, question->dst);

	for (unsigned i = 0; name && i < CONFIG_PORTGROUPS_MAX; i++)
		if (*name && !strcmp(gateway->names.portgroup[i], name))
			found = (int)i;
	if (found < 0 && name)
		return request_failed(result, -EINVAL, "portgroup \"%.40s\" does not exist", name);
	if (found < 0)
		return request_failed(result, -EINVAL, "there is no portgroup");
	question->port = (uint8_t)found;
	return 0;
}

static int read_question(struct gateway *gateway, const json_t *request,
			 const struct snapshot *snapshot, struct trace_question *question,
			 struct request_result *result)
{
	int code = read_addr(request, "src", &question->src, result);

	if (!code)
		code = read_addr(request, "dst", &question->dst, result);
	if (!code)
		code = read_protocol(request, &question->proto, result);
	if (!code)
		code = read_port(request, "src-port",
				 question->proto == IPPROTO_ICMP ? 1 : SOURCE_PORT,
				 &question->sport, result);
	if (!code)
		code = read_port(request, "dst-port", 0, &question->dport, result);
	if (!code && question->proto == IPPROTO_ICMP)
		question->dport = 0;
	if (!code)
		code = read_portgroup(gateway, request, snapshot, question, result);
	return code;
}

static uint32_t now_tick(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return FLOW_TICK((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static int explain(void *context, const json_t *request, struct request_result *result)
{
	struct asking asking = {.gateway = context};
	struct gateway *gateway = context;
	struct trace_question question;
	struct snapshot snapshot;
	struct flow_table table;
	struct trace_world world = {.snapshot = &snapshot,
				    .now_tick = now_tick(),
				    .link = link_of,
				    .neighbour = neighbour_of,
				    .context = &asking};
	const char *why;
	int code;

	why = gateway->snapshot.memory
		      ? snapshot_open(&snapshot, gateway->snapshot.memory, gateway->snapshot.bytes)
		      : "nothing runs yet";
	if (why)
		return request_failed(result, -EIO, "the running configuration cannot be read: %s",
				      why);
	if (flow_table_view(&table, gateway->table.memory, gateway->table.bytes))
		return request_failed(result, -EIO,
				      "the flow table's header is damaged: stop pgwd and start it "
				      "again");
	world.table = &table;
	code = read_question(gateway, request, &snapshot, &question, result);
	if (!code)
		code = look_at_kernel(&asking, &result->error);
	if (!code) {
		trace_packet(&asking.trace, &world, &question);
		add_notes(&asking, &question);
		fill(&asking, &question, result->answer);
	}
	free(asking.neighbours);
	return code;
}

const struct request_operation explain_operations[] = {
	{.name = "explain",
	 .call = explain,
	 .member = {{"src", JSON_STRING, false},
		    {"dst", JSON_STRING, false},
		    {"src-port", JSON_INTEGER, true},
		    {"dst-port", JSON_INTEGER, true},
		    {"protocol", JSON_STRING, true},
		    {"portgroup", JSON_STRING, true}}},
	{.name = NULL},
};
