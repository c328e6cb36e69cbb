/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/netlink/pair.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include "control/netlink/netlink.h"
#include "control/netlink/private.h"

static struct nl_msg *add_message(const char *name, const char *peer)
{
	struct rtnl_link *link = rtnl_link_veth_alloc();
	struct rtnl_link *other = link ? rtnl_link_veth_get_peer(link) : NULL;
	struct nl_msg *msg = NULL;

	if (!link || !other)
		goto out;
	rtnl_link_set_name(link, name);
	rtnl_link_set_group(link, KERNEL_PROTOCOL);
	rtnl_link_set_name(other, peer);
	rtnl_link_set_group(other, KERNEL_PROTOCOL);
	if (rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &msg) < 0)
		msg = NULL;
out:
	if (other)
		rtnl_link_put(other);
	if (link)
		rtnl_link_put(link);
	return msg;
}

int pair_del(struct kernel *kernel, const char *name)
{
	struct rtnl_link *link;
	struct nl_msg *msg = NULL;
	int code;

	if (!if_nametoindex(name))
		return 0;
	link = rtnl_link_alloc();
	if (!link)
		return -ENOMEM;
	rtnl_link_set_name(link, name);
	if (rtnl_link_build_delete_request(link, &msg) < 0)
		msg = NULL;
	rtnl_link_put(link);
	code = netlink_request(&kernel->netlink, msg);
	return code == -ENODEV ? 0 : code;
}

/* Only once both are there: an end without its other one cannot be up. */
static int set_up(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), code = 0;
	struct ifreq request = {.ifr_ifindex = 0};

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		code = -errno;
	request.ifr_flags |= IFF_UP;
	if (!code && ioctl(fd, SIOCSIFFLAGS, &request))
		code = -errno;
	close(fd);
	return code;
}

int pair_add(struct kernel *kernel, const char *name, const char *peer, struct kernel_error *error)
{
	int code = pair_del(kernel, name);

	if (!code)
		code = netlink_request(&kernel->netlink, add_message(name, peer));
	if (code)
		return kernel_fail(
			error, code, "cannot make the veth pair %s: %s; does the kernel have veth?",
			name, *kernel->netlink.text ? kernel->netlink.text : strerror(-code));
	code = set_up(name);
	if (!code)
		code = set_up(peer);
	if (!code)
		return 0;
	pair_del(kernel, name);
	return kernel_fail(error, code, "cannot set the veth pair %s up: %s", name,
			   strerror(-code));
}

int pair_end(const char *name, uint32_t *ifindex, struct mac *mac)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), code = 0;
	struct ifreq request = {.ifr_ifindex = 0};

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	*ifindex = if_nametoindex(name);
	if (!*ifindex || ioctl(fd, SIOCGIFHWADDR, &request))
		code = -errno;
	else
		memcpy(mac->b, request.ifr_hwaddr.sa_data, sizeof(mac->b));
	close(fd);
	return code;
}
