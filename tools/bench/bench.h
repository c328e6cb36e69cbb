/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench - what a run of the benchmark consists of.
 *
 * A run is one measure, of one variant (a way through the gateway), once: a new topology is
 * made, the variant set up, its translation verified, the load applied, everything removed.
 * Nothing is kept from one run to the next, so no variant pays for another's left-overs.
 */
#ifndef PGW_BENCH_BENCH_H
#define PGW_BENCH_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/bench/topology.h"

#define BENCH_METRICS_MAX 8
#define BENCH_ERROR_BYTES 400

struct options {
	unsigned repeats;
	double seconds;	 /* of load per run */
	double patience; /* seconds to wait, per run, while others use the machine */
	bool split;	 /* load on one core, gateway on another; otherwise the scheduler decides */
	int load_cpu, gateway_cpu;	   /* used when split */
	const char *bindir;		   /* where pgwd and pgw are */
	const char *json_file, *plot_file; /* NULL: not wanted */
	const char *variants, *measures;   /* comma-separated, NULL: all */
	const char *from_file;		   /* stored results to report instead of measuring */
	const char *markdown_file;	   /* document whose figures are to be written anew */
	const char *curves_file;	   /* plot of latencies */
	const char *command;		   /* how the benchmark was called */
	bool quick;
};

#define GATEWAY_PROXIES_MAX 72 /* processes of a peer: socat needs one a port */

/* What the gateway of a run consists of; filled by the variant. */
struct gateway {
	pid_t pid; /* first process of ours, 0 where the kernel does it all */
	pid_t proxy[GATEWAY_PROXIES_MAX];
	unsigned n_proxies;
	int output;	 /* its standard output, -1 */
	char rundir[64]; /* empty where there is none */
	double ready_ms; /* from exec to ready */
};

struct run {
	const struct options *options;
	const struct variant *variant;
	const struct measure *measure;
	struct topology topology;
	struct gateway gateway;
	char error[BENCH_ERROR_BYTES];
};

/* run_fail() - note why a run failed. Return: -1, for the caller to return. */
int run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How packets enter and leave the gateway's stack; see docs/benchmarks.md. */
enum way {
	WAY_DEFAULT, /* veth as the kernel makes it; RPS separates the cores */
	WAY_NAPI,    /* threaded NAPI on every interface; its threads' time is the kernel's share */
};

/* What the client talks to, and what the gateway does with it. */
enum kind {
	KIND_ROUTER, /* forwards packets: the client speaks to the server's address */
	KIND_PROXY,  /* ends TCP: the client speaks to the gateway's address */
	KIND_NAMES,  /* the same, choosing the server by the name in a TLS hello */
};

struct variant {
	const char *name, *title;
	const char *program; /* that must be installed, NULL: nothing */
	bool translates;     /* the server must see the gateway's address, not the client's */
	bool ours;	     /* consists of processes of ours */
	enum kind kind;
	const char *target;  /* what the client speaks to, NULL: as its kind has it */
	const char *offload; /* of ours: what the kernel forwards, as the configuration says it */
	const char *io;	     /* likewise, NULL: packet */
	unsigned workers;    /* of ours: as the configuration says it; 0: it does not */
	bool aside;	     /* only if it is named */
	bool bound;  /* only passes on, past the kernel's forwarding: no part of a quick run */
	bool napi;   /* needs WAY_NAPI */
	bool frames; /* established flows reach the server as XDP frames: the sink is XDP, too */
	int (*setup)(struct run *run);
	void (*teardown)(struct run *run);
};
extern const struct variant variant_nft, variant_forward, variant_pgw, variant_pgw_tc,
	variant_pgw_xdp, variant_pgw_afxdp, variant_haproxy, variant_socat, variant_pasta,
	variant_haproxy_names, variant_relay, variant_pgw_2w, variant_redirect,
	variant_redirect_xdp;

/* variant_target() - the address that the client speaks to. */
const char *variant_target(const struct variant *variant);

struct metric {
	const char *name, *unit;
	bool higher_is_better;
	bool informative; /* says how to read the others; not compared */
};

#define SESSIONS_KEPT_S 3600 /* where many are held: none may expire while it is measured */

struct measure {
	const char *name, *title;
	const char *csit;			  /* the CSIT name of the same load, or NULL */
	struct metric metrics[BENCH_METRICS_MAX]; /* a NULL name ends them */
	bool ours_only;	     /* makes no sense where there are no processes of ours */
	bool translating;    /* nor where nothing is translated */
	bool proxies;	     /* proxies can do it as well */
	bool names;	     /* for those alone that look at TLS names */
	bool bare;	     /* needs neither topology nor gateway */
	bool program;	     /* nor I/O: of the kernel's programs alone */
	bool still;	     /* no packets that must go through */
	bool fresh;	     /* every packet begins a session: nothing is offloaded */
	bool before_traffic; /* looks at a gateway that has not forwarded yet */
	bool quick;	     /* part of a quick run */
	bool aside;	     /* only if it is named */
	enum way way;
	unsigned parameter;
	uint32_t frame_bytes; /* of packets, see load.h */
	uint64_t sessions;    /* that the gateway must be able to hold; 0: few */
	unsigned kept_s;      /* of ours: seconds for which idle ones are kept; 0: long */
	unsigned max_repeats; /* 0: as many as asked for */
	/* run() - fill a value per metric (NAN: not known). Return: 0, or -1 after run_fail(). */
	int (*run)(struct run *run, double *values);
};

/* The metrics that tell whether the two ends limit: what the generator can do alone, which the
 * first figure is held against, and how busy the gateway's core was meanwhile. */
#define METRIC_GENERATOR "generator"
#define METRIC_BUSY	 "gateway-core"

int measure_tcp_bulk(struct run *run, double *values);
int measure_connect(struct run *run, double *values);
int measure_rtt(struct run *run, double *values);
int measure_packets_cpu(struct run *run, double *values);
int measure_packets_rate(struct run *run, double *values);
int measure_scale(struct run *run, double *values);
int measure_establish(struct run *run, double *values);
int measure_teardown(struct run *run, double *values);
int measure_expiry(struct run *run, double *values);
int measure_adopt(struct run *run, double *values);
int measure_idle(struct run *run, double *values);
int measure_start(struct run *run, double *values);
int measure_sessions(struct run *run, double *values);
int measure_core(struct run *run, double *values);
int measure_program(struct run *run, double *values);

/* run_pids() - the gateway's processes: the first and its children. Return: how many. */
unsigned run_pids(const struct run *run, pid_t *pids, unsigned max);

#endif
