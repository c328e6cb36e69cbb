/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/vmac_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/arp/wire.h"
#include "control/config/kind.h"
#include "control/config/vmac.h"
#include "control/gateway.h"

static struct vmac_check_item *current(struct gateway *gateway)
{
	struct vmac_check *check = &gateway->vmac_check;

	return check->at < check->n ? &check->items[check->at] : NULL;
}

static void ask_all(struct gateway *gateway)
{
	const struct vmac_check *check = &gateway->vmac_check;
	const struct vmac_check_item *item = current(gateway);
	bool from_vmac = check->phase == VMAC_CHECK_TRANSMIT;
	bool to_vmac = check->phase == VMAC_CHECK_RECEIVE;

	for (unsigned i = 0; i < item->n_neighbours; i++) {
		const struct arp_message message = {
			.operation = ARP_REQUEST,
			.sender_mac = to_vmac ? item->mac : item->own,
			.sender = to_vmac ? item->addr : item->own_addr,
			.target = item->neighbours[i],
		};

		if (check->phase == VMAC_CHECK_OWN || item->neighbours[i] == item->neighbour)
			(void)wire_send(gateway->guarding.fd, item->parent,
					from_vmac ? &item->mac : &item->own, &message);
	}
}

static void begin_phase(struct gateway *gateway, enum vmac_check_phase phase)
{
	gateway->vmac_check.phase = phase;
	gateway->vmac_check.tries = 0;
	gateway->vmac_check.due_ms = gateway_now_ms();
}

/* The next MAC, or the end. */
static void begin_item(struct gateway *gateway)
{
	struct vmac_check *check = &gateway->vmac_check;
	const struct vmac_check_item *item = current(gateway);
	struct timespec now;

	if (item) {
		guarding_ask(gateway, item->neighbours, item->n_neighbours);
		begin_phase(gateway, VMAC_CHECK_OWN);
		return;
	}
	guarding_ask(gateway, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	check->done_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	check->due_ms = INT64_MAX;
}

static void end_phase(struct gateway *gateway, bool answered)
{
	enum vmac_check_answer answer = answered ? VMAC_CHECK_YES : VMAC_CHECK_NO;
	struct vmac_check_item *item = current(gateway);

	switch (gateway->vmac_check.phase) {
	case VMAC_CHECK_OWN:
		if (answered) {
			begin_phase(gateway, VMAC_CHECK_TRANSMIT);
			return;
		}
		break;
	case VMAC_CHECK_TRANSMIT:
		item->transmits = answer;
		begin_phase(gateway, VMAC_CHECK_RECEIVE);
		return;
	case VMAC_CHECK_RECEIVE:
		item->receives = answer;
		break;
	case VMAC_CHECK_DONE:
		break;
	}
	gateway->vmac_check.at++;
	begin_item(gateway);
}

void vmac_check_heard(struct gateway *gateway, uint32_t ifindex, const struct arp_message *message)
{
	struct vmac_check_item *item = current(gateway);
	bool to_vmac = gateway->vmac_check.phase == VMAC_CHECK_RECEIVE;

	if (!item || message->operation != ARP_REPLY ||
	    message->target != (to_vmac ? item->addr : item->own_addr) ||
	    !mac_equal(&message->target_mac, to_vmac ? &item->mac : &item->own) ||
	    ifindex != (to_vmac ? item->ifindex : item->parent))
		return;
	for (unsigned i = 0; i < item->n_neighbours; i++) {
		if (message->sender != item->neighbours[i])
			continue;
		if (gateway->vmac_check.phase == VMAC_CHECK_OWN)
			item->neighbour = message->sender;
		else if (message->sender != item->neighbour)
			continue;
		end_phase(gateway, true);
		return;
	}
}

int64_t vmac_check_due_ms(const struct gateway *gateway)
{
	const struct vmac_check *check = &gateway->vmac_check;

	return check->at < check->n ? check->due_ms : INT64_MAX;
}

void vmac_check_work(struct gateway *gateway)
{
	struct vmac_check *check = &gateway->vmac_check;

	while (check->at < check->n && check->due_ms <= gateway_now_ms()) {
		if (check->tries == VMAC_CHECK_TRIES) {
			end_phase(gateway, false);
			continue;
		}
		ask_all(gateway);
		check->tries++;
		check->due_ms = gateway_now_ms() + VMAC_CHECK_TRY_MS;
	}
}

static void add_neighbour(struct vmac_check_item *item, be32 addr)
{
	if (addr == item->own_addr || addr == item->addr ||
	    item->n_neighbours == VMAC_CHECK_NEIGHBOURS)
		return;
	for (unsigned i = 0; i < item->n_neighbours; i++)
		if (item->neighbours[i] == addr)
			return;
	item->neighbours[item->n_neighbours++] = addr;
}

/* Who may answer: routers of the configuration, then whom the kernel knows. */
static void choose_neighbours(struct gateway *gateway, struct vmac_check_item *item,
			      const struct config_address *network)
{
	be32 mask = prefix_mask(network->prefix_len);
	struct kernel_neighbour *known = NULL;
	size_t n = 0;

	for (size_t i = 0; i < gateway->config.n_routes; i++)
		if ((gateway->config.routes[i].via & mask) == (network->addr & mask))
			add_neighbour(item, gateway->config.routes[i].via);
	if (kernel_neighbours(gateway->kernel, &known, &n))
		return;
	for (size_t i = 0; i < n; i++)
		if (known[i].ifindex == item->parent &&
		    (known[i].addr & mask) == (network->addr & mask) &&
		    !(known[i].state & (NUD_FAILED | NUD_INCOMPLETE)))
			add_neighbour(item, known[i].addr);
	free(known);
}

static void prepare(struct gateway *gateway, struct vmac_check_item *item,
		    const struct config_vmac *vmac, const struct kernel_owned *owned, size_t n)
{
	const struct config_address *network = kind_network(&gateway->config, vmac->addr);

	*item = (struct vmac_check_item){.mac = vmac->mac, .addr = vmac->addr, .type = vmac->type};
	memcpy(item->portgroup, vmac->portgroup, sizeof(item->portgroup));
	if (!network)
		return;
	item->own_addr = network->addr;
	for (size_t i = 0; i < n; i++) {
		if (owned[i].addr == vmac->addr)
			item->ifindex = owned[i].link.ifindex;
		if (owned[i].addr == network->addr && !owned[i].vmac) {
			item->parent = owned[i].link.ifindex;
			item->own = owned[i].link.mac;
		}
	}
	if (item->ifindex && item->parent)
		choose_neighbours(gateway, item, network);
}

static int start(struct gateway *gateway, struct request_result *result)
{
	struct vmac_check *check = &gateway->vmac_check;
	const struct config *config = &gateway->config;
	struct kernel_owned *owned;
	struct kernel_error why;
	size_t n_owned;
	int code = kernel_owned(gateway->kernel, config, &owned, &n_owned, &why);

	if (code)
		return request_failed(result, code, "%s", why.text);
	check->n = check->at = 0;
	for (size_t i = 0; i < config->n_vmacs && check->n < CONFIG_VMACS_MAX;
	     i = vmac_next(config, i))
		prepare(gateway, &check->items[check->n++], &config->vmacs[i], owned, n_owned);
	free(owned);
	begin_item(gateway);
	return 0;
}

void vmac_check_text(const struct vmac_check_item *item, char *text, size_t bytes)
{
	const char *where =
		item->type == VMAC_VMWARE ? "port group" : "hypervisor's or provider's port";

	text[0] = '\0';
	if (!item->ifindex || !item->parent)
		(void)snprintf(text, bytes, "its link is not there: see \"pgw vmac\" and the log");
	else if (!item->neighbour)
		(void)snprintf(
			text, bytes,
			"no neighbour on portgroup %s answers ARP, so nothing can be said: have a "
			"host or router there that does (a route, or one that was pinged)",
			item->portgroup);
	else if (item->transmits == VMAC_CHECK_NO && item->receives == VMAC_CHECK_NO)
		(void)snprintf(
			text, bytes,
			"frames of this MAC are let neither out nor in: set \"Forged transmits\", "
			"\"MAC address changes\" and \"Promiscuous mode\" (or MAC learning) of the "
			"%s to Accept",
			where);
	else if (item->transmits == VMAC_CHECK_NO)
		(void)snprintf(
			text, bytes,
			"frames of this MAC are not let out: set \"Forged transmits\" of the %s to "
			"Accept",
			where);
	else if (item->receives == VMAC_CHECK_NO)
		(void)snprintf(text, bytes,
			       "frames to this MAC are not let in: set \"MAC address changes\" and "
			       "\"Promiscuous mode\" (or MAC learning) of the %s to Accept",
			       where);
}

static json_t *answer_of(enum vmac_check_answer answer)
{
	return answer == VMAC_CHECK_UNKNOWN ? json_null() : json_boolean(answer == VMAC_CHECK_YES);
}

static json_t *item_of(const struct vmac_check_item *item)
{
	bool both = item->transmits == VMAC_CHECK_YES && item->receives == VMAC_CHECK_YES;
	bool known = item->transmits != VMAC_CHECK_UNKNOWN;
	json_t *missing = json_array(), *object;
	char mac[MAC_TEXT_BYTES], addr[ADDR_TEXT_BYTES], text[300];

	if (item->transmits == VMAC_CHECK_NO)
		json_array_append_new(missing, json_string("forged-transmits"));
	if (item->receives == VMAC_CHECK_NO) {
		json_array_append_new(missing, json_string("mac-changes"));
		json_array_append_new(missing, json_string("promiscuous-mode"));
	}
	vmac_check_text(item, text, sizeof(text));
	object = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "mac", mac_text(item->mac, mac),
			   "portgroup", item->portgroup, "state",
			   both	   ? "ok"
			   : known ? "blocked"
				   : "unknown",
			   "transmits", answer_of(item->transmits), "receives",
			   answer_of(item->receives), "missing", missing, "text",
			   *text ? text : "frames pass in both directions");
	if (item->neighbour)
		json_object_set_new(object, "neighbour",
				    json_string(addr_text(item->neighbour, addr)));
	return object;
}

static int vmac_check(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct vmac_check *check = &gateway->vmac_check;
	json_t *items = json_array();
	int code = 0;

	if (json_is_true(json_object_get(request, "start")) && check->at == check->n)
		code = start(gateway, result);
	if (check->at == check->n)
		for (unsigned i = 0; i < check->n; i++)
			json_array_append_new(items, item_of(&check->items[i]));
	json_object_set_new(result->answer, "state",
			    json_string(check->at < check->n ? "running" : "done"));
	json_object_set_new(result->answer, "items", items);
	return code;
}

const struct request_operation vmac_check_operations[] = {
	{.name = "vmac-check", .call = vmac_check, .member = {{"start", JSON_TRUE, true}}},
	{.name = NULL},
};
