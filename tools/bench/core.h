/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core - the datapath as a library, with a port at each side that lends prepared frames and
 * swallows what is sent. core.c has the limits.
 */
#ifndef PGW_BENCH_CORE_H
#define PGW_BENCH_CORE_H

#include "tools/bench/bench.h"
#include "tools/bench/frame.h"

#define CORE_HOST_FIRST 0x0a800001u /* 10.128.0.1 */
#define CORE_PORT_FIRST 10000u
#define CORE_MTU	1500u

enum core_port { CORE_CLIENTS, CORE_SERVERS };

struct core;

/* core_open() - a worker with an empty flow table for @hosts times @ports flows, twice as large
 * as that. @table_fd: what the table is to lie in, core_table_bytes() long; -1: memory of its own.
 * Return: NULL after run_fail(). */
struct core *core_open(struct run *run, uint32_t hosts, uint32_t ports, int table_fd);
size_t core_table_bytes(uint32_t hosts, uint32_t ports);
void core_close(struct core *core);

/* core_pass() - forward a packet of each of @packets flows. @middle: of each piece of some thousand
 * packets the figure is taken, and of these the median returned: whoever else had the processor
 * for a while then counts in a few pieces only. Otherwise the mean. Return: ns per packet, NAN if
 * one was lost. */
double core_pass(struct core *core, uint64_t packets, bool middle);
/* core_explain() - which drop reason the lost packets were counted under. Return: -1 */
int core_explain(struct run *run, const struct core *core);

/* core_frame() - of the first flow, as its client sends it. */
void core_frame(struct frame_spec *spec);

/* core_median() - of @n figures, which are put in order. */
double core_median(double *figures, size_t n);

#endif
