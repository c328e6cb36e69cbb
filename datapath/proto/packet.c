/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads headers once, front to back, and trusts no length that it has not compared with the
 * frame. Nothing is changed. RFC 1812 5.2.2 (IP), RFC 1858 and RFC 3128 (fragments),
 * RFC 5508 (ICMP).
 */
#include "datapath/proto/packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/base/checksum.h"

static_assert(sizeof(struct ethernet_header) == ETHERNET_BYTES, "wire");
static_assert(sizeof(struct ip_header) == IP_BYTES_MIN, "wire");
static_assert(sizeof(struct tcp_header) == 20 && sizeof(struct udp_header) == 8, "wire");
static_assert(sizeof(struct icmp_header) == 8, "wire");

#define IP_OPTION_END	       0
#define IP_OPTION_NOP	       1
#define IP_OPTION_RECORD_ROUTE 7
#define IP_OPTION_LSRR	       131
#define IP_OPTION_SSRR	       137

/* Source routes and record route are refused; what is malformed too. */
static enum drop_reason check_options(const uint8_t *option, unsigned bytes)
{
	while (bytes) {
		unsigned length;

		if (*option == IP_OPTION_END)
			return DROP_NONE;
		if (*option == IP_OPTION_NOP) {
			option++;
			bytes--;
			continue;
		}
		if (*option == IP_OPTION_RECORD_ROUTE || *option == IP_OPTION_LSRR ||
		    *option == IP_OPTION_SSRR)
			return DROP_IP_OPTIONS;
		length = bytes >= 2 ? option[1] : 0;
		if (length < 2 || length > bytes)
			return DROP_IP_OPTIONS;
		option += length;
		bytes -= length;
	}
	return DROP_NONE;
}

/* Addresses that no packet on a wire may have (RFC 1812 5.3.7, RFC 1122 3.2.1.3). */
static inline bool source_is_martian(uint32_t addr)
{
	uint32_t top = addr >> 24;

	return top - 1 >= 223 || top == 127; /* 0/8; 224/4, 240/4; 127/8 */
}

static inline bool destination_is_martian(uint32_t addr)
{
	uint32_t top = addr >> 24;

	return top - 1 >= 239 ? addr != 0xffffffff : top == 127; /* 0/8, 240/4; 127/8 */
}

static inline uint16_t header_sum(const struct ip_header *ip, unsigned header_len)
{
	uint32_t word[IP_BYTES_MIN / 4];

	if (header_len != IP_BYTES_MIN)
		return checksum_fold(checksum_add(0, ip, header_len));
	memcpy(word, ip, sizeof(word));
	return checksum_fold((uint64_t)word[0] + word[1] + word[2] + word[3] + word[4]);
}

/* What follows once the header is known to lie within the frame. Inline, so that it is made
 * specially for @header_len 20, which nearly every packet has. */
static inline __attribute__((always_inline)) enum drop_reason
read_ip(struct packet *p, const struct ip_header *ip, unsigned header_len)
{
	uint16_t fragment = ntohs(ip->fragment);
	enum drop_reason reason;

	p->ip_len = ntohs(ip->total_len);
	if (p->ip_len < header_len || ETHERNET_BYTES + p->ip_len > p->len)
		return DROP_IP_LENGTH;
	if (header_sum(ip, header_len) != 0xffff)
		return DROP_IP_CHECKSUM;
	if (header_len > IP_BYTES_MIN) {
		reason = check_options((const uint8_t *)(ip + 1), header_len - IP_BYTES_MIN);
		if (reason)
			return reason;
	}
	if (source_is_martian(ntohl(ip->src)) || destination_is_martian(ntohl(ip->dst)))
		return DROP_MARTIAN;
	p->len = ETHERNET_BYTES + p->ip_len;
	p->l4 = (uint16_t)(ETHERNET_BYTES + header_len);
	p->proto = ip->proto;
	p->ttl = ip->ttl;
	p->ip_id = ip->id;
	p->dont_fragment = fragment & IP_DF;
	p->more_fragments = fragment & IP_MF;
	p->fragment_offset = (uint16_t)((fragment & IP_OFFSET_MASK) << 3);
	p->tuple.src = ip->src;
	p->tuple.dst = ip->dst;
	p->tuple.sport = p->tuple.dport = 0;
	return DROP_NONE;
}

static enum drop_reason parse_ip(struct packet *p)
{
	const struct ip_header *ip = packet_ip(p);
	unsigned header_len;

	if (p->len < ETHERNET_BYTES + IP_BYTES_MIN)
		return DROP_TRUNCATED;
	if (packet_ethernet(p)->type != ETHERTYPE_IP_BE)
		return DROP_NOT_IPV4;
	if (ip->version_ihl == 0x45)
		return read_ip(p, ip, IP_BYTES_MIN);
	if (ip->version_ihl >> 4 != 4)
		return DROP_IP_VERSION;
	header_len = (ip->version_ihl & 0xfu) * 4;
	if (header_len < IP_BYTES_MIN || ETHERNET_BYTES + header_len > p->len)
		return DROP_IP_HEADER;
	return read_ip(p, ip, header_len);
}

/* Fragments that could carry an attack past a filter, or that cannot belong to a datagram. */
static enum drop_reason check_fragment(const struct packet *p)
{
	unsigned payload = p->len - p->l4;

	if (p->more_fragments && (payload == 0 || payload % 8))
		return DROP_FRAG_BAD;
	if (p->fragment_offset + payload + (p->l4 - ETHERNET_BYTES) > 65535u)
		return DROP_FRAG_BAD;
	/* offset 8 would overwrite the flags of the first fragment's TCP header (RFC 3128) */
	if (p->fragment_offset == 8 && p->proto == IPPROTO_TCP)
		return DROP_FRAG_TINY;
	return DROP_NONE;
}

static void parse_syn_options(struct tcp_segment *tcp, const uint8_t *option, unsigned bytes)
{
	while (bytes) {
		unsigned length;

		if (*option == 0)
			return;
		if (*option == 1) {
			option++;
			bytes--;
			continue;
		}
		length = bytes >= 2 ? option[1] : 0;
		if (length < 2 || length > bytes)
			return; /* the endpoints will judge; we only lose the scale */
		if (*option == 3 && length == 3) {
			tcp->scale = option[2] > TCP_SCALE_MAX ? TCP_SCALE_MAX : option[2];
			tcp->has_scale = true;
		}
		option += length;
		bytes -= length;
	}
}

/* A sender on the same host leaves the sum to hardware, and puts that of the pseudo-header in its
 * place. Not everybody tells: a capture does not, nor AF_XDP. What was put together from
 * segments has been looked at by who did it. */
bool packet_tcp_is_sound(const struct packet *p)
{
	const struct tcp_header *h = packet_l4(p, sizeof(*h));
	uint32_t bytes = p->len - p->l4;
	uint64_t pseudo;

	if (packet_is_fragment(p) || p->offload.flags & IO_NEEDS_CSUM || p->offload.gso_size)
		return true;
	pseudo = checksum_pseudo(p->tuple.src, p->tuple.dst, IPPROTO_TCP, bytes);
	return checksum_fold(checksum_add(pseudo, h, bytes)) == 0xffff ||
	       h->check == checksum_fold(pseudo);
}

static enum drop_reason parse_tcp(struct packet *p)
{
	const struct tcp_header *h = packet_l4(p, sizeof(*h));
	struct tcp_segment *tcp = &p->tcp;
	unsigned header_len;
	unsigned syn_fin_rst;

	if (!h)
		return packet_is_fragment(p) ? DROP_FRAG_TINY : DROP_L4_SHORT;
	header_len = (h->offset >> 4) * 4u;
	if (header_len < sizeof(*h))
		return DROP_L4_SHORT;
	if (p->l4 + header_len > p->len)
		return packet_is_fragment(p) ? DROP_FRAG_TINY : DROP_L4_SHORT;
	syn_fin_rst = h->flags & (TCP_SYN | TCP_FIN | TCP_RST);
	/* at most one of SYN, FIN, RST, but FIN+RST is seen from real stacks; none without ACK */
	if (syn_fin_rst == (TCP_SYN | TCP_FIN) ||
	    (syn_fin_rst & (TCP_SYN | TCP_RST)) == (TCP_SYN | TCP_RST) ||
	    (!syn_fin_rst && !(h->flags & TCP_ACK)))
		return DROP_TCP_FLAGS;
	/* What begins or ends a session must not be a damaged one, see flow/tcp.c. */
	if (syn_fin_rst && !packet_tcp_is_sound(p))
		return DROP_TCP_CHECKSUM;
	if (!h->sport || !h->dport)
		return DROP_PORT_ZERO;
	p->tuple.sport = h->sport;
	p->tuple.dport = h->dport;
	tcp->seq = ntohl(h->seq);
	tcp->ack = ntohl(h->ack);
	tcp->flags = h->flags;
	tcp->window = ntohs(h->window);
	tcp->len = p->len - p->l4 - header_len + !!(h->flags & TCP_SYN) + !!(h->flags & TCP_FIN);
	tcp->scale = 0;
	tcp->has_scale = false;
	if (h->flags & TCP_SYN)
		parse_syn_options(tcp, (const uint8_t *)(h + 1), header_len - (unsigned)sizeof(*h));
	return DROP_NONE;
}

static enum drop_reason parse_udp(struct packet *p)
{
	const struct udp_header *h = packet_l4(p, sizeof(*h));
	unsigned length;

	if (!h)
		return packet_is_fragment(p) ? DROP_FRAG_TINY : DROP_L4_SHORT;
	length = ntohs(h->len);
	if (length < sizeof(*h) || (!packet_is_fragment(p) && length > p->len - p->l4))
		return DROP_L4_SHORT;
	if (!h->sport || !h->dport)
		return DROP_PORT_ZERO;
	p->tuple.sport = h->sport;
	p->tuple.dport = h->dport;
	return DROP_NONE;
}

/* The packet that an ICMP error quotes is one that we sent: reversed, it is the key of the
 * side on which the error arrives. */
static enum drop_reason parse_quote(struct packet *p)
{
	unsigned at = p->l4 + (unsigned)sizeof(struct icmp_header);
	const struct ip_header *quoted = (const struct ip_header *)(p->data + at);
	unsigned header_len;
	const uint8_t *l4;

	if (packet_is_fragment(p))
		return DROP_ICMP_QUOTE; /* an error never needs to be fragmented (RFC 1812 4.3.2.3)
					 */
	if (checksum_fold(checksum_add(0, p->data + p->l4, p->len - p->l4)) != 0xffff)
		return DROP_L4_CHECKSUM;
	if (at + sizeof(*quoted) > p->len || quoted->version_ihl >> 4 != 4)
		return DROP_ICMP_QUOTE;
	header_len = (quoted->version_ihl & 0xfu) * 4;
	if (header_len < IP_BYTES_MIN || at + header_len + 8 > p->len)
		return DROP_ICMP_QUOTE;
	if (checksum_fold(checksum_add(0, quoted, header_len)) != 0xffff)
		return DROP_ICMP_QUOTE;
	if (ntohs(quoted->fragment) & IP_OFFSET_MASK)
		return DROP_ICMP_QUOTE; /* no ports in it */
	l4 = p->data + at + header_len;
	p->tuple.src = quoted->dst;
	p->tuple.dst = quoted->src;
	p->quote_proto = quoted->proto;
	p->quote_l4 = (uint16_t)(at + header_len);
	if (quoted->proto == IPPROTO_TCP || quoted->proto == IPPROTO_UDP) {
		memcpy(&p->tuple.dport, l4, 2);
		memcpy(&p->tuple.sport, l4 + 2, 2);
		memcpy(&p->quote_seq, l4 + 4, 4);
		p->quote_seq = ntohl(p->quote_seq);
	} else if (quoted->proto == IPPROTO_ICMP && l4[0] == ICMP_ECHO_REQUEST) {
		p->tuple.sport = 0;
		memcpy(&p->tuple.dport, l4 + 4, 2);
	} else if (quoted->proto == IPPROTO_ICMP && l4[0] == ICMP_ECHO_REPLY) {
		memcpy(&p->tuple.sport, l4 + 4, 2);
		p->tuple.dport = 0;
	} else {
		return DROP_ICMP_QUOTE;
	}
	p->kind = PACKET_ICMP_ERROR;
	return DROP_NONE;
}

static enum drop_reason parse_icmp(struct packet *p)
{
	const struct icmp_header *h = packet_l4(p, sizeof(*h));

	if (!h)
		return packet_is_fragment(p) ? DROP_FRAG_TINY : DROP_L4_SHORT;
	switch (h->type) {
	case ICMP_ECHO_REQUEST:
		p->tuple.sport = h->id;
		return DROP_NONE;
	case ICMP_ECHO_REPLY:
		p->tuple.dport = h->id;
		return DROP_NONE;
	case ICMP_UNREACHABLE:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
		return parse_quote(p);
	default:
		p->kind = PACKET_OTHER;
		p->reason = DROP_ICMP_TYPE;
		return DROP_NONE;
	}
}

enum drop_reason packet_parse(struct packet *p)
{
	enum drop_reason reason;

	p->kind = PACKET_TRANSPORT;
	p->ref = FLOW_NONE;
	p->new_ip_id = 0;
	reason = parse_ip(p);
	if (reason)
		return reason;
	if (packet_ethernet(p)->dst.b[0] & 1 || p->tuple.dst == 0xffffffff ||
	    ntohl(p->tuple.dst) >> 28 == 0xe) {
		p->kind = PACKET_KERNEL;
		return DROP_NONE;
	}
	if (packet_is_fragment(p)) {
		reason = check_fragment(p);
		if (reason)
			return reason;
	}
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMP) {
		p->kind = PACKET_OTHER;
		p->reason = DROP_L4_PROTOCOL;
		return DROP_NONE;
	}
	if (p->fragment_offset) {
		p->kind = PACKET_LATER_FRAGMENT;
		return DROP_NONE;
	}
	if (p->proto == IPPROTO_TCP)
		return parse_tcp(p);
	if (p->proto == IPPROTO_UDP)
		return parse_udp(p);
	return parse_icmp(p);
}

void packet_complete_checksum(struct packet *p)
{
	unsigned start = p->offload.csum_start, at = start + p->offload.csum_offset;
	uint16_t sum;

	if (!(p->offload.flags & IO_NEEDS_CSUM))
		return;
	p->offload.flags = (uint8_t)(p->offload.flags & ~IO_NEEDS_CSUM);
	if (at + 2 > p->len)
		return;
	/* the field holds the pseudo-header's sum, so it takes part in its own sum */
	sum = (uint16_t)~checksum_fold(checksum_add(0, p->data + start, p->len - start));
	if (sum == 0 && p->proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(p->data + at, &sum, sizeof(sum));
}
