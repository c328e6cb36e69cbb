/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology - three network namespaces in a row, without names: they end with the benchmark.
 *
 *   client                          gateway                           server
 *   cl0 172.16.0.10/24 ── gwc 172.16.0.1/24 │ gws 10.10.0.2/24 ── sv0 10.10.0.10/24
 *
 * The client's default route leads to the gateway. The server knows no way to the client's
 * network, so that an answer to an untranslated packet is lost. The gateway's addresses are
 * left to the variant. Neighbours are resolved by ARP as usual.
 */
#ifndef PGW_BENCH_TOPOLOGY_H
#define PGW_BENCH_TOPOLOGY_H

#include <stdint.h>
#include <sys/types.h>

#define CLIENT_DEV     "cl0"
#define CLIENT_ADDR    "172.16.0.10"
#define CLIENT_NET     "172.16.0.0/24"
#define CLIENT_MAC     "02:70:67:00:00:01"
#define PASTA_DEV      "pasta0" /* instead of cl0, where that is under test */
#define GATEWAY_C_DEV  "gwc"
#define GATEWAY_C_ADDR "172.16.0.1"
#define GATEWAY_C_MAC  "02:70:67:00:00:02"
#define GATEWAY_S_DEV  "gws"
#define GATEWAY_S_ADDR "10.10.0.2"
#define GATEWAY_S_MAC  "02:70:67:00:00:03"
#define SERVER_DEV     "sv0"
#define SERVER_ADDR    "10.10.0.10"
#define SERVER_NET     "10.10.0.0/24"
#define SERVER_MAC     "02:70:67:00:00:04"
#define CLIENTS_NET    "10.128.0.0/9" /* behind the client: sources of the generator */
#define CLIENTS_FIRST  "10.128.0.1"
#define CLIENTS_LAST   "10.255.255.254"
#define POOL_FIRST     "10.10.0.64" /* external addresses where many sessions are held */
#define POOL_LAST      "10.10.0.191"
#define POOL_PREFIX    "10.10.0."
#define POOL_HOST      64
#define POOL_ADDRESSES 128
#define PREFIX_BITS    "/24"

#define TOPOLOGY_NAPI_MAX 8

struct topology {
	int client, gateway, server;   /* namespace descriptors, -1: not made */
	pid_t napi[TOPOLOGY_NAPI_MAX]; /* the gateway's NAPI threads, WAY_NAPI only */
	unsigned n_napi;
};

struct run;

/* topology_create() - namespaces, links, addresses, and the placement on cores.
 * Return: 0, or -1 after run_fail(). */
int topology_create(struct run *run);
void topology_destroy(struct topology *topology);

/* topology_ip() - apply lines of "ip -batch" in a namespace. Return: 0, or -1 after run_fail(). */
int topology_ip(struct run *run, int netns, const char *batch);

/* topology_sysctl() - write one value. Return: 0, or -1 after run_fail(). */
int topology_sysctl(struct run *run, int netns, const char *path, const char *value);

#endif
