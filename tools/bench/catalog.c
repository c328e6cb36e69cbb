/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/load.h"
#include "tools/bench/report.h"

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))

static const struct variant *const variants[] = {
	&variant_nft,	    &variant_pgw,     &variant_pgw_tc,	 &variant_pgw_xdp,
	&variant_pgw_afxdp, &variant_forward, &variant_redirect, &variant_redirect_xdp,
	&variant_haproxy,   &variant_socat,   &variant_pasta,	 &variant_haproxy_names,
	&variant_relay,	    &variant_pgw_2w,
};
static_assert(ENTRIES(variants) <= VARIANTS_MAX, "results have room for each");

#define UP   true
#define DOWN false
#define BUSY                                                                                       \
	{                                                                                          \
		METRIC_BUSY, "% busy", UP, true                                                    \
	}
#define ALONE                                                                                      \
	{                                                                                          \
		METRIC_GENERATOR, "kpps", UP, true                                                 \
	}

#define BULK .metrics = {{"throughput", "Gb/s", UP, false}, BUSY}, .run = measure_tcp_bulk

#define CONNECT                                                                                    \
	.metrics = {{"rate", "1/s", UP, false}, BUSY, {"failed", "count", DOWN, true}},            \
	.run = measure_connect

#define RTT                                                                                        \
	.metrics = {{"p50", "us", DOWN, false},	  {"p90", "us", DOWN, false},                      \
		    {"p99", "us", DOWN, false},	  {"p99.9", "us", DOWN, false},                    \
		    {"p99.99", "us", DOWN, true}, {"lost", "count", DOWN, true}},                  \
	.run = measure_rtt

#define RATE(size)                                                                                 \
	.metrics = {{"maximum", "kpps", UP, false},   {"zero-loss", "kpps", UP, false},            \
		    {"loss-0.5%", "kpps", UP, false}, BUSY,                                        \
		    {"offered", "kpps", UP, true},    ALONE,                                       \
		    {"cpu", "ns/packet", DOWN, true}},                                             \
	.way = WAY_NAPI, .frame_bytes = (size), .run = measure_packets_rate

#define CPU                                                                                        \
	.metrics = {{"cpu", "ns/packet", DOWN, false},                                             \
		    {"loss", "%", DOWN, true},                                                     \
		    {"offered", "kpps", UP, true}},                                                \
	.way = WAY_NAPI, .parameter = 200000, .frame_bytes = LOAD_SMALL_BYTES,                     \
	.run = measure_packets_cpu

#define SCALE(n)                                                                                   \
	.metrics = {{"throughput", "kpps", UP, false},                                             \
		    {"set-up", "sessions/s", UP, false},                                           \
		    {"held", "sessions", UP, true},                                                \
		    {"memory", "B/session", DOWN, false},                                          \
		    ALONE,                                                                         \
		    BUSY},                                                                         \
	.translating = true, .way = WAY_NAPI, .frame_bytes = LOAD_SMALL_BYTES, .sessions = (n),    \
	.run = measure_scale

#define EXPIRY(n)                                                                                  \
	.metrics = {{"longest-pause", "ms", DOWN, false},                                          \
		    {"gone-after", "s", DOWN, true},                                               \
		    {"pauses-over-1ms", "count", DOWN, true},                                      \
		    {"pauses-over-8ms", "count", DOWN, true},                                      \
		    {"longest-before", "ms", DOWN, true},                                          \
		    {"lost", "packets", DOWN, true}},                                              \
	.ours_only = true, .translating = true, .way = WAY_NAPI, .sessions = (n), .kept_s = 60,    \
	.run = measure_expiry

#define ADOPT(n)                                                                                   \
	.metrics = {{"new-sessions", "ms", DOWN, false},                                           \
		    {"established", "ms", DOWN, false},                                            \
		    {"adopted", "sessions", UP, true}},                                            \
	.ours_only = true, .translating = true, .way = WAY_NAPI, .sessions = (n),                  \
	.run = measure_adopt

#define CORE(hosts)                                                                                \
	.metrics = {{"forward", "ns/packet", DOWN, false},                                         \
		    {"create", "ns/session", DOWN, false},                                         \
		    {"huge-pages", "% of memory", UP, true}},                                      \
	.ours_only = true, .bare = true, .parameter = (hosts), .run = measure_core

/* 1 host has 64 ports, more have 63 each */
#define PROGRAM(hosts)                                                                             \
	.metrics = {{"forward", "ns/packet", DOWN, false}}, .ours_only = true, .bare = true,       \
	.program = true, .parameter = (hosts), .run = measure_program

#define SESSIONS_64K  64512u
#define SESSIONS_256K 258048u
#define SESSIONS_1M   1032192u
#define SESSIONS_4M   4128768u

static const struct measure measures[] = {
	{BULK, .name = "tcp-bulk-1", .title = "TCP throughput, one connection, default offloads",
	 .parameter = 1, .proxies = true, .quick = true},
	{BULK, .name = "tcp-bulk-8", .title = "TCP throughput, eight connections, default offloads",
	 .parameter = 8, .proxies = true},
	{CONNECT, .name = "connections-per-second",
	 .title = "TCP connect, one byte each way, close; 64 workers",
	 .csit = "ethip4tcp-nat44ed-cps", .proxies = true, .quick = true},
	{BULK, .name = "names-bulk-1",
	 .title = "TCP throughput, one connection, server chosen by TLS name, default offloads",
	 .parameter = 1, .names = true},
	{BULK, .name = "names-bulk-8",
	 .title = "TCP throughput, eight connections, server chosen by TLS name, default offloads",
	 .parameter = 8, .names = true},
	{CONNECT, .name = "names-connections",
	 .title = "connect, TLS hello, one byte back, close; server chosen by its name",
	 .names = true, .quick = true},
	{RTT, .name = "rtt", .title = "UDP round trip of one byte, closed loop", .quick = true},
	{RTT, .name = "rtt-paced", .title = "UDP round trip of one byte, 1000 a second",
	 .parameter = 1000},
	{CPU, .name = "udp-64B-200k",
	 .title = "64-byte UDP at 200,000 packets/s, 64 flows: the gateway's CPU time",
	 .csit = "64b-1c-ethip4udp-nat44ed-h1-p64-s64", .quick = true},
	{RATE(LOAD_SMALL_BYTES), .name = "udp-64B", .title = "64-byte UDP, 64 flows",
	 .csit = "64b-1c-ethip4udp-nat44ed-h1-p64-s64-ndrpdr", .quick = true},
	{RATE(LOAD_IMIX), .name = "udp-imix",
	 .title = "UDP of 64, 594 and 1518 bytes, 7:4:1, 64 flows",
	 .csit = "imix-1c-ethip4udp-nat44ed-h1-p64-s64-ndrpdr"},
	{RATE(LOAD_LARGE_BYTES), .name = "udp-1518B",
	 .title = "UDP packets of 1500 bytes, 64 flows",
	 .csit = "1518b-1c-ethip4udp-nat44ed-h1-p64-s64-ndrpdr"},
	{SCALE(SESSIONS_64K), .name = "scale-64k", .title = "64,512 sessions, warm",
	 .csit = "64b-1c-ethip4udp-nat44ed-h1024-p63-s64512-mrr"},
	{SCALE(SESSIONS_256K), .name = "scale-256k", .title = "258,048 sessions, warm",
	 .csit = "64b-1c-ethip4udp-nat44ed-h4096-p63-s258048-mrr"},
	{SCALE(SESSIONS_1M), .name = "scale-1M", .title = "1,032,192 sessions, warm",
	 .csit = "64b-1c-ethip4udp-nat44ed-h16384-p63-s1032192-mrr", .max_repeats = 3},
	{SCALE(SESSIONS_4M), .name = "scale-4M", .title = "4,128,768 sessions, warm",
	 .csit = "64b-1c-ethip4udp-nat44ed-h65536-p63-s4128768-mrr", .max_repeats = 2},
	{CPU, .name = "udp-64B-200k-1M",
	 .title = "64-byte UDP at 200,000 packets/s, 1,032,192 sessions: the gateway's CPU time",
	 .csit = "64b-1c-ethip4udp-nat44ed-h16384-p63-s1032192", .translating = true,
	 .sessions = SESSIONS_1M, .max_repeats = 3},
	{.name = "establish",
	 .title = "RFC 9693 establishment rate: UDP sessions, none of them lost",
	 .csit = "64b-1c-ethip4udp-nat44ed-h65536-p63-s4128768-cps",
	 .metrics = {{"rate", "sessions/s", UP, false},
		     {"held", "sessions", UP, true},
		     {METRIC_GENERATOR, "1/s", UP, true}},
	 .translating = true,
	 .fresh = true,
	 .way = WAY_NAPI,
	 .sessions = SESSIONS_4M,
	 .max_repeats = 3,
	 .run = measure_establish},
	{.name = "teardown",
	 .title = "RFC 9693 tear-down rate: 258,048 sessions removed at once",
	 .metrics = {{"rate", "sessions/s", UP, false}},
	 .translating = true,
	 .fresh = true,
	 .way = WAY_NAPI,
	 .sessions = SESSIONS_256K,
	 .max_repeats = 3,
	 .run = measure_teardown},
	{EXPIRY(SESSIONS_64K), .name = "expiry-64k",
	 .title = "64,512 sessions expire while 20,000 packets/s of others flow", .aside = true},
	{EXPIRY(SESSIONS_1M), .name = "expiry-1M",
	 .title = "1,032,192 sessions expire while 20,000 packets/s of others flow",
	 .max_repeats = 3},
	{ADOPT(SESSIONS_64K), .name = "adopt-64k",
	 .title = "the datapath is killed with 64,512 sessions: how long nothing passes",
	 .aside = true},
	{ADOPT(SESSIONS_1M), .name = "adopt-1M",
	 .title = "the datapath is killed with 1,032,192 sessions: how long nothing passes",
	 .max_repeats = 3},
	{.name = "idle-cpu",
	 .title = "CPU time of the gateway's processes without traffic",
	 .metrics = {{"cpu", "ms/s", DOWN, false}},
	 .ours_only = true,
	 .translating = true,
	 .still = true,
	 .run = measure_idle},
	{.name = "start",
	 .title = "from exec of pgwd to ready; memory of its processes then",
	 .metrics = {{"ready", "ms", DOWN, false},
		     {"resident", "MiB", DOWN, false},
		     {"unshared", "MiB", DOWN, true},
		     {"processes", "count", DOWN, true}},
	 .ours_only = true,
	 .translating = true,
	 .still = true,
	 .before_traffic = true,
	 .quick = true,
	 .run = measure_start},
	{.name = "session-list",
	 .title = "pgw -j session show of 100,800 sessions while packets flow",
	 .metrics = {{"rate", "sessions/s", UP, false},
		     {"sessions", "count", UP, true},
		     {"lost", "packets", DOWN, true},
		     {"lost-unlisted", "packets", DOWN, true}},
	 .ours_only = true,
	 .translating = true,
	 .way = WAY_NAPI,
	 .sessions = 100800,
	 .run = measure_sessions},
	{CORE(16), .name = "core-1k", .title = "the datapath in memory, no I/O, 1,008 sessions",
	 .csit = "ethip4udp-nat44ed-h16-p63-s1008"},
	{CORE(1024), .name = "core-64k", .title = "the datapath in memory, no I/O, 64,512 sessions",
	 .csit = "ethip4udp-nat44ed-h1024-p63-s64512", .quick = true},
	{CORE(16384), .name = "core-1M",
	 .title = "the datapath in memory, no I/O, 1,032,192 sessions",
	 .csit = "ethip4udp-nat44ed-h16384-p63-s1032192"},
	{PROGRAM(1), .name = "program-64",
	 .title = "the kernel's program on UDP frames in memory, no I/O, 64 sessions",
	 .csit = "ethip4udp-nat44ed-h1-p64-s64", .quick = true},
	{PROGRAM(16384), .name = "program-1M",
	 .title = "the kernel's program on UDP frames in memory, no I/O, 1,032,192 sessions",
	 .csit = "ethip4udp-nat44ed-h16384-p63-s1032192"},
};
static_assert(ENTRIES(measures) <= MEASURES_MAX, "results have room for each");

#define AT_LEAST(m, k, v, value)                                                                   \
	{                                                                                          \
		m, k, v, true, true, value, NULL                                                   \
	}
#define AT_MOST(m, k, v, value)                                                                    \
	{                                                                                          \
		m, k, v, true, false, value, NULL                                                  \
	}
#define FIGURE_AT_MOST(m, k, v, value)                                                             \
	{                                                                                          \
		m, k, v, false, false, value, NULL                                                 \
	}
#define OF_OTHER_AT_LEAST(m, k, v, value, to)                                                      \
	{                                                                                          \
		m, k, v, false, true, value, to                                                    \
	}

static const struct goal goals[] = {
	AT_LEAST("udp-64B", "maximum", "pgw-tc", 2.0),
	AT_LEAST("udp-64B", "maximum", "pgw-xdp", 4.5),
	AT_LEAST("udp-64B", "maximum", "pgw", 0.9),
	AT_LEAST("udp-64B", "maximum", "pgw-afxdp", 0.9),
	AT_MOST("udp-64B-200k", "cpu", "pgw-tc", 0.5),
	AT_MOST("udp-64B-200k", "cpu", "pgw-xdp", 0.2),
	AT_MOST("udp-64B-200k", "cpu", "pgw", 0.8),
	AT_MOST("udp-64B-200k", "cpu", "pgw-afxdp", 0.8),
	AT_MOST("udp-64B-200k-1M", "cpu", "pgw-tc", 0.4),
	AT_MOST("udp-64B-200k-1M", "cpu", "pgw-xdp", 0.15),
	AT_MOST("udp-64B-200k-1M", "cpu", "pgw", 0.8),
	AT_MOST("udp-64B-200k-1M", "cpu", "pgw-afxdp", 0.8),
	AT_LEAST("tcp-bulk-1", "throughput", "pgw-tc", 1.15),
	AT_LEAST("tcp-bulk-1", "throughput", "pgw", 0.95),
	AT_LEAST("tcp-bulk-8", "throughput", "pgw-tc", 1.2),
	AT_LEAST("tcp-bulk-8", "throughput", "pgw", 0.95),
	AT_LEAST("connections-per-second", "rate", "pgw-tc", 1.5),
	AT_LEAST("connections-per-second", "rate", "pgw", 1.7),
	AT_MOST("rtt", "p50", "pgw-tc", 0.95),
	AT_MOST("rtt", "p99", "pgw-tc", 1.0),
	AT_MOST("rtt", "p50", "pgw", 2),
	AT_MOST("rtt", "p99", "pgw", 1.5),
	OF_OTHER_AT_LEAST("scale-1M", "throughput", "pgw-tc", 0.7, "udp-64B"),
	OF_OTHER_AT_LEAST("scale-1M", "throughput", "pgw-xdp", 0.7, "udp-64B"),
	OF_OTHER_AT_LEAST("scale-1M", "throughput", "pgw", 0.7, "udp-64B"),
	OF_OTHER_AT_LEAST("scale-1M", "throughput", "pgw-afxdp", 0.7, "udp-64B"),
	{"scale-4M", "held", "pgw-tc", false, true, SESSIONS_4M, NULL},
	{"scale-4M", "held", "pgw", false, true, SESSIONS_4M, NULL},
	FIGURE_AT_MOST("scale-1M", "memory", "pgw-tc", 192),
	FIGURE_AT_MOST("scale-1M", "memory", "pgw", 192),
	FIGURE_AT_MOST("scale-4M", "memory", "pgw-tc", 192),
	FIGURE_AT_MOST("scale-4M", "memory", "pgw", 192),
	FIGURE_AT_MOST("core-64k", "forward", "pgw", 25),
	FIGURE_AT_MOST("core-1M", "forward", "pgw", 60),
	FIGURE_AT_MOST("idle-cpu", "cpu", "pgw-tc", 0),
	FIGURE_AT_MOST("idle-cpu", "cpu", "pgw", 0),
	AT_LEAST("names-connections", "rate", "relay", 1.0),
	AT_LEAST("names-bulk-1", "throughput", "relay", 1.0),
	AT_LEAST("names-bulk-8", "throughput", "relay", 1.0),
};

const struct variant *catalog_variant(unsigned index)
{
	return index < ENTRIES(variants) ? variants[index] : NULL;
}

const struct measure *catalog_measure(unsigned index)
{
	return index < ENTRIES(measures) ? &measures[index] : NULL;
}

const struct goal *catalog_goal(unsigned index)
{
	return index < ENTRIES(goals) ? &goals[index] : NULL;
}

const struct variant *catalog_find_variant(const char *name)
{
	for (unsigned i = 0; name && i < ENTRIES(variants); i++)
		if (strcmp(variants[i]->name, name) == 0)
			return variants[i];
	return NULL;
}

const struct measure *catalog_find_measure(const char *name)
{
	for (unsigned i = 0; name && i < ENTRIES(measures); i++)
		if (strcmp(measures[i].name, name) == 0)
			return &measures[i];
	return NULL;
}

bool catalog_applies(const struct measure *measure, const struct variant *variant)
{
	if (measure->names || variant->kind == KIND_NAMES)
		return measure->names && variant->kind == KIND_NAMES;
	if (variant->kind == KIND_PROXY)
		return measure->proxies;
	if (measure->program)
		return variant == &variant_pgw_tc || variant == &variant_pgw_xdp;
	/* Without I/O the ways of I/O are one. */
	if (measure->bare && variant != &variant_pgw)
		return false;
	if (variant->napi && measure->way != WAY_NAPI)
		return false;
	return (variant->ours || !measure->ours_only) &&
	       (variant->translates || !measure->translating);
}

bool catalog_installed(const struct variant *variant)
{
	const char *at = getenv("PATH");
	char path[PATH_MAX];

	if (!variant->program)
		return true;
	while (at && *at) {
		size_t size = strcspn(at, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)size, at, variant->program);
		if (access(path, X_OK) == 0)
			return true;
		at += size + (at[size] == ':');
	}
	return false;
}

uint32_t catalog_capacity(const struct measure *measure)
{
	uint64_t wanted = measure->sessions + (measure->ours_only ? 16384 : 512);
	uint32_t capacity = 1;

	while (capacity < wanted)
		capacity *= 2;
	return capacity;
}

const struct variant *catalog_base(const struct measure *measure)
{
	return measure->names ? &variant_haproxy_names : &variant_nft;
}

void catalog_list(FILE *file)
{
	fprintf(file, "Variants (- only if it is named):\n");
	for (unsigned i = 0; i < ENTRIES(variants); i++)
		fprintf(file, "%c %-24s %s%s\n", variants[i]->aside ? '-' : ' ', variants[i]->name,
			variants[i]->title,
			catalog_installed(variants[i]) ? "" : " (not installed)");
	fprintf(file, "Measures (* also of a quick run, - only if it is named):\n");
	for (unsigned i = 0; i < ENTRIES(measures); i++) {
		fprintf(file, "%c %-24s %s\n",
			measures[i].quick   ? '*'
			: measures[i].aside ? '-'
					    : ' ',
			measures[i].name, measures[i].title);
		if (measures[i].csit)
			fprintf(file, "  %-24s CSIT %s\n", "", measures[i].csit);
	}
}
