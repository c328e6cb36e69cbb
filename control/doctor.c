/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each look says at least one thing, also where all is well, so that it shows what was looked at.
 * Nothing is changed, and nothing is waited for.
 */
#include "control/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/answer.h"
#include "control/conffile.h"
#include "control/offloading.h"
#include "datapath/flow/layout.h"

#define RING_LOSS_PER_MILLION 10u /* of received packets: less is worth no word */
#define FULL_PER_CENT	      90u

void doctor_say(struct doctor *doctor, const char *check, enum doctor_state state, const char *hint,
		const char *format, ...)
{
	static const char *const states[] = {"ok", "warn", "fail"};
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(doctor->checks,
			      json_pack("{s:s, s:s, s:s, s:s*}", "check", check, "state",
					states[state], "text", text, "hint", hint));
}

static void look_at_kernel(struct doctor *doctor)
{
	const struct reconcile *reconcile = &doctor->gateway->reconcile;
	int64_t now_ms = gateway_now_ms();
	bool fine = !*reconcile->trouble;

	if (!fine)
		doctor_say(doctor, "kernel", DOCTOR_FAIL,
			   "mend what the text names; it is tried again",
			   "the kernel does not match the configuration: %s", reconcile->trouble);
	for (unsigned i = 0; i < RECONCILE_THINGS_MAX; i++) {
		const struct dispute *dispute = &reconcile->disputes.list[i];

		if (!*dispute->what || dispute->until_ms <= now_ms)
			continue;
		fine = false;
		doctor_say(doctor, "kernel", DOCTOR_FAIL,
			   "find out who does it (another network manager, a script) and stop that",
			   "somebody else keeps changing this: %s; mended %u times in a row",
			   dispute->what, dispute->times);
	}
	if (fine)
		doctor_say(doctor, "kernel", DOCTOR_OK, NULL, "it matches the configuration");
}

static void look_at_portgroups(struct doctor *doctor)
{
	struct gateway *gateway = doctor->gateway;
	struct places places;
	struct ctl_error error;

	if (names_place(&gateway->names, &gateway->config, &places, &error))
		return;
	for (size_t i = 0; i < gateway->config.n_portgroups; i++) {
		const struct config_portgroup *p = &gateway->config.portgroups[i];
		const char *state = offloading_state(gateway, places.portgroup[i]);
		const char *said = gateway->receiving.port[places.portgroup[i]].said;
		bool asked = p->offload == OFFLOAD_TC || p->offload == OFFLOAD_XDP;
		enum receiving_way way;
		struct kernel_error why;
		struct kernel_link link;

		if (kernel_portgroup(gateway->kernel, p, &link, &why) || !link.ifindex) {
			doctor_say(doctor, "portgroup", DOCTOR_FAIL,
				   "create the interface again, or attach the virtual NIC",
				   "%s: interface %s is absent", p->name, p->dev);
			continue;
		}
		if (link.master) {
			char master[IF_NAMESIZE] = "?";

			(void)if_indextoname(link.master, master);
			doctor_say(doctor, "portgroup", DOCTOR_FAIL,
				   "find out who puts it there (a network manager, a script) and "
				   "stop that; it is taken out again by itself",
				   "%s: interface %s is a port of %s, which takes its packets",
				   p->name, p->dev, master);
		}
		if (!link.up)
			doctor_say(doctor, "portgroup", DOCTOR_FAIL,
				   "connect the virtual NIC; see that its port group exists",
				   "%s: interface %s has no link", p->name, p->dev);
		else
			doctor_say(doctor, "portgroup", DOCTOR_OK, NULL,
				   "%s: interface %s is up, MTU %u, offload %s", p->name, p->dev,
				   link.mtu, state);
		if (asked && strcmp(state, offload_mode_name(p->offload)) != 0)
			doctor_say(doctor, "offload", DOCTOR_WARN,
				   "the log says why it is not to be had",
				   "%s: offload %s is configured, %s is in force", p->name,
				   offload_mode_name(p->offload), state);
		way = receiving_way(gateway, places.portgroup[i]);
		if (p->io == IO_PACKET && way == RECEIVING_PACKET && *said)
			doctor_say(doctor, "io", DOCTOR_WARN, "mend what stands in the way",
				   "%s: small packets are not sent by AF_XDP: %s", p->name, said);
		if (p->io == IO_XDP && way != RECEIVING_XDP)
			doctor_say(doctor, "io", DOCTOR_WARN,
				   "mend what stands in the way, or configure io packet",
				   "%s: io %s is configured, but packets come by the packet "
				   "socket: %s",
				   p->name, io_mode_name(p->io),
				   *said ? said : "the datapath has just been started");
	}
}

static void look_at_addresses(struct doctor *doctor)
{
	struct gateway *gateway = doctor->gateway;
	struct kernel_owned *owned;
	struct kernel_error why;
	bool fine = true;
	size_t n;

	if (kernel_owned(gateway->kernel, &gateway->config, &owned, &n, &why)) {
		doctor_say(doctor, "address", DOCTOR_FAIL, "see the log", "%s", why.text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char addr[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
		struct mac other = {{0}};
		const char *guarded =
			guarding_state(gateway, owned[i].addr, owned[i].link.ifindex, &other);

		addr_text(owned[i].addr, addr);
		if (guarded && !strcmp(guarded, "conflict"))
			doctor_say(doctor, "address", DOCTOR_FAIL,
				   "give one of the two another address, or end the other host",
				   "%s on portgroup %s: %s has it, too", addr, owned[i].portgroup,
				   mac_text(other, mac));
		else if (!owned[i].present)
			doctor_say(doctor, "address", DOCTOR_FAIL,
				   guarded && !strcmp(guarded, "probing")
					   ? "wait a few seconds: it is being probed for"
					   : "see the log for why it cannot be added",
				   "%s on portgroup %s is missing", addr, owned[i].portgroup);
		else
			continue;
		fine = false;
	}
	if (fine)
		doctor_say(doctor, "address", DOCTOR_OK, NULL, "%zu addresses are there%s", n,
			   gateway->config.duplicate_detection == DUPLICATE_OFF
				   ? ", whether others have them is not looked at"
				   : ", nobody else has one");
	free(owned);
}

static void look_at_service(struct doctor *doctor, const struct config_service *service)
{
	size_t down = 0;
	const char *reason = "";

	for (size_t i = 0; i < service->n_backends; i++) {
		struct health_status status = checking_status(doctor->gateway, service->name, i);

		if (status.state != HEALTH_DOWN)
			continue;
		down++;
		reason = status.error ? status.error : "";
	}
	if (down)
		doctor_say(doctor, "backend",
			   down == service->n_backends ? DOCTOR_FAIL : DOCTOR_WARN,
			   "see that it runs and answers the gateway's address on its portgroup",
			   "service %s: %zu of %zu backends are down: %s", service->name, down,
			   service->n_backends, reason);
}

/* Backends that are asked for over ARP and do not answer: without a check, only this shows it. */
static bool is_failed(const struct kernel_neighbour *neighbours, size_t n, be32 addr)
{
	for (size_t i = 0; i < n; i++)
		if (neighbours[i].addr == addr)
			return neighbours[i].state & NUD_FAILED;
	return false;
}

static void look_at_backends(struct doctor *doctor)
{
	struct gateway *gateway = doctor->gateway;
	const struct config *config = &gateway->config;
	size_t before = json_array_size(doctor->checks), n = 0;
	struct kernel_neighbour *neighbours = NULL;

	(void)kernel_neighbours(gateway->kernel, &neighbours, &n);
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];

		look_at_service(doctor, service);
		for (size_t b = 0; b < service->n_backends; b++) {
			char addr[ADDR_TEXT_BYTES];

			if (is_failed(neighbours, n, service->backends[b].addr))
				doctor_say(doctor, "neighbour", DOCTOR_WARN,
					   "see that the host is up, on that portgroup and in that "
					   "subnet",
					   "backend %s of service %s does not answer ARP",
					   addr_text(service->backends[b].addr, addr),
					   service->name);
		}
	}
	free(neighbours);
	if (before == json_array_size(doctor->checks))
		doctor_say(doctor, "backend", DOCTOR_OK, NULL,
			   "no backend of %zu services is known to be down", config->n_services);
}

static void look_at_vmacs(struct doctor *doctor)
{
	const struct vmac_check *check = &doctor->gateway->vmac_check;

	if (!doctor->gateway->config.n_vmacs)
		return;
	if (!check->done_ms) {
		doctor_say(doctor, "vmac", DOCTOR_WARN, "run \"pgw vmac check\"",
			   "whether the hypervisor lets virtual MACs through has not been checked");
		return;
	}
	for (unsigned i = 0; i < check->n; i++) {
		const struct vmac_check_item *item = &check->items[i];
		char mac[MAC_TEXT_BYTES], text[300];

		vmac_check_text(item, text, sizeof(text));
		if (*text)
			doctor_say(doctor, "vmac",
				   item->transmits == VMAC_CHECK_UNKNOWN ? DOCTOR_WARN
									 : DOCTOR_FAIL,
				   "then run \"pgw vmac check\" again", "%s: %s",
				   mac_text(item->mac, mac), text);
		else
			doctor_say(doctor, "vmac", DOCTOR_OK, NULL,
				   "%s: frames pass in both directions", mac_text(item->mac, mac));
	}
}

static void look_at_losses(struct doctor *doctor)
{
	static const enum drop_reason capacities[] = {DROP_FLOWS_FULL, DROP_MAPPINGS_FULL,
						      DROP_PORTS_EXHAUSTED, DROP_NEIGH_FULL,
						      DROP_FRAG_FULL};
	const struct gateway *gateway = doctor->gateway;
	const struct counters_page *page = gateway->counters.memory;
	const struct flow_header *header = gateway->table.memory;
	size_t before = json_array_size(doctor->checks);

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX && i < COUNTERS_PORTS; i++) {
		const struct port_counters *port = &page->worker->port[i];
		uint64_t lost = counters_total(page, &port->ring_lost_packets);
		uint64_t rcvd = counters_total(page, &port->rcvd_packets);

		if (*gateway->names.portgroup[i] &&
		    lost > rcvd / (1000000u / RING_LOSS_PER_MILLION))
			doctor_say(
				doctor, "ring", DOCTOR_WARN,
				"give the VM another processor, or allow offload on the portgroup",
				"portgroup %s: %" PRIu64
				" packets were lost because pgw-datapath had "
				"no time for them, of %" PRIu64,
				gateway->names.portgroup[i], lost, rcvd);
	}
	for (unsigned i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		uint64_t dropped = counters_total(page, &page->worker->dropped[capacities[i]]);

		if (dropped)
			doctor_say(doctor, "capacity", DOCTOR_WARN,
				   "see \"pgw client\" for who uses most; set limits, or enlarge "
				   "flow-capacity "
				   "or the pool",
				   "%" PRIu64 " packets were dropped: %s", dropped,
				   drop_text(capacities[i]));
	}
	if (header && page->worker->flows > (uint64_t)header->capacity * FULL_PER_CENT / 100)
		doctor_say(doctor, "capacity", DOCTOR_WARN, "enlarge flow-capacity",
			   "the flow table is nearly full: %" PRIu64 " of %u", page->worker->flows,
			   header->capacity);
	if (before == json_array_size(doctor->checks))
		doctor_say(doctor, "capacity", DOCTOR_OK, NULL,
			   "nothing was lost for want of room or time; %" PRIu64 " sessions of %u",
			   page->worker->flows, header ? header->capacity : 0);
}

static void look_at_file(struct doctor *doctor)
{
	const struct gateway *gateway = doctor->gateway;
	struct config_diff diff = {.n_changes = 0};
	struct ctl_error error = {.text = ""};
	struct config file;
	char text[900];

	config_init(&file);
	if (conffile_read(gateway->options.file, &file, &error)) {
		answer_error_text(&error, text, sizeof(text));
		doctor_say(doctor, "configuration", DOCTOR_FAIL,
			   "mend it, or \"pgw config save\": the next start would fail", "%s",
			   text);
	} else if (config_diff(&diff, &file, &gateway->config) || diff.n_changes) {
		doctor_say(
			doctor, "configuration", DOCTOR_WARN,
			"\"pgw config save\" keeps what runs; \"pgw config apply FILE\" goes back",
			"%zu differences between what runs and %s: they end with the next start",
			diff.n_changes, gateway->options.file);
	} else {
		doctor_say(doctor, "configuration", DOCTOR_OK, NULL,
			   "revision %" PRIu64 " is in %s", gateway->revision,
			   gateway->options.file);
	}
	config_diff_free(&diff);
	config_free(&file);
}

static int doctor(void *context, const json_t *request, struct request_result *result)
{
	struct doctor d = {.gateway = context, .checks = json_array()};

	(void)request;
	if (!d.checks)
		return request_failed(result, -ENOMEM, "out of memory");
	look_at_kernel(&d);
	look_at_portgroups(&d);
	look_at_addresses(&d);
	look_at_backends(&d);
	look_at_vmacs(&d);
	look_at_losses(&d);
	look_at_file(&d);
	doctor_host(&d);
	json_object_set_new(result->answer, "checks", d.checks);
	return 0;
}

const struct request_operation doctor_operations[] = {
	{.name = "doctor", .call = doctor},
	{.name = NULL},
};
