/* SPDX-License-Identifier: GPL-2.0-or-later */
/* none - offload.h for a build without clang, bpftool or libbpf: there is no program. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/offload/offload.h"

bool offload_built(void)
{
	return false;
}

int offload_find(const uint32_t *ifindex, size_t n, int *table, uint32_t ifindex_of[OFFLOAD_PORTS])
{
	(void)ifindex;
	(void)n;
	(void)table;
	(void)ifindex_of;
	return -ENOENT;
}

int offload_open(struct offload **offload, int table, const uint32_t *ifindex, size_t n,
		 struct offload_error *error)
{
	(void)table;
	(void)ifindex;
	(void)n;
	*offload = NULL;
	snprintf(error->text, sizeof(error->text), "this pgwd was built without it");
	return -ENOSYS;
}

void offload_remove(const uint32_t *ifindex, size_t n)
{
	(void)ifindex;
	(void)n;
}

void offload_close(struct offload *offload)
{
	(void)offload;
}

int offload_attach(struct offload *offload, unsigned index, uint32_t ifindex,
		   struct offload_error *error)
{
	(void)index;
	(void)ifindex;
	return offload_open(&offload, -1, NULL, 0, error);
}

void offload_detach(struct offload *offload, unsigned index)
{
	(void)offload;
	(void)index;
}

const char *offload_lost(const struct offload *offload, unsigned index)
{
	(void)offload;
	(void)index;
	return NULL;
}

int offload_attach_xdp(struct offload *offload, unsigned index, struct offload_error *error)
{
	(void)index;
	return offload_open(&offload, -1, NULL, 0, error);
}

void offload_detach_xdp(struct offload *offload, unsigned index)
{
	(void)offload;
	(void)index;
}

enum offload_state offload_state(const struct offload *offload, unsigned index)
{
	(void)offload;
	(void)index;
	return OFFLOAD_STATE_OFF;
}

bool offload_xdp_chosen(uint32_t ifindex)
{
	(void)ifindex;
	return false;
}

void offload_port(struct offload *offload, unsigned index, const struct kernel_link *link)
{
	(void)offload;
	(void)index;
	(void)link;
}

void offload_timers(struct offload *offload, uint32_t tcp_idle_s, uint32_t udp_s)
{
	(void)offload;
	(void)tcp_idle_s;
	(void)udp_s;
}

void offload_count(const struct offload *offload, unsigned index, struct offload_counters *total)
{
	(void)offload;
	(void)index;
	memset(total, 0, sizeof(*total));
}
