/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/checksum.h"

#include <arpa/inet.h>
#include <string.h>

uint64_t checksum_add(uint64_t sum, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	/* 32-bit words into 64 bits: carries cannot be lost below 2^32 words */
	while (bytes >= 16) {
		uint32_t word[4];

		memcpy(word, at, sizeof(word));
		sum += (uint64_t)word[0] + word[1] + word[2] + word[3];
		at += 16;
		bytes -= 16;
	}
	while (bytes >= 2) {
		uint16_t word;

		memcpy(&word, at, sizeof(word));
		sum += word;
		at += 2;
		bytes -= 2;
	}
	if (bytes) {
		uint8_t last[2] = {*at, 0};
		uint16_t word;

		memcpy(&word, last, sizeof(word));
		sum += word;
	}
	return sum;
}

uint64_t checksum_pseudo(be32 src, be32 dst, uint8_t proto, uint32_t l4_bytes)
{
	return (uint64_t)src + dst + htons(proto) + htons((uint16_t)l4_bytes);
}
