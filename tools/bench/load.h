/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load - what the generator and the sink (load.bpf.c) share with user space. */
#ifndef PGW_BENCH_LOAD_H
#define PGW_BENCH_LOAD_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define LOAD_HEADER_BYTES 42u /* Ethernet, IPv4, UDP */
#define LOAD_SMALL_BYTES  60u
#define LOAD_LARGE_BYTES  1514u
#define LOAD_MIDDLE_BYTES 590u /* of the IMIX, as its 594 of simple IMIX less the FCS */
#define LOAD_IMIX	  0u   /* as frame_bytes: 7 small, 4 middle, 1 large */
#define LOAD_STREAMS	  4u /* kinds of traffic that the sink counts apart, by destination port */
#define LOAD_DPORT	  9000u
#define LOAD_SPORT	  10000u
#define LOAD_HOST_FIRST	  0x0a800001u	/* 10.128.0.1 */
#define LOAD_LATE	  4096u		/* frames that may be caught up with after a pause */
#define LOAD_PATIENCE_NS  20000000u	/* without an arrival: what is under way is lost */
#define LOAD_SCATTER	  2654435761ull /* a prime beyond any number of flows */

/* Written by user space before a start, counted by the generator alone. Host order, but for
 * what is copied into the frame. */
struct load {
	uint64_t rate_pps;     /* 0: as fast as it goes */
	uint64_t burst;	       /* frames that leave at once; 1: evenly */
	uint64_t window;       /* frames under way at most, however many are due; 0: any number */
	uint64_t limit;	       /* frames, 0: none */
	uint32_t first, flows; /* flows first ... first + flows - 1, scattered */
	uint32_t offset, step; /* of the next flow from the first, and to the one after; < flows */
	uint32_t ports;	       /* of each host */
	uint32_t frame_bytes;
	uint32_t ifindex;
	uint32_t stream;
	uint32_t daddr_be;
	uint8_t ethernet[16]; /* 14 used */
	uint64_t begin_ns;    /* 0: at the first frame */
	uint64_t sent;	      /* frames offered to the interface */
	uint64_t missed;      /* frames that were due while the generator did not run */
	uint64_t end_ns;      /* of the last frame */
	uint64_t good_first;  /* sink.good[stream] at the start */
	uint64_t lost;	      /* frames that the window does not wait for any more */
	uint64_t progress;    /* frames that had arrived or were lost, ... */
	uint64_t progress_ns; /* ... when that last changed */
};

struct sink {
	uint32_t source_first[2], source_last[2]; /* what a translated packet may show */
	uint64_t good[LOAD_STREAMS];
	uint64_t foreign;		/* showed another source */
	uint64_t watched;		/* not 0: the times between packets are looked at */
	uint64_t last_ns[LOAD_STREAMS]; /* 0: none since it is watched */
	uint64_t gap_ns[LOAD_STREAMS];	/* the longest */
};

#endif
