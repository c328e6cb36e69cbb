// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load - the generator: an XDP program that is run on frames in the kernel (BPF_PROG_TEST_RUN,
 * live frames) and sends them on the client's interface; and the sink, a program at the server's
 * ingress that counts by source address and drops. There are two: by XDP for what comes as XDP
 * frames, so that no socket buffer is made on the ends' core only to be dropped, and by tc for what
 * comes as socket buffers, which XDP would have to copy for want of room before the data.
 *
 * With a window the load is a closed loop: a frame leaves when an earlier one has arrived, so the
 * gateway is offered what it can do, whoever else takes time of its core meanwhile.
 *
 * One processor runs the generator, so its counts need no atomic operation. A frame that is
 * not due is dropped, which makes waiting exact to a fraction of a microsecond. The
 * frame's memory comes back from whoever forwarded it, so all of the headers are written each time;
 * the payload is zero and stays so.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "datapath/offload/bpf_types.h"
#include "tools/bench/load.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct load);
} load SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sink);
} sink SEC(".maps");

#define NS_PER_S 1000000000ull

struct headers {
	uint8_t ethernet[14];
	uint16_t version_tos, total, id, fragment, ttl_protocol, ip_check;
	uint32_t saddr, daddr;
	uint16_t sport, dport, udp_bytes, udp_check;
} __attribute__((packed));
static_assert(sizeof(struct headers) == LOAD_HEADER_BYTES, "as on the wire");

static __always_inline uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* has_room() - whether the window lets one more frame go */
static __always_inline bool has_room(struct load *l, const struct sink *s, uint64_t now)
{
	uint64_t progress = s->good[l->stream % LOAD_STREAMS] - l->good_first + l->lost;

	/* more than were sent: some that counted as lost were only late */
	if (!l->window || progress > l->sent || l->sent - progress < l->window)
		return true;
	if (progress != l->progress || !l->progress_ns) {
		l->progress = progress;
		l->progress_ns = now;
	} else if (now - l->progress_ns > LOAD_PATIENCE_NS) {
		l->lost += l->sent - progress;
	}
	return false;
}

/* due() - whether a frame is to be sent now */
static __always_inline bool due(struct load *l, const struct sink *s)
{
	uint64_t now, frames, done = l->sent + l->missed;

	/* all that it can, without end: what the time is does not matter, and reading it costs */
	if (!l->rate_pps && !l->window && !l->limit)
		return true;
	if (l->limit && l->sent >= l->limit)
		return false;
	now = bpf_ktime_get_ns();
	if (!has_room(l, s, now))
		return false;
	if (!l->begin_ns)
		l->begin_ns = now;
	l->end_ns = now;
	if (!l->rate_pps)
		return true;
	frames = (now - l->begin_ns) * l->rate_pps / NS_PER_S;
	if (l->burst > 1)
		frames = frames / l->burst * l->burst;
	if (frames <= done)
		return false;
	if (frames - done > LOAD_LATE)
		l->missed += frames - done - LOAD_LATE;
	return true;
}

static __always_inline uint32_t bytes_of(const struct load *l)
{
	uint32_t turn = (uint32_t)(l->sent % 12);

	if (l->frame_bytes != LOAD_IMIX)
		return l->frame_bytes;
	return turn < 7 ? LOAD_SMALL_BYTES : turn < 11 ? LOAD_MIDDLE_BYTES : LOAD_LARGE_BYTES;
}

/* next_flow() - LOAD_SCATTER flows on, around: without a division */
static __always_inline uint32_t next_flow(struct load *l)
{
	uint32_t flow = l->first + l->offset;

	l->offset += l->step;
	if (l->offset >= l->flows)
		l->offset -= l->flows;
	return flow;
}

static __always_inline void write_headers(struct headers *h, struct load *l, uint32_t bytes)
{
	uint32_t flow = next_flow(l), host = flow / l->ports;
	uint16_t ip_bytes = (uint16_t)(bytes - 14), udp_bytes = (uint16_t)(bytes - 34), check;
	uint64_t addresses;

	__builtin_memcpy(h->ethernet, l->ethernet, sizeof(h->ethernet));
	h->version_tos = bpf_htons(0x4500);
	h->total = bpf_htons(ip_bytes);
	h->id = 0;
	h->fragment = bpf_htons(0x4000);
	h->ttl_protocol = bpf_htons(64 << 8 | 17);
	h->saddr = bpf_htonl(LOAD_HOST_FIRST + host);
	h->daddr = l->daddr_be;
	h->sport = bpf_htons((uint16_t)(LOAD_SPORT + flow - host * l->ports));
	h->dport = bpf_htons((uint16_t)(LOAD_DPORT + l->stream));
	h->udp_bytes = bpf_htons(udp_bytes);
	addresses = (uint64_t)h->saddr + h->daddr;
	h->ip_check = (uint16_t)~fold(addresses + h->version_tos + h->total + h->fragment +
				      h->ttl_protocol);
	check = (uint16_t)~fold(addresses + bpf_htons(17) + 2u * h->udp_bytes + h->sport +
				h->dport);
	h->udp_check = check ? check : 0xffff;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	uint32_t zero = 0, bytes, whole = (uint32_t)bpf_xdp_get_buff_len(ctx);
	struct load *l = bpf_map_lookup_elem(&load, &zero);
	struct sink *s = bpf_map_lookup_elem(&sink, &zero);
	struct headers *h;

	if (!l || !s || !l->flows || !l->ports || !due(l, s))
		return XDP_DROP;
	bytes = bytes_of(l);
	if (bytes < whole && bpf_xdp_adjust_tail(ctx, (int)bytes - (int)whole))
		return XDP_DROP;
	h = (void *)(long)ctx->data;
	if ((void *)(h + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	write_headers(h, l, bytes);
	l->sent++;
	return (int)bpf_redirect(l->ifindex, 0);
}

static __always_inline void watch(struct sink *s, uint32_t stream)
{
	uint64_t now = bpf_ktime_get_ns(), last = s->last_ns[stream];

	if (last && now - last > s->gap_ns[stream])
		s->gap_ns[stream] = now - last;
	s->last_ns[stream] = now;
}

/* counted() - whether it is the generator's, which is counted then. It runs in the NAPI of one
 * queue alone, so its counts need no atomic operation either. */
static __always_inline bool counted(const struct headers *h, const void *end)
{
	uint32_t zero = 0, source, port;
	struct sink *s = bpf_map_lookup_elem(&sink, &zero);

	if (!s || (const void *)(h + 1) > end || h->ethernet[12] != 8 || h->ethernet[13] != 0 ||
	    (bpf_ntohs(h->ttl_protocol) & 0xff) != 17)
		return false;
	port = bpf_ntohs(h->dport);
	if (port < LOAD_DPORT || port >= LOAD_DPORT + LOAD_STREAMS)
		return false;
	source = bpf_ntohl(h->saddr);
	if (s->watched)
		watch(s, (port - LOAD_DPORT) % LOAD_STREAMS);
	if ((source >= s->source_first[0] && source <= s->source_last[0]) ||
	    (source >= s->source_first[1] && source <= s->source_last[1]))
		s->good[(port - LOAD_DPORT) % LOAD_STREAMS]++;
	else
		s->foreign++;
	return true;
}

SEC("xdp")
int count_xdp(struct xdp_md *ctx)
{
	return counted((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int count_tc(struct __sk_buff *skb)
{
	return counted((void *)(long)skb->data, (void *)(long)skb->data_end) ? TC_ACT_SHOT
									     : TC_ACT_OK;
}
