/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record - the flow table as the BPF programs see it: maps, look-up, timers, counters.
 *
 * A record may be ended and made anew while it is read here. So its key word is read first, then
 * its key and all that the packet needs is copied, and then the word is compared: a record that
 * changed meanwhile is left to user space. What may still happen is that a packet is counted for a
 * flow that has just ended; its record rests for a while before it is used again.
 *
 * Of a connection, what begins and what ends it is user space's: the SYN, any SYN-ACK but the
 * first, RST, and the second FIN (flow/state.h). The second FIN of one with a socket of this host
 * behind the datapath is taken here, and told to user space (flow/ends.h).
 */
#ifndef PGW_OFFLOAD_RECORD_H
#define PGW_OFFLOAD_RECORD_H

#include <bpf/bpf_helpers.h>

#include "datapath/flow/ends.h"
#include "datapath/flow/hash.h"
#include "datapath/flow/open.h"
#include "datapath/offload/answer.h"
#include "datapath/offload/maps.h"
#include "datapath/offload/plain.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set when it is loaded */
	__uint(key_size, 4);
	__uint(value_size, FLOW_ELEMENT_BYTES);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OFFLOAD_PORTS);
	__type(key, uint32_t);
	__type(value, struct offload_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OFFLOAD_PORTS);
	__type(key, uint32_t);
	__type(value, struct offload_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct offload_settings);
} settings SEC(".maps");

/* By ifindex: portgroup index. One program serves all portgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OFFLOAD_PORTS);
	__type(key, uint32_t);
	__type(value, uint32_t);
} links SEC(".maps");

struct offload_near near[OFFLOAD_NEAR];

/* Return: whether the interface is a portgroup's, @index. */
static __always_inline bool find_port(uint32_t ifindex, uint32_t *index)
{
	const volatile struct offload_near *n = &near[ifindex % OFFLOAD_NEAR];
	const uint32_t *link;

	if (n->ifindex == ifindex) {
		*index = n->index;
		return true;
	}
	link = bpf_map_lookup_elem(&links, &ifindex);
	if (link)
		*index = *link;
	return link != NULL;
}

static __always_inline void *element(uint32_t index)
{
	return bpf_map_lookup_elem(&flows, &index);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SLOT_TAG 4 /* where the upper half of a slot lies */
#else
#define SLOT_TAG 0
#endif

/* The element of a pair that is @side's: two branches that nobody can foretell would cost more. */
static __always_inline void *side_of(const void *pair, uint32_t side, uint32_t bytes)
{
	return (void *)pair + side * bytes;
}

static __always_inline uint32_t key_word(const struct flow *flow)
{
	return *(const volatile uint32_t *)&flow->word;
}

/* The reference in a bucket's slot with this tag, or FLOW_NONE. Halves of a slot are read apart; a
 * slot that changes in between leads to a record that has another key. */
static __always_inline uint32_t reference(const void *bucket, uint32_t tag)
{
#pragma unroll
	for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++)
		if (U32(bucket, 8 * i + SLOT_TAG) == tag)
			return U32(bucket, 8 * i + (4 - SLOT_TAG));
	return FLOW_NONE;
}

static __always_inline const void *bucket_at(const struct flow_header *header, uint32_t bucket)
{
	const void *pair = element(header->index_first + (bucket >> 1));

	return pair ? pair + (bucket & 1) * sizeof(struct flow_bucket) : NULL;
}

/*
 * The active record whose side @side has this key, or NULL. @word: its key word, read before the
 * key.
 *
 * The first slot with the key's tag is most likely its own: two keys with one tag, of 31 bits, that
 * stand in one bucket are rare enough to leave the second to user space.
 */
static __always_inline struct flow *find(const struct flow_header *header, struct seen *seen,
					 uint32_t *side, uint32_t *word)
{
	const struct flow_tuple tuple = {.src = seen->src,
					 .dst = seen->dst,
					 .sport = (be16)(seen->ports & 0xffff),
					 .dport = (be16)(seen->ports >> 16)};
	uint64_t hash = flow_hash_keyed(header->hash_key, &tuple, seen->proto, seen->port);
	uint32_t mask = header->buckets - 1, tag = flow_tag(hash), ref;
	const void *bucket = bucket_at(header, flow_bucket(hash, mask, 0)), *key;
	struct flow *flow;

	if (!bucket)
		return NULL;
	ref = reference(bucket, tag);
	if (ref == FLOW_NONE) {
		bucket = bucket_at(header, flow_bucket(hash, mask, 1));
		if (!bucket)
			return NULL;
		ref = reference(bucket, tag);
	}
	if (ref == FLOW_NONE)
		return NULL;
	flow = element(header->record_first + (ref >> 1));
	if (!flow)
		return NULL;
	seen->record = ref >> 1;
	*side = ref & 1;
	*word = key_word(flow);
	key = side_of(flow->tuple, *side, sizeof(flow->tuple[0]));
	if (FLOW_WORD_STATE(*word) != FLOW_ACTIVE || U32(key, 0) != seen->src ||
	    U32(key, 4) != seen->dst || U32(key, 8) != seen->ports || flow->proto != seen->proto ||
	    U8(side_of(flow->port, *side, 1), 0) != seen->port)
		return NULL;
	return flow;
}

/* Whether it came from where answers go. If not, a client's router has changed, and user space
 * takes note (last hop). */
static __always_inline bool from(const void *data, const void *end, const void *mac)
{
	return data + AT_IP <= end && same_mac(data + AT_SRC, mac);
}

/*
 * Whether the flow's timer still runs; then @now is set to what the timer starts from again.
 *
 * The coarse clock costs a tenth of the exact one, and stands still between the kernel's own ticks.
 * What it may lag is added, so that no timer ever ends early; user space takes a stamp that is
 * ahead of its clock as one of this moment.
 */
static __always_inline bool alive(const struct flow *flow, const struct seen *seen, uint8_t state,
				  uint32_t *now)
{
	const struct offload_settings *s;
	uint32_t zero = 0, idle, timeout;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s)
		return false;
	*now = FLOW_TICK(bpf_ktime_get_coarse_ns()) + s->clock_lag_tick;
	idle = *now - flow->seen_tick;
	if ((int32_t)idle < 0)
		return true;
	timeout = s->timeout_tick_udp;
	if (seen->proto == PROTO_TCP)
		timeout = state <= TCP_SYN_BOTH || state == TCP_CLOSED ? s->timeout_tick_tcp_trans
								       : s->timeout_tick_tcp;
	return idle < timeout;
}

/* A datagram that may still be fragmented and whose source is ours gets an identification of our
 * own, from the row that user space takes them from (RFC 6864). */
static __always_inline void choose_id(struct flow_header *header, const struct flow *flow,
				      const struct seen *seen, uint32_t packets, struct rewrite *to)
{
	to->new_id = seen->may_fragment && flow->flags & FLOW_SNAT;
	if (to->new_id)
		to->id = bpf_htons((uint16_t)(__sync_fetch_and_add(&header->ip_id, packets) + 1));
}

/* stamp() - a closed connection's timer runs on. */
static __always_inline void stamp(struct flow *flow, uint8_t state, uint32_t now)
{
	if (state != TCP_CLOSED)
		flow->seen_tick = now;
}

static __always_inline void count(const struct seen *seen, struct flow *flow, uint32_t side,
				  uint32_t packets, uint32_t out_port)
{
	uint32_t in_port = seen->port;
	uint64_t bytes = AT_IP + seen->ip_len + (packets - 1) * (AT_L4 + seen->l4_header);
	struct offload_counters *c = bpf_map_lookup_elem(&counters, &in_port);

	*(uint64_t *)side_of(flow->packets, side, 8) += 1;
	*(uint64_t *)side_of(flow->bytes, side, 8) += seen->ip_len;
	if (c) {
		c->rcvd_packets += packets;
		c->rcvd_bytes += bytes;
	}
	c = bpf_map_lookup_elem(&counters, &out_port);
	if (c) {
		c->sent_packets += packets;
		c->sent_bytes += bytes;
	}
}

/* Copy what the packet needs. Return: whether the flow is one for this program. */
static __always_inline bool read_record(const void *data, const void *end, const struct seen *seen,
					const struct flow *flow, uint32_t side, struct rewrite *to)
{
	const void *mac = side_of(flow->mac, side ^ 1, sizeof(flow->mac[0]));
	const void *key = side_of(flow->tuple, side ^ 1, sizeof(flow->tuple[0]));
	bool answer = seen->proto == PROTO_TCP && IS_ANSWER(seen);
	/* of side 1 nothing has been seen yet: but for a SYN-ACK, user space takes note of the
	 * first answer */
	uint8_t needed = side && !answer ? FLOW_OFFLOAD | FLOW_REPLIED : FLOW_OFFLOAD;
	uint16_t turned = 0 - side; /* deltas of the way back are complements */

	if ((flow->flags & needed) != needed)
		return false;
	to->state = tcp_state(flow);
	if (answer) {
		/* any but the first one is user space's, as is one from inside, whose timer is
		 * another */
		if (!side || to->state != TCP_SYN_SENT || flow->flags & FLOW_INBOUND)
			return false;
	} else if (seen->proto == PROTO_TCP &&
		   (to->state < TCP_SYN_BOTH || to->state > TCP_CLOSED)) {
		return false;
	}
	if (flow->vmac[0] | flow->vmac[1]) /* that is not the address of the interface */
		return false;
	if (U16(side_of(flow->neigh, side, 2), 0) == FLOW_NEIGH_LAST_HOP &&
	    !from(data, end, side_of(flow->mac, side, sizeof(flow->mac[0]))))
		return false;
	to->src = U32(key, 4); /* the other side's key, turned round */
	to->dst = U32(key, 0);
	to->ports = TURN_PORTS(U32(key, 8));
	to->mac_head = U32(mac, 0);
	to->mac_tail = U16(mac, 4);
	to->port = U8(side_of(flow->port, side ^ 1, 1), 0);
	to->l3_delta = flow->l3_delta ^ turned;
	to->l4_delta = flow->l4_delta ^ turned;
	barrier(); /* all of it is read before the key word is looked at again */
	return true;
}

/* What user space would, too, take note of with the first answer. The word in which the flags lie
 * has only flags that change, and those are user space's: should it write at the same time, then
 * the next packet of this side is left to it, and it takes note. */
static __always_inline void note_answer(struct flow *flow)
{
	uint32_t *word = (uint32_t *)&flow->port[0], seen = *(volatile uint32_t *)word;

	__sync_val_compare_and_swap(word, seen, seen | (uint32_t)FLOW_REPLIED << FLOW_FLAGS_SHIFT);
}

/* A SYN-ACK. Whoever moves the state is the one to follow it. */
static __always_inline bool follow_answer(struct flow *flow, uint32_t word, const struct seen *seen)
{
	if (!tcp_acks_syn(&flow->tcp[0], &seen->tcp) || key_word(flow) != word ||
	    !tcp_move_state(flow, TCP_SYN_SENT, TCP_SYN_BOTH))
		return false;
	tcp_take_answer(&flow->tcp[0], &flow->tcp[1], &seen->tcp);
	note_answer(flow);
	return true;
}

static __always_inline bool is_inside(uint32_t port)
{
	const struct offload_port *p = bpf_map_lookup_elem(&ports, &port);

	return p && p->inside;
}

/* The second FIN. Return: false if it is left to user space, and nothing was done.
 *
 * A connection that is forwarded from wire to wire is closed in user space, and its two ends get
 * their last segments together: each would be woken once for either, if they came one by one. */
static __always_inline bool close_flow(struct flow_header *header, struct flow *flow,
				       const struct seen *seen, const struct rewrite *to)
{
	uint32_t at = *(volatile uint32_t *)&header->ends_head;
	void *slots = element(header->ends_first + at / ENDS_A_ELEMENT % ENDS_ELEMENTS);
	bool moved;

	if (!seen->sound || !slots || (!is_inside(seen->port) && !is_inside(to->port)) ||
	    at - *(volatile uint32_t *)&header->ends_tail >=
		    *(volatile uint32_t *)&header->ends_room ||
	    __sync_val_compare_and_swap(&header->ends_head, at, at + 1) != at)
		return false;
	moved = tcp_close_untold(flow, to->state);
	*(volatile uint64_t *)(slots + at % ENDS_A_ELEMENT * 8) =
		ENDS_SLOT(at, moved ? seen->record : FLOW_NONE);
	return moved;
}

/* follow() - whether a segment is inside the window, as datagrams always are, and the record still
 * the one that @to was read from; then state and window have moved with it. */
static __always_inline bool follow(struct flow_header *header, struct flow *flow, uint32_t side,
				   uint32_t word, const struct seen *seen, const struct rewrite *to)
{
	struct flow_tcp_side *self = side_of(flow->tcp, side, sizeof(flow->tcp[0]));
	struct flow_tcp_side *peer = side_of(flow->tcp, side ^ 1, sizeof(flow->tcp[0]));
	uint8_t state = to->state, next = tcp_next_state(state, side, seen->tcp.flags);

	if (seen->proto != PROTO_TCP)
		return key_word(flow) == word;
	if (IS_ANSWER(seen))
		return follow_answer(flow, word, seen);
	if (!tcp_in_window(self, peer, &seen->tcp) || key_word(flow) != word)
		return false;
	/* new data after both FIN: user space finds out which was none (flow/tcp.c) */
	if (state == TCP_CLOSED && sequence_after(seen->tcp.seq + seen->tcp.len, self->end))
		return false;
	if (next != state && !(next == TCP_CLOSED ? close_flow(header, flow, seen, to)
						  : tcp_move_state(flow, state, next)))
		return false;
	tcp_follow_window(self, peer, &seen->tcp, true);
	return true;
}

#endif
