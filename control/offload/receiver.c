/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offload/receiver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "control/offload/xdp.h"
#include "datapath/offload/maps.h"
#include "datapath/offload/receive_maps.h"
#include "receive.skel.h"

static_assert(OFFLOAD_PORTS == 32, "the size of the maps in receive.h");

struct receiver {
	struct receive_bpf *skeleton;
	uint32_t program_id;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct receiver_error *error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

/* libbpf writes to standard error whatever it meets; what matters is said by our caller. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int share(const struct bpf_object *from, struct bpf_object *to)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, to)
	{
		const char *name = bpf_map__name(map);
		const struct bpf_map *same = bpf_object__find_map_by_name(from, name);
		int code = same ? bpf_map__reuse_fd(map, bpf_map__fd(same)) : 0;

		if (code)
			return code;
	}
	return 0;
}

static int read_id(const struct receive_bpf *skeleton, uint32_t *id)
{
	struct bpf_prog_info info;
	uint32_t bytes = sizeof(info);
	int code;

	memset(&info, 0, sizeof(info));
	code = bpf_obj_get_info_by_fd(bpf_program__fd(skeleton->progs.pgw_receive_xdp), &info,
				      &bytes);
	*id = info.id;
	return code;
}

int receiver_open(struct receiver **receiver, struct bpf_object *offload,
		  struct receiver_error *error)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int code = 0;

	*receiver = NULL;
	if (!r)
		return fail(error, -ENOMEM, "out of memory");
	libbpf_set_print(say_nothing);
	r->skeleton = receive_bpf__open();
	if (!r->skeleton)
		code = -errno;
	if (!code && offload)
		code = share(offload, r->skeleton->obj);
	if (!code)
		code = receive_bpf__load(r->skeleton);
	if (!code)
		code = read_id(r->skeleton, &r->program_id);
	if (!code) {
		*receiver = r;
		return 0;
	}
	receiver_close(r);
	if (code == -EPERM || code == -EACCES)
		return fail(error, -EPERM,
			    "BPF programs are not permitted here (CAP_BPF, CAP_PERFMON and "
			    "CAP_NET_ADMIN are needed)");
	return fail(error, code, "the kernel does not take the program: %s", strerror(-code));
}

int receiver_share(const struct receiver *receiver, struct bpf_object *other)
{
	return share(receiver->skeleton->obj, other);
}

void receiver_close(struct receiver *receiver)
{
	if (!receiver)
		return;
	receive_bpf__destroy(receiver->skeleton);
	free(receiver);
}

/* --- what is the datapath's --- */

/* Keys of both maps are tuples: numbers, here. */
typedef uint64_t key;
static_assert(sizeof(struct receive_tuple) == sizeof(key), "a tuple");

struct tuple_entry {
	key key;
	uint32_t verdict;
};

struct pool_entry {
	key key;
	struct receive_ranges ranges;
};

static key key_of(be32 addr, uint8_t proto, be16 port)
{
	const struct receive_tuple tuple = {.addr = addr, .port = port, .proto = proto};
	key number;

	memcpy(&number, &tuple, sizeof(number));
	return number;
}

/* Entries begin with their key. */
static int compare(const void *a, const void *b)
{
	const key *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* prune() - take everything but @n sorted entries out of a map. Return: 0 or -errno. */
static int prune(int map, const void *entries, size_t n, size_t entry_bytes)
{
	key *found = NULL, at;
	size_t n_found = 0, room = 0;
	int code = 0;

	while (!bpf_map_get_next_key(map, n_found ? &found[n_found - 1] : NULL, &at)) {
		if (n_found == room) {
			key *grown = reallocarray(found, room * 2 + 64, sizeof(*grown));

			if (!grown) {
				free(found);
				return -ENOMEM;
			}
			found = grown;
			room = room * 2 + 64;
		}
		found[n_found++] = at;
	}
	for (size_t i = 0; i < n_found; i++)
		if (!bsearch(&found[i], entries, n, entry_bytes, compare) &&
		    bpf_map_delete_elem(map, &found[i]))
			code = -errno;
	free(found);
	return code;
}

/* replace() - have a map hold these entries, whose values stand behind their keys, and no others */
static int replace(int map, void *entries, size_t n, size_t entry_bytes)
{
	uint8_t *at = entries;
	int code = 0, pruned;

	qsort(entries, n, entry_bytes, compare);
	/* first what is new: a new address of this host is the kernel's at once */
	for (size_t i = 0; i < n; i++, at += entry_bytes)
		if (bpf_map_update_elem(map, at, at + sizeof(key), BPF_ANY))
			code = -errno;
	pruned = prune(map, entries, n, entry_bytes);
	return code ? code : pruned;
}

static int select_tuples(struct receiver *receiver, const struct kernel_selection *selection)
{
	size_t n = 0, all = selection->n_tuples + selection->n_locals;
	struct tuple_entry *entries = calloc(all ? all : 1, sizeof(*entries));
	int code;

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < selection->n_locals; i++)
		entries[n++] =
			(struct tuple_entry){key_of(selection->locals[i], 0, 0), RECEIVE_LOCAL};
	for (size_t i = 0; i < selection->n_tuples; i++) {
		const struct kernel_tuple *tuple = &selection->tuples[i];

		entries[n++] =
			(struct tuple_entry){key_of(tuple->addr, tuple->proto, tuple->port),
					     tuple->listening ? RECEIVE_LEAVE : RECEIVE_TAKE};
	}
	code = replace(bpf_map__fd(receiver->skeleton->maps.tuples), entries, n, sizeof(*entries));
	free(entries);
	return code;
}

static int select_pools(struct receiver *receiver, const struct kernel_selection *selection)
{
	struct pool_entry *entries =
		calloc(selection->n_ports ? selection->n_ports : 1, sizeof(*entries));
	size_t n = 0;
	int code;

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < selection->n_ports; i++)
		entries[i].key = key_of(selection->ports[i].addr, selection->ports[i].proto, 0);
	qsort(entries, selection->n_ports, sizeof(*entries), compare);
	for (size_t i = 0; i < selection->n_ports; i++)
		if (!n || entries[n - 1].key != entries[i].key)
			entries[n++] = entries[i];
	for (size_t i = 0; i < selection->n_ports; i++) {
		const struct kernel_ports *ports = &selection->ports[i];
		const key wanted = key_of(ports->addr, ports->proto, 0);
		struct pool_entry *entry = bsearch(&wanted, entries, n, sizeof(*entries), compare);
		unsigned place = 0;

		while (entry && place < RECEIVE_RANGES && entry->ranges.range[place].last)
			place++;
		if (!entry || place == RECEIVE_RANGES)
			continue;
		entry->ranges.range[place].first = ports->first;
		entry->ranges.range[place].last = ports->last;
	}
	code = replace(bpf_map__fd(receiver->skeleton->maps.pools), entries, n, sizeof(*entries));
	free(entries);
	return code;
}

int receiver_select(struct receiver *receiver, const struct kernel_selection *selection)
{
	int code = select_tuples(receiver, selection), pools = select_pools(receiver, selection);

	return code ? code : pools;
}

/* --- where --- */

/* Why an interface takes no program, and what helps. */
static int explain(uint32_t ifindex, int code, struct receiver_error *error)
{
	struct xdp_ability ability;
	char name[IF_NAMESIZE] = "IFACE", other[XDP_NAME_BYTES];

	if_indextoname(ifindex, name);
	xdp_name(xdp_program(ifindex), other);
	if (*other)
		return fail(error, -EEXIST,
			    "XDP program \"%s\" of somebody else is there: ip link set %s xdp off",
			    other, name);
	xdp_ability(ifindex, &ability);
	if (ability.joins)
		return fail(error, code,
			    "segments are joined before they arrive: ethtool -K %s lro off "
			    "rx-gro-hw off",
			    name);
	if (code == -ERANGE)
		return fail(error, code, "its MTU is too large for XDP: ip link set %s mtu 1500",
			    name);
	return fail(error, code, "the interface takes no XDP program: %s", strerror(-code));
}

int receiver_attach(struct receiver *receiver, uint32_t ifindex, bool forwards,
		    struct receiver_error *error)
{
	uint32_t there = xdp_ours(ifindex, NULL);
	int code;

	if (forwards || there == receiver->program_id)
		return 0;
	code = xdp_attach(ifindex, bpf_program__fd(receiver->skeleton->progs.pgw_receive_xdp),
			  there);
	return code ? explain(ifindex, code, error) : 0;
}

void receiver_detach(uint32_t ifindex)
{
	uint32_t there = xdp_ours(ifindex, XDP_RECEIVE_NAME);

	if (there)
		xdp_detach(ifindex, there);
}

int receiver_fill(struct receiver *receiver, unsigned index, const struct kernel_link *link, int fd)
{
	const struct receive_port port = {.index = index, .mac = link->mac};
	uint32_t at = index;
	int code = 0;

	if (fd >= 0)
		code = bpf_map_update_elem(bpf_map__fd(receiver->skeleton->maps.sockets), &at, &fd,
					   BPF_ANY);
	if (!code)
		code = bpf_map_update_elem(bpf_map__fd(receiver->skeleton->maps.receivers),
					   &link->ifindex, &port, BPF_ANY);
	return code ? -errno : 0;
}

void receiver_stop(struct receiver *receiver, unsigned index, uint32_t ifindex)
{
	uint32_t at = index;

	bpf_map_delete_elem(bpf_map__fd(receiver->skeleton->maps.receivers), &ifindex);
	bpf_map_delete_elem(bpf_map__fd(receiver->skeleton->maps.sockets), &at);
}
