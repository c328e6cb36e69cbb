/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp - the XDP hook of an interface: what the interface can do there, and putting a program on it.
 *
 * XDP sees single frames before the kernel makes socket buffers of them. That is the quickest way
 * there is for small packets; but an interface that joins TCP segments before they arrive (LRO,
 * the segments of up to 64 KB between virtual machines) must stop that for it, and bulk falls.
 */
#ifndef PGW_OFFLOAD_XDP_H
#define PGW_OFFLOAD_XDP_H

#include <stdbool.h>
#include <stdint.h>

/* What an interface can do. */
struct xdp_ability {
	bool known;	/* the kernel tells (6.3 and later); if not, all but @device is false */
	bool receives;	/* runs a program natively, and a program there may redirect */
	bool transmits; /* takes frames that a program redirects to it */
	bool device;	/* has a bus: no veth, tap, bridge, … */
	bool joins;	/* TCP segments arrive joined (LRO, hardware GRO) */
};

/* xdp_ability() - of an interface in this namespace; nothing of what cannot be asked for */
void xdp_ability(uint32_t ifindex, struct xdp_ability *ability);

/* xdp_worthwhile() - whether XDP is better there than tc, as `offload auto` wants to know */
bool xdp_worthwhile(const struct xdp_ability *ability);

#define XDP_FORWARD_NAME "pgw_forward_xdp" /* BPF_OBJ_NAME_LEN: one byte is left */
#define XDP_RECEIVE_NAME "pgw_receive_xdp"
#define XDP_NAME_BYTES	 16

/* xdp_program() - id of the program at the interface's native hook, 0 if there is none */
uint32_t xdp_program(uint32_t ifindex);
/* xdp_name() - the name of program @id, "" if it cannot be told */
void xdp_name(uint32_t id, char name[XDP_NAME_BYTES]);
/* xdp_ours() - id of a program of ours there that is called @name, NULL: any; 0: there is none */
uint32_t xdp_ours(uint32_t ifindex, const char *name);

/**
 * xdp_attach() - put @program_fd there, natively
 * @replaced: id of the program whose place it takes, 0: of none; another one that is there stays
 * Return: 0 or -errno: -EBUSY, -EEXIST: another program is there.
 */
int xdp_attach(uint32_t ifindex, int program_fd, uint32_t replaced);
/* xdp_detach() - take program @id away; a no-op if another one is there. */
void xdp_detach(uint32_t ifindex, uint32_t id);

#endif
