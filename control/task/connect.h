/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connect - a real TCP connection through the gateway, made by a client that is not there.
 *
 * One end of a veth pair is a portgroup of the datapath, for as long as it takes; at the other end
 * this client sends SYN to services, from an address that may use the gateway, and completes the
 * handshake with whoever answers: the backend, behind policy, translation and routing. Then it
 * resets the connection. The kernel's own stack has no part in it, so nothing that the gateway's
 * host may do and its clients may not can make the check pass.
 */
#ifndef PGW_TASK_CONNECT_H
#define PGW_TASK_CONNECT_H

#include "control/ctl/client.h"
#include "datapath/base/addr.h"

#define CONNECT_TARGETS_MAX 16
#define CONNECT_WAIT_MS	    6000
#define CONNECT_AGAIN_MS    500 /* between two SYNs */

struct connect_target {
	be32 addr;
	uint16_t port; /* host order */
};

struct connect;

/**
 * connect_open() - begin to connect
 * @name: the client's end of the pair
 * @gateway: MAC of the other end
 * @source: address of the client
 */
int connect_open(struct connect **connect, const char *name, struct mac gateway, be32 source,
		 const struct connect_target *targets, unsigned n, int64_t now_ms,
		 struct ctl_error *error);

/* connect_work() - Return: 0 one has answered, *@which; -EAGAIN not yet; -ETIMEDOUT with @error. */
int connect_work(struct connect *connect, int64_t now_ms, struct connect_target *which,
		 struct ctl_error *error);
void connect_close(struct connect *connect); /* NULL is permitted */

/* What goes out and what is made of what comes in, for tests. */
#define CONNECT_FRAME_BYTES 54

enum connect_answer { CONNECT_NOTHING, CONNECT_ACCEPTED, CONNECT_REFUSED };

struct connect_end {
	struct mac mac;
	be32 addr;
	uint16_t port;
};

/* connect_segment() - write a TCP segment without data. @seq, @ack: host order. */
void connect_segment(uint8_t frame[CONNECT_FRAME_BYTES], const struct connect_end *from,
		     const struct connect_end *to, uint8_t flags, uint32_t seq, uint32_t ack);

/* connect_judge() - what a frame from @from to @to says about a SYN of sequence @seq.
 * @peer_seq: set to the peer's, where it accepts. */
enum connect_answer connect_judge(const uint8_t *frame, size_t bytes,
				  const struct connect_end *from, const struct connect_end *to,
				  uint32_t seq, uint32_t *peer_seq);

#endif
