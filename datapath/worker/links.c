/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * links - what a worker is told of ports, of their links, and of the neighbours behind them.
 */
#include <linux/neighbour.h>
#include <string.h>

#include "datapath/worker/state.h"
#include "datapath/worker/worker.h"

#define CONFIRM_SOON_NS (500 * MS_NS)
#define NUD_USABLE	(NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP | NUD_STALE | NUD_DELAY | NUD_PROBE)

/* Those behind a portgroup do not know us there yet: asking them tells them our address. That is
 * done once whoever gave us the port has settled it, and is ready to ask. */
static void confirm_soon(struct worker *w, uint8_t port)
{
	for (uint16_t i = 0; i < w->neighbours.high; i++) {
		struct neighbour *n = neighbour_at(&w->neighbours, i);

		if (n->port != port || !n->users)
			continue;
		n->confirm = true;
		w->confirm_ns = w->now_ns + CONFIRM_SOON_NS;
	}
}

static void set_link(struct worker_portgroup *port, const struct worker_link *link)
{
	port->link = *link;
	port->ready_mtu = port->io && link->up ? link->mtu : 0;
	memcpy(port->source, link->mac.b, sizeof(link->mac.b));
	memcpy(port->source + sizeof(link->mac.b), &(be16){ETHERTYPE_IP_BE}, sizeof(be16));
}

void worker_port(struct worker *w, uint8_t index, const struct worker_link *link,
		 struct io_port *io)
{
	struct worker_portgroup *port = &w->port[index];

	if (port->io && port->io != io)
		port->io->ops->close(port->io);
	port->io = io;
	set_link(port, link);
	confirm_soon(w, index);
}

void worker_port_gone(struct worker *w, uint8_t index)
{
	struct worker_portgroup *port = &w->port[index];

	if (port->io)
		port->io->ops->close(port->io);
	port->io = NULL;
	w->dirty &= ~(1u << index);
	set_link(port, &(struct worker_link){0});
}

static void link_changed(struct worker *w, const struct worker_link *link)
{
	for (uint8_t i = 0; i < COUNTERS_PORTS; i++) {
		bool moved;

		if (!w->port[i].io || w->port[i].link.ifindex != link->ifindex)
			continue;
		moved = !mac_equal(&w->port[i].link.mac, &link->mac);
		set_link(&w->port[i], link);
		if (moved)
			confirm_soon(w, i);
	}
}

void worker_link(struct worker *w, const struct worker_link *link)
{
	for (unsigned i = 0; i < worker_members(w); i++)
		link_changed(worker_member(w, i), link);
}

static void neighbour_changed(struct worker *w, uint32_t ifindex, be32 addr, const struct mac *mac,
			      uint16_t state)
{
	struct neighbour *n;
	bool usable = state & NUD_USABLE;
	uint16_t index = NEIGHBOUR_NONE;

	for (uint8_t i = 0; i < COUNTERS_PORTS && index == NEIGHBOUR_NONE; i++)
		if (w->port[i].io && w->port[i].link.ifindex == ifindex)
			/* also what no flow needs yet: the kernel does not repeat what it told */
			index = usable ? neighbour_get(&w->neighbours, i, addr)
				       : neighbour_find(&w->neighbours, i, addr);
	if (index == NEIGHBOUR_NONE)
		return;
	n = neighbour_at(&w->neighbours, index);
	if (!(state & NUD_INCOMPLETE)) {
		/* what adopted flows have in mac[] is compared once */
		if (n->users &&
		    (n->adopted || (neighbour_usable(n) && (!usable || !mac_equal(&n->mac, mac)))))
			worker_sweep_begin(w, &(struct worker_sweep){.next_hops = true});
		n->adopted = false;
	}
	if (usable) {
		n->mac = *mac;
		n->state = state & NUD_STALE ? NEIGHBOUR_STALE : NEIGHBOUR_USABLE;
		if (n->state == NEIGHBOUR_STALE && n->users && !w->confirm_ns)
			w->confirm_ns = w->now_ns + CONFIRM_CHECK_NS;
		worker_neighbour_ready(w, n);
	} else if (state & NUD_FAILED) {
		n->state = NEIGHBOUR_FAILED;
		worker_neighbour_lost(w, n, DROP_NEIGH_FAILED);
	} else if (!(state & NUD_INCOMPLETE)) {
		/* collected by the kernel; what was known is used until it says otherwise, and
		 * the next packet asks for it again */
		if (neighbour_usable(n)) {
			n->state = NEIGHBOUR_STALE;
			n->asked_ns = 0;
			if (n->users && !w->confirm_ns)
				w->confirm_ns = w->now_ns + CONFIRM_CHECK_NS;
		}
	}
}

void worker_neighbour(struct worker *w, uint32_t ifindex, be32 addr, const struct mac *mac,
		      uint16_t state, uint64_t now_ns)
{
	for (unsigned i = 0; i < worker_members(w); i++) {
		struct worker *m = worker_member(w, i);

		worker_set_time(m, now_ns);
		neighbour_changed(m, ifindex, addr, mac, state);
		worker_tell(m); /* what waited for it may be an error for another's flow */
	}
}
