/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offloading - what of the gateway's work the kernel does by itself: decides it, by configuration
 * and by what is permitted, and keeps the program (offload/offload.h) in step with the gateway.
 *
 * It never makes anything else fail: without it every packet is forwarded by the datapath. Why it
 * is not to be had is said once.
 *
 * The flow table must be a BPF array before the program can use it. It is made as one if any
 * portgroup wants offload; a table that is a memfd because none did is copied when one does.
 */
#ifndef PGW_CONTROL_OFFLOADING_H
#define PGW_CONTROL_OFFLOADING_H

#include "control/gateway.h"

/* offloading_table() - an empty flow table for @config. Return: 0 or -errno with @error set. */
int offloading_table(struct gateway *gateway, const struct config *config, struct region *table,
		     struct ctl_error *error);

/**
 * offloading_convert() - make the table a BPF array, if @config wants it and it is a memfd
 * The datapath is ended for that; whoever calls it starts it again.
 * Return: whether that was done.
 */
bool offloading_convert(struct gateway *gateway, const struct config *config);

/* offloading_adopt() - take the flow table, and the portgroups' indexes, from a program that has
 * outlived both pgwd and the datapath. */
void offloading_adopt(struct gateway *gateway, const struct config *config);

/* offloading_follow() - bring the program and its interfaces to what @config wants. */
void offloading_follow(struct gateway *gateway, const struct config *config,
		       const struct places *places);
/* offloading_links() - tell the program of links as they are now. */
void offloading_links(struct gateway *gateway);

/* offloading_end() - take the program away; what it has counted stays counted. No datapath runs. */
void offloading_end(struct gateway *gateway);

/* offloading_state() - "tc" or "off": how packets that arrive at portgroup @index are forwarded. */
const char *offloading_state(const struct gateway *gateway, unsigned index);

#endif
