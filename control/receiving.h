/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receiving - by what a portgroup's packets come to the datapath, and go: a packet socket, and
 * beside it an AF_XDP socket: with "io xdp" for both directions, else one that only sends.
 *
 * The packet socket is always there (apply_step.h). AF_XDP is put beside it after everything else,
 * and never makes anything else fail: where it is not to be had the packet socket has all of it,
 * and why is said once.
 *
 * Putting it there: the XDP program is attached, which finds no socket yet and lets everything
 * pass; the datapath maps the new socket's rings; then it is bound and shown to the program.
 * The socket is the datapath's alone: it goes with it, and the packet socket takes over at once.
 *
 * One that only sends needs no program. It is put there where the link has no queueing discipline
 * (veth, macvlan, bridge, VLAN): AF_XDP goes past that of others, could overtake what waits there,
 * and hands packets to a network card one by one.
 */
#ifndef PGW_CONTROL_RECEIVING_H
#define PGW_CONTROL_RECEIVING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/config/model.h"

struct gateway;
struct receiver;

/* By what packets of a portgroup come and go. */
enum receiving_way {
	RECEIVING_PACKET,     /* the packet socket alone */
	RECEIVING_PACKET_XDP, /* the packet socket; small packets are sent by AF_XDP */
	RECEIVING_XDP,	      /* AF_XDP both ways, the packet socket for the rest */
	RECEIVING_WAYS
};

/* Of one portgroup, at its index. */
struct receiving_port {
	uint32_t ifindex;	   /* whose packets come or go by AF_XDP; 0: none */
	bool sends_only;	   /* go, and do not come */
	enum receiving_way wanted; /* which one was tried last */
	uint32_t frame_bytes;	   /* of the socket */
	pid_t datapath;		   /* whose socket it is */
	bool zero_copy;
	uint32_t refused; /* the interface whose socket failed, not to be tried again until … */
	int64_t again_ms;
	unsigned busy;	/* times in a row that it had another socket */
	char said[200]; /* why not, "" nothing was said */
};

struct receiving {
	struct receiver *receiver; /* NULL: no program is loaded */
	bool cleaned;		   /* what an earlier pgwd may have left has been taken away */
	struct receiving_port port[CONFIG_PORTGROUPS_MAX];
};

/* receiving_follow() - bring it to what the configuration that runs wants, with links and addresses
 * as they are now. */
void receiving_follow(struct gateway *gateway);

/* receiving_forget() - the datapath has no AF_XDP socket for portgroup @index (any more). */
void receiving_forget(struct gateway *gateway, unsigned index);

/* receiving_end() - take the programs away. No datapath runs. */
void receiving_end(struct gateway *gateway);
/* receiving_leave() - free; what is attached stays and goes on. */
void receiving_leave(struct gateway *gateway);

/* receiving_adopt() - the datapath that was taken over sends by AF_XDP to @ifindex, at this index.
 */
void receiving_adopt(struct gateway *gateway, unsigned index, uint32_t ifindex);

/* receiving_way() - by what packets of portgroup @index come and go now */
enum receiving_way receiving_way(const struct gateway *gateway, unsigned index);
const char *receiving_way_name(enum receiving_way way);

#endif
