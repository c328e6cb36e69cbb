/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record - the flow table as the BPF programs see it: maps, look-up, timers, counters.
 *
 * A record may be ended and made anew while it is read here. So its key word is read first, then
 * its key and all that the packet needs is copied, and then the word is compared: a record that
 * changed meanwhile is left to user space. What may still happen is that a packet is counted for a
 * flow that has just ended; its record rests for a while before it is used again.
 *
 * Of a connection, what begins and what ends it is user space's: SYN, RST, and the second FIN
 * (flow/state.h).
 */
#ifndef PGW_OFFLOAD_RECORD_H
#define PGW_OFFLOAD_RECORD_H

#include <bpf/bpf_helpers.h>

#include "datapath/flow/hash.h"
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

static __always_inline void *element(uint32_t index)
{
	return bpf_map_lookup_elem(&flows, &index);
}

static __always_inline uint32_t key_word(const struct flow *flow)
{
	return *(const volatile uint32_t *)&flow->word;
}

/* The active record whose side @side has this key, or NULL. @word: its key word, read before the
 * key. */
static __always_inline struct flow *find(const struct flow_header *header, const struct seen *seen,
					 uint32_t *side, uint32_t *word)
{
	uint64_t hash = flow_hash_keyed(header->hash_key, &seen->tuple, seen->proto, seen->port);
	uint32_t mask = header->buckets - 1, tag = flow_tag(hash);

#pragma unroll
	for (unsigned choice = 0; choice < 2; choice++) {
		uint32_t bucket = flow_bucket(hash, mask, choice);
		uint8_t *pair = element(header->index_first + (bucket >> 1));
		uint64_t *slot;

		if (!pair)
			return NULL;
		slot = (uint64_t *)(pair + (bucket & 1) * sizeof(struct flow_bucket));
#pragma unroll
		for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++) {
			uint64_t value = slot[i];
			const struct flow_tuple *key;
			struct flow *flow;

			if (value >> 32 != tag)
				continue;
			flow = element(header->record_first + ((uint32_t)value >> 1));
			if (!flow)
				return NULL;
			*side = value & 1;
			*word = key_word(flow);
			if (FLOW_WORD_STATE(*word) != FLOW_ACTIVE)
				continue;
			key = *side ? &flow->tuple[1] : &flow->tuple[0];
			if (key->src == seen->tuple.src && key->dst == seen->tuple.dst &&
			    key->sport == seen->tuple.sport && key->dport == seen->tuple.dport &&
			    flow->proto == seen->proto &&
			    (*side ? flow->port[1] : flow->port[0]) == seen->port)
				return flow;
		}
	}
	return NULL;
}

/* Whether it came from where answers go. If not, a client's router has changed, and user space
 * takes note (last hop). */
static __always_inline bool from(const void *data, const void *end, const struct mac *mac)
{
	if (data + AT_IP > end)
		return false;
	return U16(data, AT_SRC) == U16(mac->b, 0) && U16(data, AT_SRC + 2) == U16(mac->b, 2) &&
	       U16(data, AT_SRC + 4) == U16(mac->b, 4);
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
		timeout = state == TCP_SYN_BOTH || state == TCP_CLOSED ? s->timeout_tick_tcp_trans
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

	if (side) {
		flow->packets[1]++;
		flow->bytes[1] += seen->ip_len;
	} else {
		flow->packets[0]++;
		flow->bytes[0] += seen->ip_len;
	}
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
	const struct mac *back = side ? &flow->mac[1] : &flow->mac[0];
	/* of side 1 nothing has been seen yet: user space takes note of the first answer */
	uint8_t needed = side ? FLOW_OFFLOAD | FLOW_REPLIED : FLOW_OFFLOAD;

	if ((flow->flags & needed) != needed)
		return false;
	to->state = tcp_state(flow);
	if (seen->proto == PROTO_TCP && (to->state < TCP_SYN_BOTH || to->state > TCP_CLOSED))
		return false;
	if (flow->vmac[0] | flow->vmac[1]) /* that is not the address of the interface */
		return false;
	if ((side ? flow->neigh[1] : flow->neigh[0]) == FLOW_NEIGH_LAST_HOP &&
	    !from(data, end, back))
		return false;
	to->to = side ? flow->tuple[0] : flow->tuple[1];
	copy_mac(to->mac, side ? flow->mac[0].b : flow->mac[1].b);
	to->port = side ? flow->port[0] : flow->port[1];
	to->l3_delta = side ? ~flow->l3_delta : flow->l3_delta;
	return true;
}

/* follow() - whether a segment is inside the window, as datagrams always are, and the record still
 * the one that was read; then state and window have moved with it. @state: that was read */
static __always_inline bool follow(struct flow *flow, uint32_t side, uint32_t word,
				   const struct seen *seen, uint8_t state)
{
	struct flow_tcp_side *self = side ? &flow->tcp[1] : &flow->tcp[0];
	struct flow_tcp_side *peer = side ? &flow->tcp[0] : &flow->tcp[1];
	uint8_t next = tcp_next_state(state, side, seen->tcp.flags);

	if (seen->proto != PROTO_TCP)
		return key_word(flow) == word;
	if (!tcp_in_window(self, peer, &seen->tcp) || key_word(flow) != word)
		return false;
	if (next != state && (next == TCP_CLOSED || !tcp_move_state(flow, state, next)))
		return false;
	tcp_follow_window(self, peer, &seen->tcp, true);
	return true;
}

#endif
