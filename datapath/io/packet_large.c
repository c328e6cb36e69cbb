/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet_large - frames that are larger than a slot of the receive ring.
 *
 * Slots are cut for what comes from a cable. Of a frame that is larger, a super-packet of up to
 * 64 KB or one of a link with jumbo frames, the kernel writes the beginning into the slot, marks
 * the slot TP_STATUS_COPY and puts the frame itself, not a copy of it, into the socket's receive
 * queue (PACKET_COPY_THRESH). Slots and queue are in the same order. What is read here is so
 * copied once, as a slot would have been filled, but into few buffers, used again and again, that
 * stay in the processor's caches, and by the one who works on it next.
 *
 * A process that died between reading and giving back the slots leaves slots whose frames are no
 * longer queued; IO_BURST at most. So a frame from the queue must begin as its slot does, else the
 * slot's own is gone, and the frame waits for its slot. One that waited for longer than that
 * belongs to no slot and is forgotten.
 *
 * Limits: IO_BURST frames read and not matched.
 */
#include "datapath/io/packet_large.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* The vnet header and the frame, so that the IP header is at a multiple of 16 bytes. An odd number
 * of cache lines, so that the beginnings do not compete for the same sets. */
#define BEFORE	     8u
#define BUFFER_BYTES (64u * 1027u)
#define COMPARED     128u

_Static_assert(BUFFER_BYTES >= BEFORE + IO_HEADROOM + IO_FRAME_BYTES, "the largest frame fits");
_Static_assert((BEFORE + IO_HEADROOM + 14) % 16 == 0, "the IP header is aligned");

struct packet_large {
	uint8_t *buffers;
	unsigned next, end; /* of the frames read, those that have not been matched */
	unsigned passed;    /* slots that had another frame than @next */
	uint32_t len[IO_BURST];
	struct mmsghdr messages[IO_BURST];
	struct iovec pieces[IO_BURST];
};

static uint8_t *frame_at(const struct packet_large *large, unsigned i)
{
	return (uint8_t *)large->pieces[i].iov_base + IO_HEADROOM;
}

struct packet_large *packet_large_new(void)
{
	struct packet_large *large = calloc(1, sizeof(*large));

	if (!large)
		return NULL;
	large->buffers = mmap(NULL, (size_t)IO_BURST * BUFFER_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (large->buffers == MAP_FAILED) {
		free(large);
		return NULL;
	}
	for (unsigned i = 0; i < IO_BURST; i++) {
		large->pieces[i] = (struct iovec){
			.iov_base = large->buffers + (size_t)i * BUFFER_BYTES + BEFORE,
			.iov_len = IO_HEADROOM + IO_FRAME_BYTES,
		};
		large->messages[i].msg_hdr.msg_iov = &large->pieces[i];
		large->messages[i].msg_hdr.msg_iovlen = 1;
	}
	return large;
}

void packet_large_free(struct packet_large *large)
{
	munmap(large->buffers, (size_t)IO_BURST * BUFFER_BYTES);
	free(large);
}

/* bring_forward() - what waits goes before the buffers that are free. */
static void bring_forward(struct packet_large *large)
{
	unsigned waiting = large->end - large->next;

	for (unsigned i = 0; large->next && i < waiting; i++) {
		struct iovec free_piece = large->pieces[i];

		large->pieces[i] = large->pieces[large->next + i];
		large->pieces[large->next + i] = free_piece;
		large->len[i] = large->len[large->next + i];
	}
	large->next = 0;
	large->end = waiting;
}

/* read_up_to() - have @n frames that are not matched, if the kernel has as many. */
static void read_up_to(struct packet_large *large, int fd, unsigned n)
{
	int got;

	bring_forward(large);
	if (n <= large->end)
		return;
	got = recvmmsg(fd, large->messages + large->end, n - large->end, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++, large->end++)
		large->len[large->end] = large->messages[large->end].msg_len;
}

/* begins_as() - whether the first one that waits is the frame of which @slot is the beginning. */
static bool begins_as(const struct packet_large *large, const struct io_frame *slot)
{
	uint32_t compared = slot->len < COMPARED ? slot->len : COMPARED;

	return large->len[large->next] == IO_HEADROOM + slot->wire_len &&
	       !memcmp(frame_at(large, large->next), slot->data, compared);
}

unsigned packet_large_fetch(struct packet_large *large, int fd, struct io_frame **frames,
			    unsigned n)
{
	unsigned missing = 0;

	read_up_to(large, fd, n);
	for (unsigned i = 0; i < n; i++) {
		struct io_frame *frame = frames[i];

		if (large->next < large->end && begins_as(large, frame)) {
			frame->data = frame_at(large, large->next++);
			frame->len = frame->wire_len;
			large->passed = 0;
			continue;
		}
		frame->data = NULL;
		missing++;
		if (large->next < large->end && ++large->passed > IO_BURST) {
			large->next++;
			large->passed = 0;
		}
	}
	return missing;
}

void packet_large_forget(struct packet_large *large, int fd)
{
	struct msghdr nothing = {0};

	if (large->next < large->end)
		large->next++;
	else
		(void)!recvmsg(fd, &nothing, MSG_DONTWAIT); /* none waits, or it is gone */
	large->passed = 0;
}
