/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/pipeline_mend.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "datapath/base/checksum.h"

void mend_ip(struct ip_header *ip, uint32_t header_bytes)
{
	ip->check = 0;
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, header_bytes));
}

static void fix_icmp(struct icmp_header *icmp, uint32_t bytes)
{
	struct ip_header *quoted = (struct ip_header *)(icmp + 1);

	if (bytes < sizeof(*icmp))
		return;
	if (bytes >= sizeof(*icmp) + sizeof(*quoted) && icmp->type != ICMP_ECHO_REQUEST &&
	    icmp->type != ICMP_ECHO_REPLY) {
		quoted->version_ihl = 0x45;
		mend_ip(quoted, sizeof(*quoted));
	}
	icmp->check = 0;
	icmp->check = (uint16_t)~checksum_fold(checksum_add(0, icmp, bytes));
}

void mend_transport(struct ip_header *ip, uint8_t *l4, uint32_t bytes)
{
	uint64_t pseudo = checksum_pseudo(ip->src, ip->dst, ip->proto, bytes);

	if (ip->proto == IPPROTO_ICMP) {
		fix_icmp((struct icmp_header *)l4, bytes);
	} else if (ip->proto == IPPROTO_TCP && bytes >= sizeof(struct tcp_header)) {
		struct tcp_header *tcp = (struct tcp_header *)l4;

		if ((tcp->offset >> 4) * 4u > bytes || tcp->offset >> 4 < 5)
			tcp->offset = 5 << 4;
		tcp->check = 0;
		tcp->check = (uint16_t)~checksum_fold(checksum_add(pseudo, tcp, bytes));
	} else if (ip->proto == IPPROTO_UDP && bytes >= sizeof(struct udp_header)) {
		struct udp_header *udp = (struct udp_header *)l4;

		udp->len = htons((uint16_t)bytes);
		if (!udp->check)
			return;
		udp->check = 0;
		udp->check = (uint16_t)~checksum_fold(checksum_add(pseudo, udp, bytes));
		if (!udp->check)
			udp->check = 0xffff;
	}
}
