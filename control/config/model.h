/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model - the configuration as control holds it. Plain data; every array is owned by the
 * struct config and is sorted by its key, as the compare() of its kind says (kind.h).
 */
#ifndef PGW_CONFIG_MODEL_H
#define PGW_CONFIG_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/policy/snapshot.h"

#define CONFIG_NAME		   SNAPSHOT_NAME /* bytes, NUL included: [A-Za-z0-9_.-]+ */
#define CONFIG_DEV		   16		 /* IFNAMSIZ */
#define CONFIG_TEXT		   128		 /* a description */
#define CONFIG_PORTGROUPS_MAX	   SNAPSHOT_PORTS_MAX
#define CONFIG_ALLOW_MAX	   2048
#define CONFIG_SERVICES_MAX	   16384
#define CONFIG_BACKENDS_MAX	   64  /* of one service */
#define CONFIG_SNI		   254 /* bytes of a TLS name, NUL included */
#define CONFIG_SNI_MAX		   64  /* TLS names of one service */
#define CONFIG_SNI_PLACES_MAX	   200 /* addresses and ports with TLS names */
#define CONFIG_NTP_MAX		   32
#define CONFIG_NTP_SERVERS_MAX	   16  /* of one ntp statement */
#define CONFIG_POOL_ADDRESSES_MAX  256 /* of one pool */
#define CONFIG_POOLS_MAX	   256
#define CONFIG_APIS_MAX		   4
#define CONFIG_RULES_MAX	   4096
#define CONFIG_VMACS_MAX	   64  /* of the gateway; by default it may have fewer */
#define CONFIG_HOST_NAMES	   256 /* bytes of a service's host names, with commas and NUL */
#define CONFIG_DATACENTERS_MAX	   256
#define CONFIG_SERVERS_MAX	   64
#define CONFIG_VRACK_BLOCKS_MAX	   256
#define CONFIG_VMAC_ADDRESSES_MAX  1024 /* of all of them */
#define CONFIG_TUNNEL_GATEWAYS_MAX 64
#define CONFIG_TUNNEL_KEYS_MAX	   256
#define CONFIG_TUNNEL_FROM_MAX	   16	/* networks of one tunnel-gateway */
#define CONFIG_HOST		   256	/* a host name */
#define CONFIG_SSH_KEY		   1480 /* base64 of a public key: RSA of 8192 bits */

/* What of a portgroup's packets the kernel may forward by itself (offload/offload.h). */
enum offload_mode {
	OFFLOAD_OFF,
	OFFLOAD_AUTO, /* whatever the interface and the permissions of pgwd allow */
	OFFLOAD_TC,   /* the tc program; if it cannot be had, that is worth a warning */
	OFFLOAD_XDP,  /* the XDP program before it; likewise */
	OFFLOAD_MODE_COUNT
};
#define CONFIG_OFFLOAD_NORMAL OFFLOAD_AUTO

/* By what the datapath gets and sends a portgroup's packets (receiving.h). */
enum io_mode {
	IO_PACKET, /* a packet socket */
	IO_XDP,	   /* AF_XDP; what does not suit it, by the packet socket */
	IO_MODE_COUNT
};

struct config_portgroup {
	char name[CONFIG_NAME];
	char dev[CONFIG_DEV]; /* the interface, or with a VLAN its trunk parent */
	uint16_t vlan;	      /* 802.1Q ID 1..4094, 0 = untagged */
	enum realm realm;
	bool last_hop;		   /* default on */
	bool reverse_path;	   /* default on */
	enum offload_mode offload; /* default CONFIG_OFFLOAD_NORMAL */
	enum io_mode io;	   /* default IO_PACKET */
	unsigned line; /* of the file, for messages; 0 if not from a file. Never compared. */
};

struct config_address {
	be32 addr;
	uint8_t prefix_len;
	char portgroup[CONFIG_NAME];
	uint32_t datacenter; /* of whose private gateway it is, and goes with it; 0: of none */
	unsigned line;
};

struct config_route {
	struct prefix to;
	be32 via;
	unsigned line;
};

struct config_pool {
	char name[CONFIG_NAME];
	be32 *external; /* external-ip-address */
	size_t n_external;
	uint16_t port_first, port_last; /* ports LO-HI */
	enum mapping_type mapping;
	enum filtering_type filtering;
	uint32_t port_quota; /* ports a client, 0 = any number */
	unsigned line;
};

struct config_nat {
	uint16_t number; /* 1..65535 */
	struct prefix from, to;
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _ICMP or 0 = any */
	bool pass;	  /* nat-pass-through: no pool */
	char pool[CONFIG_NAME];
	unsigned line;
};

struct config_backend {
	be32 addr;
	uint16_t port; /* host order */
};

/* How it is found out whether a backend serves. */
enum check_kind {
	CHECK_NONE, /* it is not: the backend counts as up */
	CHECK_TCP,  /* it accepts a connection */
	CHECK_TLS,  /* and completes a handshake; its certificate is not judged */
	CHECK_HTTP, /* it answers GET path with a status of 200 to 399 */
	CHECK_ICMP, /* its host answers an echo request */
	CHECK_KIND_COUNT
};

#define CHECK_INTERVAL_MS 5000 /* defaults */
#define CHECK_TIMEOUT_MS  2000
#define CHECK_RISE	  2
#define CHECK_FALL	  3
#define CHECK_PATH	  "/"

struct config_check {
	enum check_kind kind;
	uint32_t interval_ms;	/* between the beginnings of two checks */
	uint32_t timeout_ms;	/* of one check */
	uint8_t rise, fall;	/* checks in a row that bring a backend up, take it down */
	char path[CONFIG_TEXT]; /* HTTP */
};

struct config_service {
	char name[CONFIG_NAME];
	be32 addr;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;	  /* host order */
	enum balance balance;
	struct config_check check;
	enum dead_backend dead;
	enum down_answer down;
	struct config_backend *backends;
	size_t n_backends;
	/* Only of clients that ask for one of these by TLS: sorted, lower case, "*.x" for all that
	 * end in .x. Several services may then share address and port; the one among them without
	 * names takes the rest. */
	char (*sni)[CONFIG_SNI];
	size_t n_sni;
	bool proxy;	       /* proxy-protocol v2 towards the backend; only beside names */
	uint32_t datacenter;   /* whose access moves with the private gateway; 0: of none */
	be32 internet_address; /* where it goes when the gateway is disabled; 0: not known */
	be32 private_address;  /* where it goes when it is enabled; 0: the gateway's address */
	char host_names[CONFIG_HOST_NAMES]; /* by which clients know it, separated by commas */
	unsigned line;
};

/* A datacenter of a hosted service, and its private gateway. */
struct config_datacenter {
	uint32_t id;
	char service_name[CONFIG_NAME];
	char name[CONFIG_NAME];
	char description[CONFIG_TEXT];
	be32 gateway; /* address of the private gateway, that of an address statement; 0: disabled
		       */
	unsigned line;
};

/* A dedicated server, by whose name its virtual MACs are managed. */
struct config_server {
	char name[CONFIG_NAME];
	char portgroup[CONFIG_NAME]; /* whose virtual MACs are its own; "": those of all */
	unsigned line;
};

/* A block of addresses that was moved into the vRack: none of them can have a virtual MAC. */
struct config_vrack_block {
	struct prefix network;
	unsigned line;
};

struct config_ntp { /* answer NTP at an address of the gateway */
	be32 addr;
	char (*servers)[CONFIG_SNI]; /* from whom the time is taken: addresses or names, sorted */
	size_t n_servers;
	unsigned line;
};

enum vmac_type { VMAC_VMWARE, VMAC_OVH, VMAC_TYPE_COUNT };

struct config_vmac { /* one address of a virtual MAC */
	struct mac mac;
	be32 addr;
	char portgroup[CONFIG_NAME]; /* this and the type: alike in all addresses of a MAC */
	enum vmac_type type;
	char name[CONFIG_NAME]; /* of the virtual machine, by which people find it again */
	unsigned line;
};

struct config_allow {
	struct prefix network;
	char description[CONFIG_TEXT];
	unsigned line;
};

/* A secure gateway: where connectors dial in, and where what they offer is found. */
struct config_tunnel_gateway {
	char name[CONFIG_NAME]; /* the stage's */
	char host[CONFIG_HOST]; /* by which connectors reach it: a name or an address */
	uint16_t port;
	be32 listen;				    /* 0: host is the address */
	uint16_t listen_port;			    /* 0: port */
	be32 inside;				    /* on which the endpoints listen */
	struct prefix from[CONFIG_TUNNEL_FROM_MAX]; /* who may use them */
	size_t n_from;
	enum balance balance;
	char certificate[CONFIG_TEXT], private_key[CONFIG_TEXT]; /* PEM files; "": no TLS */
	unsigned line;
};

/* A public key that may log in to a secure gateway by OpenSSH. */
struct config_tunnel_key {
	char name[CONFIG_NAME];
	char gateway[CONFIG_NAME];
	char key[CONFIG_SSH_KEY]; /* base64 */
	unsigned line;
};

/* Who may use services in realm internet: those of the allow list, or everyone. */
enum access_policy { ACCESS_FILTERED, ACCESS_OPEN };

/* What becomes of a TCP segment of no known flow. */
enum dead_flow { DEAD_FLOW_DROP, DEAD_FLOW_RST };

/* What is done about another host that has an address of ours (arp/guard.h has the same values). */
enum duplicate_detection { DUPLICATE_OFF, DUPLICATE_ANNOUNCE, DUPLICATE_PROBE };

enum session_log_kind { SESSION_LOG_OFF, SESSION_LOG_IPFIX, SESSION_LOG_FILE };

struct config_session_log {
	enum session_log_kind kind;
	bool destinations;	/* say whom clients talked to; default off (RFC 6888 REQ-12) */
	be32 addr;		/* IPFIX: the collector's, over UDP */
	uint16_t port;		/* host order */
	char path[CONFIG_TEXT]; /* FILE */
};

struct config_metrics { /* served over HTTP */
	uint16_t port;	/* host order; 0 = off */
	be32 addr;
	bool remote; /* not of loopback, and said so */
};

/* A place at which the API is served. */
struct config_api {
	char listen[CONFIG_TEXT]; /* "A.B.C.D:PORT", or the path of a UNIX socket */
	be32 addr;		  /* of the first kind; 0: any of this host */
	uint16_t port;		  /* host order; 0: a UNIX socket */
	bool tls;
	char certificate[CONFIG_TEXT], key[CONFIG_TEXT]; /* files; "": made by pgwd */
	char host_name[CONFIG_TEXT];			 /* of one that is made */
	unsigned line;
};

struct config {
	struct config_portgroup *portgroups;
	size_t n_portgroups;
	struct config_address *addresses;
	size_t n_addresses;
	struct config_route *routes;
	size_t n_routes;
	struct config_pool *pools;
	size_t n_pools;
	struct config_nat *nats;
	size_t n_nats;
	struct config_service *services;
	size_t n_services;
	struct config_allow *allows;
	size_t n_allows;
	struct config_vmac *vmacs;
	size_t n_vmacs; /* addresses, at least one a MAC */
	struct config_datacenter *datacenters;
	size_t n_datacenters;
	struct config_server *servers;
	size_t n_servers;
	struct config_vrack_block *vrack_blocks;
	size_t n_vrack_blocks;
	struct config_api *apis;
	size_t n_apis;
	struct config_ntp *ntps;
	size_t n_ntps;
	struct config_tunnel_gateway *tunnel_gateways;
	size_t n_tunnel_gateways;
	struct config_tunnel_key *tunnel_keys;
	size_t n_tunnel_keys;
	uint32_t timer_s[TIMER_COUNT];
	uint32_t flow_capacity;	   /* set flow-capacity N (power of two is not required) */
	uint32_t icmp_rate;	   /* set icmp-rate N, errors per second */
	uint32_t connection_limit; /* set connection-limits N, flows a client; 0 = off */
	uint32_t mapping_limit;	   /* set mapping-limits N, mappings a client; 0 = off */
	uint32_t creation_rate;	   /* set creation-rate N, flows a second and client; 0 = off */
	uint32_t mss_clamp;	   /* set mss-clamp: SNAPSHOT_MSS_OFF, SNAPSHOT_MSS_PATH or bytes */
	uint32_t dead_flow;	   /* set dead-flow: enum dead_flow */
	uint32_t access_policy;	   /* set access-policy: enum access_policy */
	uint32_t threshold; /* set threshold N, per cent of a table or pool that is told; 0 = off */
	uint32_t duplicate_detection; /* set duplicate-detection: enum duplicate_detection */
	uint32_t vmac_quota;	      /* set vmac-quota N, virtual MACs of the gateway */
	uint32_t workers; /* set workers N, of the datapath; WORKERS_AUTO: as many as fit */
	struct config_session_log session_log; /* set session-log */
	struct config_metrics metrics;	       /* set metrics */
};

#define WORKERS_AUTO 0u

/* A message about a statement. line and column count from 1; 0 where it concerns the whole. */
struct config_error {
	unsigned line, column;
	bool absent; /* what a statement deletes is not there; the statement itself is right */
	char text[256];
};

/* config_init() - the empty configuration with default timers. config_free() - its arrays. */
void config_init(struct config *config);
void config_free(struct config *config);

/* config_copy() - deep copy. Return: 0 or -ENOMEM (then @to is empty). */
int config_copy(struct config *to, const struct config *from);

/**
 * config_parse() - read a whole pgw.conf text
 * @config: must be initialised; unchanged unless 0 is returned
 * @error: the first thing that is wrong
 * Return: 0, -EINVAL (see @error) or -ENOMEM.
 */
int config_parse(struct config *config, const char *text, size_t bytes, struct config_error *error);

/**
 * config_statement() - apply one statement, as the command line and batches give it
 * ("service add …", "allow del …", "set timer …"). Not checked as a whole: see config_check().
 * Return: as config_parse(); column counts within @statement.
 */
int config_statement(struct config *config, const char *statement, struct config_error *error);

/**
 * config_check() - whatever needs the whole configuration: references, overlaps, addresses
 * that no portgroup reaches, services without a nat rule for their backends, …
 * Return: 0 or -EINVAL (see @error, line of the statement at fault).
 */
int config_check(const struct config *config, struct config_error *error);

/* config_print() - the text that config_parse() reads back to the same model.
 * Return: a malloc'ed string, or NULL without memory. */
char *config_print(const struct config *config);

/* config_rewrite() - a text that says @wanted, made of one that says something else: comments,
 * order and layout of lines that need not change stay. As a whole, as config_print(), where that
 * cannot be. Return: a malloc'ed string, or NULL without memory. */
char *config_rewrite(const char *text, size_t bytes, const struct config *wanted);

/* One difference between two configurations, as the statement that makes it. */
struct config_change {
	char *statement; /* "service del vcenter", "allow add 10.0.0.0/8" */
};
struct config_diff {
	struct config_change
		*changes; /* removals first, then additions, in an order that applies */
	size_t n_changes;
};
int config_diff(struct config_diff *diff, const struct config *from, const struct config *to);
void config_diff_free(struct config_diff *diff);

/* What compile needs to know of the running system; portgroups in the order of the config. */
struct config_runtime {
	struct {
		uint8_t index;	  /* the datapath's portgroup index: stable, unique */
		uint32_t ifindex; /* 0: the interface is absent */
	} portgroup[CONFIG_PORTGROUPS_MAX];
	const uint16_t *pool_index; /* stable index of each pool, in the order of the config */
	/* Stable index, from 1 on, of the MAC of each vmac statement; NULL: as they come. */
	const uint8_t *vmac_index;
	const struct snapshot_reserved *reserved; /* ports on which the gateway listens */
	size_t n_reserved;
	/* Which backends are up, in the order of the services and of their backends; NULL: all. */
	const uint8_t *backend_up;
	uint64_t revision;
};

/**
 * config_compile() - make the datapath's snapshot (policy/snapshot.h) of a checked configuration
 * @bytes: set to the block's size
 * Return: a malloc'ed block that snapshot_open() accepts, or NULL without memory.
 */
void *config_compile(const struct config *config, const struct config_runtime *runtime,
		     size_t *bytes);

/* Names as the configuration spells them. NULL where there is none. */
const char *realm_name(enum realm realm);
const char *mapping_type_name(enum mapping_type type);
const char *filtering_type_name(enum filtering_type type);
const char *balance_name(enum balance balance);
const char *offload_mode_name(enum offload_mode mode);
const char *io_mode_name(enum io_mode mode);
const char *check_kind_name(enum check_kind kind);
const char *dead_backend_name(enum dead_backend dead);
const char *down_answer_name(enum down_answer down);
const char *vmac_type_name(enum vmac_type type);
const char *timer_name(enum timer timer);
const char *protocol_name(uint8_t protocol); /* "tcp" "udp" "icmp" "any"(0) */

#endif
