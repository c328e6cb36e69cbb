/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot - the configuration as the datapath reads it: one flat, sealed, read-only block.
 *
 * control/config compiles it; the datapath validates every offset, index and enum before it
 * uses one (snapshot_open), because nothing that arrives over a socket is trusted. Look-ups
 * happen when a flow is made, never per packet of an established flow.
 */
#ifndef PGW_POLICY_SNAPSHOT_H
#define PGW_POLICY_SNAPSHOT_H

#include <assert.h>
#include <stdint.h>

#include "datapath/base/addr.h"

#define SNAPSHOT_MAGIC	      0x706e732d776770ull /* "pgw-snp" */
#define SNAPSHOT_VERSION      4u
#define SNAPSHOT_NAME	      32 /* bytes of a name, NUL included */
#define SNAPSHOT_PORTS_MAX    32
#define SNAPSHOT_VMACS_MAX    255 /* the largest index of a virtual MAC */
#define SNAPSHOT_BYTES_MAX    (64u << 20)
#define SNAPSHOT_BACKENDS_MAX (1u << 20) /* of all services */

enum realm { REALM_PRIVATE, REALM_VSPHERE, REALM_INTERNET, REALM_COUNT };
enum mapping_type { MAPPING_EIM, MAPPING_EDM, MAPPING_TYPE_COUNT };
enum filtering_type { FILTERING_EIF, FILTERING_ADF, FILTERING_EDF, FILTERING_TYPE_COUNT };
enum balance { BALANCE_ROUND_ROBIN, BALANCE_SOURCE_HASH, BALANCE_LEAST_CONNECTIONS, BALANCE_COUNT };
/* What becomes of the flows of a backend that is not up: they go on, they are ended and their
 * clients told, they are ended so that what follows goes to another backend. */
enum dead_backend { DEAD_KEEP, DEAD_RESET, DEAD_MOVE, DEAD_COUNT };
/* The answer of a service without any backend that is up: none, RST or port unreachable, host
 * unreachable. */
enum down_answer { DOWN_SILENCE, DOWN_RESET, DOWN_ICMP, DOWN_COUNT };

/* Timers, in seconds; names of RFC 8512. */
enum timer {
	TIMER_UDP,	       /* udp-timeout */
	TIMER_TCP_IDLE,	       /* tcp-idle-timeout */
	TIMER_TCP_TRANS_OPEN,  /* tcp-trans-open-timeout */
	TIMER_TCP_TRANS_CLOSE, /* tcp-trans-close-timeout */
	TIMER_TCP_IN_SYN,      /* tcp-in-syn-timeout */
	TIMER_FRAGMENT_MIN,    /* fragment-min-timeout */
	TIMER_ICMP,	       /* icmp-timeout */
	TIMER_HOLD_DOWN,       /* hold-down-timeout */
	TIMER_COUNT
};

enum snapshot_port_flags {
	SNAPSHOT_LAST_HOP = 1 << 0,
	SNAPSHOT_REVERSE_PATH = 1 << 1,
};

struct snapshot_port { /* sorted by nothing: element i has .index anywhere in 0..PORTS_MAX-1, unique
			*/
	char name[SNAPSHOT_NAME];
	uint32_t ifindex;
	uint8_t index; /* stable while the portgroup lives, over reloads and restarts */
	uint8_t realm; /* enum realm */
	uint8_t flags; /* enum snapshot_port_flags */
	uint8_t spare;
};

enum snapshot_address_kind {
	ADDRESS_INTERFACE,
	ADDRESS_SERVICE,
	ADDRESS_POOL,
	ADDRESS_VMAC, /* the virtual MAC's alone: what comes to it is the kernel's */
	ADDRESS_KIND_COUNT
};

struct snapshot_address { /* every address of our own; sorted by ntohl(addr), unique */
	be32 addr;
	uint8_t prefix_len; /* of the connected network; 32 for service and pool addresses */
	uint8_t port;	    /* portgroup index that carries it */
	uint8_t kind;	    /* enum snapshot_address_kind: what it was first configured as */
	uint8_t vmac; /* index of the virtual MAC that it has there, 0 = the interface's own */
};

struct snapshot_route { /* sorted by prefix length, longest first, then address */
	be32 addr;
	be32 via;    /* 0: connected */
	be32 source; /* our own address on that portgroup, for ICMP errors; 0 if it has none */
	uint8_t prefix_len;
	uint8_t port; /* egress portgroup index */
	uint16_t spare;
};

struct snapshot_allow { /* disjoint ranges in host byte order, sorted */
	uint32_t first, last;
	uint32_t entry; /* index of the configuration's allow entry, most specific wins */
};

struct snapshot_service { /* sorted by (ntohl(addr), proto, ntohs(port)), unique */
	char name[SNAPSHOT_NAME];
	be32 addr;
	be16 port;
	uint8_t proto;
	uint8_t balance;		  /* enum balance */
	uint32_t first_backend, backends; /* in the backend section; backends >= 1 */
	uint8_t dead;			  /* enum dead_backend */
	uint8_t down;			  /* enum down_answer */
	uint8_t spare[6];
};

struct snapshot_backend {
	be32 addr;
	be16 port;
	uint8_t up; /* 0 or 1 */
	uint8_t spare;
};

struct snapshot_rule {		/* in ascending number; first match wins */
	struct prefix from, to; /* each 8 bytes with padding */
	uint16_t number;
	uint16_t pool; /* index, or SNAPSHOT_PASS */
	uint8_t proto; /* 0 = any */
	uint8_t spare[3];
};
#define SNAPSHOT_PASS 0xffff /* nat-pass-through */

struct snapshot_pool {
	char name[SNAPSHOT_NAME];
	uint32_t first_address, addresses; /* in the pool address section; addresses >= 1 */
	uint16_t port_first, port_last;	   /* host order, inclusive */
	uint8_t mapping_type;
	uint8_t filtering_type;
	uint16_t index;	     /* stable while the pool lives */
	uint32_t port_quota; /* ports a client, 0 = any number */
	uint32_t spare;
};

struct snapshot_reserved { /* ports on which the gateway itself listens: never allocated */
	be32 addr;	   /* 0: all addresses */
	be16 port;
	uint8_t proto;
	uint8_t spare;
};

struct snapshot_vmac {
	struct mac mac; /* unicast */
	uint8_t port;	/* portgroup index on which it is */
	uint8_t index;	/* 1.., unique; stable while the MAC is configured */
};

enum snapshot_section {
	SECTION_PORT,
	SECTION_ADDRESS,
	SECTION_ROUTE,
	SECTION_ALLOW,
	SECTION_SERVICE,
	SECTION_BACKEND,
	SECTION_RULE,
	SECTION_POOL,
	SECTION_POOL_ADDRESS, /* be32 each */
	SECTION_RESERVED,
	SECTION_VMAC,
	SECTION_COUNT
};

#define SNAPSHOT_MSS_OFF  0u
#define SNAPSHOT_MSS_PATH 1u /* what the egress MTU leaves: MTU - 40 */

enum snapshot_options {
	SNAPSHOT_DEAD_FLOW_RST = 1 << 0, /* a segment of no known flow is answered with RST */
	SNAPSHOT_ACCESS_OPEN = 1 << 1,	 /* services in realm internet: without the allow list */
	/* There are private gateways: from realm internet nothing but its services is reached. */
	SNAPSHOT_PUBLISHED_ONLY = 1 << 2,
	SNAPSHOT_OPTIONS = (1 << 3) - 1, /* all of them */
};

struct snapshot_header {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes;	   /* of the whole block */
	uint64_t revision; /* of the configuration */
	uint32_t timer_s[TIMER_COUNT];
	uint32_t icmp_rate;	   /* ICMP errors of our own per second, 0 = none */
	uint32_t connection_limit; /* flows a client, 0 = any number */
	uint32_t mapping_limit;	   /* mappings a client, 0 = any number */
	uint32_t creation_rate;	   /* flows a second and client, 0 = any number */
	uint32_t mss_clamp;	   /* SNAPSHOT_MSS_*, or the largest MSS, bytes */
	uint32_t options;	   /* enum snapshot_options */
	struct {
		uint32_t offset; /* bytes from the header, multiple of 8 */
		uint32_t count;	 /* elements */
	} section[SECTION_COUNT];
};

static_assert(sizeof(struct prefix) == 8, "layout");
static_assert(sizeof(struct snapshot_port) == 40, "layout");
static_assert(sizeof(struct snapshot_address) == 8, "layout");
static_assert(sizeof(struct snapshot_route) == 16, "layout");
static_assert(sizeof(struct snapshot_allow) == 12, "layout");
static_assert(sizeof(struct snapshot_service) == 56, "layout");
static_assert(sizeof(struct snapshot_backend) == 8, "layout");
static_assert(sizeof(struct snapshot_rule) == 24, "layout");
static_assert(sizeof(struct snapshot_pool) == 56, "layout");
static_assert(sizeof(struct snapshot_reserved) == 8, "layout");
static_assert(sizeof(struct snapshot_vmac) == 8, "layout");

/* A validated view of a block. It points into the block; the block must outlive it. */
struct snapshot {
	const struct snapshot_header *header;
	const struct snapshot_port *ports;
	const struct snapshot_address *addresses;
	const struct snapshot_route *routes;
	const struct snapshot_allow *allow;
	const struct snapshot_service *services;
	const struct snapshot_backend *backends;
	const struct snapshot_rule *rules;
	const struct snapshot_pool *pools;
	const be32 *pool_addresses;
	const struct snapshot_reserved *reserved;
	const struct snapshot_vmac *vmacs;
	uint32_t n_ports, n_addresses, n_routes, n_allow, n_services, n_backends, n_rules, n_pools,
		n_pool_addresses, n_reserved, n_vmacs;
};

/**
 * snapshot_open() - check a block and point a view at its sections
 * @block: 8-byte aligned, at least @bytes long, must not change afterwards (sealed memfd)
 * Return: NULL if it is sound, else what is wrong with it (static text).
 */
const char *snapshot_open(struct snapshot *snapshot, const void *block, size_t bytes);

/* Look-ups. NULL if there is none. */
const struct snapshot_address *snapshot_address(const struct snapshot *s, be32 addr);
const struct snapshot_route *snapshot_route(const struct snapshot *s, be32 addr);
const struct snapshot_allow *snapshot_allowed(const struct snapshot *s, be32 src);
const struct snapshot_service *snapshot_service(const struct snapshot *s, be32 addr, uint8_t proto,
						be16 port);
const struct snapshot_rule *snapshot_rule(const struct snapshot *s, be32 src, be32 dst,
					  uint8_t proto);
const struct snapshot_pool *snapshot_pool(const struct snapshot *s, uint16_t index);
const struct snapshot_port *snapshot_port(const struct snapshot *s, uint8_t index);

#endif
