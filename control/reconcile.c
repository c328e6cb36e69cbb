/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/apply.h"
#include "control/config/derive.h"
#include "control/ctl/log.h"
#include "control/gateway.h"
#include "control/guarding.h"
#include "control/offloading.h"

static const char *link_state(const struct kernel_link *link)
{
	if (!link->ifindex)
		return "absent";
	return link->up ? "up" : "down";
}

/* @former: 0 in what has not changed */
static void say_link(struct gateway *gateway, const struct config_portgroup *portgroup,
		     const struct kernel_link *link, const struct kernel_link *former)
{
	char mac[MAC_TEXT_BYTES], former_mac[MAC_TEXT_BYTES];
	json_t *members =
		json_pack("{s:s, s:s}", "portgroup", portgroup->name, "state", link_state(link));
	char changes[160] = "";
	size_t used = 0;

	if (former->mtu) {
		used = (size_t)snprintf(changes, sizeof(changes), ", its MTU is %u now, was %u",
					link->mtu, former->mtu);
		json_object_set_new(members, "mtu", json_integer(link->mtu));
		json_object_set_new(members, "former-mtu", json_integer(former->mtu));
	}
	if (former->ifindex) { /* stands for the MAC */
		mac_text(link->mac, mac);
		mac_text(former->mac, former_mac);
		snprintf(changes + used, sizeof(changes) - used, ", its MAC is %s now, was %s", mac,
			 former_mac);
		json_object_set_new(members, "mac", json_string(mac));
		json_object_set_new(members, "former-mac", json_string(former_mac));
	}
	gateway_tell(gateway, TOLD_LINK, link->up ? LOG_NOTICE : LOG_WARNING, members,
		     "portgroup %s (%s) is %s%s", portgroup->name, portgroup->dev, link_state(link),
		     changes);
}

static void look_at_link(struct gateway *gateway, const struct config_portgroup *portgroup,
			 struct gateway_port *port)
{
	struct kernel_link link, former = {.ifindex = 0};
	const struct kernel_link *seen = &port->seen;
	struct kernel_error why;
	const char *state;
	bool differs, told;

	if (kernel_portgroup(gateway->kernel, portgroup, &link, &why))
		return;
	state = link_state(&link);
	differs = strcmp(port->state, state) != 0;
	if (seen->ifindex && link.ifindex && seen->mtu != link.mtu)
		former.mtu = seen->mtu;
	if (seen->ifindex && link.ifindex && !mac_equal(&seen->mac, &link.mac)) {
		former.ifindex = seen->ifindex;
		former.mac = seen->mac;
	}
	told = differs && (*port->state || !link.up);
	if (told || former.mtu || former.ifindex)
		say_link(gateway, portgroup, &link, &former);
	/* Nobody fights over an interface that is made anew; one that is made here is another
	 * matter. */
	if (seen->ifindex && link.ifindex && seen->ifindex != link.ifindex && !portgroup->vlan)
		dispute_forget(&gateway->reconcile.disputes, portgroup->dev);
	if (link.ifindex) /* of one that is absent it stays known what it was */
		port->seen = link;
	snprintf(port->state, sizeof(port->state), "%s", state);
}

void reconcile_links(struct gateway *gateway)
{
	struct places places;
	struct ctl_error error;

	if (names_place(&gateway->names, &gateway->config, &places, &error))
		return;
	for (size_t i = 0; i < gateway->config.n_portgroups; i++)
		look_at_link(gateway, &gateway->config.portgroups[i],
			     &gateway->ports[places.portgroup[i]]);
}

bool reconcile_may(struct gateway *gateway, const char *what)
{
	struct reconcile *reconcile = &gateway->reconcile;

	return dispute_may(&reconcile->disputes, what, gateway_now_ms(), &reconcile->left_ms);
}

void reconcile_mended(struct gateway *gateway, const char *what)
{
	struct reconcile *reconcile = &gateway->reconcile;
	unsigned times;
	int64_t wait_ms = dispute_mended(&reconcile->disputes, what, gateway_now_ms(), &times);

	if (!reconcile->mended)
		reconcile->mended = json_array();
	json_array_append_new(reconcile->mended, json_string(what));
	gateway->counts.mended++;
	if (!wait_ms)
		return;
	gateway_tell(gateway, TOLD_CONFLICT, LOG_ERR,
		     json_pack("{s:s, s:i, s:I}", "what", what, "times", (int)times, "wait",
			       (json_int_t)(wait_ms / 1000)),
		     "somebody else keeps changing this: %s; mended %u times in a row, the next "
		     "time %" PRId64 " s from now at the earliest",
		     what, times, wait_ms / 1000);
}

static bool may_change(void *context, const struct kernel_change *change)
{
	struct gateway *gateway = context;

	return change->follows || (change->added && guarding_expected(gateway, change->added)) ||
	       reconcile_may(gateway, change->what);
}

static void change_done(void *context, const struct kernel_change *change, int err, const char *why)
{
	struct gateway *gateway = context;

	if (err) {
		if (!*gateway->reconcile.failed)
			snprintf(gateway->reconcile.failed, sizeof(gateway->reconcile.failed), "%s",
				 why);
	} else if (change->follows) {
		ctl_log(TOLD_LINK, LOG_NOTICE, "%s, as the links of portgroups changed",
			change->what);
	} else if (change->added && guarding_expected(gateway, change->added)) {
		gateway->reconcile.expected = true;
	} else if (!change->route || !gateway->reconcile.expected) {
		/* A route that has waited for such an address was not changed by others. */
		reconcile_mended(gateway, change->what);
	}
}

static void say_trouble(struct gateway *gateway)
{
	struct reconcile *reconcile = &gateway->reconcile;

	if (!*reconcile->failed) {
		if (*reconcile->trouble)
			ctl_log(TOLD_KERNEL, LOG_NOTICE,
				"the kernel matches the configuration again");
		reconcile->trouble[0] = '\0';
		reconcile->failures = 0;
		return;
	}
	if (strcmp(reconcile->trouble, reconcile->failed) != 0)
		ctl_log(TOLD_KERNEL, LOG_ERR, "the kernel does not match the configuration: %s",
			reconcile->failed);
	memcpy(reconcile->trouble, reconcile->failed, sizeof(reconcile->trouble));
	reconcile->failures++;
}

/* One line a thing, one event for all of them. */
static void say_mended(struct gateway *gateway)
{
	json_t *mended = gateway->reconcile.mended, *told;
	size_t n = json_array_size(mended);

	gateway->reconcile.mended = NULL;
	if (!n)
		return;
	told = json_array();
	for (size_t i = 0; i < n && i < RECONCILE_TOLD_MAX; i++) {
		ctl_log_members(TOLD_MENDED, LOG_WARNING,
				json_pack("{s:O}", "what", json_array_get(mended, i)),
				"changed by others and mended: %s",
				json_string_value(json_array_get(mended, i)));
		json_array_append(told, json_array_get(mended, i));
	}
	if (n > RECONCILE_TOLD_MAX)
		ctl_log(TOLD_MENDED, LOG_WARNING, "and %zu differences more",
			n - RECONCILE_TOLD_MAX);
	gateway_event(gateway, TOLD_MENDED,
		      json_pack("{s:I, s:o}", "changes", (json_int_t)n, "what", told));
	json_decref(mended);
}

static void plan_next(struct gateway *gateway)
{
	struct reconcile *reconcile = &gateway->reconcile;
	int64_t now_ms = gateway_now_ms(), due_ms = reconcile->left_ms;

	if (*reconcile->failed) {
		int64_t wait_ms = RECONCILE_WAIT_MS;

		for (unsigned i = 1; i < reconcile->failures && wait_ms < RECONCILE_WAIT_MAX_MS;
		     i++)
			wait_ms *= 2;
		if (wait_ms > RECONCILE_WAIT_MAX_MS)
			wait_ms = RECONCILE_WAIT_MAX_MS;
		if (now_ms + wait_ms < due_ms)
			due_ms = now_ms + wait_ms;
	}
	if (due_ms != INT64_MAX && !gateway->due.reconcile_ms)
		gateway->due.reconcile_ms = due_ms;
	/* Set last: what was just done makes the monitor readable, too. */
	reconcile->looked_ms = gateway_now_ms();
}

/* The link-layer neighbour that packets to @addr are handed to. */
static void add_hop(struct gateway *gateway, const struct derived *derived,
		    const struct places *places, be32 addr, struct kernel_hop *hops, size_t *n)
{
	const struct snapshot_route *route = derived_route(derived, addr);
	uint32_t ifindex = route ? gateway->ports[places->portgroup[route->port]].link.ifindex : 0;
	be32 hop = route && route->via ? route->via : addr;

	if (!ifindex || *n == KERNEL_HOPS_MAX)
		return;
	for (size_t i = *n > 8 ? *n - 8 : 0; i < *n; i++) /* often many in a row share one */
		if (hops[i].addr == hop && hops[i].ifindex == ifindex)
			return;
	hops[(*n)++] = (struct kernel_hop){.ifindex = ifindex, .addr = hop};
}

static void fill_macs(struct gateway *gateway, struct kernel_hop *hops, size_t n)
{
	struct kernel_neighbour *known = NULL;
	size_t n_known;

	if (kernel_neighbours(gateway->kernel, &known, &n_known))
		return;
	for (size_t i = 0; i < n_known; i++)
		for (size_t h = 0; h < n; h++)
			if (hops[h].addr == known[i].addr && hops[h].ifindex == known[i].ifindex)
				hops[h].mac = known[i].mac;
	free(known);
}

static void follow_hops(struct gateway *gateway)
{
	struct kernel_hop *hops = calloc(KERNEL_HOPS_MAX, sizeof(*hops));
	const struct config *config = &gateway->config;
	struct derived derived;
	struct ctl_error error;
	struct places places;
	size_t n = 0;

	if (!hops || names_place(&gateway->names, config, &places, &error) ||
	    derive(&derived, config)) {
		free(hops);
		return;
	}
	for (size_t i = 0; i < config->n_routes; i++)
		add_hop(gateway, &derived, &places, config->routes[i].via, hops, &n);
	for (size_t i = 0; i < config->n_services; i++)
		for (size_t b = 0; b < config->services[i].n_backends; b++)
			add_hop(gateway, &derived, &places, config->services[i].backends[b].addr,
				hops, &n);
	fill_macs(gateway, hops, n);
	kernel_watch(gateway->kernel, hops, n);
	derived_free(&derived);
	free(hops);
}

static void say_hops(struct gateway *gateway)
{
	char addr[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES], before[MAC_TEXT_BYTES];
	struct kernel_hop hop;
	struct mac former;

	while (kernel_hop_changed(gateway->kernel, &hop, &former)) {
		const char *portgroup = "?";

		for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
			if (gateway->ports[i].link.ifindex == hop.ifindex)
				portgroup = gateway->names.portgroup[i];
		addr_text(hop.addr, addr);
		mac_text(hop.mac, mac);
		mac_text(former, before);
		gateway_tell(gateway, TOLD_NEIGHBOUR, LOG_NOTICE,
			     json_pack("{s:s, s:s, s:s, s:s}", "portgroup", portgroup, "address",
				       addr, "mac", mac, "former-mac", before),
			     "portgroup %s: next hop %s has MAC %s now, had %s", portgroup, addr,
			     mac, before);
	}
}

static void follow(struct gateway *gateway)
{
	guarding_follow(gateway);
	follow_hops(gateway);
	gateway->reconcile.followed = gateway->revision;
}

static void look(struct gateway *gateway)
{
	const struct kernel_mend mend = {
		.may = may_change, .done = change_done, .context = gateway};
	struct reconcile *reconcile = &gateway->reconcile;
	struct kernel_error why = {.text = ""};
	struct ctl_error error;
	struct places places;

	gateway->due.reconcile_ms = 0;
	reconcile->left_ms = INT64_MAX;
	reconcile->failed[0] = '\0';
	reconcile->expected = false;
	reconcile_links(gateway);
	guarding_follow(gateway); /* before: an address that was taken away is missed */
	if (kernel_mend(gateway->kernel, &gateway->config, &mend, &why))
		snprintf(reconcile->failed, sizeof(reconcile->failed), "%s", why.text);
	inside_mend(gateway, &mend);
	say_trouble(gateway);
	if (apply_links(gateway, &error))
		ctl_log(TOLD_LINK, LOG_ERR, "cannot follow a change of the links: %s", error.text);
	if (!names_place(&gateway->names, &gateway->forwarded, &places, &error))
		offloading_follow(gateway, &gateway->forwarded, &places);
	receiving_follow(gateway);
	if (gateway->datapath.peer.broken)
		gateway_datapath_lost(gateway, "its channel broke");
	say_mended(gateway);
	follow(gateway);
	plan_next(gateway);
}

void reconcile_readable(struct gateway *gateway)
{
	int64_t now_ms = gateway_now_ms(), due_ms = now_ms + RECONCILE_SETTLE_MS;
	int64_t pause_end_ms = gateway->reconcile.looked_ms + RECONCILE_PAUSE_MS;
	int changed = kernel_monitor_read(gateway->kernel);

	say_hops(gateway);
	if (changed <= 0)
		return;
	offloading_links(gateway); /* at once: packets do not wait for the rest */
	if (due_ms < pause_end_ms)
		due_ms = pause_end_ms;
	/* A look that waits for something in dispute does not keep the others waiting. */
	if (!gateway->due.reconcile_ms || due_ms < gateway->due.reconcile_ms)
		gateway->due.reconcile_ms = due_ms;
}

int64_t reconcile_due_ms(const struct gateway *gateway)
{
	int64_t read_ms = gateway->reconcile.read_ms + RECONCILE_READ_MS;
	int64_t look_ms = gateway->due.reconcile_ms;

	/* A look that waits for what is in dispute, or fails, does not keep this waiting. */
	return look_ms && look_ms < read_ms ? look_ms : read_ms;
}

static void read_parameters(struct gateway *gateway)
{
	struct reconcile *reconcile = &gateway->reconcile;
	int64_t now_ms = gateway_now_ms();

	if (now_ms - reconcile->read_ms < RECONCILE_READ_MS)
		return;
	reconcile->read_ms = now_ms;
	if (!kernel_parameters_kept(gateway->kernel))
		gateway->due.reconcile_ms = now_ms;
}

void reconcile_work(struct gateway *gateway)
{
	read_parameters(gateway);
	if (gateway->due.reconcile_ms && gateway->due.reconcile_ms <= gateway_now_ms())
		look(gateway);
	else if (gateway->reconcile.followed != gateway->revision)
		follow(gateway);
}
