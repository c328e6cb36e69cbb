/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offload/offload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "control/config/inside.h"
#include "control/offload/map.h"
#include "control/offload/qdisc.h"
#include "control/offload/receiver.h"
#include "control/offload/xdp.h"
#include "forward.skel.h"

#define PROGRAM_NAME "pgw_forward"
/* Behind the filters of others, as are the sockets that receive what is not offloaded; "pgw". */
#define PRIORITY	 65000u
#define HANDLE		 0x706777u
#define MAPS_MAX	 16u
#define CLOCK_LAG_MAX_NS 10000000 /* a kernel that ticks 100 times a second */

struct offload {
	struct forward_bpf *skeleton;
	uint32_t program_id, xdp_id;
	int processors;
	uint32_t ifindex[OFFLOAD_PORTS];	 /* where a program of ours is attached, 0: not */
	bool xdp[OFFLOAD_PORTS];		 /* the XDP program is, too */
	struct offload_port port[OFFLOAD_PORTS]; /* as the map has it */
	uint16_t mss_max;			 /* of each, from now on */
};

/* The maps of a program that was found; -1: it has none that fits. */
struct found {
	int flows, ports, counters, settings, links;
};
#define FOUND_NONE ((struct found){-1, -1, -1, -1, -1})

static int __attribute__((format(printf, 3, 4)))
fail(struct offload_error *error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

bool offload_built(void)
{
	return true;
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* libbpf writes to standard error whatever it meets; what matters is said by our caller. */
static void quieten(void)
{
	libbpf_set_print(say_nothing);
}

static struct bpf_tc_hook hook_at(uint32_t ifindex)
{
	struct bpf_tc_hook hook;

	memset(&hook, 0, sizeof(hook));
	hook.sz = sizeof(hook);
	hook.ifindex = (int)ifindex;
	hook.attach_point = BPF_TC_INGRESS;
	return hook;
}

static struct bpf_tc_opts our_filter(void)
{
	struct bpf_tc_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.handle = HANDLE;
	opts.priority = PRIORITY;
	return opts;
}

/* The id of the program at our place of an interface's hook, 0 if there is none. */
static uint32_t attached_at(uint32_t ifindex)
{
	struct bpf_tc_hook hook = hook_at(ifindex);
	struct bpf_tc_opts opts = our_filter();

	quieten();
	return bpf_tc_query(&hook, &opts) ? 0 : opts.prog_id;
}

static void close_found(struct found *found)
{
	int *fds[] = {&found->flows, &found->ports, &found->counters, &found->settings,
		      &found->links};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static void take_map(struct found *found, uint32_t id)
{
	const struct {
		const char *name;
		int *place;
		uint32_t value_bytes;
	} wanted[] = {
		{MAP_NAME, &found->flows, FLOW_ELEMENT_BYTES},
		{"ports", &found->ports, sizeof(struct offload_port)},
		{"counters", &found->counters, sizeof(struct offload_counters)},
		{"settings", &found->settings, sizeof(struct offload_settings)},
		{"links", &found->links, sizeof(uint32_t)},
	};
	int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info;
	uint32_t bytes = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &bytes)) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (strcmp(wanted[i].name, info.name) != 0 || *wanted[i].place >= 0 ||
			    info.value_size != wanted[i].value_bytes)
				continue;
			*wanted[i].place = fd;
			return;
		}
	}
	close(fd);
}

/* Return: whether @id is a program of ours, and all its maps are as this build makes them. */
static bool maps_of(uint32_t id, struct found *found)
{
	uint32_t ids[MAPS_MAX], bytes;
	struct bpf_prog_info info;
	int fd = bpf_prog_get_fd_by_id(id), code;

	*found = FOUND_NONE;
	if (fd < 0)
		return false;
	memset(&info, 0, sizeof(info));
	info.nr_map_ids = MAPS_MAX;
	info.map_ids = (uint64_t)(uintptr_t)ids;
	bytes = sizeof(info);
	code = bpf_obj_get_info_by_fd(fd, &info, &bytes);
	close(fd);
	if (code || strcmp(info.name, PROGRAM_NAME) != 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		take_map(found, ids[i]);
	if (found->flows >= 0 && map_bytes(found->flows) && found->ports >= 0 &&
	    found->counters >= 0 && found->settings >= 0 && found->links >= 0)
		return true;
	close_found(found);
	return false;
}

static bool find_at(const uint32_t *ifindex, size_t n, struct found *found)
{
	*found = FOUND_NONE;
	for (size_t i = 0; i < n; i++) {
		uint32_t id = ifindex[i] ? attached_at(ifindex[i]) : 0;

		if (id && maps_of(id, found))
			return true;
	}
	return false;
}

static void read_ports(const struct found *found, struct offload_port port[OFFLOAD_PORTS])
{
	memset(port, 0, OFFLOAD_PORTS * sizeof(port[0]));
	for (uint32_t i = 0; i < OFFLOAD_PORTS; i++)
		if (bpf_map_lookup_elem(found->ports, &i, &port[i]))
			memset(&port[i], 0, sizeof(port[i]));
}

int offload_find(const uint32_t *ifindex, size_t n, int *table, uint32_t ifindex_of[OFFLOAD_PORTS])
{
	struct offload_port port[OFFLOAD_PORTS];
	struct found found;

	if (!find_at(ifindex, n, &found))
		return -ENOENT;
	read_ports(&found, port);
	for (uint32_t i = 0; i < OFFLOAD_PORTS; i++)
		ifindex_of[i] = port[i].ifindex;
	*table = found.flows;
	found.flows = -1;
	close_found(&found);
	return 0;
}

/* The id of the forwarding XDP program there, 0: none, or another one. */
static uint32_t our_xdp_at(uint32_t ifindex)
{
	quieten();
	return xdp_ours(ifindex, XDP_FORWARD_NAME);
}

/* Removes the programs, and the clsact if we made it and nobody uses it. */
static void remove_at(uint32_t ifindex, bool made_qdisc)
{
	struct bpf_tc_hook hook = hook_at(ifindex);
	struct bpf_tc_opts opts = our_filter();
	uint32_t xdp = our_xdp_at(ifindex);

	quieten();
	if (xdp)
		xdp_detach(ifindex, xdp);
	bpf_tc_detach(&hook, &opts);
	if (!made_qdisc || qdisc_filters(ifindex) != 0)
		return;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* the whole of it */
	bpf_tc_hook_destroy(&hook);
}

void offload_remove(const uint32_t *ifindex, size_t n)
{
	struct offload_port port[OFFLOAD_PORTS];
	struct found found;

	if (find_at(ifindex, n, &found)) {
		read_ports(&found, port);
		close_found(&found);
		for (uint32_t i = 0; i < OFFLOAD_PORTS; i++)
			if (port[i].ifindex)
				remove_at(port[i].ifindex, port[i].made_qdisc);
	}
	for (size_t i = 0; i < n; i++)
		if (ifindex[i] && attached_at(ifindex[i]))
			remove_at(ifindex[i], false);
}

/* Where the earlier program is attached, its successor is to take its place or to remove it. */
static void take_over(struct offload *offload, const struct found *found)
{
	if (found->ports < 0)
		return;
	read_ports(found, offload->port);
	for (uint32_t i = 0; i < OFFLOAD_PORTS; i++)
		if (offload->port[i].ifindex && attached_at(offload->port[i].ifindex)) {
			offload->ifindex[i] = offload->port[i].ifindex;
			offload->xdp[i] = our_xdp_at(offload->port[i].ifindex) != 0;
		}
}

static int read_id(const struct bpf_program *program, uint32_t *id)
{
	struct bpf_prog_info info;
	uint32_t bytes = sizeof(info);
	int code;

	memset(&info, 0, sizeof(info));
	code = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes);
	*id = info.id;
	return code;
}

static int load(struct offload *offload, int table, const struct found *found,
		const struct receiver *receiver)
{
	struct forward_bpf *skeleton = forward_bpf__open();
	int code;

	if (!skeleton)
		return -errno;
	code = bpf_map__reuse_fd(skeleton->maps.flows, table);
	if (!code && found->ports >= 0) {
		code = bpf_map__reuse_fd(skeleton->maps.ports, found->ports);
		if (!code)
			code = bpf_map__reuse_fd(skeleton->maps.counters, found->counters);
		if (!code)
			code = bpf_map__reuse_fd(skeleton->maps.settings, found->settings);
		if (!code)
			code = bpf_map__reuse_fd(skeleton->maps.links, found->links);
	}
	if (!code && receiver)
		code = receiver_share(receiver, skeleton->obj);
	if (!code)
		code = forward_bpf__load(skeleton);
	if (!code)
		code = read_id(skeleton->progs.pgw_forward, &offload->program_id);
	if (!code)
		code = read_id(skeleton->progs.pgw_forward_xdp, &offload->xdp_id);
	if (code) {
		forward_bpf__destroy(skeleton);
		return code;
	}
	offload->skeleton = skeleton;
	return 0;
}

int offload_open(struct offload **offload, int table, const uint32_t *ifindex, size_t n,
		 const struct receiver *receiver, struct offload_error *error)
{
	struct offload *o = calloc(1, sizeof(*o));
	struct found found;
	int code;

	*offload = NULL;
	if (!o)
		return fail(error, -ENOMEM, "out of memory");
	quieten();
	find_at(ifindex, n, &found);
	o->processors = libbpf_num_possible_cpus();
	code = o->processors < 0 ? o->processors : load(o, table, &found, receiver);
	if (!code)
		take_over(o, &found);
	close_found(&found);
	if (code) {
		free(o);
		if (code == -EPERM || code == -EACCES)
			return fail(error, -EPERM,
				    "BPF programs are not permitted here (CAP_BPF, CAP_PERFMON and "
				    "CAP_NET_ADMIN are needed)");
		return fail(error, code, "the kernel does not take the program: %s",
			    strerror(-code));
	}
	*offload = o;
	return 0;
}

struct bpf_object *offload_object(const struct offload *offload)
{
	return offload->skeleton->obj;
}

void offload_close(struct offload *offload)
{
	if (!offload)
		return;
	forward_bpf__destroy(offload->skeleton);
	free(offload);
}

static void write_port(struct offload *offload, uint32_t index)
{
	bpf_map_update_elem(bpf_map__fd(offload->skeleton->maps.ports), &index,
			    &offload->port[index], BPF_ANY);
}

/* The program's short way to the entry of "links" for @ifindex, if nobody else has the place. */
static void set_near(struct offload *offload, uint32_t ifindex, uint32_t index)
{
	volatile struct offload_near *near = &offload->skeleton->bss->near[ifindex % OFFLOAD_NEAR];

	if (near->ifindex && near->ifindex != ifindex)
		return;
	near->ifindex = 0;
	near->index = index;
	near->ifindex = ifindex;
}

static void clear_near(struct offload *offload, uint32_t ifindex)
{
	struct offload_near *near = &offload->skeleton->bss->near[ifindex % OFFLOAD_NEAR];

	if (near->ifindex == ifindex)
		near->ifindex = 0;
}

/* A filter at our place that is not ours is somebody's who chose the same numbers. */
static int check_place(uint32_t ifindex, struct offload_error *error)
{
	char name[XDP_NAME_BYTES];

	xdp_name(attached_at(ifindex), name);
	if (!*name || !strcmp(name, PROGRAM_NAME))
		return 0; /* nothing there, it cannot be told, or ours */
	return fail(error, -EEXIST,
		    "tc filter priority %u handle 0x%x is taken by program \"%s\" of somebody else",
		    PRIORITY, HANDLE, name);
}

int offload_attach(struct offload *offload, unsigned index, uint32_t ifindex,
		   struct offload_error *error)
{
	struct bpf_tc_hook hook = hook_at(ifindex);
	struct bpf_tc_opts opts = our_filter();
	uint32_t value = index;
	int code;

	if (offload->ifindex[index] && offload->ifindex[index] != ifindex)
		offload_detach(offload, index);
	if (offload->ifindex[index] && attached_at(ifindex) == offload->program_id)
		return 0;
	quieten();
	code = bpf_tc_hook_create(&hook);
	if (!code)
		offload->port[index].made_qdisc = 1;
	if (code && code != -EEXIST)
		return fail(error, code, "the interface takes no clsact: %s", strerror(-code));
	code = check_place(ifindex, error);
	if (code)
		return code;
	/* first, so that the program finds itself known from its first packet */
	code = bpf_map_update_elem(bpf_map__fd(offload->skeleton->maps.links), &ifindex, &value,
				   BPF_ANY);
	set_near(offload, ifindex, index);
	if (!code) {
		opts.prog_fd = bpf_program__fd(offload->skeleton->progs.pgw_forward);
		opts.flags = BPF_TC_F_REPLACE;
		code = bpf_tc_attach(&hook, &opts);
	}
	offload->ifindex[index] = ifindex; /* so that offload_detach() takes all of it back */
	write_port(offload, index);
	if (!code)
		return 0;
	offload_detach(offload, index);
	return fail(error, code, "the program cannot be attached: %s", strerror(-code));
}

void offload_detach(struct offload *offload, unsigned index)
{
	uint32_t ifindex = offload->ifindex[index];

	if (!ifindex)
		return;
	remove_at(ifindex, offload->port[index].made_qdisc);
	offload->xdp[index] = false;
	clear_near(offload, ifindex);
	bpf_map_delete_elem(bpf_map__fd(offload->skeleton->maps.links), &ifindex);
	offload->ifindex[index] = 0;
	offload->port[index].made_qdisc = 0;
	write_port(offload, index);
}

const char *offload_lost(const struct offload *offload, unsigned index)
{
	uint32_t ifindex = offload->ifindex[index];

	if (ifindex && attached_at(ifindex) != offload->program_id)
		return "tc program";
	if (ifindex && offload->xdp[index] && our_xdp_at(ifindex) != offload->xdp_id)
		return "XDP program";
	return NULL;
}

static bool takes_xdp(const struct offload *offload, unsigned index, uint32_t ifindex)
{
	struct xdp_ability ability;

	xdp_ability(ifindex, &ability);
	/* an older kernel does not tell; drivers that run a program take frames, too */
	return ability.known ? ability.transmits : offload->xdp[index];
}

int offload_attach_xdp(struct offload *offload, unsigned index, struct offload_error *error)
{
	uint32_t ifindex = offload->ifindex[index], there = xdp_ours(ifindex, NULL);
	char name[XDP_NAME_BYTES];
	int code;

	if (offload->xdp[index] && there == offload->xdp_id)
		return 0;
	code = xdp_attach(ifindex, bpf_program__fd(offload->skeleton->progs.pgw_forward_xdp),
			  there);
	offload->xdp[index] = !code;
	if (!code)
		return 0;
	xdp_name(xdp_program(ifindex), name);
	if (*name)
		return fail(error, -EEXIST, "XDP program \"%s\" of somebody else is there", name);
	return fail(error, code, "the interface takes no XDP program: %s", strerror(-code));
}

void offload_detach_xdp(struct offload *offload, unsigned index)
{
	uint32_t there = offload->xdp[index] ? our_xdp_at(offload->ifindex[index]) : 0;

	if (there)
		xdp_detach(offload->ifindex[index], there);
	offload->xdp[index] = false;
}

bool offload_xdp_chosen(uint32_t ifindex)
{
	struct xdp_ability ability;

	xdp_ability(ifindex, &ability);
	return xdp_worthwhile(&ability);
}

enum offload_state offload_state(const struct offload *offload, unsigned index)
{
	if (!offload || index >= OFFLOAD_PORTS || !offload->ifindex[index])
		return OFFLOAD_STATE_OFF;
	return offload->xdp[index] ? OFFLOAD_STATE_XDP : OFFLOAD_STATE_TC;
}

void offload_port(struct offload *offload, unsigned index, const struct kernel_link *link)
{
	const struct offload_port *old = &offload->port[index];
	struct offload_port port = {
		.ifindex = link->ifindex,
		.mtu = link->mtu,
		.mac = link->mac,
		.up = link->up,
		.made_qdisc = old->made_qdisc,
		.takes_xdp = link->ifindex && takes_xdp(offload, index, link->ifindex),
		.inside = !strcmp(link->name, INSIDE_DEV),
		.mss_max = offload->mss_max,
	};

	if (!memcmp(old, &port, sizeof(port)))
		return;
	offload->port[index] = port;
	write_port(offload, index);
}

/* Rounded up, as the datapath does. */
static uint32_t ticks(uint32_t seconds)
{
	uint64_t ns = seconds * 1000000000ull;

	return (uint32_t)((ns + (1u << FLOW_TICK_SHIFT) - 1) >> FLOW_TICK_SHIFT);
}

void offload_settings(struct offload *offload, const uint32_t *timer_s, uint32_t mss_clamp)
{
	uint32_t open_s = timer_s[TIMER_TCP_TRANS_OPEN], close_s = timer_s[TIMER_TCP_TRANS_CLOSE];
	struct offload_settings settings = {
		.timeout_tick_tcp = ticks(timer_s[TIMER_TCP_IDLE]),
		.timeout_tick_udp = ticks(timer_s[TIMER_UDP]),
		.timeout_tick_tcp_trans = ticks(open_s < close_s ? open_s : close_s),
	};
	const uint32_t zero = 0;
	struct timespec lag = {.tv_nsec = CLOCK_LAG_MAX_NS};

	static_assert(SNAPSHOT_MSS_PATH == OFFLOAD_MSS_PATH, "the same values");
	offload->mss_max = mss_clamp == SNAPSHOT_MSS_OFF ? OFFLOAD_MSS_ANY : (uint16_t)mss_clamp;
	clock_getres(CLOCK_MONOTONIC_COARSE, &lag);
	settings.clock_lag_tick = (uint32_t)(lag.tv_nsec >> FLOW_TICK_SHIFT) + 1;

	bpf_map_update_elem(bpf_map__fd(offload->skeleton->maps.settings), &zero, &settings,
			    BPF_ANY);
}

void offload_count(const struct offload *offload, unsigned index, struct offload_counters *total)
{
	struct offload_counters *each;
	uint32_t key = index;

	memset(total, 0, sizeof(*total));
	if (!offload || index >= OFFLOAD_PORTS)
		return;
	each = calloc((size_t)offload->processors, sizeof(*each));
	if (!each)
		return;
	if (!bpf_map_lookup_elem(bpf_map__fd(offload->skeleton->maps.counters), &key, each)) {
		for (int i = 0; i < offload->processors; i++) {
			total->rcvd_packets += each[i].rcvd_packets;
			total->rcvd_bytes += each[i].rcvd_bytes;
			total->sent_packets += each[i].sent_packets;
			total->sent_bytes += each[i].sent_bytes;
		}
	}
	free(each);
}
