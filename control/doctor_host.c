/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the machine the gateway depends on. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "control/doctor.h"
#include "control/netlink/sysctl.h"
#include "datapath/base/huge.h"

#define DISK_LOW_BYTES	 (16u << 20)
#define DISK_EMPTY_BYTES (1u << 20)

static void look_at_clock(struct doctor *doctor)
{
	struct timex clock = {.modes = 0};
	int state = adjtimex(&clock);

	if (state == TIME_ERROR || clock.status & STA_UNSYNC)
		doctor_say(doctor, "clock", DOCTOR_WARN,
			   "have it synchronised (systemd-timesyncd, chrony): the times of logs "
			   "and of signed "
			   "API requests depend on it; sessions do not",
			   "the clock is not synchronised");
	else
		doctor_say(doctor, "clock", DOCTOR_OK, NULL, "synchronised, estimated error %ld us",
			   clock.esterror);
}

static unsigned long number(const char *path)
{
	unsigned long value = 0;
	char *text;

	if (sysctl_read(path, &text))
		return 0;
	value = strtoul(text, NULL, 10);
	free(text);
	return value;
}

/* Only what kernel_apply() does not set by itself: it keeps to the portgroups' own interfaces. */
static void look_at_parameters(struct doctor *doctor)
{
	unsigned long filter = number("net/ipv4/conf/all/rp_filter");
	bool fine = !filter;

	if (filter)
		doctor_say(
			doctor, "kernel-parameters", DOCTOR_WARN,
			"sysctl -w net.ipv4.conf.all.rp_filter=0 (and in /etc/sysctl.d)",
			"net.ipv4.conf.all.rp_filter is %lu, which counts for portgroups, too: "
			"ARP requests of clients that the system has no route to are not answered",
			filter);
	if (number("net/ipv4/conf/all/arp_ignore") > 1) {
		fine = false;
		doctor_say(doctor, "kernel-parameters", DOCTOR_WARN,
			   "sysctl -w net.ipv4.conf.all.arp_ignore=0 (and in /etc/sysctl.d)",
			   "net.ipv4.conf.all.arp_ignore is greater than 1: neighbours of other "
			   "subnets get "
			   "no answer to their ARP requests");
	}
	if (fine)
		doctor_say(doctor, "kernel-parameters", DOCTOR_OK, NULL,
			   "those of all interfaces leave the portgroups alone");
}

/* Of the whole machine: how the flow table's memory is cut into pages. */
static void look_at_huge_pages(struct doctor *doctor)
{
	const struct gateway *gateway = doctor->gateway;
	size_t mib = gateway->table.bytes >> 20;
	char value[HUGEPAGES_VALUE];
	int code = hugepages_value(&gateway->hugepages, value);

	if (gateway->table.map)
		doctor_say(doctor, "huge-pages", DOCTOR_OK, NULL,
			   "none: the flow table of %zu MiB is a BPF map, for offload", mib);
	else if (gateway->table.bytes < HUGE_WORTH_BYTES)
		doctor_say(doctor, "huge-pages", DOCTOR_OK, NULL,
			   "none: the flow table of %zu KiB is small", gateway->table.bytes >> 10);
	else if (code)
		doctor_say(doctor, "huge-pages", DOCTOR_OK, NULL,
			   "none: this kernel has none for shared memory");
	else if (!strcmp(value, "never") && gateway->hugepages.fd >= 0)
		doctor_say(
			doctor, "huge-pages", DOCTOR_WARN,
			"echo advise >" HUGEPAGES_PARAMETER ", and find out who set it back",
			"somebody has set shmem_enabled to never again: what is still to be used "
			"of the flow table of %zu MiB gets small pages",
			mib);
	else if (!strcmp(value, "never") || !strcmp(value, "deny"))
		doctor_say(doctor, "huge-pages", DOCTOR_OK, NULL,
			   "none: shmem_enabled is %s%s; the flow table of %zu MiB has small pages",
			   value, *value == 'n' ? " and could not be set" : "", mib);
	else
		doctor_say(doctor, "huge-pages", DOCTOR_OK, NULL,
			   "shmem_enabled is %s%s; the flow table has %zu MiB", value,
			   hugepages_taken(&gateway->hugepages) ? ", set by pgwd, never before"
								: "",
			   mib);
}

/* What the sockets behind the datapath need: parameters of their own link are mended. */
static void look_at_inside(struct doctor *doctor)
{
	unsigned long filter = inside_filter();

	if (!doctor->gateway->inside.n)
		return;
	if (filter)
		doctor_say(doctor, "names-and-ntp", DOCTOR_FAIL,
			   "sysctl -w net.ipv4.conf.all.rp_filter=0 (and in /etc/sysctl.d)",
			   "net.ipv4.conf.all.rp_filter is %lu, which counts for %s, too: services "
			   "with names (sni) and NTP %s",
			   filter, INSIDE_DEV_HOST,
			   filter == 1 ? "are not reached by any client"
				       : "are not reached by clients to which the system has no "
					 "route");
	else
		doctor_say(doctor, "names-and-ntp", DOCTOR_OK, NULL,
			   "the kernel lets clients of any network through to them");
}

/* Ports of endpoints are the kernel's own: it answers by its routes, not to the last hop. */
static void look_at_endpoints(struct doctor *doctor)
{
	const struct config *config = &doctor->gateway->config;
	char text[PREFIX_TEXT_BYTES];
	bool fine = true;

	if (!config->n_tunnel_gateways)
		return;
	for (size_t i = 0; i < config->n_tunnel_gateways; i++) {
		const struct config_tunnel_gateway *stage = &config->tunnel_gateways[i];

		for (size_t k = 0; k < stage->n_from; k++) {
			if (kernel_routed(doctor->gateway->kernel, stage->from[k]) != 0)
				continue;
			fine = false;
			doctor_say(doctor, "endpoints", DOCTOR_WARN,
				   "route add NETWORK via ADDRESS, with the router of that network",
				   "tunnel-gateway %s: the system has no route to %s, so clients "
				   "from there get no answer of its endpoints",
				   stage->name, prefix_text(stage->from[k], text));
		}
	}
	if (fine)
		doctor_say(doctor, "endpoints", DOCTOR_OK, NULL,
			   "the system has a route to every network that may use them");
}

static void look_at_neighbour_table(struct doctor *doctor)
{
	unsigned long limit = number("net/ipv4/neigh/default/gc_thresh3"), hosts = 0;
	const struct config *config = &doctor->gateway->config;

	for (size_t i = 0; i < config->n_addresses; i++)
		if (config->addresses[i].prefix_len < 31)
			hosts += (1ul << (32 - config->addresses[i].prefix_len)) - 2;
	if (!limit)
		doctor_say(doctor, "neighbour-table", DOCTOR_OK, NULL,
			   "its limits (gc_thresh3) belong to another network namespace");
	else if (hosts > limit)
		doctor_say(doctor, "neighbour-table", DOCTOR_WARN,
			   "sysctl -w net.ipv4.neigh.default.gc_thresh3=N (and gc_thresh2) with N "
			   "above the "
			   "hosts of all connected networks",
			   "the connected networks have room for %lu hosts, the kernel's table for "
			   "%lu "
			   "(gc_thresh3): a scan can push next hops out",
			   hosts, limit);
	else
		doctor_say(doctor, "neighbour-table", DOCTOR_OK, NULL,
			   "room for %lu neighbours (gc_thresh3)", limit);
}

static void look_at_disk(struct doctor *doctor)
{
	const struct gateway *gateway = doctor->gateway;
	struct statvfs disk;
	uint64_t left;

	if (*gateway->state_trouble)
		doctor_say(doctor, "state", DOCTOR_FAIL,
			   "mend what the text names, then start pgwd again", "%s",
			   gateway->state_trouble);
	if (statvfs(gateway->options.state_dir, &disk)) {
		doctor_say(doctor, "disk", DOCTOR_FAIL,
			   "make the directory, or name another with -S", "%s: %s",
			   gateway->options.state_dir, strerror(errno));
		return;
	}
	left = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (left < DISK_LOW_BYTES || disk.f_flag & ST_RDONLY)
		doctor_say(doctor, "disk",
			   left < DISK_EMPTY_BYTES || disk.f_flag & ST_RDONLY ? DOCTOR_FAIL
									      : DOCTOR_WARN,
			   "make room: without it no revision and no task can be kept",
			   "%s: %" PRIu64 " KiB are left%s", gateway->options.state_dir, left >> 10,
			   disk.f_flag & ST_RDONLY ? ", mounted read-only" : "");
	else
		doctor_say(doctor, "disk", DOCTOR_OK, NULL, "%s: %" PRIu64 " MiB are left",
			   gateway->options.state_dir, left >> 20);
}

/* read_status() - the value of a line of /proc/PID/status. Return: false if there is none. */
static bool read_status(int pid, const char *key, char value[64])
{
	char path[40], line[200];
	bool found = false;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		size_t n = strlen(key);

		found = !strncmp(line, key, n) && line[n] == ':';
		if (found)
			found = sscanf(line + n + 1, "%63s", value) == 1;
	}
	if (file)
		(void)fclose(file);
	return found;
}

static void look_at_process(struct doctor *doctor, const char *name, int pid)
{
	char capabilities[64], filter[64];

	if (!read_status(pid, "CapEff", capabilities) || !read_status(pid, "Seccomp", filter)) {
		doctor_say(doctor, name, DOCTOR_FAIL, "see the log; it is started again",
			   "pid %d is not there", pid);
		return;
	}
	if (strtoull(capabilities, NULL, 16) || strcmp(filter, "2") != 0)
		doctor_say(doctor, name, DOCTOR_FAIL,
			   "start it by pgwd, which takes its privileges away",
			   "pid %d has capabilities %s and seccomp mode %s, expected none and a "
			   "filter",
			   pid, capabilities, filter);
	else
		doctor_say(doctor, name, DOCTOR_OK, NULL,
			   "pid %d runs without capabilities, behind a seccomp filter", pid);
}

void doctor_host(struct doctor *doctor)
{
	const struct gateway *gateway = doctor->gateway;

	if (gateway->datapath.pid)
		look_at_process(doctor, "pgw-datapath", gateway->datapath.pid);
	else
		doctor_say(doctor, "pgw-datapath", DOCTOR_FAIL, "see the log for why it ends",
			   "it is being started again");
	if (gateway->log.process.pid)
		look_at_process(doctor, "pgw-log", gateway->log.process.pid);
	if (gateway->relaying.pid)
		look_at_process(doctor, "pgw-relay", gateway->relaying.pid);
	else if (gateway->relaying.wanted)
		doctor_say(doctor, "pgw-relay", DOCTOR_FAIL, "see the log for why it ends",
			   "it is being started again: TLS names and tunnels are not served");
	if (gateway->serving.pid)
		look_at_process(doctor, "pgw-api", gateway->serving.pid);
	else if (gateway->config.n_apis)
		doctor_say(doctor, "pgw-api", DOCTOR_FAIL, "see the log for why it ends",
			   "it is being started again: the API is not served");
	look_at_parameters(doctor);
	look_at_huge_pages(doctor);
	look_at_inside(doctor);
	look_at_endpoints(doctor);
	look_at_neighbour_table(doctor);
	look_at_clock(doctor);
	look_at_disk(doctor);
}
