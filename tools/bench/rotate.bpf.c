// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rotate - writes a frame of the next flow and hands it to one of the gateway's programs, each time
 * that BPF_PROG_TEST_RUN runs it: what is measured then is that program and nothing else. The
 * programs named idle do all but the handing over: what is to be subtracted.
 *
 * All flows occur before one occurs again, and two that follow one another are far apart. Division
 * would cost as much as what is measured; so host and port take steps, and turn over.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "datapath/offload/bpf_types.h"
#include "tools/bench/rotate.h"

char LICENSE[] SEC("license") = "GPL";

struct rotate rotate;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint32_t);
} next_tc SEC(".maps"), next_xdp SEC(".maps");

static __always_inline uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The words as wide as the program reads them: a load that needs two stores would wait for them. */
#define AT(type, base, at) (*(volatile type *)((base) + (at)))
#define COPY(type, at)	   (AT(type, data, at) = AT(type, r->frame, at))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOWER(word) (word) /* the half that comes first in memory */
#define UPPER(word) ((word) << 16)
#else
#define LOWER(word) ((word) << 16)
#define UPPER(word) (word)
#endif

/* Return: false if the frame is too short. */
static __always_inline bool write_next(uint8_t *data, const uint8_t *end)
{
	struct rotate *r = &rotate;
	uint32_t saddr, sum, check;
	uint16_t sport;

	if (data + ROTATE_BYTES > end)
		return false;
	r->host += r->host_step;
	if (r->host >= r->hosts)
		r->host -= r->hosts;
	if (++r->port == r->ports)
		r->port = 0;
	saddr = bpf_htonl(r->host_first + r->host);
	sport = bpf_htons((uint16_t)(r->port_first + r->port));
	sum = (saddr & 0xffff) + (saddr >> 16);
	COPY(uint32_t, 0);
	COPY(uint16_t, 4);
	COPY(uint32_t, 6);
	COPY(uint16_t, 10);
	COPY(uint16_t, 12);
	COPY(uint32_t, 14);
	COPY(uint32_t, 18);
	check = (uint16_t)~fold(r->ip_sum + sum);
	AT(uint32_t, data, 22) = AT(uint32_t, r->frame, 22) | UPPER(check);
	AT(uint32_t, data, 26) = saddr;
	COPY(uint32_t, 30);
	AT(uint32_t, data, 34) = AT(uint32_t, r->frame, 34) | LOWER((uint32_t)sport);
	COPY(uint16_t, 38);
	AT(uint16_t, data, 40) = (uint16_t)~fold((uint64_t)r->udp_sum + sum + sport);
	return true;
}

SEC("tc")
int idle_tc(struct __sk_buff *skb)
{
	write_next((void *)(long)skb->data, (void *)(long)skb->data_end);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int rotate_tc(struct __sk_buff *skb)
{
	if (write_next((void *)(long)skb->data, (void *)(long)skb->data_end))
		bpf_tail_call(skb, &next_tc, 0);
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int idle_xdp(struct xdp_md *md)
{
	write_next((void *)(long)md->data, (void *)(long)md->data_end);
	return XDP_PASS;
}

SEC("xdp")
int rotate_xdp(struct xdp_md *md)
{
	if (write_next((void *)(long)md->data, (void *)(long)md->data_end))
		bpf_tail_call(md, &next_xdp, 0);
	return XDP_PASS;
}
