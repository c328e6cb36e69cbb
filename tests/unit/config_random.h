/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_random - random configurations that config_check() accepts, for property tests.
 *
 * All of them come from one small universe (a few names, devices, networks), so that two of
 * them share, miss and change objects. The same seed gives the same text.
 */
#ifndef PGW_TESTS_CONFIG_RANDOM_H
#define PGW_TESTS_CONFIG_RANDOM_H

#include <stdint.h>
#include <stdio.h>

#include "control/config/text.h"

#include "control/config/model.h"

struct random {
	uint64_t state; /* not 0 */
};

/* xorshift64*, Marsaglia 2003, Vigna 2016 */
static inline uint32_t random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)(random->state * 2685821657736338717ull >> 32);
}

/* From 0 up to, not including, @n. */
static inline unsigned random_below(struct random *random, unsigned n)
{
	return random_next(random) % n;
}

#define RANDOM_PORTGROUPS 6
#define RANDOM_POOLS	  4

static inline void random_portgroups(struct config_text *text, struct random *random,
				     unsigned present)
{
	static const char *const realms[] = {"private", "internet"};

	for (unsigned i = 0; i < RANDOM_PORTGROUPS; i++) {
		if (!(present >> i & 1))
			continue;
		/* Even ones are clients': a service needs one of these. */
		config_text_add(text, "portgroup add g%u dev eth%u realm %s", i, i / 2,
				i % 2 ? "vsphere" : realms[random_below(random, 2)]);
		if (i % 2)
			config_text_add(text, " vlan %u", 1 + random_below(random, 3));
		if (random_below(random, 3) == 0)
			config_text_add(text, " last-hop off");
		if (random_below(random, 3) == 0)
			config_text_add(text, " reverse-path off");
		if (random_below(random, 3) == 0)
			config_text_add(
				text, " offload %s",
				offload_mode_name(random_below(random, OFFLOAD_MODE_COUNT)));
		if (i % 2 == 0 && random_below(random, 4) == 0)
			config_text_add(text, " io packet");
		config_text_add(text, "\naddress add 10.%u.0.1/16 portgroup g%u\n", i, i);
		if (random_below(random, 2))
			config_text_add(text, "address add 10.%u.0.2/%u portgroup g%u\n", i,
					16 + random_below(random, 2), i);
		if (random_below(random, 2))
			config_text_add(text, "address add 10.%u.128.1/%u portgroup g%u\n", i,
					20 + random_below(random, 2), i);
		if (random_below(random, 2))
			config_text_add(text, "route add 192.168.%u.0/24 via 10.%u.0.%u\n", i * 16,
					i, 200 + random_below(random, 3));
		if (random_below(random, 2))
			config_text_add(text, "route add 192.168.%u.0/20 via 10.%u.0.%u\n", i * 16,
					i, 200 + random_below(random, 3));
		if (random_below(random, 2))
			config_text_add(text, "route add 10.%u.64.0/%u via 10.%u.0.9\n", i,
					18 + random_below(random, 14), i);
	}
	if ((present & 1) && random_below(random, 2))
		config_text_add(text, "route add default via 10.0.0.%u\n",
				200 + random_below(random, 3));
}

/* Pool j has ports of its own, so pools may share addresses. Return: bit j = pool j exists. */
static inline unsigned random_pools(struct config_text *text, struct random *random,
				    unsigned present)
{
	static const char *const filtering[] = {"eif", "adf", "edf"};
	unsigned pools = 0;

	for (unsigned j = 0; j < RANDOM_POOLS; j++) {
		unsigned n = 0, first = 10000 * (j + 1);

		for (unsigned i = 0; i < RANDOM_PORTGROUPS; i++) {
			if (!(present >> i & 1) || random_below(random, 2))
				continue;
			if (n++ == 0)
				config_text_add(text, "pool add pool%u external-ip-address ", j);
			config_text_add(text, "%s10.%u.1.%u", n > 1 ? "," : "", i,
					random_below(random, 3) + 1);
		}
		if (n == 0)
			continue;
		config_text_add(text, " ports %u-%u mapping-type %s filtering-type %s", first,
				first + random_below(random, 10000),
				random_below(random, 2) ? "eim" : "edm",
				filtering[random_below(random, 3)]);
		if (random_below(random, 2))
			config_text_add(text, " port-quota %u", 1 + random_below(random, 3));
		if (random_below(random, 2))
			config_text_add(text, " address-allocation-type paired");
		config_text_add(text, "\n");
		pools |= 1u << j;
	}
	return pools;
}

static inline void random_rules(struct config_text *text, struct random *random, unsigned pools)
{
	static const char *const protocols[] = {"any", "tcp", "udp", "icmp"};

	for (unsigned i = 1; i <= 12; i++) {
		if (random_below(random, 2))
			continue;
		config_text_add(text,
				"nat add %u from 10.%u.0.0/%u to 192.168.%u.0/%u protocol %s ",
				i * 10, random_below(random, 6), 16 + random_below(random, 17),
				16 * random_below(random, 6), 20 + random_below(random, 13),
				protocols[random_below(random, 4)]);
		if (pools >> i % RANDOM_POOLS & 1)
			config_text_add(text, "pool pool%u\n", i % RANDOM_POOLS);
		else
			config_text_add(text, "nat-pass-through\n");
	}
	/* Whatever a service's backend is, this one covers it. */
	config_text_add(text, "nat add 65000 from any to any nat-pass-through\n");
}

static inline void random_health(struct config_text *text, struct random *random)
{
	static const char *const balances[] = {"round-robin", "least-connections", "source-hash"};
	static const char *const kinds_of_check[] = {
		"tcp", "tls", "icmp", "http", "http path /", "http path /a?b=c&d=%20"};
	static const char *const seconds[] = {"0.1", "0.25", "1.005", "5.0", "60"};
	static const char *const dead[] = {"keep", "reset", "move"};
	static const char *const down[] = {"silence", "reset", "icmp"};

	if (random_below(random, 2))
		config_text_add(text, " balance %s", balances[random_below(random, 3)]);
	if (random_below(random, 2))
		return;
	config_text_add(text, " check %s", kinds_of_check[random_below(random, 6)]);
	if (random_below(random, 2))
		config_text_add(text, " interval %s", seconds[random_below(random, 5)]);
	if (random_below(random, 2))
		config_text_add(text, " timeout %s", seconds[random_below(random, 5)]);
	if (random_below(random, 2))
		config_text_add(text, " rise %u fall %u", random_below(random, 4) + 1,
				random_below(random, 4) + 1);
	if (random_below(random, 2))
		config_text_add(text, " dead %s", dead[random_below(random, 3)]);
	if (random_below(random, 2))
		config_text_add(text, " down %s", down[random_below(random, 3)]);
}

static inline void random_services(struct config_text *text, struct random *random,
				   unsigned present)
{
	for (unsigned i = 0; i < 40; i++) {
		unsigned client = 2 * random_below(random, RANDOM_PORTGROUPS / 2);
		unsigned server = random_below(random, RANDOM_PORTGROUPS);

		if (!(present >> client & 1) || !(present >> server & 1))
			continue;
		config_text_add(text, "service add s%u address 10.%u.%u.1 protocol %s port %u", i,
				client, random_below(random, 3),
				random_below(random, 2) ? "tcp" : "udp", i + 1);
		for (unsigned j = 0; j <= random_below(random, 4); j++)
			config_text_add(text, " backend 10.%u.3.%u:%u", server,
					j * 16 + random_below(random, 16) + 1,
					random_below(random, 65535) + 1);
		random_health(text, random);
		config_text_add(text, "\n");
	}
}

static inline void random_allows(struct config_text *text, struct random *random)
{
	static const char *const descriptions[] = {"", " description office",
						   " description \"caf\\\"\\\\ # \xc3\xa9\""};

	/* One prefix per third octet and length at most: none twice, many within others. */
	for (unsigned len = 8; len <= 32; len++) {
		unsigned third = len > 16 ? 64 : 0;

		if (random_below(random, 2))
			continue;
		config_text_add(text, "allow add 10.%u.%u.0/%u%s\n", len > 15 ? 3 : 0,
				len > 18 ? third : 0, len, descriptions[random_below(random, 3)]);
	}
	for (unsigned i = 1; i < 20; i++)
		if (random_below(random, 2))
			config_text_add(text, "allow add 192.168.%u.%u/%u%s\n", i,
					128 * random_below(random, 2), 25 + random_below(random, 8),
					descriptions[random_below(random, 3)]);
}

static inline void random_vmacs(struct config_text *text, struct random *random, unsigned present)
{
	for (unsigned i = 0; i < RANDOM_PORTGROUPS; i++)
		for (unsigned j = 4; j <= 11; j++) {
			bool vmware = (i + j) % 3 == 0;

			if (!(present >> i & 1) || random_below(random, 2))
				continue;
			/* three MACs a portgroup */
			config_text_add(
				text,
				"vmac add %s:%02x:0%u address 10.%u.%u.1 portgroup g%u type %s "
				"name vm%u\n",
				(i + j) % 3 ? "02:00:00:00" : "00:50:56:3f", i, (i + j) % 3, i, j,
				i, vmware ? "vmware" : "ovh", random_below(random, 3));
		}
}

static inline void random_settings(struct config_text *text, struct random *random)
{
	static const char *const limits[] = {"connection-limits", "mapping-limits",
					     "creation-rate"};
	static const char *const clamps[] = {"off", "path", "536", "1460", "65495", "default"};
	static const char *const dead[] = {"drop", "rst", "default"};
	static const char *const workers[] = {"1", "2", "8", "auto", "default"};
	static const char *const detection[] = {"off", "announce", "probe", "default"};

	if (random_below(random, 2))
		config_text_add(text, "set timer udp-timeout %u\n", 300 + random_below(random, 3));
	if (random_below(random, 2))
		config_text_add(text, "set flow-capacity %u\n", 64u << random_below(random, 3));
	if (random_below(random, 2))
		config_text_add(text, "set icmp-rate %u\n", random_below(random, 3));
	if (random_below(random, 2))
		config_text_add(text, "set workers %s\n", workers[random_below(random, 5)]);
	for (unsigned i = 0; i < 3; i++) {
		unsigned value = random_below(random, 4);

		if (value == 3)
			continue;
		if (value)
			config_text_add(text, "set %s %u\n", limits[i], value * 500);
		else
			config_text_add(text, "set %s off\n", limits[i]);
	}
	if (random_below(random, 2))
		config_text_add(text, "set metrics 127.0.0.%u:%u\n", 1 + random_below(random, 2),
				9469 + random_below(random, 2));
	if (random_below(random, 2))
		config_text_add(text, "set mss-clamp %s\n", clamps[random_below(random, 6)]);
	if (random_below(random, 2))
		config_text_add(text, "set dead-flow %s\n", dead[random_below(random, 3)]);
	if (random_below(random, 2))
		config_text_add(text, "set duplicate-detection %s\n",
				detection[random_below(random, 4)]);
}

/* Datacenters whose services stand where they must; those of random_services() are of none. */
static inline void random_datacenters(struct config_text *text, struct random *random)
{
	static const char *const policies[] = {"open", "filtered", "default"};

	for (unsigned i = 1; i < 4; i++) {
		if (random_below(random, 2))
			continue;
		config_text_add(text, "datacenter add %u service-name pcc%u name dc%u", i,
				random_below(random, 2), i);
		config_text_add(text, random_below(random, 2) ? "\n" : " description \"a b\"\n");
		config_text_add(text, "server add ns%u\n", i);
		config_text_add(text, "api add 127.0.0.1:%u scheme http%s\n", 8079 + i,
				random_below(random, 2) ? "" : "s host-name a.example");
		config_text_add(text, "vrack-block add 203.0.113.%u/%u\n", 64 * i,
				26 + random_below(random, 7));
	}
	if (random_below(random, 2))
		config_text_add(text, "set access-policy %s\n", policies[random_below(random, 3)]);
}

/* random_config() - Return: a malloc'ed configuration file, NULL without memory */
static inline char *random_config(uint64_t seed)
{
	struct random random = {seed * 2 + 1};
	struct config_text text = {0};
	unsigned present, pools;

	for (unsigned i = 0; i < 8; i++)
		random_next(&random); /* small seeds begin alike */
	present = random_below(&random, 1u << RANDOM_PORTGROUPS);
	random_portgroups(&text, &random, present);
	pools = random_pools(&text, &random, present);
	random_rules(&text, &random, pools);
	random_services(&text, &random, present);
	random_allows(&text, &random);
	random_vmacs(&text, &random, present);
	random_settings(&text, &random);
	random_datacenters(&text, &random);
	return config_text_take(&text);
}

#endif
