/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receiver - the XDP program that hands a portgroup's packets to its AF_XDP socket: loads
 * datapath/offload/receive.bpf.c, attaches it, and keeps it told of what is the datapath's.
 *
 * An interface has one XDP program. Where flows are forwarded by XDP, too, that is offload's, which
 * ends in the same code; both then share the maps.
 *
 * Nothing is found again by a next pgwd: it makes new sockets, puts a new program in the old one's
 * place, and until then packets go by the packet socket.
 */
#ifndef PGW_OFFLOAD_RECEIVER_H
#define PGW_OFFLOAD_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/netlink/kernel.h"

struct bpf_object;
struct receiver;

struct receiver_error {
	char text[256];
};

/**
 * receiver_open() - load the program; it is attached nowhere yet
 * @offload: of a program that is to fill the same sockets, and has been loaded; NULL: there is none
 * Return: 0, or -errno with @error set: -EPERM where it is not permitted.
 */
int receiver_open(struct receiver **receiver, struct bpf_object *offload,
		  struct receiver_error *error);

/* receiver_share() - have a program that is to be loaded use the same maps. Return: 0 or -errno. */
int receiver_share(const struct receiver *receiver, struct bpf_object *other);

/* receiver_close() - free; what is attached stays. NULL: nothing. */
void receiver_close(struct receiver *receiver);

/* receiver_select() - what is the datapath's, from now on. Return: 0, or -errno: some of it goes
 * by the packet socket. */
int receiver_select(struct receiver *receiver, const struct kernel_selection *selection);

/**
 * receiver_attach() - see that an XDP program is at the interface which fills sockets
 * @forwards: offload's is there and does it; a no-op then
 * Return: 0, or -errno with @error saying what to do.
 */
int receiver_attach(struct receiver *receiver, uint32_t ifindex, bool forwards,
		    struct receiver_error *error);
/* receiver_detach() - take the program away if it is there; that of an earlier pgwd, too. */
void receiver_detach(uint32_t ifindex);

/* receiver_fill() - hand packets to socket @fd (< 0: to the one that it has) from now on.
 * Return: 0 or -errno. */
int receiver_fill(struct receiver *receiver, unsigned index, const struct kernel_link *link,
		  int fd);
/* receiver_stop() - hand it no more. */
void receiver_stop(struct receiver *receiver, unsigned index, uint32_t ifindex);

#endif
