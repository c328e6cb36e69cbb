/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/rewrite/rewrite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/base/checksum.h"
#include "datapath/rewrite/header.h"

void rewrite_deltas(struct flow *flow)
{
	const struct flow_tuple *in = &flow->tuple[0], *back = &flow->tuple[1];
	uint64_t l3 = 0, l4;

	/* what leaves side 1 is side 1's key, turned round */
	l3 = checksum_change32(l3, in->src, back->dst);
	l3 = checksum_change32(l3, in->dst, back->src);
	l4 = flow->proto == IPPROTO_ICMP ? 0 : l3;
	l4 = checksum_change16(l4, in->sport, back->dport);
	l4 = checksum_change16(l4, in->dport, back->sport);
	flow->l3_delta = checksum_fold(l3);
	flow->l4_delta = checksum_fold(l4);
}

static void rewrite_echo(struct packet *p, const struct flow_tuple *to, uint16_t l4_delta)
{
	struct icmp_header *icmp = packet_l4(p, sizeof(*icmp));

	if (!icmp)
		return;
	icmp->id = icmp->type == ICMP_ECHO_REQUEST ? to->dport : to->sport;
	icmp->check = checksum_update(icmp->check, l4_delta);
}

void rewrite_packet(struct packet *p, const struct flow *flow, unsigned side)
{
	const struct flow_tuple *to = &flow->tuple[1 - side];
	uint16_t l3_delta = header_delta(flow->l3_delta, side);
	uint16_t l4_delta = header_delta(flow->l4_delta, side);
	bool partial = p->offload.flags & IO_NEEDS_CSUM;
	void *l4;

	header_ip(packet_ip(p), to, l3_delta, p->new_ip_id);
	if (p->fragment_offset)
		return;
	if (p->proto == IPPROTO_TCP) {
		l4 = packet_l4(p, sizeof(struct tcp_header));
		if (l4)
			header_tcp(l4, to, l3_delta, l4_delta, partial);
	} else if (p->proto == IPPROTO_UDP) {
		l4 = packet_l4(p, sizeof(struct udp_header));
		if (l4)
			header_udp(l4, to, l3_delta, l4_delta, partial);
	} else {
		rewrite_echo(p, to, l4_delta);
	}
}

/* The quoted packet left by @side; it becomes what arrived on the other side, @as. */
static void revert_quote(struct packet *p, const struct flow *flow, unsigned side)
{
	const struct flow_tuple *as = &flow->tuple[1 - side];
	struct ip_header *quoted =
		(struct ip_header *)(p->data + p->l4 + sizeof(struct icmp_header));
	uint8_t *l4 = p->data + p->quote_l4;
	uint32_t l4_bytes = p->len - p->quote_l4;
	/* from what side @side's packets look like going out back to what came in */
	uint16_t l3_delta = side ? (uint16_t)~flow->l3_delta : flow->l3_delta;
	uint16_t l4_delta = side ? (uint16_t)~flow->l4_delta : flow->l4_delta;
	uint16_t check;

	quoted->src = as->src;
	quoted->dst = as->dst;
	quoted->check = checksum_update(quoted->check, l3_delta);
	if (p->quote_proto == IPPROTO_ICMP) {
		be16 id = l4[0] == ICMP_ECHO_REQUEST ? as->sport : as->dport;

		memcpy(l4 + 4, &id, 2);
		memcpy(&check, l4 + 2, 2);
		check = checksum_update(check, l4_delta);
		memcpy(l4 + 2, &check, 2);
		return;
	}
	memcpy(l4, &as->sport, 2);
	memcpy(l4 + 2, &as->dport, 2);
	if (p->quote_proto == IPPROTO_UDP) {
		memcpy(&check, l4 + 6, 2);
		if (check) {
			check = checksum_update(check, l4_delta);
			if (check == 0)
				check = 0xffff;
			memcpy(l4 + 6, &check, 2);
		}
	} else if (l4_bytes >= 18) { /* quotes of 8 bytes have no TCP checksum */
		memcpy(&check, l4 + 16, 2);
		check = checksum_update(check, l4_delta);
		memcpy(l4 + 16, &check, 2);
	}
}

void rewrite_icmp_error(struct packet *p, const struct flow *flow, unsigned side)
{
	const struct flow_tuple *from = &flow->tuple[side], *as = &flow->tuple[1 - side];
	struct ip_header *ip = packet_ip(p);
	struct icmp_header *icmp = packet_l4(p, sizeof(*icmp));
	be32 src = ip->src;
	uint64_t delta;

	if (!icmp)
		return;
	/* reported by the far end itself, or by a router that is hidden as the far end is */
	if (ip->src == from->src || (side == 0 && flow->flags & FLOW_SNAT) ||
	    (side == 1 && flow->flags & (FLOW_DNAT | FLOW_INBOUND)))
		src = as->dst;
	revert_quote(p, flow, side);
	delta = checksum_change32(0, ip->src, src);
	delta = checksum_change32(delta, ip->dst, as->src);
	ip->src = src;
	ip->dst = as->src;
	delta += header_take_ttl(ip);
	ip->check = checksum_update(ip->check, delta);
	/* its own checksum was found right when it was read; the whole message is made anew */
	icmp->check = 0;
	icmp->check = (uint16_t)~checksum_fold(checksum_add(0, icmp, p->len - p->l4));
}

void rewrite_source(struct packet *p, be32 src)
{
	struct ip_header *ip = packet_ip(p);

	ip->check = checksum_update(ip->check, checksum_change32(0, ip->src, src));
	ip->src = src;
}

void rewrite_clamp_mss(struct packet *p, uint16_t mss)
{
	struct tcp_header *tcp = packet_l4(p, sizeof(*tcp));
	uint8_t *option;
	uint32_t bytes;

	if (!tcp)
		return;
	option = (uint8_t *)(tcp + 1);
	for (bytes = (tcp->offset >> 4) * 4u - (uint32_t)sizeof(*tcp); bytes >= 2;) {
		uint32_t length = *option <= 1 ? 1 : option[1];
		be16 before, after;

		if (*option == 0 || length == 0 || length > bytes)
			return;
		if (*option == 2 && length == 4) {
			memcpy(&before, option + 2, 2);
			after = htons(mss);
			if (ntohs(before) <= mss)
				return;
			memcpy(option + 2, &after, 2);
			/* at an odd offset its bytes count in the other half of the sum */
			if ((option - (uint8_t *)tcp) % 2) {
				before = __builtin_bswap16(before);
				after = __builtin_bswap16(after);
			}
			/* a sum that hardware will finish covers the option by itself */
			if (!(p->offload.flags & IO_NEEDS_CSUM))
				tcp->check = checksum_update(tcp->check,
							     checksum_change16(0, before, after));
			return;
		}
		option += length;
		bytes -= length;
	}
}

/* In later fragments only the options that say so are repeated; the others become NOP. */
static void keep_copied_options(uint8_t *option, unsigned bytes)
{
	while (bytes) {
		unsigned length = *option <= 1 ? 1 : bytes >= 2 ? option[1] : bytes;

		if (length == 0 || length > bytes)
			length = bytes;
		if (*option == 0)
			return;
		if (!(*option & 0x80))
			memset(option, 1, length);
		option += length;
		bytes -= length;
	}
}

uint32_t rewrite_fragment(struct rewrite_fragment *piece, const struct packet *p, uint32_t mtu,
			  uint32_t done)
{
	uint32_t header_len = p->l4 - ETHERNET_BYTES;
	uint32_t total = p->ip_len - header_len;
	uint32_t room = mtu > header_len ? (mtu - header_len) & ~7u : 0;
	struct ip_header *ip = (struct ip_header *)(piece->head + ETHERNET_BYTES);
	bool last;
	uint16_t fragment;

	if (done >= total || room == 0)
		return 0;
	last = total - done <= mtu - header_len;
	piece->payload_len = last ? total - done : room;
	piece->payload = p->data + p->l4 + done;
	piece->head_len = p->l4;
	memcpy(piece->head, p->data, p->l4);
	if (done && header_len > IP_BYTES_MIN)
		keep_copied_options((uint8_t *)(ip + 1), header_len - IP_BYTES_MIN);
	fragment = (uint16_t)((p->fragment_offset + done) >> 3);
	if (!last || p->more_fragments)
		fragment |= IP_MF;
	ip->fragment = htons(fragment);
	ip->total_len = htons((uint16_t)(header_len + piece->payload_len));
	ip->check = 0;
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, header_len));
	return piece->payload_len;
}
