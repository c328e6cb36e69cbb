/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload - the kernel's part of forwarding: loads datapath/offload/forward.bpf.c, attaches it
 * at the ingress of portgroups' interfaces (tc, clsact; before it XDP, where that is wanted), and
 * keeps it told of links and timers.
 *
 * The program holds its maps, the flow table among them, so both outlive pgwd and the datapath for
 * as long as the program is attached: flows go on, and the next pgwd finds table, portgroup indexes
 * and counters through it. One program serves all portgroups; a new pgwd puts a new one in its
 * place in one step.
 *
 * Invariants: a portgroup's entry in the map "links" exists only while the program is attached at
 * that interface by us; its entry in "ports" names an interface only while it is configured.
 * Filters of others stay: ours is the last of the hook, and lets what it leaves alone go on to the
 * next.
 */
#ifndef PGW_OFFLOAD_OFFLOAD_H
#define PGW_OFFLOAD_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/netlink/kernel.h"
#include "datapath/offload/maps.h"

struct bpf_object;
struct offload;
struct receiver;

struct offload_error {
	char text[200];
};

/* offload_built() - whether this build has the program. */
bool offload_built(void);

/**
 * offload_find() - the maps of a program that an earlier pgwd left at one of these interfaces
 * @table: set to a descriptor of its flow table, the caller's
 * @ifindex_of: set to the interface of each portgroup index, 0 where there is none
 * Return: 0; -ENOENT: there is none, or it may not be looked at.
 */
int offload_find(const uint32_t *ifindex, size_t n, int *table, uint32_t ifindex_of[OFFLOAD_PORTS]);

/**
 * offload_open() - load the program for a table; it is attached nowhere yet
 * @table: the flow table, a map (map.h); borrowed
 * @ifindex, @n: where an earlier program may be, whose counters then go on
 * @receiver: whose AF_XDP sockets its XDP program is to fill as well, NULL: nobody's yet
 * Return: 0, or -errno with @error set: -EPERM where it is not permitted.
 */
int offload_open(struct offload **offload, int table, const uint32_t *ifindex, size_t n,
		 const struct receiver *receiver, struct offload_error *error);

/* offload_object() - for a receiver to share its maps with */
struct bpf_object *offload_object(const struct offload *offload);

/* offload_remove() - take away what an earlier pgwd left at these interfaces, and at those that its
 * program knows. */
void offload_remove(const uint32_t *ifindex, size_t n);

/* offload_close() - free; what is attached stays and goes on. NULL: nothing. */
void offload_close(struct offload *offload);

/**
 * offload_attach() - have the packets that arrive at portgroup @index forwarded by the program
 * Puts right what others have taken away; a no-op where all is well.
 * Return: 0, or -errno with @error set; it is not attached then.
 */
int offload_attach(struct offload *offload, unsigned index, uint32_t ifindex,
		   struct offload_error *error);
/* offload_detach() - end that; also takes away the clsact that we made, if nobody uses it. */
void offload_detach(struct offload *offload, unsigned index);
/* offload_lost() - which program somebody has taken away from where it was attached; NULL: none. */
const char *offload_lost(const struct offload *offload, unsigned index);

/**
 * offload_attach_xdp() - have the XDP program meet them before the tc program, which must be there
 * Return: 0, or -errno with @error set; the tc program goes on alone then.
 */
int offload_attach_xdp(struct offload *offload, unsigned index, struct offload_error *error);
void offload_detach_xdp(struct offload *offload, unsigned index);

/* offload_xdp_chosen() - whether XDP is what `offload auto` takes for this interface */
bool offload_xdp_chosen(uint32_t ifindex);

enum offload_state { OFFLOAD_STATE_OFF, OFFLOAD_STATE_TC, OFFLOAD_STATE_XDP };
enum offload_state offload_state(const struct offload *offload, unsigned index);

/* offload_port() - how packets leave through portgroup @index; ifindex 0: not at all. To be called
 * again after offload_attach_xdp(), which may have changed what the interface takes. */
void offload_port(struct offload *offload, unsigned index, const struct kernel_link *link);
/* offload_settings() - after how many seconds idle flows are left to user space, and what segment
 * size SYN-ACKs may offer: in what offload_port() writes from then on. @timer_s: by enum timer;
 * @mss_clamp: as in the snapshot */
void offload_settings(struct offload *offload, const uint32_t *timer_s, uint32_t mss_clamp);
/* offload_count() - what the program has forwarded; all 0 without one. */
void offload_count(const struct offload *offload, unsigned index, struct offload_counters *total);

#endif
