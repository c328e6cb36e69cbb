/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipeline_mend - lengths and checksums of a packet made right, which a blind fuzzer would hardly
 * guess.
 */
#ifndef PGW_FUZZ_PIPELINE_MEND_H
#define PGW_FUZZ_PIPELINE_MEND_H

#include <stdint.h>

#include "datapath/proto/packet.h"

void mend_ip(struct ip_header *ip, uint32_t header_bytes);
/* mend_transport() - TCP, UDP or ICMP at @l4, with the IP header that an ICMP error quotes;
 * @bytes: of what stands there. */
void mend_transport(struct ip_header *ip, uint8_t *l4, uint32_t bytes);

#endif
