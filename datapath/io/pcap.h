/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcap - a port that receives from a capture file and sends into another: for replay.
 *
 * Reads Ethernet captures in pcap and pcapng format with their nanoseconds; writes pcap with
 * nanoseconds. Frames of captures carry no offloads. Time is the caller's: rx() has nothing
 * until pcap_port_clock() has reached the next frame's time, and what is sent gets that time.
 */
#ifndef PGW_IO_PCAP_H
#define PGW_IO_PCAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "datapath/io/io.h"

struct pcap_port_error {
	char text[384];
};

/**
 * pcap_port_open() - make a port of two files
 * @in_path: capture to receive from; NULL = receives nothing
 * @out_path: capture to be written; NULL = what is sent is only counted
 * Return: 0, or -errno with @error set: -ENOENT..., -EINVAL (not a capture, not of Ethernet).
 */
int pcap_port_open(const char *in_path, const char *out_path, struct io_counters counters,
		   struct io_port **port, struct pcap_port_error *error);

/* pcap_port_create() - the same of open streams, which it owns and closes in every case. */
int pcap_port_create(FILE *in, FILE *out, struct io_counters counters, struct io_port **port,
		     struct pcap_port_error *error);

/* pcap_port_next() - look at the next frame's time. Return: false if there is no further frame. */
bool pcap_port_next(struct io_port *port, uint64_t *time_ns);

/* pcap_port_clock() - the time is now @now_ns (nanoseconds since 1970). */
void pcap_port_clock(struct io_port *port, uint64_t now_ns);

/* pcap_port_problem() - NULL, or why reading ended before the end or writing failed. Flushes. */
const char *pcap_port_problem(struct io_port *port);

#endif
