/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/receiving.h"

#include <assert.h>
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

static const char *const way_names[] = {
	[RECEIVING_PACKET] = "packet",
	[RECEIVING_PACKET_XDP] = "packet-xdp",
	[RECEIVING_XDP] = "xdp",
};
static_assert(sizeof(way_names) / sizeof(way_names[0]) == RECEIVING_WAYS, "one per way");

const char *receiving_way_name(enum receiving_way way)
{
	return way_names[way];
}

enum receiving_way receiving_way(const struct gateway *gateway, unsigned index)
{
	if (index >= CONFIG_PORTGROUPS_MAX || !is_there(gateway, index))
		return RECEIVING_PACKET;
	return gateway->receiving.port[index].sends_only ? RECEIVING_PACKET_XDP : RECEIVING_XDP;
}

void receiving_adopt(struct gateway *gateway, unsigned index, uint32_t ifindex)
{
	gateway->receiving.port[index] = (struct receiving_port){
		.ifindex = ifindex,
		.sends_only = true,
		.wanted = RECEIVING_PACKET_XDP,
		.frame_bytes = XDP_FRAME_BYTES_MIN,
		.datapath = gateway->datapath.pid,
	};
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
	ctl_log(TOLD_IO, LOG_WARNING, "portgroup %s: no AF_XDP, %s by the packet socket: %s",
		gateway->names.portgroup[index],
		port->wanted == RECEIVING_XDP ? "packets come" : "small packets are sent", text);
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
	bool sent = receiving->port[index].sends_only;
	uint32_t former = receiving->port[index].ifindex;
	struct ctl_error error;

	if (former && receiving->receiver)
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
	ctl_log(TOLD_IO, LOG_INFO, "portgroup %s: %s by the packet socket",
		gateway->names.portgroup[index], sent ? "small packets are sent" : "packets come");
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
	if (!code && !xdp->sends_only) {
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
	if (port->wanted == RECEIVING_XDP)
		receiver_detach(ifindex);
	say(gateway, index, "%s", error->text);
}

static void put_there(struct gateway *gateway, unsigned index, const struct kernel_link *link,
		      uint32_t frame_bytes)
{
	struct receiving_port *port = &gateway->receiving.port[index];
	struct xdp_socket xdp;
	struct xdp_error error;
	bool sends_only = port->wanted == RECEIVING_PACKET_XDP;
	int code = xdp_socket_open(&xdp, frame_bytes, sends_only, &error);

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
	port->sends_only = sends_only;
	port->datapath = gateway->datapath.pid;
	port->said[0] = '\0';
	ctl_log(TOLD_IO, LOG_INFO, "portgroup %s: %s by AF_XDP%s", gateway->names.portgroup[index],
		sends_only ? "small packets are sent" : "packets come",
		port->zero_copy ? ", without being copied" : "");
}

/* want() - another way than before begins anew */
static void want(struct receiving_port *port, enum receiving_way way)
{
	if (port->wanted == way)
		return;
	port->wanted = way;
	port->said[0] = '\0';
	port->refused = port->busy = 0;
}

/* wait_longer() - whether what was refused is not to be tried again yet */
static bool wait_longer(struct gateway *gateway, const struct receiving_port *port,
			uint32_t ifindex)
{
	if (port->refused != ifindex || gateway_now_ms() >= port->again_ms)
		return false;
	come_again(gateway, port->again_ms);
	return true;
}

/* Brings portgroup @index, which wants AF_XDP, to its link as it is now. */
static void follow_port(struct gateway *gateway, unsigned index, const struct kernel_link *link)
{
	struct receiving_port *port = &gateway->receiving.port[index];
	uint32_t frame_bytes = xdp_frame_bytes(link->mtu);
	bool there = is_there(gateway, index) && port->ifindex == link->ifindex &&
		     port->frame_bytes == frame_bytes && !port->sends_only;
	struct receiver_error error = {.text = ""};

	want(port, RECEIVING_XDP);
	if (!frame_bytes) {
		take_away(gateway, index, link->ifindex);
		say(gateway, index, "its MTU of %u is too large: ip link set %s mtu 1500",
		    link->mtu, link->name);
		return;
	}
	if (wait_longer(gateway, port, link->ifindex))
		return;
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

/* The same for one with a packet socket that may send by AF_XDP as well. */
static void follow_sender(struct gateway *gateway, unsigned index, const struct kernel_link *link)
{
	struct receiving_port *port = &gateway->receiving.port[index];
	bool there = is_there(gateway, index) && port->ifindex == link->ifindex &&
		     port->sends_only && link->queueless;

	want(port, RECEIVING_PACKET_XDP);
	if (port->ifindex && !there)
		take_away(gateway, index, 0);
	if (there || !link->queueless || wait_longer(gateway, port, link->ifindex))
		return;
	/* longer frames are the packet socket's */
	put_there(gateway, index, link, XDP_FRAME_BYTES_MIN);
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

/* Those of @wanted get AF_XDP for both ways, all others no program; @senders are left as they are.
 */
static void follow_receivers(struct gateway *gateway, const struct places *places, uint32_t wanted,
			     uint32_t senders, const struct kernel_link *links)
{
	struct receiving *receiving = &gateway->receiving;

	if (!open_program(gateway, places))
		return;
	receiving->cleaned = true;
	if (wanted)
		select_packets(gateway);
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		uint32_t ifindex = gateway->ports[i].link.ifindex;

		if (wanted & 1u << i)
			follow_port(gateway, i, &links[i]);
		else if (senders & 1u << i)
			receiver_detach(ifindex);
		else if (receiving->port[i].ifindex || ifindex)
			take_away(gateway, i, ifindex);
	}
}

void receiving_follow(struct gateway *gateway)
{
	const struct config *config = &gateway->forwarded;
	struct kernel_link links[CONFIG_PORTGROUPS_MAX];
	uint32_t wanted = 0, senders = 0;
	struct places places;
	struct ctl_error error;

	if (!gateway->datapath.pid || names_place(&gateway->names, config, &places, &error))
		return;
	for (size_t i = 0; i < config->n_portgroups; i++) {
		unsigned index = places.portgroup[i];
		const struct gateway_port *port = &gateway->ports[index];
		struct kernel_error why;

		/* one whose interface has just gone, or come, gets its port first */
		if (!port->told || !port->link.ifindex ||
		    kernel_portgroup(gateway->kernel, &config->portgroups[i], &links[index],
				     &why) ||
		    links[index].ifindex != port->link.ifindex)
			continue;
		*(config->portgroups[i].io == IO_XDP ? &wanted : &senders) |= 1u << index;
	}
	if (wanted || gateway->receiving.receiver)
		follow_receivers(gateway, &places, wanted, senders, links);
	else
		clean(gateway);
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (senders & 1u << i)
			follow_sender(gateway, i, &links[i]);
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
