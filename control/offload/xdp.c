/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offload/xdp.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/sockios.h>

/* linux/netdev.h, which Debian 12 does not have */
#define NETDEV_FAMILY		"netdev"
#define NETDEV_CMD_DEV_GET	1
#define NETDEV_A_DEV_IFINDEX	1
#define NETDEV_A_DEV_XDP	3
#define NETDEV_XDP_ACT_BASIC	1u
#define NETDEV_XDP_ACT_REDIRECT 2u
#define NETDEV_XDP_ACT_NDO_XMIT 4u

static_assert(XDP_NAME_BYTES == BPF_OBJ_NAME_LEN, "as the kernel has it");

#define STRINGS_MAX 256u /* features that an interface may have */
#define HOOK_FLAGS  XDP_FLAGS_DRV_MODE

/* One attribute of an answer. */
struct wanted {
	uint16_t type;
	size_t bytes;
	void *value;
	bool found;
};

static int take_attribute(const struct nlattr *attribute, void *context)
{
	struct wanted *wanted = context;

	if (mnl_attr_get_type(attribute) == wanted->type &&
	    mnl_attr_get_payload_len(attribute) >= wanted->bytes) {
		memcpy(wanted->value, mnl_attr_get_payload(attribute), wanted->bytes);
		wanted->found = true;
	}
	return MNL_CB_OK;
}

static int take_message(const struct nlmsghdr *header, void *context)
{
	return mnl_attr_parse(header, sizeof(struct genlmsghdr), take_attribute, context);
}

/* ask() - send @header, which lies in a buffer of @bytes, and read one attribute of the answer */
static bool ask(struct mnl_socket *socket, struct nlmsghdr *header, size_t bytes,
		struct wanted *wanted)
{
	unsigned port = mnl_socket_get_portid(socket), sequence = header->nlmsg_seq;
	ssize_t got;
	int more = MNL_CB_OK;

	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return false;
	while (more > MNL_CB_STOP) {
		got = mnl_socket_recvfrom(socket, header, bytes);
		more = got < 0 ? MNL_CB_ERROR
			       : mnl_cb_run(header, (size_t)got, sequence, port, take_message,
					    wanted);
	}
	return more == MNL_CB_STOP && wanted->found;
}

static struct nlmsghdr *begin(void *buffer, uint16_t family, uint8_t command, unsigned sequence)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *generic;

	header->nlmsg_type = family;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header->nlmsg_seq = sequence;
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->cmd = command;
	generic->version = 1;
	return header;
}

/* Return: whether the kernel told the XDP features of @ifindex. */
static bool read_features(uint32_t ifindex, uint64_t *features)
{
	char buffer[8192] __attribute__((aligned(MNL_ALIGNTO)));
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	struct nlmsghdr *header;
	uint16_t family = 0;
	struct wanted id = {CTRL_ATTR_FAMILY_ID, sizeof(family), &family, false};
	struct wanted bits = {NETDEV_A_DEV_XDP, sizeof(*features), features, false};
	bool told = false;

	if (!socket)
		return false;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0) {
		header = begin(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
		mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
		told = ask(socket, header, sizeof(buffer), &id);
	}
	if (told) {
		header = begin(buffer, family, NETDEV_CMD_DEV_GET, 2);
		mnl_attr_put_u32(header, NETDEV_A_DEV_IFINDEX, ifindex);
		told = ask(socket, header, sizeof(buffer), &bits);
	}
	mnl_socket_close(socket);
	return told;
}

static bool ethtool(int fd, const char *name, void *value)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = value;
	return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static uint32_t count_features(int fd, const char *name)
{
	union { /* the header, and the one count that is asked for */
		struct ethtool_sset_info info;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} sets;

	memset(&sets, 0, sizeof(sets));
	sets.info.cmd = ETHTOOL_GSSET_INFO;
	sets.info.sset_mask = 1ull << ETH_SS_FEATURES;
	return ethtool(fd, name, &sets) && sets.info.sset_mask ? sets.info.data[0] : 0;
}

/* Whether the interface's feature @wanted is on. */
static bool feature_on(int fd, const char *name, const char *wanted)
{
	uint32_t n = count_features(fd, name), blocks = (n + 31) / 32;
	struct ethtool_gstrings *strings;
	struct ethtool_gfeatures *features;
	bool on = false;

	if (n == 0 || n > STRINGS_MAX)
		return false;
	strings = calloc(1, sizeof(*strings) + n * ETH_GSTRING_LEN);
	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (strings && features) {
		strings->cmd = ETHTOOL_GSTRINGS;
		strings->string_set = ETH_SS_FEATURES;
		strings->len = n;
		features->cmd = ETHTOOL_GFEATURES;
		features->size = blocks;
		if (ethtool(fd, name, strings) && ethtool(fd, name, features))
			for (uint32_t i = 0; i < n && i < strings->len; i++)
				on |= !strncmp((const char *)strings->data + i * ETH_GSTRING_LEN,
					       wanted, ETH_GSTRING_LEN) &&
				      features->features[i / 32].active & 1u << i % 32;
	}
	free(strings);
	free(features);
	return on;
}

static void read_device(uint32_t ifindex, struct xdp_ability *ability)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[IF_NAMESIZE];

	if (fd < 0)
		return;
	if (if_indextoname(ifindex, name)) {
		ability->device = ethtool(fd, name, &driver) && driver.bus_info[0];
		ability->joins =
			feature_on(fd, name, "rx-lro") || feature_on(fd, name, "rx-gro-hw");
	}
	close(fd);
}

void xdp_ability(uint32_t ifindex, struct xdp_ability *ability)
{
	const uint64_t receives = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT;
	uint64_t features = 0;

	memset(ability, 0, sizeof(*ability));
	ability->known = read_features(ifindex, &features);
	ability->receives = ability->known && (features & receives) == receives;
	ability->transmits = ability->known && features & NETDEV_XDP_ACT_NDO_XMIT;
	read_device(ifindex, ability);
}

bool xdp_worthwhile(const struct xdp_ability *ability)
{
	return ability->receives && ability->transmits && ability->device && !ability->joins;
}

uint32_t xdp_program(uint32_t ifindex)
{
	uint32_t id = 0;

	return bpf_xdp_query_id((int)ifindex, HOOK_FLAGS, &id) ? 0 : id;
}

void xdp_name(uint32_t id, char name[XDP_NAME_BYTES])
{
	int fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	struct bpf_prog_info info;
	uint32_t bytes = sizeof(info);

	name[0] = '\0';
	if (fd < 0)
		return;
	memset(&info, 0, sizeof(info));
	if (!bpf_obj_get_info_by_fd(fd, &info, &bytes))
		memcpy(name, info.name, XDP_NAME_BYTES);
	close(fd);
}

uint32_t xdp_ours(uint32_t ifindex, const char *wanted)
{
	uint32_t id = xdp_program(ifindex);
	char name[XDP_NAME_BYTES];
	bool found;

	xdp_name(id, name);
	found = wanted ? !strcmp(name, wanted)
		       : !strcmp(name, XDP_FORWARD_NAME) || !strcmp(name, XDP_RECEIVE_NAME);
	return found ? id : 0;
}

int xdp_attach(uint32_t ifindex, int program_fd, uint32_t replaced)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	uint32_t flags = HOOK_FLAGS | XDP_FLAGS_UPDATE_IF_NOEXIST;
	int old = replaced ? bpf_prog_get_fd_by_id(replaced) : -1, code;

	if (old >= 0) {
		opts.old_prog_fd = old;
		flags = HOOK_FLAGS | XDP_FLAGS_REPLACE;
	}
	code = bpf_xdp_attach((int)ifindex, program_fd, flags, old >= 0 ? &opts : NULL);
	if (old >= 0)
		close(old);
	return code;
}

void xdp_detach(uint32_t ifindex, uint32_t id)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return;
	opts.old_prog_fd = fd;
	bpf_xdp_detach((int)ifindex, HOOK_FLAGS | XDP_FLAGS_REPLACE, &opts);
	close(fd);
}
