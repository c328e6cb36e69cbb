/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - the SYN-ACK of a connection: its window scale and segment size, where it is plain.
 *
 * Plain is: no payload, a right checksum, or one that is left to hardware, and options that lie as
 * the stacks in use lay them, each in words of its own. Any other is user space's.
 *
 * The checksum is looked at because who opened the connection would throw a damaged one away, and
 * nothing but the next one would then tell what its number is.
 */
#ifndef PGW_OFFLOAD_ANSWER_H
#define PGW_OFFLOAD_ANSWER_H

#include "datapath/offload/maps.h"
#include "datapath/offload/plain.h"

#define ANSWER_OPTIONS (AT_L4 + TCP_BYTES_MIN)
#define ANSWER_WORDS   10 /* of options, at most */

#define IS_ANSWER(seen) ((seen)->tcp.flags & TCP_SYN)

/* Four bytes of a header as one number, the first in memory highest. */
#define WORD_MSS	    0x02040000u
#define WORD_SCALE	    0x01030300u /* behind a NOP */
#define WORD_SACK	    0x01010402u /* behind two */
#define WORD_TIMES	    0x0101080au /* and two words */
#define WORD_SACK_AND_TIMES 0x0402080au

/* Of addresses, protocol and length. */
static __always_inline uint64_t sum_pseudo(const struct seen *seen)
{
	return (uint64_t)seen->src + seen->dst + bpf_htons(seen->proto) +
	       bpf_htons(seen->ip_len - IP_BYTES);
}

/* is_sound() - whether a segment without payload has a right checksum. @unfinished: or one that is
 * left to hardware */
static __always_inline bool is_sound(const void *data, const void *end, const struct seen *seen,
				     bool unfinished)
{
	uint64_t sum;

	if (seen->ip_len != IP_BYTES + seen->l4_header || data + TCP_FRAME > end)
		return false;
	sum = sum_pseudo(seen) + U32(data, AT_L4) + U32(data, AT_SEQ) + U32(data, AT_ACK) +
	      U32(data, AT_OFFSET) + U32(data, AT_TCP_CHECK);
#pragma unroll
	for (unsigned i = 0; i < ANSWER_WORDS; i++) {
		if (TCP_BYTES_MIN + i * 4 >= seen->l4_header)
			break;
		if (data + ANSWER_OPTIONS + i * 4 + 4 > end)
			return false;
		sum += U32(data, ANSWER_OPTIONS + i * 4);
	}
	return sums_to_zero(sum) ||
	       (unfinished && U16(data, AT_TCP_CHECK) == fold64(sum_pseudo(seen)));
}

/* Return: whether the next words are a usual option; then @words of them, this one included, are
 * known. */
static __always_inline bool read_option(uint32_t word, struct seen *seen, uint32_t *words)
{
	*words = 1;
	if ((word & 0xffff0000) == WORD_MSS) {
		seen->mss = (uint16_t)word;
	} else if ((word & 0xffffff00) == WORD_SCALE) {
		seen->tcp.has_scale = true;
		seen->tcp.scale = (word & 0xff) > TCP_SCALE_MAX ? TCP_SCALE_MAX : word & 0xff;
	} else if (word == WORD_TIMES || word == WORD_SACK_AND_TIMES) {
		*words = 3;
	} else {
		return word == WORD_SACK;
	}
	return true;
}

/* read_answer() - of a segment for which read_tcp() was true, with SYN. @unfinished: its checksum
 * may be left to hardware. Return: whether it is a plain one. */
static __always_inline bool read_answer(const void *data, const void *end, struct seen *seen,
					bool unfinished)
{
	uint32_t known = 0;

	if (seen->tcp.flags & TCP_FIN)
		return false;
#pragma unroll
	for (unsigned i = 0; i < ANSWER_WORDS; i++) {
		if (TCP_BYTES_MIN + i * 4 >= seen->l4_header)
			break;
		if (data + ANSWER_OPTIONS + i * 4 + 4 > end)
			return false;
		if (!known &&
		    !read_option(bpf_ntohl(U32(data, ANSWER_OPTIONS + i * 4)), seen, &known))
			return false;
		known--;
	}
	if (known) /* the last one is not whole */
		return false;
	return is_sound(data, end, seen, unfinished);
}

/* read_ends() - the same for any segment, true for what is no answer. Of a FIN it is noted whether
 * it is certain to be one, so that it may close a connection. */
static __always_inline bool read_ends(const void *data, const void *end, struct seen *seen,
				      bool unfinished)
{
	if (IS_ANSWER(seen))
		return read_answer(data, end, seen, unfinished);
	if (seen->tcp.flags & TCP_FIN)
		seen->sound = is_sound(data, end, seen, unfinished);
	return true;
}

/* keeps_mss() - whether the segment size that it offers is one that user space would leave as it
 * is.
 * @max: of struct offload_port; @mtu: of the narrower of both links */
static __always_inline bool keeps_mss(const struct seen *seen, uint32_t max, uint32_t mtu)
{
	if (max == OFFLOAD_MSS_LEAVE)
		return false;
	return seen->mss <= (max == OFFLOAD_MSS_PATH ? mtu - IP_BYTES - TCP_BYTES_MIN : max);
}

#endif
