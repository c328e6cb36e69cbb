/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmac - virtual MACs: which frames they bring to us, and as which source they go out.
 *
 * An address of ours may have a MAC of its own on its portgroup. A flow keeps the index of the
 * one that each side sends with, so that no packet needs a look-up. When a snapshot comes, its
 * sweep chooses anew for every flow; the index of a MAC is never another's at once, and one that is
 * no longer there means the interface's own.
 */
#include <string.h>

#include "datapath/worker/state.h"

static const struct mac no_mac;

void worker_vmacs(struct worker *w)
{
	const struct snapshot *s = &w->snapshot;

	memset(w->vmac, 0, sizeof(w->vmac));
	for (unsigned i = 0; i < COUNTERS_PORTS; i++) {
		w->port[i].n_vmacs = 0;
		w->port[i].vmacs = w->port_vmacs[i];
	}
	for (uint32_t i = 0; i < s->n_vmacs; i++) {
		struct worker_portgroup *port = &w->port[s->vmacs[i].port];

		w->vmac[s->vmacs[i].index] = s->vmacs[i].mac;
		if (port->n_vmacs < WORKER_PORT_VMACS)
			port->vmacs[port->n_vmacs++] = &s->vmacs[i];
	}
}

bool worker_accepts_vmac(const struct worker_portgroup *port, const struct mac *dst)
{
	for (unsigned i = 0; i < port->n_vmacs; i++)
		if (mac_equal(dst, &port->vmacs[i]->mac))
			return true;
	return false;
}

static uint8_t vmac_of(const struct worker *w, uint8_t port, be32 own)
{
	const struct snapshot_address *address =
		w->has_snapshot ? snapshot_address(&w->snapshot, own) : NULL;

	return address && address->port == port ? address->vmac : 0;
}

static const struct mac *mac_of(const struct worker *w, uint8_t port, uint8_t vmac)
{
	if (vmac && !mac_equal(&w->vmac[vmac], &no_mac))
		return &w->vmac[vmac];
	return &w->port[port].link.mac;
}

const struct mac *worker_source_mac(const struct worker *w, uint8_t port, be32 own)
{
	return mac_of(w, port, vmac_of(w, port, own));
}

const struct mac *worker_flow_mac(const struct worker *w, const struct flow *flow, unsigned side)
{
	return mac_of(w, flow->port[side], flow->vmac[side]);
}

void worker_choose_vmac(const struct worker *w, struct flow *flow)
{
	if (!w->snapshot.n_vmacs) { /* as in most gateways */
		flow->vmac[0] = flow->vmac[1] = 0;
		return;
	}
	for (unsigned side = 0; side < 2; side++)
		flow->vmac[side] = vmac_of(w, flow->port[side], flow->tuple[side].dst);
}

bool worker_offloadable(const struct worker *w, const struct flow *flow)
{
	return !flow->vmac[0] && !flow->vmac[1] && worker_next_hops_known(w, flow);
}
