/* SPDX-License-Identifier: GPL-2.0-or-later */
/* none - offload.h and receiver.h for a build without clang, bpftool or libbpf: there is no
 * program. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/offload/offload.h"
#include "control/offload/receiver.h"

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
		 const struct receiver *receiver, struct offload_error *error)
{
	(void)receiver;
	(void)table;
	(void)ifindex;
	(void)n;
	*offload = NULL;
	snprintf(error->text, sizeof(error->text), "this pgwd was built without it");
	return -ENOSYS;
}

struct bpf_object *offload_object(const struct offload *offload)
{
	(void)offload;
	return NULL;
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
	return offload_open(&offload, -1, NULL, 0, NULL, error);
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
	return offload_open(&offload, -1, NULL, 0, NULL, error);
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

void offload_settings(struct offload *offload, const uint32_t *timer_s, uint32_t mss_clamp)
{
	(void)offload;
	(void)timer_s;
	(void)mss_clamp;
}

void offload_count(const struct offload *offload, unsigned index, struct offload_counters *total)
{
	(void)offload;
	(void)index;
	memset(total, 0, sizeof(*total));
}

int receiver_open(struct receiver **receiver, struct bpf_object *offload,
		  struct receiver_error *error)
{
	(void)offload;
	*receiver = NULL;
	snprintf(error->text, sizeof(error->text),
		 "this pgwd was built without it (clang, bpftool and libbpf-dev were not there)");
	return -ENOSYS;
}

int receiver_share(const struct receiver *receiver, struct bpf_object *other)
{
	(void)receiver;
	(void)other;
	return 0;
}

void receiver_close(struct receiver *receiver)
{
	(void)receiver;
}

int receiver_select(struct receiver *receiver, const struct kernel_selection *selection)
{
	(void)receiver;
	(void)selection;
	return -ENOSYS;
}

int receiver_attach(struct receiver *receiver, uint32_t ifindex, bool forwards,
		    struct receiver_error *error)
{
	(void)ifindex;
	(void)forwards;
	return receiver_open(&receiver, NULL, error);
}

void receiver_detach(uint32_t ifindex)
{
	(void)ifindex;
}

int receiver_fill(struct receiver *receiver, unsigned index, const struct kernel_link *link, int fd)
{
	(void)receiver;
	(void)index;
	(void)link;
	(void)fd;
	return -ENOSYS;
}

void receiver_stop(struct receiver *receiver, unsigned index, uint32_t ifindex)
{
	(void)receiver;
	(void)index;
	(void)ifindex;
}
