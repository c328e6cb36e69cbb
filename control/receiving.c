/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/receiving.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/gateway.h"
#include "control/offload/offload.h"
#include "control/offload/receiver.h"
#include "control/tell.h"
#include "control/working.h"
#include "datapath/io/xdp.h"

/* The kernel forgets a former socket by and by, on a busy machine after a second. */
#define BIND_TRIES 50	 /* a millisecond each, then … */
#define BUSY_MS	   500	 /* … once more after so long … */
#define BUSY_TIMES 20	 /* … so often, before it counts as somebody else's */
#define REFUSED_MS 60000 /* a socket that failed is tried again after */

static bool is_there(const struct gateway *gateway, unsigned index)
{
	const struct receiving_port *port = &gateway->receiving.port[index];

	return port->ifindex && gateway->datapath.pid && port->datapath == gateway->datapath.pid;
}

const char *receiving_state(const struct gateway *gateway, unsigned index)
{
	return index < CONFIG_PORTGROUPS_MAX && is_there(gateway, index) ? "xdp" : "packet";
}

void receiving_forget(struct gateway *gateway, unsigned index)
{
	gateway->receiving.port[index].ifindex = 0;
}

/* Why there is none; said again only when it is another reason. */
static void __attribute__((format(printf, 3, 4)))
say(struct gateway *gateway, unsigned index, const char *format, ...)
{
	struct receiving_port *port = &gateway->receiving.port[index];
	char text[sizeof(port->said)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!strcmp(text, port->said))
		return;
	memcpy(port->said, text, sizeof(text));
	ctl_log(TOLD_IO, LOG_WARNING,
		"portgroup %s: no AF_XDP, packets come by the packet socket: %s",
		gateway->names.portgroup[index], text);
}

static bool forwards(const struct gateway *gateway, unsigned index)
{
	return offload_state(gateway->offload, index) == OFFLOAD_STATE_XDP;
}

/* Has the packets of portgroup @index come by the packet socket alone. */
static void take_away(struct gateway *gateway, unsigned index, uint32_t ifindex)
{
	struct receiving *receiving = &gateway->receiving;
	bool was_there = is_there(gateway, index);
	uint32_t former = receiving->port[index].ifindex;
	struct ctl_error error;

	if (former)
		receiver_stop(receiving->receiver, index, former);
	if (former && former != ifindex)
		receiver_detach(former);
	if (ifindex)
		receiver_detach(ifindex);
	receiving_forget(gateway, index);
	if (!was_there)
		return;
	/* the datapath reads what is still in the ring until here */
	if (gateway->ports[index].told && tell_port(gateway, index, &gateway->ports[index], &error))
		ctl_log(TOLD_DATAPATH, LOG_ERR, "portgroup %s: %s", gateway->names.portgroup[index],
			error.text);
	ctl_log(TOLD_IO, LOG_INFO, "portgroup %s: packets come by the packet socket",
		gateway->names.portgroup[index]);
}

static int bind_soon(const struct xdp_socket *xdp, uint32_t ifindex, bool *zero_copy,
		     struct xdp_error *error)
{
	int code = -EBUSY;

	for (unsigned i = 0; i < BIND_TRIES && code == -EBUSY; i++) {
		if (i)
			poll(NULL, 0, 1);
		code = xdp_socket_bind(xdp, ifindex, zero_copy, error);
	}
	return code;
}

/* The sockets of an adopted datapath are its own: others are opened to go beside AF_XDP, and all
 * workers get theirs. */
static int packet_sockets(struct gateway *gateway, unsigned index, struct xdp_error *error)
{
	struct packet_error why;
	struct ctl_error refused;
	int code = 0;

	if (working_has(&gateway->ports[index]))
		return 0;
	code = working_reopen(gateway, index, &why);
	if (code) {
		snprintf(error->text, sizeof(error->text), "%s", why.text);
		return code;
	}
	if (gateway->datapath.workers > 1)
		code = tell_port(gateway, index, &gateway->ports[index], &refused);
	if (code)
		snprintf(error->text, sizeof(error->text), "pgw-datapath: %.200s", refused.text);
	return code;
}

/* hand_over() - give the datapath a new AF_XDP socket and let packets into it */
static int hand_over(struct gateway *gateway, unsigned index, const struct kernel_link *link,
		     struct xdp_socket *xdp, struct xdp_error *error)
{
	struct receiving_port *receiving = &gateway->receiving.port[index];
	struct gateway_port *port = &gateway->ports[index];
	struct ctl_error refused;
	int code = packet_sockets(gateway, index, error);

	if (code)
		return code;
	port->link = *link; /* its MTU may be another one by now */
	if (tell_port_xdp(gateway, index, port, xdp, &refused)) {
		snprintf(error->text, sizeof(error->text), "pgw-datapath: %.200s", refused.text);
		return -EREMOTEIO;
	}
	code = bind_soon(xdp, link->ifindex, &receiving->zero_copy, error);
	if (!code) {
		code = receiver_fill(gateway->receiving.receiver, index, link, xdp->fd);
		if (code)
			snprintf(error->text, sizeof(error->text), "map: %s", strerror(-code));
	}
	if (!code)
		return 0;
	if (tell_port(gateway, index, port, &refused))
		ctl_log(TOLD_DATAPATH, LOG_ERR, "portgroup %s: %s", gateway->names.portgroup[index],
			refused.text);
	return code;
}

/* come_again() - at this time at the latest */
static void come_again(struct gateway *gateway, int64_t at_ms)
{
	if (!gateway->due.reconcile_ms || at_ms < gateway->due.reconcile_ms)
		gateway->due.reconcile_ms = at_ms;
}

/* refused() - note that portgroup @index gets no socket for now */
static void refused(struct gateway *gateway, unsigned index, uint32_t ifindex, int code,
		    const struct xdp_error *error)
{
	struct receiving_port *port = &gateway->receiving.port[index];
	bool busy = code == -EBUSY && port->busy++ < BUSY_TIMES;

	port->refused = ifindex;
	port->again_ms = gateway_now_ms() + (busy ? BUSY_MS : REFUSED_MS);
	come_again(gateway, port->again_ms);
	if (busy)
		return;
	/* which is a change of the link, after which we come again */
	receiver_detach(ifindex);
	say(gateway, index, "%s", error->text);
}

static void put_there(struct gateway *gateway, unsigned index, const struct kernel_link *link,
		      uint32_t frame_bytes)
{
	struct receiving_port *port = &gateway->receiving.port[index];
	struct xdp_socket xdp;
	struct xdp_error error;
	int code = xdp_socket_open(&xdp, frame_bytes, &error);

	if (!code) {
		code = hand_over(gateway, index, link, &xdp, &error);
		xdp_socket_close(&xdp); /* the datapath has it, or nobody */
	}
	if (code) {
		refused(gateway, index, link->ifindex, code, &error);
		return;
	}
	port->busy = 0;
	port->refused = 0;
	port->ifindex = link->ifindex;
	port->frame_bytes = frame_bytes;
	port->datapath = gateway->datapath.pid;
	port->said[0] = '\0';
	ctl_log(TOLD_IO, LOG_INFO, "portgroup %s: packets come by AF_XDP%s",
		gateway->names.portgroup[index], port->zero_copy ? ", without being copied" : "");
}

/* Brings portgroup @index, which wants AF_XDP, to its link as it is now. */
static void follow_port(struct gateway *gateway, unsigned index, const struct kernel_link *link)
{
	const struct receiving_port *port = &gateway->receiving.port[index];
	uint32_t frame_bytes = xdp_frame_bytes(link->mtu);
	bool there = is_there(gateway, index) && port->ifindex == link->ifindex &&
		     port->frame_bytes == frame_bytes;
	struct receiver_error error = {.text = ""};

	if (!frame_bytes) {
		take_away(gateway, index, link->ifindex);
		say(gateway, index, "its MTU of %u is too large: ip link set %s mtu 1500",
		    link->mtu, link->name);
		return;
	}
	if (port->refused == link->ifindex && gateway_now_ms() < port->again_ms) {
		come_again(gateway, port->again_ms);
		return;
	}
	if (port->ifindex && !there)
		take_away(gateway, index, 0);
	if (receiver_attach(gateway->receiving.receiver, link->ifindex, forwards(gateway, index),
			    &error)) {
		take_away(gateway, index, link->ifindex);
		say(gateway, index, "%s", error.text);
		return;
	}
	if (there)
		receiver_fill(gateway->receiving.receiver, index, link, -1);
	else
		put_there(gateway, index, link, frame_bytes);
}

static void select_packets(struct gateway *gateway)
{
	struct kernel_selection selection;
	struct kernel_error why;
	int code = kernel_selection(gateway->kernel, &selection, &why);

	if (code) {
		ctl_log(TOLD_IO, LOG_ERR, "what packets AF_XDP takes stays as it was: %s",
			why.text);
		return;
	}
	code = receiver_select(gateway->receiving.receiver, &selection);
	kernel_selection_free(&selection);
	if (code)
		ctl_log(TOLD_IO, LOG_WARNING,
			"some services and pools go by packet sockets, not by AF_XDP: %s",
			strerror(-code));
}

static bool open_program(struct gateway *gateway, const struct places *places)
{
	struct bpf_object *object = gateway->offload ? offload_object(gateway->offload) : NULL;
	struct receiving *receiving = &gateway->receiving;
	struct receiver_error error = {.text = ""};

	if (receiving->receiver || !receiver_open(&receiving->receiver, object, &error))
		return true;
	for (size_t i = 0; i < gateway->forwarded.n_portgroups; i++)
		if (gateway->forwarded.portgroups[i].io == IO_XDP)
			say(gateway, places->portgroup[i], "%s", error.text);
	return false;
}

/* What an earlier pgwd may have left, once. */
static void clean(struct gateway *gateway)
{
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX && !gateway->receiving.cleaned; i++)
		if (gateway->ports[i].link.ifindex)
			receiver_detach(gateway->ports[i].link.ifindex);
	gateway->receiving.cleaned = true;
}

void receiving_follow(struct gateway *gateway)
{
	const struct config *config = &gateway->forwarded;
	struct receiving *receiving = &gateway->receiving;
	struct kernel_link links[CONFIG_PORTGROUPS_MAX];
	uint32_t wanted = 0;
	struct places places;
	struct ctl_error error;

	if (!gateway->datapath.pid || names_place(&gateway->names, config, &places, &error))
		return;
	for (size_t i = 0; i < config->n_portgroups; i++) {
		unsigned index = places.portgroup[i];
		const struct gateway_port *port = &gateway->ports[index];
		struct kernel_error why;

		/* one whose interface has just gone, or come, gets its port first */
		if (config->portgroups[i].io == IO_XDP && port->told && port->link.ifindex &&
		    !kernel_portgroup(gateway->kernel, &config->portgroups[i], &links[index],
				      &why) &&
		    links[index].ifindex == port->link.ifindex)
			wanted |= 1u << index;
	}
	if (!wanted && !receiving->receiver) {
		clean(gateway);
		return;
	}
	if (!open_program(gateway, &places))
		return;
	receiving->cleaned = true;
	if (wanted)
		select_packets(gateway);
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		uint32_t ifindex = gateway->ports[i].link.ifindex;

		if (wanted & 1u << i) {
			follow_port(gateway, i, &links[i]);
			continue;
		}
		if (receiving->port[i].ifindex || ifindex)
			take_away(gateway, i, ifindex);
		receiving->port[i].said[0] = '\0';
		receiving->port[i].refused = receiving->port[i].busy = 0;
	}
}

void receiving_end(struct gateway *gateway)
{
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX && gateway->receiving.receiver; i++) {
		if (gateway->receiving.port[i].ifindex)
			receiver_detach(gateway->receiving.port[i].ifindex);
		if (gateway->ports[i].link.ifindex)
			receiver_detach(gateway->ports[i].link.ifindex);
		receiving_forget(gateway, i);
	}
	receiving_leave(gateway);
}

void receiving_leave(struct gateway *gateway)
{
	receiver_close(gateway->receiving.receiver);
	gateway->receiving.receiver = NULL;
}
